"""What the layout of a text tells about braces that do not match."""

from __future__ import annotations

from zdcheck.base.source import SourceFile
from zdcheck.lang.scan import Token

_ITEMS = frozenset(
    {
        *("thread", "object", "enum", "variant", "fn", "config", "section", "scope", "init"),
        *("check", "invariant", "finally", "progress", "use", "daemon", "fair", "unfair"),
    }
)
"""Words that begin an item, and no statement."""


def starts_item(source: SourceFile, tokens: list[Token], i: int) -> bool:
    """Whether a token looks like the first word of an item."""
    token = tokens[i]
    if token.kind != "word" or token.text not in _ITEMS or i + 1 >= len(tokens):
        return False
    after = tokens[i + 1]
    return is_first(source, token) and (after.kind in ("word", "string") or after.text == "{")


_FAR = 200
"""Nobody indents farther; lines without end are not searched for their beginning."""


def is_first(source: SourceFile, token: Token) -> bool:
    """Whether only space stands before the token on its line."""
    begin = max(token.start - _FAR, 0)
    _, newline, before = source.text[begin : token.start].rpartition("\n")
    return (bool(newline) or begin == 0) and not before.strip()


def indent(source: SourceFile, token: Token) -> int:
    """How far the token's line is indented."""
    line = source.line(source.position(token.start)[0])[:_FAR].expandtabs(8)
    return len(line) - len(line.lstrip())


def unclosed(source: SourceFile, tokens: list[Token], i: int, start: int) -> Token | None:
    """The `{` between offset `start` and token `i` whose `}` is most likely the one missing."""
    for opener, closer in reversed(_pairs(tokens[:i])):
        if opener.start > start and _is_odd(source, opener, closer):
            return opener
    return None


def closed_early(source: SourceFile, tokens: list[Token], i: int) -> Token | None:
    """The `}` before token `i` that is most likely one too many."""
    for opener, closer in _pairs(tokens[:i]):
        if _is_odd(source, opener, closer):
            return closer
    return None


def _is_odd(source: SourceFile, opener: Token, closer: Token) -> bool:
    return is_first(source, closer) and indent(source, opener) != indent(source, closer)


def _pairs(tokens: list[Token]) -> list[tuple[Token, Token]]:
    """Braces that close each other, in the order of the opening ones."""
    stack: list[Token] = []
    pairs: list[tuple[Token, Token]] = []
    for token in tokens:
        if token.text == "{":
            stack.append(token)
        elif token.text == "}" and stack:
            pairs.append((stack.pop(), token))
    return sorted(pairs, key=lambda pair: pair[0].start)
