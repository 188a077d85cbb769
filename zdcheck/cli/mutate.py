"""`zdcheck mutate`: which small mistakes do a spec's checks not see?"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import Literal

import click

from zdcheck.base.diagnostics import UsageError
from zdcheck.base.exit_codes import ExitCode
from zdcheck.base.failure import Failure
from zdcheck.cli import options as opt
from zdcheck.cli.app import version
from zdcheck.cli.explanations import explanations
from zdcheck.cli.failures import failure_of, show
from zdcheck.engines.protocol import Limits
from zdcheck.mutation import NothingToTry, try_mutants
from zdcheck.pipeline import Options
from zdcheck.render import json_report, mutation, mutation_json, terminal
from zdcheck.render.progress import CountLine
from zdcheck.trace.mutation import MutationReport, reasons, with_explanations
from zdcheck.trace.verdict import Reason, exit_code


@click.command("mutate")
@opt.specs_argument
@opt.checks_option
@opt.model_options
@click.option("--library", is_flag=True, help="Make mistakes in the kernel library too.")
@click.option("--quick", is_flag=True, help="Try no other check where one minds a mistake.")
@click.option(
    "--explained", metavar="FILE", help="Where survivors are explained; README.md beside the spec."
)
@click.option("--all", "every", is_flag=True, help="List the killed mutants too.")
@click.option("--markdown", is_flag=True, help="Print the table of survivors for a README instead.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "explicit", "interpreter"]),
    default="auto",
    help="Which engine answers; auto is the fastest.",
)
@opt.limit_options
@opt.timeout_option("each search", "10m")
@click.option("--jobs", type=click.IntRange(1, 1024), help="Mutants at a time; all cores.")
@opt.reduction_options
@opt.json_option
@opt.color_option
def command(
    specs: tuple[str, ...],
    checks: tuple[str, ...],
    settings: tuple[str, ...],
    scope: tuple[str, ...],
    library: bool,
    quick: bool,
    explained: str | None,
    every: bool,
    markdown: bool,
    engine: Literal["auto", "explicit", "interpreter"],
    max_states: int | None,
    max_memory: int | None,
    timeout: float | None,
    jobs: int | None,
    without: tuple[str, ...],
    no_progress: bool,
    json_path: str | None,
    color: terminal.ColorOption,
) -> int:
    """Make one small mistake after the other in SPEC files, or in every spec below a directory.

    Says which of them the checks that hold do not see. Ends with exit status 1 if there are any that
    nobody explained.
    """
    if markdown and json_path == "-":
        raise UsageError("--markdown and --json - both print on stdout")
    options = Options(
        checks=checks,
        settings=opt.pairs(settings, "--set", "recheck=false"),
        scope=opt.sizes(scope),
        engine=engine,
        limits=Limits(max_states, max_memory, timeout),
        without=frozenset(without),
        progress=not no_progress,
    )
    most = jobs or len(os.sched_getaffinity(0))
    paint, err_paint = opt.colored(color)
    silent = markdown or json_path == "-"
    run = Run(options, library, quick, most, explained, every, silent, json_path, paint, err_paint)
    code = run.all(specs)
    if markdown:
        click.echo(mutation.markdown(run.reports), nl=False)
    return code


@dataclass
class Run:
    """One `zdcheck mutate`, and what it has found so far."""

    options: Options
    library: bool
    quick: bool
    jobs: int
    explained: str | None
    every: bool
    silent: bool
    json_path: str | None
    color: bool
    err_color: bool
    reports: list[MutationReport] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    interrupted: bool = False

    def all(self, paths: tuple[str, ...]) -> int:
        """Try everything; the exit status."""
        opt.writable(self.json_path)
        try:
            for path, is_named in opt.spec_files(paths):
                self._spec(path, is_named)
                if self.interrupted:
                    break
        except KeyboardInterrupt:
            self.interrupted = True
        except UsageError as error:
            self._failed("", error)
        if not (self.interrupted or self.failures or self.reports):
            self._failed("", UsageError("there is nothing to try: no spec has a check that holds"))
        why = self._reasons()
        if self.interrupted:
            click.echo("zdcheck: interrupted; what was found so far is above", err=True)
        if self.json_path is not None:
            document = mutation_json.document(version(), self.reports, self.failures, why)
            opt.write_text(self.json_path, json_report.dumps(document))
        return exit_code(*why)

    def _spec(self, path: str, is_named: bool) -> None:
        with CountLine(sys.stderr) as line:
            try:
                table = explanations(path, self.explained)
                report = try_mutants(
                    path,
                    self.options,
                    library=self.library,
                    quick=self.quick,
                    jobs=self.jobs,
                    started=lambda count: line.start(path, count),
                    watch=line.watch,
                )
            except NothingToTry as error:
                if is_named:
                    self._failed(path, error)
                return
            except Exception as error:
                line.stop()
                if isinstance(error, BrokenPipeError):
                    raise
                self._failed(path, error)
                return
        is_whole = not (self.options.changes_the_spec or report.untried)
        report = with_explanations(report, table, is_whole=is_whole, library=self.library)
        self.reports.append(report)
        self.interrupted = any(r.code is ExitCode.INTERRUPTED for r in reasons(report))
        if not self.silent:
            click.echo(terminal.spec_head(path, self.color))
            for text in mutation.tables(report, every=self.every, color=self.color):
                click.echo(text, color=True)
            for text in mutation.outdated_lines(report):
                click.echo(text)
            click.echo(f"  {mutation.summary(report)}")

    def _failed(self, path: str, error: Exception) -> None:
        failure = failure_of(error)
        self.failures.append(failure)
        about = path if failure.kind in ("tool", "internal") else ""
        show(failure, color=self.err_color, about=about)

    def _reasons(self) -> list[Reason]:
        why = [Reason(failure.exit_code, failure.message) for failure in self.failures]
        for report in self.reports:
            why.extend(reasons(report))
        if self.interrupted and not any(r.code is ExitCode.INTERRUPTED for r in why):
            why.append(Reason(ExitCode.INTERRUPTED, "interrupted"))
        return why
