"""What a body of code may reach, and which of its expressions run code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast, get_args

from zdcheck.lang import model as m
from zdcheck.lang.walk import Node, children, walk

_EXPRESSIONS: tuple[type, ...] = get_args(m.Expr)


def subexpressions(expr: m.Expr) -> list[m.Expr]:
    """The expressions directly below an expression."""
    return [cast(m.Expr, child) for child in children(expr) if isinstance(child, _EXPRESSIONS)]


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


def reachable_code(model: m.Model, body: m.Block) -> Iterator[Node]:
    """Everything in a body and in the functions that it may call."""
    seen: set[m.FunctionSymbol] = set()
    pending: list[Node] = [body]
    while pending:
        for part in walk(pending.pop()):
            yield part
            if isinstance(part, m.Call) and part.function not in seen:
                seen.add(part.function)
                pending.append(model.functions[part.function].body)
