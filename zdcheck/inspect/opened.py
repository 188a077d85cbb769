"""A trace document brought back to life: its own texts, lowered again, its run replayed.

Nothing is taken from the file on trust but the texts and the numbers of the actions: states,
changes and blame are made anew by the reference semantics, and must be what the file says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zdcheck.base.diagnostics import EngineDisagreement, SpecError, ToolError, UsageError
from zdcheck.base.source import SourceFile
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
from zdcheck.ir.step import Fails, Goes, Stepper, attempt, is_deadlock, state_faults
from zdcheck.ir.system import ActionId, Check, State, System
from zdcheck.lang.modules import load_saved
from zdcheck.pipeline import Lowered, Options, Spec, lower_check, spec_of
from zdcheck.trace.model import Trace
from zdcheck.trace.replay import replay


@dataclass(frozen=True, slots=True)
class Opened:
    """A run with the system that it is a run of. `trace` is made anew.

    `fault` is None for a run in which nothing is wrong.
    """

    lowered: Lowered
    run: Run
    fault: Fault | None
    trace: Trace


def open_trace(saved: Trace) -> Opened:
    """Replay a trace by its own texts. Raises ToolError if it is not what it says it is."""
    try:
        return _open(saved)
    except (SpecError, UsageError) as error:
        raise ToolError(f"the spec in this trace is damaged: {error}") from None
    except EngineDisagreement as error:
        raise ToolError(f"this trace does not replay: {error}") from None


def _open(saved: Trace) -> Opened:
    lowered = _lowered(saved)
    run = Run(saved.start, tuple(ActionId(step.action) for step in saved.steps))
    fault = _fault(lowered.system, run, saved)
    trace = replay(lowered.system, fault, run, lowered.origin)
    if trace.steps != saved.steps or trace.others != saved.others:
        raise ToolError("this trace does not replay: its steps are not those of its spec")
    if fault is not None and trace.blame != saved.blame:
        raise ToolError("this trace does not replay: it ends in another violation than it says")
    return Opened(lowered, run, fault, trace)


def _lowered(saved: Trace) -> Lowered:
    files = {text.path: SourceFile(text.path, text.text) for text in saved.texts}
    if saved.spec not in files:
        raise ToolError(f"the text of {saved.spec!r} is not in this trace")
    source = files.pop(saved.spec)
    spec = spec_of(saved.spec, load_saved(source, files.values()))
    return lower_check(spec, spec.check(saved.check), _options(saved, spec))


def _options(saved: Trace, spec: Spec) -> Options:
    """The configuration and the scope that the trace names."""
    model = spec.model
    scopable = {*model.kinds, *(t.name for t in model.threads if t.count == "*")}
    return Options(
        settings={config.name: config.value for config in saved.config},
        scope={size.name: size.size for size in saved.scope if size.name in scopable},
    )


def _fault(system: System, run: Run, saved: Trace) -> Fault | None:
    """What is wrong at the end of the run, if the trace says that something is."""
    blame = saved.blame
    if blame is None:
        return None
    if blame.violation == "lock_order":
        return _cycle(saved)
    faults = list(faults_at(system, run))
    if saved.loop is not None:
        faults = [
            Stuck(number, saved.loop - 1)
            for number, progress in enumerate(system.progress)
            if progress.name == blame.property
        ]
    for fault in faults:
        if _id(system, run, fault) == blame.violation and _name(system, fault) in (
            None,
            blame.property,
        ):
            return fault
    raise ToolError(f"this trace does not replay: its run does not end in {blame.violation}")


def _cycle(saved: Trace) -> LockCycle:
    """The cycle that the runs of the trace make together; replaying it says whether they do."""
    if not saved.others:
        raise ToolError("the other runs of this cycle of locks are not in the file: check again")
    classes = (saved.others[-1].taken, *(run.held for run in saved.others))
    runs = (Run(one.start, tuple(ActionId(s.action) for s in one.steps)) for one in saved.others)
    return LockCycle(classes, tuple(runs))


def faults_at(system: System, run: Run) -> Iterator[Fault]:
    """Everything that is wrong where the run ends, `stuck` and cycles of locks left out.

    Raises EngineDisagreement if the run is not possible.
    """
    if not 0 <= run.initial < len(system.initial_states):
        raise EngineDisagreement(f"there is no initial state {run.initial}")
    state: State = system.initial_states[run.initial]
    for number, id in enumerate(run.actions, 1):
        if not 0 <= id < len(system.actions):
            raise EngineDisagreement(f"step {number} is action {id}, which does not exist")
        outcome = attempt(system, system.actions[id], state)
        if isinstance(outcome, Fails) and number == len(run.actions):
            yield FailedCheck(outcome.test)
            return
        if not isinstance(outcome, Goes):
            raise EngineDisagreement(f"step {number} is not possible")
        state = outcome.state
    yield from state_faults(system, state)
    if is_deadlock(system, state, list(Stepper(system).outcomes(state))):
        yield Deadlock()


def _id(system: System, run: Run, fault: Fault) -> str:
    match fault:
        case FailedCheck(test):
            check = system.actions[run.actions[-1]].tests[test]
            assert isinstance(check, Check)
            return check.violation.id
        case BrokenProperty(number):
            return system.properties[number].violation
        case Deadlock():
            return "deadlock"
        case Stuck():
            return "stuck"
        case _:
            return replay_id(system, fault, run)


def replay_id(system: System, fault: Fault, run: Run) -> str:
    """The id of a fault whose name depends on the run: a leak, an unbalanced put."""
    from zdcheck.trace.replay import Origin

    blame = replay(system, fault, run, Origin("", "")).blame
    assert blame is not None
    return blame.violation


def _name(system: System, fault: Fault) -> str | None:
    match fault:
        case BrokenProperty(number):
            return system.properties[number].name
        case Imbalance():
            return None
        case Stuck(number):
            return system.progress[number].name
        case _:
            return None
