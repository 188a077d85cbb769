"""Shared states by depth, from the lowered system: what `surface_threads.explore` is compared with."""

from __future__ import annotations

from tests.support.surface_threads import Explored, explore
from zdcheck.ir.step import Fails, Stepper, is_deadlock, state_faults
from zdcheck.ir.system import Check, System
from zdcheck.lower import Instance, lower

_SHARED = ("shared", "alive", "section", "lock")


def shared_levels(system: System, names: tuple[str, ...], count: int) -> Explored:
    """The first `count` levels of a breadth-first search, or until the first fault."""
    picked = [v.id for v in system.variables if v.name in set(names)]
    stepper = Stepper(system)
    level = list(system.initial_states)
    seen = set(level)
    shared_seen: set[tuple[tuple[str, int], ...]] = set()
    levels: list[set[tuple[tuple[str, int], ...]]] = []
    failing = False
    while level and len(levels) < count:
        faulty, failing = failing, False
        found = set()
        following = []
        for state in level:
            shared = tuple((system.variables[v].name, state[v]) for v in picked)
            if shared not in shared_seen:
                found.add(shared)
            outcomes = list(stepper.outcomes(state))
            faulty |= any(True for _ in state_faults(system, state))
            faulty |= is_deadlock(system, state, outcomes)
            for action, outcome in outcomes:
                if isinstance(outcome, Fails):
                    assert isinstance(action.tests[outcome.test], Check)
                    failing = True
                elif outcome.state not in seen:
                    seen.add(outcome.state)
                    following.append(outcome.state)
        shared_seen |= found
        levels.append(found)
        if faulty:
            return Explored(levels, ("fault", len(levels) - 1), False)
        level = following
    return Explored(levels, None, not level and not failing)


def disagreement(instance: Instance, budget: int) -> str | None:
    """How the two meanings of a check differ within `budget` states; None if they do not."""
    system = lower(instance)
    names = tuple(v.name for v in system.variables if v.role in _SHARED)
    surface = explore(instance, names, budget)
    lowered = shared_levels(system, names, len(surface.levels))
    for depth, (a, b) in enumerate(zip(surface.levels, lowered.levels, strict=False)):
        if a != b:
            only_written = [dict(s) for s in sorted(a - b)[:1]]
            only_lowered = [dict(s) for s in sorted(b - a)[:1]]
            return f"depth {depth}: only as written {only_written}, only lowered {only_lowered}"
    if surface.fault is not None and surface.fault[1] < len(lowered.levels):
        if lowered.fault is None or lowered.fault[1] != surface.fault[1]:
            return f"as written {surface.fault}, lowered {lowered.fault}"
    elif lowered.fault is not None:
        return f"as written no fault in {len(surface.levels)} levels, lowered {lowered.fault}"
    return None
