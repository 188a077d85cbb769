"""Tasks in processes of their own, a few at a time: one that dies takes nobody with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Generic, TypeVar

from zdcheck.base.interrupts import interrupt, keep_interrupts, stop_listening

_REMINDERS = 10
_PATIENCE_S = 0.5
"""Seconds before a process that was asked to stop is asked again."""

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Done(Generic[Result]):
    """What the task gave."""

    result: Result


@dataclass(frozen=True, slots=True)
class Died:
    """The task's process ended without a result: `signal` is what killed it, 0 if nothing did."""

    signal: int


def run_all(
    work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int
) -> Generator[tuple[Task, Done[Result] | Died], None, None]:
    """Each task with its outcome, as they end; at most `jobs` run at once.

    `work` must not raise. When the caller is interrupted, no further task is begun, what runs is
    interrupted too and gives what it has, if it has something, and then KeyboardInterrupt is raised; a
    second interrupt does not wait. When the caller stops asking, every process that is still running is ended.
    """
    # A forked child has everything imported already. The only thread is the one of `on_interrupt`, and that
    # holds a lock only after an interrupt.
    context = multiprocessing.get_context("fork")
    waiting = list(reversed(tasks))
    running: dict[Connection, tuple[Task, BaseProcess]] = {}
    interrupted = False
    try:
        while waiting or running:
            try:
                while waiting and len(running) < jobs:
                    with _no_interrupt():
                        ours, theirs = context.Pipe(duplex=False)
                        task = waiting.pop()
                        arguments = (work, task, theirs, [ours, *running])
                        process: BaseProcess = context.Process(target=_child, args=arguments)
                        process.start()
                        theirs.close()
                        running[ours] = (task, process)
                ready = [end for end in wait(list(running)) if isinstance(end, Connection)]
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = True
                waiting.clear()
                for _, child in running.values():
                    _interrupt(child)
                continue
            for end in ready:
                task, child = running.pop(end)
                outcome: Done[Result] | Died = _outcome(end, child)
                if not (interrupted and isinstance(outcome, Died)):
                    yield task, outcome
        if interrupted:
            raise KeyboardInterrupt
    finally:
        for _, child in running.values():
            _interrupt(child)
        for connection, (_, child) in running.items():
            _end(child)
            connection.close()


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """An interrupt waits until this is over.

    While Python forks it calls what modules registered for that, and an exception there is printed and
    forgotten. Blocked signals stay so in the forked process, until it can handle them; but here another thread may
    take one, and then the main thread would hear it all the same.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    came: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    is_heard = callable(before) and threading.current_thread() is threading.main_thread()
    if is_heard:
        signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        if is_heard:
            signal.signal(signal.SIGINT, before)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        if came:
            raise KeyboardInterrupt


def _interrupt(process: BaseProcess) -> None:
    """Ask it to stop."""
    if process.is_alive() and process.pid is not None:
        os.kill(process.pid, signal.SIGINT)


def _end(process: BaseProcess) -> None:
    """Wait until it has stopped, and not for ever."""
    for _ in range(_REMINDERS):
        process.join(_PATIENCE_S)
        if not process.is_alive():
            return
        _interrupt(process)
    process.kill()
    process.join()


def _outcome(connection: Connection, process: BaseProcess) -> Done[Result] | Died:
    try:
        result = connection.recv()
    except EOFError:
        process.join()
        return Died(-(process.exitcode or 0) if (process.exitcode or 0) < 0 else 0)
    finally:
        connection.close()
    process.join()
    return Done(result)


def _child(
    work: Callable[[Task], Result],
    task: Task,
    connection: Connection,
    not_mine: Sequence[Connection],
) -> None:
    with suppress(KeyboardInterrupt, BrokenPipeError):
        stop_listening()
        # To be asked to stop and to be interrupted are the same: an engine then says what it has.
        keep_interrupts()
        signal.signal(signal.SIGINT, _interrupt_once)
        signal.signal(signal.SIGTERM, _interrupt_once)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        # Nobody could be told that the caller is gone by an end that this process holds itself.
        for other in not_mine:
            other.close()
        connection.send(work(task))
        connection.close()
        # From here on there is nothing left to stop.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})


def _interrupt_once(number: int, frame: FrameType | None) -> None:
    """Ctrl-C in a terminal is heard by every process, and the one that asked passes it on as well."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    interrupt(number, frame)
