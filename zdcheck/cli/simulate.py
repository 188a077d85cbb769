"""`zdcheck simulate`: follow one random run and draw it."""

from __future__ import annotations

import click

from zdcheck.base.exit_codes import ExitCode
from zdcheck.cli import options as opt
from zdcheck.engines.simulate import walk
from zdcheck.pipeline import Options, load_spec, lower_check
from zdcheck.render import terminal
from zdcheck.render.columns import columns
from zdcheck.trace.replay import replay


@click.command("simulate")
@click.argument("spec")
@click.option("--seed", type=click.IntRange(0), default=0, help="Another seed, another run.")
@click.option("--steps", type=click.IntRange(1, 1_000_000), default=100, help="Most steps.")
@opt.check_option
@opt.model_options
@opt.color_option
def command(
    spec: str,
    seed: int,
    steps: int,
    check_name: str | None,
    settings: tuple[str, ...],
    scope: tuple[str, ...],
    color: terminal.ColorOption,
) -> int:
    """Follow one random run of SPEC and draw it; it ends at the first violation.

    Ends with exit status 1 if the run ran into a violation.
    """
    options = Options(
        settings=opt.pairs(settings, "--set", "recheck=false"), scope=opt.sizes(scope)
    )
    loaded = load_spec(spec)
    check = loaded.only_or(check_name)
    lowered = lower_check(loaded, check, options)
    walked = walk(lowered.system, seed, steps)
    trace = replay(lowered.system, walked.fault, walked.run, lowered.origin)
    paint, _ = opt.colored(color)
    click.echo(terminal.lines_text(columns(trace), paint), nl=False, color=True)
    if trace.blame is not None:
        click.echo(f"\n  {len(trace.steps)} steps, seed {seed}: {trace.blame.violation}")
        return ExitCode.UNEXPECTED
    why = {
        "end": "no thread can step, and all that must have ended",
        "steps": "no violation so far; --steps makes it longer",
        "fault": "",
    }
    click.echo(f"\n  {len(trace.steps)} steps, seed {seed}: {why[walked.ended_by]}")
    return ExitCode.OK
