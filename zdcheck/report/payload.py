"""The record as the JSON that the page's script moves along; texts are numbered, since most come again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zdcheck.render.escape import printable
from zdcheck.report.record import Count, Record, Spot, Variable, Walk
from zdcheck.report.source import Shown
from zdcheck.trace.model import LedgerLine, Place, Step


class _Strings:
    """Each text once, by its number; without hidden characters."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        return self.numbers.setdefault(printable(text), len(self.numbers))


def payload(record: Record, texts: tuple[Shown, ...]) -> dict[str, Any]:
    """What the script needs; `texts` are those that the page shows, in their order."""
    strings = _Strings()
    files = {text.path: text.number for text in texts}
    trace = record.trace
    return {
        "loop": trace.loop,
        "threads": [strings(thread.name) for thread in trace.threads],
        "steps": [_step(step, files) for step in trace.steps],
        "variables": [_variable(variable, strings) for variable in record.variables],
        "counts": [_count(count, strings) for count in record.counts],
        "properties": [
            [[step, strings(truth)] for step, truth in judged.truths]
            for judged in record.properties
        ],
        "walks": [_walk(walk, files) for walk in record.walks],
        "functions": [[[line, strings(name)] for line, name in text.functions] for text in texts],
        "strings": list(strings.numbers),
    }


def _step(step: Step, files: dict[str, int]) -> list[Any]:
    """The thread, and the lines that ran: calls first, the innermost last."""
    return [step.thread, _spots((*step.calls, step.place), files)]


def _spots(places: Iterable[Place | Spot], files: dict[str, int]) -> list[list[int]]:
    return [[files[place.path], place.line] for place in places if place.path in files]


def _variable(variable: Variable, strings: _Strings) -> dict[str, Any]:
    return {
        "name": strings(variable.name),
        "values": [[v.step, strings(v.text), list(v.reads)] for v in variable.values],
    }


def _count(count: Count, strings: _Strings) -> list[Any]:
    """For each level its step, its value, what holds it, and whether that is right; null while it does not live."""
    return [
        [level.step, None]
        if (line := level.line) is None
        else [
            level.step,
            line.value,
            strings(_held(line)),
            int(line.value == line.expected),
        ]
        for level in count.levels
    ]


def _held(line: LedgerLine) -> str:
    """What stands after the value."""
    if line.value != line.expected:
        return f", but {line.held}"
    return f" = {line.terms}" if line.terms else f", {line.held}"


def _walk(walk: Walk, files: dict[str, int]) -> list[Any]:
    return [[stand.step, _spots(stand.spots, files)] for stand in walk.stands]
