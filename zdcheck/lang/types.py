"""The language's types.

Bounds of an integer range stay expressions here: their numbers depend on the config and scope
of a check, and are known only when a model is lowered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from zdcheck.lang.model import Expr


@dataclass(frozen=True, slots=True)
class BoolType:
    """`bool`."""

    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True, slots=True)
class IntType:
    """`low..high`, both constant; None for the type of a computed number, which has no bounds."""

    low: Expr | None = None
    high: Expr | None = None
    text: str = "number"

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class EnumType:
    """An enumeration."""

    name: str
    members: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class VariantType:
    """A tagged value; `model.Model.variants[name]` has its cases."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class RefType:
    """A reference to an object of a kind, to a thread of a family, or (`thread`) to any thread."""

    kind: str
    nullable: bool = False

    def __str__(self) -> str:
        return self.kind + ("?" if self.nullable else "")


@dataclass(frozen=True, slots=True)
class SetType:
    """`set<kind>`; the kind of `{}` is None until it meets another set."""

    kind: str | None

    def __str__(self) -> str:
        return f"set<{self.kind or '?'}>"


LockFlavour = Literal["spinlock", "mutex", "rwsem", "bitlock"]


@dataclass(frozen=True, slots=True)
class LockType:
    """A lock; used only by the operations on locks and as a `ref` parameter."""

    flavour: LockFlavour

    def __str__(self) -> str:
        return self.flavour


@dataclass(frozen=True, slots=True)
class ArrayType:
    """What a place with unindexed dimensions has; `dimensions` are ranges or references' kinds."""

    element: Type
    dimensions: tuple[IntType | RefType, ...]

    def __str__(self) -> str:
        return f"{self.element}" + "".join(f"[{d}]" for d in self.dimensions)


@dataclass(frozen=True, slots=True)
class NullType:
    """`null` by itself; fits every nullable reference."""

    def __str__(self) -> str:
        return "null"


@dataclass(frozen=True, slots=True)
class VoidType:
    """What a function without a result gives."""

    def __str__(self) -> str:
        return "no value"


@dataclass(frozen=True, slots=True)
class UnknownType:
    """The type of something wrong that was already reported; silent everywhere."""

    def __str__(self) -> str:
        return "?"


Type = (
    BoolType
    | IntType
    | EnumType
    | VariantType
    | RefType
    | SetType
    | LockType
    | ArrayType
    | NullType
    | VoidType
    | UnknownType
)

Domain = BoolType | IntType | EnumType | RefType
"""What `for`, `any` and the quantifiers range over: finite, in order, never null."""


def kind_of(domain: Domain) -> str | None:
    """The kind whose members it ranges over; None for values."""
    return domain.kind if isinstance(domain, RefType) else None
