"""Cycles among lock classes: `lock_order`, after a search that found nothing else.

As the kernel's lockdep does, a cycle counts even if no run deadlocks. Edges from a class to
itself do not: two locks of one class that are taken both ways round show up as `deadlock`.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from zdcheck.ir.run import LockCycle, Run

Edge = tuple[str, str]


def lock_cycle(witnesses: Mapping[Edge, Run]) -> tuple[LockCycle, Run] | None:
    """The cycle that is complete earliest, with the run that closes it; None if there is none.

    `witnesses` has a shortest run to each edge (taking the second class while the first is held).
    """
    edges = sorted(
        (edge for edge in witnesses if edge[0] != edge[1]),
        key=lambda edge: (len(witnesses[edge].actions), edge),
    )
    following: dict[str, list[str]] = {}
    for held, taken in edges:
        following.setdefault(held, []).append(taken)
        if path := _path(following, taken, held):
            classes = (held, *path[:-1])
            others = tuple(witnesses[pair] for pair in pairwise(path))
            return LockCycle(classes, others), witnesses[held, taken]
    return None


def _path(following: Mapping[str, list[str]], start: str, goal: str) -> list[str] | None:
    """A shortest path from `start` to `goal`, both included."""
    paths = [[start]]
    seen = {start}
    for path in paths:
        if path[-1] == goal:
            return path
        for after in following.get(path[-1], ()):
            if after not in seen:
                seen.add(after)
                paths.append([*path, after])
    return None
