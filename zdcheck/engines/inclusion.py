"""Whether one system does nothing, as far as anybody else can see, that another cannot do.

What is seen of a state are the values of the shared variables that both systems have. What is
seen of a run is how they change; steps that change nothing visible do not count. `difference`
explores one system together with everything that the other could be doing meanwhile (a subset
construction), breadth first, so the run it finds is a shortest one. Steps that fail a check end a
run and are not compared: verdicts say that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from zdcheck.engines.protocol import Limit, Limits
from zdcheck.ir.expr import VarId
from zdcheck.ir.run import Run
from zdcheck.ir.step import Goes, Stepper
from zdcheck.ir.system import ActionId, State, System

_CHECK_EVERY = 256


@dataclass(frozen=True, slots=True)
class Included:
    """Whatever the first system shows, the second can show too. `pairs` were looked at."""

    pairs: int


@dataclass(frozen=True, slots=True)
class Excess:
    """A shortest run of the first system whose last step the second cannot follow."""

    pairs: int
    run: Run


@dataclass(frozen=True, slots=True)
class Unknown:
    """A limit was reached first."""

    pairs: int
    limit: Limit


Answer = Included | Excess | Unknown

Seen = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Common:
    """The variables that both systems have, in the same order: their numbers in each."""

    names: tuple[str, ...]
    first: tuple[VarId, ...]
    second: tuple[VarId, ...]

    @property
    def reversed(self) -> Common:
        """The same seen from the second system."""
        return Common(self.names, self.second, self.first)


def common_variables(first: System, second: System) -> Common:
    """The shared variables, lifetimes included, that have the same name and type in both."""
    others = {v.name: v for v in second.variables if v.role in ("shared", "alive")}
    both = [
        (v, others[v.name])
        for v in first.variables
        if v.role in ("shared", "alive") and v.name in others and others[v.name].type == v.type
    ]
    return Common(
        tuple(v.name for v, _ in both), tuple(v.id for v, _ in both), tuple(w.id for _, w in both)
    )


def difference(first: System, second: System, common: Common, limits: Limits) -> Answer:
    """What `first` shows and `second` cannot; `max_states` bounds the pairs that are looked at."""
    return _Search(first, second, common, limits).run()


@dataclass(frozen=True, slots=True)
class _Pair:
    """A state of the first system, and by number all states that the second may be in."""

    state: State
    others: int


@dataclass
class _Search:
    first: System
    second: System
    common: Common
    limits: Limits
    arrivals: dict[_Pair, tuple[_Pair, ActionId] | int] = field(default_factory=dict)
    sets: list[frozenset[State]] = field(default_factory=list)
    numbers: dict[frozenset[State], int] = field(default_factory=dict)
    moves: dict[tuple[int, Seen], int | None] = field(default_factory=dict)

    def run(self) -> Answer:
        self.started = time.monotonic()
        self.stepper, self.other_stepper = Stepper(self.first), Stepper(self.second)
        try:
            return self._search()
        except KeyboardInterrupt:
            return Unknown(len(self.arrivals), "interrupt")
        except MemoryError:
            return Unknown(len(self.arrivals), "memory")

    def _search(self) -> Answer:
        level: list[_Pair] = []
        for number, state in enumerate(self.first.initial_states):
            seen = self._seen(state)
            others = self._closed(
                {s for s in self.second.initial_states if self._seen_other(s) == seen}, seen
            )
            if others is None:
                return Excess(len(self.arrivals), Run(number, ()))
            pair = _Pair(state, others)
            if self.arrivals.setdefault(pair, number) == number:
                level.append(pair)
        count = 0
        while level:
            following: list[_Pair] = []
            for pair in level:
                count += 1
                if count % _CHECK_EVERY == 0 and (limit := self._limit()):
                    return Unknown(len(self.arrivals), limit)
                before = self._seen(pair.state)
                for action, outcome in self.stepper.outcomes(pair.state):
                    if not isinstance(outcome, Goes):
                        continue
                    seen = self._seen(outcome.state)
                    others = pair.others if seen == before else self._moved(pair.others, seen)
                    if others is None:
                        return Excess(len(self.arrivals), self._run_to(pair, action.id))
                    after = _Pair(outcome.state, others)
                    if after not in self.arrivals:
                        self.arrivals[after] = (pair, action.id)
                        following.append(after)
            level = following
        return Included(len(self.arrivals))

    def _limit(self) -> Limit | None:
        limits = self.limits
        if limits.max_states is not None and len(self.arrivals) > limits.max_states:
            return "states"
        if limits.timeout_s is not None and time.monotonic() - self.started > limits.timeout_s:
            return "time"
        return None

    def _seen(self, state: State) -> Seen:
        return tuple(state[id] for id in self.common.first)

    def _seen_other(self, state: State) -> Seen:
        return tuple(state[id] for id in self.common.second)

    def _moved(self, others: int, seen: Seen) -> int | None:
        """Where the second system may be after it showed `seen` next; None if it cannot."""
        key = (others, seen)
        if key not in self.moves:
            after = {
                outcome.state
                for state in self.sets[others]
                for _, outcome in self.other_stepper.outcomes(state)
                if isinstance(outcome, Goes) and self._seen_other(outcome.state) == seen
            }
            self.moves[key] = self._closed(after, seen)
        return self.moves[key]

    def _closed(self, states: set[State], seen: Seen) -> int | None:
        """The number of the set of these states and all that follow without a visible change."""
        found = set(states)
        waiting = list(states)
        while waiting:
            for _, outcome in self.other_stepper.outcomes(waiting.pop()):
                if (
                    isinstance(outcome, Goes)
                    and outcome.state not in found
                    and self._seen_other(outcome.state) == seen
                ):
                    found.add(outcome.state)
                    waiting.append(outcome.state)
        if not found:
            return None
        frozen = frozenset(found)
        if frozen not in self.numbers:
            self.numbers[frozen] = len(self.sets)
            self.sets.append(frozen)
        return self.numbers[frozen]

    def _run_to(self, pair: _Pair, last: ActionId) -> Run:
        actions = [last]
        while not isinstance(came := self.arrivals[pair], int):
            pair, action = came
            actions.append(action)
        return Run(came, tuple(reversed(actions)))
