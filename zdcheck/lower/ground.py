"""Terms of the parametric program as expressions over the variables of one ground system."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from zdcheck.ir import expr as g
from zdcheck.ir.expr import Const, Expr, Select, Type, Var, VarId
from zdcheck.ir.interval import interval
from zdcheck.ir.parametric import (
    Apply,
    Bound,
    Cell,
    Each,
    Ended,
    Family,
    FamilyId,
    Quantifier,
    Self,
    Term,
)

Key = tuple[FamilyId, tuple[int, ...]]
"""One member of a family."""


class NeedSplit(Exception):
    """A place depends on this expression's value: the path must go on once for each value."""

    def __init__(self, index: Expr) -> None:
        self.index = index


@dataclass
class Facts:
    """What the tests of a path have made certain about the state before the step."""

    values: dict[Expr, int] = field(default_factory=dict)
    excluded: dict[Expr, frozenset[int]] = field(default_factory=dict)
    true: set[Expr] = field(default_factory=set)

    def copy(self) -> Facts:
        """An independent copy."""
        return Facts(dict(self.values), dict(self.excluded), set(self.true))

    def learn(self, condition: Expr) -> None:
        """`condition` is true from here on."""
        self.true.add(condition)
        match condition:
            case g.Op("and", args):
                for arg in args:
                    self.learn(arg)
            case g.Op("eq", (subject, Const(value))):
                self.values[subject] = value
            case g.Op("ne", (subject, Const(value))):
                self.excluded[subject] = self.excluded.get(subject, frozenset()) | {value}
            case Var():
                self.values[condition] = 1
            case g.Op("not", (Var() as subject,)):
                self.values[subject] = 0
            case _:
                pass


@dataclass
class Memory:
    """The variables of a system: which family members are variables, which are constant."""

    families: tuple[Family, ...]
    cells: dict[Key, Expr]
    types: list[Type]
    pcs: tuple[VarId, ...] = ()
    ends: tuple[int, ...] = ()

    def type_of(self, id: VarId) -> Type:
        """A variable's type."""
        return self.types[id]


def spelled_out(op: Quantifier, instances: list[Expr]) -> Expr:
    """A quantifier with its instances spelled out."""
    match op:
        case "forall":
            return g.and_(*instances)
        case "exists":
            return g.or_(*instances)
        case "count":
            return g.add(*instances)
        case _:
            assert_never(op)


@dataclass
class Context:
    """Where a term is evaluated: which thread, what the path has changed and learnt so far.

    `changed` are members that the step has already given new values. `splits` says whether a
    place that depends on the state may split the path; properties may not.
    """

    memory: Memory
    thread: int | None = None
    changed: dict[Key, Expr] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    splits: bool = False

    def copy(self) -> Context:
        """An independent copy."""
        return Context(self.memory, self.thread, dict(self.changed), self.facts.copy(), self.splits)

    # --- terms --------------------------------------------------------------------------

    def expr(self, term: Term, bounds: Mapping[int, int] | None = None) -> Expr:
        """The value of a term, as an expression over the state before the step."""
        return self.known(self._expr(term, bounds or {}))

    def known(self, expr: Expr) -> Expr:
        """The expression, or its value if the path's tests and the types decide it."""
        if expr in self.facts.values:
            return Const(self.facts.values[expr])
        if isinstance(expr, g.Op):
            if expr in self.facts.true:
                return g.TRUE
            return self._decided(expr)
        return expr

    def _decided(self, expr: g.Op) -> Expr:
        """Comparisons that the types of variables already decide."""
        match expr:
            case g.Op("eq" | "ne" as op, (subject, Const(value))):
                low, high = interval(subject, self.memory.type_of)
                if not low <= value <= high or value in self.facts.excluded.get(subject, ()):
                    return g.truth(op == "ne")
            case g.Op("lt" | "le" as op, (a, b)):
                (low_a, high_a), (low_b, high_b) = (
                    interval(x, self.memory.type_of) for x in (a, b)
                )
                if high_a < low_b or (op == "le" and high_a <= low_b):
                    return g.TRUE
                if low_a > high_b or (op == "lt" and low_a >= high_b):
                    return g.FALSE
            case _:
                pass
        return expr

    def _expr(self, term: Term, bounds: Mapping[int, int]) -> Expr:
        match term:
            case Const():
                return term
            case Self():
                assert self.thread is not None
                return Const(self.thread)
            case Bound(number):
                return Const(bounds[number])
            case Cell(family, index):
                return self._cell(family, tuple(self.expr(i, bounds) for i in index), bool(bounds))
            case Apply(op, args):
                return self._apply(op, args, bounds)
            case Each(op, bound, low, high, body):
                numbers = range(low, high + 1)
                return spelled_out(
                    op, [self.expr(body, {**bounds, bound.number: n}) for n in numbers]
                )
            case Ended(thread):
                return self._ended(self.expr(thread, bounds))
            case _:
                assert_never(term)

    def _apply(self, op: g.Operator, args: tuple[Term, ...], bounds: Mapping[int, int]) -> Expr:
        match op:
            case "and" | "or":
                parts = []
                for arg in args:
                    part = self.expr(arg, bounds)
                    if part == g.truth(op == "or"):
                        return part
                    parts.append(part)
                return g.and_(*parts) if op == "and" else g.or_(*parts)
            case "ite":
                condition = self.expr(args[0], bounds)
                if isinstance(condition, Const):
                    return self.expr(args[1] if condition.value else args[2], bounds)
                return g.ite(condition, self.expr(args[1], bounds), self.expr(args[2], bounds))
            case "not":
                return g.not_(self.expr(args[0], bounds))
            case "add":
                return g.add(*(self.expr(arg, bounds) for arg in args))
        a, b = (self.expr(arg, bounds) for arg in args)
        match op:
            case "eq" | "ne":
                return self._same(op, a, b)
            case "lt":
                return g.lt(a, b)
            case "le":
                return g.le(a, b)
            case "sub":
                return g.sub(a, b)
            case "mul":
                return g.mul(a, b)
            case _:
                assert_never(op)

    def _same(self, op: g.Operator, a: Expr, b: Expr) -> Expr:
        return g.eq(a, b) if op == "eq" else g.ne(a, b)

    def _ended(self, thread: Expr) -> Expr:
        result: Expr = g.FALSE
        for number, (pc, end) in enumerate(zip(self.memory.pcs, self.memory.ends, strict=True)):
            result = g.ite(g.eq(thread, Const(number)), g.eq(Var(pc), Const(end)), result)
        return result

    # --- cells --------------------------------------------------------------------------

    def _cell(self, family: FamilyId, index: tuple[Expr, ...], quantified: bool) -> Expr:
        """A member's value; outside the family, 0."""
        dimensions = self.memory.families[family].dimensions
        for position, (part, dimension) in enumerate(zip(index, dimensions, strict=True)):
            if isinstance(part, Const):
                if part.value not in dimension.values:
                    return Const(0)
                continue
            if self.splits and not quantified:
                raise NeedSplit(part)
            return self._select(family, index, position)
        key = (family, tuple(p.value for p in index if isinstance(p, Const)))
        return self.member(key)

    def member(self, key: Key) -> Expr:
        """A member's value at this point of the step."""
        expr = self.changed.get(key) or self.memory.cells[key]
        return self.known(expr)

    def _select(self, family: FamilyId, index: tuple[Expr, ...], position: int) -> Expr:
        dimension = self.memory.families[family].dimensions[position]
        chosen = index[position]
        members = [
            self._cell(family, (*index[:position], Const(v), *index[position + 1 :]), True)
            for v in dimension.values
        ]
        ids = tuple(member.id for member in members if isinstance(member, Var))
        if len(ids) == len(members):
            return Select(ids, dimension.low, chosen)
        result: Expr = Const(0)
        for value, member in zip(reversed(dimension.values), reversed(members), strict=True):
            result = g.ite(self.known(g.eq(chosen, Const(value))), member, result)
        return result

    # --- what stands for what -----------------------------------------------------------

    def cases(self, expr: Expr) -> Iterator[tuple[Expr, int]]:
        """The values that a place may depend on, each with the condition under which it is that one."""
        for value in self.possible(expr):
            yield g.eq(expr, Const(value)), value

    def decide(self, expr: Expr, condition: Expr, value: int) -> None:
        """From here on `expr` has this value, because of the condition."""
        self.facts.learn(condition)

    def judged(self, requirement: Term) -> tuple[Expr, Expr]:
        """A requirement's condition, and whether it is judged here. Always, where nothing is abstract."""
        return self.expr(requirement), g.TRUE

    def admits(self, kind: str | None, value: int) -> bool:
        """Whether a choice among a kind's members may fall on this one."""
        return True

    def members(self, kind: str | None, values: range) -> Iterable[int]:
        """The members to which an update of all of them is made."""
        return values

    def judged_members(self, kind: str | None, values: range) -> Iterable[int]:
        """The members of which it is judged in which order locks are taken."""
        return values

    def possible(self, expr: Expr) -> tuple[int, ...]:
        """The values that the expression may have."""
        low, high = interval(expr, self.memory.type_of)
        excluded = self.facts.excluded.get(expr, frozenset())
        return tuple(v for v in range(low, high + 1) if v not in excluded)

    def key(self, cell: Cell, bounds: Mapping[int, int]) -> Key | None:
        """Which member a cell is, splitting the path where that depends on the state; None: none."""
        index: list[int] = []
        dimensions = self.memory.families[cell.family].dimensions
        for term, dimension in zip(cell.index, dimensions, strict=True):
            part = self.expr(term, bounds)
            if not isinstance(part, Const):
                raise NeedSplit(part)
            if part.value not in dimension.values:
                return None
            index.append(part.value)
        return cell.family, tuple(index)
