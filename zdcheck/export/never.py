"""Promises about fair runs as never claims, for SPIN.

A never claim reads a run state by state and accepts it if it can pass an `accept` label again and again: such a run
breaks the promise. Each claim here has three parts: it waits for the state from which the goal never holds
again, stays there as long as it likes, and then sees to it that the run is fair. For that it goes round, from one thread
that has fairness to the next: past a weak one where that cannot step or just stepped. A strong one either
steps again and again, or from some point on never can; the claim guesses which, so that it has 2^n circles for n of them.

A run may stop where no thread that has fairness can step (`ir.progress`): for SPIN it then goes on with a
process that does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

from zdcheck.base.diagnostics import UsageError
from zdcheck.export.outline import Promise
from zdcheck.export.terms import Term
from zdcheck.ir.system import Thread

MAX_STRONG = 6
"""More threads with strong fairness make more circles than anybody reads."""


def never_claim(
    promise: Promise,
    threads: Sequence[Thread],
    processes: Mapping[str, int],
    started: str | None,
    text: Callable[[Term], str],
) -> Iterator[str]:
    """Lines of the claim that is named like the promise.

    `processes` are the numbers of the threads that ever step, by name; `started` is true where the run has begun, None if it
    always has.

    Raises UsageError if too many threads have strong fairness.
    """
    weak = [processes[t.name] for t in threads if t.fairness == "weak" and t.name in processes]
    strong = [processes[t.name] for t in threads if t.fairness == "strong" and t.name in processes]
    if len(strong) > MAX_STRONG:
        raise UsageError(
            f"{len(strong)} threads have strong fairness; Promela is written for {MAX_STRONG} at most"
        )
    without = f"!({text(promise.goal)})"
    trigger = [] if promise.trigger is None else [f"({text(promise.trigger)})"]
    begins = " && ".join([*([started] if started else []), *trigger, without])
    yield f"never {promise.identifier} {{"
    moves = [(begins, "without_")]
    if not promise.once:
        moves.append(("true", "begin_"))
    elif started:
        moves.append((f"!{started}", "begin_"))
    yield from _state("begin_", *moves)
    circles = [
        _Circle(number, [p for p in strong if p not in never], never, weak)
        for number, never in enumerate(_subsets(strong))
    ]
    enter = [(circle.holds(without), circle.label(0)) for circle in circles]
    yield from _state("without_", (without, "without_"), *enter)
    for circle in circles:
        yield from circle.lines(without)
    yield "}"


class _Circle:
    """From thread to thread, for runs in which some strong ones can `never` step again and the others do."""

    def __init__(
        self, number: int, step: Sequence[int], never: Sequence[int], weak: Sequence[int]
    ) -> None:
        self.number = number
        self.never = never
        self.passes = [f"(!enabled({p}) || _last == {p})" for p in weak]
        self.passes += [f"_last == {p}" for p in step]

    def label(self, place: int) -> str:
        return f"{'accept' if place == 0 else 'at'}_{self.number}_{place}_"

    def holds(self, without: str) -> str:
        return " && ".join([without, *(f"!enabled({process})" for process in self.never)])

    def lines(self, without: str) -> Iterator[str]:
        stays = self.holds(without)
        after = self.label(1) if self.passes else self.label(0)
        yield from _state(self.label(0), (stays, after))
        for place, passes in enumerate(self.passes, 1):
            last = place == len(self.passes)
            on = self.label(0 if last else place + 1)
            yield from _state(
                self.label(place), (f"{stays} && {passes}", on), (stays, self.label(place))
            )


def _state(label: str, *moves: tuple[str, str]) -> Iterator[str]:
    yield f"{label}:"
    yield "  do"
    for when, to in moves:
        yield f"  :: {when} -> goto {to}"
    yield "  od;"


def _subsets(processes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    for size in range(len(processes) + 1):
        yield from combinations(processes, size)
