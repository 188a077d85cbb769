"""`zdcheck inspect`: walk through a counterexample in the terminal."""

from __future__ import annotations

import importlib.util
import sys

import click

from zdcheck.base.diagnostics import ToolError, UsageError
from zdcheck.cli import options as opt
from zdcheck.cli.trace import opened
from zdcheck.engines.choose import choose
from zdcheck.engines.protocol import Found, Stopped
from zdcheck.inspect.session import Session
from zdcheck.pipeline import Options, confirmed, load_spec, lower_check


@click.command("inspect")
@click.argument("trace_or_spec")
@click.option("--check", "check_name", help="Of a spec: which check; the first by default.")
@opt.model_options
def command(
    trace_or_spec: str, check_name: str | None, settings: tuple[str, ...], scope: tuple[str, ...]
) -> None:
    """Walk through a saved trace, or through a check of a spec.

    Of a check that is violated the counterexample is shown; of another one the initial state,
    to go on from by hand.
    """
    if importlib.util.find_spec("textual") is None:
        raise ToolError("the inspector needs Textual: pip install 'zdcheck[inspect]'")
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("the inspector needs a terminal; `zdcheck trace show` prints a trace")
    session = session_of(trace_or_spec, check_name, settings, scope)
    from zdcheck.tui.app import Inspector

    Inspector(session).run()


def session_of(
    path: str, check_name: str | None, settings: tuple[str, ...], scope: tuple[str, ...]
) -> Session:
    """The session that a trace file or a spec's check begins with."""
    if not path.endswith(".zd"):
        if check_name is not None or settings or scope:
            raise UsageError("--check, --set and --scope are for specs; a trace has its own")
        return Session.of_trace(opened(path))
    options = Options(
        settings=opt.pairs(settings, "--set", "recheck=false"), scope=opt.sizes(scope)
    )
    spec = load_spec(path)
    lowered = lower_check(spec, spec.only_or(check_name), options)
    choice = choose(options.engine, lowered.system)
    claim = choice.engine.solve(lowered.system, options.limits, lambda progress: None)
    if isinstance(claim, Stopped) and claim.limit == "interrupt":
        raise KeyboardInterrupt
    if not isinstance(claim, Found):
        return Session(lowered)
    confirmed(lowered, claim)
    return Session.of_run(lowered, claim.run, claim.fault)
