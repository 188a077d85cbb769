"""Counterexamples as CPU columns: what a reader gets to see, character by character."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conftest import Golden
from tests.support.systems import locks, unplug
from tests.unit.trace.test_replay import trace_of
from zdcheck.render.columns import WIDTH, columns, text
from zdcheck.trace.model import Change, Named, Trace, TraceThread

CASES = {
    "property": trace_of(unplug()),
    "leak": trace_of(unplug(pte_holds=True, leaks=True)),
    "mismatch": trace_of(unplug(pte_holds=True, stores=True)),
    "deadlock": trace_of(locks(together=True)),
    "lock_order": trace_of(locks(together=False)),
}

REPRODUCE = "zdcheck check specs/unplug.zd --check 'no recheck'"


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, golden: Golden) -> None:
    golden(f"{name}.txt", text(columns(CASES[name], REPRODUCE)))


@pytest.mark.parametrize("name", CASES)
def test_fits_a_commit_message(name: str) -> None:
    drawn = text(columns(CASES[name], REPRODUCE))
    assert max(map(len, drawn.splitlines())) <= WIDTH
    assert drawn.isascii()
    assert all(line == line.rstrip() for line in drawn.splitlines())


def with_threads(count: int) -> Trace:
    """A trace in which `count` threads take turns."""
    trace = CASES["mismatch"]
    threads = tuple(TraceThread(f"gup[{n}]", "gup", False) for n in range(count))
    steps = tuple(
        replace(trace.steps[n % 3], number=n + 1, thread=n % count) for n in range(2 * count)
    )
    return replace(trace, threads=threads, steps=steps, blame=None)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 9])
def test_many_threads(count: int, golden: Golden) -> None:
    drawn = text(columns(with_threads(count)))
    assert max(map(len, drawn.splitlines())) <= WIDTH
    golden(f"threads_{count}.txt", drawn)


def test_a_fault_in_the_initial_state() -> None:
    trace = replace(CASES["property"], steps=(), culprit="")
    trace = replace(trace, blame=replace(trace.blame, facts=()))
    assert "in the initial state, before any step" in text(columns(trace))


def test_a_choice_is_shown_once() -> None:
    trace = CASES["property"]
    step = replace(
        trace.steps[0],
        thread=0,
        choices=(Named("slot", "pte[1]"),),
        changes=(Change("gup[0].slot", "null", "pte[1]", "local", False),),
        ledger=(),
    )
    drawn = text(columns(replace(trace, steps=(step,))))
    assert drawn.count("slot = pte[1]") == 1
    assert "gup[0].slot" not in drawn


def test_bookkeeping_is_not_shown() -> None:
    trace = CASES["property"]
    step = replace(
        trace.steps[0],
        thread=0,
        changes=(Change("gup[0].seen", "present", "none", "local", True),),
        ledger=(),
    )
    assert "seen" not in text(columns(replace(trace, steps=(step,))))


def test_nothing_from_a_spec_can_move_the_cursor() -> None:
    trace = CASES["property"]
    evil = "put\x1b[2J\u202epage\x07(\u0000);"
    step = replace(trace.steps[0], code=evil)
    drawn = text(columns(replace(trace, steps=(step,)), "zdcheck check '\x1b]0;x\x07.zd'"))
    assert all(char.isprintable() or char == "\n" for char in drawn)
    assert "\\x1b[2J\\u202epage" in drawn
