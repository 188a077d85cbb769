"""Where lines of a spec begin, and what its ambiguous signs are: what `format` takes from the tree."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Literal, assert_never

from zdcheck.base.source import Span
from zdcheck.lang import ast
from zdcheck.lang.scan import Token

GroupKind = Literal["list", "members", "code"]

INLINE_STATEMENTS = 2
"""A block of more statements, fields or clauses is never left on one line."""


@dataclass(frozen=True, slots=True)
class Group:
    """A pair of braces that is no set: its level, and whether one line may hold it.

    `list` is separated by commas, `members` and `code` have items that begin lines.
    """

    kind: GroupKind
    level: int
    may_be_inline: bool


@dataclass(slots=True)
class Plan:
    """Everything by the offset of the token it is about."""

    starts: dict[int, int] = field(default_factory=dict)
    """Tokens that begin a line, with the line's level."""

    joins: dict[int, int] = field(default_factory=dict)
    """`else` and `or`: beside a closing brace, or else on a line of this level."""

    groups: dict[int, Group] = field(default_factory=dict)
    """Opening braces."""

    closers: set[int] = field(default_factory=set)
    """The closing braces of those."""

    binary: set[int] = field(default_factory=set)
    """`+` and `-` between two operands."""

    dots: set[int] = field(default_factory=set)
    """The `.` of a quantifier."""

    type_marks: set[int] = field(default_factory=set)
    """The `?` of `page?`, and `<` and `>` of `set<page>`."""

    tight_colons: set[int] = field(default_factory=set)
    """The `:` of `page: 2` and of a label."""

    called: set[int] = field(default_factory=set)
    """Where a name ends whose parenthesis belongs to it."""


def plan(spec: ast.Spec, tokens: list[Token]) -> Plan:
    """The plan of a spec; `tokens` are all of its text."""
    return _Planner(tokens).run(spec)


class _Planner:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.offsets = [token.start for token in tokens]
        self.plan = Plan()

    def run(self, spec: ast.Spec) -> Plan:
        for item in spec.items:
            self._item(item)
        for node in _nodes(spec):
            self._signs(node)
        self._closers()
        return self.plan

    def _closers(self) -> None:
        opened: list[int] = []
        for token in self.tokens:
            if token.text == "{":
                opened.append(token.start)
            elif token.text == "}" and opened.pop() in self.plan.groups:
                self.plan.closers.add(token.start)

    def _find(self, text: str, start: int) -> int:
        """Where the first such token at or after an offset is."""
        at = bisect_left(self.offsets, start)
        return next(token.start for token in self.tokens[at:] if token.text == text)

    # --- lines --------------------------------------------------------------------------

    def _item(self, item: ast.Item) -> None:
        self.plan.starts[item.span.start] = 0
        match item:
            case ast.ScopeItem() | ast.EnumItem() | ast.VariantItem():
                self._group(self._find("{", item.span.start), "list", 0, True)
            case ast.ObjectItem():
                short = len(item.fields) <= INLINE_STATEMENTS
                self._group(self._find("{", item.name.span.end), "members", 0, short)
                for member in item.fields:
                    self.plan.starts[member.span.start] = 1
            case ast.CheckItem():
                written = [
                    part.span.end for part in (item.over, *item.settings, *item.scope) if part
                ]
                start = max(written, default=item.span.start)
                short = len(item.clauses) <= INLINE_STATEMENTS
                self._group(self._find("{", start), "members", 0, short)
                for clause in item.clauses:
                    self.plan.starts[clause.span.start] = 1
            case ast.FnItem(body=ast.Block() as body):
                self._block(body, 0, may_be_inline=True)
            case ast.InitItem() | ast.ThreadItem():
                self._block(item.body, 0)
            case _:
                pass

    def _group(self, at: int, kind: GroupKind, level: int, may_be_inline: bool) -> None:
        self.plan.groups[at] = Group(kind, level, may_be_inline)

    def _block(self, block: ast.Block, level: int, *, may_be_inline: bool = False) -> None:
        """A body of something that stands at `level`."""
        if block.braced:
            short = len(block.statements) <= INLINE_STATEMENTS and all(
                map(_is_simple, block.statements)
            )
            self._group(block.span.start, "code", level, may_be_inline and short)
        for statement in block.statements:
            self._statement(statement, level + 1)

    def _statement(self, statement: ast.Stmt, level: int) -> None:
        label = isinstance(statement, ast.LabelStmt)
        self.plan.starts[statement.span.start] = max(level - 1, 0) if label else level
        self._inside(statement, level)

    def _inside(self, statement: ast.Stmt, level: int) -> None:
        match statement:
            case ast.Block():
                self._block(statement, level, may_be_inline=True)
            case ast.IfStmt(then=then, otherwise=otherwise):
                self._block(then, level)
                if otherwise is not None:
                    self.plan.joins[self._find("else", then.span.end)] = level
                    self._else(otherwise, level)
            case ast.WhileStmt() | ast.ForStmt():
                self._block(statement.body, level)
            case ast.AtomicStmt() | ast.GhostStmt():
                if statement.body.braced:
                    self._block(statement.body, level, may_be_inline=True)
            case ast.EitherStmt(branches=branches):
                for branch in branches:
                    self._block(branch, level, may_be_inline=True)
                for before in branches[:-1]:
                    self.plan.joins[self._find("or", before.span.end)] = level
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
                pass
            case _:
                assert_never(statement)

    def _else(self, otherwise: ast.Block, level: int) -> None:
        match otherwise:
            case ast.Block(braced=False, statements=(ast.IfStmt() as chained,)):
                self._inside(chained, level)
            case _:
                self._block(otherwise, level)

    # --- signs --------------------------------------------------------------------------

    def _signs(self, node: object) -> None:
        match node:
            case ast.Binary(op=("+" | "-") as op, left=left):
                self.plan.binary.add(self._find(op, left.span.end))
            case ast.Quantified(binders=binders):
                self.plan.dots.add(self._find(".", binders[-1].span.end))
            case ast.NamedType(optional=True, name=name):
                self.plan.type_marks.add(self._find("?", name.span.end))
            case ast.SetType(member=member, span=span):
                self.plan.type_marks.add(self._find("<", span.start))
                self.plan.type_marks.add(self._find(">", member.span.end))
            case ast.ScopeEntry(name=name) | ast.LabelStmt(name=name):
                # `gup = 3` in a check has no colon.
                at = bisect_left(self.offsets, name.span.end)
                if self.tokens[at].text == ":":
                    self.plan.tight_colons.add(self.offsets[at])
            case ast.CallExpr(function=name) | ast.FnItem(name=name) | ast.Case(name=name):
                self.plan.called.add(name.span.end)
            case ast.IsExpr(case=name):
                self.plan.called.add(name.span.end)
            case ast.CountExpr(span=span):
                self.plan.called.add(span.start + len("count"))
            case _:
                pass


def _is_simple(statement: ast.Stmt) -> bool:
    """Whether it has no body of its own."""
    if isinstance(statement, ast.GhostStmt):
        return not statement.body.braced
    return not isinstance(
        statement,
        ast.Block
        | ast.IfStmt
        | ast.WhileStmt
        | ast.ForStmt
        | ast.AtomicStmt
        | ast.EitherStmt
        | ast.LabelStmt,
    )


def _nodes(spec: ast.Spec) -> Iterator[object]:
    """Every node of the tree."""
    pending: list[object] = [spec]
    while pending:
        node = pending.pop()
        if isinstance(node, tuple):
            pending.extend(node)
        elif is_dataclass(node) and not isinstance(node, Span | ast.Name):
            yield node
            pending.extend(getattr(node, part.name) for part in fields(node))
