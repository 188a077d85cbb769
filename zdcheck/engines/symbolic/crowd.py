"""Proofs for any number of threads: explore the abstraction until its assumption about the others is true of it.

At first the others are assumed to do nothing. What the followed thread is then seen to be like, in which company,
is the next assumption, and so on, until nothing new is seen. Then no thread of any run of any size was
ever in a state that was not seen here: it would have been the first, and the step that led there has an image here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from zdcheck.base.diagnostics import ToolError
from zdcheck.engines.explicit.engine import ExplicitEngine, ExplicitOptions
from zdcheck.engines.protocol import (
    Found,
    Limit,
    Limits,
    NoneFound,
    Progress,
    Statistics,
    Stopped,
    Watcher,
)
from zdcheck.engines.symbolic.facts import Fact, learned
from zdcheck.engines.symbolic.linear import Runs
from zdcheck.engines.symbolic.obstacle import Obstacle
from zdcheck.engines.symbolic.samples import Samples
from zdcheck.engines.symbolic.solving import Clock, LimitReached
from zdcheck.ir.crowd import Abstraction, LocalState, Seen, View
from zdcheck.ir.expr import VarId
from zdcheck.ir.run import BrokenProperty, FailedCheck
from zdcheck.ir.system import Check, System

MOST_STATES = 2_000_000
"""Abstract states of one round; all of them are looked at."""

MOST_LOCAL_STATES = 20_000
"""Local states of one family."""


@dataclass(frozen=True, slots=True)
class ProvedForAll:
    """Nothing is wrong in any run of any size: `abstraction` has no fault, and `seen` is all that is seen in it."""

    statistics: Statistics
    abstraction: Abstraction
    seen: Seen


@dataclass(frozen=True, slots=True)
class OpenForAll:
    """Nothing is said. `obstacle` is an abstract state at fault, of `abstraction`; maybe no run has it."""

    statistics: Statistics
    limit: Limit
    abstraction: Abstraction | None
    obstacle: Obstacle | None


def prove_for_all(
    make: Callable[[Seen], Abstraction], families: int, limits: Limits, watch: Watcher
) -> ProvedForAll | OpenForAll:
    """Look for a proof for any number of threads of `families` families. Raises ToolError without a compiler."""
    rounds = _Rounds(make, families, limits, watch)
    try:
        return rounds.run()
    except LimitReached as reached:
        return OpenForAll(rounds.figures, reached.limit, rounds.abstraction, None)
    except KeyboardInterrupt:
        return OpenForAll(rounds.figures, "interrupt", rounds.abstraction, None)


class _Rounds:
    def __init__(
        self, make: Callable[[Seen], Abstraction], families: int, limits: Limits, watch: Watcher
    ) -> None:
        self.make = make
        self.limits = limits
        self.watch = watch
        self.clock = Clock(limits)
        self.seen: list[dict[LocalState, dict[VarId, frozenset[int]]]]
        self.seen = [{} for _ in range(families)]
        self.engine = ExplicitEngine(ExplicitOptions(symmetry=False, partial_order=False))
        self.abstraction: Abstraction | None = None
        self.figures = Statistics(0, 0, 0, 0.0)
        self.number = 0

    def run(self) -> ProvedForAll | OpenForAll:
        """Round after round. Raises LimitReached."""
        while True:
            self.number += 1
            answer = self._round()
            if answer is not None:
                return answer

    def _round(self) -> ProvedForAll | OpenForAll | None:
        """Explore under what was seen so far; None if more is seen."""
        self.abstraction = abstraction = self.make(self.seen)
        system = abstraction.system
        if (why := self.engine.refuses(system)) is not None:
            raise ToolError(f"a proof for any number of threads cannot be tried: {why}")
        left = replace(self.limits, timeout_s=self.clock.left_s(), max_states=MOST_STATES)
        claim, layout, packed = self.engine.solve_and_sample(system, left, self._tell, MOST_STATES)
        self.figures = figures = self._figures(claim.statistics, len(system.actions))
        match claim:
            case Stopped(_, limit, _):
                return OpenForAll(figures, limit, abstraction, None)
            case Found():
                return OpenForAll(figures, "depth", abstraction, _obstacle(system, claim))
            case NoneFound(statistics):
                if len(packed) != statistics.states:
                    return OpenForAll(figures, "states", abstraction, None)
        samples = Samples(system, packed, layout)
        new = [_seen(samples, view) for view in abstraction.views]
        if new == self.seen:
            return ProvedForAll(figures, abstraction, new)
        if any(len(locals_) > MOST_LOCAL_STATES for locals_ in new):
            return OpenForAll(figures, "states", abstraction, None)
        self.seen = [_together(old, more) for old, more in zip(self.seen, new, strict=True)]
        return None

    def _tell(self, progress: Progress) -> None:
        figures = f"round {self.number}: {progress.states:,} abstract states"
        self.watch(replace(progress, figures=figures))

    def _figures(self, statistics: Statistics, actions: int) -> Statistics:
        extra = {
            "rounds": f"{self.number}",
            "abstract system": f"{actions:,} actions, {statistics.states:,} states",
        }
        figures = f"{statistics.states:,} abstract states"
        return replace(statistics, elapsed_s=self.clock.elapsed_s, extra=extra, figures=figures)


def _together(
    old: dict[LocalState, dict[VarId, frozenset[int]]],
    new: dict[LocalState, dict[VarId, frozenset[int]]],
) -> dict[LocalState, dict[VarId, frozenset[int]]]:
    """Everything that was seen in either."""
    found = dict(old)
    for local, company in new.items():
        before = old.get(local, {})
        found[local] = {v: values | before.get(v, frozenset()) for v, values in company.items()}
    return found


def _seen(samples: Samples, view: View) -> dict[LocalState, dict[VarId, frozenset[int]]]:
    """The local states of the followed thread in the samples, with the values around it in each."""
    system = samples.system
    split: dict[LocalState, int] = {(): samples.all}
    for variable in view.own:
        split = {
            (*local, value): both
            for local, states in split.items()
            for value in _values(system, variable)
            if (both := states & samples.where(variable, value))
        }
    for variable in view.owners:
        mine = samples.where(variable, view.followed)
        parts = [((*local, 1), states & mine) for local, states in split.items()]
        parts += [((*local, 0), states & ~mine) for local, states in split.items()]
        split = {local: states for local, states in parts if states}
    return {local: _company(samples, view, states) for local, states in split.items()}


def _values(system: System, variable: VarId) -> range:
    type = system.variables[variable].type
    return range(type.low, type.high + 1)


def _company(samples: Samples, view: View, states: int) -> dict[VarId, frozenset[int]]:
    return {
        variable: frozenset(
            value
            for value in _values(samples.system, variable)
            if samples.where(variable, value) & states
        )
        for variable in view.around
    }


def _obstacle(system: System, found: Found) -> Obstacle:
    """The state at fault, and the step if the fault is one of a step."""
    actions = found.run.actions
    match found.fault:
        case FailedCheck(test):
            state = Runs(system).end_of(found.run.initial, actions[:-1])
            action = system.actions[actions[-1]]
            failing = action.tests[test]
            assert state is not None and isinstance(failing, Check)
            return Obstacle(state, action, failing.violation.id)
        case BrokenProperty(number):
            state = Runs(system).end_of(found.run.initial, actions)
            assert state is not None
            return Obstacle(state, None, system.properties[number].name)
        case _:
            state = Runs(system).end_of(found.run.initial, actions)
            assert state is not None
            return Obstacle(state, system.actions[actions[-1]], "lock_order")


def company_facts(abstraction: Abstraction, seen: Seen) -> tuple[Fact, ...]:
    """What a proof found out about each place of a followed thread: which values never occur around it."""
    facts = []
    for view, locals_ in zip(abstraction.views, seen, strict=True):
        by_place: dict[int, dict[VarId, frozenset[int]]] = {}
        for local, company in locals_.items():
            place = by_place.setdefault(local[0], {})
            for variable, values in company.items():
                place[variable] = place.get(variable, frozenset()) | values
        ever: dict[VarId, frozenset[int]] = {}
        for place in by_place.values():
            for variable, values in place.items():
                ever[variable] = ever.get(variable, frozenset()) | values
        for at, place in sorted(by_place.items()):
            for variable, values in sorted(place.items()):
                if never := ever[variable] - values:
                    cube = {view.own[0]: frozenset({at}), variable: never}
                    facts.append(learned(abstraction.system, cube))
    return tuple(facts)
