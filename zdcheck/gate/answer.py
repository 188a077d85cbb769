"""One check, answered as its tier wants: searched, or proved, and searched where no proof is found."""

from __future__ import annotations

from dataclasses import dataclass, replace

from zdcheck.engines.choose import EngineName, choose_search
from zdcheck.engines.protocol import Claim, NoneFound, Proven, Stopped
from zdcheck.pipeline import Lowered, Options, run_check
from zdcheck.trace.verdict import CheckReport, Inconclusive

PROOF_S = 300.0
"""Seconds for a proof where no tier says anything."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check gave, and whether that is final: more time would not say more."""

    report: CheckReport
    claim: Claim
    is_final: bool

    @property
    def is_complete(self) -> bool:
        """Whether every reachable state was visited."""
        claim = self.claim
        return isinstance(claim, NoneFound) or (isinstance(claim, Proven) and claim.limit is None)

    def with_remark(self, remark: str, *, is_final: bool) -> Answer:
        """The same with a remark to its report."""
        report = replace(self.report, remarks=(*self.report.remarks, remark))
        return replace(self, report=report, is_final=is_final and self.is_final)


def answer(lowered: Lowered, options: Options, engine: EngineName) -> Answer:
    """The answer of this engine; "proof" is one for checks that expect `holds` and have no progress."""
    if engine != "proof":
        return _answered(lowered, replace(options, engine=engine))
    options = replace(options, engine="auto")
    if lowered.check.expect.violation is not None:
        return _answered(lowered, options)
    if lowered.system.progress:
        found = _answered(lowered, options)
        return found.with_remark("not proved: it has progress properties", is_final=True)
    return _proved(lowered, options)


def inconclusive(verdict: Inconclusive) -> str:
    """Why nobody knows, in words."""
    limit = verdict.limit
    why = "interrupted" if limit == "interrupt" else f"inconclusive: {limit} limit reached"
    return f"{why}, {verdict.note}" if verdict.note else why


def _answered(lowered: Lowered, options: Options) -> Answer:
    choice = choose_search(options.engine, lowered.system, options.without)
    report, claim = run_check(lowered, choice, options, lambda progress: None)
    return Answer(report, claim, not isinstance(claim, Stopped))


def _proved(lowered: Lowered, options: Options) -> Answer:
    """A proof; where none is found in half of the time, what search says in the other half."""
    limits = options.limits
    half = limits.timeout_s and limits.timeout_s / 2
    to_prove = replace(options, engine="proof", limits=replace(limits, timeout_s=half or PROOF_S))
    found = _answered(lowered, to_prove)
    verdict = found.report.verdict
    if not isinstance(verdict, Inconclusive) or verdict.limit == "interrupt":
        return found
    searched = _answered(lowered, replace(options, limits=replace(limits, timeout_s=half)))
    why = inconclusive(verdict).replace("inconclusive", "not proved", 1)
    return searched.with_remark(why, is_final=False)
