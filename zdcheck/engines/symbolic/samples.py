"""Reachable states that candidates for an invariant must be true of, by variable and value.

A set of sampled states is one Python integer with a bit for each, so that a question about all of
them is a few operations on whole sets and nothing runs once per state.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence

from zdcheck.engines.explicit.layout import Layout
from zdcheck.ir.expr import VarId
from zdcheck.ir.system import State, System

Cube = Mapping[VarId, frozenset[int]]
"""States in which each of these variables has one of these values."""


class Samples:
    """Sampled states of one system; all of them are reachable, and the initial ones are among them."""

    def __init__(self, system: System, packed: Iterable[Sequence[int]], layout: Layout) -> None:
        """From the states' words in the form of `layout`."""
        self.system = system
        self._layout = layout
        words = array("Q", (word for state in packed for word in state))
        self._words = words
        self._bulk = len(words) // layout.words
        self._more: list[State] = []
        self.all = (1 << self._bulk) - 1
        self._sets = self._split(words.tobytes())
        for state in system.initial_states:
            self.add(state)

    def _split(self, data: bytes) -> list[dict[int, int]]:
        """For each variable, the states by its value."""
        big = sys.byteorder == "big"
        planes: dict[int, int] = {}

        def plane(bit: int) -> int:
            """The states in which this bit of their words is set."""
            if bit not in planes:
                byte = bit // 64 * 8 + (7 - bit % 64 // 8 if big else bit % 64 // 8)
                digits = bytes(
                    ord("1") if value >> bit % 8 & 1 else ord("0") for value in range(256)
                )
                column = data[byte :: 8 * self._layout.words].translate(digits)
                planes[bit] = int(column, 2) if column else 0
            return planes[bit]

        found = []
        for field in self._layout.fields:
            sets = {field.low: self.all} if self.all else {}
            for place in range(field.width):
                here = plane(64 * field.word + field.shift + place)
                split: dict[int, int] = {}
                for value, states in sets.items():
                    if with_ := states & here:
                        split[value + (1 << place)] = with_
                    if without := states & ~here:
                        split[value] = without
                sets = split
            found.append(sets)
        return found

    def __len__(self) -> int:
        return self._bulk + len(self._more)

    def add(self, state: State) -> None:
        """One more reachable state."""
        known = self.all
        for sets, value in zip(self._sets, state, strict=True):
            known &= sets.get(value, 0)
        if known:
            return
        bit = 1 << len(self)
        self._more.append(state)
        self.all |= bit
        for sets, value in zip(self._sets, state, strict=True):
            sets[value] = sets.get(value, 0) | bit

    def where(self, variable: VarId, value: int) -> int:
        """The samples in which the variable has the value."""
        return self._sets[variable].get(value, 0)

    def inside(self, variable: VarId, values: Iterable[int]) -> int:
        """The samples in which the variable has one of the values."""
        sets = self._sets[variable]
        found = 0
        for value in values:
            found |= sets.get(value, 0)
        return found

    def in_cube(self, cube: Cube) -> int:
        """The samples that the cube contains."""
        found = self.all
        for variable, values in cube.items():
            found &= self.inside(variable, values)
            if not found:
                break
        return found

    def first(self, found: int) -> State:
        """One state of a set that is not empty."""
        place = (found & -found).bit_length() - 1
        if place >= self._bulk:
            return self._more[place - self._bulk]
        # The first state is the first digit, which is the highest bit.
        at = (self._bulk - 1 - place) * self._layout.words
        return self._layout.unpack(self._words[at : at + self._layout.words])
