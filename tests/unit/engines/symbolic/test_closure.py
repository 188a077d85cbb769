"""What was seen of threads, as facts: they are all true exactly where each view was seen."""

from __future__ import annotations

import random
from itertools import product

from zdcheck.engines.symbolic.closure import closure
from zdcheck.ir.crowd import Abstraction, LocalState, View
from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.expr import BOOL, Type, VarId
from zdcheck.ir.system import State, System, Variable

TYPES = (
    Type("int", 0, 3),  # its location
    Type("ref", -1, 1),
    BOOL,
    Type("ref", -1, 2, "worker"),  # who owns a lock; it is 0, the others are 1 and 2
    Type("int", -1, 1),
)
VIEW = View(
    "worker",
    0,
    1,
    tuple(map(VarId, (0, 1, 2))),
    (VarId(3),),
    tuple(map(VarId, (3, 4))),
)
STATES = list(product(*(range(type.low, type.high + 1) for type in TYPES)))


def system() -> System:
    variables = tuple(
        Variable(VarId(n), f"v{n}", type, "shared", f"v{n}") for n, type in enumerate(TYPES)
    )
    return System("it", variables, (), (), (STATES[0],), (), (), (), (), ())


def local(state: State) -> LocalState:
    return (*state[:3], int(state[3] == 0))


def test_they_say_what_was_seen() -> None:
    abstraction = Abstraction(system(), (VIEW,))
    chance = random.Random(7)
    sizes = set()
    for _ in range(60):
        some = chance.sample(STATES, chance.choice([0, 1, 2, 5, 20, 100]))
        seen: dict[LocalState, dict[VarId, frozenset[int]]] = {}
        for state in some:
            company = seen.setdefault(local(state), {v: frozenset() for v in VIEW.around})
            for v in VIEW.around:
                company[v] |= {state[v]}
        facts = closure(abstraction, (seen,))
        sizes.add(len(facts))
        for state in STATES:
            known = seen.get(local(state))
            is_seen = known is not None and all(state[v] in known[v] for v in VIEW.around)
            assert all(evaluate(fact.expr, state) for fact in facts) == is_seen
    assert len(sizes) > 5


def test_where_everything_was_seen_there_is_nothing_to_say() -> None:
    everything = {
        local(state): {
            VarId(3): frozenset({0}) if local(state)[3] else frozenset({-1, 1, 2}),
            VarId(4): frozenset({-1, 0, 1}),
        }
        for state in STATES
    }
    assert closure(Abstraction(system(), (VIEW,)), (everything,)) == ()
