"""Bounds of expressions, from the types of variables: what a value can never be."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from zdcheck.ir.expr import Const, Expr, Op, Select, Type, Var, VarId

Interval = tuple[int, int]


def interval(expr: Expr, type_of: Callable[[VarId], Type]) -> Interval:
    """Two numbers between which the value certainly lies."""
    match expr:
        case Const(value):
            return value, value
        case Var(id):
            return type_of(id).low, type_of(id).high
        case Select(variables, _, _):
            types = [type_of(id) for id in variables]
            return min(0, *(t.low for t in types)), max(0, *(t.high for t in types))
        case Op(op, args):
            parts = [interval(arg, type_of) for arg in args]
            match op:
                case "not" | "and" | "or" | "eq" | "ne" | "lt" | "le":
                    return 0, 1
                case "add":
                    return sum(low for low, _ in parts), sum(high for _, high in parts)
                case "sub":
                    (low_a, high_a), (low_b, high_b) = parts
                    return low_a - high_b, high_a - low_b
                case "mul":
                    (low_a, high_a), (low_b, high_b) = parts
                    corners = [a * b for a in (low_a, high_a) for b in (low_b, high_b)]
                    return min(corners), max(corners)
                case "ite":
                    _, (low_a, high_a), (low_b, high_b) = parts
                    return min(low_a, low_b), max(high_a, high_b)
                case _:
                    assert_never(op)
        case _:
            assert_never(expr)
