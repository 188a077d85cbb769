"""One call in a process of its own that really ends when its time is up, whatever it is doing.

`base.pool` forks, which is quick, but a library that has threads cannot be forked safely, and one that is busy in C
does not hear of a polite request. This starts a new interpreter and kills it.
"""

from __future__ import annotations

import importlib
import os
import pickle
import resource
import subprocess
import sys
from collections.abc import Callable
from math import ceil
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

CPU_MARGIN_S = 5
"""CPU seconds beyond its time after which the kernel ends a process that nobody is left to end."""


def within(work: Callable[[Task], Result], task: Task, seconds: float | None) -> Result | None:
    """What `work`, a function of a module, gives for the task; None if it did not in time, or died.

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
            return None
        finally:
            process.kill()
    if process.returncode != 0:
        return None
    result: Result = pickle.loads(said)
    return result


def _main() -> None:
    """In the process of its own."""
    module, name, limit, task = pickle.load(sys.stdin.buffer)
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    out = os.dup(1)
    # What a library prints is no part of the answer.
    os.dup2(2, 1)
    result = getattr(importlib.import_module(module), name)(task)
    with os.fdopen(out, "wb") as answer:
        pickle.dump(result, answer)


if __name__ == "__main__":
    _main()
