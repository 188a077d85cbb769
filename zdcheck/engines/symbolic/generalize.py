"""From one unreachable state to a fact: which combination of values makes it unreachable?

The search is over sampled reachable states. What no sample contains may still be reachable where the
sample is not everything; then the fact will not be inductive and is dropped again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import permutations, product

from zdcheck.engines.symbolic.samples import Cube, Samples
from zdcheck.ir.expr import Type, VarId
from zdcheck.ir.system import Kind, State, System

MAX_IMAGES = 24
"""Images of one fact under exchanges of like threads and objects."""

MAX_WIDENED = 64
"""Values of one variable that are tried for a wider cube. Locations are tried all the same: most facts are about many."""


class Generalizer:
    """Finds small cubes that contain a given state and no sample."""

    def __init__(self, system: System, samples: Samples) -> None:
        self.system = system
        self.samples = samples
        self._is_pc = frozenset(thread.pc for thread in system.threads)
        self._images = tuple(_exchanges(system))

    def cube(self, state: State, relevant: Collection[VarId]) -> Cube | None:
        """A cube over some of the relevant variables; None if a sample agrees with `state` on all of them."""
        chosen = self._choose(state, relevant)
        if chosen is None:
            return None
        return self._widened({v: frozenset({state[v]}) for v in self._minimal(state, chosen)})

    def agreeing(self, state: State, relevant: Collection[VarId]) -> int:
        """The samples that agree with `state` on all of the relevant variables."""
        return self.samples.in_cube({v: frozenset({state[v]}) for v in relevant})

    def _choose(self, state: State, relevant: Collection[VarId]) -> list[VarId] | None:
        """Greedily: always the variable that leaves the fewest samples; locations and locals win draws."""
        where = {v: self.samples.where(v, state[v]) for v in relevant}
        left = self.samples.all
        chosen: list[VarId] = []
        while left:
            best, best_key = None, (left.bit_count(), 3, 0)
            for v, found in where.items():
                key = ((left & found).bit_count(), self._kind_of(v, chosen), int(v))
                if key < best_key:
                    best, best_key = v, key
            if best is None or best_key[0] == left.bit_count():
                return None
            chosen.append(best)
            left &= where.pop(best)
        return chosen

    def _kind_of(self, v: VarId, chosen: list[VarId]) -> int:
        variables = self.system.variables
        mine = variables[v].thread
        if chosen and mine is not None and mine == variables[chosen[0]].thread:
            return 0
        return 1 if v in self._is_pc else 2

    def _minimal(self, state: State, chosen: list[VarId]) -> list[VarId]:
        kept = list(chosen)
        for v in chosen:
            rest = [w for w in kept if w != v]
            if rest and not self.agreeing(state, rest):
                kept = rest
        return kept

    def _widened(self, cube: Cube) -> Cube:
        """The cube with all values of each variable that let no sample in."""
        found = dict(cube)
        for v in sorted(found, key=lambda v: v not in self._is_pc):
            rest = self.samples.in_cube({w: values for w, values in found.items() if w != v})
            values = _values(self.system.variables[v].type)
            if len(values) > MAX_WIDENED and v not in self._is_pc:
                continue
            found[v] = found[v] | {
                value for value in values if not rest & self.samples.where(v, value)
            }
        return found

    def at_places(self) -> Iterator[Cube]:
        """What a thread's locals never are at which of its places, as far as the samples go.

        Most proofs need most of these; and where they are missing, the states that are asked about show locals that
        no thread has there, and facts are learned about such locals one by one.
        """
        variables = self.system.variables
        for thread in self.system.threads:
            places = _values(variables[thread.pc].type)
            at = [(place, self.samples.where(thread.pc, place)) for place in places]
            for v in variables:
                mine = v.id != thread.pc and v.thread == variables[thread.pc].thread
                if not mine or len(_values(v.type)) > MAX_WIDENED:
                    continue
                never: dict[frozenset[int], set[int]] = {}
                for value in _values(v.type):
                    here = self.samples.where(v.id, value)
                    absent = frozenset(place for place, states in at if not here & states)
                    if absent:
                        never.setdefault(absent, set()).add(value)
                for absent, values in never.items():
                    cube = {v.id: frozenset(values)}
                    yield cube if len(absent) == len(at) else {thread.pc: absent, **cube}

    def images(self, cube: Cube) -> Iterator[Cube]:
        """The cube, and what becomes of it when like threads and objects are exchanged, if no sample is in it."""
        yield cube
        seen = {frozenset(cube.items())}
        for variable, value in self._images:
            image: dict[VarId, frozenset[int]] = {}
            for v, values in cube.items():
                of = self.system.variables[v].type.of
                renamed = value.get(of, {})
                image[variable[v]] = frozenset(renamed.get(n, n) for n in values)
            key = frozenset(image.items())
            if key not in seen and not self.samples.in_cube(image):
                seen.add(key)
                yield image


def _values(type: Type) -> range:
    return range(type.low, type.high + 1)


def _exchanges(
    system: System,
) -> Iterator[tuple[Mapping[VarId, VarId], Mapping[str, Mapping[int, int]]]]:
    """Exchanges of members of kinds: where each variable goes, and by kind where each member goes.

    They need not be symmetries of the system: a fact that is wrong does no harm but to time.
    """
    by_place = {(v.family, v.index): v.id for v in system.variables}
    kinds = [kind for kind in system.kinds if kind.size > 1]
    orders = [list(permutations(_members(kind)))[:6] for kind in kinds]
    for number, chosen in enumerate(product(*orders)):
        if number > MAX_IMAGES:
            return
        moved: dict[str, dict[int, int]] = {
            kind.name: dict(zip(_members(kind), order, strict=True))
            for kind, order in zip(kinds, chosen, strict=True)
        }
        threads: dict[int, int] = {}
        for kind in kinds:
            if kind.is_thread:
                threads.update(moved[kind.name])
        moved["thread"] = threads
        to: dict[VarId, VarId] = {}
        for v in system.variables:
            index = tuple((k, moved.get(k, {}).get(n, n)) for k, n in v.index)
            target = by_place.get((v.family, index))
            if target is None:
                break
            to[v.id] = target
        else:
            if any(a != b for a, b in to.items()):
                yield to, moved


def _members(kind: Kind) -> range:
    return range(kind.first, kind.first + kind.size)
