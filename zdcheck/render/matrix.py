"""The tables of `zdcheck check --matrix`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Literal, assert_never

from zdcheck.render.escape import printable
from zdcheck.trace.matrix import Matrix
from zdcheck.trace.verdict import CheckReport, Holds, Inconclusive, Violated

NO_RUN = "-"
"""Where a check has no run for a value."""

_NAME = 16
"""The least width of the first column."""

_NARROW = 9
"""The longest line of a cell where there is little room: `assertion`."""

_Style = Literal["holds", "violated", "bad", "open", "none"]

_STYLES: Mapping[_Style, str] = {
    "holds": "green",
    "violated": "yellow",
    "bad": "bold red",
    "open": "yellow",
    "none": "dim",
}


def said(report: CheckReport) -> str:
    """What stands in the run's cell: `holds` or the violation's id; marked if nobody expected it."""
    match report.verdict:
        case Inconclusive():
            return "????"
        case Violated(_, trace):
            assert trace.blame is not None
            found = trace.blame.violation
        case Holds():
            found = "holds"
        case _:
            assert_never(report.verdict)
    return found if report.surprise is None else f"FAIL {found}"


def matrix_text(matrix: Matrix, width: int, color: bool) -> str:
    """The table as text, at most `width` columns wide as far as its words allow."""
    if _needed(matrix, str, max(len(row.name) for row in matrix.rows) + 2) <= width:
        return _drawn(matrix, width, color, str)
    return _drawn(matrix, max(width, _needed(matrix, _folded, _NAME)), color, _folded)


def _needed(matrix: Matrix, cell_text: Callable[[str], str], name: int) -> int:
    """The width of the table if the first column has so much."""
    found = name
    for value in matrix.columns:
        texts = [value, *(cell_text(_cell(row.cells.get(value))[0]) for row in matrix.rows)]
        found += 3 + max(len(line) for text in texts for line in text.split("\n"))
    return found


def _drawn(matrix: Matrix, width: int, color: bool, cell_text: Callable[[str], str]) -> str:
    # rich takes long to import, and most runs have no table
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD if color else box.ASCII2, pad_edge=False, show_edge=False)
    table.add_column(Text(printable(matrix.config)), overflow="fold", min_width=_NAME)
    for value in matrix.columns:
        table.add_column(Text(printable(value)), overflow="fold")
    head = ""
    for row in matrix.rows:
        if row.spec != head:
            head = row.spec
            table.add_row(Text(printable(Path(head).name), "bold"))
        cells = [row.cells.get(value) for value in matrix.columns]
        texts = [Text(cell_text(found), style) for found, style in map(_cell, cells)]
        table.add_row(Text(f"  {printable(row.name)}"), *texts)
    stream = StringIO()
    console = Console(
        file=stream,
        width=width,
        color_system="standard" if color else None,
        force_terminal=color,
        legacy_windows=False,
    )
    console.print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().rstrip("\n").split("\n"))


def _folded(said: str) -> str:
    """A cell in lines of few letters, broken at its underscores and spaces."""
    lines = [""]
    for part in re.findall(r"[^_ ]*[_ ]?", said):
        if len(lines[-1]) + len(part) > _NARROW and lines[-1]:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip(" ") for line in lines)


def _cell(report: CheckReport | None) -> tuple[str, str]:
    if report is None:
        return NO_RUN, _STYLES["none"]
    return said(report), _STYLES[_style(report)]


def _style(report: CheckReport) -> _Style:
    if isinstance(report.verdict, Inconclusive):
        return "open"
    if report.surprise is not None:
        return "bad"
    return "holds" if isinstance(report.verdict, Holds) else "violated"
