"""`zdcheck check`: run the checks of specs and compare with what they expect."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import click

from zdcheck.base.diagnostics import Diagnostic, UsageError
from zdcheck.base.exit_codes import ExitCode
from zdcheck.base.failure import Failure
from zdcheck.base.files import leads_out, slug
from zdcheck.base.pool import Died, run_all
from zdcheck.cli import options as opt
from zdcheck.cli.app import version
from zdcheck.cli.failures import failure_of, show
from zdcheck.engines.choose import Choice, EngineName
from zdcheck.engines.explicit.memory_bound import default_max_memory
from zdcheck.engines.protocol import Limits, Storage
from zdcheck.pipeline import Options, Spec, check_spec, did_you_mean, own_warnings
from zdcheck.render import json_report, terminal
from zdcheck.render.columns import columns
from zdcheck.render.diagnostics import render
from zdcheck.render.escape import printable
from zdcheck.render.matrix import matrix_text
from zdcheck.render.progress import ProgressLine
from zdcheck.trace import document
from zdcheck.trace.matrix import matrices
from zdcheck.trace.verdict import (
    CheckReport,
    Holds,
    Inconclusive,
    Reason,
    SpecReport,
    Violated,
    Witness,
    exit_code,
    reasons,
)


@click.command("check")
@opt.specs_argument
@opt.checks_option
@opt.model_options
@click.option(
    "--engine",
    type=click.Choice(get_args(EngineName)),
    default="auto",
    help="Which engine answers; auto is explicit search, then a proof beside bounded search.",
)
@click.option("--depth", type=click.IntRange(0, 10_000), help="Layers of steps for --engine bmc.")
@opt.limit_options
@opt.timeout_option("each check")
@click.option("--workers", type=click.IntRange(1, 1024), help="CPU cores to use; all by default.")
@click.option("--compact", is_flag=True, help="Keep 64-bit hashes of states; may miss one.")
@click.option("--spill", metavar="DIR", help="Go on in files there when memory ends.")
@opt.jobs_option
@opt.reduction_options
@opt.json_option
@click.option("--trace-dir", metavar="DIR", help="Write every counterexample there as JSON.")
@click.option("--traces", is_flag=True, help="Draw expected counterexamples too.")
@click.option("--matrix", is_flag=True, help="Draw checks `for` the values of a config as tables.")
@click.option("--witnesses", is_flag=True, help="Draw a run to each cover that is reached.")
@click.option("--stats", is_flag=True, help="Print more figures for each check.")
@opt.color_option
def command(
    specs: tuple[str, ...],
    checks: tuple[str, ...],
    settings: tuple[str, ...],
    scope: tuple[str, ...],
    engine: EngineName,
    depth: int | None,
    max_states: int | None,
    max_memory: int | None,
    timeout: float | None,
    workers: int | None,
    jobs: int | None,
    compact: bool,
    spill: str | None,
    without: tuple[str, ...],
    no_progress: bool,
    json_path: str | None,
    trace_dir: str | None,
    traces: bool,
    matrix: bool,
    witnesses: bool,
    stats: bool,
    color: terminal.ColorOption,
) -> int:
    """Run the checks of SPEC files, or of every spec below a directory.

    Prints a line for each check, and the counterexample of every violation that the spec does
    not expect.
    """
    if depth is not None and engine != "bmc":
        raise UsageError("--depth is a limit of --engine bmc; add that")
    storage = _storage(compact, spill, engine)
    cores = workers or len(os.sched_getaffinity(0))
    options = Options(
        checks=checks,
        settings=opt.pairs(settings, "--set", "recheck=false"),
        scope=opt.sizes(scope),
        engine=engine,
        limits=Limits(max_states, max_memory, timeout, cores, depth),
        without=frozenset(without),
        storage=storage,
        progress=not no_progress,
    )
    run = Run(
        options,
        json_path,
        trace_dir,
        traces,
        matrix,
        witnesses,
        stats,
        *opt.colored(color),
        jobs or cores,
    )
    return run.all(specs)


def _storage(compact: bool, spill: str | None, engine: str) -> Storage:
    """Raises UsageError if the directory is none that can be written to, or the engine knows no such thing."""
    for given, option in ((compact, "--compact"), (spill is not None, "--spill")):
        if given and engine not in ("auto", "explicit"):
            raise UsageError(f"{option} is for the compiled explorer, and --engine {engine} is not")
    if spill is not None and not Path(spill).is_dir():
        raise UsageError(f"--spill {spill}: there is no such directory")
    if spill is not None and not os.access(spill, os.W_OK | os.X_OK):
        raise UsageError(f"--spill {spill}: no file can be made there")
    return Storage(compact, spill)


@dataclass
class Run:
    """One `zdcheck check`, and what it has found so far."""

    options: Options
    json_path: str | None
    trace_dir: str | None
    traces: bool
    matrix: bool
    witnesses: bool
    stats: bool
    color: bool
    err_color: bool
    jobs: int
    reports: list[SpecReport] = field(default_factory=list)
    failures: list[tuple[str, Failure]] = field(default_factory=list)
    check_names: dict[str, None] = field(default_factory=dict)
    interrupted: bool = False
    _traces_written: set[str] = field(default_factory=set)
    _refusals: set[str] = field(default_factory=set)
    _head: str = ""
    _said_empty: bool = True

    def all(self, paths: tuple[str, ...]) -> int:
        """Run everything; the exit status."""
        # What cannot be written must be known before the search, not after it.
        self._prepare_outputs()
        try:
            files = opt.spec_files(paths)
            if len(files) > 1 and self.jobs > 1:
                self._many(files)
            else:
                for path, is_named in files:
                    self._spec(path, is_named)
                    if self.interrupted:
                        break
        except KeyboardInterrupt:
            self.interrupted = True
        except UsageError as error:
            self._failed("", failure_of(error))
        self._nothing_to_check()
        why = self._reasons()
        if any(report.checks for report in self.reports):
            self._say("")
            self._tables()
            failed = sum(bool(path) for path, _ in self.failures)
            self._say(terminal.summary(self.reports, failed))
        if self.interrupted:
            click.echo("zdcheck: interrupted; what was found so far is above", err=True)
        self._write_json(why)
        return exit_code(*why)

    # --- one spec -----------------------------------------------------------------------

    def _spec(self, path: str, is_named: bool) -> None:
        """Check one spec here, and print each result as it comes."""
        with ProgressLine(sys.stderr, self.options.limits.max_states) as progress:
            width = 0

            def loaded(spec: Spec) -> None:
                nonlocal width
                if not is_named and not spec.model.threads:
                    raise _Module
                width = self._loaded(_head_of(spec, self.options))

            def starts(name: str, choice: Choice) -> None:
                if choice.refusal is not None and choice.refusal not in self._refusals:
                    progress.stop()
                    self._refused(choice.refusal, choice.engine.name)
                progress.start(name)

            def done(report: CheckReport) -> None:
                progress.stop()
                self._check(report, width)

            try:
                report = check_spec(
                    path,
                    self.options,
                    loaded=loaded,
                    starts=starts,
                    watch=progress.watch,
                    done=done,
                )
            except _Module:
                return
            except Exception as error:
                progress.stop()
                if isinstance(error, BrokenPipeError):
                    raise
                self._failed(path, failure_of(error))
                return
        self._done(report)

    def _many(self, paths: list[tuple[str, bool]]) -> None:
        """Check specs in processes of their own, and print their results in the order of the paths."""
        jobs = [Job(path, is_named, self._shared_out()) for path, is_named in paths]
        ready: dict[str, Recording] = {}
        said = 0
        with ProgressLine(sys.stderr, None) as progress:
            progress.start(f"{len(jobs)} specs")
            for job, outcome in run_all(recorded, jobs, self.jobs):
                if isinstance(outcome, Died):
                    why = "the process that checked it was killed"
                    ready[job.path] = Recording(failure=Failure("tool", why))
                else:
                    ready[job.path] = outcome.result
                while said < len(jobs) and jobs[said].path in ready:
                    progress.stop()
                    self._replay(jobs[said].path, ready[jobs[said].path])
                    said += 1
                if said < len(jobs):
                    progress.start(f"{len(ready)} of {len(jobs)} specs done")

    def _shared_out(self) -> Options:
        """The options for each of several processes: cores and memory are shared."""
        limits = self.options.limits
        memory = limits.max_memory
        if memory is None and (most := default_max_memory()) is not None:
            memory = most // self.jobs
        workers = max(1, limits.workers // self.jobs)
        return replace(self.options, limits=replace(limits, max_memory=memory, workers=workers))

    def _replay(self, path: str, recording: Recording) -> None:
        width = 0 if recording.head is None else self._loaded(recording.head)
        for refusal, engine in recording.refusals:
            if refusal not in self._refusals:
                self._refused(refusal, engine)
        for report in recording.checks:
            self._check(report, width)
        if recording.failure is not None:
            self._failed(path, recording.failure)
        if recording.report is not None:
            self._done(recording.report)

    def _loaded(self, head: Head) -> int:
        """Note a spec's checks, print its warnings; the width of the longest name that is shown."""
        self.check_names.update(dict.fromkeys(head.check_names))
        if head.warnings:
            click.echo(render(head.warnings, color=self.err_color), err=True, nl=False)
        return head.width

    def _refused(self, refusal: str, engine: str) -> None:
        self._refusals.add(refusal)
        click.echo(f"zdcheck: {refusal}; using the {engine}, which is much slower", err=True)

    def _done(self, report: SpecReport) -> None:
        if report.dead:
            click.echo(render(report.dead, color=self.err_color), err=True, nl=False)
        self.reports.append(report)
        self.interrupted |= bool(report.skipped) or any(
            check.exit_code is ExitCode.INTERRUPTED for check in report.checks
        )

    def _tables(self) -> None:
        if self.matrix:
            for table in matrices(self.reports):
                self._say(matrix_text(table, opt.width(), self.color))
                self._say("")

    def _check(self, report: CheckReport, width: int) -> None:
        if isinstance(report.verdict, Violated) and self.trace_dir is not None:
            self._write_trace(report, document.dumps(report.verdict.trace))
        is_plain = report.surprise is None and not isinstance(report.verdict, Inconclusive)
        if self.matrix and report.cell is not None and is_plain and not self.traces:
            return  # the table at the end says all there is to say
        if report.spec != self._head:
            self._head = report.spec
            self._say(terminal.spec_head(report.spec, self.color))
        self._say(terminal.result_line(report, width, self.color))
        if self.stats:
            for line in terminal.statistics_lines(report):
                self._say(line)
        if isinstance(report.verdict, Violated):
            trace = report.verdict.trace
            if report.surprise is not None or self.traces:
                drawn = columns(trace, report.reproduce)
                self._say("")
                self._say(terminal.lines_text(drawn, self.color))
        if isinstance(report.verdict, Holds) and self.witnesses:
            for witness in report.verdict.witnesses:
                self._witness(report, witness)

    def _witness(self, report: CheckReport, witness: Witness) -> None:
        self._say("")
        self._say(f"  `{printable(witness.cover)}` is reached:")
        self._say("")
        self._say(terminal.lines_text(columns(witness.trace, report.reproduce), self.color))

    def _say(self, text: str) -> None:
        """Print a result; two empty lines in a row are one."""
        if self.json_path == "-" or (not text and self._said_empty):
            return
        self._said_empty = text.endswith("\n") or not text
        click.echo(text, color=True)
        sys.stdout.flush()

    def _failed(self, path: str, failure: Failure) -> None:
        self.failures.append((path, failure))
        show(failure, color=self.err_color, about=path if failure.kind in _NEEDS_PATH else "")

    # --- the end ------------------------------------------------------------------------

    def _nothing_to_check(self) -> None:
        """A run that looked at nothing must not pass."""
        if self.interrupted or any(path for path, _ in self.failures):
            return
        for name in self.options.checks:
            if name not in self.check_names and self.check_names:
                hint = did_you_mean(name, self.check_names)
                message = f"--check: no check is named `{name}`{hint}"
                self._failed("", Failure("usage", message))
        if not self.failures and not any(report.checks for report in self.reports):
            message = "there is nothing to check: no spec has a check"
            self._failed("", Failure("usage", message))

    def _reasons(self) -> list[Reason]:
        why = [Reason(failure.exit_code, failure.message) for _, failure in self.failures]
        for report in self.reports:
            why.extend(reasons(report))
        if self.interrupted and not any(r.code is ExitCode.INTERRUPTED for r in why):
            why.append(Reason(ExitCode.INTERRUPTED, "interrupted"))
        return why

    # --- files --------------------------------------------------------------------------

    def _prepare_outputs(self) -> None:
        try:
            if self.trace_dir is not None:
                Path(self.trace_dir).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write {error.filename}: {error.strerror}") from None
        opt.writable(self.json_path)

    def _write_trace(self, report: CheckReport, text: str) -> None:
        assert self.trace_dir is not None
        stem = f"{slug(report.spec.removesuffix('.zd'))}--{slug(report.check)}"
        name, number = stem, 1
        while name in self._traces_written:
            number += 1
            name = f"{stem}-{number}"
        self._traces_written.add(name)
        path = Path(self.trace_dir) / f"{name}.zdtrace.json"
        if leads_out(Path(path.name), path.parent):
            raise UsageError(f"cannot write {path}: a link there leads out of this folder")
        path.write_text(text, encoding="utf-8")
        click.echo(f"zdcheck: wrote {path}", err=True)

    def _write_json(self, why: list[Reason]) -> None:
        if self.json_path is None:
            return
        failures = [failure for _, failure in self.failures]
        report = json_report.document(version(), self.reports, failures, why)
        opt.write_text(self.json_path, json_report.dumps(report))


# --- specs in processes of their own ----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Head:
    """What is printed, and needed, of a spec before its checks run."""

    check_names: tuple[str, ...]
    warnings: tuple[Diagnostic, ...]
    width: int


def _head_of(spec: Spec, options: Options) -> Head:
    shown = [c.name for c in spec.model.checks if options.chooses(c)]
    width = max((len(printable(name)) for name in shown), default=0)
    return Head(spec.check_names, own_warnings(spec.model), width)


@dataclass(frozen=True, slots=True)
class Job:
    """One spec to check in another process."""

    path: str
    is_named: bool
    options: Options


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything that checking a spec would have printed. A module has nothing."""

    head: Head | None = None
    refusals: tuple[tuple[str, str], ...] = ()
    checks: tuple[CheckReport, ...] = ()
    report: SpecReport | None = None
    failure: Failure | None = None


def recorded(job: Job) -> Recording:
    """Check one spec. Never raises."""
    head: Head | None = None
    refusals: dict[tuple[str, str], None] = {}
    checks: list[CheckReport] = []

    def loaded(spec: Spec) -> None:
        nonlocal head
        if not job.is_named and not spec.model.threads:
            raise _Module
        head = _head_of(spec, job.options)

    def starts(name: str, choice: Choice) -> None:
        if choice.refusal is not None:
            refusals[choice.refusal, choice.engine.name] = None

    report: SpecReport | None = None
    failure: Failure | None = None
    try:
        report = check_spec(job.path, job.options, loaded=loaded, starts=starts, done=checks.append)
    except _Module:
        return Recording()
    except KeyboardInterrupt:
        report = SpecReport(job.path, (), (), (), ("any check",))
    except Exception as error:
        failure = failure_of(error)
    return Recording(head, tuple(refusals), tuple(checks), report, failure)


class _Module(Exception):
    """A file without threads, met below a directory: something to `use`, nothing to check."""


_NEEDS_PATH = ("tool", "internal")
"""Kinds of failures whose message does not say where."""
