"""Control-flow graphs: where a thread can stand, and the steps that lead from there to there.

Written as Graphviz text, or drawn as SVG here by a plain layered layout, so that nothing needs
to be installed: locations in rows by their distance from the entry, steps back drawn at the side.
"""

from __future__ import annotations

import html
import textwrap
from collections import defaultdict
from collections.abc import Iterator

import networkx as nx

from zdcheck.ir.expr import Const, Expr, Op, VarId
from zdcheck.ir.system import System, Thread
from zdcheck.render.escape import printable

_LABEL_WIDTH = 34


def control_flow(system: System) -> nx.MultiDiGraph[str]:
    """One graph for all thread families: a node for each location, an edge for each step.

    Of a family only the first thread is drawn, since all run the same code. Steps that differ
    only in their choices are one edge.
    """
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(name=system.name)
    families: set[str] = set()
    for thread in system.threads:
        if thread.family not in families:
            families.add(thread.family)
            _add_thread(graph, system, thread)
    return graph


def _add_thread(graph: nx.MultiDiGraph[str], system: System, thread: Thread) -> None:
    for location, span in enumerate(thread.location_spans):
        if location == thread.end:
            label = "end"
        else:
            code = "" if span is None else " ".join(span.text.split())
            line = "" if span is None else f":{span.line} "
            label = textwrap.shorten(line + printable(code), _LABEL_WIDTH * 2, placeholder=" ...")
        graph.add_node(
            _node(thread, location), label=label, family=thread.family, location=location
        )
    edges: dict[tuple[int, int, str], None] = {}
    for action in system.actions:
        if action.thread != thread.index:
            continue
        for target in _targets(thread, action.updates, action.location):
            text = textwrap.shorten(
                printable(" ".join(action.text.split())), _LABEL_WIDTH, placeholder=" ..."
            )
            edges[action.location, target, text] = None
    for before, after, text in edges:
        graph.add_edge(_node(thread, before), _node(thread, after), label=text)


def _targets(
    thread: Thread, updates: tuple[tuple[VarId, Expr], ...], location: int
) -> Iterator[int]:
    """Where a step leads: the constants that its update of the program counter can give."""
    pending = [value for variable, value in updates if variable == thread.pc]
    if not pending:
        yield location
    while pending:
        match pending.pop():
            case Const(value):
                yield value
            case Op("ite", (_, then, otherwise)):
                pending += [then, otherwise]
            case _:
                pass


def _node(thread: Thread, location: int) -> str:
    return f"{thread.family}.{location}"


# --- Graphviz ---------------------------------------------------------------------------


def dot(graph: nx.MultiDiGraph[str]) -> str:
    """The graph in Graphviz's language, a cluster for each family."""
    lines = [f"digraph {_quoted(graph.name)} {{", "  node [shape=box, fontname=monospace];"]
    for family, nodes in _families(graph).items():
        lines.append(f"  subgraph {_quoted(f'cluster_{family}')} {{")
        lines.append(f"    label={_quoted(family)};")
        for node in nodes:
            lines.append(f"    {_quoted(node)} [label={_quoted(graph.nodes[node]['label'])}];")
        lines.append("  }")
    for before, after, label in _edges(graph, list(graph)):
        lines.append(f"  {_quoted(before)} -> {_quoted(after)} [label={_quoted(label)}];")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _edges(graph: nx.MultiDiGraph[str], nodes: list[str]) -> Iterator[tuple[str, str, str]]:
    """The steps that start at `nodes`: from, to, and what they do."""
    for before, after, attributes in graph.out_edges(nodes, data=True):
        yield before, after, str(attributes["label"])


def _families(graph: nx.MultiDiGraph[str]) -> dict[str, list[str]]:
    families: defaultdict[str, list[str]] = defaultdict(list)
    for node in graph:
        families[str(graph.nodes[node]["family"])].append(node)
    return dict(families)


def text(graph: nx.MultiDiGraph[str]) -> str:
    """The graph as indented lines."""
    lines: list[str] = []
    for family, nodes in _families(graph).items():
        lines += [f"thread {family}"]
        for node in nodes:
            lines.append(f"  {graph.nodes[node]['location']:>3}  {graph.nodes[node]['label']}")
            for _, after, label in _edges(graph, [node]):
                lines.append(f"         -> {graph.nodes[after]['location']}  {label}")
        lines.append("")
    return "\n".join(lines)


# --- SVG --------------------------------------------------------------------------------

_BOX = (290, 34)
_GAP = (40, 46)
_MARGIN = 30
_LANE = 14


def svg(graph: nx.MultiDiGraph[str]) -> str:
    """A drawing: families beside each other, rows by distance from the entry."""
    parts: list[str] = []
    left, bottom = _MARGIN, 0
    for family, nodes in _families(graph).items():
        drawn, width, height = _drawn_family(graph, family, nodes, left)
        parts += drawn
        left += width + 2 * _MARGIN
        bottom = max(bottom, height)
    title = html.escape(printable(graph.name))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{left}" height="{bottom + _MARGIN}"'
            ' font-family="monospace" font-size="11">',
            f"<title>{title}</title>",
            '<defs><marker id="arrow" markerWidth="8" markerHeight="8" refX="7" refY="4"'
            ' orient="auto"><path d="M0,0 L8,4 L0,8 z"/></marker></defs>',
            '<rect width="100%" height="100%" fill="white"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _drawn_family(
    graph: nx.MultiDiGraph[str], family: str, nodes: list[str], left: int
) -> tuple[list[str], int, int]:
    """The family's elements, its width and its lower end."""
    rows = _rows(graph, nodes)
    width, height = _BOX
    at: dict[str, tuple[int, int]] = {}
    for row, members in enumerate(rows):
        for column, node in enumerate(members):
            at[node] = (
                left + column * (width + _GAP[0]),
                _MARGIN + 30 + row * (height + _GAP[1]),
            )
    right = max(x for x, _ in at.values()) + width
    parts = [
        f'<text x="{left}" y="{_MARGIN}" font-size="14" font-weight="bold">'
        f"{html.escape(printable(family))}</text>"
    ]
    lanes = 0
    for before, after, label in _edges(graph, nodes):
        (x1, y1), (x2, y2) = at[before], at[after]
        is_next_row = 0 < y2 - y1 <= height + _GAP[1]
        if is_next_row:
            path = f"M{x1 + width // 2},{y1 + height} L{x2 + width // 2},{y2}"
        else:
            lanes += 1
            lane = right + lanes * _LANE
            path = f"M{x1 + width},{y1 + height // 2} H{lane} V{y2 + height // 2} H{x2 + width}"
        parts.append(
            f'<path d="{path}" fill="none" stroke="#555" marker-end="url(#arrow)">'
            f"<title>{html.escape(label)}</title></path>"
        )
        if is_next_row:
            x, y = (x1 + x2 + width) // 2 + 4, (y1 + height + y2) // 2 + 4
            parts.append(
                f'<text x="{x}" y="{y}" fill="#555" font-size="9">{html.escape(label)}</text>'
            )
    for node, (x, y) in at.items():
        parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" fill="#eef"'
            ' stroke="#336"/>'
        )
        for n, line in enumerate(textwrap.wrap(graph.nodes[node]["label"], 42)[:2]):
            parts.append(f'<text x="{x + 6}" y="{y + 14 + 13 * n}">{html.escape(line)}</text>')
    bottom = max(y for _, y in at.values()) + height
    return parts, right + lanes * _LANE - left, bottom


def _rows(graph: nx.MultiDiGraph[str], nodes: list[str]) -> list[list[str]]:
    """The nodes by their distance from the family's entry; unreachable ones at the end."""
    part = graph.subgraph(nodes)
    distance = nx.single_source_shortest_path_length(part, nodes[0])
    rows: defaultdict[int, list[str]] = defaultdict(list)
    for node in nodes:
        rows[distance.get(node, max(distance.values()) + 1)].append(node)
    return [rows[depth] for depth in sorted(rows)]
