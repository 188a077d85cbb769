"""How types relate: which value fits where, and what two branches have in common."""

from __future__ import annotations

from zdcheck.lang.names import World
from zdcheck.lang.types import (
    EnumType,
    IntType,
    NullType,
    RefType,
    SetType,
    Type,
    UnknownType,
)


def fits(value: Type, target: Type, world: World) -> bool:
    """Whether a value of the first type may be stored in a place of the second.

    That a number is in range, and that a reference which may be null is not, is found at run
    time; a reference to a thread of a family is also one to any thread.
    """
    if isinstance(value, UnknownType) or isinstance(target, UnknownType):
        return True
    match value, target:
        case IntType(), IntType():
            return True
        case EnumType(), EnumType():
            return value.name == target.name
        case RefType(), RefType():
            return value.kind == target.kind or (
                target.kind == "thread" and world.is_family(value.kind)
            )
        case NullType(), RefType():
            return target.nullable
        case SetType(), SetType():
            return value.kind is None or value.kind == target.kind
        case _:
            return value == target


def join(first: Type, second: Type, world: World) -> Type | None:
    """The type of `c ? first : second`, and of two values that are compared; None if unrelated."""
    if isinstance(first, UnknownType) or isinstance(second, UnknownType):
        return UnknownType()
    match first, second:
        case IntType(), IntType():
            return first if first == second else IntType()
        case NullType(), NullType():
            return first
        case (NullType(), RefType(kind=kind)) | (RefType(kind=kind), NullType()):
            return RefType(kind, nullable=True)
        case RefType(), RefType():
            nullable = first.nullable or second.nullable
            if first.kind == second.kind:
                return RefType(first.kind, nullable)
            both = {first.kind, second.kind}
            if all(kind == "thread" or world.is_family(kind) for kind in both):
                return RefType("thread", nullable)
            return None
        case SetType(), SetType():
            if first.kind is None or second.kind is None or first.kind == second.kind:
                return SetType(first.kind or second.kind)
            return None
        case _:
            return first if first == second else None
