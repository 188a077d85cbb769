"""`zdcheck fmt`: the canonical layout of specs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from zdcheck.base.exit_codes import ExitCode, worst
from zdcheck.base.files import real
from zdcheck.cli import options as opt
from zdcheck.cli.failures import failure_of, show
from zdcheck.pipeline import formatted
from zdcheck.render.escape import printable


@click.command("fmt")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--check", is_flag=True, help="Change nothing; say which files would change.")
def command(files: tuple[str, ...], check: bool) -> int:
    """Bring FILES, or every spec below a directory, into their canonical layout.

    With --check, ends with exit status 1 if a file is not in it.
    """
    codes = [ExitCode.OK]
    for path, _ in opt.spec_files(files):
        try:
            before, after = formatted(path)
            if before == after:
                continue
            click.echo(f"{'would change' if check else 'changed'} {printable(path)}")
            if check:
                codes.append(ExitCode.UNEXPECTED)
            else:
                _replace(Path(path), after)
        except BrokenPipeError:
            raise
        except Exception as error:
            failure = failure_of(error)
            show(failure, about=path if failure.kind == "internal" else "")
            codes.append(failure.exit_code)
    return worst(*codes)


def _replace(path: Path, text: str) -> None:
    """Write the file in one go: an interrupt or a full disk leaves the old one."""
    target = real(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(name).chmod(target.stat().st_mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
