"""Text to syntax tree."""

from __future__ import annotations

from zdcheck.base.diagnostics import Diagnostic, Label, Severity, SpecError
from zdcheck.base.source import SourceFile, Span
from zdcheck.lang import ast
from zdcheck.lang.automaton import Automaton, TooDeep
from zdcheck.lang.scan import Token, scan
from zdcheck.lang.tree import TreeBuilder

MAX_DEPTH = 200
"""Levels of the tree: beyond any real spec, and far from where recursion over it would end."""


def parse(source: SourceFile) -> ast.Spec:
    """The syntax tree of a text. Raises SpecError; UsageError for what is too large for a spec."""
    scanned = scan(source)
    if scanned.problems:
        raise SpecError(scanned.problems)
    builder = TreeBuilder(source)
    automaton = Automaton(source, lambda rule: getattr(builder, rule), MAX_DEPTH)
    for i, token in enumerate(scanned.tokens):
        terminal = reading(automaton, scanned.tokens, i)
        if terminal is None:
            span = Span(source, token.start, max(token.end, token.start))
            raise SpecError(
                [Diagnostic("syntax", Severity.ERROR, f"unexpected `{token}`", Label(span))]
            )
        try:
            automaton.feed(token, terminal)
        except TooDeep:
            last = scanned.tokens[max(i - 1, 0)]
            span = Span(source, last.start, last.end)
            raise SpecError(
                [Diagnostic("nesting", Severity.ERROR, "nested too deeply", Label(span))]
            ) from None
    spec = automaton.entries[-1].value
    assert isinstance(spec, ast.Spec)
    return spec


HARD = frozenset(
    {
        *("if", "else", "while", "for", "forever", "break", "continue", "return", "goto"),
        *("true", "false", "null", "self", "any", "in", "is", "implies", "forall", "exists"),
        *("fn", "thread", "object", "enum", "variant", "var", "ghost", "atomic", "assert"),
    }
)
"""Words that are never names where the grammar wants the word."""


def reading(automaton: Automaton, tokens: list[Token], i: int) -> str | None:
    """The terminal that a token is here; None if nothing fits.

    A word of the language is a name where only a name can stand, or where what follows it makes
    sense after a name only: `count = 1;`, `cover : bool;`.
    """
    token = tokens[i]
    fits = [t for t in automaton.table.readings(token) if automaton.accepts(t)]
    if len(fits) < 2 or token.text in HARD:
        return fits[0] if fits else None
    following = automaton.table.readings(tokens[i + 1]) if i + 1 < len(tokens) else ()
    for terminal in fits:
        if any(automaton.accepts(terminal, after) for after in following):
            return terminal
    return fits[0]
