"""The abstract system: followed threads step as they do, the others as they have been seen to.

`docs/proofs-any-number.md` says why every step of every size has an image here. The names there are
those used here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
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
    Family,
    FamilyId,
    HolderFamily,
    Program,
    PropertyTerm,
    Template,
    Term,
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
from zdcheck.lower.crowd.context import (
    FOLLOWED,
    OTHER,
    REST,
    Cast,
    CrowdContext,
    Forgotten,
    Inputs,
)
from zdcheck.lower.crowd.counts import Counts
from zdcheck.lower.crowd.start import Beginning
from zdcheck.lower.crowd.unknown import Unknown
from zdcheck.lower.ground import Context, Facts, Key, Memory, NeedSplit
from zdcheck.lower.paths import Path, Paths
from zdcheck.lower.system import Grounding, Prefixed, Start, keys

SIZE = 3
"""Threads of an open family in the system that is made abstract: the followed one, the one that
steps among the others, and the one that stands for the rest."""

ALIVE = 1


@dataclass(frozen=True)
class _Draft:
    """A step of one thread before it is an action."""

    tests: tuple[Guard | Check, ...]
    updates: tuple[tuple[VarId, Expr], ...]
    edges: tuple[LockEdge, ...]


@dataclass(frozen=True)
class Place:
    """One place that can hold a count: whose it is, a thread's of an open family, objects' of open kinds."""

    thread: int | None
    objects: tuple[tuple[str, int], ...]
    holder: HolderFamily
    bounds: dict[int, int]

    @property
    def is_of_another(self) -> bool:
        """Whether it belongs to an object that is not followed."""
        return any(number != FOLLOWED for _, number in self.objects)


@dataclass(frozen=True)
class _Role:
    """The numbers of an open family's threads."""

    followed: int
    others: int
    acting: int


class Crowd(Grounding):
    """Makes the abstract system of one program for any number of threads of some families and objects of some kinds.

    `program` has `SIZE` threads and `OBJECTS` objects of each. Raises UsageError where the abstraction has no image for something.
    """

    def __init__(
        self,
        program: Program,
        counts: Counts,
        span: Span,
        open: tuple[str, ...],
        objects: frozenset[str],
        beginnings: tuple[Beginning, ...],
    ) -> None:
        super().__init__(program, span)
        self.counts = counts
        self.open = open
        self.objects = objects
        self.by_name = {family.name: family for family in program.families}
        self.counted_of = {counted.family: counted for counted in program.counted}
        starts = [self._start(beginning) for beginning in beginnings]
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
        initial: dict[State, None] = {}
        for start, beginning in zip(starts, beginnings, strict=True):
            (full,) = self._initial_states(
                [start], self.all_variables, self.all_threads, self.templates
            )
            initial[self._initial(full, beginning)] = None
        self.initial = tuple(initial)
        self.followed_actions = tuple(self._followed_actions())
        self.drafts: dict[tuple[int, LocalState], tuple[tuple[Path, _Draft], ...]] = {}

    # --- the beginning ------------------------------------------------------------------

    def _start(self, beginning: Beginning) -> Prefixed:
        """An initial state of the program that is made abstract: all objects of an open kind like the followed one.

        What they really have is unknown; this only says what never changes.
        """
        at = dict(beginning.values)
        values: dict[Key, int] = {}
        forgotten: dict[Key, int] = {}
        for family in self.program.families:
            for key in keys(family):
                index = tuple(
                    FOLLOWED if d.kind in self.objects else n
                    for d, n in zip(family.dimensions, key[1], strict=True)
                )
                value = at.get((family.name, index))
                if value is None:  # a local, or a count
                    last = key[1][-1] - family.dimensions[-1].low
                    value = family.initial[last if len(family.initial) > 1 else 0]
                (values if index == key[1] else forgotten)[key] = value
        try:
            begun = self._after_prefixes(Start(values))
        except KeyError:
            raise UsageError(
                "--any: not possible: what a thread does first depends on another object"
            ) from None
        return replace(begun, values={**begun.values, **forgotten})

    def _is_constant(self, family: Family, key: Key, starts: list[Prefixed]) -> bool:
        """A reference to an open kind is none: which object is meant depends on which one is followed."""
        is_open = family.type.kind == "ref" and family.type.of in self.objects
        return not is_open and super()._is_constant(family, key, starts)

    # --- variables ----------------------------------------------------------------------

    def _entries(self) -> dict[Key, VarId]:
        """The counts that are derived from their holders, with their variables in the full system."""
        found = {}
        for counted in self.program.counted:
            for key in keys(self.program.families[counted.family]):
                if self._is_of_another(key):
                    continue
                if isinstance(cell := self.full.cells[key], Var):
                    found[key] = cell.id
        return found

    def _is_of_another(self, key: Key) -> bool:
        """Whether a member belongs to an object that is not followed."""
        dimensions = self.program.families[key[0]].dimensions
        pairs = zip(dimensions, key[1], strict=True)
        return any(d.kind in self.objects and n != FOLLOWED for d, n in pairs)

    def _is_kept(self, variable: Variable) -> bool:
        objects = [n for kind, n in variable.index if kind in self.objects]
        return not self._threads_in(variable) & self.hidden and not any(objects)

    def _threads_in(self, variable: Variable) -> set[int]:
        return {number for kind, number in variable.index if kind in self.ranges}

    def _keep(self) -> None:
        """The variables of the abstract system: those of no forgotten thread, and how many tokens the others have."""
        counts = set(self.entries.values())
        kept = [v for v in self.all_variables if v.id not in counts and self._is_kept(v)]
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
        self.trails: dict[tuple[int, str], VarId] = {}
        leaders = {role.followed for role in self.roles}
        for thread in (t for t in self.all_threads if t.index in leaders):
            for kind, locals_ in sorted(self._designated(thread).items()):
                if locals_:
                    self.trails[thread.index, kind] = VarId(len(variables))
                    name = f"{thread.name} last looked at {kind}[{FOLLOWED}]"
                    variables.append(
                        Variable(VarId(len(variables)), name, BOOL, "ghost", name, (), thread.index)
                    )
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
        """The type with a name for all others of a family or kind."""
        if type.kind == "ref" and type.of in self.objects:
            return replace(type, high=OTHER, names=(type.names[0], f"another {type.of}"))
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
        own += [v for (thread, _), v in self.trails.items() if thread == role.followed]
        return View(
            self.open[number],
            role.followed,
            role.others,
            tuple(own),
            tuple(owners),
            tuple(around),
        )

    # --- the ledger ---------------------------------------------------------------------

    def _places(self, counted: FamilyId) -> Iterator[Place]:
        """Every place that can hold a count."""
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
                objects = tuple(
                    (over.bound.kind or "", value)
                    for over, value in zip(holder.over, values, strict=True)
                    if over.bound.kind in self.objects
                )
                yield Place(thread, objects, holder, bounds)

    def _tokens(self, key: Key, context: Context, wanted: Callable[[Place], bool]) -> Expr:
        """How many counts the wanted places hold."""
        parts = []
        for place in self._places(key[0]):
            if wanted(place):
                parts.append(self._holds(place, key, context))
        return g.add(*(part for part in parts if part != g.FALSE))

    def _holds(self, place: Place, key: Key, context: Context) -> Expr:
        """Whether the place holds one count of this object."""
        try:
            holds = context.expr(place.holder.condition, place.bounds)
            if holds == g.FALSE:
                return g.FALSE
            target = context.expr(place.holder.target, place.bounds)
        except (NeedSplit, Forgotten):
            name = self.program.families[place.holder.cell.family].name
            raise UsageError(
                f"--any: not possible: what `{name}` holds depends on another object"
            ) from None
        return g.and_(holds, context.known(g.eq(target, Const(key[1][0]))))

    def _is_kept_place(self, place: Place) -> bool:
        threads = {None, *(role.followed for role in self.roles)}
        return place.thread in threads and not place.is_of_another

    def _is_at_hand(self, place: Place, context: CrowdContext) -> bool:
        """Whether it is one of the others, but a step can see it: its thread steps, its object was looked at."""
        if self._is_kept_place(place):
            return False
        threads = {None, *(role.followed for role in self.roles), context.thread}
        return place.thread in threads and all(
            number <= context.met.get(kind, 0) for kind, number in place.objects
        )

    def _base_tokens(self, key: Key) -> Expr:
        """The counts held by what the abstraction keeps, as an expression over its variables."""
        memory = Memory(self.program.families, self.cells, [v.type for v in self.variables])
        context = CrowdContext(memory, cast=self._cast(None), inputs=Inputs([], 0))
        return self._tokens(key, context, self._is_kept_place)

    def _shared_by_holders(self) -> dict[Key, frozenset[VarId]]:
        """For each count, the kept variables on which it depends what a forgotten place holds.

        Raises UsageError if it depends on something that is not kept.
        """
        found: dict[Key, frozenset[VarId]] = {}
        for key in self.tokens:
            shared: set[VarId] = set()
            for place in self._places(key[0]):
                if self._is_kept_place(place):
                    continue
                for id in self._read_by_place(place):
                    if self._is_its_own(place, self.all_variables[id]):
                        continue
                    if id not in self.new_id:
                        name = self.program.families[place.holder.cell.family].name
                        raise UsageError(
                            f"--any: not possible: what `{name}` holds depends on "
                            f"`{self.all_variables[id].name}`"
                        )
                    shared.add(self.new_id[id])
            found[key] = frozenset(shared)
        return found

    def _is_its_own(self, place: Place, variable: Variable) -> bool:
        """Whether a variable is that of the forgotten thread or object to which a place belongs."""
        if place.thread is not None and place.thread in self._threads_in(variable):
            return True
        return any(pair in place.objects for pair in variable.index if pair[1] != FOLLOWED)

    def _read_by_place(self, place: Place) -> set[VarId]:
        """The variables of the full system on which it depends what a place holds."""
        context = Context(self.full)
        terms = (place.holder.condition, place.holder.target)
        return {id for term in terms for id in variables_of(context.expr(term, place.bounds))}

    def _left(self, key: Key, path: Path, before: Expr) -> tuple[Expr, list[Guard]]:
        """How many counts the others that a step does not see hold after it, with what is known of that number.

        It changes only if the step changes something on which it depends what they hold. Then it may be anything, but no
        more than before where no place can gain, and none where every place loses what it held.
        """
        context = path.context
        assert isinstance(context, CrowdContext)
        changed = {c.id for k in context.changed if isinstance(c := self.cells.get(k), Var)}
        of_all = any(
            n == REST
            for k in context.changed
            for d, n in zip(self.program.families[k[0]].dimensions, k[1], strict=True)
            if d.kind in self.objects
        )
        if key not in self.tokens or not (of_all or self.shared[key] & changed):
            return before, []
        places = [p for p in self._places(key[0]) if self._stands_for_all(p, context.thread)]
        contents = [list(self._each_content(key, context, place)) for place in places]
        if all(held == holds for each in contents for held, holds in each):
            return before, []
        gains = [g.and_(g.not_(held), holds) for each in contents for held, holds in each]
        keeps = [holds for each in contents for _, holds in each]
        number = context.inputs.fresh(Type("int", 0, self.counts.many))
        no_more = g.implies(g.not_(g.or_(*gains)), g.le(number, before))
        none = g.implies(g.not_(g.or_(*keeps)), g.eq(number, Const(0)))
        return number, [Guard(no_more), Guard(none)]

    def _stands_for_all(self, place: Place, acting: int | None) -> bool:
        """Whether a place is like all those of forgotten threads and objects that a step does not see."""
        if any(number not in (FOLLOWED, REST) for _, number in place.objects):
            return False
        if place.thread in {role.others for role in self.roles}:
            return True
        known = {None, acting, *(role.followed for role in self.roles)}
        return place.is_of_another and place.thread in known

    def _each_content(
        self, key: Key, context: CrowdContext, place: Place
    ) -> Iterator[tuple[Expr, Expr]]:
        """Whether the place holds a count before and after the step, for all contents of its own variables."""
        own = sorted(
            id
            for id in self._read_by_place(place)
            if self._is_its_own(place, self.all_variables[id])
        )
        places = [self._key_in_full(id) for id in own]
        types = [self._content(id) for id in own]
        inputs = [context.inputs.cell(k, type) for k, type in zip(places, types, strict=True)]
        memory = replace(
            context.memory, cells={**context.memory.cells, **dict(zip(places, inputs, strict=True))}
        )
        after = replace(context, memory=memory)
        held = self._holds(place, key, after.before())
        holds = self._holds(place, key, after)
        for values in product(*(range(t.low, t.high + 1) for t in types)):
            by: dict[VarId, Expr] = {
                var.id: Const(value) for var, value in zip(inputs, values, strict=True)
            }
            was, will_be = (
                decided(substitute(expr, by), context.memory.type_of) for expr in (held, holds)
            )
            yield was, will_be

    def _key_in_full(self, id: VarId) -> Key:
        variable = self.all_variables[id]
        return self.by_name[variable.family].id, tuple(n for _, n in variable.index)

    def _content(self, id: VarId) -> Type:
        type = self.all_variables[id].type
        is_open = type.kind == "ref" and type.of in self.objects
        return replace(type, high=OTHER) if is_open else type

    # --- states -------------------------------------------------------------------------

    def _initial(self, full: State, beginning: Beginning) -> State:
        state = [full[v.id] for v in self.kept]
        for key in self.tokens:
            place = self.program.families[key[0]].name, key[1]
            state.append(int(place in beginning.held))
        return (*state, *(1 for _ in self.trails), 0)

    # --- contexts -----------------------------------------------------------------------

    def _cast(self, acting: int | None, location: int = 0) -> Cast:
        """Who is known: the followed threads, and one more that steps."""
        places: dict[int, tuple[Expr, int]] = {
            index: (Var(t.pc), t.end) for index, t in self.known.items()
        }
        if acting is not None:
            places[acting] = (Const(location), self.all_threads[acting].end)
        return Cast(self.ranges, self.objects, self.hidden - {acting}, places)

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
        return self._crowd_context(memory, thread, facts, splits, cast, inputs), others

    def _crowd_context(
        self,
        memory: Memory,
        thread: int | None,
        facts: Facts,
        splits: bool,
        cast: Cast,
        inputs: Inputs,
    ) -> CrowdContext:
        counts = self.counts.open | self.counts.copies
        return CrowdContext(
            memory, thread, {}, facts, splits, cast, inputs, counts, self.counts.many
        )

    def _designated(self, thread: Thread) -> dict[str, tuple[Key, ...]]:
        """For each open kind, the thread's locals that point to such objects. One that does not matter is null."""
        found: dict[str, list[Key]] = {kind: [] for kind in self.objects}
        for family in self.program.families:
            is_mine = family.role == "local" and family.template == thread.family
            if is_mine and family.type.of in self.objects and len(family.dimensions) == 1:
                found[family.type.of].append((family.id, (thread.index,)))
        return {kind: tuple(keys) for kind, keys in found.items()}

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
                trails = {k: Var(v) for (t, k), v in self.trails.items() if t == index}
                cast = replace(self._cast(None), designated=self._designated(thread), trails=trails)
                context, others = self._context(index, cast, {}, splits=True)
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
        cast = context.cast
        if not path.never_ends:
            memory = context.memory
            updates = self._updates(path, thread, template, location, memory)
            updates = {v: self._outside(v, value) for v, value in updates.items()}
            for kind, trail in cast.trails.items():
                leads = context.designates(kind)
                if leads != trail:
                    assert isinstance(trail, Var)
                    updates[trail.id] = leads
            for key in self.entries:
                before = others.get(key, Const(0))
                left, known = self._others_after(key, path, before)
                tests += known
                if left != before:
                    updates[self.tokens[key]] = g.lt(Const(0), left)
                if left == before and not self._is_touched(key, path):
                    continue
                alive, count, total = self._after(key, path, left)
                judged = g.and_(alive, self._is_judged(key, context))
                name = self._name(self.program.families[key[0]], key[1])
                tests.append(_balance(judged, g.le(count, total), "reference_leak", name, path))
                tests.append(_balance(judged, g.le(total, count), "unbalanced_put", name, path))
                if judged != alive:
                    tests.append(Guard(g.implies(alive, g.eq(count, total))))
        yield from self._spelled_out(tests, updates, path, others)

    def _is_judged(self, key: Key, context: CrowdContext) -> Expr:
        """Whether it is judged here that a step keeps a count balanced: where its object is the followed one."""
        mine = {d.kind for d in self.program.families[key[0]].dimensions}
        return g.and_(*(context.designates(kind) for kind in sorted(self.objects - mine)))

    def _others_after(self, key: Key, path: Path, before: Expr) -> tuple[Expr, list[Guard]]:
        """How many counts all others hold after the step, with what is known of them before it."""
        context = path.context
        assert isinstance(context, CrowdContext)

        def is_at_hand(place: Place) -> bool:
            return self._is_at_hand(place, context)

        held = self._tokens(key, context.before(), is_at_hand)
        holds = self._tokens(key, context, is_at_hand)
        known = []
        if held == Const(1):
            known.append(Guard(g.eq(Var(self.tokens[key]), Const(1))))
        elif held != Const(0):
            known.append(Guard(g.le(held, before)))
        rest = g.add(before, g.sub(Const(0), held))
        left, more = self._left(key, path, rest)
        if held == holds and not more:
            return before, known
        return g.add(left, holds), [*known, *more]

    def _after(self, key: Key, path: Path, others: Expr) -> tuple[Expr, Expr, Expr]:
        """After the step: whether the object lives, its count, and what its holders make; both less a common part."""
        counted = self.counted_of[key[0]]
        context = path.context
        count = context.changed.get(key, context.memory.cells[key])
        held = self._tokens(key, context, self._is_kept_place)
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
        fields = {k[0] for k, value in changed.items() if before.memory.cells.get(k) != value}
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
        to_others: list[tuple[Key, Type]] = []
        for variable, value in zip(view.own[1:], local[1:], strict=False):
            if variable >= len(self.kept):
                continue
            key, type = self._key_of(variable, role), self.variables[variable].type
            more[key] = Const(value)
            if type.kind == "ref" and type.of in self.objects and value == OTHER:
                to_others.append((key, replace(type, low=OTHER)))
        owned = []
        for variable, owns in zip(view.owners, local[len(view.own) :], strict=True):
            if owns:
                more[self._key_of(variable, role)] = Const(role.acting)
                owned.append(variable)
        cast = self._cast(role.acting, location)
        context, others = self._context(role.acting, cast, more, splits=True)
        # Which of the others a reference leads to is not known: two of them may lead to two objects.
        context.memory.cells.update((key, context.inputs.fresh(type)) for key, type in to_others)
        # What two threads of the family have with each other is not known of this one.
        for key in list(context.memory.cells):
            threads = self._numbers(key)
            if (role.acting in threads and threads & (self.hidden - {role.acting})) or {
                role.acting,
                role.followed,
            } <= threads:
                del context.memory.cells[key]
        paths = Paths(
            template, self.rules[template.name], self.written, self.program.locks, role.acting
        )
        found = []
        for path in paths.from_stop(template.stops[location], context):
            if path.never_ends:
                continue  # it would be the followed thread that fails
            for draft in self._crowd_draft(path, role, owned, others):
                if draft.updates:
                    found.append((path, draft))
        return tuple(found)

    def _crowd_draft(
        self,
        path: Path,
        role: _Role,
        owned: list[VarId],
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
                value = _renamed(value, {role.acting: role.others})
            value = self._outside(kept.id, value)
            if value != kept:
                updates[kept.id] = value
        for key in self.entries:
            all: Expr = others.get(key, Const(0))
            left, known = self._others_after(key, path, all)
            tests += known
            if left != all:
                updates[self.tokens[key]] = g.lt(Const(0), left)
            if self._is_touched(key, path) or left != all:
                alive, count, total = self._after(key, path, left)
                tests.append(Guard(g.implies(alive, g.eq(count, total))))
        yield from self._spelled_out(tests, updates, path, others)

    def _outside(self, variable: VarId, value: Expr) -> Expr:
        """A value after the step, in which the others that it looked at are again all the same."""
        type = self.variables[variable].type
        if type.kind == "ref" and type.of in self.objects:
            return _renamed(value, dict.fromkeys(range(OTHER, REST + 1), OTHER))
        return value

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
        unknown = self._unknown(context.inputs, others)
        effects = [*updates.values(), *(edge.when for edge in path.edges)]
        tests = unknown.without_idle(tests, effects)
        used = unknown.in_(*(test.condition for test in tests), *effects)
        found: dict[_Draft, None] = {}
        for by in unknown.combinations(used):
            first: list[Guard | Check] = [*unknown.links(by)]
            draft = self._folded(first, tests, updates, path, by)
            if draft is not None:
                found[draft] = None
        yield from found

    def _unknown(self, inputs: Inputs, others: dict[Key, Var]) -> Unknown:
        linked = {var.id: self.tokens[key] for key, var in others.items()}
        return Unknown(inputs.types, inputs.first, linked, self._folding)

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
        return Abstraction(system, self.views, tuple(sorted(self.objects)))

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
                # What a thread last looked at does not change what it can do.
                trail = slice(len(view.own) - self._trails_in(view), len(view.own))
                alike = (*local[: trail.start], *(1,) * self._trails_in(view), *local[trail.stop :])
                if (number, alike) not in self.drafts:
                    self.drafts[number, alike] = self._crowd_drafts(number, alike)
                owned = local[len(view.own) :]
                for path, draft in self.drafts[number, alike]:
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

    def _trails_in(self, view: View) -> int:
        return sum(thread == view.followed for thread, _ in self.trails)

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
        objects = [b.type.of for b in prop.binders if b.type.of in self.objects]
        if len(kinds) > 1 and (len(set(kinds)) < len(kinds) or "thread" in kinds):
            raise UsageError(f"--any: not possible: `{prop.name}` is about two threads at once")
        if len(set(objects)) < len(objects):
            raise UsageError(f"--any: not possible: `{prop.name}` is about two objects at once")
        bindings: list[Binding] = []
        ranges = []
        for binder in prop.binders:
            hidden = self.hidden if binder.type.of in self.ranges else frozenset()
            high = FOLLOWED if binder.type.of in self.objects else binder.high
            ranges.append([v for v in range(binder.low, high + 1) if v not in hidden])
        for values in product(*ranges):
            bounds = {b.bound.number: v for b, v in zip(prop.binders, values, strict=True)}
            shown = tuple(
                (b.bound.name, b.type.show(v)) for b, v in zip(prop.binders, values, strict=True)
            )
            for term, span in prop.conjuncts:
                try:
                    condition = self._judged(term, bounds, frozenset(objects))
                except Forgotten as what:
                    raise UsageError(
                        f"--any: not possible: `{prop.name}` is about threads that the proof does not follow: {what}"
                    ) from None
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

    def _judged(self, term: Term, bounds: dict[int, int], chosen: frozenset[str]) -> Expr:
        """Whether a term is true, where the objects of the kinds in `chosen` and those it is about are followed."""
        first, others = self._context(None, self._cast(None), {}, splits=bool(self.objects))
        pending: list[tuple[CrowdContext, Expr]] = [(first, g.TRUE)]
        found = []
        while pending:
            context, so = pending.pop()
            try:
                condition, judged = context.judged_for(term, bounds, chosen)
            except NeedSplit as split:
                for case, value in context.cases(split.index):
                    branch = context.copy()
                    branch.decide(split.index, case, value)
                    pending.append((branch, g.and_(so, case)))
                continue
            condition = g.implies(g.and_(so, judged), condition)
            found.append(self._for_all_inputs(condition, context.inputs, others))
        return g.and_(*found)

    def _for_all_inputs(self, condition: Expr, inputs: Inputs, others: dict[Key, Var]) -> Expr:
        """Whether the condition is true whatever the unknown values are."""
        unknown = self._unknown(inputs, others)
        parts = []
        for by in unknown.combinations(unknown.in_(condition)):
            so = [link.condition for link in unknown.links(by)]
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
            if any(place.is_of_another for place in self._places(key[0])):
                continue  # objects go on holding
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
            if variable < len(self.kept)
        }
        context, _ = self._context(role.acting, self._cast(role.acting), more, splits=False)
        return self._tokens(key, context, lambda place: place.thread == role.acting) == Const(0)


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


def _renamed(value: Expr, names: Mapping[int, int]) -> Expr:
    """A thread or object that a variable points to, under the name that it has after the step."""
    match value:
        case Const(number):
            return Const(names.get(number, number))
        case g.Op("ite", (condition, then, otherwise)):
            return g.ite(condition, _renamed(then, names), _renamed(otherwise, names))
        case Var():
            return value
        case _:
            raise UsageError("--any: not possible: which thread or object is meant is computed")
