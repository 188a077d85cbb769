"""A function with a result gives one on every path."""

from __future__ import annotations

from typing import assert_never

from zdcheck.lang import model
from zdcheck.lang.model import Model, Stmt
from zdcheck.lang.problems import Problems
from zdcheck.lang.types import UnknownType, VoidType
from zdcheck.lang.walk import Node, children


def check_returns(checked: Model, problems: Problems) -> None:
    """Complain about functions whose end can be reached without a value."""
    for function in checked.functions.values():
        symbol = function.symbol
        if isinstance(symbol.result, VoidType | UnknownType):
            continue
        if isinstance(function.body, model.Block) and _goes_on(function.body):
            problems.error(
                "missing_return",
                symbol.span,
                f"`{symbol.name}` can reach its end without returning `{symbol.result}`",
                help="add `return VALUE;`, or `unreachable;` where it cannot get",
            )


def _goes_on(statement: Stmt) -> bool:
    """Whether the statement after this one can be reached through it, as far as its form says."""
    match statement:
        case model.Block(statements=statements):
            reached = True
            for inner in statements:
                if isinstance(inner, model.Label):
                    reached = True
                elif reached:
                    reached = _goes_on(inner)
            return reached
        case model.If(then=then, otherwise=otherwise):
            return otherwise is None or _goes_on(then) or _goes_on(otherwise)
        case model.While(condition=condition, body=body):
            return condition is not None or _has_break(body)
        case model.Atomic(body=body):
            return _goes_on(body)
        case model.Either(branches=branches):
            return any(_goes_on(branch) for branch in branches)
        case model.Return() | model.Goto() | model.Break() | model.Continue() | model.Unreachable():
            return False
        case (
            model.For()
            | model.Ghost()
            | model.Declare()
            | model.Assign()
            | model.CallStmt()
            | model.Label()
            | model.Wait()
            | model.Assert()
            | model.Cover()
            | model.LockOp()
            | model.SectionOp()
            | model.Quiesce()
            | model.LifetimeOp()
            | model.Drop()
            | model.Fence()
            | model.MightSleep()
            | model.Note()
        ):
            return True
        case _:
            assert_never(statement)


def _has_break(body: model.Block) -> bool:
    """Whether a `break` in there leaves the loop with this body, and not one inside it."""
    pending: list[Node] = [body]
    while pending:
        node = pending.pop()
        if isinstance(node, model.Break):
            return True
        if not isinstance(node, model.While | model.For):
            pending.extend(children(node))
    return False
