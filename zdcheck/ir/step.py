"""Steps of a system: which actions are possible in a state, what they do, what is wrong with it.

This is the meaning of a ground system. The interpreter searches with it, replay confirms every
engine's counterexample with it, and the inspector walks with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from zdcheck.ir.evaluate import evaluator
from zdcheck.ir.run import BrokenProperty, Fault, Imbalance, Run
from zdcheck.ir.system import Action, Guard, State, System


@dataclass(frozen=True, slots=True)
class Blocked:
    """The action is not possible: test number `test` (a guard) is false; None: its thread is elsewhere."""

    test: int | None


@dataclass(frozen=True, slots=True)
class Fails:
    """The action is possible and its test number `test` (a check) is false."""

    test: int


@dataclass(frozen=True, slots=True)
class Goes:
    """The action is possible and leads to `state`."""

    state: State


Outcome = Blocked | Fails | Goes


def attempt(system: System, action: Action, state: State) -> Outcome:
    """What happens if `action` is tried in `state`."""
    if state[system.threads[action.thread].pc] != action.location:
        return Blocked(None)
    for number, test in enumerate(action.tests):
        if not evaluator(test.condition)(state):
            return Blocked(number) if isinstance(test, Guard) else Fails(number)
    after = list(state)
    for variable, value in action.updates:
        after[variable] = evaluator(value)(state)
    return Goes(tuple(after))


class Stepper:
    """The actions of a system, sorted by where their threads are."""

    def __init__(self, system: System) -> None:
        self.system = system
        at: defaultdict[tuple[int, int], list[Action]] = defaultdict(list)
        for action in system.actions:
            at[action.thread, action.location].append(action)
        self._at = dict(at)
        self._pcs = tuple(thread.pc for thread in system.threads)

    def candidates(self, state: State) -> Iterator[Action]:
        """The actions of every thread at its location, possible or not, by thread."""
        for thread, pc in enumerate(self._pcs):
            yield from self._at.get((thread, state[pc]), ())

    def outcomes(self, state: State) -> Iterator[tuple[Action, Fails | Goes]]:
        """The possible actions with what they do."""
        for action in self.candidates(state):
            outcome = attempt(self.system, action, state)
            if not isinstance(outcome, Blocked):
                yield action, outcome


def states_along(system: System, run: Run) -> tuple[State, ...]:
    """The initial state and the one after each step; a last step whose own check fails has none."""
    states = [system.initial_states[run.initial]]
    for id in run.actions:
        outcome = attempt(system, system.actions[id], states[-1])
        if isinstance(outcome, Goes):
            states.append(outcome.state)
    return tuple(states)


def state_faults(system: System, state: State) -> Iterator[Fault]:
    """What is wrong with `state` itself, in the order in which faults are reported; not deadlock."""
    for number, entry in enumerate(system.ledger):
        if not evaluator(entry.balanced)(state):
            yield Imbalance(number)
    for number, prop in enumerate(system.properties):
        if prop.kind == "finally" and not system.all_ended(state):
            continue
        if not evaluator(prop.condition)(state):
            yield BrokenProperty(number)


def is_deadlock(system: System, state: State, possible: Sequence[object]) -> bool:
    """Whether `state` is a deadlock, given its possible actions."""
    return not possible and not system.all_ended(state)
