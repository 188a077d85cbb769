"""Threads that do not get on: where they stand, and the values that block them."""

from __future__ import annotations

from collections.abc import Iterator

from zdcheck.base.source import Span
from zdcheck.ir.step import Blocked, Stepper, attempt
from zdcheck.ir.system import State, Thread
from zdcheck.trace.code import shown_code, source_line
from zdcheck.trace.history import MOST_FACTS, History, causes, value_of
from zdcheck.trace.model import Fact


def standing(history: History) -> Iterator[Span]:
    """Where the threads stand that have not ended."""
    for thread in history.system.threads:
        if span := thread.location_spans[history.last[thread.pc]]:
            yield span


def stands(
    history: History, stepper: Stepper, thread: Thread, state: State
) -> tuple[Span, str] | None:
    """Where a thread that has not ended stands, and the line of code to show for it."""
    for action in stepper.candidates(state):
        if action.thread == thread.index:
            shown = shown_code(history.system, action, history.spec)
            return shown.span, shown.code
    span_here = thread.location_spans[state[thread.pc]]
    return None if span_here is None else (span_here, source_line(span_here))


def waits(history: History, stepper: Stepper, thread: Thread, state: State) -> Fact:
    """Where a blocked thread stands, and the values that block it."""
    reasons: dict[str, None] = {}
    for action in stepper.candidates(state):
        if action.thread != thread.index:
            continue
        outcome = attempt(history.system, action, state)
        if isinstance(outcome, Blocked) and outcome.test is not None:
            for variable in causes(action.tests[outcome.test].condition, state):
                if history.values.item(variable) is not None:
                    reasons.setdefault(value_of(history, variable, state))
    why = f", while {', '.join(list(reasons)[:MOST_FACTS])}" if reasons else ""
    text = f"{named(thread)} waits{place_words(history, stepper, thread, state)}{why}"
    return Fact(text, last_moved(history, thread))


def named(thread: Thread) -> str:
    """The thread's name, and that it is a daemon."""
    return f"{thread.name} (daemon)" if thread.daemon else thread.name


def place_words(history: History, stepper: Stepper, thread: Thread, state: State) -> str:
    """` at unplug.zd:17, `wait until users == 0;``; empty where that is not known."""
    found = stands(history, stepper, thread, state)
    if found is None:
        return ""
    span, code = found
    return f" at {span.file.path}:{span.line}, `{short(code)}`"


def last_moved(history: History, thread: Thread) -> int | None:
    """The thread's last step, None if it took none."""
    moved = [n for n, a in enumerate(history.actions, 1) if a.thread == thread.index]
    return moved[-1] if moved else None


def short(text: str, most: int = 60) -> str:
    """`text`, cut if it is long."""
    return text if len(text) <= most else text[: most - 3].rstrip() + "..."
