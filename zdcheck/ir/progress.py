"""Lassos: runs that never end, whether they are fair, and which promises they break.

A run that goes on for ever in a finite system repeats some steps for ever. So a broken promise has
a witness in the form of a lasso: a stem, then a loop that comes back to the state where it began.
The loop may be empty: then the run stops, and stays in that state for ever.

Fairness is per thread. A loop is fair to a thread if the thread steps in it; or, where fairness is
weak, if the thread cannot step in some state of it; or, where it is strong, if the thread cannot
step in any state of it. So a run may stop where no thread that has fairness can step, which is also how
a run ends. Choices of one thread (`any`, `either`) have no fairness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.step import Stepper
from zdcheck.ir.system import Action, ProgressProperty, State, System, Thread


@dataclass(frozen=True, slots=True)
class Lasso:
    """A run for ever: `states[i]` is the state after `i` steps; from `states[loop]` on it repeats.

    An empty loop (`loop` is the number of steps) means that it stops.
    """

    states: tuple[State, ...]
    actions: tuple[Action, ...]
    loop: int

    @property
    def repeated(self) -> tuple[State, ...]:
        """The states that come again and again."""
        return self.states[self.loop : max(self.loop + 1, len(self.actions))]

    @property
    def stepping(self) -> frozenset[int]:
        """The threads that step again and again."""
        return frozenset(action.thread for action in self.actions[self.loop :])


def possible_threads(stepper: Stepper, state: State) -> frozenset[int]:
    """The threads that can step in `state`."""
    return frozenset(action.thread for action, _ in stepper.outcomes(state))


def closes(lasso: Lasso) -> bool:
    """Whether the loop comes back to the state where it began."""
    return 0 <= lasso.loop < len(lasso.states) and lasso.states[-1] == lasso.states[lasso.loop]


def starved(system: System, lasso: Lasso) -> Thread | None:
    """The first thread to which the loop is not fair; None if it is fair to all."""
    stepper = Stepper(system)
    possible = [possible_threads(stepper, state) for state in lasso.repeated]
    for thread in system.threads:
        if not is_fair(thread, possible, lasso.stepping):
            return thread
    return None


def is_fair(thread: Thread, possible: Sequence[frozenset[int]], stepping: frozenset[int]) -> bool:
    """Whether a loop is fair to `thread`: `possible` are the threads that can step, by state."""
    if thread.fairness == "none" or thread.index in stepping:
        return True
    can = [thread.index in threads for threads in possible]
    return not any(can) if thread.fairness == "strong" else not all(can)


def is_broken(progress: ProgressProperty, lasso: Lasso) -> bool:
    """Whether the run breaks the promise."""
    states, repeated = lasso.states, lasso.repeated
    if any(evaluate(progress.goal, state) for state in repeated):
        return False
    match progress.form:
        case "infinitely_often":
            return True
        case "eventually" | "terminates":
            return not any(evaluate(progress.goal, state) for state in states)
        case "leads_to":
            return promised_at(progress, lasso) is not None


def promised_at(progress: ProgressProperty, lasso: Lasso) -> int | None:
    """The first number of steps after which the goal is promised and never comes; None if never."""
    match progress.form:
        case "eventually" | "terminates":
            return 0
        case "infinitely_often":
            return lasso.loop
        case "leads_to":
            assert progress.trigger is not None
            found = None
            for steps in reversed(range(len(lasso.states))):
                state = lasso.states[steps]
                if evaluate(progress.goal, state):
                    break
                if evaluate(progress.trigger, state):
                    found = steps
            return found
