"""Runs by the reference semantics: what is wrong at their end, which steps they can do without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from zdcheck.engines.faults import check_numbers, rank
from zdcheck.ir.run import Deadlock, FailedCheck, Fault, Run
from zdcheck.ir.step import Fails, Goes, Stepper, attempt, is_deadlock, state_faults
from zdcheck.ir.system import ActionId, State, System


@dataclass(frozen=True, slots=True)
class Ending:
    """A fault at the end of a run, and the action (None: no further one) whose check shows it."""

    fault: Fault
    last: ActionId | None


class Runs:
    """The runs of one system."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.stepper = Stepper(system)
        self.numbers = check_numbers(system)

    def end_of(self, initial: int, actions: Sequence[ActionId]) -> State | None:
        """The state that the actions lead to; None if one of them does not go."""
        state = self.system.initial_states[initial]
        for id in actions:
            outcome = attempt(self.system, self.system.actions[id], state)
            if not isinstance(outcome, Goes):
                return None
            state = outcome.state
        return state

    def faults_at(self, state: State) -> list[Ending]:
        """Everything that is wrong with a state, or with a step from it, the first to report first."""
        found = [Ending(fault, None) for fault in state_faults(self.system, state)]
        outcomes = list(self.stepper.outcomes(state))
        if is_deadlock(self.system, state, outcomes):
            found.append(Ending(Deadlock(), None))
        failing = [(a, o.test) for a, o in outcomes if isinstance(o, Fails)]
        failing.sort(key=lambda pair: rank(FailedCheck(pair[1]), pair[0], self.numbers))
        found += [Ending(FailedCheck(test), action.id) for action, test in failing]
        return found

    def has(self, ending: Ending, initial: int, actions: Sequence[ActionId]) -> bool:
        """Whether the run ends like this."""
        state = self.end_of(initial, actions)
        return state is not None and ending in self.faults_at(state)

    def without_idle_steps(self, ending: Ending, run: Run) -> Run:
        """The run without steps that its ending does not need: single ones, and all later ones of a thread."""
        actions = list(run.actions)
        changed = True
        while changed:
            changed = False
            for position in reversed(range(len(actions))):
                thread = self.system.actions[actions[position]].thread
                tail = [id for id in actions[position:] if self.system.actions[id].thread != thread]
                for shorter in (
                    actions[:position] + tail,
                    actions[:position] + actions[position + 1 :],
                ):
                    if self.has(ending, run.initial, shorter):
                        actions, changed = shorter, True
                        break
                if changed:
                    break
        return Run(run.initial, tuple(actions))

    def with_few_switches(self, ending: Ending, run: Run) -> Run:
        """The same steps in an order in which the running thread changes less often.

        Moves each step up to the last one of its thread where the run still goes and ends the same.
        """
        actions = list(run.actions)
        for position in range(1, len(actions)):
            thread = self.system.actions[actions[position]].thread
            earlier = [p for p in range(position) if self._thread(actions[p]) == thread]
            if not earlier or earlier[-1] == position - 1:
                continue
            moved = list(actions)
            moved.insert(earlier[-1] + 1, moved.pop(position))
            if self._switches(moved) < self._switches(actions) and self.has(
                ending, run.initial, moved
            ):
                actions = moved
        return Run(run.initial, tuple(actions))

    def _thread(self, id: ActionId) -> int:
        return self.system.actions[id].thread

    def _switches(self, actions: Sequence[ActionId]) -> int:
        threads = [self._thread(id) for id in actions]
        return sum(a != b for a, b in pairwise(threads))
