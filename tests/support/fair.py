"""A second meaning of fairness and progress, for comparison: fixed points of sets of states.

No components, no lassos and nothing of `zdcheck.ir.progress`. Every state has an idle step that belongs to no
thread, so a run may stop wherever fairness lets it. A thread of strong fairness either steps
infinitely often or from some point on can never step; which ones do the latter is guessed. What is left are
conditions of the form "infinitely often", and the states from which all of them can be met for ever are the
largest set Z such that from each state of Z, inside Z, each condition can be met once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations

from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.step import Blocked, Goes, attempt
from zdcheck.ir.system import ProgressProperty, State, System

IDLE = -1
Step = tuple[State, int, State]


@dataclass(frozen=True)
class Behaviour:
    """All states and steps; `able[s]` are the threads that can step in `s`."""

    initial: frozenset[State]
    states: frozenset[State]
    steps: frozenset[Step]
    able: dict[State, frozenset[int]]


def behaviour(system: System, most: int) -> Behaviour | None:
    """Everything that can happen; None if there are more than `most` states."""
    seen = set(system.initial_states)
    pending = list(seen)
    steps: set[Step] = set()
    able: dict[State, frozenset[int]] = {}
    for state in pending:
        threads = set()
        for action in system.actions:
            outcome = attempt(system, action, state)
            if isinstance(outcome, Blocked):
                continue
            threads.add(action.thread)
            if isinstance(outcome, Goes):
                steps.add((state, action.thread, outcome.state))
                if outcome.state not in seen:
                    seen.add(outcome.state)
                    pending.append(outcome.state)
        if len(seen) > most:
            return None
        able[state] = frozenset(threads)
    idle = {(state, IDLE, state) for state in seen}
    return Behaviour(
        frozenset(system.initial_states), frozenset(seen), frozenset(steps | idle), able
    )


def is_broken(system: System, all_of_it: Behaviour, progress: ProgressProperty) -> bool:
    """Whether some fair run breaks the promise."""
    open_ = {s for s in all_of_it.states if not evaluate(progress.goal, s)}
    for_ever = fair_for_ever(system, all_of_it, open_)
    match progress.form:
        case "infinitely_often":
            return bool(for_ever)
        case "eventually" | "terminates":
            return bool(open_ & all_of_it.initial & can_reach(all_of_it, for_ever, open_))
        case "leads_to":
            assert progress.trigger is not None
            made = {s for s in open_ if evaluate(progress.trigger, s)}
            return bool(made & can_reach(all_of_it, for_ever, open_))


def can_reach(all_of_it: Behaviour, goal: Iterable[State], inside: set[State]) -> set[State]:
    """The states from which some path inside `inside` leads to `goal`."""
    reaching = set(goal) & inside
    while True:
        more = {s for s, _, t in all_of_it.steps if t in reaching and s in inside} - reaching
        if not more:
            return reaching
        reaching |= more


def fair_for_ever(system: System, all_of_it: Behaviour, inside: set[State]) -> set[State]:
    """The states from which a fair run can stay inside."""
    strong = [t.index for t in system.threads if t.fairness == "strong"]
    found: set[State] = set()
    for never in _subsets(strong):
        # From some point on these can never step, and the other strong ones step infinitely often.
        calm = {s for s in inside if not all_of_it.able[s] & set(never)}
        wanted = [t for t in strong if t not in never]
        found |= can_reach(all_of_it, _staying(system, all_of_it, calm, wanted), inside)
    return found


def _subsets(items: list[int]) -> Iterator[tuple[int, ...]]:
    return chain.from_iterable(combinations(items, n) for n in range(len(items) + 1))


def _staying(
    system: System, all_of_it: Behaviour, inside: set[State], wanted: list[int]
) -> set[State]:
    """The largest set in which each condition can be met again and again."""
    left = set(inside)
    while True:
        before = set(left)
        inner = [(s, t, u) for s, t, u in all_of_it.steps if s in left and u in left]
        for thread in system.threads:
            if thread.index in wanted:
                met = {s for s, t, _ in inner if t == thread.index}
            elif thread.fairness == "weak":
                met = {
                    s
                    for s, t, _ in inner
                    if t == thread.index or thread.index not in all_of_it.able[s]
                }
            else:
                continue
            left &= can_reach(all_of_it, met, left)
            inner = [(s, t, u) for s, t, u in inner if s in left and u in left]
        if left == before:
            return left
