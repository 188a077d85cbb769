"""`zdcheck prove`: prove checks for runs of any length."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never, get_args

import click

from zdcheck.base.diagnostics import UsageError
from zdcheck.base.exit_codes import ExitCode
from zdcheck.base.failure import Failure
from zdcheck.cli import options as opt
from zdcheck.cli.app import version
from zdcheck.cli.failures import failure_of, show
from zdcheck.engines.protocol import Limits
from zdcheck.engines.symbolic.proof import Method
from zdcheck.lang import model as m
from zdcheck.pipeline import Options, Spec, did_you_mean, load_spec
from zdcheck.proving import (
    Attempt,
    Certified,
    Uncertified,
    certify,
    prove_check,
    prove_for_any_number,
)
from zdcheck.render import proof as render
from zdcheck.render.columns import columns
from zdcheck.render.escape import printable
from zdcheck.render.progress import ProgressLine
from zdcheck.render.terminal import ColorOption, lines_text, spec_head
from zdcheck.trace.proof import NotProved, Proof, ProofReport
from zdcheck.trace.verdict import Reason, Violated, exit_code


@click.command("prove")
@opt.specs_argument
@opt.checks_option
@click.option(
    "--any",
    "any_number",
    multiple=True,
    metavar="NAME,…",
    help="Prove for any number of threads of these families, and of objects of these kinds.",
)
@opt.model_options
@click.option(
    "--engine",
    type=click.Choice(get_args(Method)),
    default="auto",
    help="What looks for the proof; auto is induction, then Spacer with the facts of that.",
)
@opt.timeout_option("each check", "5m")
@opt.max_memory_option
@click.option("--minimal", is_flag=True, help="Leave out every fact that can be spared.")
@click.option("--facts", is_flag=True, help="Print the invariant of each proof.")
@click.option("--save", metavar="DIR", help="Write each proof there, as JSON and as SMT-LIB.")
@opt.json_option
@click.option("--stats", is_flag=True, help="Print more figures for each check.")
@opt.color_option
def command(
    specs: tuple[str, ...],
    checks: tuple[str, ...],
    any_number: tuple[str, ...],
    settings: tuple[str, ...],
    scope: tuple[str, ...],
    engine: Method,
    timeout: float,
    max_memory: int | None,
    minimal: bool,
    facts: bool,
    save: str | None,
    json_path: str | None,
    stats: bool,
    color: ColorOption,
) -> int:
    """Prove the checks of SPEC files that expect `holds`, at their scope, for runs of any length.

    With --any, also for any number of some threads and objects, and counts without bound.
    A check that expects a violation is proved only if --check names it. Ends with exit status 3 if
    neither a proof nor a violation is found.
    """
    options = Options(
        checks=checks,
        settings=opt.pairs(settings, "--set", "recheck=false"),
        scope=opt.sizes(scope),
        limits=Limits(None, max_memory, timeout, len(os.sched_getaffinity(0))),
        progress=False,
    )
    open = families(any_number)
    if open and minimal and save is None:
        raise UsageError("--minimal: with --any, facts are looked for only if --save writes them")
    if open and engine != "auto":
        raise UsageError(f"--engine {engine}: not for any number of threads")
    paint, _ = opt.colored(color)
    return _Run(options, open, engine, minimal, save, json_path, facts, stats, paint).all(specs)


def families(values: tuple[str, ...]) -> tuple[str, ...]:
    """The names given to `--any`, which may be separated by commas. Raises UsageError."""
    found: dict[str, None] = {}
    for value in values:
        for name in value.split(","):
            if not name.strip():
                raise UsageError(f"--any {value}: write for example --any gup or --any gup,walk")
            found[name.strip()] = None
    return tuple(found)


@dataclass
class _Run:
    options: Options
    open: tuple[str, ...]
    engine: Method
    minimal: bool
    save: str | None
    json_path: str | None
    facts: bool
    stats: bool
    color: bool
    reports: list[ProofReport] = field(default_factory=list)
    failures: list[tuple[str, Failure]] = field(default_factory=list)
    names: dict[str, None] = field(default_factory=dict)
    unsaved: list[Reason] = field(default_factory=list)
    interrupted: bool = False

    def all(self, paths: tuple[str, ...]) -> int:
        """Prove everything; the exit status."""
        try:
            if self.save is not None:
                Path(self.save).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write {error.filename}: {error.strerror}") from None
        try:
            for path, is_named in opt.spec_files(paths):
                self._spec(path, is_named)
                if self.interrupted:
                    break
        except KeyboardInterrupt:
            self.interrupted = True
        if not self.reports and not self.failures and not self.interrupted:
            self._failed("", UsageError(self._nothing()))
        if self.interrupted:
            click.echo("zdcheck: interrupted; what was found so far is above", err=True)
        why = self._reasons()
        if self.json_path is not None:
            text = render.document(version(), self.reports, self.failures, why)
            if self.json_path == "-":
                click.echo(text, nl=False)
            else:
                Path(self.json_path).write_text(text, encoding="utf-8")
        return exit_code(*why)

    def _nothing(self) -> str:
        for name in self.options.checks:
            if name not in self.names and self.names:
                return f"--check: no check is named `{name}`{did_you_mean(name, self.names)}"
        return "there is nothing to prove: no check expects `holds`"

    def _spec(self, path: str, is_named: bool) -> None:
        try:
            spec = load_spec(path)
            if not spec.model.threads:
                if is_named:
                    raise UsageError(f"{path}: there is nothing to prove: it has no thread")
                return
            self.names.update(dict.fromkeys(spec.check_names))
            chosen = self._chosen(spec)
            if chosen:
                self._say(spec_head(path, self.color))
            width = max((len(printable(check.name)) for check in chosen), default=0)
            for check in chosen:
                self._check(spec, check, width)
                if self.interrupted:
                    break
        except KeyboardInterrupt:
            self.interrupted = True
        except BrokenPipeError:
            raise
        except Exception as error:
            self._failed(path, error)

    def _chosen(self, spec: Spec) -> list[m.Check]:
        checks = [check for check in spec.model.checks if self.options.chooses(check)]
        if self.options.checks:
            return checks
        return [check for check in checks if check.expect.violation is None]

    def _check(self, spec: Spec, check: m.Check, width: int) -> None:
        with ProgressLine(sys.stderr, None) as progress:
            attempt = self._attempt(spec, check, progress)
        report = attempt.report
        self.reports.append(report)
        self._say(render.result_line(report, width, self.color))
        if self.stats:
            for name, value in report.verdict.statistics.extra.items():
                self._say(f"          {printable(name)}: {printable(value)}")
        match report.verdict:
            case Proof() as proof:
                if self.facts and proof.facts:
                    self._say("\n".join(render.facts_lines(proof)))
                if self.save is not None:
                    self._save(spec, attempt, self.save)
            case Violated(_, trace):
                if report.surprise is not None:
                    self._say("")
                    self._say(lines_text(columns(trace, report.reproduce), self.color))
            case NotProved() as verdict:
                if lines := list(render.stuck_lines(verdict)):
                    self._say("\n".join(lines))
                self.interrupted |= verdict.limit == "interrupt"

    def _attempt(self, spec: Spec, check: m.Check, progress: ProgressLine) -> Attempt:
        if not self.open:
            return prove_check(
                spec,
                check,
                self.options,
                progress.watch,
                progress.start,
                method=self.engine,
                is_to_be_minimal=self.minimal,
            )
        return prove_for_any_number(
            spec, check, self.open, self.options, progress.watch, progress.start
        )

    def _save(self, spec: Spec, attempt: Attempt, folder: str) -> None:
        report = attempt.report
        with ProgressLine(sys.stderr, None) as progress:
            progress.start(report.check)
            found = certify(
                spec, attempt, self.options, progress.watch, is_to_be_minimal=self.minimal
            )
        match found:
            case Uncertified(why):
                text = f"{report.spec}: {report.check}: proved, but not saved: {why}"
                click.echo(f"zdcheck: {printable(text)}", err=True)
                self.unsaved.append(Reason(ExitCode.INCONCLUSIVE, text))
            case Certified(document, script):
                name = f"{report.spec.removesuffix('.zd')}--{report.check}"
                name += f"--any-{'-'.join(self.open)}" if self.open else ""
                stem = re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.")[:120] or "proof"
                for suffix, content in (("zdproof.json", document), ("smt2", script)):
                    path = Path(folder) / f"{stem}.{suffix}"
                    path.write_text(content, encoding="utf-8")
                    click.echo(f"zdcheck: wrote {path}", err=True)
            case _:
                assert_never(found)

    def _reasons(self) -> list[Reason]:
        why = [Reason(failure.exit_code, failure.message) for _, failure in self.failures]
        for report in self.reports:
            if report.exit_code is not ExitCode.OK:
                text = report.surprise or "not proved"
                why.append(Reason(report.exit_code, f"{report.spec}: {report.check}: {text}"))
        why += self.unsaved
        if self.interrupted:
            why.append(Reason(ExitCode.INTERRUPTED, "interrupted"))
        return why

    def _failed(self, path: str, error: Exception) -> None:
        failure = failure_of(error)
        self.failures.append((path, failure))
        show(failure, about=path if failure.kind in ("tool", "internal") else "")

    def _say(self, text: str) -> None:
        if self.json_path != "-":
            click.echo(text, color=True)
            sys.stdout.flush()
