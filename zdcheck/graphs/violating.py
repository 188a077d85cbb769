"""The violating run that is marked in a drawing, and the sentences about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zdcheck.ir.run import Fault, Run
from zdcheck.trace.model import Trace


@dataclass(frozen=True, slots=True)
class Violating:
    """A run of a check with its fault, and the trace that confirms both."""

    run: Run
    fault: Fault | None
    trace: Trace


def ending(violating: Violating) -> Iterator[str]:
    """What the red part of a drawing is."""
    trace = violating.trace
    if trace.blame is None:
        return
    length = many(len(trace.steps), "step")
    yield f"Red: {length} to {trace.blame.violation}: {trace.blame.message}"
    if trace.loop is not None:
        last = len(trace.steps)
        goes_on = trace.loop <= last
        yield f"Steps {trace.loop} to {last} repeat for ever." if goes_on else "It stops there."


def many(count: int, what: str) -> str:
    """`1 step`, `2 steps`."""
    return f"{count} {what}{'' if count == 1 else 's'}"
