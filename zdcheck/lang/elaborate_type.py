"""Types as written, made into types; ranges and what `for`, `any` and quantifiers run over."""

from __future__ import annotations

from typing import assert_never

from zdcheck.lang import ast
from zdcheck.lang.constants import literal
from zdcheck.lang.elaborate_base import ElaboratorBase
from zdcheck.lang.operations import LOCK_TYPES, TYPE_NAMES
from zdcheck.lang.types import (
    BoolType,
    Domain,
    EnumType,
    IntType,
    LockFlavour,
    LockType,
    RefType,
    SetType,
    Type,
    UnknownType,
    VariantType,
)

_FLAVOURS: dict[str, LockFlavour] = {
    "spinlock": "spinlock",
    "mutex": "mutex",
    "rwsem": "rwsem",
    "bitlock": "bitlock",
}


class TypeElaborator(ElaboratorBase):
    """Resolves type expressions."""

    def resolve(self, t: ast.TypeExpr) -> Type:
        """The type that is written; UnknownType after a complaint."""
        match t:
            case ast.RangeType():
                return self._range(t)
            case ast.SetType():
                return self._set(t)
            case ast.NamedType():
                return self._named(t)
            case _:
                assert_never(t)

    def domain(self, t: ast.TypeExpr, what: str) -> Domain | None:
        """What `what` runs over, or None after a complaint."""
        if isinstance(t, ast.NamedType):
            entry = self.world.entry(t.name.text, "variable")
            if entry is not None:
                self.problems.error(
                    "bad_domain",
                    t.span,
                    f"{what} runs over a type, and `{t.name.text}` is a variable",
                    also=[(entry.name.span, "declared here")],
                    help=f"for the members of a set, use `any x : KIND where x in {t.name.text}`",
                )
                return None
        type = self.resolve(t)
        match type:
            case UnknownType():
                return None
            case BoolType() | IntType() | EnumType():
                return type
            case RefType():
                if not type.nullable:
                    return type
                self.problems.error(
                    "bad_domain",
                    t.span,
                    f"{what} never gives null",
                    help=f"write `{type.kind}`",
                )
                return RefType(type.kind)
            case _:
                self.problems.error(
                    "bad_domain",
                    t.span,
                    f"{what} cannot run over `{type}`",
                    help="it runs over an object kind, a thread family, a range, `bool` or an enum",
                )
                return None

    def dimension(self, t: ast.TypeExpr) -> IntType | RefType | None:
        """The index of an array, or None after a complaint."""
        type = self.resolve(t)
        match type:
            case UnknownType():
                return None
            case IntType():
                return type
            case RefType(nullable=False):
                return type
            case _:
                self.problems.error(
                    "bad_dimension",
                    t.span,
                    f"an array cannot be indexed by `{type}`",
                    help="the index is an object kind, a thread family or a range",
                )
                return None

    def _range(self, t: ast.RangeType) -> Type:
        low = self.require(self.constant(t.low, "the bound of a range"), IntType())
        high = self.require(self.constant(t.high, "the bound of a range"), IntType())
        if isinstance(low.type, UnknownType) or isinstance(high.type, UnknownType):
            return UnknownType()
        least, most = literal(low), literal(high)
        if least is not None and most is not None and least > most:
            self.problems.error(
                "bad_range",
                t.span,
                f"no number is in `{least}..{most}`",
                help=f"the lower bound comes first: `{most}..{least}`",
            )
            return UnknownType()
        return IntType(low, high, f"{_text(t.low)}..{_text(t.high)}")

    def _set(self, t: ast.SetType) -> Type:
        name = t.member.text
        if name == "thread" or self.world.entry(name, "object kind", "thread") is not None:
            return SetType(name)
        if name in self.world.entries or name in TYPE_NAMES:
            self.problems.error(
                "unknown_type",
                t.member.span,
                f"a set has objects or threads as members, and `{name}` is neither",
            )
        else:
            self._unknown(t.member)
        return UnknownType()

    def _named(self, t: ast.NamedType) -> Type:
        type = self._by_name(t.name)
        if not t.optional or isinstance(type, UnknownType):
            return type
        if isinstance(type, RefType):
            return RefType(type.kind, nullable=True)
        self.problems.error(
            "unknown_type",
            t.span,
            f"`{type}` has no null: only a reference can be `{t.name.text}?`",
            help=f"write `{t.name.text}`",
        )
        return type

    def _by_name(self, name: ast.Name) -> Type:
        if name.text == "bool":
            return BoolType()
        if name.text == "thread":
            return RefType("thread")
        if name.text in _FLAVOURS:
            return LockType(_FLAVOURS[name.text])
        entry = self.world.entries.get(name.text)
        if entry is not None:
            match entry.what:
                case "enum":
                    return self.world.enums[name.text]
                case "variant":
                    return VariantType(name.text)
                case "object kind" | "thread":
                    return RefType(name.text)
                case "config" | "section" | "variable" | "function":
                    self.problems.error(
                        "unknown_type",
                        name.span,
                        f"`{name.text}` is a {entry.what}, not a type",
                        also=[(entry.name.span, "declared here")],
                    )
                    return UnknownType()
                case _:
                    assert_never(entry.what)
        self._unknown(name)
        return UnknownType()

    def _unknown(self, name: ast.Name) -> None:
        known = [
            "bool",
            "thread",
            *LOCK_TYPES,
            *self.world.named("object kind", "thread", "enum", "variant"),
        ]
        help = None
        if name.text in ("int", "u8", "u16", "u32", "u64", "unsigned", "long", "atomic_t"):
            help = "numbers are ranges here, as `0..3`"
        self.problems.unknown(
            "unknown_type",
            name.span,
            f"there is no type `{name.text}`",
            name.text,
            known,
            help=help,
        )


def _text(e: ast.Expr) -> str:
    return " ".join(e.span.text.split())
