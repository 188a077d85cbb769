"""Bounded model checking: is there a run of so many layers that ends in a fault?

A layer is a set of steps, at most one of each thread, that do not touch each other's variables; in
whatever order they are made, they lead to the same state. To have each run in one form only, every step
stands in the earliest layer that it can (Foata's normal form): it conflicts with a step of the layer before, or
follows one of its own thread. Every reachable state is between two layers of some such run, so
it is enough to look for faults there.

`a run of N steps` has N layers at most, and often far fewer. So no fault within N layers means none within N
steps, and none in many longer runs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import z3

from zdcheck.base.diagnostics import EngineDisagreement
from zdcheck.engines.faults import Rank, check_numbers, rank
from zdcheck.engines.protocol import Claim, Found, Limits, Progress, Statistics, Stopped, Watcher
from zdcheck.engines.symbolic.encoding import Frame
from zdcheck.engines.symbolic.formulas import failures, goes, state_goals
from zdcheck.engines.symbolic.linear import Ending, Runs
from zdcheck.engines.symbolic.solving import Clock, LimitReached, is_satisfiable
from zdcheck.ir.expr import Expr, VarId, not_, or_
from zdcheck.ir.run import FailedCheck, Run
from zdcheck.ir.system import Action, ActionId, System, Violation

DEFAULT_DEPTH = 24
"""Layers, where the command line says nothing."""

SHORTENING = 3.0
"""Seconds that a shorter run may take to look for, beside as long as the first one took."""


@dataclass(frozen=True, slots=True, order=True)
class Cost:
    """What makes a counterexample worse than another: its steps, then the order of `engines.faults`."""

    steps: int
    rank: Rank


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a state, or (`own_step` 1) of one further step, by where it is there."""

    rank: Rank
    own_step: int
    condition: Expr


def _faults(system: System, numbers: dict[Violation, int]) -> Iterator[Fault]:
    for goal in state_goals(system):
        yield Fault(rank(goal.fault, None, numbers), 0, not_(goal.holds))
    by_rank: defaultdict[Rank, list[Expr]] = defaultdict(list)
    for action in system.actions:
        for failure in failures(system, action):
            by_rank[rank(FailedCheck(failure.test), action, numbers)].append(failure.condition)
    for at, conditions in by_rank.items():
        yield Fault(at, 1, or_(*conditions))


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: a Boolean for each action, in the order of the system."""

    fires: tuple[Any, ...]
    moves: dict[int, Any]
    """By thread: one of its actions is in this layer."""
    touched: dict[VarId, Any]
    """By variable: an action that reads or writes it is in this layer."""
    written: dict[VarId, Any]


@dataclass
class Unrolling:
    """The runs of so many layers as constraints on one solver, made longer layer by layer."""

    system: System
    solver: Any
    frames: list[Frame] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)

    def __post_init__(self) -> None:
        system = self.system
        self.numbers = check_numbers(system)
        self.faults = tuple(sorted(_faults(system, self.numbers), key=lambda fault: fault.rank))
        self.enabled = tuple(goes(system, action) for action in system.actions)
        first = Frame(system, "0")
        self.frames.append(first)
        self.solver.add(z3.Or(*(first.is_state(state) for state in system.initial_states)))

    def fault(self, depth: int) -> Any:
        """Something is wrong after that many layers."""
        return z3.Or(*(self.frames[depth].truth(fault.condition) for fault in self.faults))

    def better_fault(self, depth: int, cost: Cost) -> Any:
        """A fault after that many layers in a run of fewer steps, or one as short that is reported first."""
        frame = self.frames[depth]
        moves = [moved for layer in self.layers[:depth] for moved in layer.moves.values()]
        ways = []
        for own_step in (0, 1):
            mine = [f for f in self.faults if f.own_step == own_step]
            steps = cost.steps - own_step
            if steps > 0:
                some = z3.Or(*(frame.truth(fault.condition) for fault in mine))
                ways.append(z3.And(some, z3.AtMost(*moves, steps - 1) if moves else True))
            first = [f for f in mine if f.rank < cost.rank]
            if steps >= 0 and first:
                some = z3.Or(*(frame.truth(fault.condition) for fault in first))
                ways.append(z3.And(some, z3.AtMost(*moves, steps) if moves else True))
        return z3.Or(*ways)

    def grow(self) -> None:
        """One more layer."""
        number = len(self.layers)
        here, after = self.frames[-1], Frame(self.system, str(number + 1))
        fires = tuple(z3.Bool(f"a{action.id}@{number}") for action in self.system.actions)
        add = self.solver.add
        by_thread: defaultdict[int, list[Any]] = defaultdict(list)
        writers: defaultdict[VarId, list[Any]] = defaultdict(list)
        for action, fired, enabled in zip(self.system.actions, fires, self.enabled, strict=True):
            by_thread[action.thread].append(fired)
            add(z3.Implies(fired, here.truth(enabled)))
            for id, value in action.updates:
                add(z3.Implies(fired, here.becomes(id, after, value)))
                writers[id].append(fired)
        for variable in self.system.variables:
            add(z3.Or(*writers[variable.id], here.stays(variable.id, after)))
        for mine in by_thread.values():
            add(z3.AtMost(*mine, 1))
        add(z3.Or(*fires))
        layer = self._layer(number, fires, by_thread)
        if self.layers:
            for action, fired in zip(self.system.actions, fires, strict=True):
                add(z3.Implies(fired, z3.Or(*_reasons(action, self.layers[-1]))))
        self.frames.append(after)
        self.layers.append(layer)

    def _layer(self, number: int, fires: tuple[Any, ...], by_thread: dict[int, list[Any]]) -> Layer:
        """What the layer touches; and that what one thread writes in it no other one touches."""
        writing: defaultdict[VarId, defaultdict[int, list[Any]]] = defaultdict(
            lambda: defaultdict(list)
        )
        touching: defaultdict[VarId, defaultdict[int, list[Any]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for action, fired in zip(self.system.actions, fires, strict=True):
            for id in action.writes:
                writing[id][action.thread].append(fired)
            for id in action.reads | action.writes:
                touching[id][action.thread].append(fired)
        touched: dict[VarId, Any] = {}
        written: dict[VarId, Any] = {}
        for id, threads in touching.items():
            shared = len(threads) > 1
            if not shared or id not in writing:
                continue  # no conflict can be about it
            touches = {t: self._named(f"t{id}.{t}@{number}", f) for t, f in threads.items()}
            writes = {t: self._named(f"w{id}.{t}@{number}", f) for t, f in writing[id].items()}
            for t, write in writes.items():
                for u, touch in touches.items():
                    if t != u:
                        self.solver.add(z3.Or(z3.Not(write), z3.Not(touch)))
            touched[id] = z3.Or(*touches.values())
            written[id] = z3.Or(*writes.values())
        moves = {t: self._named(f"m{t}@{number}", fired) for t, fired in by_thread.items()}
        return Layer(fires, moves, touched, written)

    def _named(self, name: str, parts: list[Any]) -> Any:
        """A Boolean that is true if and only if one of the parts is."""
        if len(parts) == 1:
            return parts[0]
        named = z3.Bool(name)
        self.solver.add(named == z3.Or(*parts))
        return named

    def run_in(self, model: Any) -> Run:
        """The run of a model, one layer after the other."""
        start = self.frames[0].state_in(model)
        actions = [
            ActionId(number)
            for layer in self.layers
            for number, fired in enumerate(layer.fires)
            if z3.is_true(model.eval(fired))
        ]
        return Run(self.system.initial_states.index(start), tuple(actions))


def _reasons(action: Action, before: Layer) -> list[Any]:
    """Why the action could not be one layer earlier."""
    reasons = [before.moves[action.thread]]
    reasons += [before.touched[id] for id in action.writes if id in before.touched]
    reasons += [before.written[id] for id in action.reads - action.writes if id in before.written]
    return reasons


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A run to a fault; `run` is without the step that fails."""

    cost: Cost
    ending: Ending
    run: Run

    @property
    def whole(self) -> Run:
        """The run with its last step."""
        last = () if self.ending.last is None else (self.ending.last,)
        return Run(self.run.initial, (*self.run.actions, *last))


class BmcEngine:
    """`--engine bmc`."""

    name = "bmc"

    def refuses(self, system: System) -> str | None:
        """Never; but it can only find faults."""
        return None

    def solve(self, system: System, limits: Limits, watch: Watcher) -> Claim:
        """`Found` or `Stopped`: no depth is all depths. The run is short, and not always a shortest one."""
        return _Search(system, limits, watch).run()


class _Search:
    def __init__(self, system: System, limits: Limits, watch: Watcher) -> None:
        self.system = system
        self.watch = watch
        self.clock = Clock(limits)
        self.max_depth = DEFAULT_DEPTH if limits.max_depth is None else limits.max_depth
        self.closed = -1
        """Nothing is wrong after up to so many layers."""

    def run(self) -> Claim:
        try:
            solver = z3.SolverFor("QF_FD")
            self.unrolling = Unrolling(self.system, solver)
            return self._search(solver)
        except LimitReached as reached:
            return Stopped(self._statistics(), reached.limit, self._note())
        except KeyboardInterrupt:
            return Stopped(self._statistics(), "interrupt", self._note())

    def _search(self, solver: Any) -> Claim:
        unrolling = self.unrolling
        for depth in range(self.max_depth + 1):
            self.watch(
                Progress(depth, 0, 0, self.clock.elapsed_s, f"layer {depth} of {self.max_depth}")
            )
            if depth:
                unrolling.grow()
            fault = z3.Bool(f"fault@{depth}")
            solver.add(fault == unrolling.fault(depth))
            if is_satisfiable(solver, fault, clock=self.clock):
                return self._found(solver, depth)
            solver.add(z3.Not(fault))
            self.closed = depth
            if not is_satisfiable(solver, clock=self.clock):
                # No run is this long: there is nothing behind the depth any more.
                return Stopped(self._statistics(), "depth", self._note(is_all=True))
        return Stopped(self._statistics(), "depth", self._note())

    def _found(self, solver: Any, depth: int) -> Claim:
        """A fault; then a better one, as long as that is no great effort."""
        self.runs = Runs(self.system)
        found = self._ended(solver.model())
        is_shortest, layers = False, depth
        soon = Clock(Limits(timeout_s=self.clock.elapsed_s + SHORTENING))
        try:
            while depth < found.cost.steps + 1:
                better = self.unrolling.better_fault(depth, found.cost)
                solver.push()
                solver.add(better)
                is_better = is_satisfiable(solver, clock=self.clock.earlier(soon))
                model = solver.model() if is_better else None
                solver.pop()
                if model is not None:
                    found = min(found, self._ended(model), key=lambda f: f.cost)
                    continue
                self.unrolling.grow()
                depth += 1
            is_shortest = True
        except (LimitReached, KeyboardInterrupt):
            pass  # what was found is worth more than what stopped us
        statistics = replace(
            self._statistics(layers),
            extra={"run": "a shortest one" if is_shortest else "short, maybe not a shortest one"},
        )
        return Found(statistics, found.ending.fault, found.whole)

    def _ended(self, model: Any) -> Counterexample:
        """The run of a model, without what it does not need."""
        run = self.unrolling.run_in(model)
        state = self.runs.end_of(run.initial, run.actions)
        faults = [] if state is None else self.runs.faults_at(state)
        if not faults:
            raise EngineDisagreement("the run that bounded search found ends in no fault")
        ending = faults[0]
        run = self.runs.without_idle_steps(ending, run)
        run = self.runs.with_few_switches(ending, run)
        last = None if ending.last is None else self.system.actions[ending.last]
        at = rank(ending.fault, last, self.unrolling.numbers)
        return Counterexample(Cost(len(run.actions) + (last is not None), at), ending, run)

    def _note(self, *, is_all: bool = False) -> str:
        if is_all:
            return f"no run has more than {self.closed} layers, and nothing is wrong in any"
        if self.closed < 0:
            return "not even the first states were looked at"
        return f"nothing wrong within {self.closed} layers"

    def _statistics(self, layers: int | None = None) -> Statistics:
        depth = max(self.closed, 0) if layers is None else layers
        figures = "1 layer" if depth == 1 else f"{depth} layers"
        return Statistics(0, 0, depth, self.clock.elapsed_s, figures=figures)
