"""`zdcheck report`: a counterexample as one HTML file."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import click

from zdcheck.base.diagnostics import ToolError, UsageError
from zdcheck.base.exit_codes import ExitCode
from zdcheck.base.files import slug, write_whole
from zdcheck.cli import options as opt
from zdcheck.cli.app import version
from zdcheck.cli.trace import load
from zdcheck.cli.violated import Searched, Shown, searched
from zdcheck.inspect.opened import open_trace
from zdcheck.inspect.pin import as_options
from zdcheck.pipeline import Options, load_spec, reproduce
from zdcheck.render.escape import printable


@click.command("report")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE|DIR",
    help="The file to write; into a directory goes a page for each violated check.",
)
@opt.trace_or_spec
@opt.model_options
def command(
    trace_or_spec: str,
    output: str,
    check_name: str | None,
    settings: tuple[str, ...],
    scope: tuple[str, ...],
) -> int:
    """Write a counterexample as one HTML file that needs no network.

    Of a saved trace, or of the violated check of a spec. Where several are violated, the first
    one that the spec does not expect, else the first one.
    """
    need_jinja()
    is_folder = output.endswith(os.sep) or Path(output).is_dir()
    refuse_unwritable(output, is_folder)
    if trace_or_spec.endswith(".zd"):
        options = Options(
            settings=opt.pairs(settings, "--set", "recheck=false"), scope=opt.sizes(scope)
        )
        shown, code = _of_spec(trace_or_spec, check_name, options, several=is_folder)
    elif check_name is not None or settings or scope:
        raise UsageError("--check, --set and --scope are for specs; a trace has its own")
    else:
        shown, code = [_of_trace(trace_or_spec)], ExitCode.OK
    names: set[str] = set()
    for one in shown:
        path = Path(output)
        if is_folder:
            path /= f"{free(names, slug(one.opened.trace.check))}.html"
        write(one, path)
    return code


def _of_trace(path: str) -> Shown:
    saved = load(path)
    try:
        opened = open_trace(saved)
        again = reproduce(saved.spec, saved.check, as_options(opened))
    except ToolError as error:
        raise ToolError(f"{path}: {error}") from None
    return Shown(opened, again)


def _of_spec(
    path: str, check_name: str | None, options: Options, *, several: bool
) -> tuple[list[Shown], ExitCode]:
    """What to show of a spec; raises UsageError if nothing in it is violated."""
    spec = load_spec(path)
    found: list[Searched] = []
    stopped: list[str] = []
    for one in searched(spec, check_name, options):
        if one.shown is None:
            stopped.append(one.check)
        else:
            found.append(one)
    for name in stopped:
        click.echo(f"zdcheck: a limit ended `{printable(name)}`: nobody knows", err=True)
    code = ExitCode.INCONCLUSIVE if stopped else ExitCode.OK
    found.sort(key=lambda one: not one.is_surprise)
    if not found:
        if stopped:
            return [], code
        what = "no check is" if check_name is None else f"`{check_name}` is not"
        raise UsageError(f"{path}: {what} violated: there is no run to show")
    shown = [one.shown for one in found if one.shown is not None]
    if several:
        return shown, code
    for one in found[1:]:
        click.echo(
            f"zdcheck: left out: `{printable(one.check)}` (--check, or -o DIR/ for all)", err=True
        )
    return shown[:1], code


def need_jinja() -> None:
    """Raises ToolError where no page can be made."""
    if importlib.util.find_spec("jinja2") is None:
        raise ToolError("reports need Jinja2: pip install 'zdcheck[report]'")


def free(taken: set[str], name: str) -> str:
    """The name, with a number if it is taken; it is taken then."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    taken.add(free)
    return free


def refuse_unwritable(output: str, is_folder: bool) -> None:
    """Raises UsageError if it is known before the search that nothing can be written there."""
    folder = Path(output) if is_folder else Path(os.path.realpath(output)).parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise UsageError(f"cannot write {output}: {folder} is no directory")
    there = Path(output)
    target = there if there.exists() and not is_folder else folder
    if not os.access(target, os.W_OK) or not os.access(folder, os.X_OK):
        raise UsageError(f"cannot write {output}: permission denied")


def write(shown: Shown, path: Path) -> None:
    """Write a run's page, and say so. Raises UsageError if it cannot be written."""
    # Not imported above: without Jinja2 there is a better message than its absence.
    from zdcheck.report.graph import graph_of
    from zdcheck.report.html import Extras, page
    from zdcheck.report.record import record

    extras = Extras(shown.again, version(), graph_of(shown.opened))
    text = page(record(shown.opened), extras)
    try:
        write_whole(path, text)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
    click.echo(f"zdcheck: wrote {printable(str(path))}", err=True)
