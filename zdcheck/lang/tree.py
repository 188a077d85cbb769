"""Lark's parse tree as the tree of `lang.ast`: one method for each grammar rule."""

from __future__ import annotations

from typing import Any, TypeVar

from lark import Token, Transformer, v_args
from lark.tree import Meta

from zdcheck.base.source import SourceFile, Span
from zdcheck.lang import ast

_ESCAPES = {"n": "\n", "t": "\t"}

T = TypeVar("T")


def _all(children: list[Any], type_: type[T] | tuple[type[T], ...]) -> tuple[T, ...]:
    return tuple(child for child in children if isinstance(child, type_))


def _one(children: list[Any], type_: type[T] | tuple[type[T], ...]) -> T | None:
    return next((child for child in children if isinstance(child, type_)), None)


_TYPES = (ast.NamedType, ast.RangeType, ast.SetType)


class _Dims(tuple[ast.TypeExpr, ...]):
    """The indices of a declaration."""


class _When(tuple[ast.Expr]):
    """`when e`."""


class _Bias(tuple[ast.Expr]):
    """`bias e`."""


class _Path(tuple[ast.Name, ...]):
    """`head.refcount` in a `holds`."""


class _With(tuple[ast.Setting, ...]):
    """A check's settings."""


class _CheckScope(tuple[ast.ScopeEntry, ...]):
    """A check's scope."""


class _Of(tuple[ast.Name]):
    """`of NAME`."""


class _By(tuple[ast.Name]):
    """`by NAME`."""


class _Initial(tuple[ast.Expr]):
    """A right-hand side."""


class _Body(tuple[ast.Block]):
    """The body of an `if` or a loop."""


@v_args(meta=True)
class TreeBuilder(Transformer[Token, ast.Spec]):
    """Builds the syntax tree of one file."""

    def __init__(self, source: SourceFile) -> None:
        super().__init__(visit_tokens=False)
        self.source = source

    # --- helpers ------------------------------------------------------------------------

    def _span(self, meta: Meta) -> Span:
        if meta.empty:
            return Span(self.source, 0, 0)
        return Span(self.source, meta.start_pos, meta.end_pos)

    def _at(self, token: Token) -> Span:
        start = token.start_pos or 0
        return Span(self.source, start, token.end_pos or start)

    def _name(self, token: Token) -> ast.Name:
        return ast.Name(str(token), self._at(token))

    def _names(self, children: list[Any]) -> tuple[ast.Name, ...]:
        return tuple(self._name(c) for c in children if isinstance(c, Token) and c.type == "NAME")

    def _text(self, token: Token) -> str:
        body, out, i = str(token)[1:-1], [], 0
        while i < len(body):
            if body[i] == "\\":
                i += 1
                out.append(_ESCAPES.get(body[i], body[i]))
            else:
                out.append(body[i])
            i += 1
        return "".join(out)

    def _has(self, children: list[Any], kind: str) -> bool:
        return any(isinstance(c, Token) and c.type == kind for c in children)

    def _token(self, children: list[Any], kind: str) -> Token | None:
        return next((c for c in children if isinstance(c, Token) and c.type == kind), None)

    # --- items --------------------------------------------------------------------------

    def start(self, meta: Meta, children: list[Any]) -> ast.Spec:
        return ast.Spec(tuple(children), Span(self.source, 0, len(self.source.text)))

    def use_item(self, meta: Meta, children: list[Any]) -> ast.UseItem:
        return ast.UseItem(tuple(children), self._span(meta))

    def use(self, meta: Meta, children: list[Any]) -> ast.Use:
        return ast.Use(self._names(children), self._span(meta))

    def note_item(self, meta: Meta, children: list[Any]) -> ast.NoteItem:
        kind, text = children
        return ast.NoteItem(
            "models" if kind == "models" else "cite", self._text(text), self._span(meta)
        )

    def config_item(self, meta: Meta, children: list[Any]) -> ast.ConfigItem:
        name, type_, value = children
        return ast.ConfigItem(self._name(name), type_, value, self._span(meta))

    def scope_item(self, meta: Meta, children: list[Any]) -> ast.ScopeItem:
        return ast.ScopeItem(children[0] if children else (), self._span(meta))

    def scope_entries(self, meta: Meta, children: list[Any]) -> tuple[ast.ScopeEntry, ...]:
        return tuple(children)

    def scope_entry(self, meta: Meta, children: list[Any]) -> ast.ScopeEntry:
        name, size = children
        return ast.ScopeEntry(self._name(name), size, self._span(meta))

    check_scope_entry = scope_entry

    def enum_item(self, meta: Meta, children: list[Any]) -> ast.EnumItem:
        name, *members = self._names(children)
        return ast.EnumItem(name, tuple(members), self._span(meta))

    def variant_item(self, meta: Meta, children: list[Any]) -> ast.VariantItem:
        name, *cases = children
        return ast.VariantItem(self._name(name), tuple(cases), self._span(meta))

    def case(self, meta: Meta, children: list[Any]) -> ast.Case:
        return ast.Case(self._name(children[0]), _all(children, ast.Payload), self._span(meta))

    def payload(self, meta: Meta, children: list[Any]) -> ast.Payload:
        holds = _one(children, ast.Holds)
        return ast.Payload(self._name(children[0]), children[1], holds, self._span(meta))

    def object_item(self, meta: Meta, children: list[Any]) -> ast.ObjectItem:
        name, *fields = children
        return ast.ObjectItem(self._name(name), tuple(fields), self._span(meta))

    def field(self, meta: Meta, children: list[Any]) -> ast.FieldDecl:
        bias = _one(children, _Bias)
        return ast.FieldDecl(
            self._declaration(meta, children),
            self._has(children, "COUNTED"),
            bias[0] if bias else None,
            self._has(children, "LIVES_IN"),
            self._span(meta),
        )

    def _declaration(self, meta: Meta, children: list[Any]) -> ast.VarDecl:
        (name,) = self._names(children)
        initial = _one(children, _Initial)
        return ast.VarDecl(
            name,
            tuple(_one(children, _Dims) or ()),
            _one(children, _TYPES),
            _one(children, ast.Holds),
            initial[0] if initial else None,
            self._has(children, "GHOST"),
            self._span(meta),
        )

    def bias(self, meta: Meta, children: list[Any]) -> _Bias:
        return _Bias(children)

    def section_item(self, meta: Meta, children: list[Any]) -> ast.SectionItem:
        (name,) = self._names(children)
        return ast.SectionItem(name, self._has(children, "ATOMIC"), self._span(meta))

    def global_item(self, meta: Meta, children: list[Any]) -> ast.GlobalItem:
        return ast.GlobalItem(self._declaration(meta, children), self._span(meta))

    def dims(self, meta: Meta, children: list[Any]) -> _Dims:
        return _Dims(children)

    def holds(self, meta: Meta, children: list[Any]) -> ast.Holds:
        when = _one(children, _When)
        path = _one(children, _Path)
        return ast.Holds(tuple(path or ()), when[0] if when else None, self._span(meta))

    def path(self, meta: Meta, children: list[Any]) -> _Path:
        return _Path(self._names(children))

    def when(self, meta: Meta, children: list[Any]) -> _When:
        return _When(children)

    def fn_item(self, meta: Meta, children: list[Any]) -> ast.FnItem:
        name, params, result, body = (children[0], *self._fn_parts(children[1:]))
        return ast.FnItem(self._name(name), params, result, body, self._span(meta))

    def _fn_parts(
        self, children: list[Any]
    ) -> tuple[tuple[ast.Param, ...], ast.TypeExpr | None, Any]:
        *rest, body = children
        params: tuple[ast.Param, ...] = next((c for c in rest if isinstance(c, tuple)), ())
        return params, _one(rest, _TYPES), body

    def params(self, meta: Meta, children: list[Any]) -> tuple[ast.Param, ...]:
        return tuple(children)

    def param(self, meta: Meta, children: list[Any]) -> ast.Param:
        (name,) = self._names(children)
        return ast.Param(name, children[-1], self._has(children, "REF"), self._span(meta))

    def expression_body(self, meta: Meta, children: list[Any]) -> ast.Expr:
        body: ast.Expr = children[0]
        return body

    def init_item(self, meta: Meta, children: list[Any]) -> ast.InitItem:
        return ast.InitItem(children[0], self._span(meta))

    def thread_item(self, meta: Meta, children: list[Any]) -> ast.ThreadItem:
        modifiers = [c.children[0].type for c in children if hasattr(c, "data")]
        (name,) = self._names(children)
        count = next((c[0] for c in children if type(c) is list), None)
        fairness = "strong" if "FAIR" in modifiers else "none" if "UNFAIR" in modifiers else "weak"
        return ast.ThreadItem(
            name,
            count,
            "DAEMON" in modifiers,
            fairness,  # type: ignore[arg-type]
            children[-1],
            self._span(meta),
        )

    def thread_modifier(self, meta: Meta, children: list[Any]) -> Any:
        class Modifier:
            data = "modifier"

            def __init__(self) -> None:
                self.children = children

        return Modifier()

    def thread_count(self, meta: Meta, children: list[Any]) -> list[Any]:
        (count,) = children
        return ["*" if isinstance(count, Token) else count]

    def property_item(self, meta: Meta, children: list[Any]) -> ast.PropertyItem:
        kind, name, *rest = children
        return self._property(str(kind), name, rest, meta)

    def _property(self, kind: str, name: Token, rest: list[Any], meta: Meta) -> ast.PropertyItem:
        when = _one(rest, _When)
        assert kind in ("invariant", "finally", "cover")
        return ast.PropertyItem(
            kind,  # type: ignore[arg-type]
            self._name(name),
            when[0] if when else None,
            rest[-1],
            self._span(meta),
        )

    def cover_item(self, meta: Meta, children: list[Any]) -> ast.PropertyItem:
        name, *rest = children
        return self._property("cover", name, rest, meta)

    def progress_item(self, meta: Meta, children: list[Any]) -> ast.ProgressItem:
        name, *rest = children
        when = _one(rest, _When)
        return ast.ProgressItem(
            self._name(name), when[0] if when else None, rest[-1], self._span(meta)
        )

    def terminates(self, meta: Meta, children: list[Any]) -> ast.Terminates:
        return ast.Terminates(children[0], self._span(meta))

    def eventually(self, meta: Meta, children: list[Any]) -> ast.Eventually:
        return ast.Eventually(children[0], self._span(meta))

    def infinitely_often(self, meta: Meta, children: list[Any]) -> ast.InfinitelyOften:
        return ast.InfinitelyOften(children[0], self._span(meta))

    def leads_to(self, meta: Meta, children: list[Any]) -> ast.LeadsTo:
        return ast.LeadsTo(children[0], children[1], self._span(meta))

    # --- checks -------------------------------------------------------------------------

    def check_item(self, meta: Meta, children: list[Any]) -> ast.CheckItem:
        name, *rest = children
        clauses = (ast.ExpectHolds, ast.ExpectViolation, ast.Allow, ast.Without, ast.NoteStmt)
        return ast.CheckItem(
            self._text(name),
            tuple(_one(rest, _With) or ()),
            tuple(_one(rest, _CheckScope) or ()),
            _all(rest, clauses),  # type: ignore[arg-type]
            self._span(meta),
        )

    def with_(self, meta: Meta, children: list[Any]) -> _With:
        return _With(children)

    def setting(self, meta: Meta, children: list[Any]) -> ast.Setting:
        name, value = children
        return ast.Setting(self._name(name), value, self._span(meta))

    def check_scope(self, meta: Meta, children: list[Any]) -> _CheckScope:
        return _CheckScope(children)

    def expect_holds(self, meta: Meta, children: list[Any]) -> ast.ExpectHolds:
        return ast.ExpectHolds(self._span(meta))

    def expect_violation(self, meta: Meta, children: list[Any]) -> ast.ExpectViolation:
        of, by = _one(children, _Of), _one(children, _By)
        return ast.ExpectViolation(
            children[0], of[0] if of else None, by[0] if by else None, self._span(meta)
        )

    def violation_name(self, meta: Meta, children: list[Any]) -> ast.Name:
        return self._name(children[0])

    def of(self, meta: Meta, children: list[Any]) -> _Of:
        return _Of(self._names(children))

    def by(self, meta: Meta, children: list[Any]) -> _By:
        return _By(self._names(children))

    def allow(self, meta: Meta, children: list[Any]) -> ast.Allow:
        what, name = children
        return ast.Allow(
            "vacuous" if what == "vacuous" else "uncovered", self._name(name), self._span(meta)
        )

    def without(self, meta: Meta, children: list[Any]) -> ast.Without:
        return ast.Without(self._name(children[0]), self._span(meta))

    # --- types --------------------------------------------------------------------------

    def named_type(self, meta: Meta, children: list[Any]) -> ast.NamedType:
        return ast.NamedType(
            self._name(children[0]), self._has(children, "QUESTION"), self._span(meta)
        )

    def range_type(self, meta: Meta, children: list[Any]) -> ast.RangeType:
        low, high = children
        return ast.RangeType(low, high, self._span(meta))

    def set_type(self, meta: Meta, children: list[Any]) -> ast.SetType:
        return ast.SetType(self._name(children[0]), self._span(meta))

    def bound_call(self, meta: Meta, children: list[Any]) -> ast.CallExpr:
        function, argument = self._names(children)
        inner = ast.NameExpr(argument, argument.span)
        return ast.CallExpr(function, (inner,), self._span(meta))

    # --- statements ---------------------------------------------------------------------

    def block(self, meta: Meta, children: list[Any]) -> ast.Block:
        return ast.Block(tuple(children), True, self._span(meta))

    def body(self, meta: Meta, children: list[Any]) -> _Body:
        (stmt,) = children
        if isinstance(stmt, ast.Block):
            return _Body((stmt,))
        return _Body((ast.Block((stmt,), False, self._span(meta)),))

    def var_stmt(self, meta: Meta, children: list[Any]) -> ast.VarStmt:
        return ast.VarStmt(self._declaration(meta, children), self._span(meta))

    def assign_stmt(self, meta: Meta, children: list[Any]) -> ast.AssignStmt:
        target, op, (value,) = children
        return ast.AssignStmt(target, str(op), value, self._span(meta))  # type: ignore[arg-type]

    def incdec_stmt(self, meta: Meta, children: list[Any]) -> ast.AssignStmt:
        target, op = children
        one = ast.IntLit(1, self._at(op))
        return ast.AssignStmt(target, str(op), one, self._span(meta))  # type: ignore[arg-type]

    def call_stmt(self, meta: Meta, children: list[Any]) -> ast.CallStmt:
        return ast.CallStmt(children[0], self._span(meta))

    def if_stmt(self, meta: Meta, children: list[Any]) -> ast.IfStmt:
        condition, then, otherwise = children
        return ast.IfStmt(condition, then[0], otherwise[0] if otherwise else None, self._span(meta))

    def while_stmt(self, meta: Meta, children: list[Any]) -> ast.WhileStmt:
        condition, body = children
        return ast.WhileStmt(condition, body[0], self._span(meta))

    def forever_stmt(self, meta: Meta, children: list[Any]) -> ast.WhileStmt:
        return ast.WhileStmt(None, children[0][0], self._span(meta))

    def for_stmt(self, meta: Meta, children: list[Any]) -> ast.ForStmt:
        name, domain, body = children
        return ast.ForStmt(self._name(name), domain, body[0], self._span(meta))

    def goto_stmt(self, meta: Meta, children: list[Any]) -> ast.GotoStmt:
        return ast.GotoStmt(self._name(children[0]), self._span(meta))

    def label_stmt(self, meta: Meta, children: list[Any]) -> ast.LabelStmt:
        return ast.LabelStmt(self._name(children[0]), self._span(meta))

    def return_stmt(self, meta: Meta, children: list[Any]) -> ast.ReturnStmt:
        return ast.ReturnStmt(children[0], self._span(meta))

    def break_stmt(self, meta: Meta, children: list[Any]) -> ast.BreakStmt:
        return ast.BreakStmt(self._span(meta))

    def continue_stmt(self, meta: Meta, children: list[Any]) -> ast.ContinueStmt:
        return ast.ContinueStmt(self._span(meta))

    def wait_stmt(self, meta: Meta, children: list[Any]) -> ast.WaitStmt:
        word, condition = children
        return ast.WaitStmt(condition, word == "wait", self._span(meta))

    def atomic_stmt(self, meta: Meta, children: list[Any]) -> ast.AtomicStmt:
        return ast.AtomicStmt(children[-1], self._span(meta))

    def either_stmt(self, meta: Meta, children: list[Any]) -> ast.EitherStmt:
        return ast.EitherStmt(tuple(children), self._span(meta))

    def assert_stmt(self, meta: Meta, children: list[Any]) -> ast.AssertStmt:
        condition, name, message = children
        return ast.AssertStmt(
            condition,
            self._name(name) if name else None,
            self._text(message) if message else None,
            self._span(meta),
        )

    def unreachable_stmt(self, meta: Meta, children: list[Any]) -> ast.UnreachableStmt:
        return ast.UnreachableStmt(self._span(meta))

    def cover_stmt(self, meta: Meta, children: list[Any]) -> ast.CoverStmt:
        return ast.CoverStmt(self._name(children[0]), self._span(meta))

    def ghost_block(self, meta: Meta, children: list[Any]) -> ast.GhostStmt:
        return ast.GhostStmt(children[-1], self._span(meta))

    def ghost_stmt(self, meta: Meta, children: list[Any]) -> ast.GhostStmt:
        stmt = children[-1]
        return ast.GhostStmt(ast.Block((stmt,), False, stmt.span), self._span(meta))

    def note_stmt(self, meta: Meta, children: list[Any]) -> ast.NoteStmt:
        kind, text = children
        return ast.NoteStmt(
            "models" if kind == "models" else "cite", self._text(text), self._span(meta)
        )

    def initial(self, meta: Meta, children: list[Any]) -> _Initial:
        return _Initial(children)

    def any_bare(self, meta: Meta, children: list[Any]) -> ast.AnyExpr:
        return ast.AnyExpr(None, None, None, self._span(meta))

    def any_type(self, meta: Meta, children: list[Any]) -> ast.AnyExpr:
        return ast.AnyExpr(None, children[0], None, self._span(meta))

    def any_named(self, meta: Meta, children: list[Any]) -> ast.AnyExpr:
        name, domain, where = children
        return ast.AnyExpr(self._name(name), domain, where, self._span(meta))

    # --- expressions --------------------------------------------------------------------

    def quantified(self, meta: Meta, children: list[Any]) -> ast.Quantified:
        op, *binders, body = children
        word = "forall" if op == "forall" else "exists"
        return ast.Quantified(word, tuple(binders), body, self._span(meta))  # type: ignore[arg-type]

    def binder(self, meta: Meta, children: list[Any]) -> ast.Binder:
        name, domain = children
        return ast.Binder(self._name(name), domain, self._span(meta))

    def conditional(self, meta: Meta, children: list[Any]) -> ast.ConditionalExpr:
        condition, then, otherwise = [c for c in children if not isinstance(c, Token)]
        return ast.ConditionalExpr(condition, then, otherwise, self._span(meta))

    def binary(self, meta: Meta, children: list[Any]) -> ast.Binary:
        left, op, right = children
        return ast.Binary(str(op), left, right, self._span(meta))  # type: ignore[arg-type]

    def is_expr(self, meta: Meta, children: list[Any]) -> ast.IsExpr:
        operand, case, *binders = children
        return ast.IsExpr(operand, case, binders[0] if binders else None, self._span(meta))

    def dotted(self, meta: Meta, children: list[Any]) -> ast.Name:
        return ast.Name(".".join(map(str, children)), self._span(meta))

    def binders(self, meta: Meta, children: list[Any]) -> tuple[ast.Name | None, ...]:
        return tuple(None if name == "_" else self._name(name) for name in children)

    def unary_expr(self, meta: Meta, children: list[Any]) -> ast.Expr:
        op, operand = children
        if op == "+":
            inner: ast.Expr = operand
            return inner
        return ast.Unary("!" if op == "!" else "-", operand, self._span(meta))

    def field_expr(self, meta: Meta, children: list[Any]) -> ast.FieldExpr:
        base, name = children
        return ast.FieldExpr(base, self._name(name), self._span(meta))

    def index_expr(self, meta: Meta, children: list[Any]) -> ast.IndexExpr:
        base, index = children
        return ast.IndexExpr(base, index, self._span(meta))

    def call_expr(self, meta: Meta, children: list[Any]) -> ast.CallExpr:
        name, arguments = children
        return ast.CallExpr(self._name(name), arguments or (), self._span(meta))

    def arguments(self, meta: Meta, children: list[Any]) -> tuple[ast.Expr, ...]:
        return tuple(children)

    def count_expr(self, meta: Meta, children: list[Any]) -> ast.CountExpr:
        _, name, domain, where = children
        binder = ast.Binder(self._name(name), domain, self._at(name).to(domain.span))
        return ast.CountExpr(binder, where, self._span(meta))

    def int_lit(self, meta: Meta, children: list[Any]) -> ast.IntLit:
        return ast.IntLit(int(children[0]), self._span(meta))

    def true_lit(self, meta: Meta, children: list[Any]) -> ast.BoolLit:
        return ast.BoolLit(True, self._span(meta))

    def false_lit(self, meta: Meta, children: list[Any]) -> ast.BoolLit:
        return ast.BoolLit(False, self._span(meta))

    def null_lit(self, meta: Meta, children: list[Any]) -> ast.NullLit:
        return ast.NullLit(self._span(meta))

    def self_expr(self, meta: Meta, children: list[Any]) -> ast.SelfExpr:
        return ast.SelfExpr(self._span(meta))

    def name_expr(self, meta: Meta, children: list[Any]) -> ast.NameExpr:
        return ast.NameExpr(self._name(children[0]), self._span(meta))

    def paren(self, meta: Meta, children: list[Any]) -> ast.Expr:
        inner: ast.Expr = children[0]
        return inner

    def set_lit(self, meta: Meta, children: list[Any]) -> ast.SetLit:
        return ast.SetLit(tuple(children), self._span(meta))
