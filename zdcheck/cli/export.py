"""`zdcheck export`: a check's transition system in another checker's language."""

from __future__ import annotations

from pathlib import Path

import click

from zdcheck.cli import options as opt
from zdcheck.crosscheck import Language, exported
from zdcheck.pipeline import Options, load_spec


@click.command("export")
@click.argument("spec")
@click.option(
    "--to",
    "language",
    type=click.Choice(["murphi", "promela", "smtlib"]),
    required=True,
    help="Murphi for rumur, Promela for SPIN, SMT-LIB (with VMT annotations) for solvers.",
)
@opt.check_option
@opt.model_options
@opt.progress_option
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to stdout.")
def command(
    spec: str,
    language: Language,
    check_name: str | None,
    settings: tuple[str, ...],
    scope: tuple[str, ...],
    no_progress: bool,
    output: str | None,
) -> None:
    """Print one check of SPEC in another checker's language.

    One atomic step for each action, the same states, and comments that say which line of the
    spec each comes from.
    """
    options = Options(
        settings=opt.pairs(settings, "--set", "recheck=false"),
        scope=opt.sizes(scope),
        progress=not no_progress,
    )
    loaded = load_spec(spec)
    text = exported(loaded, loaded.only_or(check_name), options, language)
    if output is None:
        click.echo(text, nl=False)
    else:
        Path(output).write_text(text, encoding="utf-8")
