"""`zdcheck show`: a spec's tree or transition system."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from zdcheck.cli import options as opt
from zdcheck.ir.pretty import pretty
from zdcheck.ir.pretty_program import pretty_program
from zdcheck.pipeline import (
    Options,
    load_spec,
    lower_check,
    parse_spec,
    program_of_check,
)
from zdcheck.render.tree import tree_text


@click.command("show")
@click.argument("spec")
@click.option("--ir", "what", flag_value="ir", default="ir", help="The transition system.")
@click.option(
    "--program", "what", flag_value="program", help="The parametric program, one level above it."
)
@click.option("--ast", "what", flag_value="ast", help="The syntax tree.")
@opt.check_option
@opt.model_options
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to stdout.")
def command(
    spec: str,
    what: Literal["ir", "program", "ast"],
    check_name: str | None,
    settings: tuple[str, ...],
    scope: tuple[str, ...],
    output: str | None,
) -> None:
    """Print what zdcheck makes of SPEC."""
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
            text = pretty(lower_check(loaded, chosen, options).system)
    if output is None:
        click.echo(text, nl=False)
    else:
        Path(output).write_text(text, encoding="utf-8")
