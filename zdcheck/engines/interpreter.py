"""The reference interpreter as an engine: breadth-first search, written to be read.

States are visited level by level, so the first fault has a shortest run. Among the shortest
runs the one with the fewest context switches is found on the way: for each state and each
thread that can make the last step into it, the cheapest such arrival is kept. All arrivals of a
level are known before the next level begins, so costs never have to be corrected.
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from dataclasses import dataclass, field

from zdcheck.engines.faults import Rank, check_numbers, rank
from zdcheck.engines.how_far import Reached, how_far
from zdcheck.engines.lock_order import Edge, lock_cycle
from zdcheck.engines.progress import Graph, first_broken, triggered
from zdcheck.engines.protocol import (
    Claim,
    Found,
    Limit,
    Limits,
    NoneFound,
    Progress,
    Statistics,
    Stopped,
    Watcher,
)
from zdcheck.ir.evaluate import evaluator
from zdcheck.ir.run import Deadlock, FailedCheck, Fault, Run
from zdcheck.ir.step import Fails, Stepper, is_deadlock, state_faults
from zdcheck.ir.system import Action, ActionId, State, StatementId, System

_CHECK_EVERY = 256
"""States between two looks at the clock and at memory."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """The cheapest way known to reach a state with a last step by a given thread."""

    switches: int
    action: ActionId
    before: State


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fault with the last part of its run: `last` (if any) from `state`, reached as arrivals say."""

    rank: Rank
    switches: int
    fault: Fault
    state: State
    last: Action | None


class _LimitReached(Exception):
    def __init__(self, limit: Limit) -> None:
        self.limit: Limit = limit


@dataclass
class Search:
    """One breadth-first search. The fields are what it has found so far."""

    system: System
    limits: Limits
    watch: Watcher
    arrivals: dict[State, dict[int, Arrival]] = field(default_factory=dict)
    level: list[State] = field(default_factory=list)
    depth: int = 0
    known: int = 0
    waiting: int = 0
    transitions: int = 0
    fired: Counter[ActionId] = field(default_factory=Counter)
    covers: dict[int, Run] = field(default_factory=dict)
    antecedents: set[int] = field(default_factory=set)
    lock_edges: dict[Edge, Run] = field(default_factory=dict)
    looks: int = 0

    def run(self) -> Claim:
        """Search everything, or until the first fault or limit."""
        self.started = time.monotonic()
        self.stepper = Stepper(self.system)
        self.check_numbers = check_numbers(self.system)
        self.statement_covers: dict[StatementId, list[int]] = {}
        for number, cover in enumerate(self.system.covers):
            if cover.statement is not None:
                self.statement_covers.setdefault(cover.statement, []).append(number)
        try:
            return self._search()
        except _LimitReached as reached:
            return self._stopped(reached.limit)
        except KeyboardInterrupt:
            return self._stopped("interrupt")
        except MemoryError:
            return self._stopped("memory")

    def _stopped(self, limit: Limit) -> Stopped:
        reached = Reached(self.depth, len(self.arrivals), self.waiting)
        return Stopped(self._statistics(), limit, how_far(reached, limit))

    def _search(self) -> Claim:
        self.level = list(self.system.initial_states)
        self.arrivals = {state: {} for state in self.level}
        failed: list[Candidate] = []
        while self.level:
            candidates = failed
            next_failed: list[Candidate] = []
            following: dict[State, None] = {}
            self.known = len(self.arrivals)
            for count, state in enumerate(self.level):
                if count % _CHECK_EVERY == 0:
                    self._look_at_limits(len(self.level) - count)
                candidates.extend(self._faults_of(state))
                self._note_reached(state)
                possible = list(self.stepper.outcomes(state))
                if is_deadlock(self.system, state, possible):
                    candidates.append(self._candidate(Deadlock(), state, None))
                for action, outcome in possible:
                    if isinstance(outcome, Fails):
                        next_failed.append(
                            self._candidate(FailedCheck(outcome.test), state, action)
                        )
                    else:
                        self._arrive(state, action, outcome.state, following)
            if candidates:
                best = min(candidates, key=lambda c: (c.rank, c.switches))
                return Found(self._statistics(), best.fault, self._run_to(best.state, best.last))
            self.level = list(following)
            failed = next_failed
            if self.level:
                self.depth += 1
            elif failed:
                best = min(failed, key=lambda c: (c.rank, c.switches))
                return Found(self._statistics(), best.fault, self._run_to(best.state, best.last))
        if cycle := lock_cycle(self.lock_edges):
            return Found(self._statistics(), *cycle)
        triggers: frozenset[int] = frozenset()
        if self.system.progress:
            graph = Graph(self.system, self._look_again)
            if broken := first_broken(graph):
                return Found(self._statistics(), *broken)
            triggers = triggered(graph)
        return NoneFound(self._statistics(), self.covers, frozenset(self.antecedents), triggers)

    def _arrive(
        self, state: State, action: Action, after: State, following: dict[State, None]
    ) -> None:
        """Count the step, and keep it if it is the cheapest into a state of the next level."""
        self.transitions += 1
        self.fired[action.id] += 1
        self._note_step(state, action)
        if after not in self.arrivals:
            self.arrivals[after] = {}
            following[after] = None
        if after in following:
            switches = self._switches(state, action.thread)
            known = self.arrivals[after].get(action.thread)
            if known is None or switches < known.switches:
                self.arrivals[after][action.thread] = Arrival(switches, action.id, state)

    def _switches(self, state: State, thread: int | None) -> int:
        """The fewest context switches of a shortest run to `state`, then a step by `thread` if any."""
        return min(
            (
                arrival.switches + (thread is not None and last != thread)
                for last, arrival in self.arrivals[state].items()
            ),
            default=0,
        )

    def _candidate(self, fault: Fault, state: State, action: Action | None) -> Candidate:
        return Candidate(
            rank(fault, action, self.check_numbers),
            self._switches(state, action.thread if action else None),
            fault,
            state,
            action,
        )

    def _faults_of(self, state: State) -> list[Candidate]:
        return [self._candidate(fault, state, None) for fault in state_faults(self.system, state)]

    def _note_reached(self, state: State) -> None:
        """Covers and antecedents that are true in this state."""
        for number, cover in enumerate(self.system.covers):
            if (
                cover.condition is not None
                and number not in self.covers
                and evaluator(cover.condition)(state)
            ):
                self.covers[number] = self._run_to(state, None)
        for number, prop in enumerate(self.system.properties):
            if (
                prop.antecedent is not None
                and number not in self.antecedents
                and evaluator(prop.antecedent)(state)
            ):
                self.antecedents.add(number)

    def _note_step(self, state: State, action: Action) -> None:
        """Covered statements and lock edges of this step."""
        for statement, numbers in self.statement_covers.items():
            if statement in action.statements:
                for number in numbers:
                    if number not in self.covers:
                        self.covers[number] = self._run_to(state, action)
        for edge in action.lock_edges:
            key = (edge.held, edge.taken)
            if key not in self.lock_edges and evaluator(edge.when)(state):
                self.lock_edges[key] = self._run_to(state, action)

    def _run_to(self, state: State, last: Action | None) -> Run:
        """A shortest run to `state` with the fewest context switches, then `last`."""
        actions = [] if last is None else [last.id]
        thread = None if last is None else last.thread
        while arrivals := self.arrivals[state]:
            came_by = min(
                arrivals, key=lambda t: (arrivals[t].switches + (thread not in (None, t)), t)
            )
            arrival = arrivals[came_by]
            actions.append(arrival.action)
            state, thread = arrival.before, came_by
        return Run(self.system.initial_states.index(state), tuple(reversed(actions)))

    def _look_at_limits(self, left_in_level: int) -> None:
        self.waiting = left_in_level + max(0, len(self.arrivals) - self.known)
        elapsed = time.monotonic() - self.started
        self.watch(Progress(self.depth, len(self.arrivals), left_in_level, elapsed))
        limits = self.limits
        if limits.timeout_s is not None and elapsed > limits.timeout_s:
            raise _LimitReached("time")
        if limits.max_states is not None and len(self.arrivals) > limits.max_states:
            raise _LimitReached("states")
        if limits.max_memory is not None and _resident_bytes() > limits.max_memory:
            raise _LimitReached("memory")

    def _look_again(self) -> None:
        """While the graph for progress is made: as many states again."""
        self.looks += 1
        if self.looks % _CHECK_EVERY == 0:
            self._look_at_limits(0)

    def _statistics(self) -> Statistics:
        return Statistics(
            states=len(self.arrivals),
            transitions=self.transitions,
            depth=self.depth,
            elapsed_s=time.monotonic() - self.started,
            fired=dict(self.fired),
        )


def _resident_bytes() -> int:
    """The most memory this process has had so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class InterpreterEngine:
    """`--engine interpreter`."""

    name = "interpreter"

    def refuses(self, system: System) -> str | None:
        """Never: the interpreter defines what a system means."""
        return None

    def solve(self, system: System, limits: Limits, watch: Watcher) -> Claim:
        """See `Engine.solve`."""
        return Search(system, limits, watch).run()
