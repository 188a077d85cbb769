"""From a bare run to a trace, by the reference semantics alone: the only door.

An engine claims; this module confirms step by step with `ir.step` or raises EngineDisagreement.
So a counterexample that does not replay has no form in which anyone could see it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import assert_never

from zdcheck.base.diagnostics import EngineDisagreement
from zdcheck.base.source import SourceFile, Span
from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.progress import Lasso, closes, is_broken, starved
from zdcheck.ir.run import (
    BrokenProperty,
    Deadlock,
    FailedCheck,
    Fault,
    Imbalance,
    LockCycle,
    Run,
    Stuck,
)
from zdcheck.ir.step import Blocked, Fails, Goes, Stepper, attempt, is_deadlock
from zdcheck.ir.system import Action, Check, State, System
from zdcheck.trace.blame import blame
from zdcheck.trace.code import files_of, place_of, sets_variable, shown_code
from zdcheck.trace.history import History, touched_entries
from zdcheck.trace.model import (
    Change,
    LedgerLine,
    Named,
    OtherRun,
    Size,
    Step,
    Text,
    Trace,
    TraceThread,
)
from zdcheck.trace.stuck import stuck_thread
from zdcheck.trace.values import Values, short_name
from zdcheck.trace.waiting import standing


@dataclass(frozen=True, slots=True)
class Origin:
    """What the system was lowered from, in words.

    `files` are the texts of the spec and of everything it uses: a trace that has them can be
    replayed without the spec's directory.
    """

    spec: str
    check: str
    config: tuple[Named, ...] = ()
    scope: tuple[Size, ...] = ()
    files: tuple[SourceFile, ...] = ()


def replay(system: System, fault: Fault | None, run: Run, origin: Origin) -> Trace:
    """The trace of `run`, which ends in `fault` (None: in nothing wrong, for a witness).

    Raises EngineDisagreement if a step is not possible, or the fault is not there.
    """
    history = _follow(system, run, fault, origin.spec)
    others = _other_runs(system, fault, origin.spec)
    if fault is not None:
        _confirm(history, fault, others)
    steps = tuple(
        _step(history, number, origin.spec) for number in range(1, len(history.actions) + 1)
    )
    found = None if fault is None else blame(history, fault, others)
    return Trace(
        spec=origin.spec,
        check=origin.check,
        config=origin.config,
        scope=origin.scope,
        threads=tuple(TraceThread(t.name, t.family, t.daemon) for t in system.threads),
        start=run.initial,
        initial=tuple(
            Named(item.name, item.show(history.states[0])) for item in history.values.items
        ),
        steps=steps,
        blame=found,
        culprit=_culprit(history, fault),
        texts=_texts(origin, history, others, fault),
        loop=fault.loop + 1 if isinstance(fault, Stuck) else None,
        others=tuple(_other(fault, others, origin.spec)),
    )


def _other(fault: Fault | None, runs: tuple[History, ...], spec: str) -> Iterator[OtherRun]:
    """The further runs of a cycle of locks, each with the locks that it takes."""
    if not isinstance(fault, LockCycle):
        return
    held, taken = fault.classes[1:], (*fault.classes[2:], fault.classes[0])
    for one, other, run, history in zip(held, taken, fault.others, runs, strict=True):
        steps = tuple(_step(history, n, spec) for n in range(1, len(history.actions) + 1))
        yield OtherRun(one, other, run.initial, steps)


def _culprit(history: History, fault: Fault | None) -> str:
    """The family of the thread that a fault is blamed on."""
    threads = history.system.threads
    if isinstance(fault, Stuck):
        return threads[stuck_thread(history, fault)].family
    return threads[history.actions[-1].thread].family if history.actions else ""


def confirms(system: System, fault: Fault | None, run: Run) -> None:
    """Raise EngineDisagreement unless `run` is possible and ends in `fault`."""
    history = _follow(system, run, fault)
    if fault is not None:
        _confirm(history, fault, _other_runs(system, fault))


def _other_runs(system: System, fault: Fault | None, spec: str = "") -> tuple[History, ...]:
    """The further runs that a cycle of locks needs: one for each edge but the first."""
    runs = fault.others if isinstance(fault, LockCycle) else ()
    return tuple(_follow(system, run, None, spec) for run in runs)


def _follow(system: System, run: Run, fault: Fault | None, spec: str = "") -> History:
    """The states of the run; the last action may fail its check if `fault` says so."""
    if not 0 <= run.initial < len(system.initial_states):
        raise EngineDisagreement(
            f"the run starts in state {run.initial}, which is no initial state"
        )
    states: list[State] = [system.initial_states[run.initial]]
    actions: list[Action] = []
    for number, id in enumerate(run.actions, 1):
        if not 0 <= id < len(system.actions):
            raise EngineDisagreement(f"step {number} is action {id}, which does not exist")
        action = system.actions[id]
        actions.append(action)
        outcome = attempt(system, action, states[-1])
        is_last = number == len(run.actions)
        match outcome:
            case Goes(after):
                states.append(after)
            case Fails(test) if is_last and fault == FailedCheck(test):
                pass
            case Fails(test):
                raise EngineDisagreement(f"step {number} ({_at(action)}) fails its check {test}")
            case Blocked():
                raise EngineDisagreement(f"step {number} ({_at(action)}) is not possible")
            case _:
                assert_never(outcome)
    return History(system, Values(system), tuple(states), tuple(actions), spec)


def _at(action: Action) -> str:
    return f"action {action.id} at {action.span}"


def _confirm(history: History, fault: Fault, others: tuple[History, ...]) -> None:
    """Raise EngineDisagreement unless the end of the run is this fault."""
    system, state = history.system, history.last
    match fault:
        case FailedCheck(test):
            there = len(history.states) == len(history.actions) and test >= 0
        case BrokenProperty(number):
            prop = system.properties[number] if 0 <= number < len(system.properties) else None
            there = (
                prop is not None
                and not evaluate(prop.condition, state)
                and (prop.kind == "invariant" or system.all_ended(state))
            )
        case Imbalance(number):
            there = 0 <= number < len(system.ledger) and not evaluate(
                system.ledger[number].balanced, state
            )
        case Deadlock():
            there = is_deadlock(system, state, list(Stepper(system).outcomes(state)))
        case LockCycle(classes):
            edges = list(zip(classes, (*classes[1:], *classes[:1]), strict=True))
            runs = (history, *others)
            there = len(edges) == len(runs) and all(
                _takes(run, held, taken) for run, (held, taken) in zip(runs, edges, strict=True)
            )
        case Stuck(number, loop):
            lasso = Lasso(history.states, history.actions, loop)
            there = (
                0 <= number < len(system.progress)
                and closes(lasso)
                and is_broken(system.progress[number], lasso)
                and starved(system, lasso) is None
            )
        case _:
            assert_never(fault)
    if not there:
        raise EngineDisagreement(f"after {len(history.actions)} steps there is no {fault}")


def _takes(history: History, held: str, taken: str) -> bool:
    """Whether the run's last action takes `taken` while it holds `held`."""
    if not history.actions:
        return False
    before = history.states[-2]
    return any(
        edge.held == held and edge.taken == taken and evaluate(edge.when, before)
        for edge in history.actions[-1].lock_edges
    )


def _step(history: History, number: int, spec: str) -> Step:
    action = history.actions[number - 1]
    system = history.system
    before = history.states[number - 1]
    failed = number >= len(history.states)
    after = before if failed else history.states[number]
    shown = shown_code(system, action, spec)
    ledger = tuple(touched_entries(system, before, after))
    return Step(
        number=number,
        thread=action.thread,
        action=action.id,
        place=place_of(action.span),
        calls=tuple(place_of(span) for span in action.via),
        shown=place_of(shown.span),
        code=shown.code,
        detail=shown.detail,
        inside=None if shown.inside is None else place_of(shown.inside),
        choices=tuple(Named(name, value) for name, value in action.choices),
        changes=tuple(_changes(history, action, before, after, ledger)),
        ledger=ledger,
        failed=failed,
    )


def _changes(
    history: History,
    action: Action,
    before: State,
    after: State,
    ledger: tuple[LedgerLine, ...],
) -> Iterator[Change]:
    """What a step changed, without the parameters of inlined functions.

    A holder that lost its reference is no bookkeeping, even if it was only cleared.
    """
    system = history.system
    own = f"{system.threads[action.thread].name}."
    ran = [system.statements[s].span for s in sorted(action.statements)]
    is_wrong = any(line.value != line.expected for line in ledger)
    holders = {short_name(holder.name) for entry in system.ledger for holder in entry.holders}
    for change in history.values.changes(before, after):
        inside = change.variable.removeprefix(own).split(".")
        is_parameter = len(inside) > 1 and not any(
            sets_variable(span, *inside[-2:]) for span in ran
        )
        if change.kind == "local" and is_parameter:
            continue
        if is_wrong and change.variable in holders:
            yield replace(change, cleared=False)
        else:
            yield change


def _texts(
    origin: Origin, history: History, others: tuple[History, ...], fault: Fault | None
) -> tuple[Text, ...]:
    """The texts of every file that the system was made from, or that the trace has places in."""
    spans: list[Span] = [action.span for run in (history, *others) for action in run.actions]
    spans += [span for run in (history, *others) for action in run.actions for span in action.via]
    system = history.system
    match fault:
        case BrokenProperty(number):
            spans.append(system.properties[number].span)
        case Imbalance(number):
            spans.append(system.ledger[number].span)
        case FailedCheck(test):
            check = history.actions[-1].tests[test]
            assert isinstance(check, Check)
            spans.append(check.violation.span)
        case Deadlock():
            spans += standing(history)
        case Stuck(number):
            spans += [system.progress[number].span, *standing(history)]
        case LockCycle() | None:
            pass
        case _:
            assert_never(fault)
    files = {file.path: file for file in (*files_of(spans), *origin.files)}
    return tuple(Text(file.path, file.text) for file in files.values())
