"""The abstract system: followed threads step as they do, the others as they have been seen to.

`docs/proofs-any-number.md` says why every step of every size has an image here. The names there are
those used here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import assert_never

from zdcheck.base.catalogue import is_violation
from zdcheck.base.diagnostics import UsageError
from zdcheck.base.source import Span
from zdcheck.ir import expr as g
from zdcheck.ir.crowd import Abstraction, LocalState, Seen, View
from zdcheck.ir.decide import decided
from zdcheck.ir.expr import BOOL, Const, Expr, Type, Var, VarId, variables_of
from zdcheck.ir.interval import interval
from zdcheck.ir.parametric import (
    FamilyId,
    HolderFamily,
    Program,
    PropertyTerm,
    Template,
    cells_of,
)
from zdcheck.ir.substitute import one_of, substitute
from zdcheck.ir.system import (
    Action,
    ActionId,
    Binding,
    Check,
    Guard,
    LockEdge,
    Property,
    State,
    Statement,
    StatementId,
    System,
    Thread,
    Variable,
    Violation,
)
from zdcheck.lower.crowd.context import Cast, CrowdContext, Forgotten, Inputs
from zdcheck.lower.crowd.counts import Counts
from zdcheck.lower.ground import Context, Facts, Key, Memory
from zdcheck.lower.paths import Path, Paths
from zdcheck.lower.system import Grounding, keys

SIZE = 3
"""Threads of an open family in the system that is made abstract: the followed one, the one that
steps among the others, and the one that stands for the rest."""

MOST_INPUTS = 4096
"""Combinations of unknown values in one step."""

ALIVE = 1


@dataclass(frozen=True)
class _Draft:
    """A step of one thread before it is an action."""

    tests: tuple[Guard | Check, ...]
    updates: tuple[tuple[VarId, Expr], ...]
    edges: tuple[LockEdge, ...]


@dataclass(frozen=True)
class _Role:
    """The numbers of an open family's threads."""

    followed: int
    others: int
    acting: int


class Crowd(Grounding):
    """Makes the abstract system of one program for any number of threads of some families.

    `program` has `SIZE` threads of each. Raises UsageError where the abstraction has no image for something.
    """

    def __init__(self, program: Program, counts: Counts, span: Span, open: tuple[str, ...]) -> None:
        super().__init__(program, span)
        self.counts = counts
        self.open = open
        self.by_name = {family.name: family for family in program.families}
        self.counted_of = {counted.family: counted for counted in program.counted}
        starts = [self._after_prefixes(start) for start in self._starts()]
        self.templates = self._templates(starts)
        self.full, self.all_variables, self.all_threads = self._memory(starts, self.templates)
        first = {name: self.templates[name].first for name in open}
        self.roles = tuple(_Role(first[n], first[n] + 1, first[n] + 2) for n in open)
        self.ranges = {t.name: range(t.first, t.first + t.size) for t in program.templates}
        self.ranges["thread"] = range(len(program.thread_names))
        self.hidden = frozenset(n for role in self.roles for n in (role.others, role.acting))
        self.entries = self._entries()
        self._keep()
        self.held = {key: self._base_tokens(key) for key in self.entries}
        self.shared = self._shared_by_holders()
        self.views = tuple(self._view(number) for number in range(len(open)))
        full_states = self._initial_states(
            starts, self.all_variables, self.all_threads, self.templates
        )
        self.initial = tuple(dict.fromkeys(self._initial(state) for state in full_states))
        self.followed_actions = tuple(self._followed_actions())
        self.drafts: dict[tuple[int, LocalState], tuple[tuple[Path, _Draft], ...]] = {}

    # --- variables ----------------------------------------------------------------------

    def _entries(self) -> dict[Key, VarId]:
        """The counts that are derived from their holders, with their variables in the full system."""
        found = {}
        for counted in self.program.counted:
            for key in keys(self.program.families[counted.family]):
                if isinstance(cell := self.full.cells[key], Var):
                    found[key] = cell.id
        return found

    def _threads_in(self, variable: Variable) -> set[int]:
        return {number for kind, number in variable.index if kind in self.ranges}

    def _keep(self) -> None:
        """The variables of the abstract system: those of no forgotten thread, and how many tokens the others have."""
        counts = set(self.entries.values())
        kept = [
            v
            for v in self.all_variables
            if v.id not in counts and not self._threads_in(v) & self.hidden
        ]
        self.new_id = {v.id: VarId(number) for number, v in enumerate(kept)}
        self.kept = kept
        variables = [replace(v, id=self.new_id[v.id], type=self._type(v.type)) for v in kept]
        self.tokens: dict[Key, VarId] = {}
        for key in self.entries:
            if key[0] not in self.counts.open:
                continue
            self.tokens[key] = VarId(len(variables))
            name = f"{self._name(self.program.families[key[0]], key[1])} held by others"
            variables.append(Variable(self.tokens[key], name, BOOL, "shared", name))
        self.crowd_pc = VarId(len(variables))
        followed = [t for t in self.all_threads if t.index not in self.hidden]
        self.position = {t.index: number for number, t in enumerate(followed)}
        self.crowd = len(followed)
        self.known = {
            t.index: replace(t, pc=self.new_id[t.pc]) for t in followed
        }  # under their own numbers
        self.threads = (
            *(replace(t, index=self.position[t.index]) for t in self.known.values()),
            Thread(
                self.crowd,
                "others",
                "others",
                0,
                True,
                "none",
                self.crowd_pc,
                1,
                (None, None),
            ),
        )
        # The others are always at the same place, and nobody has to prove that they are not at their end.
        place = Type("int", 0, 0)
        self.variables = (
            *(
                replace(v, index=(), thread=None if v.thread is None else self.position[v.thread])
                for v in variables
            ),
            Variable(self.crowd_pc, "the others.pc", place, "pc", "the others.pc", (), self.crowd),
        )
        self.cells: dict[Key, Expr] = {}
        for key, cell in self.full.cells.items():
            match cell:
                case Var(id):
                    if id in self.new_id:
                        self.cells[key] = Var(self.new_id[id])
                case _:
                    self.cells[key] = cell

    def _type(self, type: Type) -> Type:
        """The type with a name for all others of a family."""
        if not self._is_thread(type):
            return type
        names = list(type.names)
        for role, name in zip(self.roles, self.open, strict=True):
            for number in (role.others, role.acting):
                if 0 <= number - type.first < len(names):
                    names[number - type.first] = f"another {name}"
        return replace(type, names=tuple(names))

    def _is_thread(self, type: Type) -> bool:
        return type.kind == "ref" and type.of in self.ranges

    def _view(self, number: int) -> View:
        role = self.roles[number]
        own: list[VarId] = []
        owners: list[VarId] = []
        around: list[VarId] = []
        for old in self.kept:
            new = self.new_id[old.id]
            if role.followed in self._threads_in(old):
                own.append(new)
                continue
            around.append(new)
            if self._is_thread(old.type):
                owners.append(new)
        own.sort(key=lambda v: self.variables[v].role != "pc")
        return View(
            self.open[number],
            role.followed,
            role.others,
            tuple(own),
            tuple(owners),
            tuple(around),
        )

    # --- the ledger ---------------------------------------------------------------------

    def _places(
        self, counted: FamilyId
    ) -> Iterator[tuple[int | None, HolderFamily, dict[int, int]]]:
        """Every place that can hold a count, with the number of the open family's thread that it belongs to."""
        for holder in self.program.holders:
            if holder.counted != counted:
                continue
            is_open = self.program.families[holder.cell.family].template in self.open
            ranges = [range(over.low, over.high + 1) for over in holder.over]
            for values in product(*ranges):
                bounds = {o.bound.number: v for o, v in zip(holder.over, values, strict=True)}
                thread = None
                if is_open:
                    index = Context(self.full).expr(holder.cell.index[0], bounds)
                    assert isinstance(index, Const), "a local's first index is its thread"
                    thread = index.value
                yield thread, holder, bounds

    def _tokens(self, key: Key, context: Context, mine: frozenset[int | None]) -> Expr:
        """How many counts the places of these threads (None: all that are kept apart from them) hold."""
        parts = []
        for thread, holder, bounds in self._places(key[0]):
            if thread not in mine:
                continue
            holds = context.expr(holder.condition, bounds)
            if holds == g.FALSE:
                continue
            target = g.eq(context.expr(holder.target, bounds), Const(key[1][0]))
            parts.append(g.and_(holds, context.known(target)))
        return g.add(*parts)

    @property
    def _kept_places(self) -> frozenset[int | None]:
        return frozenset({None, *(role.followed for role in self.roles)})

    def _base_tokens(self, key: Key) -> Expr:
        """The counts held by what the abstraction keeps, as an expression over its variables."""
        memory = Memory(self.program.families, self.cells, [v.type for v in self.variables])
        context = CrowdContext(memory, cast=self._cast(None), inputs=Inputs([], 0))
        return self._tokens(key, context, self._kept_places)

    def _shared_by_holders(self) -> dict[Key, frozenset[VarId]]:
        """For each count, the kept variables on which it depends what a forgotten thread holds.

        Raises UsageError if it depends on something that is not kept.
        """
        found: dict[Key, frozenset[VarId]] = {}
        for key in self.tokens:
            shared: set[VarId] = set()
            for thread, holder, bounds in self._places(key[0]):
                for id in self._read_by_place(holder, bounds):
                    if thread in self._threads_in(self.all_variables[id]) or thread is None:
                        continue
                    if id not in self.new_id:
                        name = self.program.families[holder.cell.family].name
                        raise UsageError(
                            f"--any: not possible: what `{name}` holds depends on "
                            f"`{self.all_variables[id].name}`"
                        )
                    shared.add(self.new_id[id])
            found[key] = frozenset(shared)
        return found

    def _read_by_place(self, holder: HolderFamily, bounds: dict[int, int]) -> set[VarId]:
        """The variables of the full system on which it depends what a place holds."""
        context = Context(self.full)
        terms = (holder.condition, holder.target)
        return {id for term in terms for id in variables_of(context.expr(term, bounds))}

    def _left(self, key: Key, path: Path, before: Expr) -> tuple[Expr, list[Guard]]:
        """How many counts threads that do not step hold after the step, with what is known of that number.

        It changes only if the step changes something on which it depends what they hold. Then it may be anything, but no
        more than before where no place of a thread can gain.
        """
        changed = {c.id for k in path.context.changed if isinstance(c := self.cells.get(k), Var)}
        if key not in self.tokens or not self.shared[key] & changed:
            return before, []
        context = path.context
        assert isinstance(context, CrowdContext)
        number = context.inputs.fresh(Type("int", 0, self.counts.many))
        parts = []
        for thread, holder, bounds in self._places(key[0]):
            if thread not in {role.others for role in self.roles}:
                continue
            own = sorted(
                id
                for id in self._read_by_place(holder, bounds)
                if thread in self._threads_in(self.all_variables[id])
            )
            types = [self.all_variables[id].type for id in own]
            for values in product(*(range(t.low, t.high + 1) for t in types)):
                more = {
                    (self.by_name[v.family].id, tuple(n for _, n in v.index)): Const(value)
                    for id, value in zip(own, values, strict=True)
                    for v in (self.all_variables[id],)
                }
                parts.append(self._no_gain(key, context, more, holder, bounds))
        return number, [Guard(g.implies(g.and_(*parts), g.le(number, before)))]

    def _no_gain(
        self,
        key: Key,
        context: CrowdContext,
        more: dict[Key, Const],
        holder: HolderFamily,
        bounds: dict[int, int],
    ) -> Expr:
        """Whether a place with these contents does not begin to hold a count in the step."""
        memory = replace(context.memory, cells={**context.memory.cells, **more})
        held = []
        for changed in ({}, context.changed):
            here = CrowdContext(
                memory, context.thread, dict(changed), cast=context.cast, inputs=context.inputs
            )
            target = g.eq(here.expr(holder.target, bounds), Const(key[1][0]))
            held.append(g.and_(here.expr(holder.condition, bounds), target))
        return g.implies(held[1], held[0])

    # --- states -------------------------------------------------------------------------

    def _initial(self, full: State) -> State:
        state = [full[v.id] for v in self.kept]
        for key in self.entries:
            context = Context(self.full)
            everybody = frozenset({None, *self.ranges["thread"]})
            tokens = self._tokens(key, context, everybody)
            mine = self._tokens(key, context, everybody - self._kept_places)
            if self._value(mine, full):
                raise UsageError("--any: not possible: threads hold counts from the start on")
            counted = self.counted_of[key[0]]
            bias = context.expr(counted.bias, {counted.object.number: key[1][0]})
            if self._value(g.add(tokens, bias), full) != full[self.entries[key]]:
                raise UsageError("--any: not possible: the ledger is not balanced at first")
        state += [0] * (len(self.tokens) + 1)
        return tuple(state)

    def _value(self, expr: Expr, state: State) -> int:
        at = {VarId(v): Const(value) for v, value in enumerate(state)}
        found = substitute(expr, at)
        assert isinstance(found, Const)
        return found.value

    # --- contexts -----------------------------------------------------------------------

    def _cast(self, acting: int | None, location: int = 0) -> Cast:
        """Who is known: the followed threads, and one more that steps."""
        places: dict[int, tuple[Expr, int]] = {
            index: (Var(t.pc), t.end) for index, t in self.known.items()
        }
        if acting is not None:
            places[acting] = (Const(location), self.all_threads[acting].end)
        return Cast(self.ranges, self.hidden - {acting}, places)

    def _context(
        self,
        thread: int | None,
        cast: Cast,
        more: Mapping[Key, Expr],
        *,
        splits: bool,
    ) -> tuple[CrowdContext, dict[Key, Var]]:
        """A context over the abstract state, and the inputs that are the numbers of tokens others hold."""
        types = [v.type for v in self.variables]
        inputs = Inputs(types, len(types))
        cells = {**self.cells, **more}
        others: dict[Key, Var] = {}
        for key in self.entries:
            parts = [self.held[key]]
            if key in self.tokens:
                others[key] = inputs.fresh(Type("int", 0, self.counts.many))
                parts.append(others[key])
            cells[key] = self._alive_or_initial(key, g.add(self._bias(key), *parts))
        memory = Memory(self.program.families, cells, types)
        facts = Facts()
        acting = frozenset(role.acting for role in self.roles)
        for variable in self.variables:
            if self._is_thread(variable.type):
                facts.excluded[Var(variable.id)] = acting
        context = CrowdContext(memory, thread, {}, facts, splits, cast, inputs)
        return context, others

    def _counted(self, key: Key) -> tuple[Expr, Expr]:
        """Whether the count's object lives, and the part of the count without a holder, before the step."""
        counted = self.counted_of[key[0]]
        memory = Memory(self.program.families, self.cells, [v.type for v in self.variables])
        context = CrowdContext(memory, cast=self._cast(None))
        bias = context.expr(counted.bias, {counted.object.number: key[1][0]})
        alive = context.member((counted.alive, key[1]))
        return g.eq(alive, Const(ALIVE)), bias

    def _bias(self, key: Key) -> Expr:
        return self._counted(key)[1]

    def _alive_or_initial(self, key: Key, value: Expr) -> Expr:
        """A dead object's count is what it was declared with."""
        family = self.program.families[key[0]]
        last = key[1][-1] - family.dimensions[-1].low
        initial = family.initial[last if len(family.initial) > 1 else 0]
        return g.ite(self._counted(key)[0], value, Const(initial))

    # --- steps --------------------------------------------------------------------------

    def _followed_actions(self) -> Iterator[Action]:
        for index, thread in self.known.items():
            template = self.templates[thread.family]
            paths = Paths(
                template, self.rules[template.name], self.written, self.program.locks, index
            )
            for location, stop in enumerate(template.stops[:-1]):
                context, others = self._context(index, self._cast(None), {}, splits=True)
                for path in paths.from_stop(stop, context):
                    for draft in self._followed_drafts(path, thread, location, others):
                        yield self._as_action(
                            path, draft, template, location, self.position[index], location
                        )

    def _followed_drafts(
        self, path: Path, thread: Thread, location: int, others: dict[Key, Var]
    ) -> Iterator[_Draft]:
        """A step of a followed thread: all its checks, and that it keeps the ledger balanced."""
        template = self.templates[thread.family]
        tests = list(path.tests)
        updates: dict[VarId, Expr] = {}
        context = path.context
        assert isinstance(context, CrowdContext)
        if not path.never_ends:
            memory = context.memory
            updates = self._updates(path, thread, template, location, memory)
            for key in self.entries:
                before = others.get(key, Const(0))
                left, known = self._left(key, path, before)
                tests += known
                if left != before:
                    updates[self.tokens[key]] = g.lt(Const(0), left)
                if left == before and not self._is_touched(key, path):
                    continue
                alive, count, total = self._after(key, path, left)
                name = self._name(self.program.families[key[0]], key[1])
                tests.append(_balance(alive, g.le(count, total), "reference_leak", name, path))
                tests.append(_balance(alive, g.le(total, count), "unbalanced_put", name, path))
        yield from self._spelled_out(tests, updates, path, others)

    def _after(self, key: Key, path: Path, others: Expr) -> tuple[Expr, Expr, Expr]:
        """After the step: whether the object lives, its count, and what its holders make; both less a common part."""
        counted = self.counted_of[key[0]]
        context = path.context
        count = context.changed.get(key, context.memory.cells[key])
        held = self._tokens(key, context, self._kept_places)
        bias = context.expr(counted.bias, {counted.object.number: key[1][0]})
        alive_key = (counted.alive, key[1])
        alive = g.eq(context.member(alive_key), Const(ALIVE))
        if alive_key not in context.changed:
            count = _instead(count, context.memory.cells[key], self._sum(key, context))
        return alive, *_cancelled(count, g.add(bias, held, others))

    def _is_touched(self, key: Key, path: Path) -> bool:
        """Whether the count, its object's life or what is kept of its holders may change in the step."""
        changed = path.context.changed
        alive_key = (self.counted_of[key[0]].alive, key[1])
        return key in changed or alive_key in changed or self._touches_holders(key, path)

    def _sum(self, key: Key, context: Context) -> Expr:
        """The count before the step if the object lives then."""
        cell = context.memory.cells[key]
        return cell.args[1] if isinstance(cell, g.Op) and cell.op == "ite" else cell

    def _touches_holders(self, key: Key, path: Path) -> bool:
        """Whether a holder, or the bias, may have another value than before the step."""
        before = Context(path.context.memory, path.context.thread, {}, path.context.facts)
        changed = path.context.changed
        fields = {k[0] for k, value in changed.items() if before.memory.cells[k] != value}
        counted = self.counted_of[key[0]]
        terms = [counted.bias]
        for holder in self.program.holders:
            if holder.counted == key[0]:
                terms += [holder.condition, holder.target]
        return any(cell.family in fields for term in terms for cell in cells_of(term))

    def _crowd_drafts(self, number: int, local: LocalState) -> tuple[tuple[Path, _Draft], ...]:
        """The steps of one of the others, if it is in this local state."""
        role, view = self.roles[number], self.views[number]
        template = self.templates[view.family]
        location = local[0]
        if location == len(template.stops) - 1:
            return ()
        more: dict[Key, Expr] = {}
        for variable, value in zip(view.own[1:], local[1:], strict=False):
            more[self._key_of(variable, role)] = Const(value)
        owned = []
        for variable, owns in zip(view.owners, local[len(view.own) :], strict=True):
            if owns:
                more[self._key_of(variable, role)] = Const(role.acting)
                owned.append(variable)
        cast = self._cast(role.acting, location)
        context, others = self._context(role.acting, cast, more, splits=True)
        # What two threads of the family have with each other is not known of this one.
        for key in list(context.memory.cells):
            threads = self._numbers(key)
            if (role.acting in threads and threads & (self.hidden - {role.acting})) or {
                role.acting,
                role.followed,
            } <= threads:
                del context.memory.cells[key]
        before = {k: self._tokens(k, context, frozenset({role.acting})) for k in self.tokens}
        paths = Paths(
            template, self.rules[template.name], self.written, self.program.locks, role.acting
        )
        found = []
        for path in paths.from_stop(template.stops[location], context):
            if path.never_ends:
                continue  # it would be the followed thread that fails
            for draft in self._crowd_draft(path, role, owned, before, others):
                if draft.updates:
                    found.append((path, draft))
        return tuple(found)

    def _crowd_draft(
        self,
        path: Path,
        role: _Role,
        owned: list[VarId],
        before: dict[Key, Expr],
        others: dict[Key, Var],
    ) -> Iterator[_Draft]:
        """One step of one of the others. That nothing is wrong with it is assumed: it could be the followed one."""
        tests: list[Guard | Check] = [
            Guard(g.eq(Var(variable), Const(role.others))) for variable in owned
        ]
        tests += [Guard(test.condition) for test in path.tests]
        updates: dict[VarId, Expr] = {}
        for key, value in path.context.changed.items():
            kept = self.cells.get(key)
            if not isinstance(kept, Var):
                continue
            if self._is_thread(self.variables[kept.id].type):
                value = _renamed(value, role.acting, role.others)
            if value != kept:
                updates[kept.id] = value
        for key in self.entries:
            all: Expr = others.get(key, Const(0))
            left = all
            if key in self.tokens:
                mine = self._tokens(key, path.context, frozenset({role.acting}))
                if before[key] == Const(1):
                    tests.append(Guard(g.eq(Var(self.tokens[key]), Const(1))))
                elif before[key] != Const(0):
                    tests.append(Guard(g.le(before[key], all)))
                rest = g.add(all, g.sub(Const(0), before[key]))
                rest, known = self._left(key, path, rest)
                tests += known
                left = g.add(rest, mine)
                if mine == before[key] and not known:
                    left = all
                else:
                    updates[self.tokens[key]] = g.lt(Const(0), left)
            if self._is_touched(key, path) or left != all:
                alive, count, total = self._after(key, path, left)
                tests.append(Guard(g.implies(alive, g.eq(count, total))))
        yield from self._spelled_out(tests, updates, path, others)

    def _numbers(self, key: Key) -> set[int]:
        """The threads that a member belongs to."""
        dimensions = self.program.families[key[0]].dimensions
        return {i for d, i in zip(dimensions, key[1], strict=True) if d.kind in self.ranges}

    def _key_of(self, variable: VarId, role: _Role) -> Key:
        """The member that is to the acting thread what the variable is to the followed one."""
        old = self.kept[variable]
        family = self.by_name[old.family]
        index = tuple(
            role.acting if kind in self.ranges and value == role.followed else value
            for kind, value in old.index
        )
        return family.id, index

    # --- unknown values -----------------------------------------------------------------

    def _spelled_out(
        self,
        tests: list[Guard | Check],
        updates: dict[VarId, Expr],
        path: Path,
        others: dict[Key, Var],
    ) -> Iterator[_Draft]:
        """The step once for each combination of the unknown values that it depends on."""
        context = path.context
        assert isinstance(context, CrowdContext)
        inputs = context.inputs
        used: dict[VarId, None] = {}
        for expr in (*(t.condition for t in tests), *updates.values()):
            used.update(dict.fromkeys(v for v in variables_of(expr) if inputs.is_input(v)))
        linked = {var.id: self.tokens[key] for key, var in others.items()}
        ranges = [range(inputs.types[v].low, inputs.types[v].high + 1) for v in used]
        combinations = 1
        for values in ranges:
            combinations *= len(values)
        if combinations > MOST_INPUTS:
            raise UsageError("--any: not possible: one step depends on too much that is not known")
        found: dict[_Draft, None] = {}
        for chosen in product(*ranges):
            by: dict[VarId, Expr] = {v: Const(n) for v, n in zip(used, chosen, strict=True)}
            first: list[Guard | Check] = [
                Guard(g.eq(Var(linked[v]), Const(int(n > 0))))
                for v, n in zip(used, chosen, strict=True)
                if v in linked
            ]
            draft = self._folded(first, tests, updates, path, by)
            if draft is not None:
                found[draft] = None
        yield from found

    def _folded(
        self,
        first: list[Guard | Check],
        tests: list[Guard | Check],
        updates: dict[VarId, Expr],
        path: Path,
        by: dict[VarId, Expr],
    ) -> _Draft | None:
        """The step for these values; None if there is no such step, nor one that could fail before it is blocked."""
        kept = list(first)
        for test in tests:
            condition = self._folding(test.condition, by)
            if condition == g.TRUE:
                continue
            if (
                condition == g.FALSE
                and isinstance(test, Guard)
                and not any(isinstance(before, Check) for before in kept)
            ):
                return None
            if test.condition != condition:
                test = replace(test, condition=condition)
            kept.append(test)
            if condition == g.FALSE:
                return _Draft(tuple(kept), (), ())
        after = []
        for variable, value in updates.items():
            value = self._in_type(variable, self._folding(value, by))
            if value != Var(variable):
                after.append((variable, value))
        edges = [replace(edge, when=self._folding(edge.when, by)) for edge in path.edges]
        return _Draft(
            tuple(dict.fromkeys(kept)),
            tuple(sorted(after, key=lambda pair: pair[0])),
            tuple(edge for edge in edges if edge.when != g.FALSE),
        )

    def _folding(self, expr: Expr, by: Mapping[VarId, Expr]) -> Expr:
        return decided(substitute(expr, by), lambda v: self.variables[v].type)

    def _in_type(self, variable: VarId, value: Expr) -> Expr:
        """The value; if it was made from a count, the highest of its type stands for all that are higher."""
        if variable >= len(self.kept):
            return value
        old = self.kept[variable]
        family = self.by_name.get(old.family)
        if family is None or family.id not in self.counts.copies:
            return value
        low, high = interval(value, lambda v: self.variables[v].type)
        if high > old.type.high:
            highest = Const(old.type.high)
            value = g.ite(g.le(value, highest), value, highest)
        if low < old.type.low:
            value = g.ite(g.le(Const(old.type.low), value), value, Const(old.type.low))
        return value

    def _as_action(
        self, path: Path, draft: _Draft, template: Template, location: int, thread: int, at: int
    ) -> Action:
        updates = dict(draft.updates)
        reads = {v for test in draft.tests for v in variables_of(test.condition)}
        reads |= {v for value in updates.values() for v in variables_of(value)}
        reads |= {v for edge in draft.edges for v in variables_of(edge.when)}
        reads.add(self.threads[thread].pc)
        main = path.main or template.nodes[template.stops[location]]
        text = " ".join(main.span.text.split("\n", 1)[0].split())
        return Action(
            ActionId(0),
            thread,
            at,
            draft.tests,
            draft.updates,
            frozenset(reads),
            frozenset(updates),
            text,
            main.span,
            tuple(path.choices),
            frozenset(path.statements),
            (),
            draft.edges,
            frozenset(),
            main.via,
        )

    # --- the whole system ---------------------------------------------------------------

    def abstraction(self, seen: Seen) -> Abstraction:
        """The system in which the others do what was seen, in the company in which it was seen."""
        actions = [*self.followed_actions, *self._crowd_actions(seen), self._idle()]
        system = System(
            self.program.name,
            self.variables,
            (),
            self.threads,
            self.initial,
            tuple(replace(action, id=ActionId(n)) for n, action in enumerate(actions)),
            (),
            tuple(self._abstract_property(p, seen) for p in self._of_kind("invariant", "finally")),
            (),
            tuple(
                Statement(StatementId(number), family, span)
                for number, (family, span) in enumerate(self.program.statements)
            ),
        )
        return Abstraction(system, self.views)

    def _idle(self) -> Action:
        """The others can always do something that nobody sees, so no state here is a deadlock."""
        return Action(
            ActionId(0),
            self.crowd,
            0,
            (),
            (),
            frozenset({self.crowd_pc}),
            frozenset(),
            "",
            self.span,
        )

    def _crowd_actions(self, seen: Seen) -> Iterator[Action]:
        for number, locals_ in enumerate(seen):
            view = self.views[number]
            groups: dict[
                tuple[int, tuple[int, ...], _Draft], tuple[Path, dict[VarId, set[int]]]
            ] = {}
            for local, company in locals_.items():
                if (number, local) not in self.drafts:
                    self.drafts[number, local] = self._crowd_drafts(number, local)
                owned = local[len(view.own) :]
                for path, draft in self.drafts[number, local]:
                    _, together = groups.setdefault((local[0], owned, draft), (path, {}))
                    for variable, values in company.items():
                        together.setdefault(variable, set()).update(values)
            template = self.templates[view.family]
            for (location, owned, draft), (path, together) in groups.items():
                mine = {v for v, owns in zip(view.owners, owned, strict=True) if owns}
                guards = [
                    Guard(condition)
                    for variable, values in together.items()
                    if variable not in mine
                    and (condition := self._in_company(view, variable, values)) != g.TRUE
                ]
                yield self._as_action(
                    path,
                    replace(draft, tests=(*guards, *draft.tests), edges=()),
                    template,
                    location,
                    self.crowd,
                    0,
                )

    def _in_company(self, view: View, variable: VarId, values: set[int]) -> Expr:
        """Whether the variable has a value that a thread among the others has been seen with."""
        type = self.variables[variable].type
        allowed = frozenset(
            value
            for value in range(type.low, type.high + 1)
            if (view.seen_by_another(value) if variable in view.owners else value) in values
        )
        return one_of(Var(variable), allowed, type)

    # --- properties ---------------------------------------------------------------------

    def _abstract_property(self, prop: PropertyTerm, seen: Seen) -> Property:
        """The property of the followed threads; of a state in which some value makes it false, it is false."""
        kinds = [b.type.of for b in prop.binders if b.type.of in self.ranges]
        if len(kinds) > 1 and (len(set(kinds)) < len(kinds) or "thread" in kinds):
            raise UsageError(f"--any: not possible: `{prop.name}` is about two threads at once")
        bindings: list[Binding] = []
        ranges = []
        for binder in prop.binders:
            hidden = self.hidden if binder.type.of in self.ranges else frozenset()
            ranges.append([v for v in range(binder.low, binder.high + 1) if v not in hidden])
        for values in product(*ranges):
            bounds = {b.bound.number: v for b, v in zip(prop.binders, values, strict=True)}
            shown = tuple(
                (b.bound.name, b.type.show(v)) for b, v in zip(prop.binders, values, strict=True)
            )
            for term, span in prop.conjuncts:
                context, others = self._context(None, self._cast(None), {}, splits=False)
                try:
                    condition = context.expr(term, bounds)
                except Forgotten as what:
                    raise UsageError(
                        f"--any: not possible: `{prop.name}` is about threads that the proof does not follow: {what}"
                    ) from None
                condition = self._for_all_inputs(condition, context.inputs, others)
                if condition != g.TRUE:
                    bindings.append(Binding(shown, condition, span))
        condition = g.and_(*(binding.condition for binding in bindings))
        if prop.kind == "finally":
            condition = g.or_(condition, *self._some_cannot_have_ended(seen))
        match prop.kind:
            case "invariant" | "finally" as kind:
                id = prop.name if is_violation(prop.name) else kind
                return Property(kind, prop.name, id, condition, None, tuple(bindings), prop.span)
            case "cover":
                raise AssertionError("a cover is no property of an abstraction")
            case other:
                assert_never(other)

    def _for_all_inputs(self, condition: Expr, inputs: Inputs, others: dict[Key, Var]) -> Expr:
        """Whether the condition is true whatever the unknown values are."""
        used = [v for v in dict.fromkeys(variables_of(condition)) if inputs.is_input(v)]
        linked = {var.id: self.tokens[key] for key, var in others.items()}
        ranges = [range(inputs.types[v].low, inputs.types[v].high + 1) for v in used]
        parts = []
        for chosen in product(*ranges):
            by: dict[VarId, Expr] = {v: Const(n) for v, n in zip(used, chosen, strict=True)}
            so = [
                g.eq(Var(linked[v]), Const(int(n > 0)))
                for v, n in zip(used, chosen, strict=True)
                if v in linked
            ]
            parts.append(g.implies(g.and_(*so), self._folding(condition, by)))
        return g.and_(*parts)

    def _some_cannot_have_ended(self, seen: Seen) -> Iterator[Expr]:
        """What is only so while some thread of an open family has not ended; nothing for daemons."""
        if any(self.templates[name].daemon for name in self.open):
            return
        at_end: list[tuple[int, LocalState]] = []
        for number, locals_ in enumerate(seen):
            end = len(self.templates[self.open[number]].stops) - 1
            at_end += [(number, local) for local in locals_ if local[0] == end]
        for key, tokens in self.tokens.items():
            if all(self._holds_nothing(number, local, key) for number, local in at_end):
                yield g.eq(Var(tokens), Const(1))
        for number, view in enumerate(self.views):
            for place, owner in enumerate(view.owners):
                owns = (local[len(view.own) + place] for n, local in at_end if n == number)
                if not any(owns):
                    yield g.eq(Var(owner), Const(view.others))

    def _holds_nothing(self, number: int, local: LocalState, key: Key) -> bool:
        role, view = self.roles[number], self.views[number]
        more: dict[Key, Expr] = {
            self._key_of(variable, role): Const(value)
            for variable, value in zip(view.own[1:], local[1:], strict=False)
        }
        context, _ = self._context(role.acting, self._cast(role.acting), more, splits=False)
        return self._tokens(key, context, frozenset({role.acting})) == Const(0)


def _balance(alive: Expr, holds: Expr, id: str, name: str, path: Path) -> Check:
    what = "has more counts than holders" if id == "reference_leak" else "has fewer than holders"
    assert path.main is not None
    return Check(g.implies(alive, holds), Violation(id, f"`{name}` {what}", path.main.span))


def _instead(count: Expr, cell: Expr, sum: Expr) -> Expr:
    """`count` with `sum` for `cell`, if it is that or that and something more."""
    match count:
        case _ if count == cell:
            return sum
        case g.Op("add", args) if cell in args:
            return g.add(*(sum if arg == cell else arg for arg in args))
        case _:
            return count


def _cancelled(a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """Two sums without what stands in both: most steps keep a count balanced however large it is."""
    left, right = _parts(a), _parts(b)
    common = left & right
    return g.add(*(left - common).elements()), g.add(*(right - common).elements())


def _parts(sum: Expr) -> Counter[Expr]:
    return Counter(sum.args if isinstance(sum, g.Op) and sum.op == "add" else (sum,))


def _renamed(value: Expr, acting: int, others: int) -> Expr:
    """A thread that a variable points to, where the acting one is again one of the others."""
    match value:
        case Const(number):
            return Const(others) if number == acting else value
        case g.Op("ite", (condition, then, otherwise)):
            return g.ite(
                condition, _renamed(then, acting, others), _renamed(otherwise, acting, others)
            )
        case Var():
            return value
        case _:
            raise UsageError("--any: not possible: which thread owns a lock is computed")
