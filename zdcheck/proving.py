"""Proofs of the checks of a spec, and their certificates.

A road of its own beside `pipeline.check_spec`, because a proof is an answer of its own: it says
something about runs of any length, and it can be looked at again by somebody else.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace

from zdcheck.engines.choose import complete
from zdcheck.engines.protocol import Claim, Found, Limits, NoneFound, Stopped, Watcher
from zdcheck.engines.symbolic.crowd import OpenForAll, ProvedForAll, company_facts, prove_for_all
from zdcheck.engines.symbolic.facts import Invariant
from zdcheck.engines.symbolic.minimize import reduced
from zdcheck.engines.symbolic.proof import Method, Proved, Unproved, prove
from zdcheck.engines.symbolic.solving import Clock
from zdcheck.ir.system import System
from zdcheck.lang import model as m
from zdcheck.lower.crowd.abstraction import Crowd
from zdcheck.lower.crowd.make import crowd_of
from zdcheck.pipeline import Lowered, Options, Spec, confirmed, instance_of_check, lower_check
from zdcheck.trace.facts import fact_text
from zdcheck.trace.proof import NotProved, Proof, ProofReport, ProofVerdict, any_number_of, stuck
from zdcheck.trace.verdict import Expected, Holds, Violated, surprise

EXPLICIT_SHARE = 0.3
"""The part of the time that explicit search may take before a proof for any number of threads."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one check; `invariant` if it was proved."""

    lowered: Lowered
    report: ProofReport
    invariant: Invariant | None


def prove_check(
    spec: Spec,
    check: m.Check,
    options: Options,
    watch: Watcher,
    starts: Callable[[str], None] = lambda name: None,
    *,
    method: Method = "auto",
    is_to_be_minimal: bool = False,
) -> Attempt:
    """Prove one check. Raises SpecError, UsageError, ToolError, EngineDisagreement."""
    lowered = lower_check(spec, check, options)
    starts(check.name)
    claim = prove(lowered.system, options.limits, watch, method)
    if is_to_be_minimal and isinstance(claim, Proved):
        claim = with_fewer_facts(lowered.system, claim, options.limits)
    expected = Expected(check.expect.violation, check.expect.of, check.expect.by)
    remarks: list[str] = []
    if spec.model.progress:
        remarks.append("without progress")
    verdict: ProofVerdict
    unexpected = None
    invariant: Invariant | None = None
    match claim:
        case Found():
            verdict = violated = _violated(lowered, claim)
            unexpected = surprise(expected, violated)
        case Unproved(statistics, limit, obstacle, is_reachable, missing, note):
            shown = None if obstacle is None else stuck(lowered.system, obstacle, is_reachable)
            verdict = NotProved(statistics, limit, shown, missing, note)
        case Proved(statistics, found, explored):
            invariant = found
            covers = _covers(lowered, expected, explored)
            unexpected = covers.unexpected
            remarks += covers.remarks
            facts = tuple(fact_text(lowered.system, fact) for fact in found.facts)
            verdict = Proof(statistics, facts, covers.vacuous, covers.uncovered)
    report = ProofReport(
        spec.path,
        check.name,
        expected,
        verdict,
        unexpected,
        tuple(remarks),
        reproduce(spec.path, check.name, options, method=method),
    )
    return Attempt(lowered, report, invariant)


def _violated(lowered: Lowered, found: Found) -> Violated:
    """What was found, replayed. Raises EngineDisagreement."""
    verdict = confirmed(lowered, found)
    assert isinstance(verdict, Violated)
    return verdict


@dataclass(frozen=True, slots=True)
class _Covers:
    """What a search of everything says beside a proof; None, and a remark, where there was no such search."""

    vacuous: tuple[str, ...] | None
    uncovered: tuple[str, ...] | None
    unexpected: str | None
    remarks: tuple[str, ...]


def _covers(lowered: Lowered, expected: Expected, searched: Claim | None) -> _Covers:
    if not isinstance(searched, NoneFound):
        unexpected = None if expected.violation is None else f"expected {expected}"
        return _Covers(None, None, unexpected, ("covers not judged",))
    holds = confirmed(lowered, searched)
    assert isinstance(holds, Holds)
    return _Covers(holds.vacuous, holds.uncovered, surprise(expected, holds), ())


def with_fewer_facts(system: System, proved: Proved, limits: Limits) -> Proved:
    """The proof with as few facts as the time that is left allows."""
    statistics = proved.statistics
    if limits.timeout_s is not None:
        left = max(limits.timeout_s - statistics.elapsed_s, 0.0)
        limits = replace(limits, timeout_s=left)
    clock = Clock(limits)
    found = reduced(system, proved.invariant, clock)
    count = len(found.invariant.facts)
    facts = "1 fact" if count == 1 else f"{count:,} facts"
    word = "minimal" if found.is_minimal else "maybe not minimal"
    seconds = statistics.elapsed_s + clock.elapsed_s
    return replace(
        proved,
        invariant=found.invariant,
        statistics=replace(statistics, figures=f"{facts}, {word}", elapsed_s=seconds),
    )


def crowd_of_check(spec: Spec, check: m.Check, options: Options, open: tuple[str, ...]) -> Crowd:
    """The abstraction of one check for any number of threads of the families `open`."""
    return crowd_of(instance_of_check(spec, check, options), open)


def prove_for_any_number(
    spec: Spec,
    check: m.Check,
    open: tuple[str, ...],
    options: Options,
    watch: Watcher,
    starts: Callable[[str], None] = lambda name: None,
) -> Attempt:
    """Prove one check for any number of threads of the families `open`, from one on.

    Explicit search at the check's own scope comes first: what it finds is the answer, and it judges covers.
    Raises SpecError, ToolError, EngineDisagreement; UsageError also for what cannot be expressed.
    """
    crowd = crowd_of_check(spec, check, options, open)
    lowered = lower_check(spec, check, options)
    starts(check.name)
    expected = Expected(check.expect.violation, check.expect.of, check.expect.by)
    remarks: list[str] = []
    left_s = options.limits.timeout_s
    limits = replace(options.limits, timeout_s=None if left_s is None else left_s * EXPLICIT_SHARE)
    engine = complete(lowered.system, options.without, options.storage).engine
    first = engine.solve(lowered.system, limits, watch)
    verdict: ProofVerdict
    unexpected = None
    if isinstance(first, Found):
        verdict = violated = _violated(lowered, first)
        unexpected = surprise(expected, violated)
    elif isinstance(first, Stopped) and first.limit == "interrupt":
        verdict = NotProved(first.statistics, "interrupt", None, ())
    else:
        if left_s is not None:
            left_s = max(left_s - first.statistics.elapsed_s, 0.0)
        limits = replace(options.limits, timeout_s=left_s)
        match prove_for_all(crowd.abstraction, len(open), limits, watch):
            case OpenForAll(statistics, limit, abstraction, obstacle):
                shown = None
                if obstacle is not None and abstraction is not None:
                    shown = stuck(abstraction.system, obstacle, None)
                verdict = NotProved(statistics, limit, shown, ())
            case ProvedForAll(statistics, abstraction, seen):
                remarks.append("without deadlock")
                if spec.model.progress:
                    remarks.append("without progress")
                covers = _covers(lowered, expected, first)
                unexpected = covers.unexpected
                remarks += covers.remarks
                facts = company_facts(abstraction, seen)
                texts = tuple(fact_text(abstraction.system, fact) for fact in facts)
                verdict = Proof(
                    statistics, texts, covers.vacuous, covers.uncovered, any_number_of(open)
                )
    report = ProofReport(
        spec.path,
        check.name,
        expected,
        verdict,
        unexpected,
        tuple(remarks),
        reproduce(spec.path, check.name, options, open),
    )
    return Attempt(lowered, report, None)


def reproduce(
    path: str,
    check: str,
    options: Options,
    open: tuple[str, ...] = (),
    method: Method = "auto",
) -> str:
    """The command that gives this answer again."""
    words = ["zdcheck", "prove", path, "--check", check]
    if method != "auto":
        words += ["--engine", method]
    if open:
        words += ["--any", ",".join(open)]
    for name, value in options.settings.items():
        words += ["--set", f"{name}={value}"]
    for name, size in options.scope.items():
        words += ["--scope", f"{name}={size}"]
    return shlex.join(words)
