"""Going through a tree as written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import assert_never

from zdcheck.base.source import Span
from zdcheck.lang import ast


def thread_declarations(thread: ast.ThreadItem) -> list[ast.VarDecl]:
    """Every local declared in a thread's body."""
    found: list[ast.VarDecl] = []
    pending: list[ast.Stmt] = [thread.body]
    while pending:
        statement = pending.pop()
        if isinstance(statement, ast.VarStmt):
            found.append(statement.declaration)
        pending.extend(reversed(ast_children(statement)))
    return found


def ast_children(statement: ast.Stmt) -> list[ast.Stmt]:
    """The statements directly inside a statement."""
    match statement:
        case ast.Block():
            return list(statement.statements)
        case ast.IfStmt():
            both = [statement.then, statement.otherwise]
            return [b for b in both if b is not None]
        case ast.WhileStmt() | ast.ForStmt() | ast.AtomicStmt() | ast.GhostStmt():
            return [statement.body]
        case ast.EitherStmt():
            return list(statement.branches)
        case (
            ast.VarStmt()
            | ast.AssignStmt()
            | ast.CallStmt()
            | ast.GotoStmt()
            | ast.LabelStmt()
            | ast.ReturnStmt()
            | ast.BreakStmt()
            | ast.ContinueStmt()
            | ast.WaitStmt()
            | ast.AssertStmt()
            | ast.UnreachableStmt()
            | ast.CoverStmt()
            | ast.NoteStmt()
        ):
            return []
        case _:
            assert_never(statement)


def mentions(*nodes: object) -> Iterator[str]:
    """Every name that is used inside these parts of a tree, whatever it means there."""
    for node in nodes_inside(*nodes):
        match node:
            case (
                ast.NameExpr(name=name)
                | ast.NamedType(name=name)
                | ast.FieldExpr(name=name)
                | ast.CallExpr(function=name)
                | ast.SetType(member=name)
                | ast.IsExpr(case=name)
                | ast.Over(config=name)
            ):
                yield name.text
            case _:
                pass


def nodes_inside(*nodes: object) -> Iterator[object]:
    """These parts of a tree with every node inside them, in the order of the text."""
    pending = list(reversed(nodes))
    while pending:
        node = pending.pop()
        if isinstance(node, tuple):
            pending.extend(reversed(node))
        elif is_dataclass(node) and not isinstance(node, Span | ast.Name):
            yield node
            pending.extend(getattr(node, field.name) for field in reversed(fields(node)))
