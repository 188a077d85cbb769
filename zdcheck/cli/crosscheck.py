"""`zdcheck crosscheck`: let rumur and SPIN judge the same checks."""

from __future__ import annotations

import os

import click

from zdcheck.base.diagnostics import ToolError, UsageError
from zdcheck.base.exit_codes import ExitCode, worst
from zdcheck.cli import options as opt
from zdcheck.cli.failures import failure_of, show
from zdcheck.crosscheck import Crosschecked, crosscheck
from zdcheck.engines.protocol import Limits
from zdcheck.export.compare import Ours
from zdcheck.export.outside import JUDGES, Judge, Judgement, is_installed
from zdcheck.pipeline import Options, load_spec
from zdcheck.render.escape import printable
from zdcheck.render.terminal import painted, seconds, spec_head


@click.command("crosscheck")
@opt.specs_argument
@opt.checks_option
@opt.model_options
@opt.progress_option
@click.option(
    "--judge",
    "judges",
    type=click.Choice(JUDGES),
    multiple=True,
    help="Only this one; by default each that is installed.",
)
@opt.timeout_option("each judge at each check", "5m")
@click.option("--max-memory", type=opt.Memory(), default="8G", help="For each judge; 8G.")
@opt.color_option
def command(
    specs: tuple[str, ...],
    checks: tuple[str, ...],
    settings: tuple[str, ...],
    scope: tuple[str, ...],
    no_progress: bool,
    judges: tuple[Judge, ...],
    timeout: float,
    max_memory: int,
    color: str,
) -> int:
    """Run the checks of SPEC files with zdcheck and with other checkers, all reductions off.

    They must agree on every verdict, and where there is no violation on the exact number of
    states. SPIN also judges progress properties. Ends with exit status 70 if they do not, 3 if one of them gave up.
    """
    options = Options(
        checks=checks,
        settings=opt.pairs(settings, "--set", "recheck=false"),
        scope=opt.sizes(scope),
        progress=not no_progress,
        limits=Limits(None, max_memory, timeout, len(os.sched_getaffinity(0))),
    )
    paint, _ = opt.colored(color)  # type: ignore[arg-type]
    asked = judges or tuple(judge for judge in JUDGES if is_installed(judge))
    if not asked:
        raise ToolError("neither rumur nor spin is installed; for example: apt install rumur spin")
    if missing := [judge for judge in asked if not is_installed(judge)]:
        raise ToolError(f"{missing[0]} is not installed, or there is no C compiler")
    codes = []
    for path, is_named in opt.spec_files(specs):
        try:
            spec = load_spec(path)
            if not spec.model.threads and not is_named:
                continue
            chosen = [c for c in spec.model.checks if options.chooses(c)]
            if chosen:
                click.echo(spec_head(path, paint), color=True)
            for check in chosen:
                for found in crosscheck(spec, check, options, asked, timeout, max_memory):
                    click.echo(_line(found, paint), color=True)
                    codes.append(_code(found))
        except KeyboardInterrupt:
            click.echo("zdcheck: interrupted; what was compared so far is above", err=True)
            codes.append(ExitCode.INTERRUPTED)
            break
        except Exception as error:
            if isinstance(error, BrokenPipeError):
                raise
            failure = failure_of(error)
            show(failure, about=path if failure.kind == "tool" else "")
            codes.append(failure.exit_code)
    if not codes:
        raise UsageError("there is nothing to compare: no such check")
    return worst(*codes)


def _code(found: Crosschecked) -> ExitCode:
    if found.differences:
        return ExitCode.INTERNAL
    gave_up = "gave-up" in (found.ours.verdict, *(j.verdict for j in found.judgements))
    return ExitCode.INCONCLUSIVE if gave_up else ExitCode.OK


def _line(found: Crosschecked, paint: bool) -> str:
    if found.differences:
        word = painted("DIFFER", "bad", paint)
    elif _code(found) is ExitCode.OK:
        word = painted("agree ", "good", paint)
    else:
        word = painted("??????", "open", paint)
    said = [f"zdcheck {_said(found.ours)}"]
    said += [f"{j.judge} {_said(j)} ({seconds(j.elapsed_s)})" for j in found.judgements]
    about = found.check if found.promise is None else f"{found.check}, progress {found.promise}"
    lines = [f"  {word}  {printable(about)}: {', '.join(said)}"]
    lines += [f"          {difference}" for difference in found.differences]
    return "\n".join(lines)


def _said(verdict: Ours | Judgement) -> str:
    if verdict.verdict == "gave-up":
        note = printable(verdict.note) if isinstance(verdict, Judgement) else "a limit was reached"
        return f"gave up: {note}"
    if verdict.states is None:
        return verdict.verdict
    return f"{verdict.verdict}, {verdict.states:,} states"
