"""`zdcheck show`: a spec's tree, control flow or transition system."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from zdcheck.base.diagnostics import UsageError
from zdcheck.cli import options as opt
from zdcheck.ir.pretty_program import pretty_program
from zdcheck.ir.system import System
from zdcheck.pipeline import (
    Options,
    load_spec,
    lower_check,
    parse_spec,
    program_of_check,
)
from zdcheck.render.tree import tree_text

Format = Literal["text", "dot", "svg"]


@click.command("show")
@click.argument("spec")
@click.option("--ir", "what", flag_value="ir", default="ir", help="The transition system.")
@click.option(
    "--program", "what", flag_value="program", help="The parametric program, one level above it."
)
@click.option("--cfg", "what", flag_value="cfg", help="Where threads stop, and their steps.")
@click.option("--ast", "what", flag_value="ast", help="The syntax tree.")
@click.option("--check", "check_name", help="Which check's configuration; the first by default.")
@opt.model_options
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "dot", "svg"]),
    default="text",
    help="dot and svg draw the control flow (--cfg).",
)
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to stdout.")
def command(
    spec: str,
    what: Literal["ir", "program", "cfg", "ast"],
    check_name: str | None,
    settings: tuple[str, ...],
    scope: tuple[str, ...],
    format_: Format,
    output: str | None,
) -> None:
    """Print what zdcheck makes of SPEC."""
    if format_ != "text" and what != "cfg":
        raise UsageError(f"--format {format_} draws the control flow; add --cfg")
    if what == "ast":
        text = tree_text(parse_spec(spec))
    else:
        options = Options(
            settings=opt.pairs(settings, "--set", "recheck=false"), scope=opt.sizes(scope)
        )
        loaded = load_spec(spec)
        chosen = loaded.only_or(check_name)
        if what == "program":
            text = pretty_program(program_of_check(loaded, chosen, options))
        else:
            text = _system(lower_check(loaded, chosen, options).system, what, format_)
    if output is None:
        click.echo(text, nl=False)
    else:
        Path(output).write_text(text, encoding="utf-8")


def _system(system: System, what: Literal["ir", "cfg"], format_: Format) -> str:
    if what == "ir":
        from zdcheck.ir.pretty import pretty

        return pretty(system)
    from zdcheck.render import graph

    flow = graph.control_flow(system)
    return {"text": graph.text, "dot": graph.dot, "svg": graph.svg}[format_](flow)
