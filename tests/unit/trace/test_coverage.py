"""A statement is dead only if every check of the spec could have said otherwise."""

from __future__ import annotations

from dataclasses import replace

from tests.support.systems import unplug
from zdcheck.base.source import SourceFile
from zdcheck.engines.interpreter import InterpreterEngine
from zdcheck.engines.protocol import Claim, Limits, NoneFound
from zdcheck.ir.expr import FALSE
from zdcheck.ir.system import Guard, System
from zdcheck.lang.check import check
from zdcheck.lang.modules import load_text
from zdcheck.lower import Instance, lower
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


def dead_in(text: str) -> list[str]:
    """The dead statements of a spec with one check."""
    model = check(load_text(SourceFile("test.zd", text), None))
    dead = covered(lower(Instance.of(model, model.checks[0]))).dead("test.zd", search)
    assert dead is not None
    return [span.text for span in dead]


def test_a_step_that_fails_ran() -> None:
    # The `return` is the very step that ends the thread with the lock held.
    assert not dead_in(
        """
        var l : spinlock;
        var busy : bool = false;
        thread fault {
            lock(l);
            if (busy)
                return;
            busy = true;
            unlock(l);
        }
        thread other { busy = true; }
        """
    )


def test_what_is_behind_a_step_that_fails_is_dead() -> None:
    assert dead_in(
        """
        var n : 0..1 = 0;
        thread a {
            assert n == 1;
            n = 0;
        }
        """
    ) == ["n = 0;"]


def test_a_cover_is_judged_once() -> None:
    text = """
        var n : 0..1 = 0;
        thread a { atomic { if (n == 1) cover gets_there; n = 0; } %s }
        """
    assert not dead_in(text % "")
    assert dead_in(text % "assert n == 1;") == ["cover gets_there;"]
