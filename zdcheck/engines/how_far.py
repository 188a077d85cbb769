"""How far a breadth-first search got that a limit stopped, what may be left, and what to try: in words."""

from __future__ import annotations

from dataclasses import dataclass

from zdcheck.engines.protocol import Limit, Storage

_SHRINKING = 0.95
"""Levels that shrink more slowly say nothing about the end."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a search stood: the depth of the level that it expanded, and how many states it knew.

    `waiting` states were known and not yet expanded. `level` and `before` are the numbers of states at
    that depth and at the one before; 0 if nobody knows.
    """

    depth: int
    states: int
    waiting: int
    level: int = 0
    before: int = 0


def how_far(reached: Reached, limit: Limit, storage: Storage | None = None) -> str:
    """One line for the verdict. `storage` is how the engine kept its states, None if it knows one way only."""
    parts = []
    if reached.depth > 0:
        steps = "1 step" if reached.depth == 1 else f"{reached.depth} steps"
        # A deadlock in the level that was being expanded may not have been looked at.
        parts.append(f"nothing wrong in fewer than {steps}")
    if reached.waiting > 0:
        states = "1 state" if reached.waiting == 1 else f"{reached.waiting:,} states"
        parts.append(f"{states} still to expand{_rest(reached)}")
    if hint := _hint(limit, storage):
        parts.append(f"try {hint}")
    return "; ".join(parts)


def _rest(reached: Reached) -> str:
    """A guess from the last two levels: sizes rise to a widest level and then fall."""
    if not reached.level or not reached.before:
        return ""
    ratio = reached.level / reached.before
    if ratio > _SHRINKING:
        return f", probably more than {_rough(reached.states)} more to come"
    # The levels to come are a geometric series, of which part of the first is known already.
    rest = reached.level * ratio / (1 - ratio)
    return f", perhaps {_rough(max(rest - reached.waiting, 0))} more to come"


def _rough(number: float) -> str:
    """One digit and zeros: nobody knows more."""
    return f"{int(float(f'{number:.0e}')):,}"


def _hint(limit: Limit, storage: Storage | None) -> str:
    smaller = "a smaller `--scope`"
    match limit:
        case "memory":
            options = ["more `--max-memory`"]
            if storage is not None:
                options += [] if storage.spill else ["`--spill DIR`"]
                options += [] if storage.compact else ["`--compact`"]
            return f"{', '.join(options)} or {smaller}"
        case "disk":
            return f"a directory with more room for `--spill`, or {smaller}"
        case "states":
            return f"more `--max-states` or {smaller}"
        case "time":
            return f"a longer `--timeout`, more `--workers` or {smaller}"
        case "interrupt" | "depth":
            return ""
