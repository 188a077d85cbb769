"""Trying a spec's mutants: which small mistakes do its checks not see?

Each mutant goes the whole road that `zdcheck check` goes, in one of several processes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never

from zdcheck.base.diagnostics import EngineDisagreement, SpecError, UsageError
from zdcheck.base.exit_codes import ExitCode
from zdcheck.engines.choose import Choice, choose_search
from zdcheck.engines.explicit.memory_bound import default_max_memory
from zdcheck.engines.interpreter import InterpreterEngine
from zdcheck.ir.fingerprint import fingerprint
from zdcheck.lang import ast
from zdcheck.lang.mutants import Mutant, applied, mutants
from zdcheck.pipeline import (
    Lowered,
    Options,
    Spec,
    chosen_checks,
    load_bundle,
    lower_check,
    run_check,
    spec_of,
)
from zdcheck.trace.mutation import Baseline, MutantName, MutantReport, MutationReport, Outcome
from zdcheck.trace.verdict import CheckReport, Holds, Inconclusive, Violated

_QUICK = 1_500
"""States that the interpreter looks at in less time than a C compiler takes."""

_ROOM = 10
"""How many times more states than the spec a mutant may have."""

_LEAST_ROOM = 1_000_000


@dataclass(frozen=True, slots=True)
class Base:
    """A check that holds without any mistake. `covers` are what it must reach."""

    check: str
    states: int
    fingerprint: str
    max_states: int
    covers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Job:
    """What every process needs to try any mutant of a spec."""

    path: str
    bundle: ast.Bundle
    library: bool
    quick: bool
    bases: tuple[Base, ...]
    options: Options

    def mutants(self) -> list[Mutant]:
        """All of them, in the same order in every process."""
        return list(mutants(self.bundle, library=self.library))


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a mutant. `prints` are the fingerprints of its systems; None if it is no spec."""

    outcomes: tuple[Outcome, ...]
    prints: tuple[str, ...] | None


class NothingToTry(UsageError):
    """No check of the spec expects to hold, or it is a module."""


Watcher = Callable[[int, int], None]
"""Told how many mutants of how many were tried."""


def try_mutants(
    path: str,
    options: Options,
    *,
    library: bool,
    quick: bool,
    jobs: int,
    started: Callable[[int], None] = lambda count: None,
    watch: Watcher = lambda done, of: None,
) -> MutationReport:
    """Try every mutant on every check of the spec that holds, `jobs` of them at a time.

    `library` is whether to make mistakes in the shipped library too, `quick` whether one check that minds
    a mistake is enough. An interrupt ends it with
    what was found so far. Raises SpecError, UsageError, ToolError and EngineDisagreement.
    """
    bundle = load_bundle(path)
    spec = spec_of(path, bundle)
    if not spec.model.threads:
        raise NothingToTry(f"{path}: there is nothing to try: it has no thread")
    baselines: list[Baseline] = []
    bases: list[Base] = []
    for check in chosen_checks(spec, options):
        if check.expect.violation is not None:
            continue
        lowered = lower_check(spec, check, options)
        choice = choose_search(options.engine, lowered.system, options.without)
        report, _ = run_check(lowered, choice, options, lambda progress: None)
        baselines.append(_baseline(report))
        if baselines[-1].code is ExitCode.INTERRUPTED:
            return MutationReport(path, tuple(baselines), ())
        if baselines[-1].trouble is None:
            most = options.limits.max_states or max(_LEAST_ROOM, _ROOM * baselines[-1].states)
            covers = {cover.name for cover in lowered.system.covers} - check.allow_uncovered
            mark = fingerprint(lowered.system)
            bases.append(Base(check.name, baselines[-1].states, mark, most, frozenset(covers)))
    if quick:
        bases.sort(key=lambda base: base.states)
    if not baselines:
        raise NothingToTry(f"{path}: there is nothing to try: no check here expects `holds`")
    limits = replace(options.limits, workers=1)
    if limits.max_memory is None and (memory := default_max_memory()) is not None:
        limits = replace(limits, max_memory=memory // jobs)
    job = Job(path, bundle, library, quick, tuple(bases), replace(options, limits=limits))
    every = job.mutants() if bases else []
    started(len(every))
    found: dict[int, Tried] = {}
    try:
        for number, tried in _all_tried(job, len(every), jobs):
            found[number] = tried
            watch(len(found), len(every))
    except KeyboardInterrupt:
        pass
    return _report(path, baselines, every, found)


def _baseline(report: CheckReport) -> Baseline:
    states = report.verdict.statistics.states
    match report.verdict:
        case Inconclusive(_, limit, _):
            why = "interrupted" if limit == "interrupt" else f"inconclusive: {limit} limit reached"
            return Baseline(report.check, states, why, report.exit_code)
        case Holds() | Violated():
            if report.surprise is None:
                return Baseline(report.check, states)
            return Baseline(report.check, states, report.surprise, ExitCode.UNEXPECTED)
        case _:
            assert_never(report.verdict)


# --- processes --------------------------------------------------------------------------


def _all_tried(job: Job, count: int, jobs: int) -> Iterator[tuple[int, Tried]]:
    """The mutants as they are done. Leaves no process and no thread behind."""
    if not count:
        return
    # Mutants are never met again: their programs would only push others out of the user's cache.
    with tempfile.TemporaryDirectory(
        prefix="zdcheck-mutants-", ignore_cleanup_errors=True
    ) as cache:
        # Processes of their own from the start: a fork would take the terminal's threads along.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(min(jobs, count), context, _prepare, (job, cache))
        try:
            with _deaf():
                waiting = {pool.submit(_try, number): number for number in range(count)}
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            raise
        finally:
            # It waits for its thread, which closes what it would else be woken by when Python ends.
            pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf() -> Iterator[None]:
    """What is started here never hears of Ctrl-C: the process that started it decides."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_here: tuple[Job, list[Mutant]] | None = None
"""In a process of the pool: what it works on."""


def _prepare(job: Job, cache: str) -> None:
    global _here
    os.environ["ZDCHECK_CACHE_DIR"] = cache
    _here = job, job.mutants()


def _try(number: int) -> Tried:
    assert _here is not None
    job, every = _here
    mutant = every[number]
    try:
        return tried(job, mutant)
    except EngineDisagreement as error:
        where = f"{mutant.span}: {mutant.owner}: {mutant.text}"
        raise EngineDisagreement(f"{error} (with this mistake: {where})") from None


# --- one mutant -------------------------------------------------------------------------


def tried(job: Job, mutant: Mutant) -> Tried:
    """One mutant, on every check that holds without it."""
    try:
        spec = spec_of(job.path, applied(job.bundle, mutant))
    except SpecError:
        return Tried((), None)
    outcomes: list[Outcome] = []
    prints: list[str] = []
    for base in job.bases:
        if job.quick and any(o.result in ("killed", "empty") for o in outcomes):
            outcomes.append(Outcome(base.check, "skipped"))
            prints.append(f"skipped {mutant.span} {mutant.text}")
            continue
        outcome, mark = _outcome(spec, mutant, base, job.options)
        outcomes.append(outcome)
        prints.append(mark)
    return Tried(tuple(outcomes), tuple(prints))


def _outcome(spec: Spec, mutant: Mutant, base: Base, options: Options) -> tuple[Outcome, str]:
    try:
        lowered = lower_check(spec, spec.check(base.check), options)
    except SpecError as error:
        message = error.diagnostics[0].message
        return Outcome(base.check, "refused", message), f"refused: {message}"
    mark = fingerprint(lowered.system)
    if mark == base.fingerprint or _is_nobody(spec, mutant, lowered):
        return Outcome(base.check, "unchanged"), mark
    limits = replace(options.limits, max_states=base.max_states)
    outcome = judged(_answer(lowered, replace(options, limits=limits)))
    gone = sorted(base.covers - {cover.name for cover in lowered.system.covers})
    if outcome.result == "survives" and gone:
        # A `cover` statement inside what was dropped is reached no more.
        why = f"holds vacuously: cover `{gone[0]}` is gone"
        outcome = replace(outcome, result="empty", why=why, violation="uncovered")
    return outcome, mark


def _is_nobody(spec: Spec, mutant: Mutant, lowered: Lowered) -> bool:
    """Whether the mistake is in a thread of which this check has none."""
    is_thread = mutant.owner in {thread.name for thread in spec.model.threads}
    return is_thread and mutant.owner not in {t.family for t in lowered.system.threads}


def _answer(lowered: Lowered, options: Options) -> CheckReport:
    """The verdict. Left to itself, the interpreter has the first try: most mutants die young."""
    if options.engine == "auto":
        most = min(_QUICK, options.limits.max_states or _QUICK)
        quick = replace(options, limits=replace(options.limits, max_states=most))
        report, _ = run_check(lowered, Choice(InterpreterEngine()), quick, lambda progress: None)
        if not isinstance(report.verdict, Inconclusive):
            return report
    choice = choose_search(options.engine, lowered.system, options.without)
    report, _ = run_check(lowered, choice, options, lambda progress: None)
    return report


def judged(report: CheckReport) -> Outcome:
    """What the verdict on a mutant says about the check."""
    verdict = report.verdict
    states = verdict.statistics.states
    match verdict:
        case Violated(_, trace):
            assert trace.blame is not None
            blame = trace.blame
            of = f" of {blame.property}" if blame.property not in (None, blame.violation) else ""
            by = f" by {trace.culprit}" if trace.culprit else ""
            steps = "1 step" if len(trace.steps) == 1 else f"{len(trace.steps)} steps"
            why = f"{blame.violation}{of}{by}, {steps}"
            return Outcome(report.check, "killed", why, blame.violation, states)
        case Inconclusive(_, limit, _):
            return Outcome(report.check, "inconclusive", f"{limit} limit", None, states)
        case Holds():
            if report.surprise is None:
                return Outcome(report.check, "survives", "", None, states)
            return Outcome(report.check, "empty", report.surprise, "uncovered", states)
        case _:
            assert_never(verdict)


# --- all together -----------------------------------------------------------------------


def _report(
    path: str, baselines: list[Baseline], every: list[Mutant], found: dict[int, Tried]
) -> MutationReport:
    alike: dict[tuple[str, ...], list[int]] = {}
    ill_formed = unchanged = 0
    for number in sorted(found):
        tried = found[number]
        if tried.prints is None or all(o.result == "refused" for o in tried.outcomes):
            ill_formed += 1
        elif all(o.result in ("unchanged", "refused") for o in tried.outcomes):
            unchanged += 1
        else:
            alike.setdefault(tried.prints, []).append(number)
    reports = []
    for numbers in alike.values():
        # The smallest change says best what is wrong.
        first = min(numbers, key=lambda n: (every[n].span.end - every[n].span.start, n))
        also = tuple(str(every[n].span) for n in numbers if n != first)
        reports.append((first, _mutant_report(path, every[first], found[first], also)))
    return MutationReport(
        path,
        tuple(baselines),
        tuple(report for _, report in sorted(reports, key=lambda pair: pair[0])),
        ill_formed,
        unchanged,
        sum(len(numbers) - 1 for numbers in alike.values()),
        len(every) - len(found),
    )


def _mutant_report(path: str, mutant: Mutant, tried: Tried, also: tuple[str, ...]) -> MutantReport:
    span = mutant.span
    owner = ".".join((*mutant.module, mutant.owner))
    return MutantReport(
        MutantName(Path(path).name, owner, mutant.text),
        span.file.path,
        span.line,
        span.column,
        mutant.kind,
        tried.outcomes,
        also,
    )
