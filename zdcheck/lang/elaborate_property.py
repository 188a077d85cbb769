"""Invariants, `finally`, `cover` and `progress`, elaborated; their names are their own."""

from __future__ import annotations

from typing import assert_never

from zdcheck.base.source import Span
from zdcheck.lang import ast, model
from zdcheck.lang.elaborate_base import Context
from zdcheck.lang.elaborate_expr import ExpressionElaborator
from zdcheck.lang.model import BoundSymbol, Expr, Progress, Property
from zdcheck.lang.names import Scope, World
from zdcheck.lang.types import BoolType, RefType


class PropertyElaborator:
    """Elaborates properties, and remembers the names of all of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.problems = world.problems
        self.expressions = ExpressionElaborator(world, Context())
        self.names: dict[str, Span] = {}
        """Every property by name, `cover NAME;` statements included."""
        self.covers: set[str] = set()
        self.invariants: set[str] = set()

    def enter(self, name: ast.Name) -> None:
        """Note the name of a property or of a `cover` statement."""
        first = self.names.get(name.text)
        if first is not None:
            self.problems.error(
                "duplicate_name",
                name.span,
                f"two properties are called `{name.text}`",
                also=[(first, "first one here")],
            )
            return
        self.names[name.text] = name.span

    def property(self, item: ast.PropertyItem, *, from_library: bool) -> Property:
        """An invariant, `finally` or `cover`."""
        self.enter(item.name)
        (self.covers if item.kind == "cover" else self.invariants).add(item.name.text)
        body = self.expressions.boolean(item.body, Scope())
        return Property(
            item.kind, item.name.text, self._when(item.when), body, from_library, item.span
        )

    def progress(self, item: ast.ProgressItem) -> Progress | None:
        """A progress property; None after a complaint."""
        self.enter(item.name)
        name, when = item.name.text, self._when(item.when)
        match item.body:
            case ast.Terminates():
                ended = self._ended(item.body)
                if ended is None:
                    return None
                return Progress(name, "terminates", when, None, ended, item.span)
            case ast.Eventually(goal=goal):
                found = self.expressions.boolean(goal, Scope())
                return Progress(name, "eventually", when, None, found, item.span)
            case ast.InfinitelyOften(goal=goal):
                found = self.expressions.boolean(goal, Scope())
                return Progress(name, "infinitely_often", when, None, found, item.span)
            case ast.LeadsTo(trigger=trigger, goal=goal):
                # Its trigger is an antecedent: without it nothing is promised.
                self.invariants.add(name)
                first = self.expressions.boolean(trigger, Scope())
                found = self.expressions.boolean(goal, Scope())
                return Progress(name, "leads_to", when, first, found, item.span)
            case _:
                assert_never(item.body)

    def _when(self, when: ast.Expr | None) -> Expr | None:
        if when is None:
            return None
        value = self.expressions.constant(when, "the condition of a property", BoolType())
        return self.expressions.require(value, BoolType())

    def _ended(self, body: ast.Terminates) -> Expr | None:
        """That the thread has ended; of a family, that all its threads have."""
        if isinstance(body.thread, ast.NameExpr):
            thread = self.world.thread(body.thread.name.text)
            if thread is not None and thread.count is not None:
                type = RefType(thread.name.text)
                each = BoundSymbol(thread.name.text, type, body.thread.span)
                ended = model.HasEnded(
                    model.BoundRef(each, type, body.thread.span), BoolType(), body.span
                )
                return model.Quantifier("forall", each, type, ended, BoolType(), body.span)
            if thread is None:
                self.problems.unknown(
                    "unknown_thread",
                    body.thread.span,
                    f"there is no thread `{body.thread.name.text}`",
                    body.thread.name.text,
                    self.world.named("thread"),
                )
                return None
        value = self.expressions.value(body.thread, Scope())
        value = self.expressions.require(value, RefType("thread"))
        return model.HasEnded(value, BoolType(), body.span)
