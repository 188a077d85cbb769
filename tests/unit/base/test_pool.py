"""Tasks in processes of their own: one that dies is told, takes nobody with it;
none is begun after Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from zdcheck.base.pool import Died, Done, run_all


def work(task: int) -> int:
    """The double, but for tasks that end their process."""
    if task < 0:
        os.kill(os.getpid(), -task)
    if task == 0:
        os._exit(3)
    return 2 * task


@pytest.mark.parametrize("jobs", [1, 2, 9])
def test_each_task_has_its_outcome(jobs: int) -> None:
    outcomes = dict(run_all(work, range(1, 8), jobs))
    assert outcomes == {task: Done(2 * task) for task in range(1, 8)}


def test_a_task_that_is_killed_is_told_and_the_others_are_done() -> None:
    outcomes = dict(run_all(work, [1, -signal.SIGKILL, 2, 0, 3], 2))
    assert outcomes == {
        1: Done(2),
        -signal.SIGKILL: Died(signal.SIGKILL),
        2: Done(4),
        0: Died(0),
        3: Done(6),
    }


def interrupted(folder: Path) -> str:
    """Says that it began, interrupts the caller, and waits to be stopped."""
    folder.with_suffix(".begun").touch()
    try:
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(20)
    except KeyboardInterrupt:
        return "stopped"
    return "slept"


def test_no_task_is_begun_after_an_interrupt(tmp_path: Path) -> None:
    tasks = [tmp_path / str(number) for number in range(5)]
    found = []
    with pytest.raises(KeyboardInterrupt):
        for task, outcome in run_all(interrupted, tasks, 1):
            found.append((task, outcome))
    assert found == [(tasks[0], Done("stopped"))]
    assert [path.name for path in tmp_path.iterdir()] == ["0.begun"]


def interrupted_again(folder: Path) -> str:
    """As everybody is by Ctrl-C in a terminal: by it, and by the caller."""
    said = interrupted(folder)
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.01)
    return said


def test_a_second_interrupt_of_a_task_takes_nothing_from_it(tmp_path: Path) -> None:
    running = run_all(interrupted_again, [tmp_path / "a"], 1)
    assert next(running) == (tmp_path / "a", Done("stopped"))
    with pytest.raises(KeyboardInterrupt):
        next(running)


def interrupted_for_good(folder: Path) -> str:
    """It has nothing to say then."""
    interrupted(folder)
    raise KeyboardInterrupt


def test_what_has_nothing_to_say_when_it_is_interrupted_did_not_fail(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        next(run_all(interrupted_for_good, [tmp_path / "a"], 1))


def wait(folder: Path) -> str:
    folder.with_suffix(".begun").touch()
    time.sleep(20)
    return "slept"


def tidies_up(folder: Path) -> str:
    """As an engine ends what it has started."""
    folder.with_suffix(".begun").touch()
    try:
        time.sleep(20)
    except KeyboardInterrupt:
        folder.with_suffix(".tidy").touch()
        raise
    return "slept"


def test_what_nobody_asks_for_any_more_may_tidy_up(tmp_path: Path) -> None:
    tasks: list[Path] = [tmp_path / "a", tmp_path / "b"]

    def either(task: Path) -> str:
        if task.name == "b":
            return tidies_up(task)
        while not tasks[1].with_suffix(".begun").exists():
            time.sleep(0.01)
        return "at once"

    running = run_all(either, tasks, 2)
    assert next(running) == (tasks[0], Done("at once"))
    running.close()  # type: ignore[attr-defined]
    assert tasks[1].with_suffix(".tidy").exists()


def test_a_caller_that_stops_asking_leaves_no_process(tmp_path: Path) -> None:
    tasks: list[Path] = [tmp_path / "a", tmp_path / "b"]
    running = run_all(lambda task: "at once" if task.name == "a" else wait(task), tasks, 2)
    assert next(running) == (tasks[0], Done("at once"))
    before = time.monotonic()
    running.close()  # type: ignore[attr-defined]
    assert time.monotonic() - before < 30
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


ORPHANS = """
import os, sys, time
from zdcheck.base.pool import run_all


def work(number):
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(1)
    return "x" * 1_000_000


list(run_all(work, [1, 2], 2))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nobody_waits_for_a_caller_that_is_gone(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", ORPHANS], stdout=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None
        workers = [int(it.stdout.readline()) for _ in range(2)]
        it.send_signal(number)
        try:
            # Nobody writes there any more when all three have ended.
            it.communicate(timeout=30)
        finally:
            it.kill()
            for worker in workers:
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
