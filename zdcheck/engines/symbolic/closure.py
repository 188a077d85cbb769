"""What a proof for any number of threads rests on, as facts: nothing is seen of a followed thread but what was assumed.

If these are true in every state of the abstraction under some assumption, and no step fails a check, the
assumption is true of every run of every size (`docs/proofs-any-number.md`). So an inductive invariant of
that one system that has them all is a proof, whoever made the assumption up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from zdcheck.engines.symbolic.facts import Fact, learned
from zdcheck.ir.crowd import Abstraction, Company, LocalState, Seen, View
from zdcheck.ir.expr import VarId
from zdcheck.ir.system import System

Values = frozenset[int]

_Cube = tuple[tuple[VarId, Values], ...]
"""States in which each of these variables has one of these values; a variable may stand there twice."""


def closure(abstraction: Abstraction, seen: Seen) -> tuple[Fact, ...]:
    """Facts that are all true of an abstract state exactly if each of its views is in `seen`."""
    found: dict[object, Fact] = {}
    for view, locals_ in zip(abstraction.views, seen, strict=True):
        for fact in _Closure(abstraction.system, view, locals_).facts():
            found.setdefault(fact.never, fact)
    return tuple(found.values())


class _Closure:
    def __init__(self, system: System, view: View, locals_: Mapping[LocalState, Company]) -> None:
        self.system = system
        self.view = view
        self.locals = locals_

    def facts(self) -> Iterator[Fact]:
        """Which local states there are not; then, of each variable, what it never is around those that there are."""
        yield from self._named(f"seen({self.view.family})", self._others(tuple(self.locals), 0))
        for variable in self.view.around:
            domain = self._domain(variable)
            never = {local: domain - company[variable] for local, company in self.locals.items()}
            name = f"seen({self.view.family}, {self.system.variables[variable].name})"
            yield from self._named(name, self._around(variable, never, 0))

    def _named(self, name: str, cubes: Iterable[_Cube]) -> Iterator[Fact]:
        for cube in cubes:
            values: dict[VarId, Values] = {}
            for variable, some in cube:
                values[variable] = values.get(variable, some) & some
            if all(values.values()):
                yield replace(learned(self.system, values), origin="seen", name=name)

    def _others(self, locals_: tuple[LocalState, ...], depth: int) -> tuple[_Cube, ...]:
        """All local states but these, which are alike in the first `depth` values."""
        own, owners = self.view.own, self.view.owners
        if depth == len(own) + len(owners):
            return ()
        by_value: dict[int, list[LocalState]] = {}
        for local in locals_:
            by_value.setdefault(local[depth], []).append(local)
        domain = self._domain(own[depth]) if depth < len(own) else frozenset({0, 1})
        never = domain - by_value.keys()
        more = {value: self._others(tuple(some), depth + 1) for value, some in by_value.items()}
        return (*((self._is(depth, never),) if never else ()), *self._together(depth, more))

    def _around(
        self, variable: VarId, never: Mapping[LocalState, Values], depth: int
    ) -> tuple[_Cube, ...]:
        """Where the variable has a value that it never has around one of these local states."""
        different = set(never.values())
        if len(different) < 2:
            return tuple(((variable, values),) for values in different if values)
        by_value: dict[int, dict[LocalState, Values]] = {}
        for local, values in never.items():
            by_value.setdefault(local[depth], {})[local] = values
        more = {value: self._around(variable, some, depth + 1) for value, some in by_value.items()}
        return self._together(depth, more)

    def _together(self, depth: int, by_value: Mapping[int, tuple[_Cube, ...]]) -> tuple[_Cube, ...]:
        """The cubes of all values at that place. About any other value it does not matter what they say."""
        parts: dict[tuple[_Cube, ...], set[int]] = {}
        for value, cubes in by_value.items():
            parts.setdefault(cubes, set()).add(value)
        if len(parts) == 1:
            return next(iter(parts))
        return tuple(
            (*self._is(depth, values), *cube) for cubes, values in parts.items() for cube in cubes
        )

    def _is(self, place: int, values: Iterable[int]) -> _Cube:
        """Where a local state has one of the values at that place."""
        own, owners = self.view.own, self.view.owners
        if place < len(own):
            return ((own[place], frozenset(values)),)
        owner = owners[place - len(own)]
        mine = frozenset({self.view.followed})
        either = {1: mine, 0: self._domain(owner) - mine}
        return ((owner, frozenset().union(*(either[value] for value in values))),)

    def _domain(self, variable: VarId) -> Values:
        type = self.system.variables[variable].type
        return frozenset(range(type.low, type.high + 1))
