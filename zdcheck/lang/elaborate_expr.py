"""Expressions as written, made into typed expressions with every name resolved."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from zdcheck.base.source import Span
from zdcheck.lang import ast, model
from zdcheck.lang.constants import LARGEST
from zdcheck.lang.elaborate_base import Context, coerce, short, unknown
from zdcheck.lang.elaborate_name import NameElaborator
from zdcheck.lang.model import BoundSymbol, Expr, LocalSymbol
from zdcheck.lang.names import Scope, declare_local
from zdcheck.lang.relations import fits, join
from zdcheck.lang.types import (
    BoolType,
    EnumType,
    IntType,
    NullType,
    RefType,
    SetType,
    Type,
    UnknownType,
    VariantType,
)


class ExpressionElaborator(NameElaborator):
    """Elaborates expressions in one context."""

    def within(self, context: Context) -> ExpressionElaborator:
        """The same world, seen from another context."""
        return ExpressionElaborator(self.world, context)

    def elsewhere(self) -> ExpressionElaborator:
        """The same world, seen from outside of any statement."""
        return self.within(Context())

    # --- entrances ------------------------------------------------------------------------

    def boolean(self, e: ast.Expr, scope: Scope) -> Expr:
        """An expression that must be true or false; its `is` names are not visible after it."""
        return self.test(e, scope)[0]

    def test(self, e: ast.Expr, scope: Scope) -> tuple[Expr, Scope]:
        """A condition, and the scope of whatever runs only when it is true."""
        match e:
            case ast.IsExpr():
                return self._is_case(e, scope)
            case ast.Binary(op="&&"):
                left, inner = self.test(e.left, scope)
                right, inner = self.test(e.right, inner)
                return model.Binary("&&", left, right, BoolType(), e.span), inner
            case _:
                value = self.value(e, scope, BoolType())
                if not fits(value.type, BoolType(), self.world):
                    self._not_a_condition(value)
                    return unknown(e.span), scope
                return value, scope

    def pure_boolean(self, e: ast.Expr, scope: Scope) -> Expr:
        """A condition whose `is` names belong to the expression, also inside a statement."""
        return self._inner().boolean(e, scope)

    def constant(self, e: ast.Expr, what: str, expected: Type | None = None) -> Expr:
        """An expression that does not depend on the state; complains about `what` if it does."""
        return self.within(Context(constant=what)).value(e, Scope(), expected)

    def any_value(self, e: ast.AnyExpr, scope: Scope) -> model.AnyValue:
        """`any …` as a right-hand side."""
        if e.domain is None:
            self.problems.error(
                "bad_any",
                e.span,
                "any value of what?",
                help="write `any page` or `any 0..3`; `any` alone is an initial value of "
                "shared variables and fields",
            )
            return model.AnyValue(None, None, None, e.span)
        domain = self.domain(e.domain, "`any`")
        type: Type = domain if domain is not None else UnknownType()
        name = e.name.text if e.name is not None else f"any {type}"
        symbol = BoundSymbol(name, type, e.name.span if e.name is not None else e.span)
        inner = Scope(scope)
        if e.name is not None:
            declare_local(e.name, symbol, inner, self.world, self.problems)
        where = self.pure_boolean(e.where, inner) if e.where is not None else None
        return model.AnyValue(symbol, domain, where, e.span)

    def place(self, e: ast.Expr, scope: Scope, expected: Type | None = None) -> Expr:
        """Any expression, also one that stands for a lock or a whole array."""
        match e:
            case ast.IntLit():
                if e.value > LARGEST:
                    self.problems.error("range_constant", e.span, "this number is too large")
                    return unknown(e.span)
                return model.Number(e.value, IntType(), e.span)
            case ast.BoolLit():
                return model.Truth(e.value, BoolType(), e.span)
            case ast.NullLit():
                return model.Null(NullType(), e.span)
            case ast.SelfExpr():
                if self._not_constant(e.span):
                    return unknown(e.span)
                return self.self_value(e.span)
            case ast.NameExpr():
                return self._name(e, scope, expected)
            case ast.FieldExpr():
                return self._field(e, scope)
            case ast.IndexExpr():
                return self._index(e, scope)
            case ast.CallExpr():
                return self.call_value(e, scope, expected)
            case ast.Unary():
                return self._unary(e, scope)
            case ast.Binary():
                return self._binary(e, scope)
            case ast.IsExpr():
                return self.test(e, scope)[0]
            case ast.ConditionalExpr():
                return self._conditional(e, scope, expected)
            case ast.Quantified():
                return self._quantified(e, scope)
            case ast.CountExpr():
                return self._count_where(e, scope)
            case ast.SetLit():
                return self._set_literal(e, scope)
            case ast.AnyExpr():
                self.problems.error(
                    "bad_any", e.span, "`any` is a whole right-hand side or initial value"
                )
                return unknown(e.span)
            case _:
                assert_never(e)

    def _inner(self) -> ExpressionElaborator:
        if not self.context.in_statement:
            return self
        return self.within(replace(self.context, in_statement=False))

    def _not_a_condition(self, value: Expr) -> None:
        help = None
        if isinstance(value.type, RefType):
            help = f"write `{short(value.span)} != null`"
        elif isinstance(value.type, IntType):
            help = f"write `{short(value.span)} != 0`"
        self.problems.error(
            "type_mismatch", value.span, f"expected a condition, found `{value.type}`", help=help
        )

    # --- operators ------------------------------------------------------------------------

    def _is_case(self, e: ast.IsExpr, scope: Scope) -> tuple[Expr, Scope]:
        inner = Scope(scope)
        operand = self.value(e.operand, scope)
        names = [b for b in e.binders or () if b is not None]
        if not isinstance(operand.type, VariantType):
            if not isinstance(operand.type, UnknownType):
                self.problems.error(
                    "type_mismatch",
                    e.operand.span,
                    f"`is` tests a variant, and this is `{operand.type}`",
                    help="compare with `==`" if isinstance(operand.type, EnumType) else None,
                )
            return unknown(e.span), self._unknown_names(names, inner)
        variant = self.variant_symbol(operand.type.name)
        *qualifier, written = e.case.text.split(".")
        found = [
            (i, c)
            for i, c in enumerate(variant.cases if variant is not None else ())
            if c.name == written and qualifier in ([], [operand.type.name])
        ]
        if not found or variant is None:
            self.problems.unknown(
                "unknown_case",
                e.case.span,
                f"`{operand.type}` has no case `{e.case.text}`",
                written,
                [c.name for c in variant.cases] if variant is not None else [],
                also=[(variant.span, f"`{operand.type}` declared here")] if variant else [],
            )
            return unknown(e.span), self._unknown_names(names, inner)
        index, case = found[0]
        binders = e.binders or ()
        if len(binders) > len(case.payload):
            self.problems.error(
                "arity",
                e.span,
                f"`{case.name}` has only {len(case.payload)} of payload",
                also=[(case.span, "declared here")],
            )
            extra = [b for b in binders[len(case.payload) :] if b is not None]
            self._unknown_names(extra, inner)
        binds: list[LocalSymbol | BoundSymbol | None] = [None] * len(case.payload)
        for i, (name, payload) in enumerate(zip(binders, case.payload, strict=False)):
            if name is not None:
                symbol = self._pattern(name, payload.type)
                binds[i] = symbol
                declare_local(name, symbol, inner, self.world, self.problems)
        return model.IsCase(operand, case, index, tuple(binds), BoolType(), e.span), inner

    def _pattern(self, name: ast.Name, type: Type) -> LocalSymbol | BoundSymbol:
        if self.context.in_statement:
            return LocalSymbol(name.text, type, (), self.context.ghost, None, "pattern", name.span)
        return BoundSymbol(name.text, type, name.span)

    def _unknown_names(self, names: list[ast.Name], scope: Scope) -> Scope:
        for name in names:
            scope.add(self._pattern(name, UnknownType()))
        return scope

    def _unary(self, e: ast.Unary, scope: Scope) -> Expr:
        if e.op == "!":
            return model.Unary("!", self.boolean(e.operand, scope), BoolType(), e.span)
        operand = self.require(self.value(e.operand, scope), IntType())
        return model.Unary("-", operand, IntType(), e.span)

    def _binary(self, e: ast.Binary, scope: Scope) -> Expr:
        match e.op:
            case "&&":
                return self.test(e, scope)[0]
            case "||":
                left, right = self.boolean(e.left, scope), self.boolean(e.right, scope)
                return model.Binary("||", left, right, BoolType(), e.span)
            case "implies":
                left, inner = self.test(e.left, scope)
                right = self.boolean(e.right, inner)
                return model.Binary("implies", left, right, BoolType(), e.span)
            case "==" | "!=":
                return self._comparison(e, scope)
            case "<" | "<=" | ">" | ">=":
                left = self.require(self.value(e.left, scope), IntType())
                right = self.require(self.value(e.right, scope), IntType())
                return model.Binary(e.op, left, right, BoolType(), e.span)
            case "+" | "-" | "*":
                return self._arithmetic(e, scope)
            case "in":
                return self._in(e, scope)
            case _:
                assert_never(e.op)

    def _comparison(self, e: ast.Binary, scope: Scope) -> Expr:
        left = self.value(e.left, scope)
        right = self.value(e.right, scope, left.type)
        type = join(left.type, right.type, self.world)
        if type is None:
            help = None
            if isinstance(left.type, VariantType) or isinstance(right.type, VariantType):
                help = "test the case of a variant with `is`"
            elif isinstance(left.type, NullType) or isinstance(right.type, NullType):
                help = "only references can be null"
            self.problems.error(
                "type_mismatch",
                e.span,
                f"cannot compare `{left.type}` with `{right.type}`",
                also=[(left.span, f"`{left.type}`"), (right.span, f"`{right.type}`")],
                help=help,
            )
            return unknown(e.span)
        return model.Binary(e.op, coerce(left, type), coerce(right, type), BoolType(), e.span)

    def _arithmetic(self, e: ast.Binary, scope: Scope) -> Expr:
        left, right = self.value(e.left, scope), self.value(e.right, scope)
        if e.op != "*" and SetType in (type(left.type), type(right.type)):
            for side, other in ((left, right), (right, left)):
                if not isinstance(side.type, SetType | UnknownType):
                    self.mismatch(side, other.type)
                    return unknown(e.span)
            joined = join(left.type, right.type, self.world)
            if joined is None:
                self.mismatch(right, left.type)
                return unknown(e.span)
            return model.Binary(e.op, coerce(left, joined), coerce(right, joined), joined, e.span)
        left, right = self.require(left, IntType()), self.require(right, IntType())
        return model.Binary(e.op, left, right, IntType(), e.span)

    def _in(self, e: ast.Binary, scope: Scope) -> Expr:
        left, right = self.value(e.left, scope), self.value(e.right, scope)
        if isinstance(right.type, SetType) and right.type.kind is not None:
            left = self.require(left, RefType(right.type.kind, nullable=True))
        elif isinstance(right.type, SetType):
            if isinstance(left.type, RefType):
                right = coerce(right, SetType(left.type.kind))
        elif not isinstance(right.type, UnknownType):
            self.problems.error(
                "type_mismatch", right.span, f"expected a set after `in`, found `{right.type}`"
            )
            return unknown(e.span)
        return model.Binary("in", left, right, BoolType(), e.span)

    def _conditional(self, e: ast.ConditionalExpr, scope: Scope, expected: Type | None) -> Expr:
        condition, inner = self.test(e.condition, scope)
        then = self.value(e.then, inner, expected)
        otherwise = self.value(e.otherwise, scope, expected)
        type = join(then.type, otherwise.type, self.world)
        if type is None:
            self.problems.error(
                "type_mismatch",
                e.span,
                f"the two branches are `{then.type}` and `{otherwise.type}`",
                also=[
                    (then.span, f"`{then.type}`"),
                    (otherwise.span, f"`{otherwise.type}`"),
                ],
            )
            return unknown(e.span)
        return model.Conditional(
            condition, coerce(then, type), coerce(otherwise, type), type, e.span
        )

    def _binder(self, binder: ast.Binder, scope: Scope) -> tuple[BoundSymbol, Scope]:
        domain = self.domain(binder.domain, f"`{binder.name.text}`")
        type: Type = domain if domain is not None else UnknownType()
        symbol = BoundSymbol(binder.name.text, type, binder.name.span)
        inner = Scope(scope)
        declare_local(binder.name, symbol, inner, self.world, self.problems)
        return symbol, inner

    def _quantified(self, e: ast.Quantified, scope: Scope) -> Expr:
        symbols: list[BoundSymbol] = []
        for binder in e.binders:
            symbol, scope = self._binder(binder, scope)
            symbols.append(symbol)
        body = self.pure_boolean(e.body, scope)
        for symbol in reversed(symbols):
            body = self._over(e.op, symbol, body, BoolType(), e.span)
        return body

    def _count_where(self, e: ast.CountExpr, scope: Scope) -> Expr:
        symbol, inner = self._binder(e.binder, scope)
        body: Expr = model.Truth(True, BoolType(), e.span)
        if e.where is not None:
            body = self.pure_boolean(e.where, inner)
        return self._over("count", symbol, body, IntType(), e.span)

    @staticmethod
    def _over(op: str, symbol: BoundSymbol, body: Expr, type: Type, span: Span) -> Expr:
        domain = symbol.type
        if not isinstance(domain, BoolType | IntType | EnumType | RefType):
            return unknown(span)
        match op:
            case "forall":
                return model.Quantifier("forall", symbol, domain, body, type, span)
            case "exists":
                return model.Quantifier("exists", symbol, domain, body, type, span)
            case _:
                return model.Quantifier("count", symbol, domain, body, type, span)

    def _set_literal(self, e: ast.SetLit, scope: Scope) -> Expr:
        members: list[Expr] = []
        kind: str | None = None
        for written in e.members:
            member = self.value(written, scope)
            match member.type:
                case UnknownType():
                    pass
                case RefType(kind=other):
                    joined = join(RefType(kind or other), RefType(other), self.world)
                    if isinstance(joined, RefType):
                        kind = joined.kind
                        members.append(member)
                    else:
                        self.mismatch(member, RefType(kind or other))
                case _:
                    self.problems.error(
                        "type_mismatch",
                        written.span,
                        f"a set has objects as members, found `{member.type}`",
                    )
        if len(members) < len(e.members):
            return unknown(e.span)
        return model.SetOf(tuple(members), SetType(kind), e.span)
