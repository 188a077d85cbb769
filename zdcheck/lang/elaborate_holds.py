"""`holds`: what a place that points to an object counts for; and locals, which may hold."""

from __future__ import annotations

from zdcheck.base.source import Span
from zdcheck.lang import ast, model
from zdcheck.lang.elaborate_type import TypeElaborator
from zdcheck.lang.model import BoundSymbol, Expr, FieldSymbol, Holding, LocalSymbol
from zdcheck.lang.names import Scope
from zdcheck.lang.types import (
    IntType,
    LockType,
    RefType,
    SetType,
    Type,
    UnknownType,
    VariantType,
)
from zdcheck.lang.walk import walk


class HoldsElaborator(TypeElaborator):
    """Resolves `holds` clauses and the symbols of locals."""

    def holding(
        self,
        holds: ast.Holds,
        name: str,
        type: Type,
        *,
        others: tuple[BoundSymbol, ...] = (),
        is_local: bool = False,
    ) -> Holding | None:
        """The meaning of `holds` on a place of that name and type; None after a complaint.

        `others` are names that `when` may use besides the place itself.
        """
        match type:
            case UnknownType():
                return None
            case VariantType():
                return self._variant_holding(holds, type, is_local=is_local)
            case RefType(kind=kind) | SetType(kind=str(kind)):
                if self.world.is_kind(kind):
                    return self._holding(holds, name, kind, others)
            case _:
                pass
        self.problems.error(
            "bad_holds",
            holds.span,
            f"`{type}` does not point to an object, so it cannot hold a count",
        )
        return None

    def _variant_holding(
        self, holds: ast.Holds, type: VariantType, *, is_local: bool
    ) -> Holding | None:
        if holds.path or holds.when is not None:
            self.problems.error(
                "bad_holds",
                holds.span,
                f"a `{type}` holds what the payload of its cases holds",
                help="write `holds` alone here, and `holds FIELD` at the payload",
            )
            return None
        if not is_local:
            self.problems.error(
                "bad_holds",
                holds.span,
                f"a `{type}` in shared state always holds what its payload says",
                help="leave `holds` out",
            )
            return None
        return Holding((), None, None, holds.span)

    def _holding(
        self, holds: ast.Holds, name: str, kind: str, others: tuple[BoundSymbol, ...]
    ) -> Holding | None:
        path = self._path(holds, kind)
        if path is None:
            return None
        subject = next((o for o in others if o.name == name and o.type == RefType(kind)), None)
        if subject is None:
            subject = BoundSymbol(name, RefType(kind), holds.span)
        when = None
        if holds.when is not None:
            scope = Scope()
            for symbol in (*(o for o in others if o.name != name), subject):
                scope.add(symbol)
            when = self.pure_boolean(holds.when, scope)
            self._check_when(when)
        return Holding(path, when, subject, holds.span)

    def _path(self, holds: ast.Holds, kind: str) -> tuple[FieldSymbol, ...] | None:
        if not holds.path:
            self.problems.error(
                "bad_holds",
                holds.span,
                f"which count of the `{kind}` does it hold?",
                help=self._counted_help(kind),
            )
            return None
        path: list[FieldSymbol] = []
        for name in holds.path[:-1]:
            field = self._step(kind, name)
            if field is None:
                return None
            if not isinstance(field.type, RefType) or not self.world.is_kind(field.type.kind):
                self.problems.error(
                    "bad_holds",
                    name.span,
                    f"`{name.text}` has the type `{field.type}` and leads to no object",
                    also=[(field.span, "declared here")],
                )
                return None
            path.append(field)
            kind = field.type.kind
        last = self._step(kind, holds.path[-1])
        if last is None:
            return None
        if not last.counted:
            self.problems.error(
                "bad_holds",
                holds.path[-1].span,
                f"`{last.name}` of `{kind}` is not a counted field",
                also=[(last.span, "declared here")],
                help=f"declare it as `counted {last.name} : …`"
                if isinstance(last.type, IntType)
                else self._counted_help(kind),
            )
            return None
        return (*path, last)

    def _step(self, kind: str, name: ast.Name) -> FieldSymbol | None:
        field = self.world.fields.get((kind, name.text))
        if field is None:
            self.problems.unknown(
                "unknown_field",
                name.span,
                f"no field `{name.text}` in `{kind}`",
                name.text,
                self.world.kind_field_names(kind),
                also=[(self.world.kinds[kind].span, f"`{kind}` declared here")],
            )
            return None
        if field.dimensions:
            self.problems.error(
                "bad_holds", name.span, f"`{name.text}` is an array: a count is one number"
            )
            return None
        return field

    def _counted_help(self, kind: str) -> str:
        counted = [f.name for f in self.world.kinds[kind].fields if f.counted]
        if not counted:
            return f"`{kind}` has no counted field; declare one with `counted NAME : 0..N`"
        return f"write `holds {counted[0]}`"

    def _check_when(self, when: Expr) -> None:
        for node in walk(when):
            match node:
                case (
                    model.GlobalRef()
                    | model.Call()
                    | model.Self()
                    | model.TryLock()
                    | model.Quantifier()
                    | model.IsAlive()
                    | model.HasEnded()
                    | model.IsInside()
                    | model.OwnerOf()
                    | model.ThreadLocalRef()
                ):
                    wrong: Span | None = node.span
                case model.FieldRef(base=base) if not isinstance(base, model.BoundRef):
                    wrong = node.span
                case _:
                    wrong = None
            if wrong is not None:
                self.problems.error(
                    "bad_holds",
                    wrong,
                    "whether a place holds a count may depend on configs, on payload of the same "
                    "case and on fields of the object pointed to, and on nothing else",
                )
                return

    # --- locals -------------------------------------------------------------------------

    def local_symbol(self, decl: ast.VarDecl, inferred: Type | None = None) -> LocalSymbol:
        """The symbol of a declared local; always the same one for the same declaration."""
        known = self.world.locals.get(id(decl))
        if known is not None:
            return known
        type = self.resolve(decl.type) if decl.type is not None else inferred or UnknownType()
        if isinstance(type, LockType):
            self.problems.error(
                "bad_lock",
                decl.name.span,
                "a lock is shared: it cannot be a local",
                help="declare it at file level or as a field",
            )
            type = UnknownType()
        dimensions = tuple(d for t in decl.dimensions if (d := self.dimension(t)) is not None)
        holds = None
        if decl.holds is not None:
            if decl.ghost or self.context.ghost:
                self.problems.error(
                    "bad_holds", decl.holds.span, "ghost state holds no count: it only records"
                )
            else:
                holds = self.holding(decl.holds, decl.name.text, type, is_local=True)
        symbol = LocalSymbol(
            decl.name.text,
            type,
            dimensions,
            decl.ghost or self.context.ghost,
            holds,
            "variable",
            decl.name.span,
        )
        self.world.locals[id(decl)] = symbol
        return symbol
