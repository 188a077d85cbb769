"""What the parts of elaboration share: the world, the context of an expression, small rules."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

from zdcheck.base.source import Span
from zdcheck.lang import ast
from zdcheck.lang.constants import bounds_of, literal
from zdcheck.lang.model import Binary, Conditional, Expr, Null, Number, SetOf
from zdcheck.lang.names import Scope, World
from zdcheck.lang.relations import fits
from zdcheck.lang.types import (
    ArrayType,
    IntType,
    LockType,
    NullType,
    RefType,
    SetType,
    Type,
    UnknownType,
    VoidType,
)


@dataclass(frozen=True, slots=True)
class Context:
    """What an expression may mean where it stands.

    `constant` says what has to be constant ("an initial value"), and is None where any value
    will do. In a statement, names bound by `is` are locals; elsewhere they belong to the
    expression.
    """

    self_type: RefType | None = None
    constant: str | None = None
    in_statement: bool = False
    ghost: bool = False


def unknown(span: Span) -> Expr:
    """Stands for an expression that was already complained about."""
    return Number(0, UnknownType(), span)


def array_type(element: Type, dimensions: tuple[IntType | RefType, ...]) -> Type:
    """The type of a place with that many dimensions still to be indexed."""
    return ArrayType(element, dimensions) if dimensions else element


def coerce(value: Expr, type: Type) -> Expr:
    """Give `null` and `{}` the type that they have met."""
    match value, type:
        case Null(), RefType(kind=kind):
            return replace(value, type=RefType(kind, nullable=True))
        case SetOf(type=SetType(kind=None)), SetType():
            return replace(value, type=type)
        case (
            Conditional(type=NullType()) | Conditional(type=SetType(kind=None)),
            RefType() | SetType(),
        ):
            return replace(
                value,
                then=coerce(value.then, type),
                otherwise=coerce(value.otherwise, type),
                type=type,
            )
        case Binary(op="+" | "-", type=SetType(kind=None)), SetType():
            return replace(
                value, left=coerce(value.left, type), right=coerce(value.right, type), type=type
            )
        case _:
            return value


class ElaboratorBase(ABC):
    """The world and context, and the methods through which the parts call each other."""

    def __init__(self, world: World, context: Context) -> None:
        self.world = world
        self.problems = world.problems
        self.context = context

    # --- what the parts provide -----------------------------------------------------------

    @abstractmethod
    def place(self, e: ast.Expr, scope: Scope, expected: Type | None = None) -> Expr:
        """Any expression, also one that stands for a lock or a whole array."""

    @abstractmethod
    def boolean(self, e: ast.Expr, scope: Scope) -> Expr:
        """An expression that must be true or false."""

    @abstractmethod
    def constant(self, e: ast.Expr, what: str, expected: Type | None = None) -> Expr:
        """An expression whose value does not depend on the state."""

    @abstractmethod
    def pure_boolean(self, e: ast.Expr, scope: Scope) -> Expr:
        """A condition inside an expression or a declaration: its `is` names stay inside."""

    # --- rules --------------------------------------------------------------------------

    def value(self, e: ast.Expr, scope: Scope, expected: Type | None = None) -> Expr:
        """An expression used for its value; not a lock, an array or a function without result."""
        result = self.place(e, scope, expected)
        match result.type:
            case LockType(flavour=flavour):
                self.problems.error(
                    "lock_as_value",
                    e.span,
                    f"a `{flavour}` has no value",
                    help="use `lock`, `unlock`, `trylock`, or in properties `owner`",
                )
                return unknown(e.span)
            case ArrayType():
                self.problems.error(
                    "array_as_value",
                    e.span,
                    f"`{short(e.span)}` is an array: a whole array has no value",
                    help=f"name one element, as `{short(e.span)}[…]`",
                )
                return unknown(e.span)
            case VoidType():
                self.problems.error(
                    "no_value",
                    e.span,
                    "this call gives no value",
                    help="a function gives a value if it is declared with `-> TYPE`",
                )
                return unknown(e.span)
            case _:
                return result

    def require(self, value: Expr, type: Type, why: tuple[Span, str] | None = None) -> Expr:
        """The value, fit for a place of that type; complains if it is not."""
        if not fits(value.type, type, self.world):
            self.mismatch(value, type, why)
            return unknown(value.span)
        if isinstance(type, IntType):
            self._in_range(value, type, why)
        return coerce(value, type)

    def mismatch(self, value: Expr, type: Type, why: tuple[Span, str] | None = None) -> None:
        """Say that a value has another type than is wanted."""
        help = None
        if isinstance(value.type, NullType) and isinstance(type, RefType):
            help = f"`{type}` is never null; a reference that may be null has the type `{type}?`"
        elif isinstance(value.type, RefType) and isinstance(type, IntType):
            help = "`index(x)` is the number of an object"
        elif (
            isinstance(value.type, RefType)
            and isinstance(type, SetType)
            and type.kind == value.type.kind
        ):
            help = f"write the set with this one member as `{{{short(value.span)}}}`"
        self.problems.error(
            "type_mismatch",
            value.span,
            f"expected `{type}`, found `{value.type}`",
            also=[why] if why is not None else [],
            help=help,
        )

    def _in_range(self, value: Expr, type: IntType, why: tuple[Span, str] | None) -> None:
        number, bounds = literal(value), bounds_of(type)
        if number is None or bounds is None or bounds[0] <= number <= bounds[1]:
            return
        self.problems.error(
            "range_constant",
            value.span,
            f"{number} is outside `{type}`",
            also=[why] if why is not None else [],
        )


def short(span: Span) -> str:
    """The reader's words, on one line and not too many."""
    text = " ".join(span.text.split())
    return text if len(text) <= 40 else text[:39] + "…"
