"""Symmetry: which members of which kinds are interchangeable, and what renaming them changes.

A renaming of a kind's members permutes the variables that are indexed by them and the values of
references to them. Where the kind has no asymmetry, it maps runs to runs and faults to faults of
the same class, so that one state of each orbit is enough: a shortest run to an orbit, followed
from a real initial state, is a shortest run to a real state of it. Initial states need not be
symmetric for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import factorial, prod

from zdcheck.engines.explicit.automorphism import Exchange, Mirror, NumberUsed
from zdcheck.engines.explicit.layout import width_of
from zdcheck.ir.expr import VarId
from zdcheck.ir.system import Check, Kind, System, Variable, Violation

MAX_MEMBERS = 16
"""Of larger kinds the members are not exchanged."""

MAX_OBJECTS = 192
"""So many objects, of all kinds together, are exchanged at most; with threads they have 256 names (`runtime/model.h`)."""

_PIECE = 31
"""Records are laid out in pieces of at most so many bits, so that words fill well."""


@dataclass(frozen=True, slots=True)
class Column:
    """Variables of one family, one for each member; `others` are the indices that they share."""

    variables: tuple[VarId, ...]
    others: tuple[tuple[str, int], ...]
    family: str


@dataclass(frozen=True, slots=True)
class Orbit:
    """A kind whose members may be exchanged.

    `squares` are families indexed by two members: `squares[i][a][b]`. `references` are the
    variables whose values are members.
    """

    kind: Kind
    columns: tuple[Column, ...]
    squares: tuple[tuple[tuple[VarId, ...], ...], ...]
    references: tuple[VarId, ...]

    def owns(self, index: tuple[str, int]) -> bool:
        """Whether an index selects one of the members."""
        return _selects(self.kind, index)


@dataclass(frozen=True, slots=True)
class Symmetry:
    """The kinds that are reduced, and why others of more than one member are not."""

    orbits: tuple[Orbit, ...]
    reasons: Mapping[str, str]

    @property
    def order(self) -> int:
        """By how much the number of states may shrink at most."""
        return prod(factorial(orbit.kind.size) for orbit in self.orbits)


Place = tuple[str, str, int, int]
"""A violation's id and where it stands."""


class _Unfit(Exception):
    """Why a kind is not reduced although nothing tells its members apart."""


def symmetry_of(system: System) -> Symmetry:
    """What can be reduced: threads first, whose records say most about them."""
    orbits: list[Orbit] = []
    reasons: dict[str, str] = {}
    for kind in sorted(system.kinds, key=lambda kind: not kind.is_thread):
        if kind.size < 2 or kind.name == "thread":
            continue
        if kind.asymmetry is not None:
            reasons[kind.name] = kind.asymmetry
            continue
        objects = sum(orbit.kind.size for orbit in orbits if not orbit.kind.is_thread)
        if not kind.is_thread and objects + kind.size > MAX_OBJECTS:
            reasons[kind.name] = f"more than {MAX_OBJECTS} objects are not exchanged"
            continue
        try:
            orbits.append(_orbit(system, kind))
        except _Unfit as unfit:
            reasons[kind.name] = str(unfit)
    if orbits:
        orbits = list(_confirmed(system, orbits, reasons))
    return Symmetry(tuple(orbits), reasons)


def _confirmed(system: System, orbits: list[Orbit], reasons: dict[str, str]) -> Iterator[Orbit]:
    """The kinds whose exchanges map the system to itself; why not is added to `reasons`."""
    try:
        mirror = Mirror(system, violation_classes(system), entry_classes(system, orbits))
    except NumberUsed:
        reasons.update((o.kind.name, "the numbers of objects are used") for o in orbits)
        return
    for orbit in orbits:
        exchanges = (exchange_of(orbit, n) for n in range(orbit.kind.size - 1))
        found = (mirror.difference(exchange) for exchange in exchanges)
        if why := next((difference for difference in found if difference is not None), None):
            reasons[orbit.kind.name] = why
        else:
            yield orbit


def exchange_of(orbit: Orbit, n: int) -> Exchange:
    """Members n and n + 1 (from 0) change names."""
    moved: dict[VarId, VarId] = {}
    for column in orbit.columns:
        a, b = column.variables[n], column.variables[n + 1]
        moved |= {a: b, b: a}
    at = list(range(orbit.kind.size))
    at[n], at[n + 1] = n + 1, n
    for square in orbit.squares:
        for i, row in enumerate(square):
            for j, id in enumerate(row):
                moved[id] = square[at[i]][at[j]]
    first = orbit.kind.first + n
    return Exchange(moved, "thread" if orbit.kind.is_thread else orbit.kind.name, first, first + 1)


def _selects(kind: Kind, index: tuple[str, int]) -> bool:
    name, number = index
    if name == kind.name:
        return True
    return kind.is_thread and name == "thread" and kind.first <= number < kind.first + kind.size


def _orbit(system: System, kind: Kind) -> Orbit:
    if kind.size > MAX_MEMBERS:
        raise _Unfit(f"it has more than {MAX_MEMBERS} members")
    members = range(kind.first, kind.first + kind.size)
    if kind.is_thread:
        threads = [system.threads[number] for number in members]
        if len({(t.family, t.daemon, t.end) for t in threads}) > 1:
            raise _Unfit("its threads are not alike")
    columns: dict[object, dict[int, Variable]] = {}
    squares: dict[object, dict[tuple[int, int], Variable]] = {}
    others: dict[object, tuple[tuple[str, int], ...]] = {}
    references = []
    for variable in system.variables:
        at = [p for p, index in enumerate(variable.index) if _selects(kind, index)]
        rest = tuple(index for p, index in enumerate(variable.index) if p not in at)
        key = (variable.family, tuple(at), rest)
        others[key] = rest
        numbers = [variable.index[p][1] for p in at]
        match numbers:
            case []:
                pass
            case [a]:
                columns.setdefault(key, {})[a] = variable
            case [a, b]:
                squares.setdefault(key, {})[a, b] = variable
            case _:
                raise _Unfit(f"`{variable.family}` has three indices of it")
        if _refers(kind, variable):
            if variable.type.low > members[0] or variable.type.high < members[-1]:
                raise _Unfit(f"`{variable.name}` cannot refer to every member")
            references.append(variable.id)
    for column in columns.values():
        _alike(column.keys() == set(members), column.values())
    for square in squares.values():
        _alike(square.keys() == set(product(members, members)), square.values())
    _pcs_move_along(system, kind, columns.values())
    return Orbit(
        kind,
        tuple(
            Column(tuple(column[m].id for m in members), others[key], column[members[0]].family)
            for key, column in columns.items()
        ),
        tuple(
            tuple(tuple(square[a, b].id for b in members) for a in members)
            for square in squares.values()
        ),
        tuple(references),
    )


def _refers(kind: Kind, variable: Variable) -> bool:
    of = variable.type.of
    return variable.type.kind == "ref" and (of == kind.name or (kind.is_thread and of == "thread"))


def _alike(complete: bool, variables: Iterable[Variable]) -> None:
    alike = list(variables)
    if not complete or len({(v.type.kind, v.type.low, v.type.high, v.type.of) for v in alike}) > 1:
        raise _Unfit(f"`{alike[0].family}` is not the same for all of them")


def _pcs_move_along(system: System, kind: Kind, columns: Iterable[Mapping[int, Variable]]) -> None:
    if not kind.is_thread:
        return
    members = range(kind.first, kind.first + kind.size)
    pcs = [system.threads[number].pc for number in members]
    if not any([column[number].id for number in members] == pcs for column in columns):
        raise _Unfit("their locations are not variables of one family")


# --- layout -----------------------------------------------------------------------------


def records(system: System, symmetry: Symmetry) -> list[tuple[VarId, ...]]:
    """Groups of variables that move together, for `layout_of`: the records of members, in pieces."""
    groups: list[tuple[VarId, ...]] = []
    placed: set[VarId] = set()
    for orbit in symmetry.orbits:
        free = [c for c in orbit.columns if not placed.intersection(c.variables)]
        widths = [width_of(system.variables[c.variables[0]].type) for c in free]
        pieces: list[list[Column]] = [[]]
        used = 0
        for column, width in zip(free, widths, strict=True):
            if used + width > _PIECE and pieces[-1]:
                pieces.append([])
                used = 0
            pieces[-1].append(column)
            used += width
        for piece in pieces:
            for number in range(orbit.kind.size):
                groups.append(tuple(column.variables[number] for column in piece))
        placed.update(id for column in free for id in column.variables)
    return [group for group in groups if group]


# --- classes of faults ------------------------------------------------------------------


def violation_classes(system: System) -> dict[Violation, int]:
    """Numbers for the violations of checks, the same for symmetric ones.

    Symmetric checks stand in the same place of the code, so the place decides; the numbers keep
    the order of first appearance.
    """
    places: dict[Violation, set[Place]] = {}
    for action in system.actions:
        for test in action.tests:
            if isinstance(test, Check):
                span = test.violation.span
                place = (test.violation.id, span.file.path, span.start, span.end)
                places.setdefault(test.violation, set()).add(place)
    # Equal violations may stand in several places; all of these are one class then.
    class_at: dict[Place, int] = {}
    for number, its in enumerate(places.values()):
        known = {class_at[place] for place in its if place in class_at}
        merged = min(known, default=number)
        for place, old in class_at.items():
            if old in known:
                class_at[place] = merged
        class_at.update(dict.fromkeys(its, merged))
    return {violation: class_at[next(iter(its))] for violation, its in places.items()}


def entry_classes(system: System, orbits: Sequence[Orbit]) -> tuple[int, ...]:
    """A number for each ledger entry: the smallest of the entries that are symmetric to it."""
    smallest: dict[tuple[object, ...], int] = {}
    classes = []
    for number, entry in enumerate(system.ledger):
        count = system.variables[entry.count]
        index = tuple(next((o.kind.name for o in orbits if o.owns(i)), i) for i in count.index)
        classes.append(smallest.setdefault((count.family, index), number))
    return tuple(classes)
