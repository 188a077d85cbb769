"""A small graph as SVG that stands alone or inside a page, laid out here.

Styles are on the elements themselves and in classes beginning with `zdg-`, so that a page can
restyle them (dark, print) and nothing of the page is touched.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping
from itertools import pairwise

from zdcheck.render.colors import FAULT_FILL, FILLS, INK, MARK, STROKES
from zdcheck.render.drawing import Drawing, Edge, Node
from zdcheck.render.escape import printable
from zdcheck.render.layered import Layout, Point, closing, layered
from zdcheck.trace.waiting import short

_CHAR, _LINE, _PAD, _MARGIN, _HEAD = 6.1, 13, 7, 14, 22
_MOST_LABEL = 52


def svg(drawing: Drawing) -> str:
    """The picture, groups beside each other; no script, no reference to anything outside."""
    parts: list[str] = []
    left, bottom = float(_MARGIN), 0.0
    for group, nodes in drawing.groups.items():
        inside = {node.id for node in nodes}
        edges = [e for e in drawing.edges if e.before in inside and e.after in inside]
        top = _MARGIN + (_HEAD if group else 0)
        loops = [e for e in edges if e.before == e.after]
        arrows = [e for e in edges if e.before != e.after]
        sizes = {node.id: _size(node) for node in nodes}
        layout = _layout(sizes, arrows)
        if group:
            parts.append(
                f'<text class="zdg-head" x="{left:.0f}" y="{_MARGIN + 10}" font-weight="bold"'
                f' fill="{INK}">{_xml(group)}</text>'
            )
        for number, edge in enumerate(arrows):
            parts.append(_arrow(edge, number, layout, sizes, left, top))
        parts += [_loop(edge, layout, sizes, left, top) for edge in loops]
        parts += [part for node in nodes for part in _box(node, layout.centres[node.id], left, top)]
        left += layout.width + max(map(_loop_room, loops), default=0.0) + 3 * _MARGIN
        bottom = max(bottom, top + layout.height)
    for note in (part for text in drawing.notes for part in textwrap.wrap(text, 110)):
        bottom += _LINE + 3
        parts.append(
            f'<text class="zdg-note" x="{_MARGIN}" y="{bottom + _MARGIN:.0f}" fill="{INK}">{_xml(note)}</text>'
        )
        left = max(left, len(note) * _CHAR + 2 * _MARGIN)
    width, height = left, bottom + 2 * _MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="zdg" viewBox="0 0 {width:.0f} {height:.0f}"'
            f' width="{width:.0f}" height="{height:.0f}" role="img" font-size="10"'
            ' font-family="ui-monospace,monospace">',
            f"<title>{_xml(drawing.title)}</title>",
            '<rect class="zdg-paper" width="100%" height="100%" fill="#ffffff"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _size(node: Node) -> tuple[float, float]:
    longest = max((len(printable(line)) for line in node.lines), default=1)
    return longest * _CHAR + 2 * _PAD, max(len(node.lines), 1) * _LINE + _PAD


def _box(node: Node, centre: Point, left: float, top: float) -> list[str]:
    width, height = _size(node)
    x, y = left + centre.x - width / 2, top + centre.y - height / 2
    fill = FAULT_FILL if node.kind == "fault" else FILLS[node.kind]
    is_strong = node.marked or node.kind == "fault"
    stroke = f'stroke="{MARK}" stroke-width="2"' if is_strong else f'stroke="{STROKES[0]}"'
    names = f"zdg-node zdg-{node.kind}" + (" zdg-marked" if is_strong else "")
    rows = [
        f'<text x="{x + _PAD:.1f}" y="{y + 3 + (n + 1) * _LINE - 4:.1f}" fill="{INK}">{_xml(line)}</text>'
        for n, line in enumerate(node.lines)
    ]
    return [
        f'<g class="{names}">{_title(node.about)}<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}"'
        f' height="{height:.1f}" rx="4" fill="{fill}" {stroke}/>{"".join(rows)}</g>'
    ]


def _layout(boxes: Mapping[str, tuple[float, float]], arrows: list[Edge]) -> Layout:
    """The boxes, and between them the arrows' labels as if they were boxes, so that none overlap."""
    sizes = dict(boxes)
    ends: list[tuple[str, str]] = []
    back = closing(list(sizes), [(edge.before, edge.after) for edge in arrows])
    for number, edge in enumerate(arrows):
        pair = edge.before, edge.after
        one, other = reversed(pair) if pair in back else pair
        if edge.text:
            sizes[_slot(number)] = (len(_label(edge)) * _CHAR * 0.9, _LINE)
            ends += [(one, _slot(number)), (_slot(number), other)]
        else:
            ends.append((one, other))
    return layered(sizes, ends, gap=(22.0, 16.0) if any(e.text for e in arrows) else (22.0, 32.0))


def _slot(number: int) -> str:
    """The name of an arrow's label in the layout; no box has a space at the beginning."""
    return f" label {number}"


def _label(edge: Edge) -> str:
    return short(printable(edge.text), _MOST_LABEL)


def _loop_room(edge: Edge) -> float:
    return 26 + len(_label(edge)) * _CHAR * 0.9


def _arrow(
    edge: Edge,
    number: int,
    layout: Layout,
    sizes: Mapping[str, tuple[float, float]],
    left: float,
    top: float,
) -> str:
    """An arrow between two boxes, through its label and whatever rows it crosses."""
    one, other = layout.centres[edge.before], layout.centres[edge.after]
    sign = 1 if other.y > one.y else -1
    label = layout.centres.get(_slot(number))
    upper, lower = (edge.before, edge.after) if sign > 0 else (edge.after, edge.before)
    if label is None:
        between = list(layout.passes[upper, lower])
    else:
        first, then = layout.passes[upper, _slot(number)], layout.passes[_slot(number), lower]
        between = [*first, label, *then]
    if sign < 0:
        between.reverse()
    points = [
        Point(one.x, one.y + sign * sizes[edge.before][1] / 2),
        *between,
        Point(other.x, other.y - sign * sizes[edge.after][1] / 2),
    ]
    points = [Point(left + p.x, top + p.y) for p in points]
    path = f"M{points[0].x:.1f},{points[0].y:.1f}"
    for a, b in pairwise(points):
        half = (b.y - a.y) / 2
        path += f" C{a.x:.1f},{a.y + half:.1f} {b.x:.1f},{b.y - half:.1f} {b.x:.1f},{b.y:.1f}"
    end = points[-1]
    at = None
    if label is not None:
        at = Point(left + label.x - len(_label(edge)) * _CHAR * 0.45, top + label.y + 3)
    return _drawn(edge, path, end, Point(end.x, end.y - sign * 10), at)


def _loop(
    edge: Edge, layout: Layout, sizes: Mapping[str, tuple[float, float]], left: float, top: float
) -> str:
    """A step that leads back to where it starts."""
    centre = layout.centres[edge.before]
    x, y = left + centre.x + sizes[edge.before][0] / 2, top + centre.y
    path = f"M{x:.1f},{y - 4:.1f} c22,-14 22,22 0,8"
    return _drawn(edge, path, Point(x, y + 4), Point(x + 10, y + 9), Point(x + 20, y + 3))


def _drawn(edge: Edge, path: str, end: Point, towards: Point, label: Point | None) -> str:
    color = STROKES[0] if edge.owner is None else STROKES[1 + edge.owner % (len(STROKES) - 1)]
    if edge.marked:
        color = MARK
    names = "zdg-edge" + (" zdg-marked" if edge.marked else "")
    text = ""
    if label is not None and edge.text:
        text = (
            f'<text x="{label.x:.1f}" y="{label.y:.1f}" font-size="9" fill="{color}" stroke="#ffffff"'
            f' stroke-width="4" paint-order="stroke" class="zdg-label">{_xml(_label(edge))}</text>'
        )
    return (
        f'<g class="{names}">{_title(edge.about or (edge.text,))}<path d="{path}" fill="none"'
        f' stroke="{color}" stroke-width="{2.2 if edge.marked else 1}"/>'
        f"{_head(end, towards, color)}{text}</g>"
    )


def _head(end: Point, back: Point, color: str) -> str:
    """The arrow's head at `end`, seen from `back`."""
    dx, dy = end.x - back.x, end.y - back.y
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    ux, uy = dx / length, dy / length
    base = Point(end.x - 7 * ux, end.y - 7 * uy)
    return (
        f'<path d="M{end.x:.1f},{end.y:.1f} L{base.x - 3.5 * uy:.1f},{base.y + 3.5 * ux:.1f}'
        f' L{base.x + 3.5 * uy:.1f},{base.y - 3.5 * ux:.1f} z" fill="{color}"/>'
    )


def _title(lines: tuple[str, ...]) -> str:
    return f"<title>{'&#10;'.join(map(_xml, lines))}</title>" if lines else ""


def _xml(text: str) -> str:
    return html.escape(printable(text))
