"""Names and what they lead to: variables, members, fields, elements, other threads' locals."""

from __future__ import annotations

from abc import abstractmethod
from typing import assert_never

from zdcheck.base.source import Span
from zdcheck.lang import ast, model
from zdcheck.lang.constants import literal
from zdcheck.lang.elaborate_base import array_type, short, unknown
from zdcheck.lang.elaborate_call import CallElaborator
from zdcheck.lang.model import BoundSymbol, Expr, LocalSymbol, RefParamSymbol
from zdcheck.lang.names import EnumMember, Scope, VariantCase
from zdcheck.lang.problems import with_article
from zdcheck.lang.types import (
    ArrayType,
    BoolType,
    EnumType,
    IntType,
    RefType,
    Type,
    UnknownType,
    VariantType,
)

_DEEPEST = 20
"""Configs that may wait for each other's values. `declare` takes them in an order in which few do."""


class NameElaborator(CallElaborator):
    """Resolves names, and makes the symbols of configs and variants when they are first met."""

    @abstractmethod
    def elsewhere(self) -> NameElaborator:
        """The same world, seen from outside of any statement."""

    def _not_constant(self, span: Span) -> bool:
        if self.context.constant is None:
            return False
        self.problems.error(
            "not_constant",
            span,
            f"{self.context.constant} must be constant, and `{short(span)}` depends on the state",
        )
        return True

    # --- names ----------------------------------------------------------------------------

    def _name(self, e: ast.NameExpr, scope: Scope, expected: Type | None) -> Expr:
        name = e.name.text
        match scope.lookup(name):
            case LocalSymbol() as local:
                return model.LocalRef(local, array_type(local.type, local.dimensions), e.span)
            case RefParamSymbol() as parameter:
                return model.RefParamRef(parameter, parameter.type, e.span)
            case BoundSymbol() as bound:
                return model.BoundRef(bound, bound.type, e.span)
            case None:
                pass
        if name in self.world.entries:
            return self._item(e)
        alternatives = self.world.members.get(name, [])
        wanted = [a for a in alternatives if a.type == expected] or alternatives
        if len(wanted) == 1:
            return self._member(wanted[0], e.span)
        if alternatives:
            self._ambiguous(e.name, alternatives)
            return unknown(e.span)
        known = [
            *scope,
            *self.world.named("config", "variable", "thread"),
            *self.world.members,
        ]
        help = None
        if name in ("NULL", "nil", "None"):
            help = "write `null`"
        elif name in ("True", "False", "TRUE", "FALSE"):
            help = f"write `{name.lower()}`"
        self.problems.unknown(
            "unknown_name", e.span, f"nothing is called `{name}` here", name, known, help=help
        )
        return unknown(e.span)

    def _ambiguous(self, name: ast.Name, alternatives: list[EnumMember | VariantCase]) -> None:
        self.problems.error(
            "ambiguous_member",
            name.span,
            f"`{name.text}` could be of " + " or of ".join(f"`{a.type}`" for a in alternatives),
            also=[(a.span, f"of `{a.type}`") for a in alternatives],
            help=f"write `{alternatives[0].type}.{name.text}`",
        )

    def _item(self, e: ast.NameExpr) -> Expr:
        name = e.name.text
        entry = self.world.entries[name]
        match entry.item:
            case ast.ConfigItem():
                config = self.config_symbol(entry.item)
                if config is None:
                    return unknown(e.span)
                return model.ConfigRef(config, config.type, e.span)
            case ast.GlobalItem():
                if self._not_constant(e.span):
                    return unknown(e.span)
                variable = self.world.variables.get(name)
                if variable is None:
                    return unknown(e.span)
                type = array_type(variable.type, variable.dimensions)
                return model.GlobalRef(variable, type, e.span)
            case ast.ThreadItem(count=None):
                zero = model.Number(0, IntType(), e.span)
                return model.ObjectAt(name, zero, RefType(name), e.span)
            case ast.ThreadItem() | ast.ObjectItem():
                help: str | None = f"`{name}[0]` is the first one"
            case ast.FnItem():
                help = f"write `{name}(…)` to call it"
            case ast.EnumItem() | ast.VariantItem():
                help = f"a value of it is `{name}.NAME`"
            case ast.SectionItem():
                help = f"`inside({name})` asks whether this thread is inside"
            case _:
                assert_never(entry.item)
        self.problems.error(
            "not_a_value",
            e.span,
            f"`{name}` is {with_article(entry.what)}, not a value",
            also=[(entry.name.span, "declared here")],
            help=help,
        )
        return unknown(e.span)

    def _member(self, found: EnumMember | VariantCase, span: Span) -> Expr:
        if isinstance(found, EnumMember):
            return model.Member(found.index, found.type, span)
        variant = self.variant_symbol(found.type.name)
        if variant is None:
            return unknown(span)
        case = variant.cases[found.index]
        if case.payload:
            payload = ", ".join(p.name for p in case.payload)
            self.problems.error(
                "arity",
                span,
                f"`{case.name}` has payload",
                also=[(case.span, "declared here")],
                help=f"write `{case.name}({payload})`; to test for the case, `x is {case.name}`",
            )
            return unknown(span)
        return model.Construct(case, found.index, (), found.type, span)

    def config_symbol(self, item: ast.ConfigItem) -> model.ConfigSymbol | None:
        """The config; made when first needed. None after a complaint."""
        name = item.name.text
        if name in self.world.configs:
            found = self.world.configs[name]
            if found is None:
                self.problems.error(
                    "constant_cycle",
                    item.name.span,
                    f"the value of `{name}` depends on itself",
                )
            return found
        waiting = sum(1 for symbol in self.world.configs.values() if symbol is None)
        if waiting >= _DEEPEST:
            self.problems.error(
                "constant_cycle",
                item.name.span,
                f"more than {_DEEPEST} configs depend on each other in a row",
            )
            return None
        self.world.configs[name] = None
        type = self.resolve(item.type)
        if not isinstance(type, BoolType | IntType | EnumType | UnknownType):
            self.problems.error(
                "bad_config",
                item.type.span,
                f"a config cannot have the type `{type}`",
                help="its type is `bool`, a range or an enum",
            )
            type = UnknownType()
        value = self.constant(item.value, "the value of a config", type)
        value = self.require(value, type, (item.type.span, f"`{name}` has the type `{type}`"))
        symbol = model.ConfigSymbol(name, type, value, item.name.span)
        self.world.configs[name] = symbol
        return symbol

    def variant_symbol(self, name: str) -> model.VariantSymbol | None:
        """The variant with its cases; made when first needed, `holds` comes later."""
        known = self.world.variants.get(name)
        if known is not None:
            return known
        entry = self.world.entries.get(name)
        if entry is None or not isinstance(entry.item, ast.VariantItem):
            return None
        cases = tuple(self._case(case) for case in entry.item.cases)
        # Resolving payload can come back here only through a constant, which names no payload.
        symbol = model.VariantSymbol(name, cases, entry.name.span)
        return self.world.variants.setdefault(name, symbol)

    def _case(self, case: ast.Case) -> model.CaseSymbol:
        payload = []
        for part in case.payload:
            type = self.resolve(part.type)
            bound = BoundSymbol(part.name.text, type, part.name.span)
            payload.append(model.PayloadSymbol(part.name.text, type, None, bound, part.name.span))
        return model.CaseSymbol(case.name.text, tuple(payload), case.name.span)

    # --- parts of things ------------------------------------------------------------------

    def _global_name(self, e: ast.Expr, scope: Scope) -> str | None:
        if isinstance(e, ast.NameExpr) and scope.lookup(e.name.text) is None:
            return e.name.text
        return None

    def _field(self, e: ast.FieldExpr, scope: Scope) -> Expr:
        name = self._global_name(e.base, scope)
        if name is not None:
            entry = self.world.entries.get(name)
            if entry is not None and entry.what in ("enum", "variant"):
                return self._qualified(e, name)
            if entry is not None and entry.what == "object kind":
                self.problems.error(
                    "not_a_value",
                    e.base.span,
                    f"`{name}` is an object kind: which `{name}`?",
                    also=[(entry.name.span, "declared here")],
                    help=f"`{name}[0].{e.name.text}` is the field of the first one",
                )
                return unknown(e.span)
        base = self.value(e.base, scope)
        match base.type:
            case UnknownType():
                return unknown(e.span)
            case RefType(kind=kind) if self.world.is_kind(kind):
                return self._object_field(e, base, kind)
            case RefType(kind=kind):
                return self._thread_local(e, base, kind)
            case _:
                pass
        help = None
        if isinstance(base.type, VariantType):
            help = "test its case and name the payload, as `x is CASE(name)`"
        self.problems.error(
            "unknown_field", e.name.span, f"a value of type `{base.type}` has no fields", help=help
        )
        return unknown(e.span)

    def _qualified(self, e: ast.FieldExpr, type_name: str) -> Expr:
        for alternative in self.world.members.get(e.name.text, ()):
            if alternative.type.name == type_name:
                return self._member(alternative, e.span)
        of_type = (
            name
            for name, alternatives in self.world.members.items()
            if any(alternative.type.name == type_name for alternative in alternatives)
        )
        self.problems.unknown(
            "unknown_name",
            e.name.span,
            f"`{type_name}` has no `{e.name.text}`",
            e.name.text,
            of_type,
            also=[(self.world.entries[type_name].name.span, "declared here")],
        )
        return unknown(e.span)

    def _object_field(self, e: ast.FieldExpr, base: Expr, kind: str) -> Expr:
        if self._not_constant(e.span):
            return unknown(e.span)
        field = self.world.fields.get((kind, e.name.text))
        if field is None:
            self.problems.unknown(
                "unknown_field",
                e.name.span,
                f"no field `{e.name.text}` in `{kind}`",
                e.name.text,
                self.world.kind_field_names(kind),
                also=[(self.world.entries[kind].name.span, f"`{kind}` declared here")],
            )
            return unknown(e.span)
        return model.FieldRef(base, field, array_type(field.type, field.dimensions), e.span)

    def _thread_local(self, e: ast.FieldExpr, base: Expr, family: str) -> Expr:
        name = e.name.text
        thread = self.world.thread(family)
        if thread is None:
            self.problems.error(
                "unknown_field",
                e.name.span,
                f"any thread may be meant here, and not every thread has a local `{name}`",
                help="use a reference to a thread of one family, as `forall t : FAMILY . …`",
            )
            return unknown(e.span)
        declared = self.world.thread_locals(thread)
        found = declared.get(name, [])
        if not found:
            self.problems.unknown(
                "unknown_field",
                e.name.span,
                f"thread `{family}` has no local `{name}`",
                name,
                declared,
                also=[(thread.name.span, f"`{family}` declared here")],
            )
            return unknown(e.span)
        if len(found) > 1:
            self.problems.error(
                "ambiguous_member",
                e.name.span,
                f"thread `{family}` has {len(found)} locals called `{name}`",
                also=[(d.name.span, "one declared here") for d in found[:3]],
                help="give them different names",
            )
            return unknown(e.span)
        if found[0].type is None and id(found[0]) not in self.world.locals:
            self.problems.error(
                "needs_type",
                found[0].name.span,
                f"the type of `{name}` must be written, since other code reads it",
                also=[(e.span, "read here")],
                help=f"write `var {name} : TYPE = …`",
            )
            return unknown(e.span)
        # Its type and `holds` mean the same wherever it is met first.
        symbol = self.elsewhere().local_symbol(found[0])
        type = array_type(symbol.type, symbol.dimensions)
        return model.ThreadLocalRef(base, family, symbol, type, e.span)

    def _index(self, e: ast.IndexExpr, scope: Scope) -> Expr:
        name = self._global_name(e.base, scope)
        if name is not None and self.world.entry(name, "object kind", "thread") is not None:
            index = self.require(self.value(e.index, scope), IntType())
            number = literal(index)
            if number is not None and number < 0:
                self.problems.error("no_such_object", e.index.span, "objects are numbered from 0")
            return model.ObjectAt(name, index, RefType(name), e.span)
        base = self.place(e.base, scope)
        if isinstance(base.type, UnknownType):
            self.place(e.index, scope)
            return unknown(e.span)
        if not isinstance(base.type, ArrayType):
            self.problems.error(
                "not_an_array",
                e.base.span,
                f"`{short(e.base.span)}` has the type `{base.type}`, not an array",
            )
            self.place(e.index, scope)
            return unknown(e.span)
        first, rest = base.type.dimensions[0], base.type.dimensions[1:]
        index = self.require(self.value(e.index, scope), first)
        return model.ElementRef(base, index, array_type(base.type.element, rest), e.span)
