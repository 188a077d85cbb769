"""Text to syntax tree."""

from __future__ import annotations

from functools import cache
from importlib import resources

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

from zdcheck.base.diagnostics import Diagnostic, Label, Severity, SpecError
from zdcheck.base.source import SourceFile, Span
from zdcheck.lang import ast
from zdcheck.lang.tree import TreeBuilder

MAX_DEPTH = 200


@cache
def _lark() -> Lark:
    grammar = resources.files("zdcheck.lang").joinpath("grammar.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", propagate_positions=True, maybe_placeholders=True)


def parse(source: SourceFile) -> ast.Spec:
    """The syntax tree of a text. Raises SpecError."""
    try:
        tree = _lark().parse(source.text)
    except UnexpectedToken as error:
        start = error.token.start_pos or 0
        span = Span(source, start, error.token.end_pos or start + 1)
        if error.token.type == "$END":
            span = Span(source, len(source.text), len(source.text))
        raise SpecError(
            [Diagnostic("syntax", Severity.ERROR, f"unexpected `{error.token}`", Label(span))]
        ) from None
    except UnexpectedCharacters as error:
        span = Span(source, error.pos_in_stream, error.pos_in_stream + 1)
        raise SpecError(
            [Diagnostic("syntax", Severity.ERROR, "unexpected character", Label(span))]
        ) from None
    except UnexpectedEOF:
        span = Span(source, len(source.text), len(source.text))
        raise SpecError(
            [Diagnostic("syntax", Severity.ERROR, "unexpected end", Label(span))]
        ) from None
    _limit_depth(tree, source)
    return TreeBuilder(source).transform(tree)


def _limit_depth(tree: Tree[Token], source: SourceFile) -> None:
    level = [tree]
    depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise SpecError(
                [
                    Diagnostic(
                        "nesting", Severity.ERROR, "nested too deeply", Label(Span(source, 0, 0))
                    )
                ]
            )
        level = [c for t in level for c in t.children if isinstance(c, Tree)]
