"""What there is to prove about a step, compared with what the step does, state by state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import z3

from tests.agreement.generate import random_system
from tests.support.crowds import reachable
from tests.support.systems import Builder
from zdcheck.engines.symbolic.encoding import Frame, raw_width
from zdcheck.engines.symbolic.facts import Fact, learned
from zdcheck.engines.symbolic.obligations import Obligations
from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.expr import Const, Expr, Type, Var, VarId, add, le
from zdcheck.ir.step import Fails, Goes, Stepper
from zdcheck.ir.system import State, System

MOST = 30
SEEDS = (0, 1, 2, 3, 17, 20)
"""The last two have checks that fail early."""


def some_facts(system: System, states: list[State], rng: Random) -> Iterator[Fact]:
    """True and false ones, of both kinds: an expression, and a combination of values that never is."""
    for _ in range(2):
        a, b = rng.sample(system.variables, 2)
        expr: Expr = le(Var(a.id), Var(b.id))
        yield Fact("property", "", expr)
        cube: dict[VarId, frozenset[int]] = {}
        for variable in rng.sample(system.variables, min(2, len(system.variables))):
            values = {rng.choice(states)[variable.id] for _ in range(2)}
            cube[variable.id] = frozenset(values)
        yield learned(system, cube)


def is_true(term: Any, frame: Frame, state: State) -> bool:
    """What a term says of a state."""
    pairs = []
    for type, raw, value in zip(frame.types, frame.raw, state, strict=True):
        if z3.is_bool(raw):
            pairs.append((raw, z3.BoolVal(bool(value))))
        elif raw_width(type):
            pairs.append((raw, z3.BitVecVal(value - type.low, raw.size())))
    answer = z3.simplify(z3.substitute(term, *pairs))
    assert z3.is_true(answer) or z3.is_false(answer), answer
    return bool(z3.is_true(answer))


def outcomes(seed: int) -> Counter[str]:
    """Compare one system; how often what happened."""
    system = random_system(seed)
    states = reachable(system, MOST)
    obligations = Obligations(system)
    frame = obligations.frame
    seen = Counter[str]()
    for fact in some_facts(system, states, Random(seed)):
        breakers = set(obligations.breakers(fact))
        for state in states:
            holds = bool(evaluate(fact.expr, state))
            assert is_true(obligations.term(fact), frame, state) == holds
            for action, outcome in Stepper(system).outcomes(state):
                step = obligations.steps[action.id]
                assert bool(evaluate(step.goes, state)) == isinstance(outcome, Goes)
                assert is_true(obligations.bad(step), frame, state) == isinstance(outcome, Fails)
                seen["fails"] += isinstance(outcome, Fails)
                if not holds or not isinstance(outcome, Goes):
                    continue
                is_broken = not evaluate(fact.expr, outcome.state)
                seen["spared"] += action.id not in breakers
                breaks = obligations.breaks(step, fact) if action.id in breakers else None
                if breaks is None:
                    assert not is_broken
                else:
                    assert breaks.is_true(state) == is_broken
                    assert is_true(breaks.term, frame, state) == is_broken
                seen["broken" if is_broken else "kept"] += 1
    return seen


def test_a_fact_is_broken_where_it_is_false_afterwards() -> None:
    seen = sum((outcomes(seed) for seed in SEEDS), Counter[str]())
    assert min(seen["fails"], seen["broken"], seen["kept"], seen["spared"]) > 5, seen


@pytest.mark.parametrize(("change", "at"), [(1, 3), (-1, 1), (0, None)])
def test_a_value_that_may_leave_its_type_is_an_obligation(change: int, at: int | None) -> None:
    """Of `1..3` no step may make more or less, even if no check says so."""
    b = Builder()
    n = b.var("n", Type("int", 1, 3))
    me = b.thread("t", "t", ["unmap(pte[0]);"])
    b.step(me, 0, "unmap(pte[0]);", (n, add(Var(n), Const(change))))
    system = b.system()
    obligations = Obligations(system)
    for value in (1, 2, 3):
        state = tuple(
            value if v.id == n else system.initial_states[0][v.id] for v in system.variables
        )
        bad = is_true(obligations.bad(obligations.steps[0]), obligations.frame, state)
        assert bad == (value == at)
