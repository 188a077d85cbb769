"""The explorer and the reference search agree on what one of two systems shows and the other cannot."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.agreement.generate import random_system
from zdcheck.engines.differences import Differences, by_reference, differences
from zdcheck.engines.explicit.engine import ExplicitOptions
from zdcheck.engines.inclusion import Answer, Excess, Unknown, common_variables
from zdcheck.engines.protocol import Limits
from zdcheck.ir.expr import Const
from zdcheck.ir.system import ActionId, System

LIMITS = Limits(max_states=3000)
"""Of the reference, in pairs."""
ALL = Limits(max_states=200_000)
"""Of the explorer, which needs all states where the reference may find something early."""
EVERYDAY = range(24)
MANY = range(1000, 2500)


def changed(system: System, seed: int) -> System:
    """The same system without an action, or with another update; the change may well mean nothing."""
    chooser = random.Random(seed)
    number = chooser.randrange(len(system.actions))
    action = system.actions[number]
    actions = list(system.actions)
    updates = [u for u in action.updates if u[0] != system.threads[action.thread].pc]
    match chooser.randrange(3):
        case 0 if updates:
            id, _ = chooser.choice(updates)
            domain = system.variables[id].type
            value = Const(chooser.randint(domain.low, domain.high))
            actions[number] = replace(
                action, updates=tuple((i, value if i == id else e) for i, e in action.updates)
            )
        case 1:
            hidden = {v.id for v in system.variables if v.role not in ("shared", "alive")}
            kept = tuple(u for u in action.updates if u[0] in hidden)
            actions[number] = replace(action, updates=kept, writes=frozenset(id for id, _ in kept))
        case _:
            del actions[number]
            actions = [replace(a, id=ActionId(n)) for n, a in enumerate(actions)]
    return replace(system, actions=tuple(actions))


def kind(answer: Answer) -> tuple[str, int]:
    """What was found, and how long the run is."""
    return type(answer).__name__, len(answer.run.actions) if isinstance(answer, Excess) else 0


def compare(seed: int, cache: Path) -> Differences | None:
    """Both answers, if the reference has one within its limits."""
    first = random_system(seed)
    second = changed(first, seed)
    if not first.actions or not common_variables(first, second).names:
        return None
    wanted = by_reference(first, second, LIMITS)
    if isinstance(wanted.first, Unknown) or isinstance(wanted.second, Unknown):
        return None
    found = differences(first, second, ALL, ExplicitOptions(cache=cache))
    if found.refusal is not None or isinstance(found.first, Unknown):
        return None
    assert kind(found.first) == kind(wanted.first), f"random_system({seed})"
    assert kind(found.second) == kind(wanted.second), f"random_system({seed})"
    return found


def test_they_agree(cache: Path) -> None:
    seen: Counter[str] = Counter()
    for seed in EVERYDAY:
        if (found := compare(seed, cache)) is not None:
            seen.update((kind(found.first)[0], kind(found.second)[0]))
    assert seen["Included"] >= 5
    assert seen["Excess"] >= 5


@pytest.mark.slow
@pytest.mark.parametrize("start", range(MANY.start, MANY.stop, 100))
def test_they_agree_on_many(start: int, cache: Path) -> None:
    compared = sum(compare(seed, cache) is not None for seed in range(start, start + 100))
    assert compared >= 50
