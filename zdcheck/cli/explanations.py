"""The table in a README that says why mutants survive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from zdcheck.base.diagnostics import UsageError
from zdcheck.render.mutation import COLUMNS, HEADING
from zdcheck.trace.mutation import MutantName

UNKNOWN = "?"
"""What stands in the table where nobody knows why yet."""


def explanations(spec: str, given: str | None) -> dict[MutantName, str]:
    """Those of the file `given`, or of the README.md beside the spec if there is one.

    Raises UsageError if `given` cannot be read or has no such table.
    """
    path = Path(given) if given is not None else Path(spec).parent / "README.md"
    if given is None and not path.is_file():
        return {}
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"--explained {path}: it cannot be read: {why}") from None
    rows = list(table_rows(text, HEADING))
    if given is not None and not rows:
        raise UsageError(f"--explained {path}: there is no table under a heading `{HEADING}`")
    found: dict[MutantName, str] = {}
    for row in rows[1:]:
        if len(row) != len(COLUMNS):
            continue
        spec_name, owner, changes, why = row
        for change in changes.split("<br>"):
            if why not in ("", UNKNOWN):
                found[MutantName(spec_name, owner, change.strip())] = why
    return found


def table_rows(text: str, heading: str) -> Iterator[list[str]]:
    """The cells of the first table under a heading of Markdown, its head first."""
    tokens = iter(MarkdownIt("commonmark").enable("table").parse(text))
    for token in tokens:
        if token.type == "heading_open" and next(tokens).content == heading:
            yield from _table(tokens)
            return


def _table(tokens: Iterator[Token]) -> Iterator[list[str]]:
    cells: list[str] = []
    is_cell = False
    for token in tokens:
        match token.type:
            case "heading_open" | "table_close":
                return
            case "th_open" | "td_open":
                is_cell = True
            case "th_close" | "td_close":
                is_cell = False
            case "inline" if is_cell:
                cells.append(" ".join(token.content.split()))
            case "tr_close":
                yield cells
                cells = []
            case _:
                pass
