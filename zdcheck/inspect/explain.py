"""What mattered in a run: the steps a violation depends on, where a value comes from, the race.

A step matters if it wrote something that was read later on the way to the violation: by the
condition that failed, or by a step that matters; or if it is a test that a thread passed on its way
to a step that matters. Nothing is ever left out of a trace for this;
the rest is only drawn paler.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.expr import Expr, VarId, variables_of
from zdcheck.ir.run import BrokenProperty, Deadlock, FailedCheck, Fault, Imbalance, LockCycle, Stuck
from zdcheck.ir.system import Action, Guard, State, System
from zdcheck.trace.history import causes
from zdcheck.trace.model import Step, Trace
from zdcheck.trace.values import Values

_LONGEST_CODE = 60
_MOST_MADE = 2


@dataclass(frozen=True, slots=True)
class Relevance:
    """The numbers (from 1) of the steps that matter, and the names of the variables that do."""

    steps: frozenset[int]
    variables: frozenset[str]


@dataclass(frozen=True, slots=True)
class Cause:
    """Step `number` gave `variable` the value `value`; `reads` are what it was made from there."""

    number: int
    variable: str
    value: str
    reads: tuple[str, ...]


def relevance(
    system: System, states: tuple[State, ...], actions: tuple[Action, ...], fault: Fault
) -> Relevance:
    """What the fault at the end of the run depends on, by the data that flowed."""
    wanted = {v for v in _fault_reads(system, states, actions, fault) if not _is_pc(system, v)}
    steps = set()
    seen = set(wanted)
    last = len(actions)
    if len(states) == last:
        # The last step failed its own check: it is the fault.
        steps.add(last)
        last -= 1
    elif isinstance(fault, Stuck):
        steps.update(range(fault.loop + 1, last + 1))
    elif actions:
        steps.add(last)
    threads = {actions[number - 1].thread for number in steps}
    for number in range(last, 0, -1):
        action, before, after = actions[number - 1], states[number - 1], states[number]
        written = {v for v, _ in action.updates if before[v] != after[v]} & wanted
        read = set(reads(system, action, written, before))
        # A thread got where it is only because of every test it passed on the way.
        passed = action.thread in threads and bool(set(reads(system, action, set(), before)))
        if not (written or passed or number in steps):
            continue
        steps.add(number)
        threads.add(action.thread)
        wanted -= written
        wanted |= read
        seen |= read
    values = Values(system)
    names = {item.name for v in seen if (item := values.item(v)) is not None}
    return Relevance(frozenset(steps), frozenset(names))


def _is_pc(system: System, id: VarId) -> bool:
    return system.variables[id].role == "pc"


def _fault_reads(
    system: System, states: tuple[State, ...], actions: tuple[Action, ...], fault: Fault
) -> Iterable[VarId]:
    state = states[-1]
    match fault:
        case BrokenProperty(number):
            yield from causes(system.properties[number].condition, state)
        case Imbalance(number):
            entry = system.ledger[number]
            yield entry.count
            for holder in entry.holders:
                yield from variables_of(holder.count)
        case FailedCheck(test):
            for earlier in actions[-1].tests[: test + 1]:
                yield from causes(earlier.condition, state)
        case Deadlock():
            for action in system.actions:
                pc = system.threads[action.thread].pc
                if state[pc] == action.location:
                    for guard in action.tests:
                        if isinstance(guard, Guard) and not evaluate(guard.condition, state):
                            yield from causes(guard.condition, state)
        case Stuck(number, _):
            yield from variables_of(system.progress[number].goal)
        case LockCycle():
            for edge in actions[-1].lock_edges:
                yield from variables_of(edge.when)


def reads(system: System, action: Action, written: set[VarId], before: State) -> Iterable[VarId]:
    """What the values that a step wrote were made from, and what let the step happen."""
    expressions: list[Expr] = [value for id, value in action.updates if id in written]
    expressions += [test.condition for test in action.tests]
    for expression in expressions:
        for id in causes(expression, before):
            if not _is_pc(system, id):
                yield id


def why(
    system: System,
    states: tuple[State, ...],
    actions: tuple[Action, ...],
    name: str,
    at: int,
    depth: int = 4,
) -> tuple[Cause, ...]:
    """The steps that made the variable `name` what it is after step `at`, the last one first."""
    values = Values(system)
    items = {item.name: item for item in values.items}
    found: list[Cause] = []
    waiting = [(name, at, depth)]
    asked = set()
    while waiting:
        variable, step, left = waiting.pop(0)
        if variable not in items or (variable, step) in asked:
            continue
        asked.add((variable, step))
        item = items[variable]
        number = next(
            (
                n
                for n in range(min(step, len(states) - 1), 0, -1)
                if item.show(states[n]) != item.show(states[n - 1])
            ),
            0,
        )
        if number == 0:
            found.append(Cause(0, variable, item.show(states[0]), ()))
            continue
        action, before = actions[number - 1], states[number - 1]
        read = []
        for id in reads(system, action, set(item.variables), before):
            other = values.item(id)
            if other is not None and other.name != variable and other.name not in read:
                read.append(other.name)
        found.append(Cause(number, variable, item.show(states[number]), tuple(read)))
        if left > 1:
            waiting += [(other, number - 1, left - 1) for other in read]
    return tuple(sorted(set(found), key=lambda cause: -cause.number))


def race(trace: Trace, relevant: Relevance) -> str:
    """The race in one sentence; "" where no second thread had a part in it, or the run goes on for ever.

    The victim is the thread of the last step. What matters is the other thread's last step that
    changed something which matters, and what the victim had done before it.
    """
    steps = [step for step in trace.steps if step.number in relevant.steps]
    if not steps or trace.loop is not None:
        return ""
    last = steps[-1]
    victim = trace.threads[last.thread].name
    others = [step for step in steps if step.thread != last.thread]
    if not others:
        return ""
    between = next((s for s in reversed(others) if _made(s, relevant)), others[-1])
    other = trace.threads[between.thread].name
    before = [s for s in trace.steps if s.thread == last.thread and s.number < between.number]
    relevant_before = [s for s in before if s.number in relevant.steps] or before
    what = f"{other} ran `{_code(between)}` (step {between.number})"
    if made := _made(between, relevant):
        what += f", which made {' and '.join(made[:_MOST_MADE])},"
    end = f"before {victim}'s `{_code(last)}` (step {last.number})"
    if not relevant_before:
        return f"{what} {end}."
    first = relevant_before[-1]
    return f"{what} after {victim}'s `{_code(first)}` (step {first.number}) and {end}."


def _made(step: Step, relevant: Relevance) -> list[str]:
    """What a step changed for others: `page[0].refcount 0`, an object's end first."""
    changes = [c for c in step.changes if c.kind != "local" and c.variable in relevant.variables]
    changes.sort(key=lambda change: change.after != "gone")
    return [f"{change.variable} {change.after}" for change in changes]


def _code(step: Step) -> str:
    """The step in a few words: what ran inside a call says more than the call."""
    text = " ".join((step.detail or step.code).split()).rstrip(";{ ")
    return text if len(text) <= _LONGEST_CODE else f"{text[: _LONGEST_CODE - 3]}..."
