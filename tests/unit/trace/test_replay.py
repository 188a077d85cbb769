"""Replay confirms runs by the reference semantics, or says that an engine is wrong."""

from __future__ import annotations

import pytest

from tests.support.systems import locks, unplug
from zdcheck.base.diagnostics import EngineDisagreement
from zdcheck.engines.interpreter import InterpreterEngine
from zdcheck.engines.protocol import Found, Limits
from zdcheck.ir.run import BrokenProperty, Deadlock, FailedCheck, Imbalance, LockCycle, Run
from zdcheck.ir.system import ActionId, System
from zdcheck.trace.model import Trace
from zdcheck.trace.replay import Origin, replay

ORIGIN = Origin("specs/unplug.zd", "default")


def found(system: System) -> Found:
    claim = InterpreterEngine().solve(system, Limits(), lambda progress: None)
    assert isinstance(claim, Found)
    return claim


def trace_of(system: System) -> Trace:
    claim = found(system)
    return replay(system, claim.fault, claim.run, ORIGIN)


def facts(trace: Trace) -> list[tuple[str, int | None]]:
    assert trace.blame is not None
    return [(fact.text, fact.step) for fact in trace.blame.facts]


def test_a_broken_property_names_conjunct_binding_and_values() -> None:
    trace = trace_of(unplug())
    blame = trace.blame
    assert blame is not None
    assert blame.violation == blame.property == "refcount_zero_in_pte"
    assert [(b.name, b.value) for b in blame.bindings] == [("e", "pte[0]")]
    assert blame.conjunct is not None
    assert blame.conjunct.text == "e.entry is present(pg) implies pg.refcount > 0"
    assert facts(trace) == [
        ("pte[0].entry = present(page[0])", None),
        ("page[0].refcount = 0", 1),
        ("last reference of page[0].refcount dropped (held by unplug.base)", 1),
    ]
    assert trace.culprit == "unplug"


def test_a_forgotten_reference_is_a_leak() -> None:
    trace = trace_of(unplug(pte_holds=True, leaks=True))
    blame = trace.blame
    assert blame is not None
    assert blame.violation == "reference_leak"
    assert blame.message == "`page[0].refcount` is 2, but only pte[0].entry holds it"
    assert facts(trace) == [
        ("gup[0].pin lost its reference without a put (page[0] -> null)", 5),
        ("page[0].refcount last changed, 1 -> 2", 3),
    ]
    assert trace.steps[-1].ledger[0].holders == ("pte[0].entry",)


def test_a_count_that_is_stored_outright_is_a_mismatch() -> None:
    blame = trace_of(unplug(pte_holds=True, stores=True)).blame
    assert blame is not None
    assert blame.violation == "ledger_mismatch"


def test_a_deadlock_says_who_waits_where_for_what() -> None:
    trace = trace_of(locks(together=True))
    blame = trace.blame
    assert blame is not None
    assert blame.violation == "deadlock"
    assert facts(trace) == [
        ("a waits at specs/locks.zd:3, `lock(ptl);`, while ptl = b", 3),
        ("b waits at specs/locks.zd:10, `lock(mm );`, while mm = a", 2),
    ]


def test_a_cycle_of_lock_classes_shows_both_orders() -> None:
    trace = trace_of(locks(together=False))
    blame = trace.blame
    assert blame is not None
    assert blame.violation == "lock_order"
    assert blame.message == "locks are taken in a cycle: ptl -> mm -> ptl"
    assert [text for text, _ in facts(trace)] == [
        "b takes mm while it holds ptl, at specs/locks.zd:10",
        "a takes ptl while it holds mm, at specs/locks.zd:3, in another run",
    ]


def test_a_failed_check_ends_the_trace_with_a_step_that_changes_nothing() -> None:
    system = unplug(pte_holds=True)
    # Three gets on a count of 0..3 that starts with one: raise it from the initial state.
    refcount = next(v.id for v in system.variables if v.name == "page[0].refcount")
    state = list(system.initial_states[0])
    state[refcount] = 3
    full = System(
        **{
            name: getattr(system, name)
            for name in system.__dataclass_fields__
            if name not in ("initial_states", "ledger")
        },
        initial_states=(tuple(state),),
        ledger=(),
    )
    trace = trace_of(full)
    assert trace.blame is not None
    assert trace.blame.violation == "refcount_overflow"
    assert trace.steps[-1].failed
    assert trace.steps[-1].changes == ()


def test_a_step_shows_what_it_changed_and_the_ledger() -> None:
    trace = trace_of(unplug(pte_holds=True, leaks=True))
    got = trace.steps[2]
    assert [(c.variable, c.before, c.after) for c in got.changes if not c.cleared] == [
        ("page[0].refcount", "1", "2"),
        ("gup[0].pin", "null", "page[0]"),
    ]
    assert got.ledger[0].terms == "pte[0].entry + gup[0].pin"
    assert all(not c.variable.endswith(".pc") for step in trace.steps for c in step.changes)


def test_texts_travel_with_the_trace() -> None:
    trace = trace_of(unplug())
    (text,) = trace.texts
    assert text.path == "specs/unplug.zd"
    assert text.text.startswith("// A PTE without a reference")


GOOD = found(unplug())


@pytest.mark.parametrize(
    ("fault", "run", "message"),
    [
        (GOOD.fault, Run(1, GOOD.run.actions), "no initial state"),
        (GOOD.fault, Run(-1, GOOD.run.actions), "no initial state"),
        (GOOD.fault, Run(0, (ActionId(999),)), "does not exist"),
        (GOOD.fault, Run(0, (ActionId(-1),)), "does not exist"),
        (GOOD.fault, Run(0, (ActionId(5),)), "is not possible"),
        (GOOD.fault, Run(0, ()), "there is no"),
        (BrokenProperty(7), GOOD.run, "there is no"),
        (Imbalance(0), GOOD.run, "there is no"),
        (Imbalance(-1), GOOD.run, "there is no"),
        (Deadlock(), GOOD.run, "there is no"),
        (FailedCheck(0), GOOD.run, "there is no"),
        (LockCycle(("a", "b"), (GOOD.run,)), GOOD.run, "there is no"),
        (LockCycle((), ()), GOOD.run, "there is no"),
    ],
)
def test_what_does_not_replay_is_our_bug(fault: object, run: Run, message: str) -> None:
    with pytest.raises(EngineDisagreement, match=message):
        replay(unplug(), fault, run, ORIGIN)  # type: ignore[arg-type]


def test_a_check_that_fails_where_none_was_claimed_is_our_bug() -> None:
    claim = found(locks(together=True))
    with pytest.raises(EngineDisagreement):
        replay(locks(together=True), FailedCheck(0), claim.run, ORIGIN)
