"""Three ways to judge progress properties agree on random specs.

The reference search (components of a graph, in Python), the explorer (components of a part of the
graph, in C), and `tests.support.fair` (fixed points of sets, no components at all).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.agreement.compare import confirm, explored, interpreted
from tests.agreement.promises import promising_system, random_text
from tests.support.fair import behaviour, is_broken
from zdcheck.base.source import SourceFile
from zdcheck.engines.protocol import Found, NoneFound
from zdcheck.ir.run import Stuck
from zdcheck.lang.check import check
from zdcheck.lang.modules import load_text
from zdcheck.lower import Instance, lower

EVERYDAY = range(20)
MANY = range(1000, 2200)
MOST_STATES = 600


def agree(seed: int, cache: Path) -> str | None:
    """What all say; None if the spec has too many states."""
    system = promising_system(seed)
    every = behaviour(system, MOST_STATES)
    if every is None:
        return None
    broken = [is_broken(system, every, progress) for progress in system.progress]
    wanted = interpreted(system)
    claims = [wanted, *(explored(system, cache, symmetry=True, workers=n) for n in (1, 2))]
    for claim in claims:
        match claim:
            case Found(_, Stuck(number, _), run):
                assert broken.index(True) == number
                confirm(system, claim)
                assert isinstance(wanted, Found)
                assert len(run.actions) == len(wanted.run.actions)
            case NoneFound():
                assert not any(broken)
                assert isinstance(wanted, NoneFound)
                assert claim.triggers == wanted.triggers
            case _:
                raise AssertionError(claim)
    return "kept" if not any(broken) else system.progress[broken.index(True)].form


@pytest.mark.parametrize("seed", EVERYDAY)
def test_they_agree(seed: int, cache: Path) -> None:
    agree(seed, cache)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(MANY.start, MANY.stop, 50))
def test_they_agree_on_many(first: int, cache: Path) -> None:
    seen: Counter[str | None] = Counter()
    for seed in range(first, first + 50):
        try:
            seen[agree(seed, cache)] += 1
        except Exception as error:
            error.add_note(f"{seed}:\n{random_text(seed)}")
            raise
    assert seen[None] < 12
    assert seen["kept"] > 2
    assert sum(seen[form] for form in ("terminates", "eventually", "leads_to")) > 5


RING = """\
var turn : 0..{size} = 0;
var pace : bool = false;
fair strong thread t[{size}] {{
    forever atomic {{
        wait until turn == index(self);
        turn = turn == {last} ? 0 : turn + 1;
    }}
}}
unfair thread dawdles {{ forever atomic {{ pace = !pace; }} }}
progress never : infinitely often turn == {size};
"""


def test_more_fair_threads_than_the_exact_search_for_loops_takes(cache: Path) -> None:
    text = RING.format(size=26, last=25)
    model = check(load_text(SourceFile("ring.zd", text)))
    system = lower(Instance.of(model, model.checks[0]))
    claim = explored(system, cache)
    assert isinstance(claim, Found) and claim.fault == Stuck(0, 0)
    confirm(system, claim)
    assert len(claim.run.actions) == 26
