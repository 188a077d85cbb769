"""`zdcheck inspect`: walk through a counterexample in the terminal."""

from __future__ import annotations

import importlib.util
import sys

import click

from zdcheck.base.diagnostics import ToolError, UsageError
from zdcheck.cli import options as opt
from zdcheck.cli.trace import opened
from zdcheck.cli.violated import most_telling
from zdcheck.inspect.session import Session
from zdcheck.pipeline import Options, load_spec, lower_check


@click.command("inspect")
@opt.trace_or_spec
@opt.model_options
def command(
    trace_or_spec: str, check_name: str | None, settings: tuple[str, ...], scope: tuple[str, ...]
) -> None:
    """Walk through a saved trace, or through a check of a spec.

    Of a spec, the first counterexample that it does not expect is shown, else the first one. Where nothing is
    violated it is the initial state of the first check, to go on from by hand.
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
    shown = most_telling(spec, check_name, options)
    if shown is None:
        return Session(lower_check(spec, spec.only_or(check_name), options))
    return Session.of_trace(shown.opened)
