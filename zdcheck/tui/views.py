"""What the panes show, as Rich texts: pure functions of a session, tested without a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rich.table import Table
from rich.text import Text

from zdcheck.inspect.explain import Cause, Relevance
from zdcheck.inspect.session import HandOver, Move, Session, Shown, Truth
from zdcheck.render.columns import goes_on
from zdcheck.render.escape import printable
from zdcheck.trace.model import LedgerLine, Step, Trace

CHANGED = "bold cyan"
FAULT = "bold red"
DIM = "dim"
GOOD = "green"


def step_text(
    trace: Trace, step: Step, columns: Sequence[int], width: int, relevant: Relevance | None
) -> Text:
    """One step, indented to its thread's column; dim if the violation does not depend on it.

    A call that makes several steps is said once.
    """
    pale = relevant is not None and step.number not in relevant.steps
    is_last = step is trace.steps[-1] and trace.blame is not None
    style = DIM if pale else FAULT if is_last else ""
    indent = " " * (columns.index(step.thread) * _column(columns, width))
    text = Text(no_wrap=True, overflow="ellipsis")
    if step.number == trace.loop:
        text.append("     ↻ from here the steps repeat for ever\n", style="magenta")
    number = f"{step.number:>3}  "
    above = trace.steps[step.number - 2] if step.number > 1 else None
    if step.number == trace.loop or not goes_on(above, step):
        text.append(number, style=DIM)
        text.append(f"{indent}{_line(step.code)}", style=style or "bold")
        number = "\n     "
    if step.detail:
        text.append(number, style=DIM)
        text.append(f"{indent}> {_line(step.detail)}", style=style)
    for change in step.changes:
        if change.cleared:
            continue
        own = DIM if pale or (relevant and change.variable not in relevant.variables) else "cyan"
        body = f"{change.variable}: {change.before} → {change.after}"
        text.append(f"\n     {indent}  {_line(body)}", style=own)
    return text


def head_text(trace: Trace, columns: Sequence[int], width: int) -> Text:
    """The columns' names."""
    room = _column(columns, width)
    text = Text("     ", no_wrap=True, overflow="ellipsis")
    names = [_line(trace.threads[thread].name) for thread in columns]
    full = [f"CPU{number} ({name})" for number, name in enumerate(names)]
    shown = full if all(len(name) < room for name in full[:-1]) else names
    for number, name in enumerate(shown):
        is_last = number == len(columns) - 1
        short = name if len(name) < room else f"{name[: room - 2]}…"
        text.append(name if is_last else f"{short:<{room}}", style="bold")
    return text


def _column(columns: Sequence[int], width: int) -> int:
    """How far apart columns begin: code is long, so they overlap."""
    return max(4, min(26, (width - 24) // max(len(columns), 1)))


def shown_moves(moves: Iterable[Move]) -> list[Move]:
    """What can be done first; of what cannot, only what says something.

    Lowering makes several actions of one statement, one for each choice and each way through it. Where one of
    them is possible the others say nothing; where none is, those that differ only in choices are one.
    """
    every = list(moves)
    possible = {(m.thread, m.place) for m in every if m.word in ("enabled", "fails")}
    order = {"fails": 0, "enabled": 1, "blocked": 2, "ended": 3}
    said = [m for m in every if m.word != "blocked"]
    blocked: dict[tuple[str, str, str], list[Move]] = {}
    for move in every:
        if move.word == "blocked" and (move.thread, move.place) not in possible:
            blocked.setdefault((move.thread, move.place, move.text), []).append(move)
    for alike in blocked.values():
        first, reasons = alike[0], dict.fromkeys(move.why for move in alike)
        if len(alike) > 1:
            more = f", or one of {len(reasons) - 1} more" if len(reasons) > 1 else ""
            first = replace(first, choices="", why=f"{first.why}{more}")
        said.append(first)
    return sorted(said, key=lambda m: order[m.word])


def state_rows(
    shown: Iterable[Shown], relevant: Relevance | None, width: int
) -> list[tuple[str, Text]]:
    """Name and drawn row of everything in the state: what changed first, then what matters."""

    def is_pale(item: Shown) -> bool:
        return relevant is not None and item.name not in relevant.variables

    rows = []
    for item in sorted(shown, key=lambda s: (not s.changed, is_pale(s), s.value == "null")):
        pale = is_pale(item)
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"{_line(item.name)} = ", style=DIM if pale else "")
        text.append(_line(item.value), style=CHANGED if item.changed else DIM if pale else "")
        if item.changed:
            text.append(f"   was {_line(item.before)}", style=DIM)
        text.truncate(max(width, 16), overflow="ellipsis")
        rows.append((item.name, text))
    return rows


def ledger_row(line: LedgerLine) -> Text:
    """One count with its holders."""
    wrong = line.value != line.expected
    style = FAULT if wrong else CHANGED if line.value != line.before else ""
    held = (
        f"{line.value}, but {line.held}"
        if wrong
        else " = ".join(filter(None, (str(line.value), line.terms)))
    )
    return Text(f"{_line(line.count)} = ").append(_line(held), style=style)


def handovers_text(count: str, handovers: Iterable[HandOver], here: int) -> Text:
    """Where references of one object were taken and dropped, the step one stands on marked."""
    text = Text(f"{_line(count)}\n", style="bold")
    for one in handovers:
        mark = "▶" if one.step == here else " "
        text.append(f"{mark} step {one.step}, {_line(one.thread)}: ", style="bold")
        text.append(f"{one.before} → {one.after}\n")
        for name in one.taken:
            text.append(f"    {_line(name)} takes one\n", style=GOOD)
        for name in one.dropped:
            text.append(f"    {_line(name)} gives one up\n", style="magenta")
    if text.plain.count("\n") == 1:
        text.append("nobody takes or drops a reference on this branch", style=DIM)
    return text


def blame_text(trace: Trace) -> Text:
    """What is wrong at the end, and every fact about it."""
    blame = trace.blame
    if blame is None:
        return Text("Nothing is wrong at the end of this branch.", style=DIM)
    text = Text(f"{blame.violation}\n", style=FAULT)
    text.append(f"{_line(blame.message)}\n")
    if place := blame.conjunct or blame.place:
        text.append(f"\n{_line(_near(trace, place.path))}:{place.line}\n  ", style=DIM)
        text.append(f"{_line(place.text)}\n")
    for binding in blame.bindings:
        text.append(f"  false for {_line(binding.name)} = {_line(binding.value)}\n")
    for line in fact_lines(trace):
        text.append(f"- {line}\n")
    text.append("\ny: why the variable chosen in pane 1 is what it is", style=DIM)
    return text


def fact_lines(trace: Trace) -> list[str]:
    """The facts about what is wrong, without the spec's own path."""
    facts = trace.blame.facts if trace.blame is not None else ()
    return [
        _line(fact.text.replace(f" {trace.spec}:", " :"))
        + ("" if fact.step is None else f" [step {fact.step}]")
        for fact in facts
    ]


def _near(trace: Trace, path: str) -> str:
    return "" if path == trace.spec else path


def branch_text(session: Session, leaf: int, is_shown: bool) -> Text:
    """One branch of the history: how long, where it leaves an older one, how it ends."""
    path = session.path(leaf)
    fork = next((n.depth for n in reversed(path[:-1]) if len(session.children(n.number)) > 1), None)
    here = session.here
    session.go(leaf)
    blame = session.trace().blame
    session.go(here)
    text = Text("▶ " if is_shown else "  ", no_wrap=True, overflow="ellipsis")
    text.append(f"{path[-1].depth} steps", style="bold")
    if fork is not None:
        text.append(f", another way after step {fork}")
    if blame is None:
        return text.append("; nothing is wrong", style=GOOD)
    return text.append(f"; {blame.violation}", style=FAULT)


def truth_table(truths: Iterable[Truth]) -> Table:
    """Each property with its truth here."""
    table = Table(box=None, padding=(0, 1), show_header=False, expand=True)
    for truth in truths:
        word = "not yet" if truth.holds is None else "true" if truth.holds else "FALSE"
        style = DIM if truth.holds is None else GOOD if truth.holds else FAULT
        table.add_row(Text(word, style=style), Text(f"{truth.kind} {_line(truth.name)}"))
    return table


def move_text(move: Move) -> Text:
    """One thing that a thread could do."""
    text = Text(no_wrap=True, overflow="ellipsis")
    if move.word == "ended":
        return text.append(f"{_line(move.thread)} has ended", style=DIM)
    mark, style = {"enabled": ("●", GOOD), "fails": ("✗", FAULT)}.get(move.word, ("○", DIM))
    text.append(f"{mark} {_line(move.thread)}: ", style=style)
    text.append(_line(move.text), style=DIM if move.word == "blocked" else "")
    if move.choices:
        text.append(f"  [{_line(move.choices)}]", style="cyan")
    if move.why:
        says = "needs" if move.word == "blocked" else "is"
        text.append(f"\n    {says} {_line(move.why)}", style=style)
    return text


def source_text(session: Session, trace: Trace, height: int) -> Text:
    """The spec around the running thread's line, with the threads that stand on each line."""
    system, state = session.system, session.node.state
    at: dict[int, list[str]] = {}
    for thread in system.threads:
        span = thread.location_spans[state[thread.pc]]
        if span is not None and span.file.path == trace.spec:
            at.setdefault(span.line, []).append(thread.name)
    action = session.node.action
    span = (
        None
        if action is None
        else next(
            (s for s in (action.span, *reversed(action.via)) if s.file.path == trace.spec), None
        )
    )
    lines = next((t.text for t in trace.texts if t.path == trace.spec), "").splitlines()
    centre = span.line if span is not None else min(at, default=1)
    start = max(1, min(centre - height // 2, len(lines) - height + 1))
    text = Text(no_wrap=True, overflow="ellipsis")
    for number in range(start, min(start + height, len(lines) + 1)):
        here = span is not None and number == span.line
        text.append(f"{number:>4} {'▶' if here else ' '} ", style="bold" if here else DIM)
        text.append(_line(lines[number - 1]), style="reverse" if here else "")
        if number in at:
            text.append(f"   ◀ {', '.join(map(_line, at[number]))}", style="magenta")
        text.append("\n")
    return text


def cause_text(causes: Iterable[Cause], trace: Trace) -> Text:
    """Why a variable is what it is, the last step first."""
    text = Text()
    for cause in causes:
        where = "at the start"
        if cause.number:
            step = trace.steps[cause.number - 1]
            where = f"step {cause.number}, {trace.threads[step.thread].name}: {_line(step.code)}"
        text.append(f"{_line(cause.variable)} = {_line(cause.value)}", style="bold")
        text.append(f"\n  {_line(where)}")
        if cause.reads:
            text.append(f"\n  from {_line(', '.join(cause.reads))}", style=DIM)
        text.append("\n")
    return text


def _line(text: str) -> str:
    """On one line, and without anything that moves a cursor."""
    return printable(" ".join(text.split()) if "\n" in text else text.replace("\t", "    "))
