"""Facts as they are printed."""

from __future__ import annotations

import pytest

from tests.support.systems import unplug
from zdcheck.engines.symbolic.facts import Fact, learned
from zdcheck.ir.expr import TRUE, VarId
from zdcheck.ir.system import System
from zdcheck.trace.facts import fact_text

SYSTEM = unplug(pte_holds=True)


def variable(system: System, name: str) -> VarId:
    """The variable of that name."""
    return next(v.id for v in system.variables if v.name == name)


def test_what_the_system_says_itself() -> None:
    assert fact_text(SYSTEM, Fact("ledger", "page[0].refcount", TRUE)) == (
        "page[0].refcount is balanced"
    )
    assert fact_text(SYSTEM, Fact("property", "mapped", TRUE)) == "mapped is true"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({0}, "is 0"),
        ({0, 2}, "is one of 0, 2"),
        ({0, 1, 3}, "is not 2"),
        ({0, 1, 2, 3}, "is in 0..3"),
    ],
)
def test_values_of_a_count(values: set[int], text: str) -> None:
    fact = learned(SYSTEM, {variable(SYSTEM, "page[0].refcount"): frozenset(values)})
    assert fact_text(SYSTEM, fact) == f"never: page[0].refcount {text}"


def test_where_a_thread_is() -> None:
    thread = SYSTEM.threads[0]
    text = fact_text(SYSTEM, learned(SYSTEM, {thread.pc: frozenset({thread.end})}))
    assert text == f"never: {thread.name} is at its end"
    elsewhere = frozenset(range(thread.end))
    text = fact_text(SYSTEM, learned(SYSTEM, {thread.pc: elsewhere}))
    assert text.startswith(f"never: {thread.name} is ")
    assert "at" in text
