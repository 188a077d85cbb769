"""`zdcheck graph`: control flow, lock order, and small state graphs, drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from zdcheck.base.diagnostics import ToolError, UsageError
from zdcheck.cli import options as opt
from zdcheck.engines.choose import choose
from zdcheck.engines.protocol import Found, Limits, Stopped
from zdcheck.graphs.flow import control_flow
from zdcheck.graphs.locks import lock_order
from zdcheck.graphs.path import path
from zdcheck.graphs.states import MOST_STATES, all_states
from zdcheck.graphs.violating import Violating
from zdcheck.pipeline import Lowered, Options, confirmed, load_spec, lower_check
from zdcheck.render import drawing as drawings
from zdcheck.render.dot import dot, svg_by_graphviz
from zdcheck.render.drawing import Drawing
from zdcheck.render.drawing_svg import svg
from zdcheck.trace.verdict import Violated

Of = Literal["flow", "locks", "states", "path"]

SUFFIXES = {".dot": "dot", ".gv": "dot", ".svg": "svg", ".json": "json", ".txt": "text"}

MOST_OWN_LAYOUT = 400
"""More boxes than this only Graphviz can lay out in a time that anyone waits."""


@click.command("graph")
@click.argument("spec")
@click.option(
    "--of",
    type=click.Choice(["flow", "locks", "states", "path"]),
    default="flow",
    help="Control flow, lock order, all states, or the violating run with the states beside it.",
)
@opt.check_option
@click.option("--thread", metavar="NAME", help="Only this thread's control flow, or its locks.")
@click.option(
    "--max-states",
    type=click.IntRange(1),
    default=MOST_STATES,
    show_default=True,
    help="The most states that are drawn.",
)
@opt.timeout_option("the search for the violation", "60s")
@opt.model_options
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "dot", "svg", "json"]),
    help="Default: by the suffix of -o FILE, else text.",
)
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to stdout.")
def command(
    spec: str,
    of: Of,
    check_name: str | None,
    thread: str | None,
    max_states: int,
    timeout: float,
    settings: tuple[str, ...],
    scope: tuple[str, ...],
    format_: str | None,
    output: str | None,
) -> None:
    """Draw how the threads of SPEC run, which locks they nest, or the states of a check."""
    if thread is not None and of in ("states", "path"):
        raise UsageError("--thread is for the control flow and the lock order")
    chosen = format_ or _by_suffix(output)
    options = Options(
        settings=opt.pairs(settings, "--set", "recheck=false"),
        scope=opt.sizes(scope),
        limits=Limits(timeout_s=timeout),
    )
    opt.writable(output)
    loaded = load_spec(spec)
    lowered = lower_check(loaded, loaded.only_or(check_name), options)
    drawn = _drawing(lowered, options, of, thread, max_states)
    opt.write_text(output or "-", _text(drawn, chosen))


def _by_suffix(output: str | None) -> str:
    if output in (None, "-"):
        return "text"
    suffix = Path(str(output)).suffix
    if suffix not in SUFFIXES:
        raise UsageError(
            f"-o {output}: no format has the suffix {suffix!r}; use .svg, .dot, .json or .txt, or --format"
        )
    return SUFFIXES[suffix]


def _drawing(
    lowered: Lowered, options: Options, of: Of, thread: str | None, max_states: int
) -> Drawing:
    match of:
        case "flow":
            return control_flow(lowered, thread)
        case "locks":
            return lock_order(lowered, options.limits, thread)
        case "states":
            return all_states(lowered, violating_run(lowered, options), max_states)
        case "path":
            found = violating_run(lowered, options)
            if found is None:
                raise UsageError(
                    f"{lowered.spec.path}: check `{lowered.check.name}` is not violated: there is no path to draw"
                )
            return path(lowered, found)


def violating_run(lowered: Lowered, options: Options) -> Violating | None:
    """The check's counterexample, replayed; None if it holds. Raises ToolError if a limit came first."""
    engine = choose(options.engine, lowered.system).engine
    claim = engine.solve(lowered.system, options.limits, lambda progress: None)
    if isinstance(claim, Stopped):
        if claim.limit == "interrupt":
            raise KeyboardInterrupt
        raise ToolError(f"the {claim.limit} limit came before an answer; raise --timeout")
    verdict = confirmed(lowered, claim)
    if isinstance(claim, Found) and isinstance(verdict, Violated):
        return Violating(claim.run, claim.fault, verdict.trace)
    return None


def _text(drawn: Drawing, format_: str) -> str:
    match format_:
        case "dot":
            return dot(drawn)
        case "json":
            return drawings.dumps(drawn)
        case "svg":
            return _svg(drawn)
        case _:
            return drawings.text(drawn)


def _svg(drawn: Drawing) -> str:
    picture = svg_by_graphviz(drawn)
    if picture is not None:
        return picture
    if len(drawn.nodes) > MOST_OWN_LAYOUT:
        raise ToolError(
            f"a drawing of {len(drawn.nodes)} boxes needs Graphviz (`dot`), which is not installed;"
            " --format dot writes what it would draw"
        )
    return svg(drawn)
