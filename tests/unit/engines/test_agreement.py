"""Which claims of one system cannot both be so."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.agreement.compare import ignore, interpreted
from tests.agreement.generate import random_system
from zdcheck.base.diagnostics import EngineDisagreement
from zdcheck.engines.agreement import Opinion, disagreement
from zdcheck.engines.interpreter import InterpreterEngine
from zdcheck.engines.portfolio import AllOfThem, FirstThatAnswers
from zdcheck.engines.protocol import (
    Claim,
    Found,
    Limits,
    NoneFound,
    Proven,
    Statistics,
    Stopped,
    Watcher,
)
from zdcheck.ir.run import Deadlock, LockCycle, Run, Stuck
from zdcheck.ir.system import ActionId, System

SYSTEM = random_system(1)
NOTHING = frozenset[int]()


def figures(depth: int = 0) -> Statistics:
    return Statistics(7, 9, depth, 0.1)


def found(steps: int) -> Found:
    return Found(figures(), Deadlock(), Run(0, (ActionId(0),) * steps))


HOLDS = NoneFound(figures(), {}, NOTHING)
PROVED = Proven(figures(), NOTHING, NOTHING, None)
STUCK = Found(figures(), Stuck(0, 1), Run(0, (ActionId(0),) * 3))
CYCLE = Found(figures(), LockCycle(("a", "b"), ()), Run(0, (ActionId(0),) * 3))


def stopped(depth: int) -> Stopped:
    return Stopped(figures(depth), "depth")


@pytest.mark.parametrize(
    ("first", "claim", "second", "other"),
    [
        ("explicit", HOLDS, "bmc", found(3)),
        ("explicit", HOLDS, "interpreter", NoneFound(figures(), {0: Run(0, ())}, NOTHING)),
        ("explicit", HOLDS, "interpreter", NoneFound(figures(), {}, frozenset({1}))),
        ("explicit", found(3), "proof", PROVED),
        ("explicit", CYCLE, "proof", PROVED),
        ("explicit", found(3), "bmc", stopped(3)),
        ("explicit", found(3), "bmc", found(2)),
        ("explicit", found(3), "interpreter", found(4)),
        ("explicit", stopped(5), "bmc", found(4)),
        ("explicit", STUCK, "interpreter", found(3)),
    ],
)
def test_these_disagree(first: str, claim: Claim, second: str, other: Claim) -> None:
    opinions = [Opinion(SYSTEM, first, claim), Opinion(SYSTEM, second, other)]
    for order in (opinions, opinions[::-1]):
        why = disagreement(order)
        assert why is not None
        assert first in why and second in why


@pytest.mark.parametrize(
    ("first", "claim", "second", "other"),
    [
        ("explicit", HOLDS, "proof", PROVED),
        ("explicit", HOLDS, "interpreter", HOLDS),
        ("explicit", HOLDS, "bmc", stopped(24)),
        ("explicit", found(3), "bmc", stopped(2)),
        ("explicit", found(3), "bmc", found(3)),
        ("explicit", found(3), "bmc", found(4)),
        ("explicit", found(3), "interpreter", found(3)),
        ("explicit", stopped(4), "bmc", found(4)),
        ("explicit", STUCK, "proof", PROVED),
        ("explicit", CYCLE, "bmc", stopped(24)),
        ("explicit", STUCK, "bmc", stopped(24)),
    ],
)
def test_these_do_not(first: str, claim: Claim, second: str, other: Claim) -> None:
    assert disagreement([Opinion(SYSTEM, first, claim), Opinion(SYSTEM, second, other)]) is None


class _Tired:
    name = "tired"

    def refuses(self, system: System) -> str | None:
        return None

    def solve(self, system: System, limits: Limits, watch: Watcher) -> Claim:
        return Stopped(figures(2), "memory", "tired")


def test_where_search_ends_others_answer() -> None:
    engine = FirstThatAnswers(_Tired(), lambda: [_Tired(), InterpreterEngine()])
    system = random_system(1)
    claim = engine.solve(system, Limits(), ignore)
    assert type(claim) is type(interpreted(system))
    assert claim.statistics.by == "interpreter"
    claim = FirstThatAnswers(_Tired(), lambda: [_Tired()]).solve(system, Limits(), ignore)
    assert isinstance(claim, Stopped)
    assert (claim.limit, claim.note) == ("memory", "tired; tired: tired")


class _Interrupted:
    """What the user's interrupt does to an engine, and to who asked it."""

    name = "interrupted"

    def refuses(self, system: System) -> str | None:
        return None

    def solve(self, system: System, limits: Limits, watch: Watcher) -> Claim:
        try:
            os.kill(os.getppid(), signal.SIGINT)
            time.sleep(20)
        except KeyboardInterrupt:
            pass
        return Stopped(figures(3), "interrupt", "so far, so good")


def test_an_interrupt_while_others_are_asked_keeps_what_is_known() -> None:
    system = random_system(1)
    first = FirstThatAnswers(_Tired(), lambda: [_Interrupted()])
    claim = first.solve(system, Limits(), ignore)
    assert isinstance(claim, Stopped)
    assert (claim.limit, claim.note) == ("interrupt", "tired; interrupted: so far, so good")
    assert claim.statistics.depth == 2
    all_ = AllOfThem([_Interrupted(), _Liar(), _Liar()])
    claim = all_.solve(system, Limits(), ignore)
    assert isinstance(claim, Stopped)
    assert claim.limit == "interrupt"


class _Liar:
    name = "liar"

    def refuses(self, system: System) -> str | None:
        return None

    def solve(self, system: System, limits: Limits, watch: Watcher) -> Claim:
        return HOLDS


def test_all_of_them_must_agree() -> None:
    """Engines in processes of their own; who says what is in the message."""
    seeds = (seed for seed in range(100) if isinstance(interpreted(random_system(seed)), Found))
    system = random_system(next(seeds))
    engine = AllOfThem([InterpreterEngine(), _Liar()])
    with pytest.raises(EngineDisagreement, match="liar says holds, 7 states"):
        engine.solve(system, Limits(), ignore)
    claim = AllOfThem([InterpreterEngine()]).solve(system, Limits(), ignore)
    assert isinstance(claim, Found)
    assert claim.statistics.by == "interpreter"
