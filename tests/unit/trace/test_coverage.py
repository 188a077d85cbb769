"""A statement is dead only if every check of the spec could have said otherwise."""

from __future__ import annotations

from dataclasses import replace

from tests.support.systems import unplug
from zdcheck.engines.interpreter import InterpreterEngine
from zdcheck.engines.protocol import Claim, Limits, NoneFound
from zdcheck.ir.expr import FALSE
from zdcheck.ir.system import Guard, System
from zdcheck.trace.coverage import Coverage

SPEC = "specs/unplug.zd"


def search(system: System, max_states: int | None = None) -> Claim:
    return InterpreterEngine().solve(system, Limits(max_states), lambda progress: None)


def covered(*systems: System) -> Coverage:
    coverage = Coverage()
    for system in systems:
        claim = search(system)
        coverage.add(system, claim.statistics, is_complete=isinstance(claim, NoneFound))
    return coverage


def blocked(system: System, text: str) -> System:
    """The system with the steps of one statement made impossible."""
    return replace(
        system,
        actions=tuple(
            replace(a, tests=(Guard(FALSE),)) if a.text == text else a for a in system.actions
        ),
        threads=tuple(replace(t, daemon=True) for t in system.threads),
    )


def test_nothing_is_dead_where_all_ran() -> None:
    assert covered(unplug(pte_holds=True)).dead(SPEC, search) == []


def test_a_violated_check_is_searched_on_before_anything_is_called_dead() -> None:
    assert covered(unplug()).dead(SPEC, search) == []


def test_a_statement_that_never_runs_is_dead() -> None:
    dead = covered(blocked(unplug(pte_holds=True), "local_irq_enable();")).dead(SPEC, search)
    assert dead is not None
    assert [span.text for span in dead] == ["local_irq_enable();", "put_page(pin);"]


def test_what_runs_in_one_check_is_not_dead() -> None:
    coverage = covered(blocked(unplug(pte_holds=True), "local_irq_enable();"), unplug())
    assert coverage.dead(SPEC, search) == []


def test_nobody_can_say_after_a_limit() -> None:
    coverage = covered(unplug())
    assert coverage.dead(SPEC, lambda system: search(system, 1)) is None


def test_other_files_do_not_count() -> None:
    dead = covered(blocked(unplug(), "unmap(pte[0]);")).dead("specs/other.zd", search)
    assert dead == []
