"""The operations of the language that are statements: locks, contexts, lifetimes, fences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from zdcheck.lang import ast, model
from zdcheck.lang.elaborate_base import short
from zdcheck.lang.model import Stmt
from zdcheck.lang.names import Scope
from zdcheck.lang.operations import VALUE_OPERATIONS
from zdcheck.lang.types import UnknownType

if TYPE_CHECKING:
    from zdcheck.lang.elaborate_stmt import BodyElaborator

_ARITY: dict[str, tuple[int, int | None]] = {
    "lock": (1, 1),
    "unlock": (1, 1),
    "lock_shared": (1, 1),
    "unlock_shared": (1, 1),
    "enter": (1, 1),
    "leave": (1, 1),
    "quiesce": (1, None),
    "quiesce_others": (1, None),
    "might_sleep": (0, 0),
    "destroy": (1, 1),
    "create": (1, 1),
    "touch": (1, 1),
    "drop": (1, 1),
    "WRITE_ONCE": (2, 2),
    "smp_store_release": (2, 2),
    "smp_mb": (0, 0),
    "smp_rmb": (0, 0),
    "smp_wmb": (0, 0),
}


def operation_statement(
    body: BodyElaborator, s: ast.CallStmt, scope: Scope
) -> Stmt | Literal["value"] | None:
    """The statement that the call is; "value" if the operation gives one; None after a complaint."""
    e, expressions = s.call, body.expressions
    name = e.function.text
    if name in VALUE_OPERATIONS:
        return "value"
    least, most = _ARITY[name]
    if not expressions.check_arity(e, least, most, scope):
        return None
    match name:
        case "lock" | "lock_shared":
            shared = name == "lock_shared"
            lock = expressions.lock_place(e.arguments[0], scope, shared=shared)
            return model.LockOp("lock", lock, shared, s.span)
        case "unlock" | "unlock_shared":
            shared = name == "unlock_shared"
            lock = expressions.lock_place(e.arguments[0], scope, shared=shared)
            return model.LockOp("unlock", lock, shared, s.span)
        case "enter" | "leave":
            section = expressions.section(e.arguments[0], scope)
            if section is None:
                return None
            return model.SectionOp("enter" if name == "enter" else "leave", section, s.span)
        case "quiesce" | "quiesce_others":
            found = [expressions.section(argument, scope) for argument in e.arguments]
            sections = tuple(section for section in found if section is not None)
            return model.Quiesce(sections, name == "quiesce_others", s.span)
        case "might_sleep":
            return model.MightSleep(s.span)
        case "destroy" | "create" | "touch":
            operand = expressions.object_reference(e.arguments[0], scope, f"`{name}` takes")
            op: Literal["destroy", "create", "touch"] = (
                "destroy" if name == "destroy" else "create" if name == "create" else "touch"
            )
            return model.LifetimeOp(op, operand, s.span)
        case "drop":
            return _drop(body, s, scope)
        case "WRITE_ONCE" | "smp_store_release":
            return _store(body, s, scope)
        case "smp_mb":
            return model.Fence("full", s.span)
        case "smp_rmb":
            return model.Fence("read", s.span)
        case _:  # "smp_wmb"
            return model.Fence("write", s.span)


def _drop(body: BodyElaborator, s: ast.CallStmt, scope: Scope) -> Stmt | None:
    from_argument = s.call.arguments[0]
    place = body.expressions.value(from_argument, scope)
    if isinstance(place.type, UnknownType):
        return None
    match place:
        case (
            model.LocalRef()
            | model.GlobalRef()
            | model.FieldRef()
            | model.ElementRef()
            | model.RefParamRef()
        ):
            return model.Drop(place, s.span)
        case _:
            body.problems.error(
                "not_a_place",
                from_argument.span,
                f"`drop` empties a variable or a field, and `{short(from_argument.span)}` is neither",
            )
            return None


def _store(body: BodyElaborator, s: ast.CallStmt, scope: Scope) -> Stmt | None:
    target = body.target(s.call.arguments[0], scope)
    type = target.type if target is not None else UnknownType()
    value = body.expressions.value(s.call.arguments[1], scope, type)
    value = body.expressions.require(value, type)
    if target is None:
        return None
    access: model.AccessKind = "once" if s.call.function.text == "WRITE_ONCE" else "release"
    return model.Assign(target, "=", value, access, s.span)
