"""Packing, at the edges of words."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.agreement.compare import explored, ignore, interpreted, same
from tests.agreement.generate import random_system
from tests.support.systems import Builder
from tests.unit.engines.explicit.counters import counters
from zdcheck.engines.explicit.engine import ExplicitEngine
from zdcheck.engines.explicit.layout import MARKS, WORD, layout_of
from zdcheck.engines.protocol import Limits, NoneFound, Stopped
from zdcheck.ir.expr import BOOL, Const, Op, Type, Var, add, not_
from zdcheck.ir.system import Action, ActionId, System


@pytest.mark.parametrize("seed", range(0, 200, 7))
def test_what_is_packed_is_unpacked(seed: int) -> None:
    system = random_system(seed)
    layout = layout_of(system)
    rng = random.Random(seed)
    for _ in range(20):
        state = tuple(rng.randint(v.type.low, v.type.high) for v in system.variables)
        words = layout.pack(state)
        assert layout.unpack(words) == state
        assert all(0 <= word < 1 << WORD for word in words)
        assert layout.words == 1 or words[0] < 1 << (WORD - MARKS)


@pytest.mark.parametrize("seed", range(0, 200, 7))
def test_no_two_variables_share_a_bit(seed: int) -> None:
    fields = layout_of(random_system(seed)).fields
    bits = [(field.word, field.shift + n) for field in fields for n in range(field.width)]
    assert len(bits) == len(set(bits))
    assert all(shift < WORD for _, shift in bits)


def test_a_value_outside_its_type_is_refused() -> None:
    system = counters(1, 3)
    layout = layout_of(system)
    with pytest.raises(ValueError, match="does not fit"):
        layout.pack((4, *system.initial_states[0][1:]))


def flags(count: int) -> System:
    """Each of six bits, first and last ones among them, can be switched at any time."""
    b = Builder()
    ids = [b.var(f"b{n}", BOOL, n % 2) for n in range(count)]
    me = b.thread("t", "t", ["unmap(pte[0]);"], daemon=True)
    for n in (0, 1, count // 2, count - 3, count - 2, count - 1):
        b.step(me, 0, "unmap(pte[0]);", (ids[n], not_(Var(ids[n]))), to=0)
    return b.system()


@pytest.mark.parametrize("count", [8, 61, 62, 63, 64, 65, 125, 126, 127, 190, 300])
def test_words_that_are_full_to_the_last_bit(count: int, cache: Path) -> None:
    system = flags(count)
    wanted = interpreted(system)
    assert isinstance(wanted, NoneFound)
    assert wanted.statistics.states == 64
    # A location that never changes takes a bit as well.
    for workers in (1, 2):
        same(system, wanted, explored(system, cache, workers=workers), reduced=False)


def test_the_state_of_only_zeros(cache: Path) -> None:
    """It is no empty slot of the table."""
    system = counters(2, 31)
    assert layout_of(system).pack(system.initial_states[0]) == (0,)
    assert explored(system, cache).statistics.states == 32**2


# --- what the engine refuses ------------------------------------------------------------


def test_variables_that_fit_into_no_word() -> None:
    system = counters(1, 3)
    wide = replace(system.variables[0], type=Type("int", 0, 1 << 62))
    refusal = ExplicitEngine().refuses(replace(system, variables=(wide, *system.variables[1:])))
    assert refusal == "`n0` needs more than 61 bits"


def test_values_that_may_leave_64_bits() -> None:
    system = counters(1, 3)
    wide = replace(system.variables[0], type=Type("int", 0, (1 << 60) - 1))
    value = Var(system.variables[0].id)
    product = Op("mul", (value, Op("mul", (value, Const(4)))))
    action = replace(system.actions[0], updates=((value.id, product),))
    found = replace(system, variables=(wide, *system.variables[1:]), actions=(action,))
    assert ExplicitEngine().refuses(found) == "a value may need more than 64 bits"


def test_too_many_threads() -> None:
    refusal = ExplicitEngine().refuses(counters(65, 1))
    assert refusal == "it knows 64 threads at most, and there are 65"


def test_an_expression_that_is_nested_too_deeply() -> None:
    system = counters(1, 3)
    value = add(Var(system.variables[0].id), Const(1))
    for _ in range(5000):
        value = Op("sub", (value, Const(0)))
    action = replace(system.actions[0], updates=((system.variables[0].id, value),))
    refusal = ExplicitEngine().refuses(replace(system, actions=(action,)))
    assert refusal == "an expression is nested too deeply"


# --- size -------------------------------------------------------------------------------


def long_thread(actions: int) -> System:
    """One thread of so many steps."""
    system = counters(1, 3)
    (thread,) = system.threads
    made: list[Action] = []
    for n in range(actions):
        updates = ((thread.pc, Const(n + 1)), (system.variables[0].id, Const(n % 4)))
        made.append(
            replace(system.actions[0], id=ActionId(n), location=n, tests=(), updates=updates)
        )
    pc = replace(system.variables[thread.pc], type=Type("int", 0, actions))
    return replace(
        system,
        actions=tuple(made),
        threads=(replace(thread, end=actions, location_spans=(None,) * (actions + 1)),),
        variables=tuple(pc if v.id == thread.pc else v for v in system.variables),
    )


@pytest.mark.parametrize(
    "actions",
    [
        500,
        pytest.param(5_000, marks=pytest.mark.slow),
        pytest.param(20_000, marks=pytest.mark.slow),
    ],
)
def test_many_actions(actions: int, cache: Path) -> None:
    claim = explored(long_thread(actions), cache)
    assert isinstance(claim, NoneFound)
    assert claim.statistics.states == actions + 1


def test_no_action_at_all(cache: Path) -> None:
    system = replace(counters(1, 3), actions=())
    claim = ExplicitEngine().solve(system, Limits(), ignore)
    assert not isinstance(claim, Stopped)
    assert claim.statistics.states == 1
