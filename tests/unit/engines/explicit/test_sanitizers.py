"""The runtime and what is generated for it, under the compiler's sanitizers."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from tests.agreement.compare import explored, ignore, interpreted, same
from tests.agreement.generate import random_system
from tests.agreement.promises import promising_system
from tests.support.systems import locks, unplug
from tests.unit.engines.explicit.counters import counters, wide
from tests.unit.engines.explicit.test_symmetry import chains
from zdcheck.engines.explicit.build import Sanitizer
from zdcheck.engines.explicit.engine import ExplicitEngine, ExplicitOptions
from zdcheck.engines.protocol import Claim, Found, Limits, NoneFound, Stopped
from zdcheck.ir.system import System
from zdcheck.lang.check import check
from zdcheck.lang.modules import load
from zdcheck.lower import Instance, lower

pytestmark = pytest.mark.slow

SANITIZERS: tuple[Sanitizer, ...] = ("address,undefined", "thread")
sanitized = pytest.mark.parametrize("sanitizer", SANITIZERS)


SPECS = Path(__file__).parents[4] / "specs"
REAL = (
    "gup-fast/page_tables.zd",
    "hmm-walk/pgmap.zd",
    "hmm-walk/progress.zd",
    "longterm/progress.zd",
    "unplug/mappings.zd",
    "unplug/progress.zd",
    "unplug/remap.zd",
    "unplug/teardown.zd",
)
"""States of one to four words; faults of every kind, covers, lock orders, loops that are fair."""


def solve(
    system: System,
    cache: Path,
    sanitizer: Sanitizer,
    limits: Limits,
    *,
    symmetry: bool = True,
    compact: bool = False,
    spill: Path | None = None,
) -> Claim:
    options = ExplicitOptions(
        symmetry=symmetry,
        sanitizer=sanitizer,
        cache=cache,
        compact=compact,
        spill=None if spill is None else str(spill),
    )
    return ExplicitEngine(options).solve(system, limits, ignore)


@sanitized
@pytest.mark.parametrize("first", range(9000, 9120, 20))
def test_random_systems(sanitizer: Sanitizer, first: int, cache: Path) -> None:
    for seed in range(first, first + 20):
        system = random_system(seed)
        wanted = interpreted(system, 4000)
        if ExplicitEngine().refuses(system) or isinstance(wanted, Stopped):
            continue
        for symmetry in (False, True):
            for compact in (False, True):
                got = solve(
                    system, cache, sanitizer, Limits(workers=2), symmetry=symmetry, compact=compact
                )
                same(system, wanted, got, reduced=symmetry)


@sanitized
@pytest.mark.parametrize("name", REAL)
def test_real_specs(sanitizer: Sanitizer, name: str, cache: Path, tmp_path: Path) -> None:
    """With the runs to all covers and faults; with hashes; with memory for little and a disk behind."""
    model = check(load(SPECS / name))
    for its in model.checks:
        system = lower(Instance.of(model, its))
        symmetric = not system.progress
        wanted = explored(system, cache, symmetry=symmetric, partial_order=True, workers=2)
        for compact in (False, True):
            got = solve(system, cache, sanitizer, Limits(workers=2), compact=compact)
            same(system, wanted, got, reduced=False)
        tight = Limits(workers=2, max_memory=3 << 20)
        got = solve(system, cache, sanitizer, tight, spill=tmp_path)
        if not isinstance(got, Stopped):
            same(system, wanted, got, reduced=True)


@sanitized
def test_representatives_that_are_not_unique(sanitizer: Sanitizer, cache: Path) -> None:
    for linked in permutations(range(3), 2):
        claim = solve(chains((linked,)), cache, sanitizer, Limits(workers=2))
        assert isinstance(claim, Found)
        assert len(claim.run.actions) == 1


@sanitized
@pytest.mark.parametrize(("words", "bits"), [(1, 5), (2, 24), (3, 48)])
def test_many_workers_on_a_table_that_grows(
    sanitizer: Sanitizer, words: int, bits: int, cache: Path
) -> None:
    # Wider counters fill more words with as many states.
    system = wide(counters(3, 31, blocked=True), bits)
    claim = solve(system, cache, sanitizer, Limits(workers=4))
    assert isinstance(claim, Found)
    assert claim.statistics.states == 32**3
    assert claim.statistics.extra["state"].endswith(f"in {8 * words} bytes")


@sanitized
@pytest.mark.parametrize("limits", [Limits(max_states=20_000), Limits(max_memory=3 << 20)])
def test_limits(sanitizer: Sanitizer, limits: Limits, cache: Path) -> None:
    claim = solve(counters(4, 31), cache, sanitizer, replace(limits, workers=2))
    assert isinstance(claim, Stopped)


@sanitized
@pytest.mark.parametrize(("words", "bits"), [(1, 5), (2, 24)])
@pytest.mark.parametrize("compact", [False, True])
def test_memory_that_ends_goes_on_on_disk(
    sanitizer: Sanitizer, words: int, bits: int, compact: bool, cache: Path, tmp_path: Path
) -> None:
    system = wide(counters(4, 25, blocked=True), bits)
    options = ExplicitOptions(
        sanitizer=sanitizer, cache=cache, spill=str(tmp_path), compact=compact
    )
    limits = Limits(workers=2, max_memory=3 << 20)
    claim = ExplicitEngine(options).solve(system, limits, ignore)
    assert isinstance(claim, Found)
    assert claim.statistics.states == 26**4
    assert len(claim.run.actions) == 4 * 25
    assert "times" in claim.statistics.extra["spill"]
    assert f"in {8 * words} bytes" in claim.statistics.extra["state"]


@sanitized
def test_faults(sanitizer: Sanitizer, cache: Path) -> None:
    for system in (unplug(), unplug(leaks=True), locks(together=True), locks(together=False)):
        assert isinstance(solve(system, cache, sanitizer, Limits(workers=2)), Found)
    assert isinstance(solve(unplug(pte_holds=True), cache, sanitizer, Limits()), NoneFound)


@sanitized
@pytest.mark.parametrize("first", range(9000, 9060, 20))
def test_progress(sanitizer: Sanitizer, first: int, cache: Path) -> None:
    for seed in range(first, first + 20):
        system = promising_system(seed)
        wanted = interpreted(system, 2000)
        if isinstance(wanted, Stopped):
            continue
        got = solve(system, cache, sanitizer, Limits(workers=2))
        assert type(got) is type(wanted)
        if isinstance(got, Found) and isinstance(wanted, Found):
            assert len(got.run.actions) == len(wanted.run.actions)
