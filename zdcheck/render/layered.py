"""A layered layout of a directed graph, so that small ones can be drawn without Graphviz.

The usual four steps: arrows that would go up are turned round, each box gets a row below those
that lead to it, rows are ordered so that few arrows cross, and boxes are moved towards their
neighbours. Arrows over several rows get a place to pass in each of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

import networkx as nx

_ROUNDS = 12
_PASSING = 12.0
"""The width that an arrow takes in a row that it only crosses."""

Slot = tuple[str, str, int]
"""A place in a row: a box (its name, "", 0) or where an arrow passes (from, to, row)."""


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the drawing."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Layout:
    """The centre of each box, and the points that each arrow passes between its two boxes."""

    centres: Mapping[str, Point]
    passes: Mapping[tuple[str, str], tuple[Point, ...]]
    width: float
    height: float


def layered(
    sizes: Mapping[str, tuple[float, float]],
    edges: Sequence[tuple[str, str]],
    gap: tuple[float, float] = (26.0, 46.0),
) -> Layout:
    """Boxes of these sizes (in the order given, the first one is the entry), joined by `edges`."""
    if not sizes:
        return Layout({}, {}, 0, 0)
    down = _without_cycles(list(sizes), edges)
    rows_of = {
        name: row for row, names in enumerate(nx.topological_generations(down)) for name in names
    }
    rows, links = _with_passes(list(sizes), down, rows_of)
    _order(rows, links)
    widths = {slot: sizes[slot[0]][0] if not slot[1] else _PASSING for row in rows for slot in row}
    xs = _spread(rows, links, widths, gap[0])
    left = min(xs[s] - widths[s] / 2 for row in rows for s in row)
    heights = [max((sizes[s[0]][1] for s in row if not s[1]), default=0.0) for row in rows]
    middles = []
    top = 0.0
    for height in heights:
        middles.append(top + height / 2)
        top += height + gap[1]
    at = {
        slot: Point(xs[slot] - left, middles[number])
        for number, row in enumerate(rows)
        for slot in row
    }
    passes = {}
    for before, after in set(edges):
        turned = (before, after) not in down.edges
        one, other = (after, before) if turned else (before, after)
        between = range(rows_of[one] + 1, rows_of[other]) if one != other else range(0)
        points = tuple(at[one, other, row] for row in between)
        passes[before, after] = tuple(reversed(points)) if turned else points
    width = max(at[s].x + widths[s] / 2 for row in rows for s in row)
    return Layout({name: at[name, "", 0] for name in sizes}, passes, width, max(top - gap[1], 0.0))


def closing(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """The edges without which nothing is a cycle: those that lead back, seen from the first name."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(names)
    graph.add_edges_from(dict.fromkeys((a, b) for a, b in edges if a != b))
    back: set[tuple[str, str]] = set()
    is_open: dict[str, bool] = {}
    for root in names:
        if root in is_open:
            continue
        stack = [(root, iter(list(graph.successors(root))))]
        is_open[root] = True
        while stack:
            name, rest = stack[-1]
            after = next(rest, None)
            if after is None:
                is_open[name] = False
                stack.pop()
            elif after not in is_open:
                is_open[after] = True
                stack.append((after, iter(list(graph.successors(after)))))
            elif is_open[after]:
                back.add((name, after))
    return back


def _without_cycles(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> nx.DiGraph[str]:
    """The graph with every arrow that closes a cycle turned round; no loops."""
    back = closing(names, edges)
    down: nx.DiGraph[str] = nx.DiGraph()
    down.add_nodes_from(names)
    down.add_edges_from((b, a) if (a, b) in back else (a, b) for a, b in edges if a != b)
    return down


def _with_passes(
    names: Sequence[str], down: nx.DiGraph[str], rows_of: Mapping[str, int]
) -> tuple[list[list[Slot]], list[tuple[Slot, Slot]]]:
    """The slots of each row, and which slot of the next row each is joined to."""
    rows: list[list[Slot]] = [[] for _ in range(max(rows_of.values()) + 1)]
    for name in names:
        rows[rows_of[name]].append((name, "", 0))
    links: list[tuple[Slot, Slot]] = []
    for before, after in down.edges:
        chain: list[Slot] = [(before, "", 0)]
        for row in range(rows_of[before] + 1, rows_of[after]):
            rows[row].append((before, after, row))
            chain.append((before, after, row))
        chain.append((after, "", 0))
        links += pairwise(chain)
    return rows, links


def _neighbours(
    links: Sequence[tuple[Slot, Slot]],
) -> tuple[Mapping[Slot, list[Slot]], Mapping[Slot, list[Slot]]]:
    above: defaultdict[Slot, list[Slot]] = defaultdict(list)
    below: defaultdict[Slot, list[Slot]] = defaultdict(list)
    for before, after in links:
        above[after].append(before)
        below[before].append(after)
    return above, below


def _order(rows: list[list[Slot]], links: Sequence[tuple[Slot, Slot]]) -> None:
    """Order each row by the mean place of its neighbours, down and up in turn; the best order stays."""
    above, below = _neighbours(links)
    best, fewest = [list(row) for row in rows], _crossings(rows, below)
    for sweep in range(_ROUNDS):
        if fewest == 0:
            break
        goes_down = sweep % 2 == 0
        near = above if goes_down else below
        for number in range(1, len(rows)) if goes_down else range(len(rows) - 2, -1, -1):
            fixed = rows[number - 1 if goes_down else number + 1]
            place = {slot: n for n, slot in enumerate(fixed)}
            own = {slot: float(n) for n, slot in enumerate(rows[number])}
            rows[number].sort(
                key=lambda s: fmean(place[t] for t in near[s]) if near.get(s) else own[s]
            )
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    rows[:] = best


def _crossings(rows: Sequence[Sequence[Slot]], below: Mapping[Slot, list[Slot]]) -> int:
    """How many pairs of arrows cross."""
    count = 0
    for row, following in pairwise(rows):
        place = {slot: n for n, slot in enumerate(following)}
        ends: list[int] = []
        for slot in row:
            mine = sorted(place[t] for t in below.get(slot, ()))
            count += sum(earlier > end for end in mine for earlier in ends)
            ends += mine
    return count


def _spread(
    rows: Sequence[Sequence[Slot]],
    links: Sequence[tuple[Slot, Slot]],
    widths: Mapping[Slot, float],
    gap: float,
) -> dict[Slot, float]:
    """The middle of each slot: near its neighbours' middles, in order, and not overlapping."""
    above, below = _neighbours(links)
    xs: dict[Slot, float] = {}
    for row in rows:
        x = 0.0
        for slot in row:
            xs[slot] = x + widths[slot] / 2
            x += widths[slot] + gap
    for sweep in range(_ROUNDS):
        near = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wished = [fmean(xs[t] for t in near[s]) if near.get(s) else xs[s] for s in row]
            for slot, x in zip(row, _apart(row, wished, widths, gap), strict=True):
                xs[slot] = x
    return xs


def _apart(
    row: Sequence[Slot], wished: Sequence[float], widths: Mapping[Slot, float], gap: float
) -> list[float]:
    """The places nearest to those wished for (least squares) in which nothing overlaps."""
    # Offsets of a packed row: what is left is to keep `wished - offset` from falling.
    offsets = [0.0]
    for one, other in pairwise(row):
        offsets.append(offsets[-1] + (widths[one] + widths[other]) / 2 + gap)
    blocks: list[tuple[float, int]] = []
    for wish, offset in zip(wished, offsets, strict=True):
        total, size = wish - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / size:
            more, count = blocks.pop()
            total, size = total + more, size + count
        blocks.append((total, size))
    flat = [total / size for total, size in blocks for _ in range(size)]
    return [x + offset for x, offset in zip(flat, offsets, strict=True)]
