"""Asking Z3 within limits: time, and Ctrl-C."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import z3

from zdcheck.base.interrupts import on_interrupt
from zdcheck.engines.protocol import Limit, Limits

TOGETHER = 32
"""Questions about single steps that are asked at once: most are answered by no, and asking takes most of the time."""

STEPS_TOGETHER = 8
"""Steps that are asked at once whether they keep their facts: with more of them the answers take longer than the asking."""


def batched(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """So many of them at a time."""
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


class LimitReached(Exception):
    """A limit came before the answer."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit)
        self.limit: Limit = limit


class Clock:
    """How much time there is."""

    def __init__(self, limits: Limits) -> None:
        self.started = time.monotonic()
        self.ends = None if limits.timeout_s is None else self.started + limits.timeout_s

    def earlier(self, other: Clock) -> Clock:
        """The one of the two that ends first."""
        if self.ends is None or (other.ends is not None and other.ends < self.ends):
            return other
        return self

    @property
    def elapsed_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.started

    def left_s(self) -> float | None:
        """Seconds until the limit, None without one. Raises LimitReached."""
        if self.ends is None:
            return None
        left = self.ends - time.monotonic()
        if left <= 0:
            raise LimitReached("time")
        return left


@cache
def _listen(process: int) -> None:
    """Once in each process: an interrupt ends the question that Z3 is at."""
    on_interrupt(_end_question)


_is_asking = False
"""Between questions nothing may be interrupted: Z3 would leave what it is at as it is, such as a term it simplifies."""


def _end_question() -> bool:
    if _is_asking:
        # It also looks for errors, and may find one of the question's.
        with suppress(z3.Z3Exception):
            z3.main_ctx().interrupt()
    return _is_asking


def is_satisfiable(solver: Any, *assumptions: Any, clock: Clock) -> bool:
    """Whether there is a model. Raises LimitReached, also for an interrupt."""
    global _is_asking
    left = clock.left_s()
    # Z3 reads 2^32 - 1 as no limit. What it does by itself about Ctrl-C may wait for a lock that it holds, for ever.
    limit = 4294967295 if left is None else max(1, min(int(left * 1000), 2**31))
    solver.set(timeout=limit, ctrl_c=False)
    _listen(os.getpid())
    try:
        # `solver.check` looks at the sort of each assumption, which takes longer than most questions.
        array = (z3.Ast * len(assumptions))(*(term.ast for term in assumptions))
        _is_asking = True
        answer = z3.CheckSatResult(
            z3.Z3_solver_check_assumptions(solver.ctx.ref(), solver.solver, len(assumptions), array)
        )
    except KeyboardInterrupt:
        raise LimitReached("interrupt") from None
    except z3.Z3Exception as error:
        if "canceled" in str(error) or "interrupted" in str(error):
            raise LimitReached("interrupt") from None
        raise
    finally:
        _is_asking = False
    if answer == z3.sat:
        return True
    if answer == z3.unsat:
        return False
    reason = solver.reason_unknown()
    if "interrupt" in reason:
        raise LimitReached("interrupt")
    if "memory" in reason or "memout" in reason:
        raise LimitReached("memory")
    clock.left_s()
    raise LimitReached("time")
