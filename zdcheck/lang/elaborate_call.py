"""Calls in expressions: functions, cases with payload, and the operations that give a value."""

from __future__ import annotations

from abc import abstractmethod

from zdcheck.base.source import Span
from zdcheck.lang import ast, model
from zdcheck.lang.elaborate_base import short, unknown
from zdcheck.lang.elaborate_holds import HoldsElaborator
from zdcheck.lang.model import Expr, FunctionSymbol, LocalSymbol, RefParamSymbol
from zdcheck.lang.names import Scope, VariantCase
from zdcheck.lang.operations import OPERATIONS, STATEMENT_OPERATIONS
from zdcheck.lang.problems import with_article
from zdcheck.lang.types import (
    BoolType,
    EnumType,
    IntType,
    LockType,
    RefType,
    SetType,
    Type,
    UnknownType,
    VariantType,
)

_ARITY = {
    "READ_ONCE": (1, 1),
    "smp_load_acquire": (1, 1),
    "count": (1, 1),
    "index": (1, 1),
    "trylock": (1, 1),
    "trylock_shared": (1, 1),
    "alive": (1, 1),
    "ended": (1, 1),
    "inside": (1, 2),
    "owner": (1, 1),
}


class CallElaborator(HoldsElaborator):
    """Resolves what is called, and checks its arguments."""

    def call_value(self, e: ast.CallExpr, scope: Scope, expected: Type | None) -> Expr:
        """A call, whatever it is; its type is VoidType if it gives nothing."""
        name = e.function.text
        local = scope.lookup(name)
        if local is None:
            if self.world.entry(name, "function") is not None:
                return self._function(e, scope)
            cases = [
                a
                for a in self.world.members.get(name, ())
                if isinstance(a, VariantCase) and a.has_payload
            ]
            if cases:
                return self._construct(e, cases, scope, expected)
            if name in OPERATIONS and name not in self.world.entries:
                return self._operation(e, scope)
        self._not_callable(e, scope)
        return unknown(e.span)

    def function_call(
        self, e: ast.CallExpr, function: FunctionSymbol, scope: Scope
    ) -> model.Call | None:
        """The call with its arguments checked; None if their number is wrong."""
        if len(e.arguments) != len(function.params):
            for argument in e.arguments:
                self.place(argument, scope)
            signature = ", ".join(
                f"{'ref ' if isinstance(p, RefParamSymbol) else ''}{p.name} : {p.type}"
                for p in function.params
            )
            self.problems.error(
                "arity",
                e.span,
                f"`{function.name}` takes {_number(len(function.params))}, "
                f"and {len(e.arguments)} {'is' if len(e.arguments) == 1 else 'are'} given",
                also=[(function.span, f"`{function.name}({signature})` declared here")],
            )
            return None
        arguments = tuple(
            self._argument(argument, parameter, scope)
            for argument, parameter in zip(e.arguments, function.params, strict=True)
        )
        return model.Call(function, arguments, function.result, e.span)

    def lock_place(self, e: ast.Expr, scope: Scope, *, shared: bool = False) -> Expr:
        """A place that is a lock; a shared operation needs one that can be shared."""
        place = self.place(e, scope)
        match place.type:
            case UnknownType():
                return place
            case LockType(flavour=flavour):
                if shared and flavour != "rwsem":
                    self.problems.error(
                        "bad_lock",
                        e.span,
                        f"a `{flavour}` cannot be shared",
                        help="only a `rwsem` has readers",
                    )
                return place
            case _:
                self.problems.error(
                    "type_mismatch", e.span, f"expected a lock, found `{place.type}`"
                )
                return unknown(e.span)

    def section(self, e: ast.Expr, scope: Scope) -> model.SectionSymbol | None:
        """The section that an argument names."""
        if isinstance(e, ast.NameExpr) and scope.lookup(e.name.text) is None:
            found = self.world.sections.get(e.name.text)
            if found is not None:
                return found
            self.problems.unknown(
                "unknown_section",
                e.span,
                f"there is no section `{e.name.text}`",
                e.name.text,
                self.world.sections,
                help="declare it as `section NAME;`",
            )
        else:
            self.problems.error(
                "unknown_section", e.span, f"expected the name of a section, not `{short(e.span)}`"
            )
        return None

    def self_value(self, span: Span) -> Expr:
        """The running thread; complains where none runs."""
        if self.context.self_type is None:
            self.problems.error(
                "no_self",
                span,
                "no thread runs here",
                help="name the thread, as `gup[0]` or by `forall t : thread . …`",
            )
            return unknown(span)
        return model.Self(self.context.self_type, span)

    def object_reference(self, e: ast.Expr, scope: Scope, what: str) -> Expr:
        """A reference to an object of some kind (not to a thread)."""
        value = self.value(e, scope)
        if isinstance(value.type, UnknownType):
            return value
        if not isinstance(value.type, RefType) or not self.world.is_kind(value.type.kind):
            self.problems.error(
                "type_mismatch", e.span, f"{what} an object, and this is `{value.type}`"
            )
            return unknown(e.span)
        return value

    def check_arity(self, e: ast.CallExpr, least: int, most: int | None, scope: Scope) -> bool:
        """Whether the operation has that many arguments; complains if not."""
        given = len(e.arguments)
        if given >= least and (most is None or given <= most):
            return True
        wanted = _number(least) if least == most else f"at least {_number(least)}"
        if most is not None and most != least:
            wanted = f"{least} to {_number(most)}"
        self.problems.error(
            "arity",
            e.span,
            f"`{e.function.text}` takes {wanted}, and {given} "
            f"{'is' if given == 1 else 'are'} given",
        )
        return False

    # --- functions and cases -----------------------------------------------------------

    def _function(self, e: ast.CallExpr, scope: Scope) -> Expr:
        # Constants are elaborated before signatures; they cannot call anything.
        if self._refuse_in_constant(e):
            return unknown(e.span)
        call = self.function_call(e, self.world.functions[e.function.text], scope)
        return call if call is not None else unknown(e.span)

    def _argument(self, e: ast.Expr, parameter: LocalSymbol | RefParamSymbol, scope: Scope) -> Expr:
        why = (parameter.span, f"parameter `{parameter.name}` declared here")
        if isinstance(parameter, LocalSymbol):
            return self.require(self.value(e, scope, parameter.type), parameter.type, why)
        if isinstance(parameter.type, LockType):
            place = self.lock_place(e, scope)
        else:
            place = self.value(e, scope, parameter.type)
        return self.require(place, parameter.type, why)

    def _construct(
        self, e: ast.CallExpr, cases: list[VariantCase], scope: Scope, expected: Type | None
    ) -> Expr:
        wanted = [c for c in cases if c.type == expected]
        if len(cases) > 1 and not wanted:
            self.problems.error(
                "ambiguous_member",
                e.function.span,
                f"`{e.function.text}` is a case of "
                + " and of ".join(f"`{c.type}`" for c in cases),
                also=[(c.span, f"of `{c.type}`") for c in cases],
                help="give one of them another name",
            )
            return unknown(e.span)
        found = (wanted or cases)[0]
        variant = self.variant_symbol(found.type.name)
        if variant is None:
            return unknown(e.span)
        case = variant.cases[found.index]
        if len(e.arguments) != len(case.payload):
            payload = ", ".join(f"{p.name} : {p.type}" for p in case.payload)
            self.problems.error(
                "arity",
                e.span,
                f"`{case.name}` has {_number(len(case.payload))} of payload, "
                f"and {len(e.arguments)} {'is' if len(e.arguments) == 1 else 'are'} given",
                also=[(case.span, f"`{case.name}({payload})` declared here")],
            )
            return unknown(e.span)
        arguments = tuple(
            self.require(
                self.value(argument, scope, payload.type),
                payload.type,
                (payload.span, f"payload `{payload.name}` declared here"),
            )
            for argument, payload in zip(e.arguments, case.payload, strict=True)
        )
        return model.Construct(case, found.index, arguments, found.type, e.span)

    @abstractmethod
    def variant_symbol(self, name: str) -> model.VariantSymbol | None:
        """The variant with its cases; made when first needed."""

    def _not_callable(self, e: ast.CallExpr, scope: Scope) -> None:
        name = e.function.text
        for argument in e.arguments:
            self.place(argument, scope)
        entry = self.world.entries.get(name)
        local = scope.lookup(name)
        if local is not None or entry is not None:
            what = "local" if local is not None else entry.what if entry is not None else ""
            span = local.span if local is not None else entry.name.span if entry else e.span
            self.problems.error(
                "unknown_function",
                e.function.span,
                f"`{name}` is {with_article(what)}, not a function",
                also=[(span, "declared here")],
            )
            return
        if name in self.world.members:
            self.problems.error(
                "arity",
                e.span,
                f"`{name}` has no payload",
                also=[(a.span, "declared here") for a in self.world.members[name]],
                help=f"write `{name}` alone",
            )
            return
        known = [*self.world.functions, *OPERATIONS]
        known += [
            n
            for n, alternatives in self.world.members.items()
            if any(isinstance(a, VariantCase) and a.has_payload for a in alternatives)
        ]
        self.problems.unknown(
            "unknown_function", e.function.span, f"there is no function `{name}`", name, known
        )

    # --- operations ----------------------------------------------------------------------

    def _refuse_in_constant(self, e: ast.CallExpr) -> bool:
        if self.context.constant is None:
            return False
        self.problems.error(
            "not_constant",
            e.span,
            f"{self.context.constant} must be constant, and `{e.function.text}` depends on the state",
        )
        return True

    def _operation(self, e: ast.CallExpr, scope: Scope) -> Expr:
        name = e.function.text
        if name in STATEMENT_OPERATIONS:
            for argument in e.arguments:
                self.place(argument, scope)
            self.problems.error(
                "no_value",
                e.span,
                f"`{name}` gives no value",
                help=f"write `{name}(…);` as a statement of its own",
            )
            return unknown(e.span)
        if name not in ("count", "index") and self._refuse_in_constant(e):
            return unknown(e.span)
        least, most = _ARITY[name]
        if not self.check_arity(e, least, most, scope):
            return unknown(e.span)
        first = e.arguments[0]
        match name:
            case "READ_ONCE" | "smp_load_acquire":
                return self._accessed(e, scope)
            case "count":
                return self._count(e, scope)
            case "index":
                return self._index_of(e, scope)
            case "trylock" | "trylock_shared":
                shared = name == "trylock_shared"
                lock = self.lock_place(first, scope, shared=shared)
                return model.TryLock(lock, shared, BoolType(), e.span)
            case "alive":
                operand = self.object_reference(first, scope, "`alive` asks about")
                return model.IsAlive(operand, BoolType(), e.span)
            case "ended":
                thread = self._thread(first, scope)
                return model.HasEnded(thread, BoolType(), e.span)
            case "inside":
                return self._inside(e, scope)
            case _:  # "owner"
                lock = self.lock_place(first, scope)
                return model.OwnerOf(lock, RefType("thread", nullable=True), e.span)

    def _accessed(self, e: ast.CallExpr, scope: Scope) -> Expr:
        place = self.value(e.arguments[0], scope)
        if not is_place(place):
            self.problems.error(
                "not_a_place",
                e.arguments[0].span,
                f"`{e.function.text}` reads a variable or a field, "
                f"and `{short(e.arguments[0].span)}` is a computed value",
            )
            return unknown(e.span)
        access: model.AccessKind = "once" if e.function.text == "READ_ONCE" else "acquire"
        return model.Accessed(place, access, place.type, e.span)

    def _count(self, e: ast.CallExpr, scope: Scope) -> Expr:
        argument = e.arguments[0]
        if isinstance(argument, ast.NameExpr) and scope.lookup(argument.name.text) is None:
            name = argument.name.text
            if name == "thread" or self.world.entry(name, "object kind", "thread") is not None:
                if self.context.constant in SIZES_UNKNOWN:
                    self.problems.error(
                        "not_constant",
                        e.span,
                        f"{self.context.constant} cannot depend on the scope",
                    )
                    return unknown(e.span)
                return model.SizeOfKind(name, IntType(), e.span)
        value = self.value(argument, scope)
        if isinstance(value.type, UnknownType):
            return value
        if not isinstance(value.type, SetType):
            self.problems.error(
                "type_mismatch",
                argument.span,
                f"`count` takes a set or an object kind, found `{value.type}`",
                help="`count(x : page where …)` counts the objects for which something is true",
            )
            return unknown(e.span)
        return model.SizeOfSet(value, IntType(), e.span)

    def _index_of(self, e: ast.CallExpr, scope: Scope) -> Expr:
        value = self.value(e.arguments[0], scope)
        if isinstance(value.type, RefType | UnknownType):
            return model.IndexOf(value, IntType(), e.span)
        help = None
        if isinstance(value.type, EnumType | VariantType):
            help = "only objects and threads have numbers"
        self.problems.error(
            "type_mismatch",
            e.arguments[0].span,
            f"`index` takes a reference, found `{value.type}`",
            help=help,
        )
        return unknown(e.span)

    def _thread(self, e: ast.Expr, scope: Scope) -> Expr:
        value = self.value(e, scope)
        return self.require(value, RefType("thread", nullable=True))

    def _inside(self, e: ast.CallExpr, scope: Scope) -> Expr:
        if len(e.arguments) == 1:
            thread = self.self_value(e.span)
        else:
            thread = self._thread(e.arguments[0], scope)
        section = self.section(e.arguments[-1], scope)
        if section is None:
            return unknown(e.span)
        return model.IsInside(thread, section, BoolType(), e.span)


SIZES_UNKNOWN = ("the value of a config", "the size of a scope", "the number of threads")
"""Constants on which the scope depends, so that they cannot depend on it."""


def is_place(e: Expr) -> bool:
    """Whether it stands for something that is stored."""
    match e:
        case (
            model.LocalRef()
            | model.GlobalRef()
            | model.FieldRef()
            | model.ElementRef()
            | model.RefParamRef()
            | model.ThreadLocalRef()
        ):
            return True
        case _:
            return False


def _number(count: int) -> str:
    return "1 argument" if count == 1 else f"{count} arguments"
