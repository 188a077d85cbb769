"""The C text that replaces a state by its representative: sort the members of each kind.

Kinds are sorted one after the other, so that a later kind can be told apart by what earlier ones,
already in order, say about it. The key of a member holds its own variables, references to it, and
what is known of later kinds without telling their members apart. Any order is sound: what comes out
is an image of what went in, and the same input gives the same output. Members that look the same
but are not only cost a few states more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from zdcheck.engines.explicit.expressions import unsigned
from zdcheck.engines.explicit.layout import Layout
from zdcheck.engines.explicit.symmetry import Column, Orbit, Symmetry
from zdcheck.ir.expr import VarId
from zdcheck.ir.system import System


@dataclass(frozen=True, slots=True)
class Canonical:
    """The text of zd_canonical and zd_rename, and how many names they deal with."""

    text: str
    names: int


def canonical_of(system: System, layout: Layout, symmetry: Symmetry) -> Canonical | None:
    """How states are replaced by representatives; None if nothing is interchangeable."""
    if not symmetry.orbits:
        return None
    text: list[str] = []
    for number in range(len(symmetry.orbits)):
        text += _Sorter(system, layout, symmetry, number).text()
    names = names_of(system, symmetry)
    text.append(
        "void zd_canonical(uint64_t *s, uint8_t *moved)\n{\n"
        f"    for (uint32_t n = 0; moved && n < {names}; n++)\n"
        "        moved[n] = (uint8_t)n;\n"
    )
    for number in range(len(symmetry.orbits)):
        text.append(f"    sort_{number}(s, moved);\n")
    text.append("}\n\nvoid zd_rename(uint64_t *s, const uint8_t *moved)\n{\n")
    for number in range(len(symmetry.orbits)):
        text.append(f"    rename_{number}(s, moved);\n")
    return Canonical("".join([*text, "}\n"]), names)


def names_of(system: System, symmetry: Symmetry) -> int:
    """How many names there are: those of all threads, then those of interchangeable objects."""
    objects = (o.kind.size for o in symmetry.orbits if not o.kind.is_thread)
    return len(system.threads) + sum(objects)


def is_unique(system: System, layout: Layout, symmetry: Symmetry) -> bool:
    """Whether all images of a state have one representative.

    They have if a member's key tells everything of it: then members of equal keys may stand in any order. What a key
    says through members of other kinds, or of the same kind, is less than everything. (Keys of
    more than 64 bits are mixed, so two may be equal by accident, about once in 2**64.)
    """
    sorters = (_Sorter(system, layout, symmetry, n) for n in range(len(symmetry.orbits)))
    return all(sorter.tells_everything() for sorter in sorters)


@dataclass(frozen=True, slots=True)
class _Segment:
    """Neighbouring columns: for each member one stretch of `width` bits of a word."""

    places: tuple[tuple[int, int], ...]
    width: int

    @property
    def mask(self) -> int:
        return (1 << self.width) - 1


@dataclass
class _Key:
    """The C expression of a member's key, from parts of some bits each, folded when a word is full."""

    done: str = ""
    word: list[str] = field(default_factory=list)
    bits: int = 0

    def add(self, text: str, bits: int) -> None:
        """`text` is a uint64_t below 2**bits."""
        if self.bits + bits > 64:
            self._fold()
        self.word.append(f"({text} << {self.bits})" if self.bits else text)
        self.bits += bits

    def _fold(self) -> None:
        word = f"({' | '.join(self.word)})"
        self.done = f"mix({self.done}, {word})" if self.done else word
        self.word, self.bits = [], 0

    @property
    def text(self) -> str:
        """The whole key."""
        if self.word:
            self._fold()
        return self.done or "0"


class _Sorter:
    """The function that sorts the members of one kind."""

    def __init__(self, system: System, layout: Layout, symmetry: Symmetry, number: int) -> None:
        self.system = system
        self.layout = layout
        self.number = number
        self.orbit = symmetry.orbits[number]
        self.later = symmetry.orbits[number + 1 :]
        self.size = self.orbit.kind.size
        self.first = self.orbit.kind.first
        before = Symmetry(symmetry.orbits[:number], {})
        self.names = self.first if self.orbit.kind.is_thread else names_of(system, before)

    def text(self) -> Iterator[str]:
        """The functions: to sort, and to rename as was sorted before."""
        if self.number == 0:
            yield _MIX
        yield f"static inline void arrange_{self.number}(uint64_t *s{self._at_parameter()})\n{{\n"
        if self.size > 2:
            yield "    (void)at;\n"
        yield from self._words()
        yield from self._move()
        yield from self._rename()
        yield "".join(f"    s[{n}] = v{n};\n" for n in range(self.layout.words))
        yield f"}}\n\nstatic inline void sort_{self.number}(uint64_t *s, uint8_t *moved)\n{{\n"
        yield from self._words()
        yield from self._peeks()
        for member in range(self.size):
            yield f"    const uint64_t key{member} = {self._key(member)};\n"
        yield from self._order()
        yield f"    arrange_{self.number}(s{', at' if self.size > 2 else ''});\n"
        for place in range(self.size):
            yield f"    if (moved) moved[{self.names} + {self._at(place)}] = {self.names + place};\n"
        yield "}\n\n"
        yield f"static void rename_{self.number}(uint64_t *s, const uint8_t *moved)\n{{\n"
        yield from self._renaming()
        yield "}\n"

    def tells_everything(self) -> bool:
        """Whether members with equal keys are equal in every variable and reference."""
        orbit = self.orbit
        columns = (c for c in orbit.columns if self.layout.fields[c.variables[0]].width > 0)
        indices = (self.system.variables[id].index for id in orbit.references)
        return (
            not orbit.squares
            and all(map(self._is_direct, columns))
            and all(self._owner(index) is None for index in indices)
        )

    def _words(self) -> Iterator[str]:
        for n in range(self.layout.words):
            yield f"    const uint64_t w{n} = s[{n}]; (void)w{n};\n"

    def _at_parameter(self) -> str:
        """Two members can only change places."""
        return ", const uint32_t *at" if self.size > 2 else ""

    def _renaming(self) -> Iterator[str]:
        if self.size == 2:
            yield f"    if (moved[{self.names}] != {self.names})\n        arrange_{self.number}(s);\n"
            return
        yield (
            f"    uint32_t at[{self.size}];\n"
            f"    for (uint32_t n = 0; n < {self.size}; n++)\n"
            f"        at[moved[{self.names} + n] - {self.names}] = n;\n"
            f"    arrange_{self.number}(s, at);\n"
        )

    # --- fields -------------------------------------------------------------------------

    def _raw(self, id: VarId, word: str = "w") -> str:
        field = self.layout.fields[id]
        if field.width == 0:
            return "0ull"
        return f"({word}{field.word} >> {field.shift} & {unsigned(field.mask)})"

    def _is(self, id: VarId, member: int) -> str:
        """Whether a reference's value is the member of that number (from 0)."""
        field = self.layout.fields[id]
        raw = self.first + member - field.low
        bits, value = field.bits, raw << field.shift
        return f"(uint64_t)((w{field.word} & {unsigned(bits)}) == {unsigned(value)})"

    # --- keys ---------------------------------------------------------------------------

    def _peeks(self) -> Iterator[str]:
        """What each member of a later kind is by its own plain variables, where a key will ask."""
        for orbit in self.later:
            if not self._asks_about(orbit):
                continue
            texts = []
            for member in range(orbit.kind.size):
                key = _Key()
                for column in orbit.columns:
                    if self._is_plain(column):
                        id = column.variables[member]
                        key.add(self._raw(id), self.layout.fields[id].width)
                texts.append(f"mix({key.text}, 1)")
            yield f"    const uint64_t {self._peek(orbit)}[] = {{{', '.join(texts)}}};\n"

    def _peek(self, orbit: Orbit) -> str:
        return f"peek_{self.number}_{orbit.kind.first}_{self.later.index(orbit)}"

    def _asks_about(self, later: Orbit) -> bool:
        for column in self.orbit.columns:
            if self._owner(column.others) is later or self._target(column.variables[0]) is later:
                return True
        return any(
            self._owner(self.system.variables[id].index) is later for id in self.orbit.references
        )

    def _is_plain(self, column: Column) -> bool:
        return not column.others and self.system.variables[column.variables[0]].type.kind != "ref"

    def _owner(self, indices: Iterable[tuple[str, int]]) -> Orbit | None:
        """The first later kind among some indices."""
        for index in indices:
            for orbit in self.later:
                if orbit.owns(index):
                    return orbit
        return None

    def _target(self, id: VarId) -> Orbit | None:
        """The later kind that a reference points to."""
        return next((orbit for orbit in self.later if id in orbit.references), None)

    def _key(self, member: int) -> str:
        key = _Key()
        sums: list[str] = []
        for segment in self._segments(c for c in self.orbit.columns if self._is_direct(c)):
            word, shift = segment.places[member]
            key.add(f"(w{word} >> {shift} & {unsigned(segment.mask)})", segment.width)
        own = {id for column in self.orbit.columns for id in column.variables}
        own |= {id for square in self.orbit.squares for row in square for id in row}
        for column in self.orbit.columns:
            id = column.variables[member]
            owner, target = self._owner(column.others), self._target(id)
            if owner is not None:
                position = self._position(owner, column.others)
                seen = f"{self._peek(owner)}[{position}]"
                if id in self.orbit.references or target is not None:
                    sums.append(f"{seen} * (1 + {self._null_or_not(id)})")
                else:
                    sums.append(f"mix({seen}, {self._raw(id)})")
            elif id in self.orbit.references:
                key.add(self._is(id, member), 1)
                key.add(self._null_or_not(id), 1)
            elif target is not None:
                sums.append(self._through(id, target, len(sums)))
        for square in self.orbit.squares:
            id = square[member][member]
            if self._target(id) is None and id not in self.orbit.references:
                key.add(self._raw(id), self.layout.fields[id].width)
                row = " + ".join(self._raw(other) for other in square[member])
                sums.append(f"mix({row}, {len(sums) + 2})")
        for id in self.orbit.references:
            if id in own:
                continue
            owner = self._owner(self.system.variables[id].index)
            if owner is None:
                key.add(self._is(id, member), 1)
            else:
                position = self._position(owner, self.system.variables[id].index)
                family = self._family_number(id)
                sums.append(
                    f"{self._is(id, member)} * ({self._peek(owner)}[{position}] * {family}ull)"
                )
        if sums:
            key.add(f"({' + '.join(sums)})", 64)
        return key.text

    def _family_number(self, id: VarId) -> int:
        """An odd number that tells families apart."""
        families = sorted({variable.family for variable in self.system.variables})
        return 2 * families.index(self.system.variables[id].family) + 3

    def _position(self, owner: Orbit, indices: Iterable[tuple[str, int]]) -> int:
        return next(index[1] for index in indices if owner.owns(index)) - owner.kind.first

    def _null_or_not(self, id: VarId) -> str:
        """Whether a reference is something else than the lowest value of its type, null."""
        return f"(uint64_t)({self._raw(id)} != 0)"

    def _through(self, id: VarId, target: Orbit, salt: int) -> str:
        """What a reference to a later kind shows: the plain variables of its object."""
        field = self.layout.fields[id]
        raw = self._raw(id)
        offset = target.kind.first - field.low
        size = target.kind.size
        index = f"{raw} - {offset}" if offset else raw
        shown = f"{self._peek(target)}[{index}]"
        return f"mix({raw} - {offset} < {size}ull ? {shown} : {raw}, {2 * salt + 3})"

    # --- what a record is made of -------------------------------------------------------

    def _is_direct(self, column: Column) -> bool:
        """Whether the bits of the column go into the key as they are."""
        id = column.variables[0]
        return (
            self.layout.fields[id].width > 0
            and self._owner(column.others) is None
            and id not in self.orbit.references
            and self._target(id) is None
        )

    def _segments(self, columns: Iterable[Column]) -> list[_Segment]:
        """The columns as stretches of bits, as long as they lie alike in all members."""
        parts: list[tuple[tuple[tuple[int, int], ...], int]] = []
        for column in columns:
            fields = [self.layout.fields[id] for id in column.variables]
            if fields[0].width:
                places = tuple((field.word, field.shift) for field in fields)
                parts.append((places, fields[0].width))
        segments: list[_Segment] = []
        for places, width in sorted(parts):
            last = segments[-1] if segments else None
            if last is not None and places == tuple(
                (word, shift + last.width) for word, shift in last.places
            ):
                segments[-1] = _Segment(last.places, last.width + width)
            else:
                segments.append(_Segment(places, width))
        return segments

    # --- order --------------------------------------------------------------------------

    def _at(self, place: int) -> str:
        """The member that comes to a place."""
        return str(1 - place) if self.size == 2 else f"at[{place}]"

    def _order(self) -> Iterator[str]:
        if self.size == 2:
            yield "    if (key0 <= key1)\n        return;\n"
            return
        sorted_ = " && ".join(f"key{n} <= key{n + 1}" for n in range(self.size - 1))
        yield f"    if ({sorted_})\n        return;\n"
        yield f"    uint64_t key[] = {{{', '.join(f'key{n}' for n in range(self.size))}}};\n"
        yield f"    uint32_t at[] = {{{', '.join(map(str, range(self.size)))}}};\n"
        yield (
            f"    for (uint32_t i = 1; i < {self.size}; i++) {{\n"
            "        const uint64_t k = key[i];\n"
            "        const uint32_t a = at[i];\n"
            "        uint32_t j = i;\n"
            "        for (; j > 0 && key[j - 1] > k; j--) {\n"
            "            key[j] = key[j - 1];\n"
            "            at[j] = at[j - 1];\n"
            "        }\n"
            "        key[j] = k;\n"
            "        at[j] = a;\n"
            "    }\n"
        )

    # --- moving -------------------------------------------------------------------------

    def _move(self) -> Iterator[str]:
        """The words with every member's variables at their new places, in v0, v1, …"""
        cleared = [0] * self.layout.words
        parts: list[list[str]] = [[] for _ in range(self.layout.words)]
        tables: dict[tuple[int, ...], str] = {}
        stretches = [(s.places, s.mask) for s in self._segments(self.orbit.columns)]
        for square in self.orbit.squares:
            fields = [self.layout.fields[id] for row in square for id in row]
            if fields[0].width:
                places = tuple((field.word, field.shift) for field in fields)
                stretches.append((places, fields[0].mask))
        for places, mask in stretches:
            for place, (word, shift) in enumerate(places):
                cleared[word] |= mask << shift
                taken = self._taken(places, place, tables)
                parts[word].append(f"({taken} & {unsigned(mask)}) << {shift}")
        for numbers, name in tables.items():
            values = ", ".join(map(str, numbers))
            yield f"    static const uint32_t {name}[] = {{{values}}};\n"
        for number in range(self.layout.words):
            kept = f"(w{number} & {unsigned(~cleared[number])})"
            yield f"    uint64_t v{number} = {' | '.join([kept, *parts[number]])};\n"

    def _taken(
        self, places: tuple[tuple[int, int], ...], place: int, tables: dict[tuple[int, ...], str]
    ) -> str:
        """The word that comes to a place, shifted so that the bits wanted are the lowest."""
        digits = [place] if len(places) == self.size else [place // self.size, place % self.size]
        if self.size == 2:
            came = sum((1 - digit) << n for n, digit in enumerate(reversed(digits)))
            word, shift = places[came]
            return f"w{word} >> {shift}"
        at = f" * {self.size} + ".join(self._at(digit) for digit in digits)
        words, shifts = zip(*places, strict=True)
        from_ = f"w{words[0]}"
        if len(set(words)) > 1:
            from_ = f"s[{tables.setdefault(words, f't{len(tables)}')}[{at}]]"
        return f"{from_} >> {tables.setdefault(shifts, f't{len(tables)}')}[{at}]"

    def _rename(self) -> Iterator[str]:
        """The references, with the new names of the members."""
        made: set[tuple[int, int]] = set()
        for id in self.orbit.references:
            field = self.layout.fields[id]
            base = self.first - field.low
            if self.size == 2:
                raw = f"(v{field.word} >> {field.shift} & {unsigned(field.mask)})"
                swap = unsigned((base ^ (base + 1)) << field.shift)
                yield f"    v{field.word} ^= {raw} - {base} < 2 ? {swap} : 0;\n"
                continue
            size = base + self.size
            name = f"map{base}"
            if (base, self.size) not in made:
                made.add((base, self.size))
                yield f"    uint64_t {name}[{size}];\n"
                for value in range(base):
                    yield f"    {name}[{value}] = {value};\n"
                for place in range(self.size):
                    yield f"    {name}[{base} + at[{place}]] = {base + place};\n"
            yield (
                f"    {{ const uint64_t r = v{field.word} >> {field.shift} & {unsigned(field.mask)};\n"
                f"      if (r < {size}) v{field.word} ^= (r ^ {name}[r]) << {field.shift}; }}\n"
            )


_MIX = """\
static inline uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b * UINT64_C(0x9fb21c651e98df25)) * UINT64_C(0xd6e8feb86659fd93);
    return a ^ (a >> 32);
}
"""
