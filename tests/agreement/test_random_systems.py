"""The explorer and the reference interpreter agree on random systems."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.agreement.compare import agree, interpreted
from tests.agreement.generate import random_system
from zdcheck.engines.explicit.engine import ExplicitEngine
from zdcheck.engines.explicit.symmetry import symmetry_of
from zdcheck.engines.protocol import Found
from zdcheck.ir.system import System

EVERYDAY = range(40)
MANY = range(1000, 6400)
"""At least 95 of every 100 are compared, so 5,130 systems at least."""


def fits(system: System) -> bool:
    """Products of wide variables may leave 64 bits."""
    return ExplicitEngine().refuses(system) is None


@pytest.mark.parametrize("seed", EVERYDAY)
def test_the_engines_agree(seed: int, cache: Path) -> None:
    system = random_system(seed)
    if fits(system):
        agree(system, cache)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(MANY.start, MANY.stop, 100))
def test_the_engines_agree_on_many(first: int, cache: Path) -> None:
    compared = 0
    for seed in range(first, first + 100):
        system = random_system(seed)
        try:
            compared += fits(system) and agree(system, cache) is not None
        except Exception as error:
            error.add_note(f"random_system({seed})")
            raise
    assert compared >= 90  # the others are too large for the interpreter


def test_the_systems_are_worth_it() -> None:
    """Every kind of fault occurs, and most kinds that are meant to be symmetric are."""
    seen: Counter[str] = Counter()
    meant = reduced = 0
    for seed in range(250):
        system = random_system(seed)
        claim = interpreted(system, 2000)
        seen[type(claim.fault if isinstance(claim, Found) else claim).__name__] += 1
        meant += sum(kind.size > 1 and kind.asymmetry is None for kind in system.kinds)
        reduced += len(symmetry_of(system).orbits)
    for wanted in (
        "NoneFound",
        "Deadlock",
        "FailedCheck",
        "Imbalance",
        "BrokenProperty",
        "LockCycle",
    ):
        assert seen[wanted] > 0, wanted
    assert meant > 150
    assert reduced > 0.9 * meant
