"""A C compiler that is quick rather than good: for a few hundred states that is several times quicker.

It is gcc or clang without optimisation. Where tcc is installed, that makes what is made anew for every system:
the explorer's model and SPIN's checker, in a twentieth of the time. What both have once and for all is
beyond it (atomics), and comes from the other. tcc links both.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zdcheck.engines.explicit.build import find_compiler


def quick_compiler(directory: Path) -> Path | None:
    """A command in this directory, to be named by `$CC`; None where there is no compiler."""
    script = directory / "cc-O0"
    compiler = find_compiler()
    if compiler is None:
        return None
    if script.exists():
        return script
    directory.mkdir(parents=True, exist_ok=True)
    own = script.with_suffix(f".{os.getpid()}")
    tiny = shutil.which("tcc")
    asked = f'{shlex.join(compiler.command)} "$@"'
    lines = ["#!/bin/sh", f"exec {asked} -O0"]  # of several levels the last one counts
    if tiny:
        made_anew = "*model.c\\ -o\\ model.o | *pan.c*"
        lines[1:1] = [
            'case "$*" in',
            f'{made_anew}) exec {tiny} "$@" ;;',
            f"*\\ -c\\ *) exec {asked} ;;",
            *_linking(tiny, compiler.command),
            "esac",
        ]
    own.write_text("\n".join(lines) + "\n", encoding="utf-8")
    own.chmod(0o755)
    own.replace(script)
    return script


def _linking(tiny: str, command: tuple[str, ...]) -> list[str]:
    """A case of the script that links a search with tcc, for which gcc needs ten times as long.

    With the compiler's own library of what a processor has no instruction for; empty if it does not name one.
    """
    said = subprocess.run(
        [*command, "-print-libgcc-file-name"], capture_output=True, text=True, check=False
    ).stdout
    library = Path(said.strip())
    linking = "model.o\\ runtime.o\\ -o\\ search\\ -pthread\\ -s"
    return [f'{linking}) exec {tiny} "$@" {library} ;;'] if library.is_absolute() else []


@contextmanager
def compiling_quickly(directory: Path) -> Iterator[None]:
    """This process compiles with it."""
    before = os.environ.get("CC")
    if (script := quick_compiler(directory)) is not None:
        os.environ["CC"] = str(script)
    try:
        yield
    finally:
        if before is not None:
            os.environ["CC"] = before
        else:
            os.environ.pop("CC", None)
