"""Statements as written, made into typed statements: bodies of threads, functions and `init`."""

from __future__ import annotations

from typing import Literal, assert_never

from zdcheck.base.source import Span
from zdcheck.lang import ast, model
from zdcheck.lang.ast_walk import ast_children
from zdcheck.lang.declare import check_initial
from zdcheck.lang.elaborate_base import Context, array_type, short, unknown
from zdcheck.lang.elaborate_expr import ExpressionElaborator
from zdcheck.lang.elaborate_operation import operation_statement
from zdcheck.lang.model import AnyValue, Expr, LabelSymbol, LocalSymbol, Stmt
from zdcheck.lang.names import Scope, World, declare_local
from zdcheck.lang.operations import OPERATIONS
from zdcheck.lang.relations import fits
from zdcheck.lang.types import (
    ArrayType,
    IntType,
    LockType,
    NullType,
    RefType,
    SetType,
    Type,
    UnknownType,
    VoidType,
)

Owner = Literal["thread", "function", "init"]


class BodyElaborator:
    """Elaborates one body: its labels, its result, and where `break` may stand belong to it."""

    def __init__(
        self,
        world: World,
        owner: Owner,
        self_type: RefType | None,
        result: Type,
        violations: frozenset[str],
    ) -> None:
        self.world = world
        self.problems = world.problems
        self.owner = owner
        self.result = result
        self.violations = violations
        self.expressions = ExpressionElaborator(
            world, Context(self_type=self_type, in_statement=True)
        )
        self._ghost_expressions = ExpressionElaborator(
            world, Context(self_type=self_type, in_statement=True, ghost=True)
        )
        self._labels: dict[str, LabelSymbol] = {}
        self._label_blocks: dict[str, tuple[int, ...]] = {}
        self._blocks: tuple[int, ...] = ()
        self._loops = 0

    def body(self, block: ast.Block, scope: Scope) -> model.Block:
        """The whole body; `scope` has the parameters."""
        self._find_labels(block)
        return self.block(block, scope)

    def block(self, block: ast.Block, outer: Scope) -> model.Block:
        """A block in its own scope."""
        scope = Scope(outer)
        statements: list[Stmt] = []
        declared: list[LocalSymbol] = []
        saved, self._blocks = self._blocks, (*self._blocks, id(block))
        for written in block.statements:
            statement = self.statement(written, scope)
            if statement is None:
                continue
            statements.append(statement)
            if isinstance(statement, model.Declare):
                declared.append(statement.symbol)
        self._blocks = saved
        return model.Block(tuple(statements), tuple(declared), block.span)

    def _find_labels(self, body: ast.Block) -> None:
        pending: list[tuple[ast.Stmt, tuple[int, ...]]] = [(body, ())]
        while pending:
            statement, blocks = pending.pop()
            if isinstance(statement, ast.Block):
                blocks = (*blocks, id(statement))
            elif isinstance(statement, ast.LabelStmt):
                self._enter_label(statement.name, blocks)
            pending.extend((child, blocks) for child in reversed(ast_children(statement)))

    def _enter_label(self, name: ast.Name, blocks: tuple[int, ...]) -> None:
        first = self._labels.get(name.text)
        if first is not None:
            self.problems.error(
                "duplicate_name",
                name.span,
                f"two labels are called `{name.text}`",
                also=[(first.span, "first one here")],
            )
            return
        self._labels[name.text] = LabelSymbol(name.text, name.span)
        self._label_blocks[name.text] = blocks

    # --- statements -----------------------------------------------------------------------

    def statement(self, s: ast.Stmt, scope: Scope) -> Stmt | None:
        """One statement; a local that it declares is added to `scope`. None after a complaint."""
        match s:
            case ast.VarStmt():
                return self._declare(s, scope)
            case ast.AssignStmt():
                return self._assign(s, scope)
            case ast.CallStmt():
                return self._call(s, scope)
            case ast.Block():
                return self.block(s, scope)
            case ast.IfStmt():
                condition, inner = self.expressions.test(s.condition, scope)
                then = self.block(s.then, inner)
                otherwise = self.block(s.otherwise, scope) if s.otherwise is not None else None
                return model.If(condition, then, otherwise, s.span)
            case ast.WhileStmt():
                return self._while(s, scope)
            case ast.ForStmt():
                return self._for(s, scope)
            case ast.GotoStmt():
                return self._goto(s)
            case ast.LabelStmt():
                symbol = self._labels[s.name.text]
                # A second label of the name was complained about; it is no place to go to.
                return model.Label(symbol, s.span) if symbol.span == s.name.span else None
            case ast.ReturnStmt():
                return self._return(s, scope)
            case ast.BreakStmt():
                self._in_loop("break", s.span)
                return model.Break(s.span)
            case ast.ContinueStmt():
                self._in_loop("continue", s.span)
                return model.Continue(s.span)
            case ast.WaitStmt():
                return model.Wait(self.expressions.boolean(s.condition, scope), s.sleeps, s.span)
            case ast.AtomicStmt():
                return model.Atomic(self.block(s.body, scope), s.span)
            case ast.EitherStmt():
                return model.Either(tuple(self.block(b, scope) for b in s.branches), s.span)
            case ast.AssertStmt():
                return self._assert(s, scope)
            case ast.UnreachableStmt():
                return model.Unreachable(s.span)
            case ast.CoverStmt():
                return model.Cover(s.name.text, s.span)
            case ast.GhostStmt():
                return self._ghost(s, scope)
            case ast.NoteStmt():
                return model.Note(s.kind, s.text, s.span)
            case _:
                assert_never(s)

    def _while(self, s: ast.WhileStmt, scope: Scope) -> Stmt:
        condition, inner = None, scope
        if s.condition is not None:
            condition, inner = self.expressions.test(s.condition, scope)
        return model.While(condition, self._loop_body(s.body, inner), s.span)

    def _for(self, s: ast.ForStmt, scope: Scope) -> Stmt | None:
        domain = self.expressions.domain(s.domain, "`for`")
        type: Type = domain if domain is not None else UnknownType()
        ghost = self.expressions.context.ghost
        variable = LocalSymbol(s.name.text, type, (), ghost, None, "loop", s.name.span)
        inner = Scope(scope)
        declare_local(s.name, variable, inner, self.world, self.problems)
        body = self._loop_body(s.body, inner)
        return model.For(variable, domain, body, s.span) if domain is not None else None

    def _loop_body(self, body: ast.Block, scope: Scope) -> model.Block:
        self._loops += 1
        block = self.block(body, scope)
        self._loops -= 1
        return block

    def _in_loop(self, what: str, span: Span) -> None:
        if not self._loops:
            self.problems.error("outside_loop", span, f"`{what}` is not inside a loop")

    def _goto(self, s: ast.GotoStmt) -> Stmt | None:
        symbol = self._labels.get(s.label.text)
        if symbol is None:
            self.problems.unknown(
                "unknown_label",
                s.label.span,
                f"there is no label `{s.label.text}` in this {self.owner}",
                s.label.text,
                self._labels,
                help=f"write `{s.label.text}:` before the statement to go to",
            )
            return None
        blocks = self._label_blocks[s.label.text]
        if self._blocks[: len(blocks)] != blocks:
            self.problems.error(
                "goto_into_block",
                s.label.span,
                f"`goto` leaves blocks but does not enter them, and `{s.label.text}` is inside one",
                also=[(symbol.span, "this is in a block that the `goto` is not in")],
                help="put the label into a block that is around the `goto`",
            )
            return None
        return model.Goto(symbol, s.span)

    def _assert(self, s: ast.AssertStmt, scope: Scope) -> Stmt:
        condition = self.expressions.boolean(s.condition, scope)
        violation = "assertion"
        if s.violation is not None:
            violation = s.violation.text
            if violation not in self.violations:
                self.problems.unknown(
                    "unknown_violation",
                    s.violation.span,
                    f"there is no violation `{violation}`",
                    violation,
                    self.violations,
                    help="`assert e;` alone is the violation `assertion`",
                )
        return model.Assert(condition, violation, s.message, s.span)

    def _ghost(self, s: ast.GhostStmt, scope: Scope) -> Stmt:
        saved, self.expressions = self.expressions, self._ghost_expressions
        body = self.block(s.body, scope)
        self.expressions = saved
        return model.Ghost(body, s.span)

    # --- locals and places ------------------------------------------------------------------

    def _declare(self, s: ast.VarStmt, scope: Scope) -> Stmt:
        decl = s.declaration
        saved = self.expressions
        if decl.ghost:
            self.expressions = self._ghost_expressions
        value: Expr | AnyValue | None = None
        if decl.type is not None:
            symbol = self.expressions.local_symbol(decl)
            if decl.initial is not None:
                value = self._right_side(
                    decl.initial,
                    symbol.type,
                    scope,
                    (decl.type.span, f"`{symbol.name}` has the type `{symbol.type}`"),
                )
            else:
                check_initial(self.world, decl.name, symbol.type)
        else:
            inferred: Type = UnknownType()
            if decl.initial is None:
                self._needs_type(decl, f"the type of `{decl.name.text}` is missing")
            else:
                value = self._right_side(decl.initial, None, scope)
                inferred = self._infer(decl, value)
            symbol = self.expressions.local_symbol(decl, inferred)
        self.expressions = saved
        declare_local(decl.name, symbol, scope, self.world, self.problems)
        return model.Declare(symbol, value, s.span)

    def _infer(self, decl: ast.VarDecl, value: Expr | AnyValue) -> Type:
        if isinstance(value, AnyValue):
            return value.domain if value.domain is not None else UnknownType()
        match value.type:
            case IntType(low=None):
                self._needs_type(decl, f"the range of `{decl.name.text}` is not known")
            case NullType():
                self._needs_type(decl, f"`null` does not say what `{decl.name.text}` may point to")
            case SetType(kind=None):
                self._needs_type(decl, f"`{{}}` does not say what `{decl.name.text}` may contain")
            case _:
                return value.type
        return UnknownType()

    def _needs_type(self, decl: ast.VarDecl, message: str) -> None:
        self.problems.error(
            "needs_type",
            decl.name.span,
            message,
            help=f"write `var {decl.name.text} : TYPE = …`",
        )

    def _right_side(
        self, e: ast.Expr, type: Type | None, scope: Scope, why: tuple[Span, str] | None = None
    ) -> Expr | AnyValue:
        if isinstance(e, ast.AnyExpr):
            chosen = self.expressions.any_value(e, scope)
            if (
                type is not None
                and chosen.domain is not None
                and not fits(chosen.domain, type, self.world)
            ):
                self.problems.error(
                    "type_mismatch",
                    e.span,
                    f"expected `{type}`, found `{chosen.domain}`",
                    also=[why] if why is not None else [],
                )
            return chosen
        value = self.expressions.value(e, scope, type)
        return self.expressions.require(value, type, why) if type is not None else value

    def _assign(self, s: ast.AssignStmt, scope: Scope) -> Stmt | None:
        target = self.target(s.target, scope)
        if target is None:
            if not isinstance(s.value, ast.AnyExpr):
                self.expressions.place(s.value, scope)
            return None
        type, why = target.type, declared(target)
        if s.op == "=":
            value = self._right_side(s.value, type, scope, why)
            return model.Assign(target, "=", value, "plain", s.span)
        op: Literal["+=", "-="] = "+=" if s.op in ("+=", "++") else "-="
        operand = self.expressions.value(s.value, scope, type)
        match type:
            case IntType():
                operand = self.expressions.require(operand, IntType())
            case SetType(kind=kind) if isinstance(operand.type, RefType) and kind is not None:
                member = self.expressions.require(operand, RefType(kind, nullable=True), why)
                operand = model.SetOf((member,), SetType(kind), operand.span)
            case SetType():
                operand = self.expressions.require(operand, type, why)
            case _:
                self.problems.error(
                    "type_mismatch",
                    s.span,
                    f"`{s.op}` works on numbers and sets, and `{short(s.target.span)}` has the type `{type}`",
                    also=[why] if why is not None else [],
                )
        return model.Assign(target, op, operand, "plain", s.span)

    def target(self, e: ast.Expr, scope: Scope) -> Expr | None:
        """A place that may be assigned to; None after a complaint."""
        place = self.expressions.place(e, scope)
        match place.type:
            case UnknownType():
                return None
            case LockType() | ArrayType():
                self.expressions.value(e, scope)  # says why not
                return None
            case _:
                pass
        reason = why_not_assignable(place)
        if reason is None:
            return place
        self.problems.error(
            "not_assignable",
            e.span,
            f"cannot assign to `{short(e.span)}`: {reason}",
            also=[d] if (d := declared(place)) is not None else [],
        )
        return None

    # --- calls ------------------------------------------------------------------------------

    def _call(self, s: ast.CallStmt, scope: Scope) -> Stmt | None:
        name = s.call.function.text
        function = self.world.functions.get(name) if scope.lookup(name) is None else None
        if function is not None:
            call = self.expressions.function_call(s.call, function, scope)
            if function.is_expression:
                self._no_effect(s, f"`{name}` only computes a value")
            return model.CallStmt(call, s.span) if call is not None else None
        if name in OPERATIONS and scope.lookup(name) is None and name not in self.world.entries:
            done = operation_statement(self, s, scope)
            if done != "value":
                return done
        value = self.expressions.place(s.call, scope)
        if not isinstance(value.type, UnknownType):
            self._no_effect(s, f"`{name}` only gives a value")
        return None

    def _no_effect(self, s: ast.CallStmt, message: str) -> None:
        self.problems.error(
            "no_effect", s.span, f"{message}, and nothing is done with it", help="use the value"
        )

    def _return(self, s: ast.ReturnStmt, scope: Scope) -> Stmt:
        if isinstance(self.result, VoidType):
            if s.value is not None:
                self.problems.error(
                    "return_value",
                    s.value.span,
                    "this function gives no value"
                    if self.owner == "function"
                    else f"{'a thread' if self.owner == 'thread' else '`init`'} gives no value",
                    help="declare the function with `-> TYPE`"
                    if self.owner == "function"
                    else None,
                )
                self.expressions.place(s.value, scope)
            return model.Return(None, s.span)
        if s.value is None:
            self.problems.error(
                "return_value",
                s.span,
                f"this function gives `{self.result}`",
                help="write `return VALUE;`",
            )
            return model.Return(unknown(s.span), s.span)
        value = self.expressions.value(s.value, scope, self.result)
        return model.Return(self.expressions.require(value, self.result), s.span)


def declared(place: Expr) -> tuple[Span, str] | None:
    """Where the variable, field or local that is named was declared."""
    match place:
        case (
            model.LocalRef(symbol=symbol)
            | model.GlobalRef(symbol=symbol)
            | model.FieldRef(symbol=symbol)
            | model.RefParamRef(symbol=symbol)
            | model.ConfigRef(symbol=symbol)
            | model.BoundRef(symbol=symbol)
            | model.ThreadLocalRef(symbol=symbol)
        ):
            type = array_type(symbol.type, getattr(symbol, "dimensions", ()))
            return symbol.span, f"`{symbol.name}` is declared here as `{type}`"
        case model.ElementRef(base=base):
            return declared(base)
        case _:
            return None


def why_not_assignable(place: Expr) -> str | None:
    """Why a statement cannot change what this stands for; None if it can."""
    match place:
        case model.GlobalRef() | model.FieldRef() | model.RefParamRef():
            return None
        case model.LocalRef(symbol=symbol):
            match symbol.role:
                case "variable" | "parameter":
                    return None
                case "loop":
                    return "the loop sets it"
                case "pattern":
                    return "it names payload; assign a new value to the variant instead"
                case _:
                    assert_never(symbol.role)
        case model.ElementRef(base=base):
            return why_not_assignable(base)
        case model.ConfigRef():
            return "a config is constant"
        case model.BoundRef():
            return "it is bound by this expression"
        case model.ThreadLocalRef():
            return "it is another thread's local"
        case _:
            return "it is not a variable or a field"
