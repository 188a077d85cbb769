"""Spacer: no proof of a system that has a fault, no fault that no run has; and what only Spacer proves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import z3

from tests.agreement.compare import confirm, ignore, interpreted
from tests.agreement.generate import random_system
from tests.agreement.test_proofs import lowered_checks, reachable
from tests.support.systems import unplug
from zdcheck.base.apart import Unfinished
from zdcheck.base.diagnostics import EngineDisagreement
from zdcheck.base.source import SourceFile
from zdcheck.engines.protocol import Found, Limit, Limits, NoneFound, Statistics, Stopped
from zdcheck.engines.symbolic import proof, spacer
from zdcheck.engines.symbolic.facts import Fact, laws, learned
from zdcheck.engines.symbolic.induction import Search
from zdcheck.engines.symbolic.minimize import looked_at_again
from zdcheck.engines.symbolic.obligations import Step
from zdcheck.engines.symbolic.proof import Method, Proved, Unproved, prove
from zdcheck.engines.symbolic.solving import Clock, LimitReached
from zdcheck.engines.symbolic.spacer import LATE, Filled, NoAnswer, Ran, Task, Wrong, answer, ask
from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.run import LockCycle
from zdcheck.ir.system import State, System
from zdcheck.lang.check import check
from zdcheck.lang.modules import load_text
from zdcheck.lower import Instance, lower

EVERYDAY = range(33)
MANY = range(1000, 2500)


def given(system: System, *more: Fact, is_sure: bool = False, seconds: float | None = 20.0) -> Task:
    """The question with the ledger and the properties, and maybe more facts."""
    return Task(system, (*laws(system), *more), is_sure, seconds)


def checked(system: System, filled: Filled) -> None:
    """What is left of the invariant when it is looked at again is true of every reachable state."""
    invariant = looked_at_again(system, filled.invariant, Clock(Limits()))
    for state in reachable(system):
        for fact in invariant.facts:
            assert evaluate(fact.expr, state), fact


def spacer_agrees(system: System) -> bool:
    """Compare; whether there was an answer."""
    wanted = interpreted(system, 1500)
    if isinstance(wanted, Stopped):
        return False
    match answer(given(system)):
        case Filled() as filled:
            assert isinstance(wanted, NoneFound)
            checked(system, filled)
        case Ran(fault, run):
            assert isinstance(wanted, Found)
            confirm(system, Found(Statistics(0, 0, 0, 0.0), fault, run))
            # Orders of locks are what the others look at last.
            assert isinstance(fault, LockCycle) or len(run.actions) >= len(wanted.run.actions)
        case Wrong(what):
            raise AssertionError(what)
        case NoAnswer():
            return False
    return True


@pytest.mark.parametrize("seed", EVERYDAY)
def test_random_systems(seed: int) -> None:
    spacer_agrees(random_system(seed))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(MANY.start, MANY.stop, 100))
def test_many_random_systems(first: int) -> None:
    answered = 0
    for seed in range(first, first + 100):
        try:
            answered += spacer_agrees(random_system(seed))
        except Exception as error:
            error.add_note(f"random_system({seed})")
            raise
    assert answered > 60


def test_broken_variants() -> None:
    """None is proved; which of the runs is found depends on the time, but each ends in a fault."""
    for one, system in lowered_checks("unplug/teardown.zd"):
        if one.expect.violation is None:
            continue
        match answer(given(system, seconds=3.0)):
            case Ran(fault, run):
                confirm(system, Found(Statistics(0, 0, 0, 0.0), fault, run))
            case said:
                assert isinstance(said, NoAnswer), one.name


PARITY = """\
var x : 0..127 = 0;
var y : 0..127 = 0;
var now : 0..63 = 0;
var becomes : 0..63 = 0;

daemon thread jumps {
    forever {
        either { now = any 0..63; }
        or { becomes = any 0..63; }
        or { atomic { wait until x == now + now; x = becomes + becomes; } }
        or { atomic { wait until y == now + now; y = becomes + becomes; } }
        or { atomic { wait until x == now + now + 1; x = becomes + becomes + 1; } }
        or { atomic { wait until y == now + now + 1; y = becomes + becomes + 1; } }
        or { atomic { wait until x == 0 && y == 0; x = 1; y = 1; } }
    }
}

invariant apart: !(x == 126 && y == 127);
check "both are odd or none is" { expect holds; }
"""
"""What is so of all states says something of two bits; by values it takes a fact for each of 4,096 pairs."""


def parity() -> System:
    """The system of that spec."""
    model = check(load_text(SourceFile("parity.zd", PARITY), Path()))
    return lower(Instance.of(model, model.checks[0]))


SOME = Limits(max_states=20_000)
"""Of its 33 million states so many are seen."""


def test_what_only_spacer_proves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "WALKS", 3)
    system = parity()
    some = replace(SOME, timeout_s=15.0)
    assert isinstance(prove(system, some, ignore, "induction"), Unproved)
    proved = prove(system, replace(SOME, timeout_s=120.0), ignore, "spacer")
    assert isinstance(proved, Proved)
    assert len(proved.invariant.facts) < 10


def test_spacer_goes_on_where_induction_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """And has no harm from what induction has guessed by then."""
    monkeypatch.setattr(proof, "WALKS", 3)
    model = Search._model

    def impatient(self: Search) -> State | None:
        if self.stats.queries >= 50:
            raise LimitReached("time")
        return model(self)

    monkeypatch.setattr(Search, "_model", impatient)
    proved = prove(parity(), replace(SOME, timeout_s=200.0), ignore)
    assert isinstance(proved, Proved)
    assert "Spacer" in proved.statistics.extra


def test_a_limit_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(given(parity(), seconds=0.001)) == LATE
    monkeypatch.setattr(proof, "ask", lambda task: LATE)
    claim = prove(parity(), replace(SOME, timeout_s=1.0), ignore)
    assert isinstance(claim, Unproved)
    assert (claim.limit, claim.note) == ("time", "")


def late(search: Search) -> State | None:
    """What a search does that has no time left."""
    raise LimitReached("time")


@pytest.mark.parametrize("limit", ["memory", None])
def test_what_stopped_it_is_said(monkeypatch: pytest.MonkeyPatch, limit: Limit | None) -> None:
    """Where induction's time was up before, that is said too."""
    monkeypatch.setattr(proof, "WALKS", 3)
    monkeypatch.setattr(proof, "ask", lambda task: NoAnswer(limit, "it crashed: Aborted"))
    monkeypatch.setattr(Search, "_model", late)
    wanted: list[tuple[Method, Limit | None]] = [("spacer", limit), ("auto", "time")]
    for method, expected in wanted:
        claim = prove(parity(), replace(SOME, timeout_s=200.0), ignore, method)
        assert isinstance(claim, Unproved)
        assert (claim.limit, claim.note) == (expected, "Spacer: it crashed: Aborted")


@pytest.mark.parametrize(
    ("ended", "limit"),
    [(Unfinished(True, "its time was up"), "time"), (Unfinished(False, "it crashed"), None)],
)
def test_a_process_that_died_is_no_limit(
    monkeypatch: pytest.MonkeyPatch, ended: Unfinished, limit: Limit | None
) -> None:
    monkeypatch.setattr(spacer, "within", lambda work, task, seconds: ended)
    assert ask(given(parity())) == NoAnswer(limit, ended.why)


def test_a_run_is_shown_and_replayed() -> None:
    """`prove` meets faults earlier; here nobody else looks."""
    match ask(given(unplug(pte_holds=False))):
        case Ran(fault, run):
            confirm(unplug(pte_holds=False), Found(Statistics(0, 0, 0, 0.0), fault, run))
        case said:
            raise AssertionError(said)


@pytest.mark.parametrize("is_sure", [True, False])
def test_a_wrong_guess_does_no_harm(is_sure: bool) -> None:
    """A fact that a reachable state refutes is given up, wherever it comes from."""
    system = unplug(pte_holds=True)
    last = reachable(system)[-1]
    wrong = learned(system, {v.id: frozenset({last[v.id]}) for v in system.variables})
    found = answer(given(system, wrong, is_sure=is_sure))
    assert isinstance(found, Filled)
    assert wrong not in found.invariant.facts
    checked(system, found)


def test_true_guesses_are_kept() -> None:
    system = unplug(pte_holds=True)
    proved = prove(system, Limits(timeout_s=60), ignore, "induction")
    assert isinstance(proved, Proved)
    guesses = [fact for fact in proved.invariant.facts if fact.never]
    found = answer(given(system, *guesses, is_sure=True))
    assert isinstance(found, Filled)
    assert set(guesses) <= set(found.invariant.facts)
    assert found.lemmas == 0


DEEP = (52, 53, 154, 160)
"""Random systems of which the shortest run to a fault has four steps."""


@pytest.mark.parametrize("seed", DEEP)
def test_a_step_that_is_forgotten_is_noticed(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spacer then proves a broken system, and the second look at it says so."""
    system = random_system(seed)
    wanted = interpreted(system)
    assert isinstance(wanted, Found)
    everything = spacer._Filling._step

    def some(self: Any, step: Step, after: Sequence[Any]) -> Any:
        forgotten = system.actions[wanted.run.actions[1]].location
        return (
            z3.BoolVal(False)
            if step.action.location == forgotten
            else everything(self, step, after)
        )

    monkeypatch.setattr(spacer._Filling, "_step", some)
    found = answer(given(system))
    assert isinstance(found, Filled), "the mistake makes no difference: this test is worth nothing"
    with pytest.raises(EngineDisagreement):
        looked_at_again(system, found.invariant, Clock(Limits()))


@pytest.mark.parametrize("seed", DEEP)
def test_a_run_that_is_none_is_noticed(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = spacer._Filling._states

    def some(self: Any, refutation: Any) -> list[State]:
        states = everything(self, refutation)
        return states[:1] + states[2:]

    monkeypatch.setattr(spacer._Filling, "_states", some)
    assert isinstance(answer(given(random_system(seed))), Wrong)


def test_a_fault_of_the_first_state() -> None:
    """And one of the step from it."""
    steps = set()
    for seed in range(40):
        system = random_system(seed)
        wanted = interpreted(system, 1500)
        if isinstance(wanted, Found) and len(wanted.run.actions) < 2:
            found = answer(given(system))
            assert isinstance(found, Ran)
            confirm(system, Found(Statistics(0, 0, 0, 0.0), found.fault, found.run))
            steps.add(len(found.run.actions))
    assert steps >= {0, 1}
