"""Proofs of the checks of a spec, and their certificates.

A road of its own beside `pipeline.check_spec`, because a proof is an answer of its own: it says
something about runs of any length, and it can be looked at again by somebody else.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, assert_never

from zdcheck.base.diagnostics import EngineDisagreement, UsageError
from zdcheck.engines.choose import complete
from zdcheck.engines.protocol import Claim, Found, Limits, NoneFound, Stopped, Watcher
from zdcheck.engines.symbolic.closure import closure
from zdcheck.engines.symbolic.crowd import OpenForAll, ProvedForAll, company_facts, prove_for_all
from zdcheck.engines.symbolic.facts import Invariant
from zdcheck.engines.symbolic.minimize import reduced
from zdcheck.engines.symbolic.proof import Method, Proved, Unproved, prove
from zdcheck.engines.symbolic.solving import Clock, LimitReached
from zdcheck.export import certificate as files
from zdcheck.export.seen import seen_of, spelled_seen
from zdcheck.ir.system import System
from zdcheck.lang import model as m
from zdcheck.lower.crowd.abstraction import Crowd
from zdcheck.lower.crowd.make import crowd_of
from zdcheck.pipeline import Lowered, Options, Spec, confirmed, instance_of_check, lower_check
from zdcheck.trace.facts import fact_text, seen_texts
from zdcheck.trace.proof import (
    COVERS,
    NotProved,
    Proof,
    ProofReport,
    ProofVerdict,
    any_number_of,
    stuck,
)
from zdcheck.trace.verdict import Expected, Holds, Violated, surprise

EXPLICIT_SHARE = 0.3
"""The part of the time that explicit search may take before a proof for any number of threads."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one check, in the time of `clock`; `proved` if it was proved."""

    report: ProofReport
    proved: ProvedAtScope | ProvedForAll | None
    clock: Clock


@dataclass(frozen=True, slots=True)
class ProvedAtScope:
    """The invariant of a check's own system."""

    system: System
    invariant: Invariant


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
    clock = Clock(options.limits)
    lowered = lower_check(spec, check, options)
    starts(check.name)
    claim = prove(lowered.system, options.limits, watch, method)
    if is_to_be_minimal and isinstance(claim, Proved):
        claim = with_fewer_facts(lowered.system, claim, options.limits)
    expected = Expected(check.expect.violation, check.expect.of, check.expect.by)
    remarks = _not_covered(spec, ())
    verdict: ProofVerdict
    unexpected = None
    proved: ProvedAtScope | None = None
    match claim:
        case Found():
            verdict = violated = _violated(lowered, claim)
            unexpected = surprise(expected, violated)
        case Unproved(statistics, limit, obstacle, is_reachable, missing, note):
            shown = None if obstacle is None else stuck(lowered.system, obstacle, is_reachable)
            verdict = NotProved(statistics, limit, shown, missing, note)
        case Proved(statistics, found, explored):
            proved = ProvedAtScope(lowered.system, found)
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
    return Attempt(report, proved, clock)


def _not_covered(spec: Spec, open: tuple[str, ...]) -> list[str]:
    """What a proof of a check of the spec says nothing about."""
    found = ["without deadlock"] if open else []
    return [*found, "without progress"] if spec.model.progress else found


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
    """The abstraction of one check for any number of the threads and objects that `open` names."""
    return crowd_of(instance_of_check(spec, check, options), open)


def prove_for_any_number(
    spec: Spec,
    check: m.Check,
    open: tuple[str, ...],
    options: Options,
    watch: Watcher,
    starts: Callable[[str], None] = lambda name: None,
) -> Attempt:
    """Prove one check for any number of the threads and objects that `open` names, from one on.

    Explicit search at the check's own scope comes first: what it finds is the answer, and it judges covers.
    Raises SpecError, ToolError, EngineDisagreement; UsageError also for what cannot be expressed.
    """
    clock = Clock(options.limits)
    crowd = crowd_of_check(spec, check, options, open)
    lowered = lower_check(spec, check, options)
    starts(check.name)
    expected = Expected(check.expect.violation, check.expect.of, check.expect.by)
    remarks: list[str] = []
    proved: ProvedForAll | None = None
    limits = options.limits
    if limits.timeout_s is not None:
        limits = replace(limits, timeout_s=limits.timeout_s * EXPLICIT_SHARE)
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
        claim = prove_for_all(crowd.abstraction, len(crowd.views), _left(options, clock), watch)
        match claim:
            case OpenForAll(statistics, limit, abstraction, obstacle):
                shown = None
                if obstacle is not None and abstraction is not None:
                    shown = stuck(abstraction.system, obstacle, None)
                verdict = NotProved(statistics, limit, shown, ())
            case ProvedForAll(statistics, abstraction, seen):
                proved = claim
                remarks += _not_covered(spec, open)
                covers = _covers(lowered, expected, first)
                unexpected = covers.unexpected
                remarks += covers.remarks
                facts = company_facts(abstraction, seen)
                texts = tuple(fact_text(abstraction.system, fact) for fact in facts)
                verdict = Proof(
                    statistics,
                    texts,
                    covers.vacuous,
                    covers.uncovered,
                    any_number_of(open, spec.model.kinds),
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
    return Attempt(report, proved, clock)


def _left(options: Options, clock: Clock) -> Limits:
    """The limits, with the time that is left."""
    try:
        return replace(options.limits, timeout_s=clock.left_s())
    except LimitReached:
        return replace(options.limits, timeout_s=0.0)


# --- certificates -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Certified:
    """A proof as the texts of its two files."""

    document: str
    script: str


@dataclass(frozen=True, slots=True)
class Uncertified:
    """Why a proof for any number of threads has no invariant to write down."""

    why: str


def certify(
    spec: Spec,
    attempt: Attempt,
    options: Options,
    watch: Watcher,
    *,
    is_to_be_minimal: bool = False,
) -> Certified | Uncertified:
    """What to write about a check that was proved.

    For any number of threads an invariant of the abstraction is looked for first, in the time that is left. Raises
    EngineDisagreement if that finds a fault in it, KeyboardInterrupt.
    """
    report = attempt.report
    subject = files.Subject(report.spec, report.check, options.settings, options.scope)
    match attempt.proved:
        case ProvedAtScope(system, invariant):
            return _certified(spec, subject, (), system, invariant, [])
        case ProvedForAll(_, abstraction, seen):
            system, owed = abstraction.system, closure(abstraction, seen)
            limits = _left(options, attempt.clock)
            claim = prove(system, limits, watch, owed=owed)
            if is_to_be_minimal and isinstance(claim, Proved):
                claim = with_fewer_facts(system, claim, limits)
            match claim:
                case Proved(_, invariant):
                    texts = seen_texts(abstraction, seen)
                    spelled = spelled_seen(abstraction.views, system.variables, seen, texts)
                    families = (view.family for view in abstraction.views)
                    open = (*families, *abstraction.objects)
                    return _certified(spec, subject, open, system, invariant, spelled)
                case Unproved(limit="interrupt"):
                    raise KeyboardInterrupt
                case Unproved(limit=limit, note=note):
                    why = [] if limit is None else [f"{limit} limit reached"]
                    return Uncertified("; ".join([*why, *([note] if note else [])]))
                case Found(fault=fault):
                    raise EngineDisagreement(f"the abstraction was proved and has a fault: {fault}")
                case _:
                    assert_never(claim)
        case _:
            raise AssertionError("nothing was proved")


def _certified(
    spec: Spec,
    subject: files.Subject,
    open: tuple[str, ...],
    system: System,
    invariant: Invariant,
    seen: list[dict[str, Any]],
) -> Certified:
    texts = tuple(fact_text(system, fact) for fact in invariant.facts)
    covers = _covered(spec, open)
    objects = tuple(name for name in open if name in spec.model.kinds)
    about = [f"Then {subject.check} of {subject.spec} is proved for {_in_full(spec, open)}."]
    if open:
        about.append(
            "The system is an abstraction of all sizes. That it is one is argued in docs/proofs-any-number.md;"
        )
        about.append(f"it is made by: zdcheck verify-proof FILE {subject.spec}.")
    return Certified(
        files.document(subject, covers, system, invariant, texts, seen, objects),
        files.script(system, invariant, about),
    )


def _in_full(spec: Spec, open: tuple[str, ...]) -> str:
    """What a proof covers, and what not."""
    return ", ".join([_covered(spec, open), *_not_covered(spec, open)])


def _covered(spec: Spec, open: tuple[str, ...]) -> str:
    return any_number_of(open, spec.model.kinds) if open else COVERS


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a certificate says: that this is an invariant of this system, and what that would be a proof of."""

    check: str
    covers: str
    system: System
    invariant: Invariant


def claimed(certificate: files.Certificate, spec: Spec) -> Claimed:
    """A certificate's claim about a spec as that is now; nothing of it is looked at yet.

    Raises SpecError; UsageError and ToolError if it is about something else.
    """
    subject, open = certificate.subject, certificate.open
    check = spec.check(subject.check)
    options = Options(settings=subject.settings, scope=subject.scope)
    covers = _in_full(spec, open)
    if not open:
        system = lower_check(spec, check, options).system
        return Claimed(check.name, covers, system, files.invariant_of(certificate, system))
    try:
        crowd = crowd_of_check(spec, check, options, open)
        seen = seen_of(certificate.seen, crowd.views, crowd.variables)
        abstraction = crowd.abstraction(seen)
    except UsageError as error:
        raise UsageError(f"the proof does not fit {spec.path}: {error}") from None
    found = files.invariant_of(certificate, abstraction.system)
    # What was seen is part of the invariant whatever the file says.
    facts = (*closure(abstraction, seen), *found.facts)
    return Claimed(check.name, covers, abstraction.system, replace(found, facts=facts))


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
