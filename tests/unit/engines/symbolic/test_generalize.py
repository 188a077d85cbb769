"""What is guessed from reachable states before anything is asked."""

from __future__ import annotations

from itertools import product

import pytest

from tests.agreement.generate import random_system
from tests.support.crowds import reachable
from zdcheck.engines.explicit.layout import layout_of
from zdcheck.engines.symbolic.generalize import Generalizer
from zdcheck.engines.symbolic.samples import Samples


@pytest.mark.parametrize("seed", range(4))
def test_what_locals_never_are_at_places(seed: int) -> None:
    """Every pair that no sample has is in a guess, and none that one has."""
    system = random_system(seed)
    states = reachable(system, 200)
    samples = Samples(system, [], layout_of(system))
    for state in states:
        samples.add(state)
    cubes = list(Generalizer(system, samples).at_places())
    assert cubes
    for thread in system.threads:
        owner = system.variables[thread.pc].thread
        for v in system.variables:
            if v.id == thread.pc or v.thread != owner:
                continue
            for place, value in product(range(thread.end + 1), range(v.type.low, v.type.high + 1)):
                pair = {thread.pc: place, v.id: value}
                seen = any(all(state[w] == pair[w] for w in pair) for state in states)
                guessed = any(
                    v.id in cube
                    and cube.keys() <= pair.keys()
                    and all(pair[w] in cube[w] for w in cube)
                    for cube in cubes
                )
                assert guessed != seen, (v.name, place, value)
