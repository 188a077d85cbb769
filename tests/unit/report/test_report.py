"""What a page shows, and that nothing in a spec gets out of its place."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("jinja2")

from tests.support.runs import HOSTILE, HOSTILE_CHECK, LASSO, ROOT, SPECS, opened
from zdcheck.inspect.opened import Opened
from zdcheck.inspect.session import Session
from zdcheck.render.columns import effects
from zdcheck.report.html import Extras, page
from zdcheck.report.record import Count, Level, Record, record
from zdcheck.report.source import functions, pieces
from zdcheck.report.timeline import lanes, spelled, strips
from zdcheck.trace.model import LedgerLine


@pytest.fixture(scope="module")
def unplug() -> Opened:
    """An unplug that drops the base reference while a PTE still maps the page."""
    return opened(SPECS / "unplug.zd", "no reference")


@pytest.fixture(scope="module")
def whole(unplug: Opened) -> Record:
    return record(unplug)


@pytest.fixture
def lasso(tmp_path: Path) -> Record:
    path = tmp_path / "loop.zd"
    path.write_text(LASSO)
    found = opened(path, "x")
    return record(found)


class Reader(HTMLParser):
    """The texts and tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.inside.setdefault(self.tags[-1][0] if self.tags else "", []).append(data)


def drawn(found: Opened, again: str = "zdcheck check") -> str:
    return page(record(found), Extras(again, "1.0"))


def data_of(text: str) -> object:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert match is not None
    return json.loads(match[1])


# --- the record -------------------------------------------------------------------------


def test_the_record_is_what_the_session_says_at_every_step(unplug: Opened, whole: Record) -> None:
    session = Session.of_trace(unplug)
    for step, node in enumerate(session.path()):
        session.go(node.number)
        at = lambda entries: [e for e in entries if e.step <= step][-1]  # noqa: E731, B023
        shown = {v.name: at(v.values).text for v in whole.variables}
        assert shown == {item.name: item.value for item in session.shown()}
        ledger = [at(count.levels).line for count in whole.counts]
        lines = [(line.count, line.value, line.terms) for line in ledger if line is not None]
        assert lines == [(line.count, line.value, line.terms) for line in session.ledger()]
        words = {None: "not yet", True: "true", False: "false"}
        truths = [[t for s, t in judged.truths if s <= step][-1] for judged in whole.properties]
        assert truths == [words[truth.holds] for truth in session.truths()]


def test_threads_stand_where_their_next_statement_is(unplug: Opened, whole: Record) -> None:
    last = {walk.name: walk.stands[-1].spots for walk in whole.walks}
    assert {name for name, spots in last.items() if spots}
    for walk in whole.walks:
        assert walk.stands[0].step == 0
        assert all(spot.line > 0 for stand in walk.stands for spot in stand.spots)
    moves = sum(len(walk.stands) - 1 for walk in whole.walks)
    assert moves == sum(not step.failed for step in unplug.trace.steps)


def test_a_value_knows_what_it_was_made_from(whole: Record) -> None:
    count = next(v for v in whole.variables if v.name == "page[0].refcount")
    assert count.matters
    assert [value.text for value in count.values] == ["1", "0"]
    assert count.values[0].reads == ()
    assert whole.variables[count.values[1].reads[0]].name


def test_a_promise_that_is_never_kept(lasso: Record) -> None:
    (promise,) = lasso.properties
    assert lasso.trace.loop is not None
    assert (promise.kind, promise.truths[-1]) == ("progress", (lasso.trace.loop - 1, "never"))
    assert lasso.relevant is not None
    loop = range(lasso.trace.loop, len(lasso.trace.steps) + 1)
    assert set(loop) <= lasso.relevant.steps
    assert lasso.race == ""


# --- the lanes --------------------------------------------------------------------------


def level(step: int, value: int, *holders: str, bias: int = 0) -> Level:
    return Level(step, LedgerLine("page[0].refcount", value, value, bias, holders))


def test_lanes() -> None:
    count = Count(
        "page[0].refcount",
        (level(0, 1, "t.a"), level(2, 2, "t.a", "u.b"), level(3, 2, "u.b"), Level(5, None)),
    )
    found = lanes(0, count, 6, {"t": 3})
    assert found.levels == ((0, 2, 1), (2, 5, 2))
    assert found.wrong == ((3, 5),)
    assert found.dead == ((5, 7),)
    assert [(lane.name, lane.held, lane.color) for lane in found.lanes] == [
        ("t.a", ((0, 3),), 3),
        ("u.b", ((2, 5),), None),
    ]
    assert found.lanes[0].path == "M0 0H3V1H0z"
    assert found.words == (
        "page[0].refcount: 1 from the start to step 1; 2 from step 2 to step 4; "
        "its object is gone from step 5 to step 6"
    )
    assert not found.idle


def test_a_count_that_nothing_happens_to() -> None:
    assert lanes(0, Count("c", (level(0, 0),)), 4, {}).idle
    biased = lanes(0, Count("c", (level(0, 1, bias=1),)), 4, {})
    assert [lane.name for lane in biased.lanes] == ["the bias"]


def test_stretches_in_words() -> None:
    assert spelled(((0, 1), (3, 4), (6, 9))) == (
        "at the start, after step 3, from step 6 to step 8"
    )
    assert spelled([(n, n + 1) for n in range(0, 40, 2)]).endswith("and 8 times more")


def test_strips(whole: Record) -> None:
    drawn = {strip.name: strip for strip in strips(whole)}
    steps = len(whole.trace.steps)
    broken = whole.trace.blame and whole.trace.blame.property
    assert broken
    assert drawn[broken].false == f"M{steps} 0H{steps + 1}V1H{steps}z"


# --- the texts --------------------------------------------------------------------------


def test_every_character_of_a_text_is_shown_once() -> None:
    for path in (*ROOT.glob("specs/migration/*.zd"), *ROOT.glob("models/mm/*.zd")):
        text = path.read_text("utf-8")
        lines = ["".join(piece.text for piece in line) for line in pieces("x", text)]
        assert lines == text.expandtabs(4).splitlines()


def test_words_strings_numbers_and_comments() -> None:
    (line,) = pieces("x", 'expect violation a of b; // for "all" 1')
    assert [(p.look, p.text) for p in line if p.look] == [
        ("word", "expect"),
        ("word", "violation"),
        ("word", "of"),
        ("comment", '// for "all" 1'),
    ]
    (line,) = pieces("x", 'else range "a\\"b" 12')
    assert [p.look for p in line if p.look] == ["word", "string", "number"]


def test_which_function_a_line_is_in() -> None:
    text = "var a : bool;\nfn f(x : page) {\n    a = true;\n}\nfair daemon thread t {\n}\n"
    assert functions(text) == ((1, ""), (2, "f()"), (5, "t"))


# --- the page ---------------------------------------------------------------------------


def test_the_page_says_what_the_columns_say(unplug: Opened) -> None:
    text = drawn(unplug)
    shown = " ".join("".join(map("".join, Reader(text).inside.values())).split())
    for step in unplug.trace.steps:
        for effect in effects(unplug.trace, step):
            assert " ".join(effect.text.split()) in shown
    assert unplug.trace.blame is not None
    assert unplug.trace.blame.violation in shown


def test_nothing_is_fetched_and_nothing_unknown_runs(unplug: Opened) -> None:
    text = drawn(unplug)
    tags = Reader(text).tags
    policy = next(a["content"] for t, a in tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        (inline,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    for tag, attributes in tags:
        assert not {name for name in attributes if name.startswith("on") or name == "style"}
        assert attributes.get("src") is None
        href = attributes.get("href")
        assert href is None or href.startswith("#"), tag
    assert "http" not in re.sub(r"http-equiv|http://www.w3.org/2000/svg", "", text)


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    folder = tmp_path / "<img src=x onerror=pwned=3>\u202e&amp;"
    folder.mkdir()
    path = folder / "'\"><script>pwned = 4.zd"
    path.write_text(HOSTILE, "utf-8")
    found = opened(path, HOSTILE_CHECK)
    text = drawn(found, f"zdcheck check {path}")
    reader = Reader(text)
    assert [tag for tag, _ in reader.tags].count("script") == 2
    assert "img" not in [tag for tag, _ in reader.tags]
    assert not [a for _, a in reader.tags if "onload" in a or "onerror" in a]
    assert "\u202e" not in text
    assert "49" not in reader.inside["title"][0]
    data_of(text)
    raw = text.split('id="data">')[1].split("</script>")[0]
    assert not set(raw) & set("<>&\u2028\u2029")


def test_a_run_without_a_step(tmp_path: Path) -> None:
    path = tmp_path / "start.zd"
    path.write_text(
        "var n : 0..1 = 0;\nthread t { n = 0; }\ninvariant wrong: n == 1;\n"
        'check "x" { expect violation invariant of wrong; }\n'
    )
    text = drawn(opened(path, "x"))
    assert "0 steps" in " ".join(text.split())
    assert data_of(text)["steps"] == []  # type: ignore[index]


def test_data_follows_the_record(unplug: Opened, whole: Record) -> None:
    data = data_of(drawn(unplug))
    assert isinstance(data, dict)
    strings = data["strings"]
    assert [strings[v["name"]] for v in data["variables"]] == [v.name for v in whole.variables]
    for packed, variable in zip(data["variables"], whole.variables, strict=True):
        assert [(s, strings[t]) for s, t, _ in packed["values"]] == [
            (value.step, value.text) for value in variable.values
        ]
    assert len(data["steps"]) == len(whole.trace.steps)
