"""Scalar types and expressions of the ground transition system.

Every value is an integer: truth is 0 or 1, an enum member its number, a reference the number of
its object with -1 for null. Expressions are total: no input makes one fail. What could fail in
the language (a null reference, a dead object) is a `Check` in an action, judged first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NewType

VarId = NewType("VarId", int)
"""The position of a variable in the state."""

NULL = -1
"""The value of a null reference."""


@dataclass(frozen=True, slots=True)
class Type:
    """A finite scalar type: the integers `low..high`.

    `of` names the enum, or the kind a reference points to. `names` are the printed forms of
    enum members or of objects, for the values from `max(low, 0)` on.
    """

    kind: Literal["bool", "int", "enum", "ref"]
    low: int
    high: int
    of: str = ""
    names: tuple[str, ...] = ()
    first: int = 0

    def __contains__(self, value: int) -> bool:
        return self.low <= value <= self.high

    def show(self, value: int) -> str:
        """`value` in the language's own terms."""
        match self.kind:
            case "bool":
                return "true" if value else "false"
            case "ref" if value == NULL:
                return "null"
            case "enum" | "ref" if 0 <= value - self.first < len(self.names):
                return self.names[value - self.first]
            case _:
                return str(value)


BOOL = Type("bool", 0, 1)


@dataclass(frozen=True, slots=True)
class Const:
    """A number."""

    value: int


@dataclass(frozen=True, slots=True)
class Var:
    """The value of a variable."""

    id: VarId


@dataclass(frozen=True, slots=True)
class Select:
    """`variables[index - low]`, and 0 where the index lies outside."""

    variables: tuple[VarId, ...]
    low: int
    index: Expr


Operator = Literal["not", "and", "or", "eq", "ne", "lt", "le", "add", "sub", "mul", "ite"]
"""`and`, `or` and `add` take any number of arguments; `ite` is condition, then, otherwise."""


@dataclass(frozen=True, slots=True)
class Op:
    """An operator applied; build with the functions below, which fold constants."""

    op: Operator
    args: tuple[Expr, ...]


Expr = Const | Var | Select | Op

TRUE = Const(1)
FALSE = Const(0)


def truth(value: bool) -> Const:
    """The constant for a Python truth value."""
    return TRUE if value else FALSE


def not_(a: Expr) -> Expr:
    """Negation of a truth value."""
    match a:
        case Const(value):
            return truth(not value)
        case Op("not", (inner,)):
            return inner
        case Op("eq", args):
            return Op("ne", args)
        case Op("ne", args):
            return Op("eq", args)
        case Op("lt", (x, y)):
            return Op("le", (y, x))
        case Op("le", (x, y)):
            return Op("lt", (y, x))
        case _:
            return Op("not", (a,))


def _junction(op: Literal["and", "or"], args: tuple[Expr, ...]) -> Expr:
    neutral, absorbing = (TRUE, FALSE) if op == "and" else (FALSE, TRUE)
    flat: dict[Expr, None] = {}
    for arg in args:
        for part in arg.args if isinstance(arg, Op) and arg.op == op else (arg,):
            if part == absorbing:
                return absorbing
            if part != neutral:
                flat[part] = None
    if not flat:
        return neutral
    return next(iter(flat)) if len(flat) == 1 else Op(op, tuple(flat))


def and_(*args: Expr) -> Expr:
    """Conjunction; true of nothing."""
    return _junction("and", args)


def or_(*args: Expr) -> Expr:
    """Disjunction; false of nothing."""
    return _junction("or", args)


def implies(a: Expr, b: Expr) -> Expr:
    """`not a or b`."""
    return or_(not_(a), b)


def eq(a: Expr, b: Expr) -> Expr:
    """Equality of two scalars."""
    match a, b:
        case Const(x), Const(y):
            return truth(x == y)
        case _ if a == b:
            return TRUE
        case Const(), _:
            return eq(b, a)
        case Op("ite", (c, Const() as x, Const() as y)), Const():
            return ite(c, eq(x, b), eq(y, b))
        case _:
            return Op("eq", (a, b))


def ne(a: Expr, b: Expr) -> Expr:
    """Inequality."""
    return not_(eq(a, b))


def lt(a: Expr, b: Expr) -> Expr:
    """`a < b`."""
    match a, b:
        case Const(x), Const(y):
            return truth(x < y)
        case _ if a == b:
            return FALSE
        case _:
            return Op("lt", (a, b))


def le(a: Expr, b: Expr) -> Expr:
    """`a <= b`."""
    match a, b:
        case Const(x), Const(y):
            return truth(x <= y)
        case _ if a == b:
            return TRUE
        case _:
            return Op("le", (a, b))


def add(*args: Expr) -> Expr:
    """Sum; zero of nothing."""
    total = 0
    rest: list[Expr] = []
    for arg in args:
        for part in arg.args if isinstance(arg, Op) and arg.op == "add" else (arg,):
            if isinstance(part, Const):
                total += part.value
            else:
                rest.append(part)
    if total or not rest:
        rest.append(Const(total))
    return rest[0] if len(rest) == 1 else Op("add", tuple(rest))


def sub(a: Expr, b: Expr) -> Expr:
    """Difference."""
    match a, b:
        case Const(x), Const(y):
            return Const(x - y)
        case _, Const(y):
            return add(a, Const(-y))
        case _ if a == b:
            return Const(0)
        case _:
            return Op("sub", (a, b))


def mul(a: Expr, b: Expr) -> Expr:
    """Product."""
    match a, b:
        case Const(x), Const(y):
            return Const(x * y)
        case (Const(0), _) | (_, Const(0)):
            return Const(0)
        case (Const(1), other) | (other, Const(1)):
            return other
        case _:
            return Op("mul", (a, b))


def ite(condition: Expr, then: Expr, otherwise: Expr) -> Expr:
    """`condition ? then : otherwise`."""
    match condition:
        case Const(value):
            return then if value else otherwise
        case _ if then == otherwise:
            return then
        case _ if then == TRUE and otherwise == FALSE:
            return condition
        case _ if then == FALSE and otherwise == TRUE:
            return not_(condition)
        case _:
            return Op("ite", (condition, then, otherwise))


def variables_of(expr: Expr) -> Iterator[VarId]:
    """Every variable that the value may depend on, maybe more than once."""
    match expr:
        case Const():
            return
        case Var(id):
            yield id
        case Select(variables, _, index):
            yield from variables
            yield from variables_of(index)
        case Op(_, args):
            for arg in args:
                yield from variables_of(arg)
