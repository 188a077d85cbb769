"""What exactly went wrong at the end of a run, and since when.

Everything here is read off the states that the interpreter computed; nothing is taken from the
engine that found the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from zdcheck.base.source import Span
from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.expr import Const, Expr, Op, Select, Var, VarId
from zdcheck.ir.run import BrokenProperty, Deadlock, FailedCheck, Fault, Imbalance, LockCycle
from zdcheck.ir.step import Blocked, Stepper, attempt
from zdcheck.ir.system import Action, Check, LedgerEntry, State, System, Thread
from zdcheck.trace.code import place_of, shown_code, source_line
from zdcheck.trace.model import Blame, Fact, LedgerLine, Named, Place
from zdcheck.trace.values import Values, short_name

_MOST_FACTS = 12
"""A condition over a whole scope can have more; the first ones are enough to see why."""


@dataclass(frozen=True)
class History:
    """A confirmed run: `states[i]` is the state after `i` steps.

    A last action whose own check fails is in `actions` and has no state. `spec` is the path of
    the spec itself, whose lines are preferred to the library's.
    """

    system: System
    values: Values
    states: tuple[State, ...]
    actions: tuple[Action, ...]
    spec: str

    @property
    def last(self) -> State:
        """The state in which the run ends."""
        return self.states[-1]

    def since(self, variables: Iterable[VarId]) -> int | None:
        """The step that last changed one of `variables`, None if none ever did."""
        watched = tuple(variables)
        for step in range(len(self.states) - 1, 0, -1):
            before, after = self.states[step - 1], self.states[step]
            if any(before[v] != after[v] for v in watched):
                return step
        return None


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
        case _:
            assert_never(fault)


# --- the ledger -------------------------------------------------------------------------


def holders(entry: LedgerEntry, state: State) -> tuple[str, ...]:
    """The names of the places that hold a count of this entry now."""
    return tuple(short_name(h.name) for h in entry.holders if evaluate(h.count, state))


def ledger_line(system: System, entry: LedgerEntry, before: State, after: State) -> LedgerLine:
    """The entry as it stands in `after`."""
    return LedgerLine(
        count=system.variables[entry.count].name,
        before=before[entry.count],
        value=after[entry.count],
        bias=evaluate(entry.bias, after),
        holders=holders(entry, after),
    )


def touched_entries(system: System, before: State, after: State) -> Iterator[LedgerLine]:
    """Entries of living objects whose count or holders a step changed."""
    for entry in system.ledger:
        if evaluate(entry.alive, after) and (
            before[entry.count] != after[entry.count]
            or holders(entry, before) != holders(entry, after)
        ):
            yield ledger_line(system, entry, before, after)


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


def causes(expr: Expr, state: State) -> Iterator[VarId]:
    """The variables that explain why `expr` has its value in `state`, maybe more than once."""
    match expr:
        case Const():
            return
        case Var(id):
            yield id
        case Select(variables, low, index):
            yield from causes(index, state)
            position = evaluate(index, state) - low
            if 0 <= position < len(variables):
                yield variables[position]
        case Op("and" | "or" as op, args):
            decides = int(op == "or")
            deciding = [a for a in args if evaluate(a, state) == decides]
            for arg in deciding[:1] or args:
                yield from causes(arg, state)
        case Op("ite", (condition, then, otherwise)):
            yield from causes(condition, state)
            yield from causes(then if evaluate(condition, state) else otherwise, state)
        case Op(_, args):
            for arg in args:
                yield from causes(arg, state)
        case _:
            assert_never(expr)


def _facts_of(history: History, condition: Expr, state: State) -> tuple[Fact, ...]:
    """The values that decide `condition` in `state`, each with the step since which it has it."""
    facts: dict[str, Fact] = {}
    for variable in causes(condition, state):
        item = history.values.item(variable)
        if item is not None and item.name not in facts:
            facts[item.name] = Fact(_value(history, variable, state), history.since(item.variables))
    return tuple(facts.values())[:_MOST_FACTS]


def _value(history: History, variable: VarId, state: State) -> str:
    """`pte[0].entry = present(page[1])`; a count with its holders."""
    item = history.values.item(variable)
    assert item is not None
    if item.role == "alive":
        return f"{item.name} is {item.show(state)}"
    text = f"{item.name} = {item.show(state)}"
    for entry in history.system.ledger:
        if entry.count == variable and evaluate(entry.alive, state):
            terms = ledger_line(history.system, entry, state, state).terms
            if terms and evaluate(entry.balanced, state) and terms != item.show(state):
                return f"{text} = {terms}"
    return text


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
            *_facts_of(history, check.condition, history.last),
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
        (*_facts_of(history, condition, state), *_last_drops(history, condition, state)),
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
        facts.append(_waits(history, stepper, thread))
    first = _stands(history, stepper, waiting[0]) if waiting else None
    return Blame(
        "deadlock",
        f"{who} cannot go on, and no thread can step",
        None if first is None else replace(place_of(first[0]), text=first[1]),
        None,
        None,
        (),
        tuple(facts),
    )


def _stands(history: History, stepper: Stepper, thread: Thread) -> tuple[Span, str] | None:
    """Where a thread that has not ended stands, and the line of code to show for it."""
    for action in stepper.candidates(history.last):
        if action.thread == thread.index:
            shown = shown_code(history.system, action, history.spec)
            return shown.span, shown.code
    span_here = thread.location_spans[history.last[thread.pc]]
    return None if span_here is None else (span_here, source_line(span_here))


def _waits(history: History, stepper: Stepper, thread: Thread) -> Fact:
    """Where a blocked thread stands, and the values that block it."""
    state = history.last
    stands = _stands(history, stepper, thread)
    reasons: dict[str, None] = {}
    for action in stepper.candidates(state):
        if action.thread != thread.index:
            continue
        outcome = attempt(history.system, action, state)
        if isinstance(outcome, Blocked) and outcome.test is not None:
            for variable in causes(action.tests[outcome.test].condition, state):
                item = history.values.item(variable)
                if item is not None:
                    reasons.setdefault(_value(history, variable, state))
    name = f"{thread.name} (daemon)" if thread.daemon else thread.name
    where = ""
    if stands is not None:
        span, code = stands
        where = f" at {span.file.path}:{span.line}, `{_short(code)}`"
    why = f", while {', '.join(list(reasons)[:_MOST_FACTS])}" if reasons else ""
    moved = [n for n, a in enumerate(history.actions, 1) if a.thread == thread.index]
    return Fact(f"{name} waits{where}{why}", moved[-1] if moved else None)


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 3].rstrip() + "..."


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
