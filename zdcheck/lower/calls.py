"""Expressions inside statements: evaluating them, branching on them, inlining their calls."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from zdcheck.base.source import Span
from zdcheck.ir.expr import Const, Type
from zdcheck.ir.parametric import SELF, Assignment, Cell, Do, Term, Test, apply
from zdcheck.lang import model as m
from zdcheck.lang import types as t
from zdcheck.lower.contexts import Contexts
from zdcheck.lower.emit import Ends
from zdcheck.lower.instance import spec_error
from zdcheck.lower.layout import (
    LockStorage,
    Place,
    Scalar,
    ScalarStorage,
    Storage,
    Value,
    VariantStorage,
    VariantValue,
)
from zdcheck.lower.lifetime import Lifetimes
from zdcheck.lower.scopes import Function, Scopes
from zdcheck.lower.terms import Alias, Evaluation, Frame, Symbols
from zdcheck.lower.walk import is_impure, subexpressions

_FIXED = (m.Number, m.Truth, m.Member, m.Null, m.Self, m.ConfigRef, m.SizeOfKind)
"""Expressions whose value no call can change."""


MAX_CALL_DEPTH = 40
"""Calls inside calls. Each level of inlining is a few levels of recursion here."""


class Calls(Scopes):
    """Runs the code that expressions contain before the statement that they are part of."""

    def __init__(
        self,
        symbols: Symbols,
        contexts: Contexts,
        lifetimes: Lifetimes,
        observed: frozenset[m.LocalSymbol],
        template: str,
    ) -> None:
        super().__init__(symbols, observed, template)
        self.contexts = contexts
        self.lifetimes = lifetimes

    @abstractmethod
    def _block(self, block: m.Block) -> None:
        """Lower a block."""

    # --- evaluating ---------------------------------------------------------------------

    def _evaluation(
        self, access: Literal["plain", "rmw"] | None = None, results: dict[int, Value] | None = None
    ) -> Evaluation:
        kind: Literal["plain", "rmw"] = access or ("plain" if self.group is None else "rmw")
        mode: Literal["ghost", "code"] = "ghost" if self.ghost else "code"
        return Evaluation(self.symbols, self.function.frame, mode, kind, results, self._local)

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
        """The value must be in the type it is stored in.

        That goes for ghosts too: engines pack a value into the bits that its type needs.
        """
        match target.storage.shape, value:
            case ScalarStorage(_, scalar), Scalar(term) if scalar.kind == "int":
                self._in_type(evaluation, scalar, term, target, expr.span)
            case ScalarStorage(_, scalar), Scalar(term) if scalar.kind == "ref":
                if isinstance(type, t.RefType) and not type.nullable:
                    evaluation.stored_not_null(term, expr.type, expr.span)
            case VariantStorage(symbol, _, _), VariantValue(_, slots) if self.ghost:
                # In code a payload is judged where the value is made.
                for slot, scalar in self.layout.slots(symbol).items():
                    if scalar.kind == "int":
                        self._in_type(evaluation, scalar, slots[slot], target, expr.span)
            case _:
                pass

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

    # --- branching ----------------------------------------------------------------------

    def _condition(self, expr: m.Expr) -> tuple[Ends, Ends]:
        """Branch on a truth value: the ends to go on from if true, and if false."""
        if isinstance(expr, m.Unary) and expr.op == "!" and is_impure(expr):
            then, otherwise = self._condition(expr.operand)
            return otherwise, then
        if isinstance(expr, m.Binary) and expr.op in ("&&", "||") and is_impure(expr.right):
            left_then, left_else = self._condition(expr.left)
            self.loose = left_then if expr.op == "&&" else left_else
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

    def _branching_value(self, expr: m.Expr) -> Value:
        """`a && f()` and its kin as control flow into a temporary."""
        is_implication = isinstance(expr, m.Binary) and expr.op == "implies"
        then, otherwise = self._implies(expr) if is_implication else self._condition(expr)
        return self._truth_of(then, otherwise, expr)

    def _implies(self, expr: m.Expr) -> tuple[Ends, Ends]:
        assert isinstance(expr, m.Binary)
        left_then, left_else = self._condition(expr.left)
        self.loose = left_then
        then, otherwise = self._condition(expr.right)
        return left_else + then, otherwise

    def _truth_of(self, then: Ends, otherwise: Ends, expr: m.Expr) -> Value:
        temporary = self._temporary("truth", t.BoolType(), expr.span)
        place = Place(temporary, (SELF,))
        self.loose = then
        self._emit(Do(updates=self.layout.write(place, Scalar(Const(1)))), expr.span)
        after = self.loose
        self.loose = otherwise
        self._emit(Do(updates=self.layout.write(place, Scalar(Const(0)))), expr.span)
        self.loose += after
        return self.layout.read(place)

    def _conditional_value(
        self, condition: m.Expr, then: m.Expr, otherwise: m.Expr, expr: m.Expr
    ) -> Value:
        temporary = self._temporary("value", expr.type, expr.span)
        place = Place(temporary, (SELF,))
        yes, no = self._condition(condition)
        self.loose = yes
        self._store(place, expr.type, then, then.span)
        after = self.loose
        self.loose = no
        self._store(place, expr.type, otherwise, otherwise.span)
        self.loose += after
        return self.layout.read(place)

    # --- hoisting -----------------------------------------------------------------------

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

    # --- calls --------------------------------------------------------------------------

    def _call(self, call: m.Call) -> Storage | None:
        """Inline a call; where its result is, if it has one."""
        if len(self.functions) > MAX_CALL_DEPTH:
            raise spec_error(
                "program_too_large", f"calls are nested more than {MAX_CALL_DEPTH} deep", call.span
            )
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
        caller = self.function
        callee = Function(Frame(), (*caller.via, call.span), call.function.name, len(self.scopes))
        for param, argument in passed:
            if isinstance(param, m.RefParamSymbol):
                self._pass_place(param, argument, callee.frame)
        values = [(p, evaluation.value(argument), argument) for p, argument in by_value]
        self.functions.append(callee)
        self.via = callee.via
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
        self.functions.pop()
        self.via = caller.via
        return callee.result

    def _pass_place(self, param: m.RefParamSymbol, argument: m.Expr, frame: Frame) -> None:
        """Bind a `ref` parameter to a place, its address worked out now; or to a value."""
        results = self._hoist(argument)
        if self._evaluation(results=results).place(argument) is not None:
            frame.aliases[param] = Alias(self.function.frame, self._pinned(argument, results))
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
        self.function.frame.locals[symbol] = target.storage
        self._finish(probe, self.layout.write(target, value), expr.span)
        return m.LocalRef(symbol, expr.type, expr.span)
