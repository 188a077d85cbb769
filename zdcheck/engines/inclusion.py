"""Whether one system does nothing, as far as anybody else can see, that another cannot do.

What is seen of a state are the values of the shared variables that both systems have. What is
seen of a run is how they change; steps that change nothing visible do not count. `difference`
explores one system together with everything that the other could be doing meanwhile (a subset
construction), breadth first, so the run it finds is a shortest one. Steps that fail a check end a
run and are not compared: verdicts say that.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field

from zdcheck.engines.protocol import Limit, Limits
from zdcheck.ir.expr import VarId
from zdcheck.ir.run import Run
from zdcheck.ir.step import Goes, Stepper, states_along
from zdcheck.ir.system import ActionId, State, System

_CHECK_EVERY = 256


@dataclass(frozen=True, slots=True)
class Included:
    """Whatever the first system shows, the second can show too."""


@dataclass(frozen=True, slots=True)
class Excess:
    """A shortest run of the first system whose last step the second cannot follow."""

    run: Run


@dataclass(frozen=True, slots=True)
class Unknown:
    """A limit was reached first; `reached` says how far it got, in words."""

    limit: Limit
    reached: str


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


def stops_following(
    first: System, second: System, common: Common, run: Run, timeout_s: float | None
) -> int | None:
    """The first step of a run of `first` that `second` cannot follow; 0 is its initial state.

    None if it can follow all of them. Raises TimeoutError.
    """
    follower = _Follower(second, common.second, timeout_s)
    shown = [tuple(state[id] for id in common.first) for state in states_along(first, run)]
    others = follower.begin(shown[0])
    for step, (before, seen) in enumerate(itertools.pairwise(shown), 1):
        if others is None:
            return step - 1
        if seen != before:
            others = follower.moved(others, seen)
    return len(shown) - 1 if others is None else None


@dataclass(frozen=True, slots=True)
class _Pair:
    """A state of the first system, and by number all states that the second may be in."""

    state: State
    others: int


@dataclass
class _Follower:
    """Everything that a system may be doing while it shows the same as another: sets of its states, by number."""

    system: System
    seen_ids: tuple[VarId, ...]
    timeout_s: float | None
    sets: list[frozenset[State]] = field(default_factory=list)
    numbers: dict[frozenset[State], int] = field(default_factory=dict)
    moves: dict[tuple[int, Seen], int | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stepper = Stepper(self.system)
        self.started = time.monotonic()

    @property
    def is_late(self) -> bool:
        """Whether its time is over."""
        return self.timeout_s is not None and time.monotonic() - self.started > self.timeout_s

    def begin(self, seen: Seen) -> int | None:
        """Where it may be if this is what it shows first; None if it cannot."""
        return self._closed({s for s in self.system.initial_states if self._seen(s) == seen}, seen)

    def moved(self, states: int, seen: Seen) -> int | None:
        """Where it may be after it showed `seen` next; None if it cannot."""
        key = (states, seen)
        if key not in self.moves:
            after = {
                outcome.state
                for state in self.sets[states]
                for _, outcome in self.stepper.outcomes(state)
                if isinstance(outcome, Goes) and self._seen(outcome.state) == seen
            }
            self.moves[key] = self._closed(after, seen)
        return self.moves[key]

    def _seen(self, state: State) -> Seen:
        return tuple(state[id] for id in self.seen_ids)

    def _closed(self, states: set[State], seen: Seen) -> int | None:
        """The number of the set of these states and all that follow without a visible change."""
        found = set(states)
        waiting = list(states)
        while waiting:
            if len(waiting) % _CHECK_EVERY == 0 and self.is_late:
                raise TimeoutError
            for _, outcome in self.stepper.outcomes(waiting.pop()):
                if (
                    isinstance(outcome, Goes)
                    and outcome.state not in found
                    and self._seen(outcome.state) == seen
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


@dataclass
class _Search:
    first: System
    second: System
    common: Common
    limits: Limits
    arrivals: dict[_Pair, tuple[_Pair, ActionId] | int] = field(default_factory=dict)

    def run(self) -> Answer:
        self.stepper = Stepper(self.first)
        self.follower = _Follower(self.second, self.common.second, self.limits.timeout_s)
        try:
            return self._search()
        except TimeoutError:
            return self._unknown("time")
        except KeyboardInterrupt:
            return self._unknown("interrupt")
        except MemoryError:
            return self._unknown("memory")

    def _search(self) -> Answer:
        level: list[_Pair] = []
        for number, state in enumerate(self.first.initial_states):
            others = self.follower.begin(self._seen(state))
            if others is None:
                return Excess(Run(number, ()))
            pair = _Pair(state, others)
            if self.arrivals.setdefault(pair, number) == number:
                level.append(pair)
        count = 0
        while level:
            following: list[_Pair] = []
            for pair in level:
                count += 1
                if count % _CHECK_EVERY == 0 and (limit := self._limit()):
                    return self._unknown(limit)
                before = self._seen(pair.state)
                for action, outcome in self.stepper.outcomes(pair.state):
                    if not isinstance(outcome, Goes):
                        continue
                    seen = self._seen(outcome.state)
                    others = (
                        pair.others if seen == before else self.follower.moved(pair.others, seen)
                    )
                    if others is None:
                        return Excess(self._run_to(pair, action.id))
                    after = _Pair(outcome.state, others)
                    if after not in self.arrivals:
                        self.arrivals[after] = (pair, action.id)
                        following.append(after)
            level = following
        return Included()

    def _limit(self) -> Limit | None:
        limits = self.limits
        if limits.max_states is not None and len(self.arrivals) > limits.max_states:
            return "states"
        return "time" if self.follower.is_late else None

    def _unknown(self, limit: Limit) -> Unknown:
        return Unknown(limit, f"{len(self.arrivals):,} pairs of states")

    def _seen(self, state: State) -> Seen:
        return tuple(state[id] for id in self.common.first)

    def _run_to(self, pair: _Pair, last: ActionId) -> Run:
        actions = [last]
        while not isinstance(came := self.arrivals[pair], int):
            pair, action = came
            actions.append(action)
        return Run(came, tuple(reversed(actions)))
