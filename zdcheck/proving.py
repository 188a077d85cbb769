"""Proofs of the checks of a spec, and their certificates.

A road of its own beside `pipeline.check_spec`, because a proof is an answer of its own: it says
something about runs of any length, and it can be looked at again by somebody else.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace

from zdcheck.engines.protocol import Found, Limits, Watcher
from zdcheck.engines.symbolic.facts import Invariant
from zdcheck.engines.symbolic.minimize import reduced
from zdcheck.engines.symbolic.proof import Proved, Unproved, prove
from zdcheck.engines.symbolic.solving import Clock
from zdcheck.ir.system import System
from zdcheck.lang import model as m
from zdcheck.pipeline import Lowered, Options, Spec, confirmed, lower_check
from zdcheck.trace.facts import fact_text
from zdcheck.trace.proof import NotProved, Proof, ProofReport, ProofVerdict, stuck
from zdcheck.trace.verdict import Expected, Holds, surprise


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
    is_to_be_minimal: bool = False,
) -> Attempt:
    """Prove one check. Raises SpecError, UsageError, ToolError, EngineDisagreement."""
    lowered = lower_check(spec, check, options)
    starts(check.name)
    return prove_lowered(lowered, options, watch, is_to_be_minimal=is_to_be_minimal)


def prove_lowered(
    lowered: Lowered, options: Options, watch: Watcher, *, is_to_be_minimal: bool = False
) -> Attempt:
    """The same of a check that is ready. Raises ToolError, EngineDisagreement."""
    spec, check = lowered.spec, lowered.check
    claim = prove(lowered.system, options.limits, watch)
    if is_to_be_minimal and isinstance(claim, Proved):
        claim = with_fewer_facts(lowered.system, claim, options.limits)
    expected = Expected(check.expect.violation, check.expect.of, check.expect.by)
    remarks = []
    if spec.model.progress:
        remarks.append("without progress")
    verdict: ProofVerdict
    unexpected = None
    invariant: Invariant | None = None
    match claim:
        case Found():
            violated = confirmed(lowered, claim)
            unexpected = surprise(expected, violated)
            assert not isinstance(violated, Holds)
            verdict = violated  # type: ignore[assignment]
        case Unproved(statistics, limit, obstacle, is_reachable, missing):
            shown = None if obstacle is None else stuck(lowered.system, obstacle, is_reachable)
            verdict = NotProved(statistics, limit, shown, missing)
        case Proved(statistics, found, explored):
            invariant = found
            vacuous = uncovered = None
            if explored is not None:
                holds = confirmed(lowered, explored)
                assert isinstance(holds, Holds)
                vacuous, uncovered = holds.vacuous, holds.uncovered
                unexpected = surprise(expected, holds)
            else:
                remarks.append("covers not judged")
                if expected.violation is not None:
                    unexpected = f"expected {expected}"
            facts = tuple(fact_text(lowered.system, fact) for fact in found.facts)
            verdict = Proof(statistics, facts, vacuous, uncovered)
    report = ProofReport(
        spec.path,
        check.name,
        expected,
        verdict,
        unexpected,
        tuple(remarks),
        reproduce(spec.path, check.name, options),
    )
    return Attempt(lowered, report, invariant)


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


def reproduce(path: str, check: str, options: Options) -> str:
    """The command that gives this answer again."""
    words = ["zdcheck", "prove", path, "--check", check]
    for name, value in options.settings.items():
        words += ["--set", f"{name}={value}"]
    for name, size in options.scope.items():
        words += ["--scope", f"{name}={size}"]
    return shlex.join(words)
