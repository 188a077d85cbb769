"""Comparisons that the types of variables decide, wherever they stand in an expression."""

from __future__ import annotations

from collections.abc import Callable

from zdcheck.ir.expr import Expr, Op, Type, VarId, truth
from zdcheck.ir.interval import interval
from zdcheck.ir.substitute import rebuilt


def decided(expr: Expr, type_of: Callable[[VarId], Type]) -> Expr:
    """The expression with every comparison replaced whose value is the same in all states."""
    if not isinstance(expr, Op):
        return expr
    args = [decided(arg, type_of) for arg in expr.args]
    if expr.op in ("eq", "ne", "lt", "le"):
        (low_a, high_a), (low_b, high_b) = (interval(arg, type_of) for arg in args)
        if high_a < low_b:
            return truth(expr.op != "eq")
        if low_a > high_b:
            return truth(expr.op == "ne")
        if expr.op == "le" and high_a <= low_b:
            return truth(True)
        if expr.op == "lt" and low_a >= high_b:
            return truth(False)
    return rebuilt(expr.op, args)
