"""A process of its own ends when its time is up, and what goes wrong in it is no answer."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from zdcheck.base.apart import Unfinished, within


def doubled(task: list[int]) -> list[int]:
    """Something to do."""
    print("this is no part of the answer")
    return [2 * number for number in task]


def where(task: int) -> int:
    """The process that does it."""
    return os.getpid()


def deaf(task: str) -> str:
    """Says that it has begun, and does not end if asked to."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Path(task).write_text(str(os.getpid()))
    while True:
        time.sleep(1)


def spins(task: int) -> int:
    """Needs a processor for ever."""
    while True:
        task += 1


def dies(task: int) -> int:
    """Is killed."""
    os.kill(os.getpid(), signal.SIGKILL)
    return task


def crashes(task: int) -> int:
    """Dies by an error of its own."""
    os.abort()


def fails(task: int) -> int:
    """Raises."""
    raise ValueError(task)


def imports(task: str) -> str:
    """Where a module comes from."""
    return str(__import__(task).__file__)


def test_the_answer() -> None:
    numbers = list(range(100_000))
    assert within(doubled, numbers, None) == [2 * number for number in numbers]


def test_it_is_another_process() -> None:
    assert within(where, 0, 60.0) != os.getpid()


def test_its_time_is_up(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    seconds = 1.0
    while not note.exists():
        began = time.monotonic()
        assert within(deaf, str(note), seconds) == Unfinished(True, "its time was up")
        assert time.monotonic() - began < seconds + 20
        seconds *= 2
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


@pytest.mark.parametrize(
    ("work", "why"),
    [
        (dies, "it was killed, as the kernel does when there is no memory left"),
        (crashes, "it crashed: Aborted"),
        (fails, "it ended with status 1"),
    ],
)
def test_no_answer(work: Callable[[int], int], why: str) -> None:
    assert within(work, 0, 60.0) == Unfinished(False, why)


def test_the_directory_has_no_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module there with the name of one of ours is not taken for it."""
    (tmp_path / "colorsys.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *(entry for entry in sys.path if entry)])
    found = within(imports, "colorsys", 60.0)
    assert isinstance(found, str)
    assert not found.startswith(str(tmp_path))


def test_without_anybody_to_end_it_the_kernel_does() -> None:
    message = pickle.dumps((spins.__module__, spins.__qualname__, 1, 0))
    command = [sys.executable, "-P", "-m", "zdcheck.base.apart"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, input=message, env=env, timeout=60, check=False)
    assert done.returncode == -signal.SIGXCPU
