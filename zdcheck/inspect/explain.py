"""What mattered in a run: the steps a violation depends on, where a value comes from, the race.

A step matters if it wrote something that was read later on the way to the violation: by the
condition that failed, or by a step that matters; or if it is a test that a thread passed on its way
to a step that matters. Nothing is ever left out of a trace for this;
the rest is only drawn paler.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
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
    """The numbers (from 1) of the steps that matter, and the names of the variables that do.

    `looked` says for each of these steps what it looked at.
    """

    steps: frozenset[int]
    variables: frozenset[str]
    looked: Mapping[int, frozenset[str]]


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
    looked: dict[int, set[VarId]] = {}
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
        looked[number] = read
        wanted -= written
        wanted |= read
        seen |= read
    values = Values(system)

    def names(variables: Iterable[VarId]) -> frozenset[str]:
        return frozenset(item.name for v in variables if (item := values.item(v)) is not None)

    return Relevance(frozenset(steps), names(seen), {n: names(read) for n, read in looked.items()})


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
    """The race in one sentence, or that there is none; "" where the end is no one step's doing.
    Of a run that goes on for ever: what another thread left that keeps it going.

    The victim is the thread of the last step. What matters is the other thread's last step that
    changed something which matters, and what the victim had looked at before it. Locks do not
    matter here: that a thread waited for one says when it ran, not what went wrong.
    """
    steps = [step for step in trace.steps if step.number in relevant.steps]
    blame = trace.blame
    if trace.loop is not None:
        return _for_ever(trace, relevant)
    if not steps or blame is None or blame.violation in _NOBODYS:
        return ""
    last = steps[-1]
    victim = trace.threads[last.thread].name
    others = [s for s in steps if s.thread != last.thread and _made(s, relevant)]
    if not others:
        return (
            f"{victim} goes wrong by itself: no other thread changed anything that this depends on."
        )
    between = others[-1]
    other = trace.threads[between.thread].name
    what = f"ran {_code(between)}"
    what += f", which made {' and '.join(_made(between, relevant)[:_MOST_MADE])},"
    end = f"before {victim}'s {_code(last)}"
    before = [s for s in steps if s.thread == last.thread and s.number < between.number]
    if old := _outdated(steps, last, before, relevant):
        seen = f"after {victim} had looked at {old[1]} in {_code(old[0])}"
        return f"{other} {what} {seen} and {end}."
    earlier = [s for s in steps if s.thread == between.thread and s.number < between.number]
    if old := _outdated(steps, between, earlier, relevant):
        look, variable, change = old
        seen = f"{other} looked at {variable} in {_code(look)}"
        changed = f"{trace.threads[change.thread].name} changed it in {_code(change)}"
        return f"{seen}, {changed}, and {other} {what} {end}."
    if before:
        return f"{other} {what} after {victim}'s {_code(before[-1])} and {end}."
    return f"{other} {what} {end}."


_NOBODYS = ("deadlock", "lock_order")


def _for_ever(trace: Trace, relevant: Relevance) -> str:
    """What those who go round look at each time, if it is what another thread left; else ""."""
    assert trace.loop is not None
    steps = trace.steps[trace.loop - 1 :]
    going = {step.thread for step in steps}
    changed = {change.variable for step in steps for change in step.changes}
    looked = {name for step in steps for name in relevant.looked.get(step.number, ())} - changed
    for step in reversed(trace.steps[: trace.loop - 1]):
        for change in step.changes:
            if (
                step.thread not in going
                and change.variable in looked
                and change.kind in ("shared", "ghost")
            ):
                who = " and ".join(trace.threads[thread].name for thread in sorted(going))
                looks = "looks" if len(going) == 1 else "look"
                return (
                    f"Each time {who} {looks} at {change.variable}, which is {change.after} since"
                    f" {trace.threads[step.thread].name}'s {_code(step)}."
                )
    return ""


def _outdated(
    steps: Sequence[Step], until: Step, looks: Sequence[Step], relevant: Relevance
) -> tuple[Step, str, Step] | None:
    """The last of a thread's `looks` at something that another thread changed before the step `until`."""
    for look in reversed(looks):
        for later in steps:
            if later.thread != look.thread and look.number < later.number < until.number:
                for change in later.changes:
                    is_shared = change.kind not in ("local", "context")
                    if is_shared and change.variable in relevant.looked.get(look.number, ()):
                        return look, change.variable, later
    return None


def _made(step: Step, relevant: Relevance) -> list[str]:
    """What a step changed for others: `page[0].refcount 0`, an object's end first."""
    changes = [
        change
        for change in step.changes
        if change.kind in ("shared", "ghost") and change.variable in relevant.variables
    ]
    changes.sort(key=lambda change: change.after != "gone")
    return [f"{change.variable} {change.after}" for change in changes]


def _code(step: Step) -> str:
    """The step in a few words: what ran inside a call says more than the call, whose name is given."""
    text = " ".join((step.detail or step.code).split()).rstrip(";{ ")
    text = text if len(text) <= _LONGEST_CODE else f"{text[: _LONGEST_CODE - 3]}..."
    called = re.search(r"\b(\w+)\(", step.code) if step.detail else None
    inside = f" in {called[1]}()" if called else ""
    return f"`{text}`{inside} (step {step.number})"
