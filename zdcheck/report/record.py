"""A run as the page needs it: for each thing that has a value, since which step it has which.

Made anew from the replayed run, never from what a file says. A run of ten thousand steps is
nothing unusual, so whatever did not change is not computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from zdcheck.base.source import Span
from zdcheck.inspect.explain import Relevance, race, reads, relevance
from zdcheck.inspect.opened import Opened
from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.expr import VarId, variables_of
from zdcheck.ir.run import Fault, Stuck
from zdcheck.ir.step import states_along
from zdcheck.ir.system import Action, LedgerEntry, ProgressProperty, Property, State, System, Thread
from zdcheck.trace.history import ledger_line
from zdcheck.trace.model import ChangeKind, LedgerLine, Trace
from zdcheck.trace.values import Item, Values, kind_of

Truth = Literal["true", "false", "not yet", "never"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Value:
    """What a variable is from `step` on; `reads` are the numbers of the variables it was made from."""

    step: int
    text: str
    reads: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Variable:
    """One named thing of the state. `matters`: the violation depends on it."""

    name: str
    kind: ChangeKind
    matters: bool
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """What a count is from `step` on, and who holds it; no `line` while its object does not live."""

    step: int
    line: LedgerLine | None


@dataclass(frozen=True, slots=True)
class Count:
    """One counted field of one object."""

    name: str
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """A property and since which step it is what; of a promise, whether what it promises is so."""

    name: str
    kind: str
    truths: tuple[tuple[int, Truth], ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """A line of one of the texts."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a thread stands from `step` on: calls first, what it runs next last; nothing at its end."""

    step: int
    spots: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Walk:
    """One thread and all places where it stood."""

    name: str
    stands: tuple[Stand, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that a page shows of one run."""

    trace: Trace
    relevant: Relevance | None
    race: str
    variables: tuple[Variable, ...]
    counts: tuple[Count, ...]
    properties: tuple[Judged, ...]
    walks: tuple[Walk, ...]


def record(opened: Opened) -> Record:
    """The record of a replayed run."""
    trace = opened.trace
    system = opened.lowered.system
    actions = tuple(system.actions[id] for id in opened.run.actions)
    states = states_along(system, opened.run)
    whole = states if len(states) > len(actions) else (*states, states[-1])
    relevant = None if opened.fault is None else relevance(system, states, actions, opened.fault)
    calls = {(a.thread, a.location): a.via for a in reversed(system.actions)}
    return Record(
        trace,
        relevant,
        "" if relevant is None else race(trace, relevant),
        tuple(_variables(system, whole, actions, relevant)),
        tuple(_count(system, entry, whole) for entry in system.ledger),
        (
            *(_judged(system, prop, whole) for prop in system.properties),
            *(
                _promised(promise, whole, _broken_from(opened.fault, number))
                for number, promise in enumerate(system.progress)
            ),
        ),
        tuple(_walk(thread, calls, whole) for thread in system.threads),
    )


def _since(
    states: tuple[State, ...], read: Iterable[VarId], value: Callable[[State], T]
) -> list[tuple[int, T]]:
    """The value in the initial state, and each step that changed it; it depends on `read` only."""
    watched = sorted(set(read))
    found = [(0, value(states[0]))]
    for step in range(1, len(states)):
        before, after = states[step - 1], states[step]
        if before is not after and any(before[v] != after[v] for v in watched):
            now = value(after)
            if now != found[-1][1]:
                found.append((step, now))
    return found


def _variables(
    system: System,
    states: tuple[State, ...],
    actions: tuple[Action, ...],
    relevant: Relevance | None,
) -> Iterable[Variable]:
    values = Values(system)
    numbers = {item.name: number for number, item in enumerate(values.items)}

    def sources(item: Item, step: int) -> tuple[int, ...]:
        if step == 0:
            return ()
        found = (
            other.name
            for id in reads(system, actions[step - 1], set(item.variables), states[step - 1])
            if (other := values.item(id)) is not None and other.name != item.name
        )
        return tuple(numbers[name] for name in dict.fromkeys(found))

    for item in values.items:
        yield Variable(
            item.name,
            kind_of(item.role),
            relevant is None or item.name in relevant.variables,
            tuple(
                Value(step, text, sources(item, step))
                for step, text in _since(states, item.variables, item.show)
            ),
        )


def _count(system: System, entry: LedgerEntry, states: tuple[State, ...]) -> Count:
    read = {entry.count, *variables_of(entry.bias), *variables_of(entry.alive)}
    for holder in entry.holders:
        read.update(variables_of(holder.count))

    def line(state: State) -> LedgerLine | None:
        return ledger_line(system, entry, state, state) if evaluate(entry.alive, state) else None

    return Count(
        system.variables[entry.count].name,
        tuple(Level(step, found) for step, found in _since(states, read, line)),
    )


def _judged(system: System, prop: Property, states: tuple[State, ...]) -> Judged:
    read = set(variables_of(prop.condition))
    if prop.kind == "finally":
        read.update(thread.pc for thread in system.threads)

    def truth(state: State) -> Truth:
        if prop.kind == "finally" and not system.all_ended(state):
            return "not yet"
        return "true" if evaluate(prop.condition, state) else "false"

    return Judged(prop.name, prop.kind, tuple(_since(states, read, truth)))


def _broken_from(fault: Fault | None, number: int) -> int | None:
    """The state from which on a promise is never kept; None if the run does not show that."""
    return fault.loop if isinstance(fault, Stuck) and fault.property == number else None


def _promised(
    promise: ProgressProperty, states: tuple[State, ...], broken_from: int | None
) -> Judged:
    found = _since(
        states,
        variables_of(promise.goal),
        lambda state: "true" if evaluate(promise.goal, state) else "not yet",
    )
    truths: list[tuple[int, Truth]] = [
        (step, "true" if t == "true" else "not yet") for step, t in found
    ]
    if broken_from is not None:
        truths = [(step, truth) for step, truth in truths if step < broken_from]
        truths.append((broken_from, "never"))
    return Judged(promise.name, "progress", tuple(truths))


def _walk(
    thread: Thread, calls: Mapping[tuple[int, int], tuple[Span, ...]], states: tuple[State, ...]
) -> Walk:
    def spots(location: int) -> tuple[Spot, ...]:
        own = thread.location_spans[location]
        if own is None:
            return ()
        via = calls.get((thread.index, location), ())
        return tuple(Spot(span.file.path, span.line) for span in (*via, own))

    found = _since(states, (thread.pc,), lambda state: state[thread.pc])
    return Walk(thread.name, tuple(Stand(step, spots(at)) for step, at in found))
