"""Places and lines of code as a reader of the spec wants to see them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from zdcheck.base.source import SourceFile, Span
from zdcheck.ir.system import Action, System
from zdcheck.trace.model import Place


def place_of(span: Span) -> Place:
    """A span's place, cut at the end of its first line."""
    line, column = span.file.position(span.start)
    text = span.text.split("\n", 1)[0]
    return Place(span.file.path, line, column, column + max(1, len(text)), text.rstrip())


def source_line(span: Span) -> str:
    """The line that the span begins on, without indentation and comment."""
    line = span.file.line(span.line).split("//", 1)[0]
    return " ".join(line.split()).removeprefix("} ")


def code_of(span: Span) -> str:
    """A step's code on one line: all of an atomic block, else the first line of what ran."""
    text = span.text
    if not text.startswith("atomic"):
        text = text.split("\n", 1)[0]
        if not text.endswith((";", "{", "}")):
            return source_line(span)  # a condition: show the `if` or `while` around it
    lines = (line.split("//", 1)[0] for line in text.split("\n"))
    return " ".join(word for line in lines for word in line.split())


def files_of(spans: list[Span]) -> tuple[SourceFile, ...]:
    """The files that the spans lie in, each once, in order of appearance."""
    seen: dict[int, SourceFile] = {}
    for span in spans:
        seen.setdefault(id(span.file), span.file)
    return tuple(seen.values())


@dataclass(frozen=True, slots=True)
class Shown:
    """What a reader of the spec should see of a step: a line of code, and what ran inside it."""

    span: Span
    code: str
    inside: Span | None = None
    detail: str = ""


def shown_code(system: System, action: Action, spec: str) -> Shown:
    """How to show a step to someone who reads the file `spec`.

    A call that makes one step stands for what it does, the outermost such call first. A step
    inside the library is shown as the spec's call that led there, with the library's line below.
    """
    whole = next((call for call in action.via if _is_one_step(system, action, call)), None)
    span, code = (
        (action.span, code_of(action.span)) if whole is None else (whole, source_line(whole))
    )
    outer = [call for call in action.via if call.file.path == spec]
    if span.file.path == spec or not outer:
        return Shown(span, code)
    return Shown(outer[-1], source_line(outer[-1]), span, code)


def _is_one_step(system: System, action: Action, call: Span) -> bool:
    """Whether everything that the thread does inside `call` starts where `action` starts."""
    return all(
        other.location == action.location
        for other in system.actions
        if other.thread == action.thread and call in other.via
    )


_FUNCTION = re.compile(r"^\s*(?:ghost\s+)?fn\s+(\w+)", re.MULTILINE)


def sets_variable(statement: Span, function: str, name: str) -> bool:
    """Whether the statement is in `function` and gives its variable a value, by `=` or `is`."""
    inside = _FUNCTION.findall(statement.file.text, 0, statement.start)
    variable = re.escape(name.partition("[")[0])
    sets = rf"\b{variable}\b[^=;]*[-+]?=(?!=)|\bis \w+\([^)]*\b{variable}\b"
    return inside[-1:] == [function] and bool(re.search(sets, source_line(statement)))
