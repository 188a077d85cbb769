"""Exceptions as failures that a reader can act on; nobody ever sees a traceback."""

from __future__ import annotations

import os
import traceback

import click

from zdcheck.base.diagnostics import EngineDisagreement, SpecError, ToolError, UsageError
from zdcheck.base.failure import Failure
from zdcheck.render.escape import printable


def failure_of(error: Exception) -> Failure:
    """What went wrong, and whose fault it is."""
    if os.environ.get("ZDCHECK_DEBUG") == "1" and not isinstance(error, SpecError | UsageError):
        traceback.print_exception(error)
    match error:
        case SpecError():
            return Failure("spec", str(error), error.diagnostics)
        case UsageError():
            return Failure("usage", str(error))
        case click.ClickException():
            return Failure("usage", error.format_message())
        case ToolError():
            return Failure("tool", str(error))
        case OSError():
            name = f"{error.filename}: " if error.filename else ""
            return Failure("tool", f"{name}{error.strerror or error}")
        case MemoryError():
            return Failure("tool", "out of memory; a smaller scope needs less")
        case EngineDisagreement():
            return Failure("internal", f"zdcheck is wrong here, do not trust it: {error}")
        case _:
            return Failure("internal", f"{type(error).__name__}: {error}")


def show(failure: Failure, *, color: bool = False, about: str = "") -> None:
    """Print a failure on stderr."""
    if failure.diagnostics:
        from zdcheck.render.diagnostics import render

        click.echo(render(failure.diagnostics, color=color), err=True, nl=False)
        return
    where = f"{printable(about)}: " if about else ""
    message = "\n".join(printable(line) for line in failure.message.split("\n"))
    word = "internal error" if failure.kind == "internal" else "error"
    click.echo(f"zdcheck: {word}: {where}{message}", err=True)
    if failure.kind == "internal":
        click.echo(
            "zdcheck: this is a bug in zdcheck; please report it with the spec and the command.\n"
            "zdcheck: ZDCHECK_DEBUG=1 shows where it happened.",
            err=True,
        )
