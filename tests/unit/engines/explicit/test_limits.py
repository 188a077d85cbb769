"""Limits, interrupts and killed searches: a clear answer, never a wrong verdict."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.support.systems import locks
from tests.unit.engines.explicit.counters import counters
from zdcheck.base.diagnostics import ToolError
from zdcheck.engines.explicit import engine as engine_module
from zdcheck.engines.explicit.engine import ExplicitEngine, ExplicitOptions
from zdcheck.engines.explicit.process import NoRun, Result, SearchProcess, Target
from zdcheck.engines.protocol import Found, Limits, NoneFound, Progress, Stopped, Watcher
from zdcheck.ir.expr import Const, Var, eq
from zdcheck.ir.run import Deadlock
from zdcheck.ir.system import ProgressProperty, System
from zdcheck.trace.replay import confirms

MIB = 1 << 20


def ignore(progress: Progress) -> None:
    """Watches nothing."""


def engine(cache: Path) -> ExplicitEngine:
    return ExplicitEngine(ExplicitOptions(cache=cache, trial=0))


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[SearchProcess]:
    """The searches that the engine starts."""
    started: list[SearchProcess] = []

    class Noted(SearchProcess):
        def __enter__(self) -> SearchProcess:
            started.append(self)
            return self

    monkeypatch.setattr(engine_module, "SearchProcess", Noted)
    return started


def kills(processes: list[SearchProcess], number: int) -> Watcher:
    """Sends the signal when the search first says how far it is."""

    def watch(progress: Progress) -> None:
        os.kill(processes[-1]._process.pid, number)

    return watch


@pytest.mark.parametrize("workers", [1, 2])
def test_states(cache: Path, workers: int) -> None:
    claim = engine(cache).solve(counters(4, 31), Limits(max_states=10_000, workers=workers), ignore)
    assert isinstance(claim, Stopped)
    assert claim.limit == "states"
    assert 10_000 < claim.statistics.states < 40_000
    assert claim.statistics.depth > 10


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("mebibytes", [1, 2, 3, 5, 8, 13])
def test_memory_wherever_it_ends(cache: Path, workers: int, mebibytes: int) -> None:
    """The table is made larger several times up to there, so some limits end that half-way."""
    limits = Limits(max_memory=mebibytes * MIB, workers=workers)
    claim = engine(cache).solve(counters(4, 31), limits, ignore)
    assert isinstance(claim, Stopped)
    assert claim.limit == "memory"
    assert claim.statistics.states < 32**4


def test_enough_memory(cache: Path) -> None:
    claim = engine(cache).solve(counters(4, 31), Limits(max_memory=64 * MIB), ignore)
    assert isinstance(claim, NoneFound)
    assert claim.statistics.states == 32**4


@pytest.mark.parametrize("workers", [1, 2])
def test_time(cache: Path, workers: int) -> None:
    system = counters(6, 31)
    engine(cache).solve(system, Limits(max_states=1), ignore)  # compiles
    started = time.monotonic()
    claim = engine(cache).solve(system, Limits(timeout_s=0.5, workers=workers), ignore)
    assert isinstance(claim, Stopped)
    assert claim.limit == "time"
    assert time.monotonic() - started < 3


def test_no_time_left_to_rebuild_the_run(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(SearchProcess):
        def search(self, *args: Any, **options: Any) -> Result:
            result = super().search(*args, **options)
            time.sleep(2)
            return result

    monkeypatch.setattr(engine_module, "SearchProcess", Slow)
    for system in (counters(3, 31, blocked=True), locks(together=False)):
        engine(cache).solve(system, Limits(max_states=1), ignore)  # compiles
        claim = engine(cache).solve(system, Limits(timeout_s=2), ignore)
        assert isinstance(claim, Stopped)
        assert claim.limit == "time"
        assert "the run to show was not rebuilt" in claim.note


def test_no_memory_left_to_rebuild_the_run(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_run(self: SearchProcess, target: Target) -> None:
        raise NoRun("memory")

    monkeypatch.setattr(SearchProcess, "run_to", no_run)
    claim = engine(cache).solve(counters(3, 3, blocked=True), Limits(), ignore)
    assert isinstance(claim, Stopped)
    assert claim.limit == "memory"
    assert "a violation was found at depth 9" in claim.note


def test_an_interrupt(cache: Path, processes: list[SearchProcess]) -> None:
    def watch(progress: Progress) -> None:
        raise KeyboardInterrupt

    claim = engine(cache).solve(counters(6, 31), Limits(), watch)
    assert isinstance(claim, Stopped)
    assert claim.limit == "interrupt"
    assert claim.statistics.states > 0
    assert processes[-1]._process.returncode is not None


def test_a_killed_search_is_no_verdict(cache: Path, processes: list[SearchProcess]) -> None:
    with pytest.raises(ToolError, match=r"SIGKILL.*--max-memory"):
        engine(cache).solve(counters(6, 31), Limits(), kills(processes, signal.SIGKILL))


def test_a_crashed_search_is_no_verdict(cache: Path, processes: list[SearchProcess]) -> None:
    with pytest.raises(ToolError, match="SIGSEGV"):
        engine(cache).solve(counters(6, 31), Limits(), kills(processes, signal.SIGSEGV))


def test_a_search_that_hangs_is_killed_at_its_time_limit(
    cache: Path, processes: list[SearchProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zdcheck.engines.explicit.process._GRACE_S", 0.2)
    watch = kills(processes, signal.SIGSTOP)
    claim = engine(cache).solve(counters(6, 31), Limits(timeout_s=2), watch)
    assert isinstance(claim, Stopped)
    assert claim.limit == "time"


def test_no_search_outlives_the_one_who_started_it(cache: Path) -> None:
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from tests.unit.engines.explicit.test_limits import *\n"
        "from zdcheck.engines.explicit import engine as e\n"
        "class Said(SearchProcess):\n"
        "    def __enter__(self):\n"
        "        print(self._process.pid, flush=True)\n"
        "        return self\n"
        "e.SearchProcess = Said\n"
        "engine(Path(sys.argv[1])).solve(counters(6, 31), Limits(), ignore)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(cache)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not _is_running(pid):
            return
        time.sleep(0.05)
    raise AssertionError("it still runs")


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_answer_does_not_depend_on_the_workers(cache: Path, workers: int) -> None:
    claim = engine(cache).solve(counters(3, 31, blocked=True), Limits(workers=workers), ignore)
    assert isinstance(claim, Found)
    assert claim.fault == Deadlock()
    assert claim.statistics.states == 32**3
    # One after the other: two switches.
    assert len(claim.run.actions) == 93
    assert sum(a != b for a, b in pairwise(claim.run.actions)) == 2


def test_progress_is_told(cache: Path) -> None:
    seen: list[Progress] = []
    stop = threading.Event()

    def watch(progress: Progress) -> None:
        seen.append(progress)
        stop.set()

    engine(cache).solve(counters(6, 31), Limits(timeout_s=4.0), watch)
    assert stop.is_set()
    assert seen[-1].states > seen[0].states or len(seen) == 1
    assert all(p.frontier >= 0 and p.depth > 0 for p in seen)


def promising(count: int, form: Literal["infinitely_often", "leads_to"]) -> System:
    """Counters that promise something: the first is zero again and again, or is one at last."""
    system = counters(count, 31)
    first = Var(next(v.id for v in system.variables if v.name == "n0"))
    span = system.threads[0].location_spans[0]
    assert span is not None
    again = form == "infinitely_often"
    trigger = None if again else eq(first, Const(2))
    goal = eq(first, Const(0 if again else 1))
    progress = ProgressProperty(form, "promise", trigger, goal, span, span, span)
    return replace(system, progress=(progress,))


@pytest.mark.parametrize("workers", [1, 2])
def test_memory_ends_while_progress_is_judged(cache: Path, workers: int) -> None:
    notes = []
    for mebibytes in (12, 16, 20, 28, 40, 56):
        limits = Limits(max_memory=mebibytes * MIB, workers=workers)
        claim = engine(cache).solve(promising(4, "infinitely_often"), limits, ignore)
        assert isinstance(claim, Stopped)
        assert claim.limit == "memory"
        notes.append(claim.note)
    assert "no safety violation; progress `promise` was not decided" in notes
    claim = engine(cache).solve(promising(4, "leads_to"), Limits(workers=workers), ignore)
    assert isinstance(claim, Found)
    confirms(promising(4, "leads_to"), claim.fault, claim.run)
