"""The terminal inspector, driven by keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

pytest.importorskip("textual")

from rich.console import Console
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static, TabbedContent

from tests.unit.inspect.test_inspect import ROOT, SPECS, violated
from zdcheck.engines.protocol import Limits
from zdcheck.inspect.opened import open_trace
from zdcheck.inspect.session import Move, MoveWord, Session
from zdcheck.trace.document import loads
from zdcheck.tui import views
from zdcheck.tui.app import BranchScreen, HelpScreen, Inspector

NO_LIMITS = Limits()
Play = Callable[[Inspector, Pilot[None]], Awaitable[None]]


def session() -> Session:
    return Session.of_trace(open_trace(violated(SPECS / "unplug.zd", "no reference")))


def play(script: Play, size: tuple[int, int] = (120, 36), of: Session | None = None) -> None:
    """Run the inspector on a counterexample, and the script on the inspector."""

    async def run() -> None:
        app = Inspector(of or session())
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await script(app, pilot)

    asyncio.run(run())


def shown(app: Inspector, selector: str) -> str:
    console = Console(width=200, no_color=True, force_terminal=False)
    with console.capture() as capture:
        console.print(app.query_one(selector, Static).content)
    return capture.get()


def lines(app: Inspector, selector: str) -> list[str]:
    list_ = app.query_one(selector, OptionList)
    return [str(list_.get_option_at_index(n).prompt) for n in range(list_.option_count)]


def test_the_first_screen_says_what_is_wrong() -> None:
    async def script(app: Inspector, pilot: Pilot[None]) -> None:
        head = shown(app, "#head")
        assert "no reference" in head
        assert "refcount_zero_in_pte" in head
        assert "CPU0 (unplug)" in shown(app, "#columns")
        steps = lines(app, "#steps")
        assert len(steps) == len(app.trace.steps) + 1
        assert "page[0].refcount: 1 → 0" in "".join(steps)

    play(script)
    play(script, size=(80, 24))


def test_walking() -> None:
    async def script(app: Inspector, pilot: Pilot[None]) -> None:
        last = len(app.trace.steps)
        assert app.session.node.depth == last
        await pilot.press("g")
        assert app.session.node.depth == 0
        assert "page[0].refcount = 1" in "".join(lines(app, "#items"))
        await pilot.press("j")
        assert app.session.node.depth == 1
        await pilot.press("k", "k")
        assert app.session.node.depth == 0
        await pilot.press("down")
        assert app.session.node.depth == 1
        await pilot.press("G")
        assert app.session.node.depth == last
        assert "was 1" in "".join(lines(app, "#items"))

    play(script)


def test_panes() -> None:
    async def script(app: Inspector, pilot: Pilot[None]) -> None:
        for key, name in zip("123456", Inspector.PANES, strict=True):
            await pilot.press(key)
            assert app.query_one("#tabs", TabbedContent).active == name
        assert "page[0].refcount" in "".join(lines(app, "#counts"))
        assert "FALSE" in shown(app, "#truths")
        assert "▶     atomic { pg.refcount -= 1; drop(pg); }" in shown(app, "#source-text")

    play(script)


def test_changes_and_why() -> None:
    async def script(app: Inspector, pilot: Pilot[None]) -> None:
        await pilot.press("1")
        items = app.query_one("#items", OptionList)
        items.highlighted = app.names.index("page[0].refcount")
        await pilot.press("y")
        await pilot.pause()
        assert "page[0].refcount = 0" in shown(app, "#causes")
        await pilot.press("g", "1")
        items.highlighted = app.names.index("page[0].refcount")
        await pilot.press("n")
        step = app.trace.steps[app.session.node.depth - 1]
        assert any(change.variable == "page[0].refcount" for change in step.changes)

    play(script)


def test_what_if() -> None:
    async def script(app: Inspector, pilot: Pilot[None]) -> None:
        await pilot.press("g", "4")
        move = next(n for n, m in enumerate(app.moves) if m.thread == "gup[0]" and m.action)
        app.query_one("#moves-list", OptionList).highlighted = move
        await pilot.press("enter")
        await pilot.pause()
        assert len(app.session.leaves()) == 2
        assert app.trace.steps[0].thread == 0
        assert "2 branches" in shown(app, "#head")
        await pilot.press("f")
        await found(app, pilot)
        assert app.trace.blame is not None
        await pilot.press("b")
        assert app.trace.blame is not None
        await pilot.press("u")
        await pilot.press("r")
        assert len(app.session.leaves()) >= 2

    play(script)


async def found(app: Inspector, pilot: Pilot[None]) -> None:
    """Wait for the engine."""
    await app.workers.wait_for_complete()
    await pilot.pause()


async def answer(app: Inspector, pilot: Pilot[None], key: str, text: str) -> None:
    await pilot.press(key)
    app.query_one("#prompt", Input).value = text
    await pilot.press("enter")
    await pilot.pause()


def test_searching_and_watching() -> None:
    async def script(app: Inspector, pilot: Pilot[None]) -> None:
        await pilot.press("g")
        await answer(app, pilot, "slash", "refcount")
        assert app.session.node.depth >= 1
        await answer(app, pilot, "w", "page[0].refcount > 0")
        assert "page[0].refcount > 0 = " in shown(app, "#head")
        await answer(app, pilot, "w", "nonsense ((")
        assert app.watches == ["page[0].refcount > 0"]
        await answer(app, pilot, "w", "page[0].refcount > 0")
        assert app.watches == []
        await pilot.press("g")
        await answer(app, pilot, "F", "exists g : gup . g.pin != null")
        await found(app, pilot)
        assert "null" in "".join(lines(app, "#items"))
        assert len(app.session.leaves()) == 2

    play(script)


def test_saving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def script(app: Inspector, pilot: Pilot[None]) -> None:
        await answer(app, pilot, "s", "saved.json")
        await answer(app, pilot, "s", "saved.json")

    play(script)
    assert open_trace(loads((tmp_path / "saved.json").read_text())).trace.blame is not None


def test_help_and_explain() -> None:
    async def script(app: Inspector, pilot: Pilot[None]) -> None:
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        assert not isinstance(app.screen, HelpScreen)
        assert app.explains
        await pilot.press("e")
        assert not app.explains

    play(script)


def test_a_loop_is_marked() -> None:
    text = (
        "var n : 0..1 = 0;\nfair daemon thread a { forever { n = 1; n = 0; } }\n"
        "thread b { wait until n == 0; wait until n == 1; }\n"
        "thread c { wait until n == 1; }\n"
        'progress ends: c terminates;\ncheck "x" { expect violation stuck; }\n'
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "loop.zd"
        path.write_text(text)
        opened = open_trace(violated(path, "x"))
    trace = opened.trace
    assert trace.loop is not None and trace.loop <= len(trace.steps)
    columns = trace.moving
    drawn = [str(views.step_text(trace, step, columns, 80, None)) for step in trace.steps]
    assert ["for ever" in text for text in drawn] == [s.number == trace.loop for s in trace.steps]


def test_nothing_in_a_spec_reaches_the_terminal() -> None:
    assert "\x1b" not in str(views._line("a\x1b[31m\tb"))
    assert "[bold]" in str(views._line("[bold]x"))


def test_where_references_are_taken_and_dropped() -> None:
    async def script(app: Inspector, pilot: Pilot[None]) -> None:
        await pilot.press("g", "2")
        assert app.query_one("#counts", OptionList).has_focus
        app.query_one("#counts", OptionList).highlighted = app.counts.index("page[0].refcount")
        await pilot.press("n")
        first = app.session.node.depth
        handovers = app.session.handovers("page[0].refcount", app.leaf)
        assert handovers[0].step == first
        await pilot.press("y")
        await pilot.pause()
        assert f"step {first}, unplug: 1 → 0" in shown(app, "#causes")
        await pilot.press("2", "n")
        assert app.session.node.depth == handovers[-1].step

    play(script)


def test_who_takes_and_who_drops() -> None:
    found = session()
    found.here = 0
    run = found.find("exists g : gup . g.pin != null", NO_LIMITS)
    assert run is not None
    taken = [one for one in found.handovers("page[0].refcount", found.here) if one.taken]
    assert [one.taken for one in taken] == [("gup[0].pin",)]
    assert "gup[0].pin takes one" in str(views.handovers_text("x", taken, 1))
    assert "nobody" in str(views.handovers_text("x", (), 1))


def test_disabled_moves_say_what_blocks_them() -> None:
    text = (ROOT / "tests/spec/violations/deadlock/broken.zd").read_text()
    with TemporaryDirectory() as folder:
        walk = spec_session(Path(folder), text, text.split('check "')[1].split('"')[0])

    async def script(app: Inspector, pilot: Pilot[None]) -> None:
        await pilot.press("4")
        assert [(move.thread, move.word) for move in app.moves] == [
            ("holder", "blocked"),
            ("unplug", "blocked"),
        ]
        drawn = "".join(lines(app, "#moves-list"))
        assert "○ unplug: wait until users == 0;" in drawn
        assert "needs users == 0" in drawn
        assert all(f"needs {move.why}" in drawn for move in app.moves)
        await pilot.press("enter")
        assert len(app.session.leaves()) == 1

    play(script, of=walk)


def test_all_branches() -> None:
    async def script(app: Inspector, pilot: Pilot[None]) -> None:
        leaf = app.leaf
        await pilot.press("g", "r")
        assert app.leaf != leaf
        await pilot.press("B")
        assert isinstance(app.screen, BranchScreen)
        listed = app.screen.query_one("#branches", OptionList)
        assert listed.option_count == 2
        words = [str(listed.get_option_at_index(n).prompt) for n in range(2)]
        assert "refcount_zero_in_pte" in words[0]
        listed.highlighted = 0
        await pilot.press("enter")
        await pilot.pause()
        assert app.leaf == leaf
        await pilot.press("B", "escape")
        assert not isinstance(app.screen, BranchScreen)

    play(script)


def test_what_is_wrong_is_said_before_anything_is_asked() -> None:
    async def script(app: Inspector, pilot: Pilot[None]) -> None:
        assert "refcount_zero_in_pte" in shown(app, "#causes")
        await pilot.press("0")
        assert app.query_one("#steps", OptionList).has_focus

    play(script)


@pytest.mark.parametrize("size", [(80, 24), (200, 50), (20, 6)])
def test_sizes(size: tuple[int, int]) -> None:
    async def script(app: Inspector, pilot: Pilot[None]) -> None:
        await pilot.resize_terminal(100, 30)
        await pilot.press("j", "k", "1", "question_mark", "escape", "B", "escape")

    play(script, size)


def spec_session(folder: Path, text: str, check: str) -> Session:
    path = folder / "spec.zd"
    path.write_text(text)
    return Session.of_trace(open_trace(violated(path, check)))


@pytest.mark.parametrize("of", ["deadlock", "stuck", "lock_order"])
def test_faults_of_nobody_are_explained_at_once(of: str) -> None:
    path = ROOT / "tests/spec/violations" / of / "broken.zd"
    text = path.read_text()
    with TemporaryDirectory() as folder:
        name = next(line.split('"')[1] for line in text.splitlines() if line.startswith("check"))
        walk = spec_session(Path(folder), text, name)

    async def script(app: Inspector, pilot: Pilot[None]) -> None:
        head = shown(app, "#head")
        assert of in head
        assert {
            "deadlock": "waits",
            "stuck": "for ever",
            "lock_order": "in another run",
        }[of] in head
        assert "ran `" not in head
        if of == "lock_order":
            await pilot.press("b")
            assert "lock_order" in shown(app, "#head")
        if of == "stuck":
            assert "for ever" in "".join(lines(app, "#steps"))

    play(script, of=walk)


def test_what_is_blocked_in_many_ways_is_one_line() -> None:
    def move(word: MoveWord, place: str, why: str = "") -> Move:
        return Move(word, "t", "any p : page", place, "p = x", why, None)

    shown = views.shown_moves(
        [
            move("blocked", "1", "a"),
            move("blocked", "1", "b"),
            move("blocked", "2", "c"),
            move("enabled", "2"),
            move("blocked", "3", "d"),
        ]
    )
    assert [(m.word, m.why) for m in shown] == [
        ("enabled", ""),
        ("blocked", "a, or one of 1 more"),
        ("blocked", "d"),
    ]
