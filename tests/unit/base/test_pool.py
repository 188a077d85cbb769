"""Tasks in processes of their own: one that dies is told, and takes nobody with it."""

from __future__ import annotations

import os
import signal

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
