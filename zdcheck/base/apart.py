"""One call in a process of its own that really ends when its time is up, whatever it is doing.

`base.pool` forks, which is quick, but a library that has threads cannot be forked safely, and one that is busy in C
does not hear of a polite request. This starts a new interpreter and kills it.
"""

from __future__ import annotations

import importlib
import os
import pickle
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

CPU_MARGIN_S = 5
"""CPU seconds beyond its time after which the kernel ends a process that nobody is left to end."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """There is no result: the time was up, or (`is_late` false) the process died; `why` in words."""

    is_late: bool
    why: str


def within(
    work: Callable[[Task], Result], task: Task, seconds: float | None
) -> Result | Unfinished:
    """What `work`, a function of a module, gives for the task, or why there is nothing.

    `work` must not raise. On KeyboardInterrupt the process is ended first.
    """
    limit = None if seconds is None else ceil(seconds) + CPU_MARGIN_S
    message = pickle.dumps((work.__module__, work.__qualname__, limit, task))
    # Not the directory that we are in: there may be modules with the names of ours.
    command = [sys.executable, "-P", "-m", __name__]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        try:
            said, _ = process.communicate(message, timeout=seconds)
        except subprocess.TimeoutExpired:
            return Unfinished(is_late=True, why="its time was up")
        finally:
            process.kill()
    if process.returncode != 0:
        return _died(process.returncode)
    result: Result = pickle.loads(said)
    return result


def _died(status: int) -> Unfinished:
    if status == -signal.SIGXCPU:
        return Unfinished(is_late=True, why="the kernel ended it: its CPU time was up")
    if status == -signal.SIGKILL:
        why = "it was killed, as the kernel does when there is no memory left"
    elif status < 0:
        why = f"it crashed: {signal.strsignal(-status) or f'signal {-status}'}"
    else:
        why = f"it ended with status {status}"
    return Unfinished(is_late=False, why=why)


def _main() -> None:
    """In the process of its own."""
    module, name, limit, task = pickle.load(sys.stdin.buffer)
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
    out = os.dup(1)
    # What a library prints is no part of the answer.
    os.dup2(2, 1)
    result = getattr(importlib.import_module(module), name)(task)
    with os.fdopen(out, "wb") as answer:
        pickle.dump(result, answer)


if __name__ == "__main__":
    _main()
