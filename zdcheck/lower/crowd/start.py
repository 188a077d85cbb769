"""How initial states of all sizes look from each object that could be followed.

The init blocks are run at small sizes. What is refused (`refusals.py`) makes sure that they treat an object by its
own number alone, so that from some size on an initial state looks like one that was seen already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

from zdcheck.base.diagnostics import SpecError, UsageError
from zdcheck.base.source import Span
from zdcheck.ir.expr import Const
from zdcheck.ir.parametric import CountedFamily, Family, HolderFamily, Program
from zdcheck.lower.crowd.context import FOLLOWED, OTHER
from zdcheck.lower.ground import Context, Key, Memory
from zdcheck.lower.system import Grounding, keys

ALIVE = 1

Place = tuple[str, tuple[int, ...]]
"""A family's name, and which of its members."""


@dataclass(frozen=True)
class Beginning:
    """One initial state, seen following one object of each open kind.

    `values` are those of shared cells of followed objects, by family name, but for what counts holders; `held` are the
    counts of which other objects hold some.
    """

    values: tuple[tuple[Place, int], ...]
    held: frozenset[Place]


def beginnings(
    program_at: Callable[[dict[str, int]], Program],
    open: frozenset[str],
    threads: frozenset[str],
    most: int,
    span: Span,
) -> tuple[Beginning, ...]:
    """All of them, from sizes up to `most`. Raises UsageError if larger sizes would have more."""
    found: dict[Beginning, None] = {}
    last: dict[Beginning, None] = {}
    for sizes in product(range(1, most + 2), repeat=len(open)):
        scope = dict(zip(sorted(open), sizes, strict=True))
        try:
            program = program_at(scope)
            starts = Grounding(program, span).starts()
        except SpecError:
            continue  # the spec does not allow these sizes: too few of something
        seen = found if max(sizes, default=0) <= most else last
        for start in starts:
            sight = _Sight(program, open, threads, start.values)
            seen.update(dict.fromkeys(sight.beginnings()))
    if not found:
        raise UsageError("--any: not possible: there is no initial state at small sizes")
    if not last.keys() <= found.keys():
        raise UsageError(
            "--any: not possible: initial states look different at each size of "
            + ", ".join(f"`{kind}`" for kind in sorted(open))
        )
    return tuple(found)


class _Sight:
    """One initial state."""

    def __init__(
        self,
        program: Program,
        open: frozenset[str],
        threads: frozenset[str],
        values: dict[Key, int],
    ) -> None:
        self.program = program
        self.open = open
        self.threads = threads
        self.values = values
        memory = Memory(program.families, {key: Const(value) for key, value in values.items()}, [])
        self.context = Context(memory)
        self.sizes = {kind.name: kind.size for kind in program.kinds}
        self.holders = [
            (holder, bounds, self._target(holder, bounds))
            for holder in program.holders
            for bounds in self._places(holder)
        ]
        self._refuse_unbalanced()

    def beginnings(self) -> Iterator[Beginning]:
        """Following each choice of objects."""
        kinds = sorted(self.open)
        for chosen in product(*(range(self.sizes[kind]) for kind in kinds)):
            yield self._following(dict(zip(kinds, chosen, strict=True)))

    def _following(self, chosen: dict[str, int]) -> Beginning:
        values: dict[Place, int] = {}
        counts = {holder.counted for holder in self.program.holders}
        for family in self.program.families:
            if family.role == "local" or family.id in counts:
                continue
            for _, index in keys(family):
                seen = self._index(family, index, chosen)
                if seen is None:
                    continue
                value = self.values[family.id, index]
                if family.type.kind == "ref" and family.type.of in self.open and value >= 0:
                    value = FOLLOWED if value == chosen[family.type.of] else OTHER
                values[family.name, seen] = value
        return Beginning(tuple(values.items()), frozenset(self._held_by_others(chosen)))

    def _index(
        self, family: Family, index: tuple[int, ...], chosen: dict[str, int]
    ) -> tuple[int, ...] | None:
        """The member's index in the abstraction; None if it belongs to one of the others."""
        found = []
        for dimension, value in zip(family.dimensions, index, strict=True):
            if dimension.kind in self.open:
                if value != chosen[dimension.kind]:
                    return None
                value = FOLLOWED
            found.append(value)
        return tuple(found)

    # --- the ledger ---------------------------------------------------------------------

    def _places(self, holder: HolderFamily) -> Iterator[dict[int, int]]:
        for values in product(*(range(over.low, over.high + 1) for over in holder.over)):
            yield {o.bound.number: v for o, v in zip(holder.over, values, strict=True)}

    def _target(self, holder: HolderFamily, bounds: dict[int, int]) -> int | None:
        """The object whose count the place holds; None if it holds none."""
        holds = self.context.expr(holder.condition, bounds)
        target = self.context.expr(holder.target, bounds)
        assert isinstance(holds, Const) and isinstance(target, Const)
        return target.value if holds.value else None

    def _held_by_others(self, chosen: dict[str, int]) -> Iterator[Place]:
        for holder, bounds, target in self.holders:
            if target is None:
                continue
            others = any(
                over.bound.kind in self.open
                and bounds[over.bound.number] != chosen[over.bound.kind]
                for over in holder.over
            )
            family = self.program.family(holder.counted)
            seen = self._index(family, (target,), chosen)
            if others and seen is not None:
                yield family.name, seen

    def _refuse_unbalanced(self) -> None:
        for holder, _, target in self.holders:
            if (
                target is not None
                and self.program.family(holder.cell.family).template in self.threads
            ):
                raise UsageError("--any: not possible: threads hold counts from the start on")
        for counted in self.program.counted:
            for key in keys(self.program.family(counted.family)):
                if self._is_unbalanced(counted, key):
                    raise UsageError("--any: not possible: the ledger is not balanced at first")

    def _is_unbalanced(self, counted: CountedFamily, key: Key) -> bool:
        bias = self.context.expr(counted.bias, {counted.object.number: key[1][0]})
        assert isinstance(bias, Const)
        held = sum(
            target == key[1][0]
            for holder, _, target in self.holders
            if holder.counted == counted.family
        )
        if self.values[counted.alive, key[1]] == ALIVE:
            return bias.value + held != self.values[key]
        family = self.program.family(counted.family)
        position = key[1][-1] - family.dimensions[-1].low if len(family.initial) > 1 else 0
        return self.values[key] != family.initial[position]
