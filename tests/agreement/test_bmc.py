"""Bounded model checking finds what the reference interpreter finds, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.agreement.compare import confirm, ignore, interpreted
from tests.agreement.generate import random_system
from zdcheck.base.diagnostics import EngineDisagreement
from zdcheck.engines.faults import check_numbers, rank
from zdcheck.engines.protocol import Found, Limits, NoneFound, Stopped
from zdcheck.engines.symbolic import bmc
from zdcheck.engines.symbolic.bmc import BmcEngine
from zdcheck.ir.expr import Const, Expr, Var, eq
from zdcheck.ir.run import LockCycle
from zdcheck.ir.system import Action, System

EVERYDAY = range(40)
MANY = range(1000, 2500)

DEEPEST = 8
"""Steps of the longest counterexample that is compared."""


def bmc_agrees(system: System) -> bool:
    """The engines say the same; False if the system is too large to compare."""
    # Lock order is judged by a search of everything only.
    system = replace(system, actions=tuple(replace(a, lock_edges=()) for a in system.actions))
    wanted = interpreted(system, 1000)
    match wanted:
        case Found(_, fault, run) if len(run.actions) <= DEEPEST:
            assert not isinstance(fault, LockCycle)
            got = BmcEngine().solve(system, Limits(max_depth=DEEPEST), ignore)
            assert isinstance(got, Found), f"{got} instead of {fault}"
            confirm(system, got)
            numbers = check_numbers(system)
            assert len(got.run.actions) == len(run.actions)
            ranks = [
                rank(
                    found.fault,
                    system.actions[found.run.actions[-1]] if found.run.actions else None,
                    numbers,
                )
                for found in (wanted, got)
            ]
            assert ranks[0] == ranks[1]
        case NoneFound() | Found():
            depth = DEEPEST if isinstance(wanted, NoneFound) else len(wanted.run.actions) - 1
            got = BmcEngine().solve(system, Limits(max_depth=min(depth, DEEPEST)), ignore)
            if isinstance(got, Found):
                # Layers are fewer than steps, so it may see further.
                confirm(system, got)
                assert isinstance(wanted, Found)
                assert len(got.run.actions) >= len(wanted.run.actions)
            else:
                assert isinstance(got, Stopped)
                assert got.limit == "depth"
        case Stopped():
            return False
    return True


@pytest.mark.parametrize("seed", EVERYDAY)
def test_bmc_agrees(seed: int) -> None:
    bmc_agrees(random_system(seed))


def test_a_guard_that_is_missing_in_the_encoding_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its counterexamples do not replay, so nobody ever sees them."""

    def without_guards(system: System, action: Action) -> Expr:
        return eq(Var(system.threads[action.thread].pc), Const(action.location))

    monkeypatch.setattr(bmc, "goes", without_guards)
    noticed = 0
    for seed in range(60):
        system = random_system(seed)
        try:
            got = BmcEngine().solve(system, Limits(max_depth=6), ignore)
        except EngineDisagreement:
            noticed += 1
            continue
        if isinstance(got, Found):
            confirm(system, got)
    assert noticed > 3


@pytest.mark.slow
@pytest.mark.parametrize("first", range(MANY.start, MANY.stop, 100))
def test_bmc_agrees_on_many(first: int) -> None:
    compared = 0
    for seed in range(first, first + 100):
        try:
            compared += bmc_agrees(random_system(seed))
        except Exception as error:
            error.add_note(f"random_system({seed})")
            raise
    assert compared > 70
