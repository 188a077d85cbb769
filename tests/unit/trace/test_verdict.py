"""Verdict against expectation, and the exit status that follows: one table."""

from __future__ import annotations

import pytest

from tests.support.systems import unplug
from tests.unit.trace.test_replay import trace_of
from zdcheck.base.exit_codes import ExitCode, worst
from zdcheck.engines.protocol import Limit, Statistics
from zdcheck.trace.verdict import (
    CheckReport,
    Expected,
    Holds,
    Inconclusive,
    SpecReport,
    Verdict,
    Violated,
    exit_code,
    reasons,
    surprise,
)

NOTHING = Statistics(1, 0, 0, 0.0)
TRACE = trace_of(unplug())


def holds(*, vacuous: tuple[str, ...] = (), uncovered: tuple[str, ...] = ()) -> Holds:
    return Holds(NOTHING, vacuous, uncovered, (), (0, 0), (0, 0))


def stopped(limit: Limit) -> Inconclusive:
    return Inconclusive(NOTHING, limit, "")


HOLDS = Expected(None, None, None)
ZERO = "refcount_zero_in_pte"


def violation(id: str, of: str | None = None, by: str | None = None) -> Expected:
    return Expected(id, of, by)


@pytest.mark.parametrize(
    ("expected", "verdict", "why", "code"),
    [
        (HOLDS, holds(), None, 0),
        (HOLDS, holds(vacuous=("p",)), "antecedent of `p` is never true", 1),
        (HOLDS, holds(uncovered=("c",)), "cover `c` is never reached", 1),
        (HOLDS, Violated(NOTHING, TRACE), f"violation {ZERO}, expected holds", 1),
        (HOLDS, stopped("states"), None, 3),
        (HOLDS, stopped("time"), None, 3),
        (HOLDS, stopped("memory"), None, 3),
        (HOLDS, stopped("interrupt"), None, 130),
        (violation(ZERO), Violated(NOTHING, TRACE), None, 0),
        (violation(ZERO, by="unplug"), Violated(NOTHING, TRACE), None, 0),
        (violation(ZERO, of=ZERO, by="unplug"), Violated(NOTHING, TRACE), None, 0),
        (violation(ZERO, by="gup"), Violated(NOTHING, TRACE), "by unplug, expected it by gup", 1),
        (violation(ZERO, of="other"), Violated(NOTHING, TRACE), "expected it of other", 1),
        (violation("wrong_page"), Violated(NOTHING, TRACE), "expected violation wrong_page", 1),
        (violation(ZERO), holds(), f"holds, expected violation {ZERO}", 1),
        (violation(ZERO), stopped("states"), None, 3),
        (violation("uncovered"), holds(uncovered=("c",)), None, 0),
        (violation("uncovered", of="c"), holds(uncovered=("c",)), None, 0),
        (violation("uncovered", of="c"), holds(uncovered=("c", "d")), "cover `d`", 1),
        (violation("uncovered", of="c"), holds(uncovered=("d",)), "holds, expected", 1),
        (violation("uncovered"), holds(uncovered=("c",), vacuous=("p",)), "antecedent", 1),
        (violation("vacuous"), holds(vacuous=("p",)), None, 0),
    ],
)
def test_the_table(expected: Expected, verdict: Verdict, why: str | None, code: int) -> None:
    said = surprise(expected, verdict)
    if why is None:
        assert said is None
    else:
        assert said is not None
        assert why in said
    report = CheckReport("a.zd", "c", "interpreter", expected, verdict, said, (), "zdcheck")
    assert report.exit_code == code
    spec = SpecReport("a.zd", (), (report,), (), ())
    assert exit_code(*reasons(spec)) == code


def test_the_worst_wins() -> None:
    order = [0, 130, 3, 1, 2, 70]
    for n, code in enumerate(order):
        assert worst(*(ExitCode(c) for c in order[: n + 1])) == code
        assert worst(*(ExitCode(c) for c in reversed(order[: n + 1]))) == code
    assert worst() == 0


def test_what_an_interrupt_left_out_counts() -> None:
    assert exit_code(*reasons(SpecReport("a.zd", (), (), (), ("late",)))) == 130
