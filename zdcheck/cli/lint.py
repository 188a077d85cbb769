"""`zdcheck lint`: warnings that need no search."""

from __future__ import annotations

import click

from zdcheck.base.exit_codes import ExitCode, worst
from zdcheck.cli import options as opt
from zdcheck.cli.failures import failure_of, show
from zdcheck.pipeline import lint_spec
from zdcheck.render import terminal
from zdcheck.render.diagnostics import render


@click.command("lint")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@opt.color_option
def command(files: tuple[str, ...], color: terminal.ColorOption) -> int:
    """Report what looks wrong in FILES, or in every spec below a directory, without running it.

    Ends with exit status 1 if there is anything to report.
    """
    paint, err_paint = opt.colored(color)
    codes = [ExitCode.OK]
    count = 0
    for path, _ in opt.spec_files(files):
        try:
            found = lint_spec(path)
        except Exception as error:
            failure = failure_of(error)
            show(failure, color=err_paint, about=path if failure.kind == "internal" else "")
            codes.append(failure.exit_code)
            continue
        if found:
            count += len(found)
            codes.append(ExitCode.UNEXPECTED)
            click.echo(render(found, color=paint), nl=False, color=True)
    click.echo(f"{count} warning{'' if count == 1 else 's'}", err=True)
    return worst(*codes)
