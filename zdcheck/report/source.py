"""The texts of a run, line by line, with the words of the language told apart.

By the language's own scanner, so that what is coloured is what was read.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from zdcheck.base.source import SourceFile
from zdcheck.lang.automaton import table
from zdcheck.lang.scan import Token, scan

Look = Literal["", "word", "string", "number", "comment"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some characters of a line, and what they are; "" is nothing special."""

    look: Look
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One text of a spec: its lines in pieces, and on which line which function or thread begins."""

    number: int
    path: str
    lines: tuple[tuple[Piece, ...], ...]
    functions: tuple[tuple[int, str], ...]

    def function(self, line: int) -> str:
        """What the line is in; "" if it is in nothing."""
        found = bisect_right(self.functions, line, key=lambda begin: begin[0])
        return self.functions[found - 1][1] if found else ""


_BEGINS = re.compile(r"^(?:ghost\s+|daemon\s+|fair\s+)*(fn|thread)\s+(\w+)|^[a-z}]", re.MULTILINE)


def functions(text: str) -> tuple[tuple[int, str], ...]:
    """On which line which function or thread begins; "" for another item of the spec."""
    return tuple(
        (text.count("\n", 0, match.start()) + 1, name)
        for match in _BEGINS.finditer(text)
        for name in [f"{match[2]}()" if match[1] == "fn" else match[2] or ""]
        if match[0] != "}"
    )


def pieces(path: str, text: str) -> tuple[tuple[Piece, ...], ...]:
    """Each line in pieces, tabs made spaces."""
    text = text.replace("\r\n", "\n").expandtabs(4)
    lines: list[list[Piece]] = [[]]
    for look, part in _looks(path, text):
        for number, line in enumerate(part.split("\n")):
            if number:
                lines.append([])
            if line:
                lines[-1].append(Piece(look, line))
    if not lines[-1]:
        lines.pop()
    return tuple(tuple(line) for line in lines)


def _looks(path: str, text: str) -> Iterator[tuple[Look, str]]:
    scanned = scan(SourceFile(path, text))
    words = table().words
    tokens = [(_look(token, words), token) for token in scanned.tokens]
    looks: list[tuple[Look, Token]] = [
        *((look, token) for look, token in tokens if look),
        *(("comment", token) for token in scanned.comments),
    ]
    at = 0
    for look, token in sorted(looks, key=lambda pair: pair[1].start):
        yield "", text[at : token.start]
        yield look, text[token.start : token.end]
        at = token.end
    yield "", text[at:]


def _look(token: Token, words: frozenset[str]) -> Look:
    match token.kind:
        case "word" if token.text in words:
            return "word"
        case "string" | "number" as kind:
            return kind
        case _:
            return ""
