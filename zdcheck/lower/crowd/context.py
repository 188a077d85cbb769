"""Terms where some threads are forgotten: nobody knows what their cells have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from zdcheck.base.diagnostics import UsageError
from zdcheck.ir import expr as g
from zdcheck.ir.expr import BOOL, Const, Expr, Type, Var, VarId
from zdcheck.ir.parametric import (
    Apply,
    Bound,
    Cell,
    Each,
    Ended,
    Family,
    Self,
    Term,
    cells_of,
)
from zdcheck.lower.ground import Context, Key, spelled_out


class Forgotten(UsageError):
    """A value was asked for that the abstraction does not have."""


@dataclass(frozen=True)
class Cast:
    """Who takes part: thread kinds by name, their numbers, and those about whom nothing is known.

    `places` are the locations of the known threads, with their ends. Of `forgotten` threads there may be any number,
    none included, for each number here.
    """

    families: tuple[Family, ...]
    ranges: Mapping[str, range]
    forgotten: frozenset[int]
    places: Mapping[int, tuple[Expr, int]]

    def is_thread_kind(self, kind: str | None) -> bool:
        """Whether a kind's members are threads."""
        return kind in self.ranges

    def ranges_over_threads(self, each: Each) -> bool:
        """Whether the values of a quantifier are threads, told by what its body does with them.

        Raises UsageError if that cannot be told and would matter.
        """
        kinds = {self.is_thread_kind(kind) for kind in self._uses(each.bound, each.body)}
        if len(kinds) == 1:
            return kinds.pop()
        values = range(each.low, each.high + 1)
        if kinds or (values in self.ranges.values() and self._matters(each)):
            raise UsageError(
                f"whether `{each.bound.name}` of a quantifier is a thread is not clear"
            )
        return False

    def _matters(self, each: Each) -> bool:
        """Whether more members could change the value, if the body says the same of all of them."""
        return each.op == "count" or _occurs(each.bound, each.body)

    def _uses(self, bound: Bound, body: Term) -> set[str | None]:
        """The kinds of all indexes and references that `bound` is used as."""
        found: set[str | None] = set()
        for cell in cells_of(body):
            dimensions = self.families[cell.family].dimensions
            found |= {d.kind for d, i in zip(dimensions, cell.index, strict=True) if i == bound}
        pending: list[Term] = [body]
        while pending:
            match pending.pop():
                case Apply(op, args):
                    if op in ("eq", "ne") and bound in args:
                        for other in args:
                            match other:
                                case Self():
                                    found.add("thread")
                                case Cell(family, _):
                                    type = self.families[family].type
                                    found |= {type.of} if type.kind == "ref" else set()
                                case _:
                                    pass
                    pending.extend(args)
                case Each(_, _, _, _, inner):
                    pending.append(inner)
                case Ended(thread):
                    found |= {"thread"} if thread == bound else set()
                    pending.append(thread)
                case Cell(_, index):
                    pending.extend(index)
                case Const() | Self() | Bound():
                    pass
                case other:
                    assert_never(other)
        return found


def _occurs(bound: Bound, term: Term) -> bool:
    match term:
        case Const() | Self():
            return False
        case Bound():
            return term == bound
        case Cell(_, index):
            return any(_occurs(bound, part) for part in index)
        case Apply(_, args):
            return any(_occurs(bound, part) for part in args)
        case Each(_, _, _, _, body):
            return _occurs(bound, body)
        case Ended(thread):
            return _occurs(bound, thread)
        case _:
            assert_never(term)


@dataclass
class Inputs:
    """Variables that a step may find with any value: numbered from behind those of the state."""

    types: list[Type]
    first: int

    def fresh(self, type: Type) -> Var:
        """One more."""
        self.types.append(type)
        return Var(VarId(len(self.types) - 1))

    def is_input(self, id: VarId) -> bool:
        """Whether it is one of these."""
        return id >= self.first


@dataclass
class CrowdContext(Context):
    """A context in which cells of forgotten threads have no value; `memory.cells` lacks them."""

    cast: Cast = field(default_factory=lambda: Cast((), {}, frozenset(), {}))
    inputs: Inputs = field(default_factory=lambda: Inputs([], 0))

    def copy(self) -> CrowdContext:
        """An independent copy; inputs are numbered over all of them."""
        return CrowdContext(
            self.memory,
            self.thread,
            dict(self.changed),
            self.facts.copy(),
            self.splits,
            self.cast,
            self.inputs,
        )

    def _expr(self, term: Term, bounds: Mapping[int, int]) -> Expr:
        match term:
            case Each() if self.cast.ranges_over_threads(term):
                return self._among_threads(term, bounds)
            case _:
                return super()._expr(term, bounds)

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
            parts.append(self.inputs.fresh(BOOL))
        return spelled_out(each.op, parts)

    def _ended(self, thread: Expr) -> Expr:
        if not isinstance(thread, Const):
            raise UsageError("whether a thread has ended is asked of a thread that is not fixed")
        if thread.value not in self.cast.places:
            raise Forgotten("whether another thread has ended")
        place, end = self.cast.places[thread.value]
        return g.eq(place, Const(end))

    def member(self, key: Key) -> Expr:
        """A member's value at this point of the step."""
        expr = self.changed.get(key) or self.memory.cells.get(key)
        if expr is None:
            family = self.memory.families[key[0]]
            raise Forgotten(f"`{family.name}` of another thread is read")
        return self.known(expr)

    def key(self, cell: Cell, bounds: Mapping[int, int]) -> Key | None:
        """Which member a cell is; None also if it is forgotten: then nothing needs to be stored."""
        key = super().key(cell, bounds)
        return key if key in self.memory.cells else None
