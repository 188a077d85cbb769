"""Statements as control-flow graphs, with every call inlined.

One `Flow` lowers one thread's body (or the init blocks). Code is emitted in order; `_loose`
are the ends that the next emitted node will follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal, assert_never

from zdcheck.base.source import Span
from zdcheck.ir.expr import Const, Type
from zdcheck.ir.parametric import (
    SELF,
    Assignment,
    Cell,
    Choose,
    Dimension,
    Do,
    End,
    Fork,
    Instruction,
    Node,
    NodeId,
    Requirement,
    Template,
    Term,
    Test,
    Touch,
    apply,
)
from zdcheck.ir.system import StatementId
from zdcheck.lang import model as m
from zdcheck.lang import types as t
from zdcheck.lower.contexts import Contexts
from zdcheck.lower.instance import spec_error
from zdcheck.lower.layout import (
    LockStorage,
    Place,
    Scalar,
    ScalarStorage,
    Storage,
    Value,
    VariantStorage,
)
from zdcheck.lower.lifetime import Lifetimes
from zdcheck.lower.terms import Alias, Evaluation, Frame, Symbols
from zdcheck.lower.walk import inner_blocks, is_impure, subexpressions

MAX_NODES = 20_000
"""Instructions of one thread after inlining."""


@dataclass
class Statements:
    """Every statement of the code, numbered by its place; the same number wherever it is inlined."""

    numbers: dict[tuple[str, int, int], StatementId] = field(default_factory=dict)
    listed: list[tuple[str, Span]] = field(default_factory=list)
    covers: dict[str, tuple[StatementId, Span]] = field(default_factory=dict)

    def number(self, family: str, span: Span) -> StatementId:
        """The statement at this place; `family` is the thread that has it (first)."""
        key = (span.file.path, span.start, span.end)
        if key not in self.numbers:
            self.numbers[key] = StatementId(len(self.listed))
            self.listed.append((family, span))
        return self.numbers[key]


@dataclass
class _Draft:
    """A node whose successors are still being filled in."""

    node: Node
    successors: list[NodeId]


@dataclass
class _Scope:
    """An open block: what must be given its initial value when the block ends."""

    block: m.Block
    storages: list[Storage] = field(default_factory=list)


@dataclass
class _Loop:
    """Where `break` and `continue` of the innermost loop go, and how many scopes stay open."""

    breaks: list[tuple[NodeId, int]]
    continues: list[tuple[NodeId, int]]
    depth: int


@dataclass
class _Function:
    """The function (or thread body) being lowered: its names, its exits, its labels."""

    frame: Frame
    via: tuple[Span, ...]
    name: str
    depth: int
    result: Storage | None = None
    returns: list[tuple[NodeId, int]] = field(default_factory=list)
    labels: dict[m.LabelSymbol, NodeId] = field(default_factory=dict)
    gotos: list[tuple[NodeId, int, m.LabelSymbol]] = field(default_factory=list)
    chains: dict[m.LabelSymbol, tuple[int, ...]] = field(default_factory=dict)


class Flow:
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
        self.symbols = symbols
        self.layout = symbols.layout
        self.statements = statements
        self.contexts = contexts
        self.lifetimes = lifetimes
        self.observed = observed
        self.template = template
        self.storages: list[Storage] = []
        self._drafts: list[_Draft] = []
        self._loose: list[tuple[NodeId, int]] = []
        self._scopes: list[_Scope] = []
        self._loops: list[_Loop] = []
        self._functions: list[_Function] = []
        self._group: int | None = None
        self._groups = 0
        self._ghost = False
        self._statement: StatementId | None = None

    # --- the whole ----------------------------------------------------------------------

    def body(self, blocks: tuple[m.Block, ...], span: Span, thread: m.Thread | None) -> Template:
        """The graph of a thread's body, or (thread None) of the init blocks one after another."""
        self._functions = [_Function(Frame(), (), self.template, 0)]
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
            self.template,
            first,
            size,
            thread.daemon if thread else False,
            thread.fairness if thread else "weak",
            tuple(replace(d.node, successors=tuple(d.successors)) for d in self._drafts),
            NodeId(0),
        )

    def _finish_function(self, span: Span) -> None:
        """Connect returns and gotos of the current function; code goes on after it."""
        function = self._functions[-1]
        for node, slot, label in function.gotos:
            self._connect((node, slot), function.labels[label])
        function.gotos.clear()
        if function.returns:
            self._loose += function.returns
            function.returns = []
            self._emit(Do(), span)

    # --- nodes --------------------------------------------------------------------------

    def _connect(self, end: tuple[NodeId, int], target: NodeId) -> None:
        node, slot = end
        successors = self._drafts[node].successors
        while len(successors) <= slot:
            successors.append(NodeId(-1))
        successors[slot] = target

    def _emit(
        self,
        instruction: Instruction,
        span: Span,
        *,
        requirements: tuple[Requirement, ...] = (),
        touches: tuple[Touch, ...] = (),
        waits: bool = False,
        concretize: tuple[Term, ...] = (),
        takes: str | None = None,
        stores: tuple[Cell, ...] = (),
        fence: bool = False,
    ) -> NodeId:
        id = NodeId(len(self._drafts))
        if id >= MAX_NODES:
            raise spec_error(
                "program_too_large",
                f"`{self.template}` has more than {MAX_NODES} instructions after inlining its calls",
                span,
            )
        node = Node(
            id,
            instruction,
            (),
            span,
            requirements,
            touches,
            waits,
            self._ghost,
            self._group,
            self._statement,
            self._functions[-1].via,
            concretize,
            takes,
            stores,
            fence,
        )
        self._drafts.append(_Draft(node, []))
        for end in self._loose:
            self._connect(end, id)
        self._loose = [] if isinstance(instruction, End) else [(id, 0)]
        return id

    def _here(self, span: Span) -> NodeId:
        """A node to jump to."""
        return self._emit(Do(), span)

    def _evaluation(
        self, access: Literal["plain", "rmw"] | None = None, results: dict[int, Value] | None = None
    ) -> Evaluation:
        kind: Literal["plain", "rmw"] = access or ("plain" if self._group is None else "rmw")
        mode: Literal["ghost", "code"] = "ghost" if self._ghost else "code"
        return Evaluation(self.symbols, self._functions[-1].frame, mode, kind, results, self._local)

    # --- scopes -------------------------------------------------------------------------

    def _block(self, block: m.Block) -> None:
        scope = _Scope(block)
        self._scopes.append(scope)
        chain = tuple(id(s.block) for s in self._scopes)
        for statement in block.statements:
            if isinstance(statement, m.Label):
                self._functions[-1].chains[statement.label] = chain
        self._note_inner_labels(block, chain)
        for statement in block.statements:
            self._stmt(statement)
        if self._loose:
            self._leave_scopes(len(self._scopes) - 1, block.span)
        self._scopes.pop()

    def _note_inner_labels(self, block: m.Block, chain: tuple[int, ...]) -> None:
        """Where labels in inner blocks are, for gotos that jump into them."""
        for statement in block.statements:
            for inner in inner_blocks(statement):
                inner_chain = (*chain, id(inner))
                for candidate in inner.statements:
                    if isinstance(candidate, m.Label):
                        self._functions[-1].chains[candidate.label] = inner_chain
                self._note_inner_labels(inner, inner_chain)

    def _leave_scopes(self, depth: int, span: Span) -> None:
        """Reset what the scopes from `depth` on must not leave behind."""
        updates: list[Assignment] = []
        for scope in reversed(self._scopes[depth:]):
            for storage in scope.storages:
                updates += self.layout.reset(storage, (SELF,))
        if updates:
            self._emit(Do(updates=tuple(updates)), span)

    def _local(self, symbol: m.LocalSymbol) -> Storage:
        """A fresh variable for a local; it lives to the end of the innermost block."""
        dims = tuple(self.layout.dimension(d, symbol.span) for d in symbol.dimensions)
        observed = symbol in self.observed or symbol.holds is not None
        storage = self._new_local(
            symbol.name, symbol.type, dims, symbol.holds, symbol.span, observed, symbol.ghost
        )
        self._functions[-1].frame.locals[symbol] = storage
        self.storages.append(storage)
        if len(self._functions) == 1:
            self.symbols.thread_locals[symbol] = storage
        if observed and self._scopes:
            self._scopes[-1].storages.append(storage)
        return storage

    def _new_local(
        self,
        name: str,
        type: t.Type,
        dimensions: tuple[Dimension, ...],
        holds: m.Holding | None,
        span: Span,
        observed: bool,
        ghost: bool = False,
    ) -> Storage:
        inner = [f.name for f in self._functions[1:]]
        full = ".".join([self.template, *inner, name])
        first = (
            (self.layout.kind_dimension(self.template),)
            if self.template != "init"
            else (INIT_DIMENSION,)
        )
        if isinstance(type, t.IntType) and type.low is None:
            type = t.IntType(m.Number(-64, type, span), m.Number(64, type, span), "number")
        if isinstance(type, t.NullType):
            type = t.RefType("thread", nullable=True)
        return self.layout.storage(
            full,
            _nullable(type),
            (*first, *dimensions),
            "local",
            None,
            holds,
            span,
            template=self.template,
            observed=observed,
        )

    def _temporary(self, name: str, type: t.Type, span: Span) -> Storage:
        return self._new_local(name, type, (), None, span, observed=False)

    # --- statements ---------------------------------------------------------------------

    def _stmt(self, stmt: m.Stmt) -> None:
        has_label = any(isinstance(s, m.Label) for b in inner_blocks(stmt) for s in _flat(b))
        if not (self._loose or has_label or isinstance(stmt, m.Label)):
            self._count_unreached(stmt)
            return
        outer = self._statement
        if not self._ghost and isinstance(stmt, _COUNTED_STATEMENTS):
            self._statement = self.statements.number(self.template, _head(stmt))
        self._dispatch(stmt)
        self._statement = outer

    def _count_unreached(self, stmt: m.Stmt) -> None:
        """Code behind a `return` or `goto` exists too, so that it is reported as dead."""
        if isinstance(stmt, _COUNTED_STATEMENTS) and not self._ghost:
            self.statements.number(self.template, _head(stmt))
        for block in inner_blocks(stmt):
            for inner in block.statements:
                self._count_unreached(inner)

    def _dispatch(self, stmt: m.Stmt) -> None:
        match stmt:
            case m.Declare(symbol, value):
                self._declare(symbol, value, stmt.span)
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
                self._functions[-1].labels[label] = self._here(stmt.span)
            case m.Return(value):
                self._return(value, stmt.span)
            case m.Break():
                self._jump(self._loops[-1].breaks, stmt.span)
            case m.Continue():
                self._jump(self._loops[-1].continues, stmt.span)
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
                number = self.statements.number(self.template, stmt.span)
                self.statements.covers[name] = (number, stmt.span)
                self._statement = number
                self._emit(Do(), stmt.span)
            case m.Ghost(body):
                outer, self._ghost = self._ghost, True
                self._block(body)
                self._ghost = outer
            case m.LockOp():
                self._lock_op(stmt)
            case m.SectionOp(op, section):
                self._emit_parts(self.contexts.section(op, section, stmt.span), stmt.span)
            case m.Quiesce(sections, others_only):
                note, wait = self.contexts.quiesce(sections, others_only, self.template, stmt.span)
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

    @contextmanager
    def _atomic(self) -> Iterator[None]:
        outer = self._group
        if outer is None:
            self._groups += 1
            self._group = self._groups
        yield
        self._group = outer

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

    def _store(self, target: Place, type: t.Type, value: m.Expr, span: Span) -> None:
        """`target = value` into a local whose place needs no evaluation."""
        results = self._hoist(value)
        evaluation = self._evaluation(results=results)
        result = evaluation.value(value)
        self._check_fit(evaluation, target, type, result, value)
        self._finish(evaluation, self.layout.write(target, result), span)

    def _check_fit(
        self, evaluation: Evaluation, target: Place, type: t.Type, value: Value, expr: m.Expr
    ) -> None:
        """The value must be in the type it is stored in."""
        shape = target.storage.shape
        if not (isinstance(shape, ScalarStorage) and isinstance(value, Scalar)):
            return
        if shape.type.kind == "ref" and isinstance(type, t.RefType) and not type.nullable:
            evaluation.not_null(value.term, expr.type, expr.span)
        elif shape.type.kind == "int" and not self._ghost:
            self._in_type(evaluation, shape.type, value.term, target, expr.span)

    def _in_type(
        self, evaluation: Evaluation, type: Type, term: Term, target: Place, span: Span
    ) -> None:
        if isinstance(term, Const) and term.value in type:
            return
        name = target.storage.name
        counted = target.storage.name in self.lifetimes.counted_names
        low = "refcount_underflow" if counted else "range"
        high = "refcount_overflow" if counted else "range"
        evaluation.require(
            apply("le", Const(type.low), term), low, f"`{name}` would go below {type.low}", span
        )
        evaluation.require(
            apply("le", term, Const(type.high)), high, f"`{name}` would go above {type.high}", span
        )

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
        bound = self.layout.bound(name)
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

    def _finish(
        self,
        evaluation: Evaluation,
        updates: tuple[Assignment, ...],
        span: Span,
        *,
        stores: tuple[Cell, ...] = (),
    ) -> None:
        evaluation.release_patterns()
        self._emit(
            Do(updates=updates),
            span,
            requirements=tuple(evaluation.requirements),
            touches=tuple(evaluation.touches),
            stores=stores,
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
        self._loose = then
        self._block(stmt.then)
        after = self._loose
        self._loose = otherwise
        if stmt.otherwise is not None:
            self._block(stmt.otherwise)
        self._loose = after + self._loose

    def _while(self, stmt: m.While) -> None:
        head = self._here(stmt.span)
        loop = _Loop([], [], len(self._scopes))
        self._loops.append(loop)
        exits: list[tuple[NodeId, int]] = []
        if stmt.condition is not None:
            self._loose, exits = self._condition(stmt.condition)
        self._block(stmt.body)
        for end in self._loose + loop.continues:
            self._connect(end, head)
        self._loops.pop()
        self._loose = exits + loop.breaks

    def _for(self, stmt: m.For) -> None:
        low, high = self.symbols.instance.domain(stmt.domain, stmt.span)
        storage = self._local(stmt.variable)
        assert isinstance(storage.shape, ScalarStorage)
        counter = Cell(storage.shape.family, (SELF,))
        if high < low:
            self._count_unreached(stmt.body)
            return
        self._emit(Do(updates=(Assignment(counter, Const(low)),)), stmt.span)
        head = self._here(stmt.span)
        loop = _Loop([], [], len(self._scopes))
        self._loops.append(loop)
        self._block(stmt.body)
        self._loose += loop.continues
        if self._loose:
            more = Test(apply("lt", counter, Const(high)))
            test = self._emit(more, stmt.span, concretize=(counter,))
            self._loose = [(test, 0)]
            step = Assignment(counter, apply("add", counter, Const(1)))
            self._emit(Do(updates=(step,)), stmt.span)
            for end in self._loose:
                self._connect(end, head)
            self._loose = [(test, 1)]
        self._loops.pop()
        self._loose += loop.breaks

    def _either(self, branches: tuple[m.Block, ...], span: Span) -> None:
        fork = self._emit(Fork(), span)
        after: list[tuple[NodeId, int]] = []
        for number, branch in enumerate(branches):
            self._loose = [(fork, number)]
            self._block(branch)
            after += self._loose
            if self._loose == [(fork, number)]:  # an empty branch still is one
                self._here(span)
                after = after[:-1] + self._loose
        self._loose = after

    def _jump(self, exits: list[tuple[NodeId, int]], span: Span) -> None:
        self._leave_scopes(self._loops[-1].depth, span)
        self._here(span)
        exits += self._loose
        self._loose = []

    def _goto(self, label: m.LabelSymbol, span: Span) -> None:
        function = self._functions[-1]
        here = tuple(id(scope.block) for scope in self._scopes)
        there = function.chains[label]
        common = 0
        for a, b in zip(here, there, strict=False):
            if a != b:
                break
            common += 1
        self._leave_scopes(common, span)
        self._here(span)
        function.gotos += [(node, slot, label) for node, slot in self._loose]
        self._loose = []

    def _return(self, value: m.Expr | None, span: Span) -> None:
        function = self._functions[-1]
        if value is not None and function.result is not None:
            self._store(Place(function.result, (SELF,)), value.type, value, span)
        self._leave_scopes(function.depth, span)
        self._here(span)
        function.returns += self._loose
        self._loose = []

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

    # --- conditions ---------------------------------------------------------------------

    def _condition(self, expr: m.Expr) -> tuple[list[tuple[NodeId, int]], list[tuple[NodeId, int]]]:
        """Branch on a truth value: the ends to go on from if true, and if false."""
        if isinstance(expr, m.Unary) and expr.op == "!" and is_impure(expr):
            then, otherwise = self._condition(expr.operand)
            return otherwise, then
        if isinstance(expr, m.Binary) and expr.op in ("&&", "||") and is_impure(expr.right):
            left_then, left_else = self._condition(expr.left)
            self._loose = left_then if expr.op == "&&" else left_else
            then, otherwise = self._condition(expr.right)
            if expr.op == "&&":
                return then, left_else + otherwise
            return left_then + then, otherwise
        results = self._hoist(expr)
        evaluation = self._evaluation(results=results)
        condition = evaluation.term(expr)
        evaluation.release_patterns()
        test = self._emit(
            Test(condition, tuple(evaluation.binds)),
            expr.span,
            requirements=tuple(evaluation.requirements),
            touches=tuple(evaluation.touches),
        )
        return [(test, 0)], [(test, 1)]

    # --- calls --------------------------------------------------------------------------

    def _hoist(self, expr: m.Expr) -> dict[int, Value]:
        """Run the calls inside an expression first; their results, by expression."""
        results: dict[int, Value] = {}
        self._hoist_into(expr, results)
        return results

    def _hoist_into(self, expr: m.Expr, results: dict[int, Value]) -> None:
        if not is_impure(expr):
            return
        match expr:
            case m.Call(function) if not function.is_expression:
                result = self._call(expr)
                assert result is not None
                results[id(expr)] = self.layout.read(Place(result, (SELF,)))
            case m.TryLock():
                results[id(expr)] = self._trylock(expr)
            case m.Binary(op, _, right) if op in ("&&", "||", "implies") and is_impure(right):
                results[id(expr)] = self._branching_value(expr)
            case m.Conditional(condition, then, otherwise) if is_impure(then) or is_impure(
                otherwise
            ):
                results[id(expr)] = self._conditional_value(condition, then, otherwise, expr)
            case _:
                self._hoist_operands(subexpressions(expr), results)

    def _hoist_operands(self, operands: list[m.Expr], results: dict[int, Value]) -> None:
        """Operands from left to right; what stands left of a call is read before it."""
        last = max((i for i, operand in enumerate(operands) if is_impure(operand)), default=-1)
        for position, operand in enumerate(operands):
            if is_impure(operand):
                self._hoist_into(operand, results)
            elif position < last and not isinstance(operand, _FIXED):
                temporary = self._temporary("value", operand.type, operand.span)
                self._store(Place(temporary, (SELF,)), operand.type, operand, operand.span)
                results[id(operand)] = self.layout.read(Place(temporary, (SELF,)))

    def _branching_value(self, expr: m.Expr) -> Value:
        """`a && f()` and its kin as control flow into a temporary."""
        is_implication = isinstance(expr, m.Binary) and expr.op == "implies"
        then, otherwise = self._implies(expr) if is_implication else self._condition(expr)
        return self._truth_of(then, otherwise, expr)

    def _implies(self, expr: m.Expr) -> tuple[list[tuple[NodeId, int]], list[tuple[NodeId, int]]]:
        assert isinstance(expr, m.Binary)
        left_then, left_else = self._condition(expr.left)
        self._loose = left_then
        then, otherwise = self._condition(expr.right)
        return left_else + then, otherwise

    def _truth_of(
        self, then: list[tuple[NodeId, int]], otherwise: list[tuple[NodeId, int]], expr: m.Expr
    ) -> Value:
        temporary = self._temporary("truth", t.BoolType(), expr.span)
        place = Place(temporary, (SELF,))
        self._loose = then
        self._emit(Do(updates=self.layout.write(place, Scalar(Const(1)))), expr.span)
        after = self._loose
        self._loose = otherwise
        self._emit(Do(updates=self.layout.write(place, Scalar(Const(0)))), expr.span)
        self._loose += after
        return self.layout.read(place)

    def _conditional_value(
        self, condition: m.Expr, then: m.Expr, otherwise: m.Expr, expr: m.Expr
    ) -> Value:
        temporary = self._temporary("value", expr.type, expr.span)
        place = Place(temporary, (SELF,))
        yes, no = self._condition(condition)
        self._loose = yes
        self._store(place, expr.type, then, then.span)
        after = self._loose
        self._loose = no
        self._store(place, expr.type, otherwise, otherwise.span)
        self._loose += after
        return self.layout.read(place)

    def _trylock(self, expr: m.TryLock) -> Value:
        evaluation = self._evaluation(results=self._hoist(expr.lock))
        place = evaluation.place(expr.lock)
        assert place is not None and isinstance(place.storage.shape, LockStorage)
        evaluation.touch(place, "read", expr.span)
        evaluation.touch(place, "write", expr.span)
        taken = Place(self._temporary("taken", t.BoolType(), expr.span), (SELF,))
        free, updates = self.contexts.try_acquire(
            place.storage.shape.lock, place.index, expr.shared
        )
        updates += self.layout.write(taken, Scalar(free))
        self._finish(evaluation, updates, expr.span)
        return self.layout.read(taken)

    def _call(self, call: m.Call) -> Storage | None:
        """Inline a call; where its result is, if it has one."""
        function = self.symbols.instance.model.functions[call.function]
        passed = list(zip(call.function.params, call.arguments, strict=True))
        by_value = [(p, a) for p, a in passed if isinstance(p, m.LocalSymbol)]
        results: dict[int, Value] = {}
        self._hoist_operands([argument for _, argument in by_value], results)
        evaluation = self._evaluation(results=results)
        if not isinstance(function.body, m.Block):
            evaluation.value(call)
            self._finish(evaluation, (), call.span)
            return None
        caller = self._functions[-1]
        callee = _Function(Frame(), (*caller.via, call.span), call.function.name, len(self._scopes))
        for param, argument in passed:
            if isinstance(param, m.RefParamSymbol):
                self._pass_place(param, argument, callee.frame)
        values = [(p, evaluation.value(argument), argument) for p, argument in by_value]
        self._functions.append(callee)
        updates: tuple[Assignment, ...] = ()
        for param, value, argument in values:
            place = Place(self._local(param), (SELF,))
            self._check_fit(evaluation, place, param.type, value, argument)
            updates += self.layout.write(place, value)
        if not isinstance(call.function.result, t.VoidType):
            callee.result = self._temporary("result", call.function.result, call.span)
        self._finish(evaluation, updates, call.span)
        self._block(function.body)
        self._finish_function(call.span)
        self._functions.pop()
        return callee.result

    def _pass_place(self, param: m.RefParamSymbol, argument: m.Expr, frame: Frame) -> None:
        """Bind a `ref` parameter to a place, its address worked out now; or to a value."""
        results = self._hoist(argument)
        if self._evaluation(results=results).place(argument) is not None:
            frame.aliases[param] = Alias(self._functions[-1].frame, self._pinned(argument, results))
            return
        temporary = Place(self._temporary(param.name, argument.type, argument.span), (SELF,))
        evaluation = self._evaluation(results=results)
        value = evaluation.value(argument)
        self._finish(evaluation, self.layout.write(temporary, value), argument.span)
        frame.values[param] = self.layout.read(temporary)

    def _pinned(self, place: m.Expr, results: dict[int, Value]) -> m.Expr:
        """The same place, with what leads to it read now if that is shared."""
        match place:
            case m.FieldRef(base, symbol, type, span):
                return m.FieldRef(self._fixed(base, results), symbol, type, span)
            case m.ElementRef(base, index, type, span):
                array = self._pinned(base, results)
                return m.ElementRef(array, self._fixed(index, results), type, span)
            case m.Accessed(inner, access, type, span):
                return m.Accessed(self._pinned(inner, results), access, type, span)
            case _:
                return place

    def _fixed(self, expr: m.Expr, results: dict[int, Value]) -> m.Expr:
        """The expression, or a local that has its value if it reads shared state or runs code."""
        probe = self._evaluation(results=results)
        value = probe.value(expr)
        if not probe.touches and id(expr) not in results:
            return expr
        symbol = m.LocalSymbol("address", expr.type, (), False, None, "parameter", expr.span)
        target = Place(self._temporary("address", expr.type, expr.span), (SELF,))
        self._functions[-1].frame.locals[symbol] = target.storage
        self._finish(probe, self.layout.write(target, value), expr.span)
        return m.LocalRef(symbol, expr.type, expr.span)


INIT_DIMENSION = Dimension(None, 0, 1)
"""The index of the init blocks' own locals."""

_FIXED = (m.Number, m.Truth, m.Member, m.Null, m.Self, m.ConfigRef, m.SizeOfKind)
"""Expressions whose value no call can change."""

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


def _nullable(type: t.Type) -> t.Type:
    """Locals can be null even if their type forbids it: that is what they are when nobody needs them."""
    return t.RefType(type.kind, nullable=True) if isinstance(type, t.RefType) else type


def _flat(block: m.Block) -> Iterator[m.Stmt]:
    """All statements in a block, at any depth."""
    for statement in block.statements:
        yield statement
        for inner in inner_blocks(statement):
            yield from _flat(inner)
