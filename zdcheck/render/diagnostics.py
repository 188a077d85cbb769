"""Diagnostics as text: the message, the place, the lines of the spec it is about.

Every character of the spec goes through `escape.printable`, so that nothing in it can move the
cursor; every line is cut to what a terminal shows, so that a spec of one huge line cannot flood it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from zdcheck.base.diagnostics import Diagnostic, Label, Severity
from zdcheck.base.source import SourceFile
from zdcheck.render.escape import printable

TAB_WIDTH = 4
"""Tab stops of the lines shown; carets are placed by what is shown, not by the characters."""

LINE_WIDTH = 100
"""Longer lines are cut around what is marked."""

MESSAGE_LENGTH = 500
"""Longer messages quote a name that nobody would read to its end."""

_BEFORE = 30
"""Columns kept to the left of the mark where a line is cut."""

_CUT = "..."

_SGR = {"error": "1;31", "warning": "1;33", "bold": "1", "gutter": "34", "help": "1;32"}


@dataclass(frozen=True, slots=True)
class _Mark:
    """One label on its line: the line's number and the characters marked, from 0."""

    file: SourceFile
    line: int
    start: int
    end: int
    text: str
    is_primary: bool


def render(diagnostics: Iterable[Diagnostic], *, color: bool = False) -> str:
    """All diagnostics, an empty line between two; the text ends with a newline unless empty."""
    return "\n".join(render_one(diagnostic, color=color) for diagnostic in diagnostics)


def render_one(diagnostic: Diagnostic, *, color: bool = False) -> str:
    """`error[id]: message`, where, the source with its marks, `= help: …`."""
    paint = _Painter(color, diagnostic.severity)
    word = paint(f"{diagnostic.severity.value}[{diagnostic.id}]", diagnostic.severity.value)
    lines = [word + paint(f": {_one_line(diagnostic.message)}", "bold")]
    marks = [_mark(diagnostic.at, True), *(_mark(label, False) for label in diagnostic.also)]
    gutter = max(len(str(mark.line)) for mark in marks)
    lines.extend(_sources(marks, gutter, paint))
    if diagnostic.help:
        head, *rest = (printable(line) for line in diagnostic.help.split("\n"))
        margin = " " * gutter + " "
        lines.append(f"{margin}{paint('=', 'gutter')} {paint('help', 'help')}: {head}".rstrip())
        lines.extend(f"{margin}        {line}".rstrip() for line in rest)
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Painter:
    """Colours text if it may; marks of the main place have the severity's colour."""

    color: bool
    severity: Severity

    def __call__(self, text: str, style: str) -> str:
        return f"\x1b[{_SGR[style]}m{text}\x1b[0m" if self.color and text else text


def _one_line(text: str) -> str:
    if len(text) > MESSAGE_LENGTH:
        text = text[: MESSAGE_LENGTH - len(_CUT)] + _CUT
    return printable(" ".join(text.split("\n")))


def _mark(label: Label, is_primary: bool) -> _Mark:
    """The label's place on its first line; at least one column wide."""
    file = label.span.file
    line, column = file.position(label.span.start)
    length = max(label.span.end - label.span.start, 1)
    return _Mark(file, line, column - 1, column - 1 + length, _one_line(label.text), is_primary)


# --- the lines of the spec --------------------------------------------------------------


def _sources(marks: Sequence[_Mark], gutter: int, paint: _Painter) -> Iterator[str]:
    """The lines shown, the main file first; other files have a head of their own."""
    files = dict.fromkeys(mark.file.path for mark in marks)
    margin = " " * gutter
    for path in files:
        here = [mark for mark in marks if mark.file.path == path]
        arrow = "-->" if here[0].is_primary else ":::"
        place = f"{printable(path)}:{here[0].line}:{here[0].start + 1}"
        yield f"{margin}{paint(arrow, 'gutter')} {place}"
        yield f"{margin} {paint('|', 'gutter')}"
        here.sort(key=lambda mark: (mark.line, not mark.is_primary, mark.start))
        previous = here[0].line
        for line, group in groupby(here, key=lambda mark: mark.line):
            if line > previous + 1:
                yield paint("...", "gutter")
            previous = line
            yield from _source_line(list(group), gutter, paint)


def _source_line(marks: list[_Mark], gutter: int, paint: _Painter) -> Iterator[str]:
    """One line of the spec with a row for each mark; a cut line is shown once for each."""
    text = marks[0].file.line(marks[0].line).removesuffix("\r")
    if len(text) <= LINE_WIDTH and _width(cells := _cells(text)) <= LINE_WIDTH:
        yield from _shown("".join(cells), marks[0].line, gutter, paint)
        for mark in marks:
            row = _row(mark, cells, mark.start, mark.end)
            yield from _marked(row, mark, gutter, paint)
        return
    for mark in marks:
        shown, before, start, end, cells = _window(text, mark)
        yield from _shown(shown, mark.line, gutter, paint)
        row = " " * before + _row(mark, cells, start, end)
        yield from _marked(row, mark, gutter, paint)


def _shown(text: str, line: int, gutter: int, paint: _Painter) -> Iterator[str]:
    yield f"{paint(str(line).rjust(gutter), 'gutter')} {paint('|', 'gutter')} {text}".rstrip()


def _marked(row: str, mark: _Mark, gutter: int, paint: _Painter) -> Iterator[str]:
    style = paint.severity.value if mark.is_primary else "gutter"
    blank = len(row) - len(row.lstrip(" "))
    words = f"{row[blank:]} {mark.text}".rstrip()
    yield f"{' ' * gutter} {paint('|', 'gutter')} {' ' * blank}{paint(words, style)}"


def _row(mark: _Mark, cells: list[str], start: int, end: int) -> str:
    """Carets under the characters `start` to `end` of the cells; to the line's end at most."""
    before = _width(cells[:start]) + max(start - len(cells), 0)
    return " " * before + ("^" if mark.is_primary else "-") * max(_width(cells[start:end]), 1)


def _window(text: str, mark: _Mark) -> tuple[str, int, int, int, list[str]]:
    """A long line's part around a mark.

    What is shown, the columns before its cells, the mark in the cells, and the cells.
    """
    start = min(mark.start, len(text))
    first = max(start - _BEFORE, 0)
    cells = _cells(text[first : first + LINE_WIDTH])
    start -= first
    # Escapes may make the part before the mark wider than it is long.
    while start > 0 and _width(cells[:start]) > _BEFORE:
        cells, start, first = cells[1:], start - 1, first + 1
    head = _CUT if first > 0 else ""
    count, width = 0, len(head)
    for cell in cells:
        width += _width([cell])
        if width > LINE_WIDTH - len(_CUT):
            break
        count += 1
    cells = cells[: max(count, 1)]
    tail = _CUT if first + len(cells) < len(text) else ""
    end = min(start + mark.end - mark.start, max(len(cells), start + 1))
    return f"{head}{''.join(cells)}{tail}", len(head), start, end, cells


def _cells(text: str) -> list[str]:
    """What each character is shown as."""
    cells: list[str] = []
    column = 0
    for char in text:
        if char == "\t":
            cell = " " * (TAB_WIDTH - column % TAB_WIDTH)
        else:
            cell = printable(char)
        cells.append(cell)
        column += _width([cell])
    return cells


def _width(cells: Iterable[str]) -> int:
    """How many columns a terminal needs."""
    return sum(
        len(cell) if cell.isascii() else sum(_columns(char) for char in cell) for cell in cells
    )


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
