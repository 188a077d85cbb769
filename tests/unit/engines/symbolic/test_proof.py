"""What is said when there is no proof."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.systems import unplug
from zdcheck.engines.protocol import Found, Limits, NoneFound, Stopped
from zdcheck.engines.symbolic.induction import Search
from zdcheck.engines.symbolic.proof import Proved, Unproved, prove, run_to
from zdcheck.engines.symbolic.solving import LimitReached
from zdcheck.render.proof import stuck_lines
from zdcheck.trace.proof import NotProved, stuck


def ignore(progress: object) -> None:
    """Watches nothing."""


def patience(questions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is up after so many questions to Z3."""
    ask = Search._model

    def impatient(self: Search) -> Any:
        if self.stats.queries >= questions:
            raise LimitReached("time")
        return ask(self)

    monkeypatch.setattr(Search, "_model", impatient)


def test_the_state_on_which_a_proof_stops_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    system = unplug(pte_holds=True)
    for questions in range(1, 60):
        with monkeypatch.context() as patch:
            patience(questions, patch)
            claim = prove(system, Limits(), ignore, "induction")
        if isinstance(claim, Unproved) and claim.obstacle is not None:
            break
    assert isinstance(claim, Unproved)
    assert claim.obstacle is not None
    assert claim.limit == "time"
    assert claim.is_reachable is False
    shown = stuck(system, claim.obstacle, claim.is_reachable)
    lines = list(stuck_lines(NotProved(claim.statistics, claim.limit, shown, claim.missing)))
    text = "\n".join(lines)
    assert "no run leads there" in text
    assert "gup[0] " in text
    assert "Facts that were missing were most often about" in text
    unknown = stuck(system, claim.obstacle, None)
    lines = list(stuck_lines(NotProved(claim.statistics, claim.limit, unknown, ())))
    assert "may be unreachable" in lines[0]


def test_an_interrupt_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Search) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Search, "_model", interrupted)
    claim = prove(unplug(pte_holds=True), Limits(), ignore)
    assert isinstance(claim, Unproved)
    assert claim.limit == "interrupt"


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random walks are all that is known, and the answers are the same."""
    monkeypatch.setattr("zdcheck.engines.explicit.engine.find_compiler", lambda: None)
    assert isinstance(prove(unplug(pte_holds=True), Limits(), ignore), Proved)
    assert isinstance(prove(unplug(pte_holds=False), Limits(), ignore), Found)


def test_whether_a_run_leads_to_a_state() -> None:
    system = unplug(pte_holds=True)
    first = system.initial_states[0]
    assert isinstance(run_to(system, first, Limits()), Found)
    nowhere = tuple(variable.type.high for variable in system.variables)
    assert isinstance(run_to(system, nowhere, Limits()), NoneFound)
    assert isinstance(run_to(system, nowhere, Limits(max_states=1)), Stopped)
