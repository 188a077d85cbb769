"""What the calls of a spec come down to: locks, sections, grace periods, fences.

The kernel's names are functions of the library, so `spin_lock(slot.ptl)` is known to take a lock only by
what is in `spin_lock`: nothing but `lock(l)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from zdcheck.lang import ast
from zdcheck.lang.ast_walk import ast_children, mentions, nodes_inside
from zdcheck.lang.rewrite import rewritten

Role = Literal["acquire", "release", "try", "enter", "leave", "grace", "fence"]

_ROLES: Mapping[str, Role] = {
    "lock": "acquire",
    "lock_shared": "acquire",
    "unlock": "release",
    "unlock_shared": "release",
    "trylock": "try",
    "trylock_shared": "try",
    "enter": "enter",
    "leave": "leave",
    "quiesce": "grace",
    "quiesce_others": "grace",
    "smp_mb": "fence",
    "smp_rmb": "fence",
    "smp_wmb": "fence",
}

_LOOKS = frozenset({"touch", "might_sleep"})
"""Operations that only ask whether something is allowed."""


@dataclass(frozen=True, slots=True)
class Primitive:
    """What a call does, and to which lock or section (None for grace periods and fences)."""

    role: Role
    place: ast.Expr | None


Nature = Literal["silent", "look", "declare", "jump", "act"]
"""What a statement is to the protocol.

`silent`: it takes no part (notes, labels, properties, ghost code). `look`: a use that may be
forbidden, and changes nothing. `declare`: a local without a value. `jump`: goes elsewhere.
"""


class Primitives:
    """Knows the functions of a bundle by name."""

    def __init__(self, bundle: ast.Bundle) -> None:
        self.bundle = bundle
        self._of: dict[str, Primitive | None] = {}
        self._natures: dict[str, Nature] = {}

    @cached_property
    def functions(self) -> Mapping[str, ast.FnItem]:
        """Every function."""
        return {
            item.name.text: item
            for module in self.bundle.modules
            for item in module.spec.items
            if isinstance(item, ast.FnItem)
        }

    @cached_property
    def _constants(self) -> frozenset[str]:
        """Names of configs, and of what configs are compared with."""
        found: set[str] = set()
        for module in self.bundle.modules:
            for item in module.spec.items:
                match item:
                    case ast.ConfigItem(name=name):
                        found.add(name.text)
                    case ast.EnumItem(name=name, members=members):
                        found.update(n.text for n in (name, *members))
                    case _:
                        pass
        return frozenset(found)

    @cached_property
    def _shared(self) -> frozenset[str]:
        """Names of shared variables."""
        return frozenset(
            item.declaration.name.text
            for module in self.bundle.modules
            for item in module.spec.items
            if isinstance(item, ast.GlobalItem)
        )

    @cached_property
    def _holders(self) -> frozenset[str]:
        """Names that some local that holds a count has, wherever it is."""
        return frozenset(
            node.name.text
            for module in self.bundle.modules
            for node in nodes_inside(module.spec)
            if isinstance(node, ast.VarDecl) and node.holds is not None
        )

    def is_constant(self, condition: ast.Expr) -> bool:
        """Whether only the configuration decides it."""
        return self._constants.issuperset(mentions(condition))

    # --- calls --------------------------------------------------------------------------

    def of(self, call: ast.CallExpr) -> Primitive | None:
        """What the call does, if it is one such thing and no more."""
        name = call.function.text
        if name in _ROLES:
            place = call.arguments[0] if call.arguments else None
            role = _ROLES[name]
            return Primitive(role, None if role in ("grace", "fence") else place)
        function = self.functions.get(name)
        if function is None:
            return None
        if name not in self._of:
            self._of[name] = None  # a function that calls itself is none
            self._of[name] = self._function(function)
        inside = self._of[name]
        if inside is None or inside.place is None:
            return inside
        return Primitive(inside.role, _substituted(inside.place, function, call))

    def _function(self, function: ast.FnItem) -> Primitive | None:
        body = function.body
        if isinstance(body, ast.CallExpr):
            return self.of(body)
        if not isinstance(body, ast.Block):
            return None
        return self._only(body)

    def _only(self, block: ast.Block) -> Primitive | None:
        acting = [s for s in block.statements if self.nature(s) not in ("silent", "look")]
        match acting:
            case [ast.ReturnStmt(value=ast.CallExpr() as call)]:
                return self.of(call)
            case [statement]:
                return self.primitive_of(statement)
            case _:
                return None

    # --- statements ---------------------------------------------------------------------

    def nature(self, statement: ast.Stmt) -> Nature:
        """See `Nature`."""
        match statement:
            case (
                ast.NoteStmt()
                | ast.LabelStmt()
                | ast.AssertStmt()
                | ast.CoverStmt()
                | ast.UnreachableStmt()
                | ast.GhostStmt()
            ):
                return "silent"
            case ast.VarStmt(declaration=declaration):
                if declaration.ghost:
                    return "silent"
                return "declare" if declaration.initial is None else "act"
            case ast.GotoStmt() | ast.ReturnStmt() | ast.BreakStmt() | ast.ContinueStmt():
                return "jump"
            case ast.CallStmt(call=call):
                return self._nature_of_call(call)
            case ast.AtomicStmt() | ast.Block():
                return self._nature_of_parts(statement)
            case ast.IfStmt(condition=condition):
                calls = any(isinstance(node, ast.CallExpr) for node in nodes_inside(condition))
                return "act" if calls else self._nature_of_parts(statement)
            case _:
                return "act"

    def _nature_of_parts(self, statement: ast.Stmt) -> Nature:
        inside = {self.nature(part) for part in ast_children(statement)}
        return "look" if inside <= {"silent", "look", "declare"} else "act"

    def is_local(self, statement: ast.Stmt) -> bool:
        """Whether it surely touches nothing but locals that hold no count."""
        match statement:
            case ast.VarStmt(declaration=ast.VarDecl(holds=None, initial=value)):
                pass
            case ast.AssignStmt(target=ast.NameExpr(name=name), value=value):
                if name.text in self._shared or name.text in self._holders:
                    return False
            case _:
                return False
        for node in nodes_inside(value):
            match node:
                case ast.FieldExpr() | ast.CallExpr():
                    return False
                case ast.NameExpr(name=name) if name.text in self._shared:
                    return False
                case ast.AnyExpr(where=where) if where is not None:
                    return False
                case _:
                    pass
        return True

    def primitive_of(self, statement: ast.Stmt) -> Primitive | None:
        """What a statement is, if it is one such call, perhaps where the configuration has it."""
        match statement:
            case ast.CallStmt(call=call):
                return self.of(call)
            case ast.IfStmt(condition=condition, then=then, otherwise=None):
                return self._only(then) if self.is_constant(condition) else None
            case _:
                return None

    def _nature_of_call(self, call: ast.CallExpr) -> Nature:
        name = call.function.text
        if name in _LOOKS:
            return "look"
        function = self.functions.get(name)
        if function is None or not isinstance(function.body, ast.Block):
            return "act"
        if name not in self._natures:
            self._natures[name] = "act"
            inside = {self.nature(s) for s in function.body.statements}
            if inside <= {"silent"}:
                self._natures[name] = "silent"
            elif inside <= {"silent", "look"}:
                self._natures[name] = "look"
        return self._natures[name]


def _substituted(place: ast.Expr, function: ast.FnItem, call: ast.CallExpr) -> ast.Expr:
    """The place, with the call's arguments for the function's parameters."""
    given = {
        param.name.text: argument
        for param, argument in zip(function.params, call.arguments, strict=False)
    }
    edits = {}
    pending: list[ast.Expr] = [place]
    while pending:
        match pending.pop():
            case ast.NameExpr(name=name) as use if name.text in given:
                edits[id(use)] = (given[name.text],)
            case ast.FieldExpr(base=base):
                pending.append(base)
            case ast.IndexExpr(base=base, index=index):
                pending += [base, index]
            case _:
                pass
    return rewritten(place, edits)
