"""What is known of a constant before any config and scope is chosen."""

from __future__ import annotations

from zdcheck.lang.model import Binary, Expr, Number, Unary
from zdcheck.lang.types import IntType, UnknownType

LARGEST = 1 << 31
"""No number of a spec is this large: it would be a slip, or an attack on the memory."""


def literal(e: Expr) -> int | None:
    """The number that an expression of literals is, or None if it depends on anything."""
    match e:
        case Number(type=UnknownType()):
            return None
        case Number(value=value):
            return value
        case Unary(op="-", operand=operand):
            inner = literal(operand)
            return None if inner is None else -inner
        case Binary(op="+" | "-" | "*" as op, left=left, right=right):
            a, b = literal(left), literal(right)
            if a is None or b is None or abs(a) > LARGEST or abs(b) > LARGEST:
                return None
            return a + b if op == "+" else a - b if op == "-" else a * b
        case _:
            return None


def bounds_of(type: IntType) -> tuple[int, int] | None:
    """The bounds of a range, if both are literal."""
    if type.low is None or type.high is None:
        return None
    low, high = literal(type.low), literal(type.high)
    return None if low is None or high is None else (low, high)
