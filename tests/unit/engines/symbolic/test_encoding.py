"""Expressions mean in Z3 what they mean in the reference semantics."""

from __future__ import annotations

import random
from collections import Counter
from itertools import product

import pytest
import z3

from tests.agreement.generate import random_system
from tests.support.texts import lowered
from zdcheck.engines.symbolic.encoding import Frame, signed_width
from zdcheck.engines.symbolic.formulas import failures, goes, possible, state_goals
from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.expr import Expr, Op, Type, Var, VarId
from zdcheck.ir.run import Deadlock, Fault
from zdcheck.ir.step import Blocked, Fails, Goes, attempt, is_deadlock, state_faults
from zdcheck.ir.substitute import one_of, substitute
from zdcheck.ir.system import State, System


def states(system: System, rng: random.Random, count: int) -> list[State]:
    """States at random, reachable or not."""
    return [
        tuple(rng.randint(v.type.low, v.type.high) for v in system.variables) for _ in range(count)
    ]


def expressions(system: System) -> list[Expr]:
    """Everything that the engines encode."""
    found = [test.condition for action in system.actions for test in action.tests]
    found += [value for action in system.actions for _, value in action.updates]
    found += [goal.holds for goal in state_goals(system)]
    return found


@pytest.mark.parametrize("seed", range(30))
def test_terms_have_the_values_of_expressions(seed: int) -> None:
    system = random_system(seed)
    rng = random.Random(seed)
    frame = Frame(system, "s")
    for state in states(system, rng, 6):
        here = [
            (raw, _raw(value - v.type.low, raw))
            for raw, value, v in zip(frame.raw, state, system.variables, strict=True)
            if raw is not None
        ]
        for expr in expressions(system):
            wanted = evaluate(expr, state)
            number = frame.number(expr)
            assert number.low <= wanted <= number.high
            term = z3.simplify(z3.substitute(number.term, *here))
            assert term.as_signed_long() == wanted
            truth = z3.simplify(z3.substitute(frame.truth(expr), *here))
            assert z3.is_true(truth) == (wanted != 0)


def test_a_product_has_room_for_every_sign() -> None:
    """The bounds of a product are among those of the corners, whichever they are."""
    system = lowered("var x : -3..1; var y : -2..5; thread t { x = 0; y = 0; }")
    x, y = (next(v.id for v in system.variables if v.name == name) for name in ("x", "y"))
    frame = Frame(system, "s")
    for a, b in product((x, y), repeat=2):
        number = frame.number(Op("mul", (Var(a), Var(b))))
        for values in product(range(-3, 2), range(-2, 6)):
            wanted = values[a == y] * values[b == y]
            assert number.low <= wanted <= number.high
            here = [
                (frame.raw[id], _raw(value - system.variables[id].type.low, frame.raw[id]))
                for id, value in zip((x, y), values, strict=True)
            ]
            assert z3.simplify(z3.substitute(number.term, *here)).as_signed_long() == wanted


def _raw(value: int, raw: z3.ExprRef) -> z3.ExprRef:
    return z3.BoolVal(bool(value)) if z3.is_bool(raw) else z3.BitVecVal(value, raw.size())


@pytest.mark.parametrize("seed", range(30))
def test_formulas_say_what_a_step_does(seed: int) -> None:
    system = random_system(seed)
    for state in states(system, random.Random(seed), 20):
        for action in system.actions:
            outcome = attempt(system, action, state)
            assert bool(evaluate(goes(system, action), state)) == isinstance(outcome, Goes)
            assert bool(evaluate(possible(system, action), state)) != isinstance(outcome, Blocked)
            failed = [f.test for f in failures(system, action) if evaluate(f.condition, state)]
            assert failed == ([outcome.test] if isinstance(outcome, Fails) else [])


def wrong_with(system: System, state: State) -> set[Fault]:
    """By the reference semantics."""
    found = set(state_faults(system, state))
    moves = [a for a in system.actions if not isinstance(attempt(system, a, state), Blocked)]
    return found | {Deadlock()} if is_deadlock(system, state, moves) else found


def test_goals_are_missed_where_something_is_wrong() -> None:
    missed = Counter[str]()
    kinds = Counter[str]()
    for seed in range(40):
        system = random_system(seed)
        kinds.update(prop.kind for prop in system.properties)
        some = states(system, random.Random(seed), 12)
        # By chance alone threads hardly ever end together.
        ends = {thread.pc: thread.end for thread in system.threads}
        some += [tuple(ends.get(VarId(v), value) for v, value in enumerate(s)) for s in some]
        for state in some:
            goals = {goal.fault for goal in state_goals(system) if not evaluate(goal.holds, state)}
            assert goals == wrong_with(system, state)
            missed.update(type(fault).__name__ for fault in goals)
    assert min(missed[name] for name in ("Imbalance", "BrokenProperty", "Deadlock")) > 5
    assert min(kinds["finally"], kinds["invariant"]) > 3


@pytest.mark.parametrize("seed", range(30))
def test_substitution_is_the_value_after_the_step(seed: int) -> None:
    system = random_system(seed)
    for state in states(system, random.Random(seed), 10):
        for action in system.actions:
            outcome = attempt(system, action, state)
            if isinstance(outcome, Goes):
                for expr in expressions(system)[:20]:
                    after = substitute(expr, dict(action.updates))
                    assert evaluate(after, state) == evaluate(expr, outcome.state)


def test_one_of_is_membership() -> None:
    rng = random.Random(1)
    for _ in range(300):
        low = rng.randint(-3, 3)
        type = Type("int", low, low + rng.randint(0, 9))
        domain = range(type.low, type.high + 1)
        values = frozenset(value for value in domain if rng.random() < 0.5)
        term = one_of(Var(VarId(0)), values, type)
        assert [value for value in domain if evaluate(term, (value,))] == sorted(values)


def test_widths_are_enough_and_no_wider() -> None:
    for low in range(-9, 10):
        for high in range(low, 10):
            width = signed_width(low, high)
            assert -(1 << width - 1) <= low
            assert high < 1 << width - 1
