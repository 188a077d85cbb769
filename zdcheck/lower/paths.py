"""Steps as actions: every way through the code from one stop to the next, for one thread.

A path is executed symbolically over the state before the step. Where it branches, each branch
becomes an action of its own with the condition as a guard; where a place depends on the state
(which page does `pin` point to?) there is one action for each value. So the updates of an action are to
fixed variables, and its read and write sets say exactly which object it touches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import assert_never

from zdcheck.ir import expr as g
from zdcheck.ir.expr import Const, Expr
from zdcheck.ir.parametric import (
    Assignment,
    Choose,
    Do,
    End,
    FamilyId,
    Fork,
    LockClass,
    Node,
    NodeId,
    Requirement,
    Template,
    Test,
    Touch,
)
from zdcheck.ir.system import Check, Guard, LockEdge, StatementId
from zdcheck.lower.ground import Context, Key, NeedSplit
from zdcheck.lower.instance import spec_error
from zdcheck.lower.steps import Shape, is_step_end, successors, updates_of

MAX_PATHS = 20_000
"""Ways through the code of one step; more is a spec that wants smaller steps."""

MAX_LENGTH = 20_000
"""Instructions of one step; an atomic loop that is longer does not end."""


@dataclass
class Path:
    """A way through the code so far.

    `target` is where the thread stands afterwards, once the path is complete: the node it came to, if its last
    test is never met.
    """

    node: NodeId
    context: Context
    tests: list[Guard | Check] = field(default_factory=list)
    choices: list[tuple[str, str]] = field(default_factory=list)
    statements: set[StatementId] = field(default_factory=set)
    touches: list[Touch] = field(default_factory=list)
    edges: list[LockEdge] = field(default_factory=list)
    stores: set[Key] = field(default_factory=set)
    accessed: bool = False
    length: int = 0
    main: Node | None = None
    target: NodeId | None = None
    fences: bool = False

    @property
    def never_ends(self) -> bool:
        """Whether a step this way can only fail: its last test is false whatever the state."""
        return bool(self.tests) and self.tests[-1].condition == g.FALSE

    def fork(self) -> Path:
        """An independent copy."""
        return Path(
            self.node,
            self.context.copy(),
            list(self.tests),
            list(self.choices),
            set(self.statements),
            list(self.touches),
            list(self.edges),
            set(self.stores),
            self.accessed,
            self.length,
            self.main,
            self.target,
            self.fences,
        )


class _Blocked(Exception):
    """A guard is false whatever the state: nobody gets past it, but a check before it may still fail."""


class _Failed(Exception):
    """A check is false whatever the state: the path ends here."""


class Paths:
    """The paths of one thread (`thread` None: of the init blocks)."""

    def __init__(
        self,
        template: Template,
        rules: Shape,
        mutable: set[FamilyId],
        locks: tuple[LockClass, ...],
        thread: int | None,
    ) -> None:
        self.template = template
        self.rules = rules
        self.mutable = mutable
        self.locks = locks
        self.thread = thread

    def from_stop(self, start: NodeId, context: Context) -> Iterator[Path]:
        """All complete paths of a step that begins at `start`."""
        yield from self._run(Path(start, context))

    def prefix(self, context: Context) -> Path:
        """The local work before a thread's first stop, in a state that is all constant."""
        path = Path(self.template.entry, context)
        while not self._is_first_stop(path.node):
            node = self.template.nodes[path.node]
            if isinstance(node.instruction, End):
                break
            (after,) = self._execute(path, node)
            if after.target is not None:  # a check that always fails: the first step will say so
                break
            (after.node,) = self._after(after, node)
            path = after
            self._count(path, node)
        return path

    def _is_first_stop(self, node: NodeId) -> bool:
        return (
            node in self.rules.stops or node in self.rules.cuts or self.template.nodes[node].walks
        )

    def _run(self, first: Path) -> Iterator[Path]:
        pending = [first]
        finished = 0
        while pending:
            path = pending.pop()
            if path.target is not None:
                finished += 1
                yield path
                continue
            try:
                pending.extend(reversed(self._advance(path)))
            except NeedSplit as split:
                pending.extend(reversed(self._split(path, split)))
            if finished + len(pending) > MAX_PATHS:
                raise spec_error(
                    "step_too_large",
                    f"one step of `{self.template.name}` has more than {MAX_PATHS} ways through it",
                    self.template.nodes[first.node].span,
                    "split the `atomic` block, or choose in smaller steps",
                )

    def _split(self, path: Path, split: NeedSplit) -> list[Path]:
        """One path for each value that decides which variable is meant.

        The node runs again in each of them, so the values are those possible before it: what its
        own checks would exclude (null, say) is a path too, and fails there.
        """
        branches = []
        for condition, value in path.context.cases(split.index):
            branch = path.fork()
            branch.tests.append(Guard(condition))
            branch.context.decide(split.index, condition, value)
            branches.append(branch)
        return branches

    def _advance(self, path: Path) -> list[Path]:
        """Run one node; the paths that come of it."""
        node = self.template.nodes[path.node]
        following: list[Path] = []
        for branch in self._execute(path, node):
            if branch.target is not None:
                following.append(branch)
                continue
            self._count(branch, node)
            for after in self._after(branch, node):
                onward = branch.fork()
                onward.node = after
                if is_step_end(self.template, self.rules, node, after, onward.accessed):
                    onward.target = after
                following.append(onward)
        return following

    def _count(self, path: Path, node: Node) -> None:
        path.length += 1
        if path.length > MAX_LENGTH:
            raise spec_error(
                "endless_step",
                f"a step of `{self.template.name}` runs more than {MAX_LENGTH} instructions",
                node.span,
                "a loop inside `atomic` must end by itself",
            )

    # --- one node -----------------------------------------------------------------------

    def _execute(self, before: Path, node: Node) -> list[Path]:
        """The paths after a node's own work (more than one for a test or a choice)."""
        path = before.fork()
        self._note(path, node)
        try:
            for requirement in node.requirements:
                self._require(path, requirement)
            for term in node.concretize:
                value = path.context.expr(term)
                if not isinstance(value, Const):
                    raise NeedSplit(value)
            return self._instruction(path, node)
        except _Failed:
            path.target = node.id
            return [path]
        except _Blocked:
            return self._what_may_fail(path, node)

    def _instruction(self, path: Path, node: Node) -> list[Path]:
        match node.instruction:
            case Do(guard, updates):
                self._guard(path, path.context.expr(guard))
                self._edges(path, node)
                self._update(path, updates, {}, node)
                return [path]
            case Test(condition, binds):
                return self._test(path, path.context.expr(condition), binds, node)
            case Choose():
                return self._choices(path, node.instruction, node)
            case Fork() | End():
                return [path]
            case _:
                assert_never(node.instruction)

    def _what_may_fail(self, path: Path, node: Node) -> list[Path]:
        """What is left of a path that is blocked here: its checks, which come first."""
        checks = [n for n, test in enumerate(path.tests) if isinstance(test, Check)]
        if not checks:
            return []
        path.tests[checks[-1] + 1 :] = [Guard(g.FALSE)]
        path.target = node.id
        return [path]

    def _note(self, path: Path, node: Node) -> None:
        """What the step does at this node, for reports."""
        if node.statement is not None:
            path.statements.add(node.statement)
        if node.ghost:
            return
        shared = node.id in self.rules.shared
        touches = [touch for touch in node.touches if touch.family in self.mutable]
        path.touches += touches
        path.fences = path.fences or node.fence
        weight = self._weight(node)
        if path.main is None or weight > self._weight(path.main):
            path.main = node
        path.accessed = path.accessed or shared

    def _weight(self, node: Node) -> int:
        """How much a node says about its step: a shared write most, then any access."""
        if node.ghost:
            return 0
        if any(update.cell.family in self.mutable for update in updates_of(node)):
            shared = any(t.mode == "write" and t.family in self.mutable for t in node.touches)
            if shared:
                return 3
        if node.waits or any(touch.family in self.mutable for touch in node.touches):
            return 2
        return 1 if node.statement is not None else 0

    def _require(self, path: Path, requirement: Requirement) -> None:
        condition, judged = path.context.judged(requirement.condition)
        if judged != g.FALSE and condition != g.TRUE:
            path.tests.append(Check(g.implies(judged, condition), requirement.violation))
            if condition == g.FALSE and judged == g.TRUE:
                raise _Failed
        self._guard_if_not(path, judged, condition)

    def _guard_if_not(self, path: Path, judged: Expr, condition: Expr) -> None:
        """What holds after a requirement: a run that breaks it has ended, here or where it is judged."""
        if judged == g.TRUE:
            if condition != g.TRUE:
                path.context.facts.learn(condition)
        else:
            self._guard(path, condition)

    def _guard(self, path: Path, condition: Expr) -> None:
        if condition == g.TRUE:
            return
        if condition == g.FALSE:
            raise _Blocked
        path.tests.append(Guard(condition))
        path.context.facts.learn(condition)

    def _test(
        self, path: Path, condition: Expr, binds: tuple[Assignment, ...], node: Node
    ) -> list[Path]:
        found: list[Path] = []
        if condition != g.FALSE:
            then = path.fork()
            self._guard(then, condition)
            self._update(then, binds, {}, node)
            then.node = node.successors[0]
            found.append(then)
        if condition != g.TRUE:
            otherwise = path.fork()
            self._guard(otherwise, g.not_(condition))
            otherwise.node = node.successors[1]
            found.append(otherwise)
        return found

    def _after(self, path: Path, node: Node) -> tuple[NodeId, ...]:
        """Where control goes from here."""
        return (path.node,) if isinstance(node.instruction, Test) else successors(node)

    def _choices(self, path: Path, choose: Choose, node: Node) -> list[Path]:
        found: list[Path] = []
        for value in range(choose.low, choose.high + 1):
            branch = path.fork()
            if not branch.context.admits(choose.bound.kind, value):
                continue
            bounds = {choose.bound.number: value}
            try:
                self._guard(branch, branch.context.expr(choose.where, bounds))
            except _Blocked:
                continue
            branch.choices.append((choose.bound.name, choose.type.show(value)))
            self._update(branch, choose.updates, bounds, node)
            found.append(branch)
        if not found:
            raise _Blocked
        return found

    def _update(
        self, path: Path, updates: tuple[Assignment, ...], bounds: dict[int, int], node: Node
    ) -> None:
        """Make updates simultaneously: all values are taken before any is stored."""
        context = path.context
        new: dict[Key, Expr] = {}
        for update in updates:
            ranges = [context.members(o.bound.kind, range(o.low, o.high + 1)) for o in update.over]
            for values in product(*ranges):
                numbers = (over.bound.number for over in update.over)
                inner = {**bounds, **dict(zip(numbers, values, strict=True))}
                key = context.key(update.cell, inner)
                if key is not None:
                    new[key] = context.expr(update.value, inner)
        context.changed.update(new)
        for cell in node.stores:
            key = context.key(cell, bounds)
            if key is not None:
                path.stores.add(key)

    def _edges(self, path: Path, node: Node) -> None:
        """Which lock classes are held when this node takes one."""
        if node.takes is None or self.thread is None:
            return
        for lock in self.locks:
            if lock.name == node.takes:
                continue
            held = self._held(path.context, lock)
            if held != g.FALSE:
                path.edges.append(LockEdge(lock.name, node.takes, held))

    def _held(self, context: Context, lock: LockClass) -> Expr:
        """Whether this thread holds a lock of the class."""
        assert self.thread is not None
        me = self.thread
        parts: list[Expr] = []
        dimensions = context.memory.families[lock.owner].dimensions
        for index in product(*(context.judged_members(d.kind, d.values) for d in dimensions)):
            owner = context.member((lock.owner, index))
            parts.append(context.known(g.eq(owner, Const(me))))
            if lock.readers is not None:
                parts.append(context.member((lock.readers, (*index, me))))
        return g.or_(*parts)
