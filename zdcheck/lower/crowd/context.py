"""Terms where some threads and objects are forgotten: nobody knows what their cells have.

An object of an open kind is the one that is followed, or one of the others. A step that looks at one of the
others gives it a number for as long as it lasts, so that it can look twice; what it finds there is an
unknown value. `docs/proofs-any-number.md` has the argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from zdcheck.base.diagnostics import UsageError
from zdcheck.ir import expr as g
from zdcheck.ir.expr import NULL, Const, Expr, Select, Type, Var, VarId
from zdcheck.ir.parametric import Bound, Cell, Each, FamilyId, Term
from zdcheck.ir.substitute import substitute
from zdcheck.lower.crowd.judging import designators, instantiated
from zdcheck.lower.ground import Context, Key, NeedSplit, spelled_out

FOLLOWED = 0
"""The number of the followed object of an open kind, everywhere."""

OTHER = 1
"""In a state, a reference to any object that is not followed; in a step, the first of them that it looks at."""

LAST = 3
"""The last number for another object that a step looks at."""

REST = 4
"""In a step, the number for all objects that it does not look at."""

OBJECTS = 5
"""Objects of an open kind in the program that is made abstract."""


class Forgotten(UsageError):
    """A value was asked for that the abstraction does not have."""


@dataclass(frozen=True)
class Cast:
    """Who takes part: thread kinds by name with their numbers, open object kinds, and whom nothing is known about.

    `places` are the locations of the known threads, with their ends. Of `forgotten` threads there may be any number,
    none included, for each number here. `designated` are, for each open object kind, the stepping thread's locals that
    point to such objects; `trails` say whether the last one to which they did is the followed one.
    """

    ranges: Mapping[str, range]
    objects: frozenset[str]
    forgotten: frozenset[int]
    places: Mapping[int, tuple[Expr, int]]
    designated: Mapping[str, tuple[Key, ...]] = field(default_factory=dict)
    trails: Mapping[str, Expr] = field(default_factory=dict)

    def is_thread_kind(self, kind: str | None) -> bool:
        """Whether a kind's members are threads."""
        return kind in self.ranges

    def is_open(self, kind: str | None) -> bool:
        """Whether a kind's members are objects of any number."""
        return kind in self.objects


@dataclass
class Inputs:
    """Variables that a step may find with any value: numbered from behind those of the state.

    `cells` are those that stand for a forgotten object's cell before the step.
    """

    types: list[Type]
    first: int
    cells: dict[Key, Var] = field(default_factory=dict)

    def fresh(self, type: Type) -> Var:
        """One more."""
        self.types.append(type)
        return Var(VarId(len(self.types) - 1))

    def cell(self, key: Key, type: Type) -> Var:
        """The one that stands for a cell."""
        if key not in self.cells:
            self.cells[key] = self.fresh(type)
        return self.cells[key]

    def is_input(self, id: VarId) -> bool:
        """Whether it is one of these."""
        return id >= self.first


@dataclass
class CrowdContext(Context):
    """A context in which cells of forgotten threads and objects have no value; `memory.cells` lacks them.

    `counts` are families without an upper bound, all numbers from `many` on alike. `met` says how many of the others of an open
    kind the step has looked at.
    """

    cast: Cast = field(default_factory=lambda: Cast({}, frozenset(), frozenset(), {}))
    inputs: Inputs = field(default_factory=lambda: Inputs([], 0))
    counts: frozenset[FamilyId] = frozenset()
    many: int = 0
    met: dict[str, int] = field(default_factory=dict)

    def copy(self) -> CrowdContext:
        """An independent copy; inputs are numbered over all of them."""
        return replace(
            self, changed=dict(self.changed), facts=self.facts.copy(), met=dict(self.met)
        )

    def before(self) -> CrowdContext:
        """The same before the step changed anything."""
        return replace(self, changed={})

    # --- terms --------------------------------------------------------------------------

    def _expr(self, term: Term, bounds: Mapping[int, int]) -> Expr:
        match term:
            case Each(bound=Bound(kind=kind)) if self.cast.is_thread_kind(kind):
                return self._among_threads(term, bounds)
            case Each(bound=Bound(kind=kind)) if self.cast.is_open(kind):
                return self._among_objects(term, bounds)
            case _:
                return super()._expr(term, bounds)

    def known(self, expr: Expr) -> Expr:
        """The expression, or its value if the path's tests and the types decide it."""
        found = super().known(expr)
        match found:
            case g.Op("ite", (condition, then, otherwise)):
                decided = super().known(condition)
                if isinstance(decided, Const):
                    return self.known(then if decided.value else otherwise)
            case _:
                pass
        return found

    def _among_threads(self, each: Each, bounds: Mapping[int, int]) -> Expr:
        """What is known, and something that may be true or false for those of whom nothing is known."""
        parts: list[Expr] = []
        unknown = False
        for value in range(each.low, each.high + 1):
            if value in self.cast.forgotten:
                unknown = True
                continue
            try:
                parts.append(self.expr(each.body, {**bounds, each.bound.number: value}))
            except Forgotten:
                unknown = True
        if unknown and each.op == "count":
            raise UsageError(f"`{each.bound.name}` counts threads of which there is any number")
        if unknown:
            parts.append(self.inputs.fresh(g.BOOL))
        return spelled_out(each.op, parts)

    def _among_objects(self, each: Each, bounds: Mapping[int, int]) -> Expr:
        """What is known of the followed object and those that were looked at; any of the rest may be the exception."""
        if each.op == "count":
            raise UsageError(f"`{each.bound.name}` counts objects of which there is any number")
        numbers = range(self.met.get(each.bound.kind or "", 0) + 1)
        parts = [self.expr(each.body, {**bounds, each.bound.number: n}) for n in numbers]
        return spelled_out(each.op, [*parts, self.inputs.fresh(g.BOOL)])

    def _ended(self, thread: Expr) -> Expr:
        if not isinstance(thread, Const):
            raise UsageError("whether a thread has ended is asked of a thread that is not fixed")
        if thread.value not in self.cast.places:
            raise Forgotten("whether another thread has ended")
        place, end = self.cast.places[thread.value]
        return g.eq(place, Const(end))

    # --- references ---------------------------------------------------------------------

    def _open_kind(self, expr: Expr) -> str | None:
        """The open kind that an expression is a reference to; None for all else, and for constants."""
        match expr:
            case Var(id):
                type = self.memory.types[id]
                return type.of if type.kind == "ref" and self.cast.is_open(type.of) else None
            case g.Op("ite", (_, then, otherwise)):
                return self._open_kind(then) or self._open_kind(otherwise)
            case Select(ids, _, _):
                return self._open_kind(Var(ids[0]))
            case _:
                return None

    def _same(self, op: g.Operator, a: Expr, b: Expr) -> Expr:
        """Two references to objects are compared only when it is known which objects they are."""
        for one, other in ((a, b), (b, a)):
            if self._open_kind(one) is None:
                continue
            if isinstance(other, Const) and other.value in (NULL, FOLLOWED):
                continue
            raise self._need(one)
        return super()._same(op, a, b)

    def _need(self, expr: Expr) -> Exception:
        """What has to be known of an expression before its value is."""
        if not self.splits:
            return UsageError("--any: not possible: which object is meant depends on too much")
        match expr:
            case g.Op("ite", (condition, _, _)):
                return NeedSplit(condition)
            case _:
                return NeedSplit(expr)

    def cases(self, expr: Expr) -> Iterator[tuple[Expr, int]]:
        """The values that a place may depend on; each of the others that were looked at is one."""
        if isinstance(expr, g.Op) and expr.op in ("and", "or", "not", "eq", "ne", "lt", "le"):
            yield expr, 1
            yield g.not_(expr), 0
            return
        kind = self._open_kind(expr)
        for value in self.possible(expr):
            condition = g.eq(expr, Const(value))
            if kind is None or value < OTHER:
                yield condition, value
                continue
            for number in range(OTHER, self._next(kind) + 1):
                yield condition, number

    def decide(self, expr: Expr, condition: Expr, value: int) -> None:
        """From here on `expr` has this value, because of the condition."""
        self.facts.learn(condition)
        self.facts.values[expr] = value
        kind = self._open_kind(expr)
        if kind is not None:
            self._meet(kind, value)

    def _next(self, kind: str) -> int:
        number = self.met.get(kind, 0) + 1
        if number > LAST:
            raise UsageError(f"--any: not possible for `{kind}`: one step looks at too many")
        return number

    def _meet(self, kind: str, value: int) -> None:
        """The step looks at one of the others: if for the first time, what it did to all of them it did to this one."""
        if value <= self.met.get(kind, 0):
            return
        self.met[kind] = value
        families = self.memory.families

        def named(key: Key) -> Key:
            dimensions = families[key[0]].dimensions
            return key[0], tuple(
                value if d.kind == kind and n == REST else n
                for d, n in zip(dimensions, key[1], strict=True)
            )

        cells = [(key, var) for key, var in self.inputs.cells.items() if named(key) != key]
        by: dict[VarId, Expr] = {
            var.id: self.inputs.cell(named(key), self.inputs.types[var.id]) for key, var in cells
        }
        for key, expr in list(self.changed.items()):
            if named(key) != key:
                self.changed[named(key)] = substitute(expr, by)

    def admits(self, kind: str | None, value: int) -> bool:
        """Whether a choice may fall on this one: of those not looked at yet, the next number stands for all."""
        if kind is None or not self.cast.is_open(kind):
            return True
        if value > self._next(kind):
            return False
        self._meet(kind, value)
        return True

    def members(self, kind: str | None, values: range) -> Iterable[int]:
        """The members to which an update of all of them is made."""
        if kind is None or not self.cast.is_open(kind):
            return values
        return (*range(self.met.get(kind, 0) + 1), REST)

    def judged_members(self, kind: str | None, values: range) -> Iterable[int]:
        """The members of which it is judged in which order locks are taken: whichever it is, it could be followed."""
        return (FOLLOWED,) if self.cast.is_open(kind) else values

    # --- cells --------------------------------------------------------------------------

    def member(self, key: Key) -> Expr:
        """A member's value at this point of the step."""
        expr = self.changed.get(key) or self.memory.cells.get(key)
        if expr is not None:
            return self.known(expr)
        if self._is_of_a_thread(key):
            raise Forgotten(f"`{self.memory.families[key[0]].name}` of another thread is read")
        return self.known(self.inputs.cell(key, self._unknown(key[0])))

    def _unknown(self, id: FamilyId) -> Type:
        """What a forgotten cell of a family may have."""
        family = self.memory.families[id]
        if id in self.counts:
            return Type("int", 0, self.many)
        if family.type.kind == "ref" and self.cast.is_open(family.type.of):
            return replace(family.type, high=OTHER)
        return family.type

    def _select(self, family: FamilyId, index: tuple[Expr, ...], position: int) -> Expr:
        kind = self.memory.families[family].dimensions[position].kind
        if self.cast.is_open(kind):
            raise self._need(index[position])
        return super()._select(family, index, position)

    def key(self, cell: Cell, bounds: Mapping[int, int]) -> Key | None:
        """Which member a cell is; None also if it is a forgotten thread's: then nothing needs to be stored."""
        key = super().key(cell, bounds)
        if key is None or key in self.memory.cells:
            return key
        return None if self._is_of_a_thread(key) else key

    def _is_of_a_thread(self, key: Key) -> bool:
        """Whether a cell without a value is a thread's of which nothing is known; else it is another object's."""
        pairs = list(zip(self.memory.families[key[0]].dimensions, key[1], strict=True))
        if any(d.kind in self.cast.ranges and n in self.cast.forgotten for d, n in pairs):
            return True
        return not any(self.cast.is_open(d.kind) and n != FOLLOWED for d, n in pairs)

    # --- who judges ---------------------------------------------------------------------

    def judged(self, requirement: Term) -> tuple[Expr, Expr]:
        """A requirement's condition, and whether it is judged where just these objects are followed.

        Whoever breaks it can be seen following any objects, so it is enough to judge it following some. Those that are
        designated: of what must be true of all, the exception; else the first that the condition reads; else what the thread's
        own locals point to.
        """
        return self.judged_for(requirement, {}, frozenset())

    def judged_for(
        self, requirement: Term, bounds: Mapping[int, int], chosen: frozenset[str]
    ) -> tuple[Expr, Expr]:
        """The same where objects of some kinds are chosen already."""
        kinds = self.cast.objects - chosen
        if not kinds:
            return self.expr(requirement, bounds), g.TRUE
        term, more = instantiated(requirement, kinds, FOLLOWED)
        judged = [self._is_followed(kind, requirement, bounds) for kind in sorted(kinds - more)]
        return self.expr(term, bounds), g.and_(*judged)

    def _is_followed(self, kind: str, requirement: Term, bounds: Mapping[int, int]) -> Expr:
        for term in designators(requirement, kind, self.memory.families):
            value = self.expr(term, bounds)
            if not isinstance(value, Const):
                raise self._need(value)
            if value.value >= FOLLOWED:
                return g.truth(value.value == FOLLOWED)
        return self.designates(kind)

    def designates(self, kind: str) -> Expr:
        """Whether the first of the thread's locals that lead to an object of the kind leads to the followed one.

        If none does, whether the last that did so did.
        """
        judged: Expr = self.cast.trails.get(kind, g.TRUE)
        for key in reversed(self.cast.designated.get(kind, ())):
            value = self.changed.get(key) or self.memory.cells.get(key)
            if value is None:
                continue
            value = self.known(value)
            is_null = g.and_(self.known(g.eq(value, Const(NULL))), judged)
            judged = g.or_(self.known(g.eq(value, Const(FOLLOWED))), is_null)
        return judged
