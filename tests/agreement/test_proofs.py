"""No proof of a system that has a fault; and every fact of a proof is true of every reachable state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.agreement.compare import ignore, interpreted
from tests.agreement.generate import random_system
from zdcheck.engines.explicit.layout import layout_of
from zdcheck.engines.protocol import Found, Limits, NoneFound, Stopped
from zdcheck.engines.symbolic import obligations
from zdcheck.engines.symbolic.facts import Invariant
from zdcheck.engines.symbolic.induction import Refuted, Search
from zdcheck.engines.symbolic.minimize import Reduced, looked_at_again, reduced
from zdcheck.engines.symbolic.obligations import Obligations, Step
from zdcheck.engines.symbolic.proof import Proved, Unproved, prove
from zdcheck.engines.symbolic.samples import Samples
from zdcheck.engines.symbolic.solving import Clock, LimitReached
from zdcheck.export.solvers import answers
from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.expr import FALSE
from zdcheck.ir.step import Goes, Stepper
from zdcheck.ir.system import State, System
from zdcheck.lang import model as m
from zdcheck.pipeline import Options, load_spec, lower_check

SPECS = Path(__file__).parent.parent.parent / "specs"

EVERYDAY = range(30)
MANY = range(1000, 2500)


def reachable(system: System, most: int = 3000) -> list[State]:
    """Every reachable state; the first `most` if there are more."""
    stepper = Stepper(system)
    seen = dict.fromkeys(system.initial_states)
    pending = list(seen)
    while pending and len(seen) < most:
        for _, outcome in stepper.outcomes(pending.pop()):
            if isinstance(outcome, Goes) and outcome.state not in seen:
                seen[outcome.state] = None
                pending.append(outcome.state)
    return list(seen)


def invariant_without_search(system: System, seconds: float = 10.0) -> Invariant | None:
    """What induction finds if it knows no reachable state but the first ones."""
    samples = Samples(system, [], layout_of(system))
    clock = Clock(Limits(timeout_s=seconds))
    try:
        return looked_at_again(system, Search(system, samples, clock, ignore).run(), clock)
    except (Refuted, LimitReached):
        return None


def proves_only_what_holds(system: System) -> bool:
    """Compare; whether there was a proof."""
    wanted = interpreted(system, 1500)
    if isinstance(wanted, Stopped):
        return False
    got = prove(system, Limits(timeout_s=20), ignore)
    if isinstance(wanted, Found):
        assert isinstance(got, Found)
        assert len(got.run.actions) == len(wanted.run.actions)
    else:
        assert isinstance(wanted, NoneFound)
        assert isinstance(got, Proved | Unproved)
    blind = invariant_without_search(system)
    assert blind is None or isinstance(wanted, NoneFound)
    proofs = [got.invariant] if isinstance(got, Proved) else []
    proofs += [] if blind is None else [blind]
    for invariant in proofs:
        for state in reachable(system):
            for fact in invariant.facts:
                assert evaluate(fact.expr, state), fact
    return bool(proofs)


@pytest.mark.parametrize("seed", EVERYDAY)
def test_random_systems(seed: int) -> None:
    proves_only_what_holds(random_system(seed))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(MANY.start, MANY.stop, 100))
def test_many_random_systems(first: int) -> None:
    proved = 0
    for seed in range(first, first + 100):
        try:
            proved += proves_only_what_holds(random_system(seed))
        except Exception as error:
            error.add_note(f"random_system({seed})")
            raise
    assert proved > 15


SMALL = ("unplug/teardown.zd", "unplug/remap.zd")


def lowered_checks(path: str) -> Iterator[tuple[m.Check, System]]:
    """Every check of a spec with its system."""
    spec = load_spec(str(SPECS / path))
    for check in spec.model.checks:
        yield check, lower_check(spec, check, Options()).system


@pytest.mark.parametrize("path", SMALL)
def test_specs(path: str) -> None:
    """Every variant: proved if it holds, refuted if not, and never proved without explicit search."""
    for check, system in lowered_checks(path):
        expects_fault = check.expect.violation is not None
        got = prove(system, Limits(timeout_s=60), ignore)
        assert isinstance(got, Found if expects_fault else Proved), check.name
        if expects_fault:
            assert invariant_without_search(system, 3.0) is None, check.name


@pytest.mark.parametrize("path", SMALL)
def test_a_minimal_invariant_is_one_and_has_no_fact_to_spare(path: str) -> None:
    """Asked in another encoding: all together prove it, and without any learned one they do not."""
    for check, system in lowered_checks(path):
        if check.expect.violation is not None:
            continue
        got = prove(system, Limits(timeout_s=60), ignore)
        assert isinstance(got, Proved)
        found = reduced(system, got.invariant, Clock(Limits(timeout_s=60)))
        assert found.is_minimal
        facts = found.invariant.facts
        assert set(facts) <= set(got.invariant.facts)
        assert not _says_sat(system, found.invariant)
        spare = [n for n, fact in enumerate(facts) if fact.never]
        for number in spare[:: max(1, len(spare) // 5)]:
            rest = replace(found.invariant, facts=facts[:number] + facts[number + 1 :])
            assert _says_sat(system, rest), facts[number]


def test_a_reduction_that_has_no_time_spares_nothing() -> None:
    check, system = next(lowered_checks("unplug/teardown.zd"))
    got = prove(system, Limits(timeout_s=60), ignore)
    assert isinstance(got, Proved), check.name
    found = reduced(system, got.invariant, Clock(Limits(timeout_s=0.0)))
    assert found == Reduced(got.invariant, is_minimal=False)


UNSAFE = ("tlb/zap.zd", "filemap-map/before_6_5.zd")
"""Specs of which every broken variant is tried every day."""

NOT_SAFETY = frozenset({"stuck", "uncovered", "vacuous"})
"""What a proof says nothing about."""


def proves_nothing_broken(path: str) -> None:
    """No variant with a violation is proved, with a sample of its states or without one."""
    for check, system in lowered_checks(path):
        if check.expect.violation in (None, *NOT_SAFETY):
            continue
        assert invariant_without_search(system, 2.0) is None, check.name
        got = prove(system, Limits(timeout_s=20), ignore)
        assert isinstance(got, Found | Unproved), check.name


@pytest.mark.parametrize("path", UNSAFE)
def test_broken_variants(path: str) -> None:
    proves_nothing_broken(path)


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(str(p.relative_to(SPECS)) for p in SPECS.rglob("*.zd")))
def test_all_broken_variants(path: str) -> None:
    proves_nothing_broken(path)


def _says_sat(system: System, invariant: Invariant) -> bool:
    return any(answer.text == "sat" for answer in answers("z3", system, invariant, None))


def _broken(name: str) -> System:
    checks = lowered_checks("unplug/teardown.zd")
    return next(system for check, system in checks if check.name.startswith(name))


def _forget_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A get on zero cannot happen: the count is assumed, not proved."""
    monkeypatch.setattr(Obligations, "bad", lambda self, step: self.frame.truth(FALSE))


def _forget_thread(thread: str) -> Callable[[pytest.MonkeyPatch], None]:
    """The steps of a thread are not looked at."""

    def forget(monkeypatch: pytest.MonkeyPatch) -> None:
        everything = obligations.steps_of

        def some(system: System) -> tuple[Step, ...]:
            return tuple(
                step
                for step in everything(system)
                if system.threads[step.action.thread].family != thread
            )

        monkeypatch.setattr(obligations, "steps_of", some)

    return forget


@pytest.mark.parametrize(
    ("check", "mistake"),
    [
        ("U5", _forget_counts),
        ("U1", _forget_thread("unplug")),
        ("U1", _forget_thread("walker")),
    ],
)
def test_a_certificate_does_not_share_the_mistakes_of_the_search(
    check: str, mistake: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something is forgotten in the encoding, a broken variant is proved, and that is noticed."""
    system = _broken(check)
    assert invariant_without_search(system, 3.0) is None
    mistake(monkeypatch)
    wrong = invariant_without_search(system, 60.0)
    assert wrong is not None, "the mistake makes no difference, so this test is worth nothing"
    assert _says_sat(system, wrong)
