"""Why a run for ever breaks a promise: who goes round, who waits, for what, and who holds it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zdcheck.base.source import Span
from zdcheck.ir.expr import variables_of
from zdcheck.ir.progress import Lasso, possible_threads, promised_at
from zdcheck.ir.run import Stuck
from zdcheck.ir.step import Stepper
from zdcheck.ir.system import State, Thread
from zdcheck.trace.code import place_of
from zdcheck.trace.history import History, facts_of
from zdcheck.trace.model import Blame, Fact
from zdcheck.trace.waiting import last_moved, named, place_words, short, waits

_MOST_LISTED = 6


def stuck_blame(history: History, fault: Stuck) -> Blame:
    """The promise, and for each thread that has not ended what it does for ever."""
    progress = history.system.progress[fault.property]
    return Blame(
        "stuck",
        _message(history, fault),
        place_of(progress.span),
        progress.name,
        None,
        (),
        tuple(_facts(history, fault)),
    )


def stuck_thread(history: History, fault: Stuck) -> int:
    """The thread that the fault is blamed on.

    One that should have ended, if the goal speaks of that; else one that waits or is passed over
    for ever, none of the daemons if possible; else the one whose step closes the loop.
    """
    should_end = _should_end(history, fault)
    if should_end:
        return should_end[0].index
    system, lasso = history.system, _lasso(history, fault)
    idle = [
        thread
        for thread in system.threads
        if thread.index not in lasso.stepping and history.last[thread.pc] != thread.end
    ]
    idle.sort(key=lambda thread: thread.daemon)
    if idle and (not idle[0].daemon or not lasso.stepping):
        return idle[0].index
    return history.actions[-1].thread if history.actions else 0


def _lasso(history: History, fault: Stuck) -> Lasso:
    return Lasso(history.states, history.actions, fault.loop)


def _should_end(history: History, fault: Stuck) -> list[Thread]:
    """The threads that the goal wants ended and that never end."""
    goal = frozenset(variables_of(history.system.progress[fault.property].goal))
    return [
        thread
        for thread in history.system.threads
        if thread.pc in goal and history.last[thread.pc] != thread.end
    ]


def _message(history: History, fault: Stuck) -> str:
    progress = history.system.progress[fault.property]
    goal = f"`{_text(progress.goal_span)}`"
    match progress.form:
        case "terminates":
            names = [thread.name for thread in _should_end(history, fault)]
            return f"{_and(names)} never {'ends' if len(names) < 2 else 'end'}"
        case "eventually":
            return f"{goal} never becomes true"
        case "infinitely_often":
            return f"{goal} is not true again"
        case "leads_to":
            assert progress.trigger_span is not None
            return f"after `{_text(progress.trigger_span)}`, {goal} never comes"


def _text(span: Span) -> str:
    return short(" ".join(span.text.split()), 40)


def _facts(history: History, fault: Stuck) -> Iterator[Fact]:
    system, lasso = history.system, _lasso(history, fault)
    progress = system.progress[fault.property]
    stepper = Stepper(system)
    if progress.trigger_span is not None:
        steps = promised_at(progress, lasso)
        yield Fact(f"`{_text(progress.trigger_span)}` holds, and so it is promised", steps or None)
    if progress.form != "terminates":
        yield from facts_of(history, progress.goal, history.last)
    possible = [possible_threads(stepper, state) for state in lasso.repeated]
    order = sorted(system.threads, key=lambda t: (t.daemon, t.index in lasso.stepping))
    for thread in order:
        if thread.index in lasso.stepping:
            numbers = range(lasso.loop + 1, len(lasso.actions) + 1)
            mine = [n for n in numbers if lasso.actions[n - 1].thread == thread.index]
            yield Fact(f"{named(thread)} repeats {_steps(mine)} for ever", None)
        elif history.last[thread.pc] != thread.end:
            can = [thread.index in threads for threads in possible]
            yield _idle(history, stepper, thread, lasso.repeated, can)


def _idle(
    history: History,
    stepper: Stepper,
    thread: Thread,
    repeated: Sequence[State],
    can: Sequence[bool],
) -> Fact:
    """What a thread that never steps in the loop does instead."""
    if not any(can):
        return waits(history, stepper, thread, repeated[0])
    if all(can):
        where = place_words(history, stepper, thread, repeated[0])
        text = f"{named(thread)} could go on{where}, but need not: it has no fairness"
        return Fact(text, last_moved(history, thread))
    fact = waits(history, stepper, thread, repeated[can.index(False)])
    return Fact(f"{fact.text}; it could go on in between, and misses it each time", fact.step)


def _steps(numbers: Sequence[int]) -> str:
    """`step 4`, `steps 4 to 7`, `steps 4, 6 and 7`, `8 of steps 4 to 20`."""
    first, last = numbers[0], numbers[-1]
    if first == last:
        return f"step {first}"
    if len(numbers) == last - first + 1 and len(numbers) > 2:
        return f"steps {first} to {last}"
    if len(numbers) > _MOST_LISTED:
        return f"{len(numbers)} of steps {first} to {last}"
    return f"steps {_and([str(number) for number in numbers])}"


def _and(names: Sequence[str]) -> str:
    if not names:
        return "it"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
