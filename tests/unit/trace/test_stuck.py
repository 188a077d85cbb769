"""Replay believes a lasso only if it closes, breaks the promise and is fair."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.agreement.compare import interpreted
from zdcheck.base.diagnostics import EngineDisagreement
from zdcheck.base.source import SourceFile
from zdcheck.engines.protocol import Found
from zdcheck.ir.run import Run, Stuck
from zdcheck.ir.system import ActionId, System
from zdcheck.lang.check import check
from zdcheck.lang.modules import load_text
from zdcheck.lower import Instance, lower
from zdcheck.render.columns import columns, text
from zdcheck.trace.document import dumps, loads
from zdcheck.trace.replay import Origin, confirms, replay

SPEC = """\
var x : 0..1 = 0;
var y : bool = false;
fair daemon thread flips { forever { x = 1; x = 0; } }
thread waits { spin until x == 1; y = true; }
progress ends : waits terminates;
"""


def system_of(spec: str = SPEC) -> System:
    model = check(load_text(SourceFile("stuck.zd", spec)))
    return lower(Instance.of(model, model.checks[0]))


def found(system: System) -> Found:
    claim = interpreted(system)
    assert isinstance(claim, Found)
    return claim


def test_the_loop_is_believed() -> None:
    system = system_of()
    claim = found(system)
    assert claim.fault == Stuck(0, 0)
    assert len(claim.run.actions) == 2
    confirms(system, claim.fault, claim.run)


def rejected(system: System, fault: Stuck, *actions: int) -> None:
    with pytest.raises(EngineDisagreement):
        confirms(system, fault, Run(0, tuple(map(ActionId, actions))))


def test_what_is_no_loop_is_not_believed() -> None:
    system = system_of()
    up, down = (int(a) for a in found(system).run.actions)
    rejected(system, Stuck(0, 0), up)  # does not close
    rejected(system, Stuck(0, 2), up, down)  # `flips` would have to go on
    rejected(system, Stuck(0, 3), up, down)
    rejected(system, Stuck(0, -1), up, down)
    rejected(system, Stuck(1, 0), up, down)  # no such property


def test_an_unfair_loop_is_not_believed() -> None:
    system = system_of(SPEC.replace("x = 1; x = 0;", "x = 1; x = 1;"))
    flips = [a.id for a in system.actions if a.thread == 0]
    # Once x is 1 it stays, and `waits` can always go on.
    rejected(system, Stuck(0, 2), flips[0], flips[1], flips[0], flips[1])
    strong = system_of(SPEC.replace("thread waits", "fair strong thread waits"))
    rejected(strong, Stuck(0, 0), *(int(a) for a in found(system_of()).run.actions))


def test_a_kept_promise_is_no_fault() -> None:
    system = system_of()
    claim = found(system)
    goal = replace(system.progress[0], goal=system.progress[0].goal, form="eventually")
    other = system_of(SPEC.replace("waits terminates", "eventually x == 1"))
    rejected(other, Stuck(0, 0), *(int(a) for a in claim.run.actions))
    confirms(replace(system, progress=(goal,)), claim.fault, claim.run)


def test_the_loop_is_drawn_and_written() -> None:
    system = system_of()
    claim = found(system)
    trace = replay(system, claim.fault, claim.run, Origin("stuck.zd", "default"))
    assert trace.loop == 1
    assert trace.culprit == "waits"
    assert loads(dumps(trace)) == trace
    drawn = text(columns(trace))
    assert "---- from here flips repeats these 2 steps for ever ----" in drawn
    assert "---- again from step 1 ----" in drawn
    assert "*** stuck: waits never ends ***" in drawn
    assert "waits waits at stuck.zd:4" in " ".join(drawn.split())
    old = dumps(trace).replace(',\n "loop": 1', "")
    assert loads(old) == replace(trace, loop=None)
