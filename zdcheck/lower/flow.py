"""Statements as control-flow graphs, with every call inlined.

One `Flow` lowers one thread's body (or the init blocks).
"""

from __future__ import annotations

from typing import assert_never

from zdcheck.base.source import Span
from zdcheck.ir.expr import Const
from zdcheck.ir.parametric import (
    SELF,
    Assignment,
    Cell,
    Choose,
    Do,
    End,
    Fork,
    NodeId,
    Requirement,
    Template,
    Term,
    Test,
    Touch,
    apply,
)
from zdcheck.lang import model as m
from zdcheck.lang import types as t
from zdcheck.lower.calls import Calls
from zdcheck.lower.contexts import Contexts
from zdcheck.lower.emit import Ends, Statements
from zdcheck.lower.instance import spec_error
from zdcheck.lower.layout import LockStorage, Place, Scalar, ScalarStorage, Storage, VariantStorage
from zdcheck.lower.lifetime import Lifetimes
from zdcheck.lower.scopes import Function, Loop, Scope
from zdcheck.lower.terms import Evaluation, Frame, Symbols
from zdcheck.lower.walk import inner_blocks

_COUNTED_STATEMENTS = (
    m.Assign,
    m.CallStmt,
    m.If,
    m.While,
    m.For,
    m.Goto,
    m.Return,
    m.Break,
    m.Continue,
    m.Wait,
    m.Assert,
    m.LockOp,
    m.SectionOp,
    m.Quiesce,
    m.LifetimeOp,
)
"""Statements that are reported as dead if no run executes them."""


class Flow(Calls):
    """Lowers one thread family's body."""

    def __init__(
        self,
        symbols: Symbols,
        statements: Statements,
        contexts: Contexts,
        lifetimes: Lifetimes,
        observed: frozenset[m.LocalSymbol],
        template: str,
    ) -> None:
        super().__init__(symbols, contexts, lifetimes, observed, template)
        self.statements = statements
        self.thread: m.Thread | None = None

    def body(self, blocks: tuple[m.Block, ...], span: Span, thread: m.Thread | None) -> Template:
        """The graph of a thread's body, or (thread None) of the init blocks one after another."""
        self.thread = thread
        self.functions = [Function(Frame(), (), self.name, 0)]
        self._emit(Do(), span)
        for block in blocks:
            self._block(block)
            self._finish_function(span)
        if thread is not None:
            self._emit(Do(), span, requirements=self.contexts.at_exit(span))
        self._emit(End(), span)
        first, size = 0, 0
        if thread is not None:
            first = self.symbols.instance.first[thread.name]
            size = self.symbols.instance.sizes[thread.name]
        return Template(
            self.name,
            first,
            size,
            thread.daemon if thread else False,
            thread.fairness if thread else "weak",
            self.nodes(),
            NodeId(0),
        )

    # --- statements ---------------------------------------------------------------------

    def _block(self, block: m.Block) -> None:
        scope = Scope(block)
        self.scopes.append(scope)
        chain = tuple(id(s.block) for s in self.scopes)
        for statement in block.statements:
            if isinstance(statement, m.Label):
                self.function.chains[statement.label] = chain
        for statement in block.statements:
            self._stmt(statement)
        if self.loose:
            self._leave_scopes(len(self.scopes) - 1, block.span)
        self.scopes.pop()

    def _stmt(self, stmt: m.Stmt) -> None:
        if not (self.loose or isinstance(stmt, m.Label)):
            self._count_unreached(stmt)
            return
        outer = self.statement
        if not self.ghost and isinstance(stmt, _COUNTED_STATEMENTS):
            self.statement = self.statements.number(self.name, _head(stmt))
        self._dispatch(stmt)
        self.statement = outer

    def _count_unreached(self, stmt: m.Stmt) -> None:
        """Code behind a `return` or `goto` exists too, so that it is reported as dead."""
        if isinstance(stmt, _COUNTED_STATEMENTS) and not self.ghost:
            self.statements.number(self.name, _head(stmt))
        for block in inner_blocks(stmt):
            for inner in block.statements:
                self._count_unreached(inner)

    def _dispatch(self, stmt: m.Stmt) -> None:
        match stmt:
            case m.Declare(symbol, value):
                outer, self.ghost = self.ghost, self.ghost or symbol.ghost
                self._declare(symbol, value, stmt.span)
                self.ghost = outer
            case m.Assign():
                self._assign(stmt)
            case m.CallStmt(call):
                self._call(call)
            case m.Block():
                self._block(stmt)
            case m.If():
                self._if(stmt)
            case m.While():
                self._while(stmt)
            case m.For():
                self._for(stmt)
            case m.Goto(label):
                self._goto(label, stmt.span)
            case m.Label(label):
                self.function.labels[label] = self._here(stmt.span)
            case m.Return(value):
                self._return(value, stmt.span)
            case m.Break():
                self._jump(self.loops[-1].breaks, stmt.span)
            case m.Continue():
                self._jump(self.loops[-1].continues, stmt.span)
            case m.Wait():
                self._wait(stmt)
            case m.Atomic(body):
                with self._atomic():
                    self._block(body)
            case m.Either(branches):
                self._either(branches, stmt.span)
            case m.Assert():
                self._assert(stmt)
            case m.Unreachable():
                self._violation("assertion", "reached `unreachable`", stmt.span)
            case m.Cover(name):
                number = self.statements.number(self.name, stmt.span)
                self.statements.covers[name] = (number, stmt.span)
                self.statement = number
                self._emit(Do(), stmt.span)
            case m.Ghost(body):
                outer, self.ghost = self.ghost, True
                self._block(body)
                self.ghost = outer
            case m.LockOp():
                self._lock_op(stmt)
            case m.SectionOp(op, section):
                self._emit_parts(self.contexts.section(op, section, stmt.span), stmt.span)
            case m.Quiesce(sections, others_only):
                note, wait = self.contexts.quiesce(sections, others_only, self.name, stmt.span)
                self._emit_parts(note, stmt.span)
                self._emit_parts(wait, stmt.span, waits=True)
            case m.LifetimeOp():
                self._lifetime_op(stmt)
            case m.Drop(place):
                self._drop(place, stmt.span)
            case m.Fence():
                self._emit(Do(), stmt.span, fence=True)
            case m.MightSleep():
                self._emit(Do(), stmt.span, requirements=self.contexts.may_sleep(stmt.span))
            case m.Note():
                pass
            case _:
                assert_never(stmt)

    def _emit_parts(
        self,
        parts: tuple[tuple[Requirement, ...], Do, tuple[Touch, ...]],
        span: Span,
        waits: bool = False,
    ) -> None:
        requirements, do, touches = parts
        self._emit(do, span, requirements=requirements, touches=touches, waits=waits)

    def _violation(self, id: str, message: str, span: Span) -> None:
        evaluation = self._evaluation()
        evaluation.require(Const(0), id, message, span)
        self._emit(Do(), span, requirements=tuple(evaluation.requirements))

    # --- variables ----------------------------------------------------------------------

    def _declare(
        self, symbol: m.LocalSymbol, value: m.Expr | m.AnyValue | None, span: Span
    ) -> None:
        storage = self._local(symbol)
        target = Place(storage, (SELF,))
        if value is None:
            self._emit(Do(updates=self.layout.reset(storage, (SELF,))), span)
        elif isinstance(value, m.AnyValue):
            self._choose(self._evaluation(), target, value, symbol.name, span)
        else:
            self._store(target, symbol.type, value, span)

    def _assign(self, stmt: m.Assign) -> None:
        results = self._hoist(stmt.target)
        if isinstance(stmt.value, m.AnyValue):
            evaluation = self._evaluation(results=results)
            target = evaluation.place(stmt.target)
            assert target is not None
            evaluation.touch(target, "write", stmt.target.span)
            text = " ".join(stmt.target.span.text.split())
            self._choose(evaluation, target, stmt.value, text, stmt.span)
            return
        results |= self._hoist(stmt.value)
        evaluation = self._evaluation(results=results)
        value = evaluation.value(stmt.value)
        kind = evaluation.access
        evaluation.access = stmt.access if stmt.access != "plain" else kind
        target = evaluation.place(stmt.target)
        assert target is not None, stmt
        stores: tuple[Cell, ...] = ()
        if stmt.op != "=":
            evaluation.touch(target, "read", stmt.target.span)
            old = self.layout.read(target)
            value = evaluation.sum("+" if stmt.op == "+=" else "-", old, value)
        elif isinstance(target.storage.shape, ScalarStorage):
            stores = (Cell(target.storage.shape.family, target.index),)
        evaluation.touch(target, "write", stmt.target.span)
        self._check_fit(evaluation, target, stmt.target.type, value, stmt.value)
        self._finish(evaluation, self.layout.write(target, value), stmt.span, stores=stores)

    def _choose(
        self, evaluation: Evaluation, target: Place, value: m.AnyValue, name: str, span: Span
    ) -> None:
        """`target = any …`; `evaluation` has what the target's place rests on."""
        assert value.domain is not None
        low, high = self.symbols.instance.domain(value.domain, span)
        bound = self.layout.bound(name, t.kind_of(value.domain))
        where: Term = Const(1)
        if value.variable is not None:
            evaluation.frame.values[value.variable] = Scalar(bound)
        if value.where is not None:
            with evaluation.for_all(bound, low, high):
                where = evaluation.term(value.where)
        scalar = self.symbols.instance.scalar(value.domain, span)
        self._emit(
            Choose(bound, scalar, low, high, where, self.layout.write(target, Scalar(bound))),
            span,
            requirements=tuple(evaluation.requirements),
            touches=tuple(evaluation.touches),
        )

    def _drop(self, expr: m.Expr, span: Span) -> None:
        evaluation = self._evaluation()
        place = evaluation.place(expr)
        if place is None or not self._holds_something(place.storage):
            return
        evaluation.touch(place, "write", span)
        self._finish(evaluation, self.layout.empty(place), span)

    def _holds_something(self, storage: Storage) -> bool:
        if storage.holds is not None:
            return True
        if isinstance(storage.shape, VariantStorage) and not storage.is_local:
            cases = storage.shape.symbol.cases
            return any(payload.holds for case in cases for payload in case.payload)
        return False

    # --- control ------------------------------------------------------------------------

    def _if(self, stmt: m.If) -> None:
        then, otherwise = self._condition(stmt.condition)
        self.loose = then
        self._block(stmt.then)
        after = self.loose
        self.loose = otherwise
        if stmt.otherwise is not None:
            self._block(stmt.otherwise)
        self.loose = after + self.loose

    def _while(self, stmt: m.While) -> None:
        head = self._here(stmt.span)
        loop = Loop([], [], len(self.scopes))
        self.loops.append(loop)
        exits: Ends = []
        if stmt.condition is not None:
            self.loose, exits = self._condition(stmt.condition)
        self._block(stmt.body)
        for end in self.loose + loop.continues:
            self._connect(end, head)
        self.loops.pop()
        self.loose = exits + loop.breaks

    def _for(self, stmt: m.For) -> None:
        low, high = self.symbols.instance.domain(stmt.domain, stmt.span)
        storage = self._local(stmt.variable)
        assert isinstance(storage.shape, ScalarStorage)
        counter = Cell(storage.shape.family, (SELF,))
        if high < low:
            self._count_unreached(stmt.body)
            return
        if self.thread is not None and t.kind_of(stmt.domain) in self.symbols.instance.open:
            self._for_any_number(stmt, counter)
            return
        self._emit(Do(updates=(Assignment(counter, Const(low)),)), stmt.span)
        head = self._here(stmt.span)
        loop = Loop([], [], len(self.scopes))
        self.loops.append(loop)
        self._block(stmt.body)
        self.loose += loop.continues
        if self.loose:
            more = Test(apply("lt", counter, Const(high)))
            test = self._emit(more, stmt.span, concretize=(counter,))
            self.loose = [(test, 0)]
            step = Assignment(counter, apply("add", counter, Const(1)))
            self._emit(Do(updates=(step,)), stmt.span)
            for end in self.loose:
                self._connect(end, head)
            self.loose = [(test, 1)]
        self.loops.pop()
        self.loose += loop.breaks

    def _for_any_number(self, stmt: m.For, counter: Cell) -> None:
        """A loop over objects of which there is any number: every one is visited, each at its turn.

        Which one is next is chosen: the followed one exactly once, others before and after it.
        """
        if self.group is not None:
            raise spec_error(
                "scope_too_large",
                "any number of objects cannot be walked in one step",
                stmt.span,
                "leave this kind at its scope",
            )
        low, high = self.symbols.instance.domain(stmt.domain, stmt.span)
        scalar = self.symbols.instance.scalar(stmt.domain, stmt.span)
        passed = self._temporary(f"{stmt.variable.name}.passed", t.BoolType(), stmt.span)
        assert isinstance(passed.shape, ScalarStorage)
        is_over = Cell(passed.shape.family, (SELF,))
        self._emit(Do(updates=(Assignment(is_over, Const(0)),)), stmt.span)
        bound = self.layout.bound(stmt.variable.name, t.kind_of(stmt.domain))
        is_followed = apply("eq", bound, Const(low))
        where = apply("not", apply("and", is_followed, is_over))
        passes = Assignment(is_over, apply("or", is_followed, is_over))
        next = Choose(bound, scalar, low, high, where, (Assignment(counter, bound), passes))
        head = self._emit(next, stmt.span, walks=True)
        loop = Loop([], [], len(self.scopes))
        self.loops.append(loop)
        self._block(stmt.body)
        self.loose += loop.continues
        if self.loose:
            test = self._emit(Test(is_over), stmt.span)
            self.loose = [(test, 0)]
            more = self._emit(Fork(), stmt.span, walks=True)
            self._connect((test, 1), head)
            self._connect((more, 1), head)
            self.loose = [(more, 0)]
        self.loops.pop()
        self.loose += loop.breaks

    def _either(self, branches: tuple[m.Block, ...], span: Span) -> None:
        fork = self._emit(Fork(), span)
        after: Ends = []
        for number, branch in enumerate(branches):
            self.loose = [(fork, number)]
            self._block(branch)
            after += self.loose
            if self.loose == [(fork, number)]:  # an empty branch still is one
                self._here(span)
                after = after[:-1] + self.loose
        self.loose = after

    def _jump(self, exits: Ends, span: Span) -> None:
        self._leave_scopes(self.loops[-1].depth, span)
        self._here(span)
        exits += self.loose
        self.loose = []

    def _goto(self, label: m.LabelSymbol, span: Span) -> None:
        function = self.function
        here = tuple(id(scope.block) for scope in self.scopes)
        there = function.chains[label]
        common = 0
        for a, b in zip(here, there, strict=False):
            if a != b:
                break
            common += 1
        self._leave_scopes(common, span)
        self._here(span)
        function.gotos += [(node, slot, label) for node, slot in self.loose]
        self.loose = []

    def _return(self, value: m.Expr | None, span: Span) -> None:
        function = self.function
        if value is not None and function.result is not None:
            self._store(Place(function.result, (SELF,)), value.type, value, span)
        self._leave_scopes(function.depth, span)
        self._here(span)
        function.returns += self.loose
        self.loose = []

    # --- operations ---------------------------------------------------------------------

    def _wait(self, stmt: m.Wait) -> None:
        results = self._hoist(stmt.condition)
        evaluation = self._evaluation(results=results)
        condition = evaluation.term(stmt.condition)
        evaluation.release_patterns()
        sleep = self.contexts.may_sleep(stmt.span) if stmt.sleeps else ()
        self._emit(
            Do(guard=condition),
            stmt.span,
            requirements=(*sleep, *evaluation.requirements),
            touches=tuple(evaluation.touches),
            waits=True,
        )

    def _assert(self, stmt: m.Assert) -> None:
        results = self._hoist(stmt.condition)
        evaluation = self._evaluation(results=results)
        condition = evaluation.term(stmt.condition)
        text = " ".join(stmt.condition.span.text.split())
        message = stmt.message or f"`{text}` is false"
        evaluation.release_patterns()
        evaluation.require(condition, stmt.violation, message, stmt.span)
        self._finish(evaluation, (), stmt.span)

    def _lock_op(self, stmt: m.LockOp) -> None:
        evaluation = self._evaluation(results=self._hoist(stmt.lock))
        place = evaluation.place(stmt.lock)
        assert place is not None and isinstance(place.storage.shape, LockStorage)
        evaluation.touch(place, "read", stmt.span)
        evaluation.touch(place, "write", stmt.span)
        lock = place.storage.shape.lock
        if stmt.op == "lock":
            requirements, do = self.contexts.acquire(lock, place.index, stmt.shared, stmt.span)
        else:
            requirements, do = self.contexts.release(lock, place.index, stmt.shared, stmt.span)
        self._emit(
            do,
            stmt.span,
            requirements=(*evaluation.requirements, *requirements),
            touches=tuple(evaluation.touches),
            waits=stmt.op == "lock",
            takes=lock.name if stmt.op == "lock" else None,
        )

    def _lifetime_op(self, stmt: m.LifetimeOp) -> None:
        results = self._hoist(stmt.operand)
        evaluation = self._evaluation(results=results)
        object = evaluation.term(stmt.operand)
        assert isinstance(stmt.operand.type, t.RefType)
        kind = stmt.operand.type.kind
        evaluation.not_null(object, stmt.operand.type, stmt.operand.span)
        updates: tuple[Assignment, ...] = ()
        match stmt.op:
            case "touch":
                evaluation.must_live(kind, object, stmt.operand.span)
            case "destroy":
                requirements, updates, touches = self.lifetimes.destroy(kind, object, stmt.span)
                evaluation.requirements += requirements
                evaluation.touches += touches
            case "create":
                requirements, updates, touches = self.lifetimes.create(kind, object, stmt.span)
                evaluation.requirements += requirements
                evaluation.touches += touches
        self._finish(evaluation, updates, stmt.span)


def _head(stmt: m.Stmt) -> Span:
    """The part of a statement that is shown for it: a compound one's condition."""
    match stmt:
        case m.If(condition):
            return condition.span
        case m.While(condition) if condition is not None:
            return condition.span
        case m.For(variable):
            return variable.span
        case _:
            return stmt.span
