"""Options that several commands share, and the values they take."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from zdcheck.base.diagnostics import UsageError
from zdcheck.base.files import leads_out
from zdcheck.base.quantities import bytes_in, seconds_in
from zdcheck.render.terminal import ColorOption, use_color

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Memory(click.ParamType):  # type: ignore[type-arg]  # no generic before click 8.2
    """`4G`, `512M`: bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number of bytes."""
        if isinstance(value, int):
            return value
        found = bytes_in(value)
        if found is None:
            self.fail(f"{value!r} is no size; write for example 4G or 512M", param, ctx)
        return found


class Duration(click.ParamType):  # type: ignore[type-arg]
    """`60`, `90s`, `5m`, `2h`: seconds."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number of seconds."""
        if isinstance(value, float):
            return value
        found = seconds_in(str(value))
        if found is None:
            self.fail(f"{value!r} is no time; write for example 60, 5m or 2h", param, ctx)
        return found


def pairs(values: tuple[str, ...], option: str, example: str) -> dict[str, str]:
    """`a=b` options as a dictionary; `a=1,b=2` is two of them."""
    found: dict[str, str] = {}
    for value in values:
        for part in value.split(","):
            name, equals, text = (piece.strip() for piece in part.partition("="))
            if not (name and equals and text):
                raise UsageError(f"{option} {value}: write for example {option} {example}")
            if found.setdefault(name, text) != text:
                raise UsageError(f"{option} {name}: given twice with different values")
    return found


def sizes(values: tuple[str, ...]) -> dict[str, int]:
    """`--scope gup=3` options; an absurd size is refused here, before anything is built."""
    found = {}
    for name, text in pairs(values, "--scope", "gup=3").items():
        if not text.isascii() or not text.isdecimal():
            raise UsageError(f"--scope {name}={text}: the size is a number from 0 on")
        if len(text) > 4:
            raise UsageError(f"--scope {name}={text}: no scope this large can be explored")
        found[name] = int(text)
    return found


def _named(*options: Callable[[Decorated], Decorated]) -> Callable[[Decorated], Decorated]:
    """Several options as one decorator, in this order in the help."""

    def decorate(function: Decorated) -> Decorated:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


specs_argument = click.argument("specs", nargs=-1, required=True, metavar="SPEC…")
"""Files and folders of specs, for `spec_files`."""

checks_option = click.option(
    "--check", "checks", multiple=True, metavar="NAME", help="Only this check; may be repeated."
)
"""`--check` where all checks are meant otherwise."""

check_option = click.option(
    "--check", "check_name", metavar="NAME", help="Which check; the first by default."
)
"""`--check` where one check is meant."""

trace_or_spec = _named(
    click.argument("trace_or_spec"),
    click.option("--check", "check_name", metavar="NAME", help="Of a spec: only this check."),
)
"""What `violated` looks at."""

max_memory_option = click.option(
    "--max-memory", type=Memory(), help="Stop each search at so much memory, such as 4G."
)
limit_options = _named(
    click.option(
        "--max-states", type=click.IntRange(1), help="Stop each search after so many states."
    ),
    max_memory_option,
)
"""`--max-states` and `--max-memory`, of a search."""

progress_option = click.option("--no-progress", is_flag=True, help="Leave progress properties out.")
reduction_options = _named(
    click.option("--without", multiple=True, metavar="REDUCTION", help="Leave a reduction out."),
    progress_option,
)
"""`--without` and `--no-progress`, of a search."""

jobs_option = click.option(
    "--jobs", type=click.IntRange(1, 256), help="Specs at once; by default each core one."
)
json_option = click.option(
    "--json", "json_path", metavar="FILE", help="Write the report as JSON; - is stdout."
)


def timeout_option(what: str, default: str | None = None) -> Callable[[Decorated], Decorated]:
    """`--timeout`: when to stop `what`, in seconds; None without a default."""
    return click.option(
        "--timeout",
        type=Duration(),
        default=default,
        show_default=default is not None,
        help=f"Stop {what} after so long, such as 90s or 5m.",
    )


def model_options(function: Decorated) -> Decorated:
    """`--set` and `--scope`."""
    function = click.option(
        "--scope",
        "scope",
        multiple=True,
        metavar="KIND=N",
        help="Use N objects of a kind, or N threads of a family.",
    )(function)
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="CONFIG=VALUE",
        help="Change a config in every check that is run.",
    )(function)


def color_option(function: Decorated) -> Decorated:
    """`--color`."""
    return click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        help="When to colour; auto asks the terminal, NO_COLOR and CLICOLOR_FORCE.",
    )(function)


def colored(option: ColorOption) -> tuple[bool, bool]:
    """Whether to colour stdout and stderr."""
    return (
        use_color(option, sys.stdout.isatty(), os.environ),
        use_color(option, sys.stderr.isatty(), os.environ),
    )


def width() -> int:
    """How wide a table may be: `COLUMNS`, else the terminal, else enough for most."""
    return shutil.get_terminal_size((120, 24)).columns


def spec_files(paths: tuple[str, ...]) -> list[tuple[str, bool]]:
    """The spec files that the paths mean, each with whether it was named itself.

    A directory is every `.zd` below it that is not hidden. Raises UsageError if there are none.
    """
    found: dict[str, bool] = {}
    for path in paths:
        if not Path(path).is_dir():
            found[path] = True
            continue
        inside = [
            file
            for file in sorted(Path(path).rglob("*.zd"))
            if not any(part.startswith(".") for part in file.relative_to(path).parts)
        ]
        if not inside:
            raise UsageError(f"{path}: there is no .zd file below this directory")
        for file in inside:
            found.setdefault(str(file), False)
    return list(found.items())


def writable(path: str | None) -> None:
    """Raises UsageError if nothing can be written there; `-` is stdout. Better now than after the search."""
    if path in (None, "-"):
        return
    stays_inside(str(path))
    try:
        with Path(str(path)).open("a"):
            pass
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}") from None


def stays_inside(path: str) -> None:
    """Raises UsageError for a file below this folder that is one somewhere else, through a link."""
    place = Path(path)
    if not place.is_absolute() and ".." not in place.parts and leads_out(place, Path.cwd()):
        raise UsageError(f"cannot write {path}: a link there leads out of this folder")


def write_text(path: str, text: str) -> None:
    """Write a file, or print on stdout."""
    if path == "-":
        click.echo(text, nl=False)
    else:
        Path(path).write_text(text, encoding="utf-8")
