"""Going through the trees of a model: children, subexpressions, everything a body may reach."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Any

from zdcheck.lang import model as m

Tree = m.Expr | m.Stmt | m.AnyValue

_EXPRESSIONS: tuple[type, ...] = typing.get_args(m.Expr)
_STATEMENTS: tuple[type, ...] = typing.get_args(m.Stmt)
_TREES = (*_EXPRESSIONS, *_STATEMENTS, m.AnyValue)


@cache
def _names(node_type: type[Any]) -> tuple[str, ...]:
    return tuple(f.name for f in fields(node_type) if f.name not in ("span", "type"))


def children(tree: Tree) -> Iterator[Tree]:
    """The trees directly below, in the order written."""
    for name in _names(typing.cast(Any, type(tree))):
        value = getattr(tree, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, _TREES):
                yield typing.cast(Tree, part)


def walk(tree: Tree) -> Iterator[Tree]:
    """The tree and everything below it."""
    pending = [tree]
    while pending:
        here = pending.pop()
        yield here
        pending.extend(reversed(list(children(here))))


def subexpressions(expr: m.Expr) -> list[m.Expr]:
    """The expressions directly below an expression."""
    return [typing.cast(m.Expr, c) for c in children(expr) if isinstance(c, _EXPRESSIONS)]


def inner_blocks(stmt: m.Stmt) -> list[m.Block]:
    """The blocks directly inside a statement (for a block: itself)."""
    if isinstance(stmt, m.Block):
        return [stmt]
    return [child for child in children(stmt) if isinstance(child, m.Block)]


def is_impure(expr: m.Expr) -> bool:
    """Whether evaluating the expression runs code: a call of a function with a body, or a trylock."""
    return any(
        isinstance(part, m.TryLock)
        or (isinstance(part, m.Call) and not part.function.is_expression)
        for part in walk(expr)
    )


def reachable_code(model: m.Model, body: m.Block) -> Iterator[Tree]:
    """Everything in a body and in the functions that it may call."""
    seen: set[m.FunctionSymbol] = set()
    pending: list[Tree] = [body]
    while pending:
        for part in walk(pending.pop()):
            yield part
            if isinstance(part, m.Call) and part.function not in seen:
                seen.add(part.function)
                pending.append(model.functions[part.function].body)
