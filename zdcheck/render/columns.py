"""A counterexample as kernel commit messages draw it: one column per CPU, time goes down.

Plain text, made to be pasted into a mail: 75 columns unless something in it is longer than any
column, no colour needed. Only one thread moves in each row, so a long line may run on under the
column to its right; where threads are too many even for that, rows name their thread instead.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Literal

from zdcheck.base.catalogue import VIOLATIONS
from zdcheck.render.escape import printable
from zdcheck.trace.model import Blame, Change, Fact, LedgerLine, Place, Step, Trace

WIDTH = 75
"""What a commit message allows."""

_NUMBER = 5
"""The width of a step's number with the space after it."""

_LAST_COLUMN = 30
"""The least width of the last column: enough for `page[0].refcount: 1 -> 2` and a bit."""

_LONGEST = 52
"""A line that would run on farther than this under its neighbours is broken."""

_ONE_LINE = 36
"""A count with more holders than this has them on a line of their own."""

_CODE_LINES = 3
"""A statement is cut after so many lines; its place is given."""

Style = Literal["plain", "head", "code", "change", "ledger", "fault", "note"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of output and what it is, for colour."""

    text: str
    style: Style = "plain"


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where each thread's column begins, counted after the step numbers; empty: rows name threads."""

    columns: dict[int, int]
    width: int
    labels: int

    def room(self, thread: int, *, beside: int, is_fault: bool = False) -> int:
        """How wide a line of this thread may be, with `beside` characters kept free at the right.

        What is at fault is not broken while the page has room.
        """
        indent = self.columns.get(thread, 0)
        right = self.width - _NUMBER - beside - indent
        later = [start for start in self.columns.values() if start > indent]
        own = min(later) - indent - 2 if later else right
        return max(12, min(right, right if is_fault else max(own, _LONGEST)))


def columns(trace: Trace, reproduce: str = "", width: int = WIDTH) -> tuple[Line, ...]:
    """The whole counterexample, or witness: header, steps, what went wrong, how to see it again."""
    lines: list[Line] = []
    if trace.steps:
        layout = _layout(trace, width)
        lines += _header(trace, layout)
        for step, before in zip(trace.steps, (None, *trace.steps), strict=False):
            begins = step.number == trace.loop
            if begins:
                lines.append(_mark(loop_begins(trace), width))
            lines += _step(trace, step, None if begins else before, layout)
        for run in trace.others:
            does = f"takes {printable(run.taken)} while it holds {printable(run.held)}"
            who = printable(trace.threads[run.steps[-1].thread].name) if run.steps else "nobody"
            lines.append(_mark(f"in another run {who} {does}", width))
            for step, before in zip(run.steps, (None, *run.steps), strict=False):
                lines += _step(trace, step, before, layout)
    else:
        lines.append(Line("  (in the initial state, before any step)"))
    if trace.loop is not None:
        goes_on = trace.loop <= len(trace.steps)
        ends = f"again from step {trace.loop}" if goes_on else "and here the run stops for ever"
        lines.append(_mark(ends, width))
    if trace.blame is not None:
        lines += [Line(""), *_blame(trace, trace.blame, width)]
    if reproduce:
        lines += [Line(""), Line(f"  Reproduce: {printable(reproduce)}", "note")]
    return tuple(Line(line.text.rstrip(), line.style) for line in lines)


def text(lines: Sequence[Line]) -> str:
    """The lines as one text."""
    return "".join(f"{line.text}\n" for line in lines)


def _mark(text: str, width: int) -> Line:
    """A line across all columns."""
    return Line(f"  ---- {text} ".ljust(width, "-"), "head")


def loop_begins(trace: Trace) -> str:
    """`from here gup[0] repeats these 4 steps for ever`."""
    assert trace.loop is not None
    steps = trace.steps[trace.loop - 1 :]
    these = "this step" if len(steps) == 1 else f"these {len(steps)} steps"
    threads = {step.thread for step in steps}
    if len(threads) > 1:
        return f"from here {these} are repeated for ever"
    return f"from here {printable(trace.threads[threads.pop()].name)} repeats {these} for ever"


# --- the steps --------------------------------------------------------------------------


def _layout(trace: Trace, width: int) -> _Layout:
    moving, steps = trace.moving, trace.all_steps
    places = [step.shown for step in steps]
    places += [step.inside for step in steps if step.inside is not None]
    labels = max(len(place_label(trace, place)) for place in places) + 1
    area = width - _NUMBER - labels
    if len(moving) == 1:
        return _Layout({moving[0]: 0}, width, labels)
    last = max(_LAST_COLUMN, area // len(moving))
    apart = (area - last) // (len(moving) - 1)
    longest = max(len(printable(trace.threads[thread].name)) for thread in moving)
    if apart < longest + 2:
        return _Layout({}, width, labels)
    return _Layout({thread: n * apart for n, thread in enumerate(moving)}, width, labels)


def _header(trace: Trace, layout: _Layout) -> Iterator[Line]:
    names = {thread: printable(trace.threads[thread].name) for thread in layout.columns}
    if not names:
        return
    full = {thread: f"CPU{n} ({name})" for n, (thread, name) in enumerate(names.items())}
    starts = [*layout.columns.values()]
    gaps = [b - a - 2 for a, b in pairwise(starts)]
    if all(len(name) <= gap for name, gap in zip(full.values(), gaps, strict=False)):
        yield Line(_row(layout, full), "head")
        yield Line(_row(layout, {t: "-" * len(name) for t, name in full.items()}), "head")
    else:
        yield Line(_row(layout, {t: f"CPU{n}" for n, t in enumerate(names)}), "head")
        yield Line(_row(layout, names), "head")
        yield Line(_row(layout, {t: "-" * max(4, len(n)) for t, n in names.items()}), "head")


def _row(layout: _Layout, cells: dict[int, str]) -> str:
    row = ""
    for thread, cell in cells.items():
        row = row.ljust(_NUMBER + layout.columns[thread]) + cell
    return row


def _step(trace: Trace, step: Step, before: Step | None, layout: _Layout) -> Iterator[Line]:
    """The step's code, what ran inside it, what it did; `before` is the step above it."""
    number = f"{step.number:>3}  "
    if not goes_on(before, step):
        code = printable(step.code)
        if not layout.columns:
            code = f"{printable(trace.threads[step.thread].name)}: {code}"
        yield from _code(trace, step, layout, number, code, step.shown)
        number = " " * _NUMBER
    if step.inside is not None:
        code = f"  > {printable(step.detail)}"
        yield from _code(trace, step, layout, number, code, step.inside)
    below = " " * (_NUMBER + layout.columns.get(step.thread, 0) + (4 if step.detail else 2))
    for effect in effects(trace, step):
        is_fault = effect.style == "fault"
        room = layout.room(step.thread, beside=0, is_fault=is_fault) - (4 if step.detail else 2)
        for n, part in enumerate(_wrapped(effect.text, room, None)):
            under = "  " if effect.text.startswith("=") else ""
            yield Line(f"{below}{under}{'    ' if n else ''}{part}", effect.style)


def goes_on(before: Step | None, step: Step) -> bool:
    """Whether a step is a further one inside the call that the step above it belongs to."""
    return (
        before is not None
        and before.thread == step.thread
        and before.detail != ""
        and step.detail != ""
        and before.shown == step.shown
    )


def _code(
    trace: Trace, step: Step, layout: _Layout, number: str, code: str, place: Place
) -> Iterator[Line]:
    """A line of code in the thread's column, its place at the right edge."""
    label = place_label(trace, place)
    indent = " " * layout.columns.get(step.thread, 0)
    hanging = " " * (len(code) - len(code.lstrip(" >")) + 2)
    room = layout.room(step.thread, beside=len(label) + 1)
    for n, part in enumerate(_wrapped(code, room, _CODE_LINES, hanging)):
        row = f"{number if n == 0 else ' ' * _NUMBER}{indent}{part}"
        yield Line(f"{row.ljust(layout.width - len(label) - 1)} {label}" if n == 0 else row, "code")


@dataclass(frozen=True, slots=True)
class Effect:
    """One line of what a step did, and the variable that it is about ("" for a choice)."""

    text: str
    style: Style
    variable: str


def effects(trace: Trace, step: Step) -> Iterator[Effect]:
    """What a step did: choices, changes, and for counts who holds them. What is said twice is left out."""
    own = f"{trace.threads[step.thread].name}."
    said: set[str] = set()
    ledger = {line.count: line for line in step.ledger}
    for choice in step.choices:
        said.add(shown := f"{printable(choice.name)} = {printable(choice.value)}")
        yield Effect(shown, "change", "")
    for change in step.changes:
        shown = _change(change, own)
        if shown and shown not in said:
            yield Effect(shown, "change", change.variable)
        if line := ledger.pop(change.variable, None):
            yield from _ledger(line, is_first=False)
    for line in ledger.values():
        yield from _ledger(line, is_first=True)


_NUMBERED = re.compile(r"#\d+\b")
"""What tells two locals of one name apart; the reader sees from the code which one it is."""


def _change(change: Change, own: str) -> str:
    """A change in words; empty where it is bookkeeping."""
    name, after = printable(_NUMBERED.sub("", change.variable)), printable(change.after)
    if change.kind == "local" and change.variable.startswith(own):
        return "" if change.cleared else f"{name.removeprefix(printable(own))} = {after}"
    if change.kind == "context":
        name = name.removeprefix(printable(own))
    return f"{name}: {printable(change.before)} -> {after}"


def _ledger(line: LedgerLine, is_first: bool) -> Iterator[Effect]:
    """The count with its holders; under the count's own change its name is not said again."""
    head = f"{printable(line.count)} = {line.value}" if is_first else ""
    if line.value != line.expected:
        text = f"{head or f'= {line.value}'}, but {printable(line.held)}"
        yield Effect(text, "fault", line.count)
    elif is_first and not line.holders:
        yield Effect(f"{head}, {printable(line.held)}", "ledger", line.count)
    elif line.holders:
        whole = f"{head} = {printable(line.terms)}".strip()
        if is_first and len(whole) > _ONE_LINE:
            yield Effect(head, "ledger", line.count)
            whole = f"= {printable(line.terms)}"
        yield Effect(whole, "ledger", line.count)


def place_label(trace: Trace, place: Place) -> str:
    """`:41` in the spec itself, `page:17` elsewhere."""
    path = PurePosixPath(place.path)
    module = "" if place.path == trace.spec else printable(path.stem)
    return f"{module}:{place.line}"


def _wrapped(text: str, room: int, most: int | None, hanging: str = "") -> list[str]:
    """`text` broken to `room`; no word is broken, a line too many is cut."""
    lines = textwrap.wrap(
        text,
        max(room, 12),
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
    if most is not None and len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1]} ..."]
    return lines or [""]


# --- what went wrong --------------------------------------------------------------------


def _blame(trace: Trace, blame: Blame, width: int) -> Iterator[Line]:
    known = VIOLATIONS.get(blame.violation)
    is_named = blame.property is not None and blame.violation == blame.property
    message = known.meaning if is_named and known else printable(blame.message)
    said = message.startswith(f"{blame.violation} ")
    title = f"  *** {message} ***" if said else f"  *** {blame.violation}: {message} ***"
    if len(title) <= width:
        yield Line(title, "fault")
    else:
        yield Line(f"  *** {blame.violation} ***", "fault")
        for part in textwrap.wrap(message, width - 2, break_long_words=False):
            yield Line(f"  {part}", "fault")
    yield Line("")
    if place := blame.conjunct or blame.place:
        what = printable(blame.message) + ", " if is_named else ""
        for part in textwrap.wrap(f"{what}at {printable(place.path)}:{place.line}:", width - 2):
            yield Line(f"  {part}", "note")
        for part in textwrap.wrap(printable(place.text), width - 6, break_long_words=False):
            yield Line(f"      {part}", "note")
    if blame.bindings:
        values = ", ".join(f"{printable(b.name)} = {printable(b.value)}" for b in blame.bindings)
        yield Line(f"  false for {values}, where" if blame.facts else f"  false for {values}")
    for fact in blame.facts:
        yield from _fact(trace, fact, width)


def _fact(trace: Trace, fact: Fact, width: int) -> Iterator[Line]:
    since = "" if fact.step is None else f"[step {_who(trace, fact.step)}]"
    lines = textwrap.wrap(
        printable(fact.text), width - 4, break_long_words=False, break_on_hyphens=False
    )
    for n, part in enumerate(lines):
        row = f"    {'  ' if n else ''}{part}"
        if since and n == len(lines) - 1:
            if len(row) + 2 + len(since) <= width:
                yield Line(f"{row.ljust(width - len(since) - 1)} {since}")
                return
            yield Line(row)
            yield Line(since.rjust(width))
            return
        yield Line(row)


def _who(trace: Trace, number: int) -> str:
    step = trace.steps[number - 1]
    return f"{number}, {printable(trace.threads[step.thread].name)}"
