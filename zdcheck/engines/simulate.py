"""A random walk over the reference semantics: one run, not a search.

Each step is drawn evenly from the threads that can move, then from that thread's possible
actions, so that a thread with many choices does not crowd the others out.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from zdcheck.ir.run import Deadlock, FailedCheck, Fault, Run
from zdcheck.ir.step import Fails, Goes, Stepper, is_deadlock, state_faults
from zdcheck.ir.system import Action, ActionId, State, System


@dataclass(frozen=True, slots=True)
class Walk:
    """A run and why it ends: in a fault, all threads have ended, or enough steps were made."""

    run: Run
    fault: Fault | None
    ended_by: Literal["fault", "end", "steps"]


def walk(system: System, seed: int, max_steps: int) -> Walk:
    """One walk; the same seed gives the same one. Ends at the first fault."""
    rng = random.Random(seed)
    stepper = Stepper(system)
    initial = rng.randrange(len(system.initial_states))
    state = system.initial_states[initial]
    actions: list[ActionId] = []
    while True:
        possible = list(stepper.outcomes(state))
        fault = _fault(system, state, possible)
        if fault is not None:
            return Walk(Run(initial, tuple(actions)), fault, "fault")
        if not possible:
            return Walk(Run(initial, tuple(actions)), None, "end")
        if len(actions) >= max_steps:
            return Walk(Run(initial, tuple(actions)), None, "steps")
        action, outcome = _draw(rng, possible)
        actions.append(action.id)
        match outcome:
            case Fails(test):
                return Walk(Run(initial, tuple(actions)), FailedCheck(test), "fault")
            case Goes(after):
                state = after


def _fault(
    system: System, state: State, possible: list[tuple[Action, Fails | Goes]]
) -> Fault | None:
    fault = next(state_faults(system, state), None)
    if fault is None and is_deadlock(system, state, possible):
        return Deadlock()
    return fault


def _draw(
    rng: random.Random, possible: list[tuple[Action, Fails | Goes]]
) -> tuple[Action, Fails | Goes]:
    threads = sorted({action.thread for action, _ in possible})
    thread = rng.choice(threads)
    return rng.choice([pair for pair in possible if pair[0].thread == thread])
