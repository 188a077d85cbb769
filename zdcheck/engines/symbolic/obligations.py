"""What there is to prove about each step, as terms over the state before it.

What a fact says after a step is an expression over the state before: the updates are put in place of the
variables. So there is one copy of the state, and no step relation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import networkx as nx
import z3

from zdcheck.engines.symbolic.encoding import Frame, all_of, any_of
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


@dataclass(slots=True)
class _Writing:
    """What is known about a variable of each step; a set of steps is a number with a bit for each."""

    steps: int = 0
    """Those that write it."""
    computed: int = 0
    """Those that write what depends on the state."""
    named: int = 0
    """Those that are possible only with one value of it."""
    made: dict[int, int] = field(default_factory=dict)
    """By value, those that write it."""
    before: dict[int, int] = field(default_factory=dict)
    """By value, those that are possible only with it."""

    def made_inside(self, values: frozenset[int]) -> int:
        """Those that may write one of the values."""
        return self.computed | _any(self.made, values)

    def named_inside(self, values: frozenset[int]) -> int:
        """Those that are possible only with one certain value, which is one of these."""
        return _any(self.before, values)


def _any(sets: dict[int, int], values: Iterable[int]) -> int:
    found = 0
    for value in values:
        found |= sets.get(value, 0)
    return found


def _writing(system: System, steps: Sequence[Step]) -> tuple[_Writing, ...]:
    """By variable."""
    found = tuple(_Writing() for _ in system.variables)
    for number, step in enumerate(steps):
        bit = 1 << number
        for v, becomes in step.becomes.items():
            writing = found[v]
            writing.steps |= bit
            match becomes:
                case Const(value):
                    writing.made[value] = writing.made.get(value, 0) | bit
                case _:
                    writing.computed |= bit
        for v, value in step.before.items():
            writing = found[v]
            writing.named |= bit
            writing.before[value] = writing.before.get(value, 0) | bit
    return found


class Obligations:
    """The steps of one system and the terms of its facts, over one copy of the state."""

    def __init__(self, system: System, frame: Frame | None = None) -> None:
        self.system = system
        self.steps = steps_of(system)
        self.takings = takings(self.steps)
        self.frame = Frame(system, "s") if frame is None else frame
        self._literals: dict[tuple[VarId, frozenset[int]], Any] = {}
        self._enters: dict[tuple[ActionId, VarId, frozenset[int]], Expr] = {}
        self._writing = _writing(system, self.steps)

    def breakers(self, fact: Fact) -> Iterator[int]:
        """The steps, by position, that the fact has to be asked about; all others certainly keep it."""
        found = 0
        if fact.never:
            # Into the cube from outside: from inside there is nothing to show, for no state before is there.
            possible, enters = -1, 0
            for v, values in fact.never:
                writing = self._writing[v]
                inside, made = writing.named_inside(values), writing.made_inside(values)
                possible &= made | ~writing.steps & (inside | ~writing.named)
                enters |= made & ~inside
            found = possible & enters
        else:
            for v in fact.variables:
                found |= self._writing[v].steps
        while found:
            lowest = found & -found
            yield lowest.bit_length() - 1
            found ^= lowest

    def all_breaks(self, facts: Sequence[Fact]) -> list[dict[int, Breaks]]:
        """By step: what may become false of the facts, by their position."""
        found: list[dict[int, Breaks]] = [{} for _ in self.steps]
        for number, fact in enumerate(facts):
            for step in self.breakers(fact):
                breaks = self.breaks(self.steps[step], fact)
                if breaks is not None:
                    found[step][number] = breaks
        return found

    def breaking(self, step: Step, some: Iterable[Breaks]) -> Any:
        """Where the step breaks one of these facts."""
        return all_of([self.frame.truth(step.goes), any_of([breaks.term for breaks in some])])

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
        """Where the fact is false after the step, about the state before it; None if nowhere.

        The step is one of the fact's `breakers`.
        """
        if not fact.never:
            after = not_(substitute(fact.expr, step.becomes))
            if after == Const(0):
                return None
            return Breaks((), (after,), self.frame.truth(after))
        literals: list[tuple[VarId, frozenset[int]]] = []
        exprs: list[Expr] = []
        for v, values in fact.never:
            match step.becomes.get(v):
                case None:
                    literals.append((v, values))
                case Const(value):
                    assert value in values
                # What most steps do to a count or a reference asks for values of one variable, as other facts do.
                case Var(source):
                    literals.append((source, self._valid(source, values)))
                case Op("add", (Var(source), Const(more))):
                    before = self._valid(source, (value - more for value in values))
                    literals.append((source, before))
                case becomes:
                    exprs.append(self._entering(step, v, values, becomes))
        if not all(values for _, values in literals):
            return None
        terms = [self.literal(v, values) for v, values in literals]
        terms += [self.frame.truth(expr) for expr in exprs]
        return Breaks(tuple(literals), tuple(exprs), all_of(terms))

    def _valid(self, v: VarId, values: Iterable[int]) -> frozenset[int]:
        """Those that the variable can have."""
        type = self.system.variables[v].type
        return frozenset(value for value in values if value in type)

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
