"""Terms where some threads are forgotten: nobody knows what their cells have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zdcheck.base.diagnostics import UsageError
from zdcheck.ir import expr as g
from zdcheck.ir.expr import BOOL, Const, Expr, Type, Var, VarId
from zdcheck.ir.parametric import (
    Bound,
    Cell,
    Each,
    Term,
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

    ranges: Mapping[str, range]
    forgotten: frozenset[int]
    places: Mapping[int, tuple[Expr, int]]

    def is_thread_kind(self, kind: str | None) -> bool:
        """Whether a kind's members are threads."""
        return kind in self.ranges


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

    cast: Cast = field(default_factory=lambda: Cast({}, frozenset(), {}))
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
            case Each(bound=Bound(kind=kind)) if self.cast.is_thread_kind(kind):
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
