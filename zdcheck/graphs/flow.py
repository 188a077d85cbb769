"""Control flow: where a thread can stand, and the steps that lead from there to there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from zdcheck.base.diagnostics import UsageError
from zdcheck.base.source import Span
from zdcheck.ir.expr import Const, Op
from zdcheck.ir.system import Action, Check, System, Thread
from zdcheck.pipeline import Lowered, did_you_mean
from zdcheck.render.drawing import Drawing, Edge, Node, NodeKind
from zdcheck.trace.code import Shown, code_of, shown_code
from zdcheck.trace.waiting import short

_NODE, _EDGE = 44, 34


def control_flow(lowered: Lowered, thread: str | None = None) -> Drawing:
    """All thread families beside each other, or only the one that `thread` names or belongs to.

    Of a family only the first thread is drawn, since all run the same code. Steps that differ
    only in their choices are one arrow. Raises UsageError if there is no such thread.
    """
    system = lowered.system
    first = {t.family: t for t in reversed(system.threads)}
    shown = [t for t in system.threads if first[t.family] is t]
    if thread is not None:
        shown = [first[t.family] for t in system.threads if thread in (t.name, t.family)][:1]
        if not shown:
            names = {t.name for t in system.threads} | set(first)
            raise UsageError(f"no thread `{thread}`{did_you_mean(thread, names)}")
    nodes, edges = [], []
    for one in shown:
        nodes += list(_nodes(lowered, one))
        edges += list(_edges(lowered, one))
    return Drawing("flow", f"control flow of {system.name}", tuple(nodes), tuple(edges))


def _reachable(system: System, thread: Thread) -> set[int]:
    """The locations that some step leads to or from; the entry is one."""
    found = {0, thread.end}
    for action in system.actions:
        if action.thread == thread.index:
            found.update((action.location, *_targets(thread, action)))
    return found


def _nodes(lowered: Lowered, thread: Thread) -> Iterator[Node]:
    members = thread.family if thread.name == thread.family else f"{thread.family}[*]"
    group = f"daemon thread {members}" if thread.daemon else f"thread {members}"
    for location in sorted(_reachable(lowered.system, thread)):
        if location == thread.end:
            yield Node(_node(thread, location), ("end",), kind="end", group=group)
            continue
        lines, about = [f"({location})"], []
        if shown := _shown(lowered, thread, location):
            where, code = f"{shown.span.file.path}:{shown.span.line}", shown.code
            lines = [f"{_place(shown.span, lowered.spec.path)} ({location})", short(code, _NODE)]
            about = [where, code]
            if shown.inside is not None:
                inside = f"{shown.inside.file.path}:{shown.inside.line}"
                lines.append(f"> {short(shown.detail, _NODE)}")
                about += [inside, shown.detail]
        kind: NodeKind = "start" if location == 0 else "plain"
        yield Node(_node(thread, location), tuple(lines), tuple(about), kind, group)


def _shown(lowered: Lowered, thread: Thread, location: int) -> Shown | None:
    """What a reader sees of the thread's place: the code of a step from there."""
    for action in lowered.system.actions:
        if action.thread == thread.index and action.location == location:
            return shown_code(lowered.system, action, lowered.spec.path)
    span = thread.location_spans[location]
    return None if span is None else Shown(span, code_of(span))


def _edges(lowered: Lowered, thread: Thread) -> Iterator[Edge]:
    found: dict[tuple[int, int, str], str] = {}
    for action in lowered.system.actions:
        if action.thread == thread.index:
            text = " ".join(action.text.split())
            for target in _targets(thread, action):
                found.setdefault((action.location, target, text), str(action.span))
    for (before, after, text), where in found.items():
        shown = _shown(lowered, thread, before)
        said = shown is not None and " ".join((shown.detail or shown.code).split()).startswith(text)
        label = "" if said else short(text, _EDGE)
        yield Edge(_node(thread, before), _node(thread, after), label, (where, text))


def _targets(thread: Thread, action: Action) -> Iterator[int]:
    """Where a step leads: the constants that its update of the program counter can give.

    Nowhere for what is there only to fail its check.
    """
    pending = [value for variable, value in action.updates if variable == thread.pc]
    if not pending and (action.updates or not any(isinstance(t, Check) for t in action.tests)):
        yield action.location
    while pending:
        match pending.pop():
            case Const(value):
                yield value
            case Op("ite", (_, then, otherwise)):
                pending += [then, otherwise]
            case _:
                pass


def _node(thread: Thread, location: int) -> str:
    return f"{thread.family}.{location}"


def _place(span: Span, spec: str) -> str:
    """`:41` in the spec itself, `page:17` in a module."""
    module = "" if span.file.path == spec else PurePosixPath(span.file.path).stem
    return f"{module}:{span.line}"
