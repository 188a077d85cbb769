"""Which mutants survive, and which explanations still fit."""

from __future__ import annotations

from zdcheck.base.exit_codes import ExitCode
from zdcheck.trace.mutation import (
    Baseline,
    MutantName,
    MutantReport,
    MutationReport,
    Outcome,
    Result,
    reasons,
    with_explanations,
)


def mutant(change: str, *results: Result, owner: str = "t") -> MutantReport:
    outcomes = tuple(Outcome(f"c{n}", result) for n, result in enumerate(results))
    name = MutantName("a.zd", owner, change)
    return MutantReport(name, "x/a.zd", 1, 1, "statement", outcomes)


def report(*mutants: MutantReport) -> MutationReport:
    return MutationReport("x/a.zd", (Baseline("c0", 1),), mutants)


def codes(of: MutationReport) -> list[ExitCode]:
    return [reason.code for reason in reasons(of)]


def test_a_survivor_is_seen_by_some_check_and_minded_by_none() -> None:
    assert mutant("x", "survives").survives
    assert mutant("x", "unchanged", "survives", "refused").survives
    assert not mutant("x", "survives", "killed").survives
    assert not mutant("x", "survives", "empty").survives
    assert not mutant("x", "killed", "skipped").survives
    assert not mutant("x", "unchanged").survives
    assert not mutant("x", "survives", "inconclusive").survives
    assert mutant("x", "survives", "inconclusive").is_open
    assert not mutant("x", "killed", "inconclusive").is_open


def test_reasons() -> None:
    assert codes(report(mutant("x", "killed"))) == []
    assert codes(report(mutant("x", "survives"))) == [ExitCode.UNEXPECTED]
    assert codes(report(mutant("x", "inconclusive"))) == [ExitCode.INCONCLUSIVE]
    broken = MutationReport("x/a.zd", (Baseline("c0", 1, "no", ExitCode.UNEXPECTED),), ())
    assert codes(broken) == [ExitCode.UNEXPECTED]
    assert codes(MutationReport("x/a.zd", (), (), untried=3)) == [ExitCode.INTERRUPTED]


def test_explanations() -> None:
    found = report(mutant("x", "survives"), mutant("y", "killed"), mutant("z", "inconclusive"))
    table = {MutantName("a.zd", "t", name): name for name in "xyz"}
    table[MutantName("b.zd", "t", "w")] = "of another spec"
    table[MutantName("a.zd", "mm.gup.gup_fast", "w")] = "of the library"
    explained = with_explanations(found, table, is_whole=True, library=False)
    assert explained.explained == {MutantName("a.zd", "t", "x"): "x"}
    assert explained.outdated == (MutantName("a.zd", "t", "y"),)
    assert codes(explained) == [ExitCode.INCONCLUSIVE, ExitCode.UNEXPECTED]
    assert with_explanations(found, table, is_whole=False, library=True).outdated == ()
    outdated = with_explanations(found, table, is_whole=True, library=True).outdated
    assert MutantName("a.zd", "mm.gup.gup_fast", "w") in outdated
