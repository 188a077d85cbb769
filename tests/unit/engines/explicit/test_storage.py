"""States on disk and states as hashes: the first is exact, the second says how exact it is."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest

from tests.agreement.compare import explored, ignore, same
from tests.unit.engines.explicit.counters import counters, wide
from tests.unit.engines.explicit.test_limits import kills, processes
from zdcheck.base.diagnostics import ToolError
from zdcheck.engines.explicit import engine as engine_module
from zdcheck.engines.explicit.engine import ExplicitEngine, ExplicitOptions
from zdcheck.engines.explicit.process import SearchProcess
from zdcheck.engines.protocol import Claim, Found, Limits, NoneFound, Progress, Stopped, Watcher
from zdcheck.ir.system import System

__all__ = ["processes"]

MIB = 1 << 20


def solve(
    system: System,
    cache: Path,
    *,
    spill: Path | None = None,
    mebibytes: int | None = None,
    compact: bool = False,
    workers: int = 1,
    partial_order: bool = True,
    watch: Watcher = ignore,
) -> Claim:
    """With a limit of memory, and a directory for what lies beyond."""
    options = ExplicitOptions(
        cache=cache,
        spill=None if spill is None else str(spill),
        compact=compact,
        partial_order=partial_order,
    )
    memory = None if mebibytes is None else mebibytes * MIB
    limits = Limits(max_memory=memory, workers=workers)
    return ExplicitEngine(options).solve(system, limits, watch)


# --- on disk ----------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("mebibytes", [2, 3, 5, 8, 13])
@pytest.mark.parametrize("partial_order", [False, True])
def test_the_disk_takes_what_memory_cannot(
    cache: Path, tmp_path: Path, workers: int, mebibytes: int, partial_order: bool
) -> None:
    """The same numbers as in memory: no state is missed and none is counted twice."""
    system = counters(4, 25)
    got = solve(
        system,
        cache,
        spill=tmp_path,
        mebibytes=mebibytes,
        workers=workers,
        partial_order=partial_order,
    )
    same(system, explored(system, cache), got, reduced=False)
    if mebibytes == 2:
        assert "all states read" in got.statistics.extra["spill"]
        assert got.statistics.extra["table"].startswith("given up")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fault_is_found_at_its_depth(cache: Path, tmp_path: Path, workers: int) -> None:
    claim = solve(
        counters(4, 19, blocked=True), cache, spill=tmp_path, mebibytes=3, workers=workers
    )
    assert isinstance(claim, Found)
    assert claim.statistics.states == 20**4
    assert len(claim.run.actions) == 4 * 19


def test_wide_states(cache: Path, tmp_path: Path) -> None:
    system = wide(counters(4, 19), 24)
    got = solve(system, cache, spill=tmp_path, mebibytes=2)
    same(system, explored(system, cache), got, reduced=False)
    assert "all states read" in got.statistics.extra["spill"]


def test_without_need_nothing_is_written(cache: Path, tmp_path: Path) -> None:
    claim = solve(counters(2, 9), cache, spill=tmp_path)
    assert isinstance(claim, NoneFound)
    assert "spill" not in claim.statistics.extra


def test_the_limit_of_states_counts_no_state_twice(cache: Path, tmp_path: Path) -> None:
    options = ExplicitOptions(cache=cache, spill=str(tmp_path))
    limits = Limits(max_states=100_000, max_memory=2 * MIB, workers=2)
    claim = ExplicitEngine(options).solve(counters(4, 19), limits, ignore)
    assert isinstance(claim, Stopped)
    assert claim.limit == "states"
    assert 100_000 < claim.statistics.states < 160_000


def test_a_full_disk_is_a_limit(cache: Path, tmp_path: Path) -> None:
    system = counters(4, 19)
    solve(system, cache, mebibytes=1)  # compiles
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 << 10, old[1]))
    try:
        claim = solve(system, cache, spill=tmp_path, mebibytes=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert isinstance(claim, Stopped)
    assert claim.limit == "disk"
    assert 0 < claim.statistics.states < 20**4


def test_a_directory_that_has_gone_is_told(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"cannot make a file in .*gone: No such file"):
        solve(counters(2, 3), cache, spill=tmp_path / "gone")


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def test_no_file_is_ever_left(cache: Path, tmp_path: Path, processes: list[SearchProcess]) -> None:
    """It has no name from the beginning, so whatever ends the search leaves nothing."""
    seen: list[list[str]] = []
    kill = kills(processes, signal.SIGKILL)

    def watch(progress: Progress) -> None:
        seen.append(names(tmp_path))
        kill(progress)

    with pytest.raises(ToolError, match="SIGKILL"):
        solve(counters(6, 31), cache, spill=tmp_path, mebibytes=2, watch=watch)
    assert seen[0] == names(tmp_path) == []


# --- as hashes --------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_hashes_of_wide_states(cache: Path, workers: int) -> None:
    system = wide(counters(3, 31), 48)
    plain = solve(system, cache, workers=workers)
    got = solve(system, cache, compact=True, workers=workers)
    same(system, plain, got, reduced=False)
    assert isinstance(got, NoneFound)
    states = 32**3
    assert got.missed == states * (states + 1) / 2**65
    assert "a state was missed with p < 3e-11" in got.statistics.extra["compact"]
    assert isinstance(plain, NoneFound)
    assert plain.missed == 0


def test_a_state_of_one_word_needs_no_hash(cache: Path) -> None:
    claim = solve(counters(3, 9), cache, compact=True)
    assert isinstance(claim, NoneFound)
    assert claim.missed == 0
    assert claim.statistics.extra["compact"].startswith("off")


def test_a_fault_that_is_found_is_one(cache: Path) -> None:
    system = wide(counters(3, 15, blocked=True), 48)
    same(system, explored(system, cache), solve(system, cache, compact=True), reduced=False)


def test_it_is_the_hash_that_is_stored(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With coefficients of 0 all states have one hash."""
    monkeypatch.setattr(os, "urandom", lambda count: bytes(count))
    claim = solve(wide(counters(3, 15), 48), cache, compact=True)
    assert claim.statistics.states == 1


def test_each_run_has_its_own_hash(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []
    random = os.urandom

    def noted(count: int) -> bytes:
        used.append(count)
        return random(count)

    monkeypatch.setattr(os, "urandom", noted)
    for _ in range(2):
        solve(wide(counters(3, 7), 48), cache, compact=True)
    assert len([count for count in used if count == 16 * 4]) == 2


def test_too_many_states_for_a_hash_are_no_answer(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "MAX_MISSED", 1e-15)
    claim = solve(wide(counters(3, 15), 48), cache, compact=True)
    assert isinstance(claim, Stopped)
    assert "too short for so many states" in claim.note


def test_hashes_and_disk(cache: Path, tmp_path: Path) -> None:
    system = wide(counters(3, 31), 48)
    got = solve(system, cache, compact=True, spill=tmp_path, mebibytes=3, workers=2)
    same(system, explored(system, cache), got, reduced=False)
