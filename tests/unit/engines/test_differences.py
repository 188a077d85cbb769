"""What two systems show differently is confirmed, and the explorer's part of it is clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agreement.generate import random_system
from tests.agreement.test_differences import changed
from zdcheck.base.diagnostics import EngineDisagreement
from zdcheck.engines.differences import differences
from zdcheck.engines.explicit.build import Sanitizer
from zdcheck.engines.explicit.engine import Comparison, ExplicitEngine, ExplicitOptions
from zdcheck.engines.explicit.process import Compared, ComparedEnd
from zdcheck.engines.inclusion import Excess, Included
from zdcheck.engines.protocol import Limits
from zdcheck.ir.run import Run
from zdcheck.ir.side_by_side import side_by_side
from zdcheck.ir.step import Stepper
from zdcheck.ir.system import ActionId

SEED = 7
"""Each side shows what the other cannot."""


def compared(end: ComparedEnd, run: Run) -> Compared:
    return Compared(end, "", run, 1, 1, 1, 1, 1, 1, 1, 0.0)


@pytest.mark.parametrize("cut", [0, 1])
def test_a_run_that_can_be_followed_is_no_difference(
    cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the other side can follow all of it, or not even the step before the last one."""
    first, second = random_system(SEED), changed(random_system(SEED), SEED)
    found = differences(first, second, Limits())
    assert isinstance(found.first, Excess)
    run = found.first.run
    more = [a.id for a, _ in Stepper(first).outcomes(first.initial_states[run.initial])]
    actions = run.actions[:-1] if cut else (*run.actions, more[0])
    lie = compared(ComparedEnd.EXCESS, Run(run.initial, actions))
    nothing = compared(ComparedEnd.INCLUDED, Run(0, ()))
    monkeypatch.setattr(
        ExplicitEngine, "compare", lambda *_: Comparison(None, 1, lie, nothing), raising=True
    )
    with pytest.raises(EngineDisagreement, match="cannot be followed"):
        differences(first, second, Limits())


def test_side_by_side_is_both() -> None:
    first, second = random_system(SEED), changed(random_system(SEED), SEED)
    both = side_by_side(first, second)
    assert both.split == len(first.initial_states)
    assert both.others == ActionId(len(first.actions))
    assert len(both.system.actions) == len(first.actions) + len(second.actions)
    stepper = Stepper(both.system)
    for number, state in enumerate(both.system.initial_states):
        for action, _ in stepper.outcomes(state):
            assert (action.id < both.others) == (number < both.split)


@pytest.mark.slow
@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_under_sanitizers(sanitizer: Sanitizer, tmp_path: Path) -> None:
    kinds = set()
    for seed in range(12):
        first = random_system(seed)
        options = ExplicitOptions(cache=tmp_path, sanitizer=sanitizer)
        if first.actions:
            found = differences(first, changed(first, seed), Limits(max_states=100_000), options)
            kinds |= {type(found.first), type(found.second)}
    assert {Included, Excess} <= kinds
