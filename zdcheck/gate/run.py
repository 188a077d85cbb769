"""Running the checks of a repository: in parallel, each spec in a process of its own."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zdcheck.base.diagnostics import Diagnostic, EngineDisagreement, SpecError, ZdcheckError
from zdcheck.base.files import real
from zdcheck.base.pool import Died, run_all
from zdcheck.base.resources import library_root
from zdcheck.engines.protocol import Statistics
from zdcheck.gate.answer import Answer, answer, inconclusive
from zdcheck.gate.cache import Cache, CheckEntry, SpecEntry, Stamps, tool_identity
from zdcheck.gate.outcome import CheckOutcome, Finding, SpecOutcome, VerdictWord
from zdcheck.gate.settings import Tier
from zdcheck.ir.fingerprint import fingerprint
from zdcheck.ir.system import ActionId
from zdcheck.lang import model as m
from zdcheck.pipeline import (
    Lowered,
    Options,
    Spec,
    chosen_checks,
    dead_statements,
    load_bundle,
    lower_check,
    spec_of,
)
from zdcheck.render.diagnostics import render_one
from zdcheck.trace.coverage import Coverage
from zdcheck.trace.verdict import Holds, Inconclusive, Violated


@dataclass(frozen=True, slots=True)
class Job:
    """One spec to run. `path` is as shown; `cache` is a folder, or None for no cache.

    `may_be_module`: it was found below a folder, so a file without threads is nothing wrong.
    """

    path: str
    may_be_module: bool
    tier: Tier
    options: Options
    cache: Path | None


def unchanged(job: Job, cache: Cache, stamps: Stamps) -> SpecOutcome | None:
    """What the spec gave when it was last run, if none of its files changed since."""
    entry = cache.get(_spec_key(job), SpecEntry)
    if entry is None or not stamps.are(entry.stamps):
        return None
    outcome = entry.outcome
    return replace(outcome, reused=len(outcome.checks))


def run_jobs(jobs: Sequence[Job], processes: int) -> Iterator[SpecOutcome]:
    """Run specs, so many at once; outcomes come as they are ready."""
    for job, outcome in run_all(_run, jobs, processes):
        if isinstance(outcome, Died):
            why = f"killed by {signal.Signals(outcome.signal).name}" if outcome.signal else "gone"
            yield _failed(job.path, f"the process that checked it was {why}", is_internal=False)
        else:
            yield outcome.result


def _run(job: Job) -> SpecOutcome:
    """One spec, in its own process. Never raises."""
    try:
        return _Run(job).spec()
    except SpecError as error:
        findings = tuple(finding(d) for d in error.diagnostics)
        return replace(_failed(job.path, str(error), is_internal=False), findings=findings)
    except ZdcheckError as error:
        return _failed(job.path, str(error), is_internal=isinstance(error, EngineDisagreement))
    except KeyboardInterrupt:
        return SpecOutcome(job.path, (), (), "", False, ("",), 0)
    except (MemoryError, OSError) as error:
        return _failed(job.path, str(error) or "out of memory", is_internal=False)
    except Exception as error:
        return _failed(job.path, f"{type(error).__name__}: {error}", is_internal=True)


def _failed(path: str, error: str, *, is_internal: bool) -> SpecOutcome:
    return SpecOutcome(path, (), (), error, is_internal, (), 0)


def finding(diagnostic: Diagnostic) -> Finding:
    """A diagnostic as plain data."""
    span = diagnostic.at.span
    severity = "error" if diagnostic.severity.value == "error" else "warning"
    return Finding(
        diagnostic.id,
        severity,  # type: ignore[arg-type]
        span.file.path,
        span.line,
        span.column,
        diagnostic.message,
        diagnostic.help or "",
        render_one(diagnostic),
    )


class _Run:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.cache = Cache(job.cache)
        self.coverage = Coverage()
        self.reused = 0
        self.is_final = True

    def spec(self) -> SpecOutcome:
        job = self.job
        stamps = Stamps()
        bundle = load_bundle(job.path)
        folder = Path(job.path).parent
        names = [module.name for module in bundle.modules if module.name]
        places = [real(Path(job.path))]
        for name in names:
            relative = Path(*name).with_suffix(".zd")
            places += [real(folder / relative), real(library_root() / relative)]
        # Before anything is read a second time: what changes meanwhile must look changed.
        stamped = tuple(stamps.of(place) for place in places)
        spec = spec_of(job.path, bundle)
        if job.may_be_module and not spec.model.threads:
            empty = SpecOutcome(job.path, (), (), "", False, (), 0)
            self.cache.put(_spec_key(job), SpecEntry(stamped, empty))
            return empty
        chosen = [c for c in chosen_checks(spec, job.options) if job.tier.runs(job.path, c.name)]
        outcomes = []
        interrupted = False
        for check in chosen:
            outcome = self._check(spec, check)
            outcomes.append(outcome)
            interrupted = outcome.is_interrupted
            if interrupted:
                break
        is_whole = len(outcomes) == len(spec.model.checks)
        dead: tuple[Diagnostic, ...] = ()
        if is_whole and not any(o.is_open for o in outcomes):
            dead = dead_statements(spec, self.coverage, job.options)
        result = SpecOutcome(
            job.path,
            tuple(outcomes),
            tuple(finding(diagnostic) for diagnostic in dead),
            "",
            False,
            tuple(check.name for check in chosen[len(outcomes) :]),
            self.reused,
        )
        if result.exit_code == 0 and self.is_final:
            self.cache.put(_spec_key(job), SpecEntry(stamped, result))
        return replace(result, damaged=len(self.cache.damaged))

    def _check(self, spec: Spec, check: m.Check) -> CheckOutcome:
        lowered = lower_check(spec, check, self.job.options)
        meaning = fingerprint(lowered.system)
        allowed = sorted(check.allow_vacuous), sorted(check.allow_uncovered)
        # Limits are not in it: a verdict that was reached is right under any.
        engine = self.job.tier.engine_of(self.job.path, check.name)
        key = f"{tool_identity()} {meaning} {check.expect} {allowed} {engine}"
        found = self.cache.get(key, CheckEntry)
        if found is not None:
            self.reused += 1
            fired = dict.fromkeys(map(ActionId, found.fired), 1)
            self.coverage.add(
                lowered.system, Statistics(0, 0, 0, 0.0, fired), is_complete=found.is_complete
            )
            return replace(found.outcome, name=check.name, line=check.span.line)
        given = answer(lowered, self.job.options, engine)
        outcome, statistics = _outcome(lowered, given, meaning), given.claim.statistics
        self.is_final &= given.is_final
        self.coverage.add(lowered.system, statistics, is_complete=given.is_complete)
        if outcome.exit_code == 0 and given.is_final:
            ids = tuple(sorted(id for id, times in statistics.fired.items() if times))
            self.cache.put(key, CheckEntry(outcome, ids, given.is_complete))
        return outcome


def _spec_key(job: Job) -> str:
    tier = job.tier
    return f"{tool_identity()} {tier.skip} {tier.engine} {tier.prove} {real(Path(job.path))}"


# --- one check --------------------------------------------------------------------------


def _outcome(lowered: Lowered, given: Answer, meaning: str) -> CheckOutcome:
    """An answer as plain data."""
    report = given.report
    verdict, statistics = report.verdict, report.verdict.statistics
    violation = of = culprit = why = covers = ""
    trace = None
    word: VerdictWord
    match verdict:
        case Violated(_, found):
            word = "violated"
            assert found.blame is not None
            violation, culprit = found.blame.violation, found.culprit
            of = found.blame.property or ""
            trace = found if report.surprise is not None else None
        case Inconclusive():
            word = "inconclusive"
            why = inconclusive(verdict)
        case Holds():
            covers = verdict.proved
            word = "proved" if covers else "holds"
    return CheckOutcome(
        report.check,
        lowered.check.span.line,
        str(report.expected),
        word,
        violation,
        of,
        culprit,
        why,
        isinstance(verdict, Inconclusive) and verdict.limit == "interrupt",
        report.surprise,
        report.engine,
        lowered.origin.scope,
        # The states that a proof happened to see are no state space.
        0 if word == "proved" and not given.is_complete else statistics.states,
        statistics.transitions,
        statistics.depth,
        round(statistics.elapsed_s, 3),
        meaning[:16],
        report.reproduce,
        trace,
        covers,
        report.remarks,
    )
