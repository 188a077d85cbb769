"""A graph in Graphviz's language, and drawn by its `dot` where that is installed."""

from __future__ import annotations

import shutil
import subprocess
import textwrap

from zdcheck.base.diagnostics import ToolError
from zdcheck.render.colors import FAULT_FILL, FILLS, INK, MARK, STROKES
from zdcheck.render.drawing import Drawing, Edge, Node
from zdcheck.render.escape import printable

_TIMEOUT_S = 60


def dot(drawing: Drawing) -> str:
    """The graph, with a frame for each group."""
    lines = [
        f"digraph {_quoted(drawing.title)} {{",
        f"  graph [fontname=monospace, fontsize=12, fontcolor={_quoted(INK)}, ranksep=0.35,"
        " nodesep=0.3, labelloc=b, labeljust=l];",
        '  node [shape=box, style="rounded,filled", fontname=monospace, fontsize=10,'
        f' fontcolor={_quoted(INK)}, margin="0.08,0.05", height=0.2];',
        f"  edge [fontname=monospace, fontsize=9, arrowsize=0.6, color={_quoted(STROKES[0])}];",
    ]
    if drawing.notes:
        note = "\\l".join(
            _escaped(part) for text in drawing.notes for part in textwrap.wrap(text, 100)
        )
        lines.append(f'  label="{note}\\l";')
    for number, (group, nodes) in enumerate(drawing.groups.items()):
        inside = "  " if group else ""
        if group:
            lines.append(f"  subgraph cluster_{number} {{")
            lines.append(f'    label={_quoted(group)}; labelloc=t; color="#c8c8c8";')
        lines += [f"{inside}  {_node(node)}" for node in nodes]
        if group:
            lines.append("  }")
    lines += [f"  {_edge(edge)}" for edge in drawing.edges]
    return "\n".join([*lines, "}"]) + "\n"


def svg_by_graphviz(drawing: Drawing) -> str | None:
    """The graph drawn by `dot`; None if that is not installed.

    Raises ToolError if it fails, or needs longer than a minute.
    """
    program = shutil.which("dot")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "-Tsvg"],
            input=dot(drawing),
            capture_output=True,
            encoding="utf-8",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolError(
            f"dot needs more than {_TIMEOUT_S} s for this graph; --format dot writes its text"
        ) from None
    except OSError as error:
        raise ToolError(f"dot cannot be run: {error.strerror}") from None
    if done.returncode != 0 or "</svg>" not in done.stdout:
        words = " ".join(printable(done.stderr).split())[:200]
        raise ToolError(f"dot failed with status {done.returncode}: {words}")
    return done.stdout


def _node(node: Node) -> str:
    attributes = {"fillcolor": FAULT_FILL if node.kind == "fault" else FILLS[node.kind]}
    if node.marked or node.kind == "fault":
        attributes |= {"color": MARK, "penwidth": "2"}
    else:
        attributes["color"] = STROKES[0]
    if node.about:
        attributes["tooltip"] = "\n".join(node.about)
    return f"{_quoted(node.id)} [{_label(node.lines)}{_attributes(attributes)}];"


def _edge(edge: Edge) -> str:
    attributes = {}
    if edge.owner is not None:
        attributes["color"] = attributes["fontcolor"] = STROKES[1 + edge.owner % (len(STROKES) - 1)]
    if edge.marked:
        attributes |= {"color": MARK, "fontcolor": MARK, "penwidth": "2.4"}
    if edge.about:
        attributes["edgetooltip"] = attributes["labeltooltip"] = "\n".join(edge.about)
    label = textwrap.wrap(edge.text, 32)
    return f"{_quoted(edge.before)} -> {_quoted(edge.after)} [{_label(label)}{_attributes(attributes)}];"


def _label(lines: list[str] | tuple[str, ...]) -> str:
    """Every line flush left."""
    return f'label="{"".join(_escaped(line) + chr(92) + "l" for line in lines)}"'


def _attributes(attributes: dict[str, str]) -> str:
    return "".join(f", {name}={_quoted(value)}" for name, value in attributes.items())


def _quoted(text: str) -> str:
    return '"' + "\\n".join(map(_escaped, text.split("\n"))) + '"'


def _escaped(text: str) -> str:
    """As it stands between double quotes. Graphviz knows escapes with `\\`, and entities as HTML has."""
    escaped = printable(text).replace("\\", "\\\\").replace('"', '\\"')
    return escaped.replace("&", "&amp;")
