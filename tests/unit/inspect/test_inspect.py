"""Traces opened again, walked, asked and explained."""

from __future__ import annotations

import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from zdcheck.base.diagnostics import ToolError, UsageError
from zdcheck.engines.choose import Choice
from zdcheck.engines.interpreter import InterpreterEngine
from zdcheck.engines.protocol import Limits
from zdcheck.inspect.explain import race, relevance, why
from zdcheck.inspect.opened import Opened, open_trace
from zdcheck.inspect.pin import pinned
from zdcheck.inspect.session import Session
from zdcheck.inspect.watch import values_along
from zdcheck.pipeline import Options, load_spec, lower_check, run_check
from zdcheck.render import columns, itf, sequence
from zdcheck.trace import document
from zdcheck.trace.model import Trace
from zdcheck.trace.verdict import Violated

SPECS = Path(__file__).parents[2] / "cli" / "specs"
ROOT = Path(__file__).parents[3]
NONE = Limits()


def violated(path: Path, check: str, **settings: str) -> Trace:
    spec = load_spec(str(path))
    lowered = lower_check(spec, spec.check(check), Options(settings=settings))
    report, _ = run_check(lowered, Choice(InterpreterEngine()), Options(), lambda progress: None)
    assert isinstance(report.verdict, Violated)
    return report.verdict.trace


@pytest.fixture(scope="module")
def saved() -> Trace:
    """An unplug that drops the base reference while a PTE still maps the page."""
    return violated(SPECS / "unplug.zd", "no reference")


@pytest.fixture
def opened(saved: Trace) -> Opened:
    return open_trace(document.loads(document.dumps(saved)))


# --- opening ----------------------------------------------------------------------------


def test_a_trace_needs_no_directory(
    saved: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    opened = open_trace(document.loads(document.dumps(saved)))
    assert opened.trace == saved


def test_a_trace_of_a_spec_that_uses_the_library() -> None:
    path = ROOT / "specs" / "unplug" / "teardown.zd"
    saved = violated(path, "U5: plain get")
    assert any(text.path.startswith("<library>/") for text in saved.texts)
    assert open_trace(document.loads(document.dumps(saved))).trace == saved


def test_settings_of_the_command_line_are_kept() -> None:
    saved = violated(SPECS / "unplug.zd", "mapping holds", pte_holds="false")
    assert open_trace(saved).trace == saved


def set_at(document: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = [int(p) if p.lstrip("-").isdigit() else p for p in path.split("/")]
    place: Any = document
    for part in parents:
        place = place[part]
    place[last] = value(place[last]) if callable(value) else value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("steps/0/action", lambda number: number + 1),
        ("steps/0/action", 99999),
        ("steps/0/action", -1),
        ("steps/0/changes", []),
        ("start", 7),
        ("check", "another"),
        ("spec", "another.zd"),
        ("config/0/value", "true"),
        ("scope/0/size", 2),
        ("blame/violation", "deadlock"),
        ("blame/property", "other"),
        ("loop", 1),
        ("texts/0/text", lambda text: text.replace("thread unplug", "thraed unplug")),
        ("texts/0/text", lambda text: text.replace("pte_holds = false", "pte_holds = true")),
        ("texts/0/text", lambda text: "use nothing;" + text),
    ],
)
def test_a_damaged_trace_is_refused(saved: Trace, path: str, value: Any) -> None:
    changed = json.loads(document.dumps(saved))
    set_at(changed, path, value)
    for text in changed["texts"]:
        text["sha256"] = hashlib.sha256(text["text"].encode()).hexdigest()
    if path == "texts/0/text" and "pte_holds = true" in changed["texts"][0]["text"]:
        # The configuration is in the trace: the check's own does not matter.
        assert open_trace(document.from_document(changed)).trace.steps == saved.steps
        return
    with pytest.raises(ToolError):
        open_trace(document.from_document(changed))


# --- watching ---------------------------------------------------------------------------


def test_values_along_a_run(opened: Opened) -> None:
    steps = len(opened.trace.steps)
    counts = values_along(opened.lowered, opened.run, "page[0].refcount")
    assert counts[0] == "1"
    assert counts[-1] == "0"
    assert len(counts) == steps + 1
    truths = values_along(opened.lowered, opened.run, "page[0].refcount > 0 && base == page[0]")
    assert truths[0] == "true"
    assert truths[-1] == "false"
    mapped = values_along(opened.lowered, opened.run, "entry is present(pg)")
    assert set(mapped) == {"true"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("page[0].refcout", "refcout"),
        ("page[0].refcount +", "neither"),
        ("true; cover x: true", "no expression"),
        ("", "no expression"),
    ],
)
def test_what_is_no_expression(opened: Opened, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        values_along(opened.lowered, opened.run, text)


# --- walking ----------------------------------------------------------------------------


def test_a_session_of_a_trace_stands_at_its_end(opened: Opened) -> None:
    session = Session.of_trace(opened)
    assert session.node.depth == len(opened.trace.steps)
    assert session.trace() == opened.trace
    assert [t.holds for t in session.truths()] == [False]


def test_history_is_a_tree(opened: Opened) -> None:
    session = Session.of_trace(opened)
    end = session.here
    while session.back():
        pass
    assert not session.back()
    first = session.path(end)[1]
    other = next(
        m.action
        for m in session.moves()
        if m.word == "enabled" and m.action and first.action and m.action.id != first.action.id
    )
    branch = session.take(other)
    assert branch.number != first.number
    assert len(session.leaves()) == 2
    session.back()
    assert session.take(other) == branch
    assert len(session.leaves()) == 2
    session.go(end)
    assert session.trace() == opened.trace
    with pytest.raises(UsageError):
        session.go(99)


def test_moves_say_what_blocks(opened: Opened) -> None:
    session = Session(opened.lowered)
    words = {move.word for move in session.moves()}
    assert "enabled" in words
    blocked = [move for move in session.moves() if move.word == "blocked"]
    assert all(move.why for move in blocked)
    session.wander(100, 1)
    assert all(move.word != "enabled" for move in session.moves())
    assert any(move.word == "ended" for move in session.moves())
    action = opened.lowered.system.actions[0]
    with pytest.raises(UsageError, match="not possible"):
        session.take(action)


def test_wandering_is_the_same_for_the_same_seed(opened: Opened) -> None:
    runs = []
    for seed in (3, 3, 4):
        session = Session(opened.lowered)
        session.wander(20, seed)
        runs.append(session.run())
    assert runs[0] == runs[1] != runs[2]


def test_find_a_violation_from_here(opened: Opened) -> None:
    session = Session(opened.lowered)
    session.wander(1, 0)
    start = session.here
    run = session.find_violation(NONE)
    assert run is not None
    assert session.path(session.here)[1].number == start
    assert session.trace().blame is not None


def test_find_where_a_condition_is_true(opened: Opened) -> None:
    session = Session(opened.lowered)
    run = session.find("exists g : gup . g.pin != null", NONE)
    assert run is not None
    assert any(s.name.endswith(".pin") and s.value == "page[0]" for s in session.shown())
    assert session.find("page[0].refcount == 3 && base == null", NONE) is None
    with pytest.raises(UsageError, match="limit"):
        Session(opened.lowered).find("page[0].refcount == 3", Limits(max_states=1))


def test_the_state_says_what_changed_and_who_holds(opened: Opened) -> None:
    session = Session(opened.lowered)
    assert not any(shown.changed for shown in session.shown())
    session.find("exists g : gup . g.pin != null", NONE)
    assert any(shown.changed for shown in session.shown())
    (line,) = session.ledger()
    assert any(name.startswith("gup[") for name in line.holders)


# --- explaining -------------------------------------------------------------------------


def states_and_actions(opened: Opened):  # type: ignore[no-untyped-def]
    path = Session.of_trace(opened).path()
    states = tuple(node.state for node in path if not node.failed)
    return states, tuple(node.action for node in path if node.action is not None)


def test_what_mattered(tmp_path: Path) -> None:
    path = tmp_path / "race.zd"
    path.write_text(
        "var x : 0..3 = 0;\nvar noise : 0..3 = 0;\nvar done : bool = false;\n"
        "thread a { x = 1; done = true; }\nthread b { noise = 1; noise = 2; }\n"
        "thread c { wait until noise == 2; wait until done; x = 2; }\n"
        'invariant small: x < 2;\ncheck "x" { expect violation invariant of small; }\n'
    )
    opened = open_trace(violated(path, "x"))
    states, actions = states_and_actions(opened)
    assert opened.fault is not None
    found = relevance(opened.lowered.system, states, actions, opened.fault)
    code = {step.number: step.code for step in opened.trace.steps}
    relevant = {code[number] for number in found.steps}
    assert "x = 2;" in relevant
    assert "done = true;" in relevant
    assert {"x", "done"} <= found.variables
    assert "x = 1;" not in relevant
    sentence = race(opened.trace, found)
    assert sentence.startswith("a ran `done = true`")
    assert "before c's `x = 2`" in sentence


def story(path: Path, check: str) -> str:
    """The race of a check's counterexample."""
    opened = open_trace(violated(path, check))
    states, actions = states_and_actions(opened)
    assert opened.fault is not None
    return race(opened.trace, relevance(opened.lowered.system, states, actions, opened.fault))


def test_the_race_of_a_stale_look() -> None:
    assert story(ROOT / "docs/tutorial/readme.zd", "default") == (
        "munmap ran `put_page(old)` (step 3), which made page[0].refcount 0, after gup had looked at"
        " pte[0].entry in `var seen = READ_ONCE(pte[0].entry)` (step 1) and before gup's"
        " `get_page(pg)` (step 4)."
    )


def test_a_thread_that_goes_wrong_alone(tmp_path: Path) -> None:
    path = tmp_path / "alone.zd"
    path.write_text(
        "use sync.lock;\nvar l : mutex;\nvar x : 0..3 = 0;\n"
        "thread a { mutex_lock(l); x = 3; mutex_unlock(l); }\n"
        "thread b { mutex_lock(l); mutex_unlock(l); }\n"
        'invariant small: x < 2;\ncheck "x" { expect violation invariant of small; }\n'
    )
    assert story(path, "x").startswith("a goes wrong by itself")


def test_what_keeps_a_loop_going(tmp_path: Path) -> None:
    path = tmp_path / "loop.zd"
    path.write_text(
        "var here : bool = false;\nvar n : 0..1 = 0;\n"
        "thread a { here = true; }\n"
        "thread b { wait until here; while (here) { n = 1; n = 0; } }\n"
        'progress ends : b terminates;\ncheck "x" { expect violation stuck; }\n'
    )
    assert story(path, "x").startswith("Each time b looks at here, which is true since a's `here")


def test_why_is_it_so(opened: Opened) -> None:
    states, actions = states_and_actions(opened)
    causes = why(opened.lowered.system, states, actions, "page[0].refcount", len(actions))
    assert causes[0].value == "0"
    assert causes[0].number == max(cause.number for cause in causes)
    assert why(opened.lowered.system, states, actions, "nothing", 1) == ()
    (start,) = why(opened.lowered.system, states, actions, "entry", len(actions))
    assert start.number == 0


# --- pinning and converting -------------------------------------------------------------


def test_a_pinned_check_expects_the_same(saved: Trace, tmp_path: Path) -> None:
    block = pinned(open_trace(saved))
    assert 'check "pinned: refcount_zero_in_pte, 1 steps"' in block or "pinned:" in block
    path = tmp_path / "pinned.zd"
    path.write_text(saved.texts[0].text + block)
    spec = load_spec(str(path))
    check = spec.model.checks[-1]
    report, _ = run_check(
        lower_check(spec, check, Options()), Choice(InterpreterEngine()), Options(), lambda p: None
    )
    assert report.surprise is None


def test_itf(saved: Trace) -> None:
    found = json.loads(itf.dumps(saved))
    assert found["#meta"]["format"] == "ITF"
    assert len(found["states"]) == len(saved.steps) + 1
    assert found["states"][-1]["page[0].refcount"] == {"#bigint": "0"}
    assert set(found["vars"]) <= set(found["states"][0])


def test_diagrams_escape_what_specs_say(saved: Trace) -> None:
    from dataclasses import replace
    from xml.etree import ElementTree

    hostile = replace(
        saved,
        steps=tuple(replace(s, code="<script>;#\x1b[31m\nNote over x: y") for s in saved.steps),
    )
    picture = sequence.svg(hostile)
    ElementTree.fromstring(picture)
    assert "<script>" not in picture
    assert "\x1b" not in picture
    text = sequence.mermaid(hostile)
    assert "<script>" not in text
    assert len(text.splitlines()) == len(sequence.mermaid(saved).splitlines())
    assert "<script>" not in sequence.plantuml(hostile)


# --- cycles of locks and runs for ever --------------------------------------------------

LOCKS = ROOT / "tests/spec/violations/lock_order/broken.zd"
STUCK = ROOT / "tests/spec/violations/stuck/broken.zd"


def test_both_orders_of_a_cycle_of_locks_are_in_the_trace() -> None:
    saved = violated(LOCKS, "both orders")
    opened = open_trace(document.loads(document.dumps(saved)))
    assert opened.trace == saved
    (other,) = saved.others
    assert (other.held, other.taken) == ("mmap_lock", "page_lock")
    session = Session.of_trace(opened)
    ends = [session.path(leaf.number) for leaf in session.leaves()]
    assert (
        sorted(len(path) - 1 for path in ends) == sorted((len(saved.steps), len(other.steps)))
        or len(ends) == 1
    )
    assert session.trace() == saved
    for run in session.known:
        session.go(run.initial)
        for id in run.actions:
            session.take(session.system.actions[id])
        blame = session.trace().blame
        assert blame is not None and blame.violation == "lock_order"
    shown = columns.text(columns.columns(saved))
    assert "in another run fault takes page_lock while it holds mmap_lock" in shown
    for drawn in (sequence.mermaid(saved), sequence.plantuml(saved), sequence.svg(saved)):
        assert "in another run" in drawn
    assert "the first of 2 runs" in itf.dumps(saved)


@pytest.mark.parametrize(
    "damage",
    [
        lambda others: [],
        lambda others: [{**others[0], "held": "page_lock"}],
        lambda others: [{**others[0], "steps": others[0]["steps"][:1]}],
        lambda others: [{**others[0], "steps": []}],
        lambda others: [{**others[0], "start": 7}],
        lambda others: others * 3,
    ],
)
def test_a_cycle_that_is_none_is_refused(damage: Any) -> None:
    plain = document.to_document(violated(LOCKS, "both orders"))
    plain["others"] = damage(plain["others"])
    with pytest.raises(ToolError):
        open_trace(document.from_document(plain))


def test_a_run_for_ever_stays_one_in_a_session() -> None:
    saved = violated(STUCK, load_spec(str(STUCK)).check_names[0])
    session = Session.of_trace(open_trace(saved))
    assert session.trace() == saved
    assert saved.loop is not None
    assert session.back()
    assert session.trace().blame is None


@pytest.mark.parametrize("of", ["lock_order", "stuck", "deadlock", "get_on_zero"])
def test_documents_are_what_the_schema_says(of: str) -> None:
    path = ROOT / "tests/spec/violations" / of / "broken.zd"
    saved = violated(path, load_spec(str(path)).check_names[0])
    schema = json.loads((ROOT / "docs/reference/schemas/zdcheck-trace-1.json").read_text())
    jsonschema.validate(json.loads(document.dumps(saved)), schema)
    plain = json.loads(itf.dumps(saved))
    assert all(set(plain["vars"]) | {"#meta"} == set(state) for state in plain["states"])
    assert len(plain["states"]) == len(saved.steps) + 1
    if saved.loop is not None:
        assert plain["states"][plain["loop"]].keys() == plain["states"][-1].keys()
        named = set(plain["vars"])
        assert all(plain["states"][plain["loop"]][n] == plain["states"][-1][n] for n in named)


def test_a_run_without_a_step_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "none.zd"
    path.write_text(
        "var go : bool = false;\nthread a { wait until go; go = false; }\n"
        'check "x" { expect violation deadlock; }\n'
    )
    saved = violated(path, "x")
    assert saved.steps == ()
    for drawn in (sequence.mermaid(saved), sequence.plantuml(saved), sequence.svg(saved)):
        assert "deadlock" in drawn
    assert json.loads(itf.dumps(saved))["states"]


def test_no_line_of_a_diagram_leaves_its_box(saved: Trace) -> None:
    picture = sequence.svg(
        violated(ROOT / "specs/unplug/pins.zd", "U9: pages do not hold the range")
    )
    rows = re.findall(r'<text class="(?:code|change)"[^>]*>([^<]*)<', picture)
    assert rows
    assert max(len(html.unescape(row)) for row in rows) <= 42
