"""What there is to prove about each step, as terms over the state before it.

What a fact says after a step is an expression over the state before: the updates are put in place of the
variables. So there is one copy of the state, and no step relation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import z3

from zdcheck.engines.symbolic.encoding import Frame, all_of
from zdcheck.engines.symbolic.facts import Fact
from zdcheck.engines.symbolic.formulas import Failure, failures, goes
from zdcheck.ir.evaluate import evaluator
from zdcheck.ir.expr import Const, Expr, Op, Var, VarId, and_, le, not_, or_, variables_of
from zdcheck.ir.interval import interval
from zdcheck.ir.substitute import one_of, substitute
from zdcheck.ir.system import Action, ActionId, State, System


@dataclass(frozen=True, slots=True)
class Step:
    """One action, ready for proofs."""

    action: Action
    goes: Expr
    becomes: dict[VarId, Expr]
    failures: tuple[Failure, ...]
    escapes: Expr
    """Where it goes and a value leaves its type."""
    reads: frozenset[VarId]
    before: dict[VarId, int]
    """Values that certain variables have where it goes, as far as its guard names them."""


@dataclass(frozen=True, slots=True)
class Breaks:
    """A conjunction over one state: variables with one of some values, and expressions; with its term."""

    literals: tuple[tuple[VarId, frozenset[int]], ...]
    exprs: tuple[Expr, ...]
    term: Any

    def is_true(self, state: State) -> bool:
        """Whether it is true of the state."""
        return all(state[v] in values for v, values in self.literals) and all(
            evaluator(expr)(state) for expr in self.exprs
        )

    @property
    def reads(self) -> frozenset[VarId]:
        """What it depends on."""
        mine = {v for v, _ in self.literals}
        return frozenset(mine.union(*(variables_of(expr) for expr in self.exprs)))


def steps_of(system: System) -> tuple[Step, ...]:
    """All actions of a system."""
    return tuple(_step(system, action) for action in system.actions)


def _step(system: System, action: Action) -> Step:
    enabled = goes(system, action)
    outside: list[Expr] = []
    for id, value in action.updates:
        type = system.variables[id].type
        low, high = interval(value, lambda v: system.variables[v].type)
        if low < type.low:
            outside.append(not_(le(Const(type.low), value)))
        if high > type.high:
            outside.append(not_(le(value, Const(type.high))))
    return Step(
        action,
        enabled,
        dict(action.updates),
        tuple(failures(system, action)),
        and_(enabled, or_(*outside)),
        frozenset(variables_of(enabled)),
        dict(_named(enabled)),
    )


def _named(condition: Expr) -> Iterator[tuple[VarId, int]]:
    """Variables of which the condition says that they have one certain value."""
    match condition:
        case Op("and", args):
            for arg in args:
                yield from _named(arg)
        case Op("eq", (Var(id), Const(value))):
            yield id, value
        case _:
            pass


@dataclass(frozen=True, slots=True)
class Taking:
    """One step's taking of a lock class while another is held, if that is part of a cycle in the code."""

    step: int
    held: str
    taken: str
    condition: Expr

    @property
    def classes(self) -> tuple[str, str]:
        """The one that is held, and the one that is taken."""
        return self.held, self.taken


def takings(steps: Sequence[Step]) -> tuple[Taking, ...]:
    """All of them; where there is none, no run can take locks in two orders."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for step in steps:
        graph.add_edges_from((e.held, e.taken) for e in step.action.lock_edges)
    part = {
        name: number
        for number, names in enumerate(nx.strongly_connected_components(graph))
        for name in names
    }
    return tuple(
        Taking(number, edge.held, edge.taken, and_(step.goes, edge.when))
        for number, step in enumerate(steps)
        for edge in step.action.lock_edges
        if edge.held != edge.taken and part[edge.held] == part[edge.taken]
    )


class Obligations:
    """The steps of one system and the terms of its facts, over one copy of the state."""

    def __init__(self, system: System, frame: Frame | None = None) -> None:
        self.system = system
        self.steps = steps_of(system)
        self.takings = takings(self.steps)
        self.frame = Frame(system, "s") if frame is None else frame
        self._literals: dict[tuple[VarId, frozenset[int]], Any] = {}
        self._enters: dict[tuple[ActionId, VarId, frozenset[int]], Expr] = {}

    def bad(self, step: Step) -> Any:
        """Where a check of the step fails, or a value leaves its type."""
        return self.frame.truth(
            or_(*(failure.condition for failure in step.failures), step.escapes)
        )

    def term(self, fact: Fact) -> Any:
        """Whether the fact is true."""
        if not fact.never:
            return self.frame.truth(fact.expr)
        return z3.Not(all_of([self.literal(v, values) for v, values in fact.never]))

    def breaks(self, step: Step, fact: Fact) -> Breaks | None:
        """Where the fact is false after the step, about the state before it; None if nowhere."""
        if not fact.never:
            after = not_(substitute(fact.expr, step.becomes))
            if after == Const(0):
                return None
            return Breaks((), (after,), self.frame.truth(after))
        literals: list[tuple[VarId, frozenset[int]]] = []
        exprs: list[Expr] = []
        enters = False
        for v, values in fact.never:
            if v not in step.becomes:
                if v in step.before and step.before[v] not in values:
                    return None
            elif v not in step.before or step.before[v] not in values:
                enters = True
        if not enters:
            # The state before is in the cube already, and the fact says that there is none such.
            return None
        for v, values in fact.never:
            match step.becomes.get(v):
                case None:
                    literals.append((v, values))
                case Const(value):
                    if value not in values:
                        return None
                case becomes:
                    exprs.append(self._entering(step, v, values, becomes))
        terms = [self.literal(v, values) for v, values in literals]
        terms += [self.frame.truth(expr) for expr in exprs]
        return Breaks(tuple(literals), tuple(exprs), all_of(terms))

    def _entering(self, step: Step, v: VarId, values: frozenset[int], becomes: Expr) -> Expr:
        """Whether the variable has one of the values after the step; the same object for each fact that asks."""
        key = step.action.id, v, values
        found = self._enters.get(key)
        if found is None:
            found = one_of(becomes, values, self.system.variables[v].type)
            self._enters[key] = found
        return found

    def literal(self, v: VarId, values: frozenset[int]) -> Any:
        """Whether the variable has one of the values."""
        found = self._literals.get((v, values))
        if found is None:
            expr = one_of(Var(v), values, self.system.variables[v].type)
            found = self._literals[v, values] = self.frame.truth(expr)
        return found
