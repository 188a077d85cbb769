"""What the parser has read as the tree of `lang.ast`: one method for each grammar rule."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from zdcheck.base.source import SourceFile, Span
from zdcheck.lang import ast
from zdcheck.lang.scan import Token

_ESCAPES = {"n": "\n", "t": "\t"}

T = TypeVar("T")


def _all(children: list[Any], type_: type[T] | tuple[type[T], ...]) -> tuple[T, ...]:
    return tuple(child for child in children if isinstance(child, type_))


def _one(children: list[Any], type_: type[T] | tuple[type[T], ...]) -> T | None:
    return next((child for child in children if isinstance(child, type_)), None)


def _cells(children: list[Any]) -> tuple[ast.Expr, ...]:
    return tuple(_one(children, _Cells) or ())


def _type(children: list[Any]) -> ast.TypeExpr | None:
    return next((c for c in children if isinstance(c, ast.TypeExpr)), None)


class _Dims(tuple[ast.TypeExpr, ...]):
    """The indices of a declaration."""


class _When(tuple[ast.Expr]):
    """`when e`."""


class _Bias(tuple[ast.Expr]):
    """`bias e`."""


class _LivesIn:
    """`lives in`."""


class _ThreadModifier(str):
    """`daemon`, `fair strong`, `unfair`."""


class _ThreadCount(tuple[Any]):
    """`[*]`, `[2]`."""


class _Path(tuple[ast.Name, ...]):
    """`head.refcount` in a `holds`."""


class _With(tuple[ast.Setting, ...]):
    """A check's settings."""


class _CheckScope(tuple[ast.ScopeEntry, ...]):
    """A check's scope."""


class _Some(tuple[ast.Expr, ...]):
    """`in {v6_1, v6_15}` of a check."""


class _Cells(tuple[ast.Expr, ...]):
    """`for v6_1, v6_15` of a check's clause."""


class _Of(tuple[ast.Name]):
    """`of NAME`."""


class _By(tuple[ast.Name]):
    """`by NAME`."""


class _Initial(tuple[ast.Expr]):
    """A right-hand side."""


class _Body(tuple[ast.Block]):
    """The body of an `if` or a loop."""


class TreeBuilder:
    """Builds the syntax tree of one file."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source

    # --- helpers ------------------------------------------------------------------------

    def _at(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)

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

    def start(self, span: Span, children: list[Any]) -> ast.Spec:
        return ast.Spec(tuple(children), Span(self.source, 0, len(self.source.text)))

    def use_item(self, span: Span, children: list[Any]) -> ast.UseItem:
        return ast.UseItem(tuple(children), span)

    def use(self, span: Span, children: list[Any]) -> ast.Use:
        return ast.Use(self._names(children), span)

    def note_item(self, span: Span, children: list[Any]) -> ast.NoteItem:
        kind, text = children
        return ast.NoteItem("models" if kind.text == "models" else "cite", self._text(text), span)

    def config_item(self, span: Span, children: list[Any]) -> ast.ConfigItem:
        name, type_, value = children
        return ast.ConfigItem(self._name(name), type_, value, span)

    def settings_item(self, span: Span, children: list[Any]) -> ast.SettingsItem:
        return ast.SettingsItem(tuple(children[0]), span)

    def scope_item(self, span: Span, children: list[Any]) -> ast.ScopeItem:
        return ast.ScopeItem(children[0] if children else (), span)

    def scope_entries(self, span: Span, children: list[Any]) -> tuple[ast.ScopeEntry, ...]:
        return tuple(children)

    def scope_entry(self, span: Span, children: list[Any]) -> ast.ScopeEntry:
        name, size = children
        return ast.ScopeEntry(self._name(name), size, span)

    check_scope_entry = scope_entry

    def enum_item(self, span: Span, children: list[Any]) -> ast.EnumItem:
        name, *members = self._names(children)
        return ast.EnumItem(name, tuple(members), span)

    def variant_item(self, span: Span, children: list[Any]) -> ast.VariantItem:
        name, *cases = children
        return ast.VariantItem(self._name(name), tuple(cases), span)

    def case(self, span: Span, children: list[Any]) -> ast.Case:
        return ast.Case(self._name(children[0]), _all(children, ast.Payload), span)

    def payload(self, span: Span, children: list[Any]) -> ast.Payload:
        holds = _one(children, ast.Holds)
        return ast.Payload(self._name(children[0]), children[1], holds, span)

    def object_item(self, span: Span, children: list[Any]) -> ast.ObjectItem:
        name, *fields = children
        return ast.ObjectItem(self._name(name), tuple(fields), span)

    def field(self, span: Span, children: list[Any]) -> ast.FieldDecl:
        bias = _one(children, _Bias)
        return ast.FieldDecl(
            self._declaration(span, children),
            self._has(children, "COUNTED"),
            bias[0] if bias else None,
            _one(children, _LivesIn) is not None,
            span,
        )

    def _declaration(self, span: Span, children: list[Any]) -> ast.VarDecl:
        (name,) = self._names(children)
        initial = _one(children, _Initial)
        return ast.VarDecl(
            name,
            tuple(_one(children, _Dims) or ()),
            _type(children),
            _one(children, ast.Holds),
            initial[0] if initial else None,
            self._has(children, "GHOST"),
            span,
        )

    def bias(self, span: Span, children: list[Any]) -> _Bias:
        return _Bias(children)

    def section_item(self, span: Span, children: list[Any]) -> ast.SectionItem:
        (name,) = self._names(children)
        return ast.SectionItem(name, self._has(children, "ATOMIC"), span)

    def global_item(self, span: Span, children: list[Any]) -> ast.GlobalItem:
        return ast.GlobalItem(self._declaration(span, children), span)

    def dims(self, span: Span, children: list[Any]) -> _Dims:
        return _Dims(children)

    def holds(self, span: Span, children: list[Any]) -> ast.Holds:
        when = _one(children, _When)
        path = _one(children, _Path)
        return ast.Holds(tuple(path or ()), when[0] if when else None, span)

    def path(self, span: Span, children: list[Any]) -> _Path:
        return _Path(self._names(children))

    def when(self, span: Span, children: list[Any]) -> _When:
        return _When(children)

    def fn_item(self, span: Span, children: list[Any]) -> ast.FnItem:
        name, params, result, body = (children[0], *self._fn_parts(children[1:]))
        return ast.FnItem(self._name(name), params, result, body, span)

    def _fn_parts(
        self, children: list[Any]
    ) -> tuple[tuple[ast.Param, ...], ast.TypeExpr | None, Any]:
        *rest, body = children
        params: tuple[ast.Param, ...] = next((c for c in rest if isinstance(c, tuple)), ())
        return params, _type(rest), body

    def params(self, span: Span, children: list[Any]) -> tuple[ast.Param, ...]:
        return tuple(children)

    def param(self, span: Span, children: list[Any]) -> ast.Param:
        (name,) = self._names(children)
        return ast.Param(name, children[-1], self._has(children, "REF"), span)

    def expression_body(self, span: Span, children: list[Any]) -> ast.Expr:
        body: ast.Expr = children[0]
        return body

    def init_item(self, span: Span, children: list[Any]) -> ast.InitItem:
        return ast.InitItem(children[0], span)

    def thread_item(self, span: Span, children: list[Any]) -> ast.ThreadItem:
        modifiers = _all(children, _ThreadModifier)
        (name,) = self._names(children)
        count = _one(children, _ThreadCount)
        fairness: Literal["weak", "strong", "none"] = "weak"
        if "STRONG" in modifiers:
            fairness = "strong"
        elif "UNFAIR" in modifiers or ("DAEMON" in modifiers and "FAIR" not in modifiers):
            fairness = "none"
        return ast.ThreadItem(
            name,
            count[0] if count else None,
            "DAEMON" in modifiers,
            fairness,
            children[-1],
            span,
        )

    def thread_modifier(self, span: Span, children: list[Any]) -> _ThreadModifier:
        return _ThreadModifier(children[-1].type if children[-1] else children[0].type)

    def thread_count(self, span: Span, children: list[Any]) -> _ThreadCount:
        (count,) = children
        return _ThreadCount(["*" if isinstance(count, Token) else count])

    def lives_in(self, span: Span, children: list[Any]) -> _LivesIn:
        return _LivesIn()

    def property_item(self, span: Span, children: list[Any]) -> ast.PropertyItem:
        kind, name, *rest = children
        return self._property(str(kind), name, rest, span)

    def _property(self, kind: str, name: Token, rest: list[Any], span: Span) -> ast.PropertyItem:
        when = _one(rest, _When)
        assert kind in ("invariant", "finally", "cover")
        return ast.PropertyItem(
            kind,  # type: ignore[arg-type]
            self._name(name),
            when[0] if when else None,
            rest[-1],
            span,
        )

    def cover_item(self, span: Span, children: list[Any]) -> ast.PropertyItem:
        name, *rest = children
        return self._property("cover", name, rest, span)

    def progress_item(self, span: Span, children: list[Any]) -> ast.ProgressItem:
        name, *rest = children
        when = _one(rest, _When)
        return ast.ProgressItem(self._name(name), when[0] if when else None, rest[-1], span)

    def terminates(self, span: Span, children: list[Any]) -> ast.Terminates:
        return ast.Terminates(children[0], span)

    def eventually(self, span: Span, children: list[Any]) -> ast.Eventually:
        return ast.Eventually(children[0], span)

    def infinitely_often(self, span: Span, children: list[Any]) -> ast.InfinitelyOften:
        return ast.InfinitelyOften(children[0], span)

    def leads_to(self, span: Span, children: list[Any]) -> ast.LeadsTo:
        return ast.LeadsTo(children[0], children[1], span)

    # --- checks -------------------------------------------------------------------------

    def check_item(self, span: Span, children: list[Any]) -> ast.CheckItem:
        name, *rest = children
        clauses = (ast.ExpectHolds, ast.ExpectViolation, ast.Allow, ast.Without, ast.NoteStmt)
        return ast.CheckItem(
            self._text(name),
            _one(rest, ast.Over),
            tuple(_one(rest, _With) or ()),
            tuple(_one(rest, _CheckScope) or ()),
            _all(rest, clauses),
            span,
        )

    def with_(self, span: Span, children: list[Any]) -> _With:
        return _With(children)

    def setting(self, span: Span, children: list[Any]) -> ast.Setting:
        name, value = children
        return ast.Setting(self._name(name), value, span)

    def check_scope(self, span: Span, children: list[Any]) -> _CheckScope:
        return _CheckScope(children)

    def over(self, span: Span, children: list[Any]) -> ast.Over:
        some = _one(children, _Some)
        values = tuple(some) if some is not None else None
        return ast.Over(self._name(children[0]), values, span)

    def some(self, span: Span, children: list[Any]) -> _Some:
        return _Some(children[1:])

    def cells(self, span: Span, children: list[Any]) -> _Cells:
        return _Cells(children)

    def expect_holds(self, span: Span, children: list[Any]) -> ast.ExpectHolds:
        return ast.ExpectHolds(_cells(children), span)

    def expect_violation(self, span: Span, children: list[Any]) -> ast.ExpectViolation:
        of, by = _one(children, _Of), _one(children, _By)
        return ast.ExpectViolation(
            children[0], of[0] if of else None, by[0] if by else None, _cells(children), span
        )

    def violation_name(self, span: Span, children: list[Any]) -> ast.Name:
        return self._name(children[0])

    def of(self, span: Span, children: list[Any]) -> _Of:
        return _Of(self._names(children))

    def by(self, span: Span, children: list[Any]) -> _By:
        return _By(self._names(children))

    def allow(self, span: Span, children: list[Any]) -> ast.Allow:
        what, name, *_ = children
        return ast.Allow(
            "vacuous" if what.text == "vacuous" else "uncovered",
            self._name(name),
            _cells(children),
            span,
        )

    def without(self, span: Span, children: list[Any]) -> ast.Without:
        return ast.Without(self._name(children[0]), _cells(children), span)

    # --- types --------------------------------------------------------------------------

    def named_type(self, span: Span, children: list[Any]) -> ast.NamedType:
        return ast.NamedType(self._name(children[0]), self._has(children, "QUESTION"), span)

    def range_type(self, span: Span, children: list[Any]) -> ast.RangeType:
        low, high = children
        return ast.RangeType(low, high, span)

    def set_type(self, span: Span, children: list[Any]) -> ast.SetType:
        return ast.SetType(self._name(children[0]), span)

    def bound_call(self, span: Span, children: list[Any]) -> ast.CallExpr:
        function, argument = self._names(children)
        inner = ast.NameExpr(argument, argument.span)
        return ast.CallExpr(function, (inner,), span)

    # --- statements ---------------------------------------------------------------------

    def block(self, span: Span, children: list[Any]) -> ast.Block:
        return ast.Block(tuple(children), True, span)

    def body(self, span: Span, children: list[Any]) -> _Body:
        (stmt,) = children
        if isinstance(stmt, ast.Block):
            return _Body((stmt,))
        return _Body((ast.Block((stmt,), False, span),))

    def var_stmt(self, span: Span, children: list[Any]) -> ast.VarStmt:
        return ast.VarStmt(self._declaration(span, children), span)

    def assign_stmt(self, span: Span, children: list[Any]) -> ast.AssignStmt:
        target, op, (value,) = children
        return ast.AssignStmt(target, str(op), value, span)  # type: ignore[arg-type]

    def incdec_stmt(self, span: Span, children: list[Any]) -> ast.AssignStmt:
        target, op = children
        one = ast.IntLit(1, self._at(op))
        return ast.AssignStmt(target, str(op), one, span)  # type: ignore[arg-type]

    def call_stmt(self, span: Span, children: list[Any]) -> ast.CallStmt:
        return ast.CallStmt(children[0], span)

    def if_stmt(self, span: Span, children: list[Any]) -> ast.IfStmt:
        condition, then, otherwise = children
        return ast.IfStmt(condition, then[0], otherwise[0] if otherwise else None, span)

    def while_stmt(self, span: Span, children: list[Any]) -> ast.WhileStmt:
        condition, body = children
        return ast.WhileStmt(condition, body[0], span)

    def forever_stmt(self, span: Span, children: list[Any]) -> ast.WhileStmt:
        return ast.WhileStmt(None, children[0][0], span)

    def for_stmt(self, span: Span, children: list[Any]) -> ast.ForStmt:
        name, domain, body = children
        return ast.ForStmt(self._name(name), domain, body[0], span)

    def goto_stmt(self, span: Span, children: list[Any]) -> ast.GotoStmt:
        return ast.GotoStmt(self._name(children[0]), span)

    def label_stmt(self, span: Span, children: list[Any]) -> ast.LabelStmt:
        return ast.LabelStmt(self._name(children[0]), span)

    def return_stmt(self, span: Span, children: list[Any]) -> ast.ReturnStmt:
        return ast.ReturnStmt(children[0], span)

    def break_stmt(self, span: Span, children: list[Any]) -> ast.BreakStmt:
        return ast.BreakStmt(span)

    def continue_stmt(self, span: Span, children: list[Any]) -> ast.ContinueStmt:
        return ast.ContinueStmt(span)

    def wait_stmt(self, span: Span, children: list[Any]) -> ast.WaitStmt:
        word, condition = children
        return ast.WaitStmt(condition, word.text == "wait", span)

    def atomic_stmt(self, span: Span, children: list[Any]) -> ast.AtomicStmt:
        return ast.AtomicStmt(children[-1], span)

    def either_stmt(self, span: Span, children: list[Any]) -> ast.EitherStmt:
        return ast.EitherStmt(tuple(children), span)

    def assert_stmt(self, span: Span, children: list[Any]) -> ast.AssertStmt:
        condition, name, message = children
        return ast.AssertStmt(
            condition,
            self._name(name) if name else None,
            self._text(message) if message else None,
            span,
        )

    def unreachable_stmt(self, span: Span, children: list[Any]) -> ast.UnreachableStmt:
        return ast.UnreachableStmt(span)

    def cover_stmt(self, span: Span, children: list[Any]) -> ast.CoverStmt:
        return ast.CoverStmt(self._name(children[0]), span)

    def ghost_block(self, span: Span, children: list[Any]) -> ast.GhostStmt:
        return ast.GhostStmt(children[-1], span)

    def ghost_stmt(self, span: Span, children: list[Any]) -> ast.GhostStmt:
        stmt = children[-1]
        return ast.GhostStmt(ast.Block((stmt,), False, stmt.span), span)

    def note_stmt(self, span: Span, children: list[Any]) -> ast.NoteStmt:
        kind, text = children
        return ast.NoteStmt("models" if kind.text == "models" else "cite", self._text(text), span)

    def initial(self, span: Span, children: list[Any]) -> _Initial:
        return _Initial(children)

    def any_bare(self, span: Span, children: list[Any]) -> ast.AnyExpr:
        return ast.AnyExpr(None, None, None, span)

    def any_type(self, span: Span, children: list[Any]) -> ast.AnyExpr:
        return ast.AnyExpr(None, children[0], None, span)

    def any_named(self, span: Span, children: list[Any]) -> ast.AnyExpr:
        name, domain, where = children
        return ast.AnyExpr(self._name(name), domain, where, span)

    # --- expressions --------------------------------------------------------------------

    def quantified(self, span: Span, children: list[Any]) -> ast.Quantified:
        op, *binders, body = children
        word = "forall" if op.text == "forall" else "exists"
        return ast.Quantified(word, tuple(binders), body, span)  # type: ignore[arg-type]

    def binder(self, span: Span, children: list[Any]) -> ast.Binder:
        name, domain = children
        return ast.Binder(self._name(name), domain, span)

    def conditional(self, span: Span, children: list[Any]) -> ast.ConditionalExpr:
        condition, then, otherwise = [c for c in children if not isinstance(c, Token)]
        return ast.ConditionalExpr(condition, then, otherwise, span)

    def binary(self, span: Span, children: list[Any]) -> ast.Binary:
        left, op, right = children
        return ast.Binary(str(op), left, right, span)  # type: ignore[arg-type]

    def is_expr(self, span: Span, children: list[Any]) -> ast.IsExpr:
        operand, case, *binders = children
        return ast.IsExpr(operand, case, binders[0] if binders else None, span)

    def dotted(self, span: Span, children: list[Any]) -> ast.Name:
        return ast.Name(".".join(map(str, children)), span)

    def binders(self, span: Span, children: list[Any]) -> tuple[ast.Name | None, ...]:
        return tuple(None if name.text == "_" else self._name(name) for name in children)

    def unary_expr(self, span: Span, children: list[Any]) -> ast.Expr:
        op, operand = children
        if op.text == "+":
            inner: ast.Expr = operand
            return inner
        return ast.Unary("!" if op.text == "!" else "-", operand, span)

    def field_expr(self, span: Span, children: list[Any]) -> ast.FieldExpr:
        base, name = children
        return ast.FieldExpr(base, self._name(name), span)

    def index_expr(self, span: Span, children: list[Any]) -> ast.IndexExpr:
        base, index = children
        return ast.IndexExpr(base, index, span)

    def call_expr(self, span: Span, children: list[Any]) -> ast.CallExpr:
        name, arguments = children
        return ast.CallExpr(self._name(name), arguments or (), span)

    def arguments(self, span: Span, children: list[Any]) -> tuple[ast.Expr, ...]:
        return tuple(children)

    def count_expr(self, span: Span, children: list[Any]) -> ast.CountExpr:
        _, name, domain, where = children
        binder = ast.Binder(self._name(name), domain, self._at(name).to(domain.span))
        return ast.CountExpr(binder, where, span)

    def int_lit(self, span: Span, children: list[Any]) -> ast.IntLit:
        return ast.IntLit(int(children[0].text), span)

    def true_lit(self, span: Span, children: list[Any]) -> ast.BoolLit:
        return ast.BoolLit(True, span)

    def false_lit(self, span: Span, children: list[Any]) -> ast.BoolLit:
        return ast.BoolLit(False, span)

    def null_lit(self, span: Span, children: list[Any]) -> ast.NullLit:
        return ast.NullLit(span)

    def self_expr(self, span: Span, children: list[Any]) -> ast.SelfExpr:
        return ast.SelfExpr(span)

    def name_expr(self, span: Span, children: list[Any]) -> ast.NameExpr:
        return ast.NameExpr(self._name(children[0]), span)

    def paren(self, span: Span, children: list[Any]) -> ast.Expr:
        inner: ast.Expr = children[0]
        return inner

    def set_lit(self, span: Span, children: list[Any]) -> ast.SetLit:
        return ast.SetLit(tuple(children), span)
