"""The value of an expression in a state: the one definition of what expressions mean.

Expressions are turned into Python closures once, because the interpreter evaluates each of them
in every state.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import assert_never

from zdcheck.ir.expr import Const, Expr, Op, Select, Var
from zdcheck.ir.system import State

Evaluator = Callable[[State], int]


def evaluate(expr: Expr, state: State) -> int:
    """The value of `expr` in `state`; truth is 0 or 1."""
    return evaluator(expr)(state)


_MOST = 1 << 16
_met: dict[int, tuple[Expr, Evaluator]] = {}
"""Expressions by identity, which they keep as long as they are in here: to hash one takes longer than to evaluate it."""


def evaluator(expr: Expr) -> Evaluator:
    """A function from states to the value of `expr`."""
    if (known := _met.get(id(expr))) is not None:
        return known[1]
    if len(_met) >= _MOST:
        _met.clear()
    made = _evaluator(expr)
    _met[id(expr)] = expr, made
    return made


@lru_cache(maxsize=_MOST)
def _evaluator(expr: Expr) -> Evaluator:
    match expr:
        case Const(value):
            return lambda state: value
        case Var(id):
            return lambda state: state[id]
        case Select(variables, low, index):
            return _select(variables, low, _evaluator(index))
        case Op():
            return _operation(expr)
        case _:
            assert_never(expr)


def _select(variables: tuple[int, ...], low: int, index: Evaluator) -> Evaluator:
    size = len(variables)

    def select(state: State) -> int:
        position = index(state) - low
        return state[variables[position]] if 0 <= position < size else 0

    return select


def _operation(expr: Op) -> Evaluator:
    parts = tuple(_evaluator(arg) for arg in expr.args)
    match expr.op:
        case "not":
            (a,) = parts
            return lambda state: 1 - a(state)
        case "and":
            return lambda state: int(all(part(state) for part in parts))
        case "or":
            return lambda state: int(any(part(state) for part in parts))
        case "add":
            return lambda state: sum(part(state) for part in parts)
        case "ite":
            condition, then, otherwise = parts
            return lambda state: then(state) if condition(state) else otherwise(state)
        case "eq":
            left, right = parts
            return lambda state: int(left(state) == right(state))
        case "ne":
            left, right = parts
            return lambda state: int(left(state) != right(state))
        case "lt":
            left, right = parts
            return lambda state: int(left(state) < right(state))
        case "le":
            left, right = parts
            return lambda state: int(left(state) <= right(state))
        case "sub":
            left, right = parts
            return lambda state: left(state) - right(state)
        case "mul":
            left, right = parts
            return lambda state: left(state) * right(state)
        case _:
            assert_never(expr.op)
