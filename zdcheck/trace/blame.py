"""What exactly went wrong at the end of a run, and since when.

Everything here is read off the states that the interpreter computed; nothing is taken from the
engine that found the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import assert_never

from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.expr import Expr
from zdcheck.ir.run import BrokenProperty, Deadlock, FailedCheck, Fault, Imbalance, LockCycle, Stuck
from zdcheck.ir.step import Stepper
from zdcheck.ir.system import Check, LedgerEntry, State
from zdcheck.trace.code import place_of, source_line
from zdcheck.trace.history import (
    History,
    causes,
    facts_of,
    holders,
    ledger_line,
)
from zdcheck.trace.model import Blame, Fact, LedgerLine, Named, Place
from zdcheck.trace.stuck import stuck_blame
from zdcheck.trace.values import short_name
from zdcheck.trace.waiting import stands, waits


def blame(history: History, fault: Fault, others: Sequence[History] = ()) -> Blame:
    """Why the end of the run is a fault. `others` are the further runs of a `LockCycle`."""
    match fault:
        case FailedCheck(test):
            return _failed_check(history, test)
        case BrokenProperty(number):
            return _broken_property(history, number)
        case Imbalance(number):
            return _imbalance(history, history.system.ledger[number])
        case Deadlock():
            return _deadlock(history)
        case LockCycle(classes):
            return _lock_cycle(history, classes, others)
        case Stuck():
            return stuck_blame(history, fault)
        case _:
            assert_never(fault)


# --- the ledger -------------------------------------------------------------------------


def _imbalance(history: History, entry: LedgerEntry) -> Blame:
    system, states = history.system, history.states
    before, after = states[-2] if len(states) > 1 else states[-1], states[-1]
    line = ledger_line(system, entry, before, after)
    stored = bool(history.actions) and entry.count in history.actions[-1].stores
    if stored:
        violation = "ledger_mismatch"
        message = f"`{line.count}` is set to {line.value}, but {line.held}"
    elif line.value > line.expected:
        violation = "reference_leak"
        message = f"`{line.count}` is {line.value}, but {line.held}"
    else:
        violation = "unbalanced_put"
        message = f"`{line.count}` is {line.value}, but {line.held}"
    return Blame(
        violation,
        message,
        replace(place_of(entry.span), text=source_line(entry.span)),
        None,
        None,
        (),
        tuple(_ledger_facts(history, entry, line, before, after)),
    )


def _ledger_facts(
    history: History, entry: LedgerEntry, line: LedgerLine, before: State, after: State
) -> Iterator[Fact]:
    step = len(history.states) - 1 or None
    if step is not None:
        counted = after[entry.count] - before[entry.count]
        for holder in entry.holders:
            was, now = evaluate(holder.count, before), evaluate(holder.count, after)
            if was == now:
                continue
            changed_values = ", ".join(_changes_of(history, holder.count, before, after))
            name = short_name(holder.name)
            how = changed_values.removeprefix(f"{name}: ") or "changed"
            if now:
                word = "without a get" if counted <= 0 else "with a get"
                yield Fact(f"{name} became a holder {word} ({how})", step)
            elif counted >= 0:
                yield Fact(f"{name} lost its reference without a put ({how})", step)
            else:
                yield Fact(f"{name} gave its reference up ({how})", step)
        if counted and holders(entry, before) == holders(entry, after):
            text = (
                "a count was taken that no variable holds"
                if counted > 0
                else "a count was put, and every holder still holds its own"
            )
            yield Fact(text, step)
    changed = history.since([entry.count])
    if changed is not None:
        was = history.states[changed - 1][entry.count]
        yield Fact(f"{line.count} last changed, {was} -> {line.value}", changed)


def _changes_of(history: History, expr: Expr, before: State, after: State) -> Iterator[str]:
    """What a holder's variables were and are: `gup[0].pin: page[0] -> null`."""
    seen = set()
    for variable in (*causes(expr, before), *causes(expr, after)):
        item = history.values.item(variable)
        if item is not None and item.name not in seen:
            seen.add(item.name)
            was, now = item.show(before), item.show(after)
            if was != now:
                yield f"{item.name}: {was} -> {now}"


# --- properties and checks --------------------------------------------------------------


def _last_drops(history: History, facts_about: Expr, state: State) -> Iterator[Fact]:
    """Who gave up the last reference of each count that is zero and matters."""
    counted = {entry.count: entry for entry in history.system.ledger}
    for variable in dict.fromkeys(causes(facts_about, state)):
        entry = counted.get(variable)
        if entry is None or state[variable] != 0:
            continue
        step = history.since([variable])
        if step is None:
            continue
        before, after = history.states[step - 1], history.states[step]
        gone = [h for h in holders(entry, before) if h not in holders(entry, after)]
        name = history.system.variables[variable].name
        held = f" (held by {', '.join(gone)})" if gone else ""
        yield Fact(f"last reference of {name} dropped{held}", step)


def _failed_check(history: History, test: int) -> Blame:
    action = history.actions[-1]
    check = action.tests[test]
    assert isinstance(check, Check)
    return Blame(
        check.violation.id,
        check.violation.message,
        replace(place_of(check.violation.span), text=source_line(check.violation.span)),
        None,
        None,
        (),
        (
            *facts_of(history, check.condition, history.last),
            *_last_drops(history, check.condition, history.last),
        ),
    )


def _broken_property(history: History, number: int) -> Blame:
    prop = history.system.properties[number]
    state = history.last
    binding = next((b for b in prop.bindings if not evaluate(b.condition, state)), None)
    condition = prop.condition if binding is None else binding.condition
    when = " when all threads have ended" if prop.kind == "finally" else ""
    return Blame(
        prop.violation,
        f"{prop.kind} `{prop.name}` is false{when}",
        place_of(prop.span),
        prop.name,
        None if binding is None or binding.span is None else place_of(binding.span),
        tuple(Named(name, value) for name, value in binding.values) if binding else (),
        (*facts_of(history, condition, state), *_last_drops(history, condition, state)),
    )


# --- threads that cannot go on ----------------------------------------------------------


def _deadlock(history: History) -> Blame:
    system, state = history.system, history.last
    stuck = [t for t in system.threads if state[t.pc] != t.end]
    waiting = [t for t in stuck if not t.daemon]
    stepper = Stepper(system)
    names = [t.name for t in waiting]
    who = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    facts = []
    for thread in (*waiting, *(t for t in stuck if t.daemon)):
        facts.append(waits(history, stepper, thread, state))
    first = stands(history, stepper, waiting[0], state) if waiting else None
    return Blame(
        "deadlock",
        f"{who} cannot go on, and no thread can step",
        None if first is None else replace(place_of(first[0]), text=first[1]),
        None,
        None,
        (),
        tuple(facts),
    )


def _lock_cycle(history: History, classes: tuple[str, ...], others: Sequence[History]) -> Blame:
    action = history.actions[-1]
    pairs = list(zip(classes, (*classes[1:], classes[0]), strict=True))
    facts = [Fact(_taken(history, *pairs[0]), len(history.actions))]
    for pair, other in zip(pairs[1:], others, strict=True):
        facts.append(Fact(_taken(other, *pair) + ", in another run", None))
    return Blame(
        "lock_order",
        f"locks are taken in a cycle: {' -> '.join((*classes, classes[0]))}",
        place_of(action.span),
        None,
        None,
        (),
        tuple(facts),
    )


def _taken(history: History, held: str, taken: str) -> str:
    action = history.actions[-1]
    where: Place = place_of(action.span)
    thread = history.system.threads[action.thread].name
    return f"{thread} takes {taken} while it holds {held}, at {where.path}:{where.line}"
