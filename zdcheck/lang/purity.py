"""Where an expression must change nothing: properties, expression functions, conditions to wait for."""

from __future__ import annotations

from zdcheck.lang import model
from zdcheck.lang.calls import bodies, property_bodies
from zdcheck.lang.model import Model
from zdcheck.lang.problems import Problems
from zdcheck.lang.walk import Node, walk


def check_purity(checked: Model, problems: Problems) -> None:
    """Complain about calls with effects where there can be none."""
    for stated in property_bodies(checked):
        _pure(stated, "a property", problems)
    for body in bodies(checked):
        if not isinstance(body, model.Block):
            _pure(body, "an expression function", problems)
            continue
        for node in walk(body):
            match node:
                case model.Wait(condition=condition):
                    _pure(condition, "a condition to wait for", problems)
                case model.Assert(condition=condition):
                    _pure(condition, "an assertion", problems)
                case model.Quantifier(body=inner):
                    _pure(inner, "a quantifier", problems)
                case model.AnyValue(where=where) if where is not None:
                    _pure(where, "`any … where`", problems)
                case _:
                    pass


def _pure(expression: Node, where: str, problems: Problems) -> None:
    for node in walk(expression):
        match node:
            case model.TryLock():
                problems.error(
                    "impure",
                    node.span,
                    f"{where} changes nothing, and `trylock` takes a lock",
                    help="`owner(l)` in a property asks who holds it",
                )
            case model.Call(function=function) if not function.is_expression:
                problems.error(
                    "impure",
                    node.span,
                    f"{where} changes nothing, and `{function.name}` runs in steps",
                    also=[(function.span, "it has a body of statements")],
                    help="call it before and test what it gave, or make it "
                    f"`fn {function.name}(…) -> TYPE = EXPRESSION;`",
                )
            case _:
                pass
