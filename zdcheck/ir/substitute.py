"""Expressions made from others: with something in place of variables, or about a set of values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from zdcheck.ir.expr import (
    Const,
    Expr,
    Op,
    Operator,
    Select,
    Type,
    Var,
    VarId,
    add,
    and_,
    eq,
    ite,
    le,
    lt,
    mul,
    ne,
    not_,
    or_,
    sub,
)


def one_of(term: Expr, values: frozenset[int], type: Type) -> Expr:
    """Whether `term`, of this type, has one of the values."""
    domain = range(type.low, type.high + 1)
    if len(domain) > 4096 or 2 * len(values) <= len(domain):
        return or_(*(_between(term, low, high, type) for low, high in _stretches(values)))
    others = frozenset(domain) - values
    return not_(or_(*(_between(term, low, high, type) for low, high in _stretches(others))))


def _stretches(values: frozenset[int]) -> list[tuple[int, int]]:
    """The values as ranges of neighbours."""
    found: list[tuple[int, int]] = []
    for value in sorted(values):
        if found and found[-1][1] == value - 1:
            found[-1] = (found[-1][0], value)
        else:
            found.append((value, value))
    return found


def _between(term: Expr, low: int, high: int, type: Type) -> Expr:
    if low == high:
        return eq(term, Const(low))
    above = le(Const(low), term) if low > type.low else Const(1)
    below = le(term, Const(high)) if high < type.high else Const(1)
    return and_(above, below)


def substitute(expr: Expr, by: Mapping[VarId, Expr]) -> Expr:
    """`expr` with other expressions for some variables, constants folded."""
    match expr:
        case Const():
            return expr
        case Var(id):
            return by.get(id, expr)
        case Select(variables, low, index):
            at = substitute(index, by)
            if isinstance(at, Const):
                position = at.value - low
                if 0 <= position < len(variables):
                    return substitute(Var(variables[position]), by)
                return Const(0)
            if not any(v in by for v in variables):
                return Select(variables, low, at)
            found: Expr = Const(0)
            for position, id in reversed(list(enumerate(variables))):
                found = ite(eq(at, Const(low + position)), substitute(Var(id), by), found)
            return found
        case Op(op, args):
            new = [substitute(arg, by) for arg in args]
            if all(after is before for after, before in zip(new, args, strict=True)):
                return expr  # itself, because encodings are known by identity
            return rebuilt(op, new)
        case _:
            assert_never(expr)


def rebuilt(op: Operator, args: list[Expr]) -> Expr:
    """The operator applied, constants folded."""
    match op, args:
        case "not", [a]:
            return not_(a) if not isinstance(a, Const) else Const(1 - a.value)
        case "and", _:
            return and_(*args)
        case "or", _:
            return or_(*args)
        case "add", _:
            return add(*args)
        case "eq", [a, b]:
            return eq(a, b)
        case "ne", [a, b]:
            return ne(a, b)
        case "lt", [a, b]:
            return lt(a, b)
        case "le", [a, b]:
            return le(a, b)
        case "sub", [a, b]:
            return sub(a, b)
        case "mul", [a, b]:
            return mul(a, b)
        case "ite", [c, a, b]:
            return ite(c, a, b)
        case _:
            raise AssertionError(f"{op} with {len(args)} arguments")


def renumbered(expr: Expr, ids: Mapping[VarId, VarId]) -> Expr:
    """`expr` about other variables: each one's counterpart in `ids`, which has all of them."""
    match expr:
        case Const():
            return expr
        case Var(id):
            return Var(ids[id])
        case Select(variables, low, index):
            return Select(tuple(ids[id] for id in variables), low, renumbered(index, ids))
        case Op(op, args):
            return Op(op, tuple(renumbered(arg, ids) for arg in args))
        case _:
            assert_never(expr)
