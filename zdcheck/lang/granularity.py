"""Statements that touch shared state twice: coarser than the kernel, so they hide races."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import assert_never

from zdcheck.base.diagnostics import Diagnostic, Label, Severity, in_source_order
from zdcheck.base.source import Span
from zdcheck.lang import model
from zdcheck.lang.calls import call_graph
from zdcheck.lang.effects import effects
from zdcheck.lang.elaborate_base import short
from zdcheck.lang.model import Expr, FunctionSymbol, Model, RefParamSymbol, Stmt
from zdcheck.lang.shared import Shared, shared_state
from zdcheck.lang.walk import Node, children, walk


@dataclass(frozen=True, slots=True)
class Access:
    """One shared access of a statement."""

    span: Span
    what: str


def granularity(checked: Model) -> tuple[Diagnostic, ...]:
    """A warning for each statement outside `atomic` with two or more shared accesses."""
    judge = _Judge(checked, shared_state(checked, effects(checked)))
    for thread in checked.threads:
        judge.statement(thread.body)
    inside = _called_in_atomic_only(checked)
    for symbol, function in checked.functions.items():
        if isinstance(function.body, model.Block) and symbol not in inside:
            judge.statement(function.body)
    return in_source_order(judge.warnings)


def _called_in_atomic_only(checked: Model) -> frozenset[FunctionSymbol]:
    """Functions that every caller calls inside `atomic` (or in `init`): their bodies are no steps."""
    outside: set[FunctionSymbol] = set()
    called: set[FunctionSymbol] = set()
    pending: list[tuple[Node, bool]] = [(thread.body, False) for thread in checked.threads]
    pending += [(init, True) for init in checked.inits]
    seen: set[tuple[FunctionSymbol, bool]] = set()
    while pending:
        node, atomic = pending.pop()
        if isinstance(node, model.Call):
            called.add(node.function)
            if not atomic:
                outside.add(node.function)
            function = checked.functions.get(node.function)
            if function is not None and (node.function, atomic) not in seen:
                seen.add((node.function, atomic))
                pending.append((function.body, atomic))
        atomic = atomic or isinstance(node, model.Atomic)
        pending.extend((child, atomic) for child in children(node))
    return frozenset(called - outside)


class _Judge:
    def __init__(self, checked: Model, shared: Shared) -> None:
        self.shared = shared
        self.warnings: list[Diagnostic] = []
        self._inside: dict[FunctionSymbol, tuple[Access, ...]] = {}
        for symbol in _callees_first(checked):
            body = checked.functions[symbol].body
            if symbol.is_expression and not isinstance(body, model.Block):
                found: list[Access] = []
                self._value(body, found)
                # Two are enough to warn, and functions that call each other twice stay cheap.
                self._inside[symbol] = tuple(found[:2])

    def statement(self, s: Stmt) -> None:
        """Judge a statement and all it contains."""
        found: list[Access] = []
        match s:
            case model.Block(statements=statements):
                for inner in statements:
                    self.statement(inner)
            case model.If():
                self._value(s.condition, found)
                self.statement(s.then)
                if s.otherwise is not None:
                    self.statement(s.otherwise)
            case model.While():
                if s.condition is not None:
                    self._value(s.condition, found)
                self.statement(s.body)
            case model.For():
                self.statement(s.body)
            case model.Either():
                for branch in s.branches:
                    self.statement(branch)
            case model.Declare():
                if s.value is not None and not s.symbol.ghost:
                    self._right_side(s.value, found)
            case model.Assign():
                self._assign(s, found)
            case model.CallStmt():
                self._value(s.call, found)
            case model.Return():
                if s.value is not None:
                    self._value(s.value, found)
            case model.Wait() | model.Assert():
                self._value(s.condition, found)
            case model.LockOp():
                self._way(s.lock, found)
                found.append(Access(s.lock.span, f"{s.op}s `{short(s.lock.span)}`"))
            case model.LifetimeOp():
                self._value(s.operand, found)
                found.append(Access(s.span, f"{s.op}: an access to the object itself"))
            case model.Drop():
                self._way(s.place, found)
                if self.shared.is_shared(s.place):
                    found.append(Access(s.place.span, f"empties `{short(s.place.span)}`"))
            case (
                model.Atomic()
                | model.Ghost()
                | model.Goto()
                | model.Label()
                | model.Break()
                | model.Continue()
                | model.Unreachable()
                | model.Cover()
                | model.SectionOp()
                | model.Quiesce()
                | model.Fence()
                | model.MightSleep()
                | model.Note()
            ):
                pass
            case _:
                assert_never(s)
        self._report(found)

    def _report(self, found: list[Access]) -> None:
        if len(found) < 2:
            return
        first, *others = found
        self.warnings.append(
            Diagnostic(
                "granularity",
                Severity.WARNING,
                "this statement makes more than one shared access in one step",
                Label(first.span, first.what),
                tuple(Label(other.span, other.what) for other in others),
                "put each into a statement of its own, or say `atomic { … }` "
                "if the kernel does it in one instruction",
            )
        )

    def _assign(self, s: model.Assign, found: list[Access]) -> None:
        self._right_side(s.value, found)
        self._way(s.target, found)
        if self.shared.is_shared(s.target):
            place = short(s.target.span)
            if s.op != "=":
                found.append(Access(s.target.span, f"reads `{place}`"))
            found.append(Access(s.target.span, f"writes `{place}`"))

    def _right_side(self, value: Expr | model.AnyValue, found: list[Access]) -> None:
        if not isinstance(value, model.AnyValue):
            self._value(value, found)
        elif value.where is not None:
            # The condition is asked about every candidate.
            self._scan(value.where, value.variable, found)

    def _way(self, place: Expr, found: list[Access]) -> None:
        """The accesses made to find a place, without the one to the place itself."""
        match place:
            case model.ElementRef(base=base, index=index):
                self._way(base, found)
                self._value(index, found)
            case model.FieldRef(base=base):
                self._value(base, found)
            case model.GlobalRef() | model.LocalRef() | model.RefParamRef():
                pass
            case _:
                self._value(place, found)

    def _value(self, e: Expr, found: list[Access]) -> None:
        match e:
            case model.GlobalRef() | model.FieldRef() | model.ElementRef() | model.RefParamRef():
                self._way(e, found)
                if self.shared.is_shared(e):
                    found.append(Access(e.span, f"reads `{short(e.span)}`"))
            case model.TryLock():
                self._way(e.lock, found)
                found.append(Access(e.span, f"takes `{short(e.lock.span)}`"))
            case model.Quantifier():
                self._scan(e.body, e.variable, found)
            case model.Call():
                self._call(e, found)
            case _:
                for child in children(e):
                    if not isinstance(child, model.AnyValue | Stmt):
                        self._value(child, found)

    def _scan(self, body: Expr, variable: model.BoundSymbol | None, found: list[Access]) -> None:
        inside: list[Access] = []
        self._value(body, inside)
        found.extend(inside)
        if not inside or variable is None:
            return
        depends = any(
            isinstance(node, model.BoundRef) and node.symbol is variable for node in walk(body)
        )
        if depends and len(inside) == 1:
            # One read in the text, but one for each value of the variable in the step.
            found.append(Access(inside[0].span, f"and again for every `{variable.type}`"))

    def _call(self, call: model.Call, found: list[Access]) -> None:
        for argument, parameter in zip(call.arguments, call.function.params, strict=False):
            if isinstance(parameter, RefParamSymbol) and not call.function.is_expression:
                self._way(argument, found)
            else:
                self._value(argument, found)
        found.extend(
            Access(call.span, f"{access.what} in `{call.function.name}`")
            for access in self._inside.get(call.function, ())
        )


def _callees_first(checked: Model) -> list[FunctionSymbol]:
    """The functions, each after those it calls. There is no recursion any more."""
    return list(TopologicalSorter(call_graph(checked)).static_order())
