"""The state as nothing but truth values: one for each bit of each variable.

A lemma over them is a clause of bits, and what it excludes is a product of sets of values: the form of learned facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import z3

from zdcheck.engines.symbolic.encoding import Frame, Term, is_set, is_truth, raw_width
from zdcheck.ir.expr import Expr, VarId
from zdcheck.ir.system import State, System

Cube = dict[int, bool]
"""Bits, by position, with the values that they have in it."""

MOST_CUBES = 20_000

MOST_VALUES = 1 << 16
"""Values of a variable that are listed one by one."""


class TooMany(Exception):
    """An invariant cannot be written as a list of what is excluded that is not too long."""


@dataclass(frozen=True, slots=True)
class Bit:
    """One bit of one variable, the lowest one first."""

    variable: VarId
    place: int


class BitFrame(Frame):
    """One copy of the state variables, whose bits are Booleans of their own."""

    def __init__(self, system: System, label: str) -> None:
        super().__init__(system, label)
        self.bits = tuple(_bits(system))
        self.terms: tuple[Term, ...] = tuple(
            z3.Bool(f"{bit.variable}.{bit.place}@{label}") for bit in self.bits
        )
        self.positions: dict[VarId, list[int]] = {}
        for position, bit in enumerate(self.bits):
            self.positions.setdefault(bit.variable, []).append(position)
        self._bit_decls = tuple(term.decl() for term in self.terms)
        self.raw = tuple(self._joined(VarId(v)) for v in range(len(self.types)))

    def _joined(self, id: VarId) -> Term:
        """The variable's bits as what its own constant would be."""
        terms = [self.terms[position] for position in self.positions.get(id, ())]
        if not terms:
            return None
        if is_truth(self.types[id]):
            return terms[0]
        one, zero = z3.BitVecVal(1, 1), z3.BitVecVal(0, 1)
        parts = [z3.If(term, one, zero) for term in reversed(terms)]
        return parts[0] if len(parts) == 1 else z3.Concat(*parts)

    def _offset_in(self, model: Term, id: VarId) -> int:
        positions = enumerate(self.positions.get(id, ()))
        return sum(is_set(model, self._bit_decls[p]) << place for place, p in positions)

    def bits_of(self, id: VarId, value: Expr) -> list[Term]:
        """The bits of what the variable becomes; `value` lies in its type."""
        width = raw_width(self.types[id])
        if width == 0:
            return []
        if is_truth(self.types[id]):
            return [self.truth(value)]
        number = self.number(value)
        wide = max(width, number.term.size())
        raw = number.at(wide) - self.types[id].low
        return [z3.Extract(place, place, raw) == 1 for place in range(width)]

    def spelled(self, state: State) -> list[bool]:
        """The bits of a state."""
        return [
            bool(state[bit.variable] - self.types[bit.variable].low >> bit.place & 1)
            for bit in self.bits
        ]

    def state_of(self, values: Sequence[bool]) -> State:
        """The state of these bits."""
        state = [type.low for type in self.types]
        for bit, value in zip(self.bits, values, strict=True):
            state[bit.variable] += value << bit.place
        return tuple(state)

    def values_in(self, cube: Cube) -> dict[VarId, frozenset[int]] | None:
        """The cube by variables: which values those have in it; None if no state lies in it. Raises TooMany."""
        masks: dict[VarId, tuple[int, int]] = {}
        for position, value in cube.items():
            bit = self.bits[position]
            mask, wanted = masks.get(bit.variable, (0, 0))
            masks[bit.variable] = mask | 1 << bit.place, wanted | value << bit.place
        found: dict[VarId, frozenset[int]] = {}
        for v, (mask, wanted) in masks.items():
            type = self.types[v]
            size = type.high - type.low + 1
            if size > MOST_VALUES:
                raise TooMany
            values = frozenset(type.low + n for n in range(size) if n & mask == wanted)
            if not values:
                return None
            if len(values) < size:
                found[v] = values
        return found


def _bits(system: System) -> Iterator[Bit]:
    for variable in system.variables:
        for place in range(raw_width(variable.type)):
            yield Bit(variable.id, place)


def blasted(term: Term) -> Term:
    """The same without bit-vectors."""
    tactic = z3.Then("simplify", "bit-blast", "simplify")
    return tactic(term).as_expr()


def cubes(term: Term, wanted: bool) -> list[Cube]:
    """Where a formula over `z3.Var`s by position has this truth value, as cubes. Raises TooMany."""
    if z3.is_var(term):
        return [{z3.get_var_index(term): wanted}]
    if z3.is_true(term) or z3.is_false(term):
        return [{}] if z3.is_true(term) == wanted else []
    args = term.children()
    if z3.is_not(term):
        return cubes(args[0], not wanted)
    if z3.is_and(term) or z3.is_or(term):
        parts = [cubes(arg, wanted) for arg in args]
        return _all(parts) if z3.is_and(term) == wanted else _any(parts)
    if z3.is_implies(term):
        parts = [cubes(args[0], not wanted), cubes(args[1], wanted)]
        return _any(parts) if wanted else _all(parts)
    kind = term.decl().kind()
    if kind == z3.Z3_OP_ITE:
        then = _all([cubes(args[0], True), cubes(args[1], wanted)])
        return _any([then, _all([cubes(args[0], False), cubes(args[2], wanted)])])
    if len(args) == 2 and kind in (z3.Z3_OP_EQ, z3.Z3_OP_IFF, z3.Z3_OP_XOR, z3.Z3_OP_DISTINCT):
        same = (kind in (z3.Z3_OP_EQ, z3.Z3_OP_IFF)) == wanted
        return _any(
            [_all([cubes(args[0], left), cubes(args[1], left == same)]) for left in (True, False)]
        )
    raise TooMany


def _any(parts: Sequence[list[Cube]]) -> list[Cube]:
    found = [cube for part in parts for cube in part]
    if len(found) > MOST_CUBES:
        raise TooMany
    return found


def _all(parts: Sequence[list[Cube]]) -> list[Cube]:
    found: list[Cube] = [{}]
    for part in parts:
        if len(found) * len(part) > MOST_CUBES:
            raise TooMany
        found = [
            {**a, **b}
            for a, b in product(found, part)
            if all(a.get(position, value) == value for position, value in b.items())
        ]
    return found
