"""Ghost state: written by ghost code alone, read by ghost code and properties alone."""

from __future__ import annotations

from typing import assert_never

from zdcheck.lang import model
from zdcheck.lang.effects import Effects, reads_ghost, root_of
from zdcheck.lang.elaborate_base import short
from zdcheck.lang.elaborate_stmt import declared
from zdcheck.lang.model import Expr, Model
from zdcheck.lang.problems import Problems
from zdcheck.lang.walk import Node, walk


def check_ghosts(checked: Model, effects: Effects, problems: Problems) -> None:
    """Complain where ghost state and the protocol touch."""
    rule = _Ghosts(effects, problems)
    for thread in checked.threads:
        rule.protocol(thread.body)
    for function in checked.functions.values():
        # An expression function may read ghost state; then only ghost code may call it.
        if isinstance(function.body, model.Block):
            rule.protocol(function.body)
    for init in checked.inits:
        rule.protocol(init)


class _Ghosts:
    def __init__(self, effects: Effects, problems: Problems) -> None:
        self.effects = effects
        self.problems = problems

    def protocol(self, statement: model.Stmt) -> None:
        """A statement of the protocol and all it contains."""
        match statement:
            case model.Block(statements=statements):
                for inner in statements:
                    self.protocol(inner)
            case model.If():
                self._reads(statement.condition)
                self.protocol(statement.then)
                if statement.otherwise is not None:
                    self.protocol(statement.otherwise)
            case model.While():
                if statement.condition is not None:
                    self._reads(statement.condition)
                self.protocol(statement.body)
            case model.For() | model.Atomic():
                self.protocol(statement.body)
            case model.Either():
                for branch in statement.branches:
                    self.protocol(branch)
            case model.Ghost():
                self._ghost(statement.body)
            case model.Declare():
                if statement.symbol.ghost:
                    self._pure(statement)
                elif statement.value is not None:
                    self._reads(statement.value)
            case model.Assign():
                root = root_of(statement.target)
                if reads_ghost(root):
                    self.problems.error(
                        "ghost_write",
                        statement.span,
                        f"`{short(statement.target.span)}` is ghost state, "
                        "and this statement is part of the protocol",
                        also=[d] if (d := declared(root)) is not None else [],
                        help=f"write `ghost {short(statement.span)}`",
                    )
                    self._reads_inside(statement.target)
                else:
                    self._reads(statement.target)
                self._reads(statement.value)
            case (
                model.CallStmt()
                | model.Goto()
                | model.Label()
                | model.Return()
                | model.Break()
                | model.Continue()
                | model.Wait()
                | model.Assert()
                | model.Unreachable()
                | model.Cover()
                | model.LockOp()
                | model.SectionOp()
                | model.Quiesce()
                | model.LifetimeOp()
                | model.Drop()
                | model.Fence()
                | model.MightSleep()
                | model.Note()
            ):
                self._reads(statement)
            case _:
                assert_never(statement)

    def _reads_inside(self, target: Expr) -> None:
        """What is read to find a place, without the place itself."""
        match target:
            case model.ElementRef():
                self._reads(target.index)
                self._reads_inside(target.base)
            case model.FieldRef():
                self._reads(target.base)
            case _:
                pass

    def _reads(self, node: Node) -> None:
        for inner in walk(node):
            if reads_ghost(inner):
                place = declared(inner) if isinstance(inner, model.FieldRef) else None
                if isinstance(inner, model.GlobalRef | model.LocalRef):
                    place = declared(inner)
                self.problems.error(
                    "ghost_read",
                    inner.span,
                    f"protocol code cannot read `{short(inner.span)}`: {_what(inner)}",
                    also=[place] if place is not None else [],
                    help="ghost code and properties can; an assertion about it is `ghost { assert …; }`",
                )
            elif isinstance(inner, model.Call):
                span = self.effects.of.get(inner.function, {}).get("reads ghost state")
                if span is not None:
                    self.problems.error(
                        "ghost_read",
                        inner.span,
                        f"protocol code cannot call `{inner.function.name}`: it reads ghost state",
                        also=[(span, "here")],
                    )

    def _ghost(self, statement: model.Stmt) -> None:
        match statement:
            case model.Block(statements=statements):
                for inner in statements:
                    self._ghost(inner)
            case model.If():
                self._pure(statement.condition)
                self._ghost(statement.then)
                if statement.otherwise is not None:
                    self._ghost(statement.otherwise)
            case model.For() | model.Ghost():
                self._ghost(statement.body)
            case model.Assert():
                self._pure(statement.condition)
            case model.Assign():
                self._ghost_assign(statement)
            case model.Note():
                pass
            case _:
                self.problems.error(
                    "ghost_statement",
                    statement.span,
                    "ghost code only records: this statement could change the protocol",
                    help="inside `ghost { }` are assignments, `if`, `for` and `assert`",
                )

    def _ghost_assign(self, statement: model.Assign) -> None:
        root = root_of(statement.target)
        if not reads_ghost(root):
            self.problems.error(
                "ghost_write",
                statement.span,
                f"ghost code cannot change `{short(statement.target.span)}`: it is not ghost state",
                also=[d] if (d := declared(root)) is not None else [],
                help="leave out `ghost`, or declare it `ghost`",
            )
        self._pure(statement.target)
        self._pure(statement.value)

    def _pure(self, node: Node) -> None:
        for inner in walk(node):
            match inner:
                case model.AnyValue():
                    what = "`any` is a choice"
                case model.TryLock():
                    what = "`trylock` changes a lock"
                case model.Call(function=function) if not function.is_expression:
                    what = f"`{function.name}` runs in steps"
                case _:
                    continue
            self.problems.error(
                "ghost_statement",
                inner.span,
                f"ghost code only records, and {what}",
                help="ghost code calls expression functions only",
            )


def _what(node: Node) -> str:
    match node:
        case model.ThreadLocalRef():
            return "it is a thread's local, seen from outside"
        case model.IsAlive() | model.HasEnded() | model.OwnerOf() | model.IsInside():
            return "the kernel has no such question"
        case _:
            return "it is ghost state"
