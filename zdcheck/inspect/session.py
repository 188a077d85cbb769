"""A walk through a system: a tree of states that only grows, and where in it one stands.

Going back never loses anything: another choice at an earlier state is another branch. Every
branch is a run that can be replayed and saved as a trace.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Literal

from zdcheck.base.diagnostics import UsageError
from zdcheck.engines.choose import complete
from zdcheck.engines.protocol import Found, Limits, Stopped
from zdcheck.inspect.opened import Opened, faults_at
from zdcheck.inspect.watch import condition_of
from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.expr import not_
from zdcheck.ir.pretty import expr_text
from zdcheck.ir.run import Fault, LockCycle, Run, Stuck
from zdcheck.ir.step import Blocked, Fails, Goes, Stepper, attempt
from zdcheck.ir.system import Action, Check, Property, State, System
from zdcheck.pipeline import Lowered
from zdcheck.trace.coverage import blind
from zdcheck.trace.history import ledger_line
from zdcheck.trace.model import LedgerLine, Trace
from zdcheck.trace.replay import replay
from zdcheck.trace.values import Values

MoveWord = Literal["enabled", "fails", "blocked", "ended"]


@dataclass(frozen=True, slots=True)
class Node:
    """A state in the tree. `action` led here from `parent`; both are None at a root.

    `failed` says that the action's own check failed: the state is the one before it, and
    the run ends.
    """

    number: int
    parent: int | None
    action: Action | None
    state: State
    depth: int
    failed: bool


@dataclass(frozen=True, slots=True)
class Move:
    """What a thread could do next. `why` is the guard that blocks it, or the violation it would be."""

    word: MoveWord
    thread: str
    text: str
    place: str
    choices: str
    why: str
    action: Action | None


@dataclass(frozen=True, slots=True)
class Shown:
    """One named thing of a state, and whether the last step changed it."""

    name: str
    value: str
    before: str

    @property
    def changed(self) -> bool:
        """Whether the last step changed it."""
        return self.value != self.before


@dataclass(frozen=True, slots=True)
class Truth:
    """Whether a property is true here; None for a `finally` before the end."""

    name: str
    kind: str
    holds: bool | None


@dataclass(frozen=True, slots=True)
class HandOver:
    """A step in which references of one object changed hands: who holds one now, who no longer."""

    step: int
    thread: str
    before: int
    after: int
    taken: tuple[str, ...]
    dropped: tuple[str, ...]


@dataclass
class Session:
    """Where one stands is `here`; `nodes` is the tree.

    `known` are faults that a run's last state does not show: going round for ever, cycles of locks.
    """

    lowered: Lowered
    nodes: list[Node] = field(default_factory=list)
    here: int = 0
    known: dict[Run, Fault] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.nodes:
            for state in self.system.initial_states:
                self.nodes.append(Node(len(self.nodes), None, None, state, 0, False))

    @staticmethod
    def of_trace(opened: Opened) -> Session:
        """A session whose first branch is the trace; it stands at its end."""
        return Session.of_run(opened.lowered, opened.run, opened.fault)

    @staticmethod
    def of_run(lowered: Lowered, run: Run, fault: Fault | None) -> Session:
        """A session whose first branch is the run, at the end of which it stands.

        The other runs of a cycle of locks are the next branches.
        """
        session = Session(lowered)
        if isinstance(fault, LockCycle):
            runs, classes = (run, *fault.others), fault.classes
            for n, one in enumerate(runs):
                turned = LockCycle((*classes[n:], *classes[:n]), (*runs[n + 1 :], *runs[:n]))
                session.known[one] = turned
                session._follow(one)
        elif isinstance(fault, Stuck):
            session.known[run] = fault
        session._follow(run)
        return session

    def _follow(self, run: Run) -> None:
        self.here = run.initial
        for id in run.actions:
            self.take(self.system.actions[id])

    @property
    def system(self) -> System:
        """What is walked."""
        return self.lowered.system

    @cached_property
    def values(self) -> Values:
        """The named things of a state."""
        return Values(self.system)

    @cached_property
    def _stepper(self) -> Stepper:
        return Stepper(self.system)

    @property
    def node(self) -> Node:
        """Where one stands."""
        return self.nodes[self.here]

    # --- going --------------------------------------------------------------------------

    def path(self, number: int | None = None) -> tuple[Node, ...]:
        """The nodes from the root to a node (by default where one stands)."""
        node = self.nodes[self.here if number is None else number]
        found = [node]
        while node.parent is not None:
            node = self.nodes[node.parent]
            found.append(node)
        return tuple(reversed(found))

    def children(self, number: int) -> tuple[Node, ...]:
        """The branches at a node, the oldest first."""
        return tuple(node for node in self.nodes if node.parent == number)

    def leaves(self) -> tuple[Node, ...]:
        """The ends of all branches, the oldest first."""
        parents = {node.parent for node in self.nodes}
        return tuple(node for node in self.nodes if node.number not in parents)

    def go(self, number: int) -> None:
        """Stand at a node. Raises UsageError if there is none of that number."""
        if not 0 <= number < len(self.nodes):
            raise UsageError(f"there is no state {number}")
        self.here = number

    def back(self) -> bool:
        """One step back; False at a root."""
        if self.node.parent is None:
            return False
        self.here = self.node.parent
        return True

    def take(self, action: Action) -> Node:
        """Go on with an action: along the branch that has it, or on a new one.

        Raises UsageError if it is not possible here.
        """
        for child in self.children(self.here):
            if child.action is not None and child.action.id == action.id:
                self.here = child.number
                return child
        if self.node.failed:
            raise UsageError("the run ends here: its last step failed")
        outcome = attempt(self.system, action, self.node.state)
        if isinstance(outcome, Blocked):
            raise UsageError(f"this step is not possible here: {action.text}")
        failed = isinstance(outcome, Fails)
        state = outcome.state if isinstance(outcome, Goes) else self.node.state
        number = len(self.nodes)
        self.nodes.append(Node(number, self.here, action, state, self.node.depth + 1, failed))
        self.here = number
        return self.node

    def wander(self, steps: int, seed: int) -> int:
        """So many random steps; how many there were before nothing was possible or a check failed."""
        rng = random.Random(seed)
        for taken in range(steps):
            possible = [] if self.node.failed else list(self._stepper.outcomes(self.node.state))
            if not possible:
                return taken
            action, _ = rng.choice(possible)
            self.take(action)
        return steps

    def find_violation(self, limits: Limits) -> Run | None:
        """Go on to the nearest violation; its run from here, or None if there is none.

        Raises UsageError if a limit was reached first.
        """
        return self._find(replace(self.system, progress=(), covers=()), limits)

    def find(self, condition: str, limits: Limits) -> Run | None:
        """Go on to the nearest state where a condition is true; None if there is none.

        Raises UsageError for a condition that is none, or if a limit was reached first.
        """
        system, goal = condition_of(self.lowered, condition)
        span = self.lowered.check.span
        wanted = Property("invariant", condition, "invariant", not_(goal), None, (), span)
        seeing = replace(blind(system, frozenset()), covers=(), progress=(), ledger=())
        return self._find(replace(seeing, properties=(wanted,)), limits)

    def _find(self, system: System, limits: Limits) -> Run | None:
        if self.node.failed:
            return None
        start = replace(system, initial_states=(self.node.state,))
        claim = complete(start).engine.solve(start, limits, lambda progress: None)
        if isinstance(claim, Stopped):
            raise UsageError(f"nothing found before the {claim.limit} limit")
        if not isinstance(claim, Found):
            return None
        for id in claim.run.actions:
            self.take(self.system.actions[id])
        return claim.run

    # --- looking ------------------------------------------------------------------------

    def moves(self) -> Iterator[Move]:
        """What each thread could do here, and what keeps it from the rest."""
        state = self.node.state
        for thread in self.system.threads:
            if state[thread.pc] == thread.end:
                yield Move("ended", thread.name, "", "", "", "it has ended", None)
                continue
            for action in self._stepper.candidates(state):
                if action.thread == thread.index:
                    yield self._move(thread.name, action)

    def _move(self, thread: str, action: Action) -> Move:
        outcome = attempt(self.system, action, self.node.state)
        word: MoveWord = "enabled"
        why = ""
        match outcome:
            case Blocked(test) if test is not None:
                word = "blocked"
                why = expr_text(self.system, action.tests[test].condition)
            case Fails(test):
                check = action.tests[test]
                assert isinstance(check, Check)
                word, why = "fails", f"{check.violation.id}: {check.violation.message}"
            case _:
                pass
        choices = ", ".join(f"{name} = {value}" for name, value in action.choices)
        text = " ".join(action.text.split())
        return Move(word, thread, text, str(action.span), choices, why, action)

    def shown(self) -> tuple[Shown, ...]:
        """The state, each thing with its value before the last step."""
        node = self.node
        before = node.state if node.parent is None else self.nodes[node.parent].state
        return tuple(
            Shown(item.name, item.show(node.state), item.show(before)) for item in self.values.items
        )

    def changed(self, node: Node) -> frozenset[str]:
        """The names of what the step that led to a node changed."""
        if node.parent is None:
            return frozenset()
        before = self.nodes[node.parent].state
        return frozenset(i.name for i in self.values.items if i.show(before) != i.show(node.state))

    def ledger(self) -> tuple[LedgerLine, ...]:
        """The counts of living objects, and who holds them."""
        node = self.node
        before = node.state if node.parent is None else self.nodes[node.parent].state
        return tuple(
            ledger_line(self.system, entry, before, node.state)
            for entry in self.system.ledger
            if evaluate(entry.alive, node.state)
        )

    def handovers(self, count: str, leaf: int) -> tuple[HandOver, ...]:
        """The steps of the branch to `leaf` that change a count or its holders."""
        entry = next(e for e in self.system.ledger if self.system.variables[e.count].name == count)
        found = []
        for one, other in pairwise(self.path(leaf)):
            was = ledger_line(self.system, entry, one.state, one.state)
            now = ledger_line(self.system, entry, one.state, other.state)
            taken = tuple((Counter(now.holders) - Counter(was.holders)).elements())
            dropped = tuple((Counter(was.holders) - Counter(now.holders)).elements())
            if was.value != now.value or taken or dropped:
                assert other.action is not None
                thread = self.system.threads[other.action.thread].name
                found.append(HandOver(other.depth, thread, was.value, now.value, taken, dropped))
        return tuple(found)

    def truths(self, state: State | None = None) -> tuple[Truth, ...]:
        """Which properties are true in a state (by default here)."""
        at = self.node.state if state is None else state
        ended = self.system.all_ended(at)
        return tuple(
            Truth(
                prop.name,
                prop.kind,
                None
                if prop.kind == "finally" and not ended
                else bool(evaluate(prop.condition, at)),
            )
            for prop in self.system.properties
        )

    # --- runs ---------------------------------------------------------------------------

    def run(self) -> Run:
        """The run from the root to where one stands."""
        path = self.path()
        return Run(path[0].number, tuple(node.action.id for node in path[1:] if node.action))

    def fault(self) -> Fault | None:
        """The first thing that is wrong where one stands."""
        run = self.run()
        return self.known.get(run) or next(faults_at(self.system, run), None)

    def trace(self) -> Trace:
        """The run to where one stands, as a trace that can be saved."""
        return replay(self.system, self.fault(), self.run(), self.lowered.origin)
