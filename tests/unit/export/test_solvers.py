"""What solvers say of a certificate's questions, and that an interrupt is none of their answers."""

from __future__ import annotations

from typing import Any

import pytest

from zdcheck.base.diagnostics import ToolError
from zdcheck.engines.protocol import Limits
from zdcheck.engines.symbolic.solving import Clock, Limit, LimitReached
from zdcheck.export import solvers
from zdcheck.export.certificate import Question
from zdcheck.export.solvers import Solver, answers, ask_cvc5, ask_z3, is_installed

HOLDS = Question("it holds", "(assert big)\n(assert (< a 3))")
FAILS = Question("it fails", "(assert big)")


@pytest.mark.parametrize("solver", ["z3", "cvc5"])
def test_one_question_after_the_other(solver: Solver) -> None:
    if not is_installed(solver):
        pytest.skip(f"{solver} is not installed")
    make = ask_z3 if solver == "z3" else ask_cvc5
    ask = make(
        "(set-logic ALL)\n(declare-fun a () Int)\n(define-fun big () Bool (> a 2))", Clock(Limits())
    )
    assert [ask(question) for question in (HOLDS, FAILS, HOLDS)] == ["unsat", "sat", "unsat"]


def test_what_it_does_not_understand() -> None:
    with pytest.raises(ToolError, match="z3 does not understand"):
        ask_z3("(declare-fun a () Nat)", Clock(Limits()))


@pytest.mark.parametrize("limit", ["interrupt", "time"])
def test_what_ends_a_question(limit: Limit, monkeypatch: pytest.MonkeyPatch) -> None:
    def ends(*_: object, **__: object) -> bool:
        raise LimitReached(limit)

    nothing: Any = None
    monkeypatch.setattr(solvers, "preamble", lambda *_: "(declare-fun a () Int)")
    monkeypatch.setattr(solvers, "questions", lambda *_: [Question("it", "(assert (> a 2))")] * 2)
    monkeypatch.setattr(solvers, "is_satisfiable", ends)
    asked = answers("z3", nothing, nothing, None)
    if limit == "interrupt":
        with pytest.raises(KeyboardInterrupt):
            next(asked)
    else:
        assert [answer.text for answer in asked] == ["unknown"]
