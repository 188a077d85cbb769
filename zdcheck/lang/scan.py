"""Text to tokens: words, numbers, strings, signs; comments apart. Knows no grammar.

Which terminal of the grammar a token is depends on where it stands (`parser`): `count` may be a
name here and a word of the language there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from zdcheck.base.diagnostics import Diagnostic, Label, Severity, UsageError
from zdcheck.base.source import SourceFile, Span

MAX_CHARACTERS = 2_000_000
MAX_TOKENS = 200_000
"""A spec is a few hundred lines; anything this large is none."""

MAX_PROBLEMS = 20
"""After so many the rest helps nobody."""

MAX_BRACKETS = 100
"""How deep brackets may nest."""

Kind = Literal["word", "number", "string", "sign", "foreign", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `type` is the terminal it was read as, empty until the parser knows."""

    kind: Kind
    text: str
    start: int
    end: int
    type: str = ""

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True)
class Scanned:
    """The tokens of a text, an `end` token last; its comments; what is wrong with its characters."""

    tokens: list[Token] = field(default_factory=list)
    comments: list[Token] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    end: int = 0
    """Where the tokens stop; past the text unless something in it leaves nothing sensible behind."""


_OPEN, _CLOSE = "([{", ")]}"

_FOREIGN_SIGNS = r"<<=?|>>=?|===|!==|=>|:=|::|&=|\|=|\*=|/=|%=|\^=|->\*"
"""What C and its neighbours have, and this language has not."""

_SIGNS = r"\|\||&&|[=!<>]=|\+=|-=|\+\+|--|->|\.\.|[-=<>+!*?;:,.(){}\[\]]"

_TOKEN = re.compile(
    rf"""(?P<space>[ \t\r\n]+)
       | (?P<comment>//[^\n]*|/\*.*?\*/)
       | (?P<open_comment>/\*)
       | (?P<word>(?>[A-Za-z_][A-Za-z_0-9]*)(?![^\W0-9A-Za-z_]))
       | (?P<bad_word>[^\W\d]\w*)
       | (?P<number>[0-9]{{1,9}}(?![0-9A-Za-z_]))
       | (?P<bad_number>[0-9][0-9A-Za-z_]*)
       | (?P<string>"(?:[^"\\\n]|\\[^\n])*")
       | (?P<open_string>")
       | (?P<bad_string>[“”„][^“”"\n]*[“”"])
       | (?P<directive>\#[^\n]*)
       | (?P<character>'(?:[^'\\\n]|\\[^\n])*')
       | (?P<foreign>{_FOREIGN_SIGNS}|&(?!&)|\|(?!\|)|[\^~%/])
       | (?P<sign>{_SIGNS})
       | (?P<bad>.)""",
    re.VERBOSE | re.DOTALL,
)

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_LOOKALIKES = {
    "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-", "−": "-", "—": "--", "×": "*",
    "≤": "<=", "≥": ">=", "≠": "!=", "∧": "&&", "∨": "||", "¬": "!", "∀": "forall",
    "∃": "exists", "∈": "in", "⇒": "implies", "→": "implies", "…": "..", "；": ";", "：": ":",
    "，": ",", "（": "(", "）": ")", "｛": "{", "｝": "}", "\xa0": " ",
}  # fmt: skip
"""Characters that editors and mailers put where the plain ones were, or that textbooks use."""


def scan(source: SourceFile) -> Scanned:
    """All tokens. Raises UsageError for what is too large to be a spec."""
    text = source.text
    if len(text) > MAX_CHARACTERS:
        raise UsageError(
            f"{source.path} has more than {MAX_CHARACTERS} characters; that is no spec"
        )
    result = Scanned()
    result.end = len(text) + 1
    tokens = result.tokens
    depth = 0
    at = 1 if text.startswith("\ufeff") else 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match is not None and match.lastgroup is not None
        group, start, at = match.lastgroup, at, match.end()
        if len(tokens) + len(result.comments) > MAX_TOKENS:
            raise UsageError(f"{source.path} has more than {MAX_TOKENS} words; that is no spec")
        match group:
            case "space":
                continue
            case "word" | "number" | "string" | "sign" | "foreign":
                word = match[0]
                tokens.append(Token(group, word, start, at))
                if word in _OPEN:
                    depth += 1
                    if depth > MAX_BRACKETS:
                        message = f"brackets are nested more than {MAX_BRACKETS} deep"
                        result.problems.append(_problem("nesting", message, source, start, at))
                        result.end = start
                        break
                elif word in _CLOSE:
                    depth = max(depth - 1, 0)
            case "comment":
                result.comments.append(Token("foreign", match[0], start, at))
            case "open_comment":
                message = "this comment has no end"
                result.problems.append(
                    _problem("unterminated", message, source, start, at, help="end it with `*/`")
                )
                result.end = start
                break
            case "open_string":
                end = text.find("\n", start)
                at = len(text) if end < 0 else end
                result.problems.append(
                    _problem("unterminated", 'this text has no closing `"`', source, start, at)
                )
                # What follows the quote on its line would only be misread.
                tokens.append(Token("string", text[start:at].rstrip() + '"', start, at))
            case _:
                at = _strange(group, match[0], start, source, result)
        if len(result.problems) >= MAX_PROBLEMS:
            result.end = start
            break
    for match in _CONTROL.finditer(text):
        # In a comment or a text, where no token would show it.
        if not any(p.at.span.start <= match.start() < p.at.span.end for p in result.problems):
            result.problems.append(_bad_character(source, match.start()))
            break
    tokens.append(Token("end", "", len(text), len(text)))
    return result


def _strange(group: str, word: str, start: int, source: SourceFile, result: Scanned) -> int:
    """Characters that start no token; where to go on."""
    end = start + len(word)
    match group:
        case "directive":
            result.problems.append(
                _problem(
                    "syntax",
                    "there is no preprocessor",
                    source,
                    start,
                    start + len(word.rstrip()),
                    help="write `config NAME : TYPE = VALUE;` for a constant, `use mm.page;` for a module",
                )
            )
        case "bad_number":
            if word.isdigit():
                message, help = "this number is too large", "numbers have at most nine digits"
            else:
                message, help = (
                    f"`{word[:60]}` is neither a number nor a name",
                    "numbers are decimal",
                )
            result.problems.append(_problem("syntax", message, source, start, end, help=help))
            result.tokens.append(Token("number", "0", start, end))
        case "bad_word":
            odd = next(char for char in word if not char.isascii())
            message = f"a spec has no character `{odd}`"
            help = "names are made of ASCII letters, digits and `_`"
            if plain := _LOOKALIKES.get(word):
                help = f"write `{plain}`"
            result.problems.append(
                _problem("bad_character", message, source, start, end, help=help)
            )
            result.tokens.append(Token("word", plain or "_", start, end))
        case "character" | "bad_string":
            id = "syntax" if group == "character" else "bad_character"
            message = 'a text stands between `"` and `"`'
            result.problems.append(_problem(id, message, source, start, end))
            result.tokens.append(Token("string", f'"{word[1:-1]}"', start, end))
        case _:
            result.problems.append(_bad_character(source, start))
    return end


def _bad_character(source: SourceFile, at: int) -> Diagnostic:
    char = source.text[at]
    plain = _LOOKALIKES.get(char)
    help: str | None = None
    if char == "\xa0":
        message, help = "this is no plain space", "it is a no-break space (U+00A0)"
    elif char.isprintable():
        message = f"a spec has no character `{char}`"
        help = f"write `{plain}`" if plain else None
    else:
        message = f"a spec has no character U+{ord(char):04X}"
    return _problem("bad_character", message, source, at, at + 1, help=help)


def _problem(
    id: str, message: str, source: SourceFile, start: int, end: int, *, help: str | None = None
) -> Diagnostic:
    return Diagnostic(id, Severity.ERROR, message, Label(Span(source, start, end)), help=help)
