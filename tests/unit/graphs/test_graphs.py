"""Graphs of checks: what is in them, and how they are drawn."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from zdcheck.base.diagnostics import UsageError
from zdcheck.engines.choose import Choice
from zdcheck.engines.interpreter import InterpreterEngine
from zdcheck.engines.protocol import Found, Limits
from zdcheck.graphs.flow import control_flow
from zdcheck.graphs.locks import lock_order
from zdcheck.graphs.path import path
from zdcheck.graphs.states import TooManyStates, all_states
from zdcheck.graphs.violating import Violating
from zdcheck.pipeline import Lowered, Options, load_spec, lower_check, run_check
from zdcheck.render import drawing as drawings
from zdcheck.render.dot import dot, svg_by_graphviz
from zdcheck.render.drawing import Drawing, Edge, Node
from zdcheck.render.drawing_svg import svg
from zdcheck.render.layered import layered
from zdcheck.trace.verdict import Violated

ROOT = Path(__file__).parents[3]
VIOLATIONS = ROOT / "tests/spec/violations"
README = ROOT / "docs/tutorial/readme.zd"
SCHEMA = ROOT / "docs/reference/schemas/zdcheck-graph-1.json"


def lowered(spec: Path) -> Lowered:
    loaded = load_spec(str(spec))
    return lower_check(loaded, loaded.only_or(None), Options())


def violating(of: Lowered) -> Violating:
    report, claim = run_check(of, Choice(InterpreterEngine()), Options(), lambda progress: None)
    assert isinstance(report.verdict, Violated)
    assert isinstance(claim, Found)
    return Violating(claim.run, claim.fault, report.verdict.trace)


# --- what is in them --------------------------------------------------------------------


def test_control_flow_leads_from_the_entry_to_the_end() -> None:
    drawn = control_flow(lowered(README))
    assert set(drawn.groups) == {"thread gup", "thread munmap"}
    ids = {node.id for node in drawn.nodes}
    assert all({edge.before, edge.after} <= ids for edge in drawn.edges)
    kinds = [node.kind for node in drawn.groups["thread gup"]]
    assert kinds == ["start", "plain", "plain", "end"]
    assert ("gup.1", "gup.2") in {(e.before, e.after) for e in drawn.edges}


def test_control_flow_of_one_thread() -> None:
    assert set(control_flow(lowered(README), "munmap").groups) == {"thread munmap"}
    with pytest.raises(UsageError, match="did you mean `munmap`"):
        control_flow(lowered(README), "mumap")


def test_a_cycle_of_locks_is_marked() -> None:
    drawn = lock_order(lowered(VIOLATIONS / "lock_order/broken.zd"), Limits())
    assert {(e.before, e.after, e.marked) for e in drawn.edges} == {
        ("mmap_lock", "page_lock", True),
        ("page_lock", "mmap_lock", True),
    }
    assert "a cycle: mmap_lock -> page_lock -> mmap_lock" in drawn.notes
    assert [e.label for e in drawn.edges] == ["fault :12", "writeback :21"]
    alone = lock_order(lowered(VIOLATIONS / "lock_order/broken.zd"), Limits(), "fault")
    assert [(e.before, e.marked) for e in alone.edges] == [("mmap_lock", False)]


def test_an_order_that_never_occurs_is_not_drawn(tmp_path: Path) -> None:
    spec = tmp_path / "never.zd"
    spec.write_text(
        "use sync.lock;\nvar go : bool = false;\nvar a : mutex;\nvar b : mutex;\n"
        "thread one { mutex_lock(a); mutex_lock(b); mutex_unlock(b); mutex_unlock(a); }\n"
        "thread two { if (go) { mutex_lock(b); mutex_lock(a); mutex_unlock(a); mutex_unlock(b); } }\n"
        'check "x" { expect holds; }\n'
    )
    drawn = lock_order(lowered(spec), Limits())
    assert [(e.before, e.after) for e in drawn.edges] == [("a", "b")]
    assert drawn.notes == ("no cycle",)
    unsure = lock_order(lowered(spec), Limits(max_states=1))
    assert len(unsure.edges) == 2
    assert "may be impossible" in unsure.notes[0]


def test_no_locks_at_all() -> None:
    drawn = lock_order(lowered(README), Limits())
    assert drawn.notes == ("no lock is taken while another is held",)
    assert ElementTree.fromstring(svg(drawn)).tag.endswith("svg")


def test_all_states_with_the_violating_run() -> None:
    of = lowered(README)
    drawn = all_states(of, violating(of))
    report, _ = run_check(of, Choice(InterpreterEngine()), Options(), lambda progress: None)
    assert sum(node.id.startswith("s") for node in drawn.nodes) == 12
    assert report.verdict.statistics.states <= 12
    run = sorted((edge for edge in drawn.edges if edge.steps), key=lambda edge: edge.steps)
    assert [edge.steps for edge in run] == [(1,), (2,), (3,), (4,)]
    assert all(one.after == other.before for one, other in pairwise(run))
    last = next(node for node in drawn.nodes if node.id == run[-1].after)
    assert last.lines == ("*** get_on_zero ***",)
    assert last.kind == "fault"
    first = next(node for node in drawn.nodes if node.kind == "start")
    assert first.lines == ("gup :10, munmap :21",)


def test_states_of_a_check_that_holds() -> None:
    of = lowered(VIOLATIONS / "lock_order/fixed.zd")
    drawn = all_states(of, None)
    assert not any(node.marked for node in drawn.nodes)
    assert not any(edge.marked for edge in drawn.edges)


@pytest.mark.parametrize("of", ["deadlock", "stuck", "lock_order"])
def test_faults_that_are_no_step(of: str) -> None:
    check = lowered(VIOLATIONS / of / "broken.zd")
    found = violating(check)
    drawn = all_states(check, found)
    marked = [node for node in drawn.nodes if node.marked]
    assert marked
    if of == "deadlock":
        assert "*** deadlock ***" in marked[-1].lines
    if of == "stuck":
        assert any("repeat for ever" in note for note in drawn.notes)
        shown = path(check, found)
        loop = found.trace.loop
        assert loop is not None
        back = next(e for e in shown.edges if e.steps == (len(found.trace.steps),))
        assert back.after == str(loop - 1)
    if of == "lock_order":
        assert set(path(check, found).groups) == {"", "run 2"}


def test_too_many_states() -> None:
    of = lowered(README)
    with pytest.raises(TooManyStates, match="--max-states"):
        all_states(of, None, most=5)
    assert len(all_states(of, None, most=12).nodes) == 13


def test_the_path_says_what_else_could_be_done() -> None:
    of = lowered(README)
    drawn = path(of, violating(of))
    beside = [node for node in drawn.nodes if not node.marked]
    assert [node.lines[0] for node in beside] == [
        "munmap: old = ptep_get_and_clear(pte[0]);",
        "gup: get_page(pg);",
    ]
    assert [e.steps for e in drawn.edges if e.marked] == [(1,), (2,), (3,), (4,)]


# --- drawing ----------------------------------------------------------------------------


def test_layout_has_no_overlap() -> None:
    names = [f"n{k}" for k in range(12)]
    sizes = {name: (30.0 + 7 * k, 20.0) for k, name in enumerate(names)}
    edges = [(names[k // 2], names[k]) for k in range(1, 12)] + [("n11", "n0"), ("n3", "n3")]
    layout = layered(sizes, edges)
    boxes = [(layout.centres[n], sizes[n]) for n in names]
    for k, (a, (w, h)) in enumerate(boxes):
        assert w / 2 - 0.01 <= a.x <= layout.width - w / 2 + 0.01
        assert h / 2 - 0.01 <= a.y <= layout.height - h / 2 + 0.01
        for b, (v, g) in boxes[:k]:
            assert abs(a.x - b.x) >= (w + v) / 2 or abs(a.y - b.y) >= (h + g) / 2
    for before, after in edges[:11]:
        assert layout.centres[before].y < layout.centres[after].y
    assert layered({}, []).width == 0


HOSTILE = (
    '"];\nevil [URL="javascript:1"] \\N \\" </text><script>alert(1)</script>&#0;\x1b[2J\u202e\ud800'
)


def hostile() -> Drawing:
    nodes = (
        Node(HOSTILE, (HOSTILE, HOSTILE), (HOSTILE,), "fault", HOSTILE, True),
        Node("b", ("b",), group=HOSTILE),
    )
    edges = (
        Edge(HOSTILE, "b", HOSTILE, (HOSTILE,), 3, (1,), True),
        Edge("b", "b", HOSTILE, (HOSTILE,)),
    )
    return Drawing("flow", HOSTILE, nodes, edges, (HOSTILE,))


def test_nothing_in_a_name_gets_out_of_its_place() -> None:
    for picture in (svg(hostile()), svg_by_graphviz(hostile()) or svg(hostile())):
        assert "<script" not in picture
        assert "\x1b" not in picture
        root = ElementTree.fromstring(picture)
        assert not any(e.tag.endswith("script") for e in root.iter())
        links = [v for e in root.iter() for k, v in e.attrib.items() if k.endswith("href")]
        assert not any("javascript" in link for link in links)
    assert "\x1b" not in drawings.text(hostile())
    assert json.loads(drawings.dumps(hostile()))["nodes"][0]["lines"][0] == HOSTILE
    # Every quote in the text is escaped or ends a string that begins before it.
    assert dot(hostile()).count("evil [URL") == dot(hostile()).count('evil [URL=\\"')


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_draws_the_same_boxes() -> None:
    of = lowered(README)
    drawn = all_states(of, violating(of))
    picture = svg_by_graphviz(drawn)
    assert picture is not None
    root = ElementTree.fromstring(picture)
    nodes = [e for e in root.iter() if e.attrib.get("class") == "node"]
    edges = [e for e in root.iter() if e.attrib.get("class") == "edge"]
    assert (len(nodes), len(edges)) == (len(drawn.nodes), len(drawn.edges))


def test_json_is_what_its_schema_says() -> None:
    of = lowered(README)
    found = violating(of)
    schema = json.loads(SCHEMA.read_text())
    for drawn in (
        control_flow(of),
        lock_order(of, Limits()),
        all_states(of, found),
        path(of, found),
    ):
        jsonschema.validate(json.loads(drawings.dumps(drawn)), schema)
