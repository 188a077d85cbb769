"""Packing: where each variable of a state lies in its 64-bit words.

A variable of n values takes the fewest bits that hold n numbers, none if n is 1, and never
crosses from one word into the next. Variables that symmetry moves together lie side by side,
so that they can be moved as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zdcheck.ir.expr import Type, VarId
from zdcheck.ir.system import State, System

WORD = 64
MARKS = 2
"""The table keeps so many highest bits of the first word for itself if there are several words."""


@dataclass(frozen=True, slots=True)
class Field:
    """The bits of one variable: it has the value `low` + the number in them."""

    word: int
    shift: int
    width: int
    low: int

    @property
    def mask(self) -> int:
        """The field's bits at the bottom of a word."""
        return (1 << self.width) - 1

    @property
    def bits(self) -> int:
        """The field's bits where they are."""
        return self.mask << self.shift


@dataclass(frozen=True, slots=True)
class Layout:
    """The packed form of the states of one system: `words` words, one field for each variable."""

    words: int
    fields: tuple[Field, ...]

    @property
    def used_bits(self) -> int:
        """Bits that belong to a variable."""
        return sum(field.width for field in self.fields)

    def pack(self, state: State) -> tuple[int, ...]:
        """The words of `state`. Raises ValueError if a value lies outside its variable's type."""
        words = [0] * self.words
        for field, value in zip(self.fields, state, strict=True):
            raw = value - field.low
            if not 0 <= raw <= field.mask:
                raise ValueError(f"{value} does not fit into {field}")
            words[field.word] |= raw << field.shift
        return tuple(words)

    def unpack(self, words: Sequence[int]) -> State:
        """The state that was packed into `words`."""
        return tuple(
            ((words[field.word] >> field.shift) & field.mask) + field.low for field in self.fields
        )


def width_of(type: Type) -> int:
    """Bits for a variable of this type."""
    return (type.high - type.low).bit_length()


def layout_of(system: System, together: Iterable[Sequence[VarId]] = ()) -> Layout:
    """A layout of few words. The variables of each group in `together` are neighbours if they can be."""
    widths = [width_of(variable.type) for variable in system.variables]
    groups = [tuple(group) for group in together]
    grouped = {id for group in groups for id in group}
    singles = [(v.id,) for v in system.variables if v.id not in grouped]
    whole = [*groups, *singles]
    if sum(widths) <= WORD:
        return _placed(system, widths, [[id for item in whole for id in item]])
    by_variable: list[tuple[VarId, ...]] = [(id,) for group in whole for id in group]
    best = min((_packed(widths, items) for items in (whole, by_variable)), key=len)
    return _placed(system, widths, best)


def _packed(widths: list[int], items: list[tuple[VarId, ...]]) -> list[list[VarId]]:
    """First fit, the largest item first; items that no word can hold are taken apart."""
    small = [
        part
        for item in items
        for part in (
            [item] if sum(widths[id] for id in item) <= WORD - MARKS else [(id,) for id in item]
        )
    ]
    words: list[list[VarId]] = [[]]
    room = [WORD - MARKS]
    for item in sorted(small, key=lambda item: -sum(widths[id] for id in item)):
        need = sum(widths[id] for id in item)
        number = next((n for n, free in enumerate(room) if need <= free), len(words))
        if number == len(words):
            words.append([])
            room.append(WORD)
        words[number].extend(item)
        room[number] -= need
    return words


def _placed(system: System, widths: list[int], words: list[list[VarId]]) -> Layout:
    fields: dict[VarId, Field] = {}
    for number, ids in enumerate(words):
        shift = 0
        for id in ids:
            low = system.variables[id].type.low
            fields[id] = Field(number, shift, widths[id], low)
            shift += widths[id]
    # A variable of one value has no bits, so its shift must not leave the word.
    return Layout(
        len(words),
        tuple(
            field if field.width else Field(0, 0, 0, field.low)
            for field in (fields[v.id] for v in system.variables)
        ),
    )
