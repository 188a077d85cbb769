"""A graph to be drawn: nodes with a few words in them, edges between them, some of them marked.

What is drawn is decided in `zdcheck.graphs`; here it becomes text or JSON, in `dot` Graphviz's
language, and in `layered` a picture that needs nothing to be installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from zdcheck.base.plain import to_plain
from zdcheck.render.escape import printable

SCHEMA = "zdcheck-graph/1"

NodeKind = Literal["plain", "start", "end", "fault"]


@dataclass(frozen=True, slots=True)
class Node:
    """One box. `lines` are drawn in it, `about` is what else there is to say (a tooltip).

    `group` is the frame that it stands in, "" for none. A marked node lies on the violating run.
    """

    id: str
    lines: tuple[str, ...]
    about: tuple[str, ...] = ()
    kind: NodeKind = "plain"
    group: str = ""
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """One arrow. `steps` are the numbers of the violating run's steps that it is: it is marked.

    `owner` counts the threads (or whatever takes the steps), so that each has its own colour.
    """

    before: str
    after: str
    label: str
    about: tuple[str, ...] = ()
    owner: int | None = None
    steps: tuple[int, ...] = ()
    marked: bool = False

    @property
    def text(self) -> str:
        """The label, with the numbers of the run's steps before it."""
        numbers = ", ".join(map(str, self.steps))
        return f"{numbers}: {self.label}" if numbers else self.label


@dataclass(frozen=True, slots=True)
class Drawing:
    """The whole graph. `of` says which kind it is, `notes` are sentences about all of it."""

    of: str
    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    notes: tuple[str, ...] = ()

    @property
    def groups(self) -> dict[str, tuple[Node, ...]]:
        """The nodes of each frame, in order."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            found.setdefault(node.group, []).append(node)
        return {group: tuple(nodes) for group, nodes in found.items()}


def dumps(drawing: Drawing) -> str:
    """The graph as JSON; docs/reference/schemas/ has its schema."""
    return json.dumps({"schema": SCHEMA, **to_plain(drawing)}, indent=1) + "\n"


def text(drawing: Drawing) -> str:
    """The graph as indented lines."""
    return "".join(f"{line}\n" for line in _lines(drawing))


def _lines(drawing: Drawing) -> Iterator[str]:
    yield printable(drawing.title)
    for group, nodes in drawing.groups.items():
        yield ""
        if group:
            yield printable(group)
        for node in nodes:
            mark = "*" if node.marked else " "
            kind = "" if node.kind in ("plain", "end") else f"  ({node.kind})"
            body = "" if node.lines == (node.id,) else "  " + printable(", ".join(node.lines))
            yield f"{mark} {printable(node.id)}{body}{kind}"
            for edge in drawing.edges:
                if edge.before == node.id:
                    mark = "*" if edge.marked else " "
                    yield f"{mark}     -> {printable(edge.after)}  {printable(edge.text)}".rstrip()
    if drawing.notes:
        yield ""
        yield from (printable(note) for note in drawing.notes)
