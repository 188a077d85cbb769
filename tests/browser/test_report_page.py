"""The report in a real browser: every key, every pane, light and dark, on a phone, printed, without script."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="browser tests need playwright")

from playwright.sync_api import Error, Page, expect

from tests.browser.conftest import Open, written
from zdcheck.engines.simulate import walk
from zdcheck.inspect.opened import Opened
from zdcheck.pipeline import Options, load_spec, lower_check
from zdcheck.trace.replay import replay

TABS = ("steps", "state", "counts", "source", "props", "why", "graph")


def here(page: Page) -> int:
    """The step that the page stands at."""
    return int(page.locator("#slider").input_value())


def last(page: Page) -> int:
    return int(page.locator("#slider").get_attribute("max") or "")


def press(page: Page, *keys: str) -> int:
    for key in keys:
        page.keyboard.press(key)
    return here(page)


# --- what is on it ----------------------------------------------------------------------


def test_the_first_screen_says_who_races_over_what(visit: Open) -> None:
    page = visit("race")
    expect(page.locator("h1")).to_contain_text("invariant")
    expect(page.locator(".race")).to_be_in_viewport()
    expect(page.locator(".race")).to_contain_text(
        "gup[0] ran pg.refcount += 1 (step 2), which made page[0].refcount 2, before unplug's"
    )
    expect(page.locator(".heads")).to_be_in_viewport()
    expect(page.locator(".heads span")).to_have_text(["CPU0 gup[0]", "CPU1 unplug"])
    expect(page.locator("#s1")).to_be_in_viewport()
    expect(page.locator("#state")).to_contain_text("after the last step")


def test_walking_by_keys(visit: Open) -> None:
    page = visit("race")
    end = last(page)
    assert here(page) == end
    assert press(page, "g") == 0
    assert press(page, "k") == 0
    assert press(page, "j") == 1
    assert press(page, "ArrowDown") == 2
    assert press(page, "ArrowUp") == 1
    assert press(page, "G") == end
    assert press(page, "j") == end
    assert press(page, "Home") == 0
    assert press(page, "End") == end
    expect(page.locator(f"#s{end}")).to_have_attribute("aria-current", "step")
    expect(page.locator("[aria-current]")).to_have_count(1)
    expect(page.locator(f"#s{end}")).to_be_in_viewport()


def test_threads_and_switches_by_keys(visit: Open) -> None:
    page = visit("library")
    threads: list[int] = page.evaluate(
        "JSON.parse(document.getElementById('data').textContent).steps.map((step) => step[0])"
    )
    at = press(page, "g", "j", "c")
    assert at == 1 + next(
        (n for n in range(1, len(threads)) if threads[n] != threads[n - 1]), len(threads) - 1
    )
    press(page, "g", "j")
    after = press(page, "J")
    assert after == 2 + threads[1:].index(threads[0])
    assert press(page, "K") == 1
    assert press(page, "C") <= 1


def test_the_state_at_each_step(visit: Open) -> None:
    page = visit("race")
    count = page.locator("tr", has=page.get_by_role("button", name="page[0].refcount", exact=True))
    expect(count.locator("td").first).to_have_text("1")
    expect(count.locator("td").last).to_have_text("2")
    expect(count).to_have_class(re.compile("changed"))
    press(page, "g")
    expect(count.locator("td").first).to_have_text("1")
    expect(count).not_to_have_class(re.compile("changed"))
    expect(page.locator("#state .at")).to_have_text("in the initial state")


def test_changes_of_a_variable_and_why(visit: Open) -> None:
    page = visit("race")
    press(page, "g", "n")
    expect(page.locator("#here")).to_contain_text("choose a variable")
    page.get_by_role("button", name="page[0].refcount", exact=True).click()
    first, second = press(page, "n"), press(page, "n")
    assert 0 < first < second == last(page)
    expect(page.locator(".touches")).to_have_count(2)
    assert press(page, "n") == second
    expect(page.locator("#here")).to_contain_text("does not change")
    assert press(page, "p") == first
    assert press(page, "G", "N") == first
    press(page, "G", "y")
    expect(page.locator("#why")).to_be_visible()
    expect(page.locator("#why .causes li").first).to_contain_text("page[0].refcount = 1")
    page.locator("#why a").first.click()
    assert here(page) == second
    page.locator("#tab-state").click()
    page.locator("#filter").fill("index")
    expect(page.locator("#state tr:visible", has_text="refcount")).to_have_count(0)


def test_constants_are_shown_when_asked(visit: Open) -> None:
    page = visit("race")
    some = page.locator("#state tr.constant")
    assert some.count()
    expect(some.first).to_be_hidden()
    page.locator("#moving").uncheck()
    expect(some.first).to_be_visible()


def test_panes_by_keys_and_by_arrows(visit: Open) -> None:
    page = visit("race")
    for key, name in zip("123456", TABS[1:], strict=True):
        press(page, key)
        expect(page.locator(f"#{name}")).to_be_visible()
        expect(page.locator(".panel:visible")).to_have_count(1)
        expect(page.get_by_role("tab", selected=True)).to_have_attribute("data-panel", name)
    page.locator("#tab-state").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#counts")).to_be_visible()


def test_references_and_properties_follow(visit: Open) -> None:
    page = visit("race")
    press(page, "2")
    ledger = page.locator(".count p.ledger").first
    expect(ledger).to_have_text("1 = gup[0].pin")
    press(page, "k")
    expect(ledger).to_have_text("2 = entry + gup[0].pin")
    press(page, "g")
    expect(ledger).to_have_text("1 = entry")
    expect(page.locator(".idle")).to_contain_text("page[1].refcount")
    press(page, "4", "G")
    expect(page.locator(".truth.false")).to_have_count(1)
    press(page, "k")
    expect(page.locator(".truth.false")).to_have_count(0)


def test_the_state_graph_shows_the_run(visit: Open) -> None:
    page = visit("race")
    press(page, "6")
    drawing = page.locator("#graph .drawing")
    expect(drawing.locator(".zdg-fault")).to_have_count(1)
    expect(drawing.locator(".zdg-start")).to_be_in_viewport()
    expect(page.locator("#graph")).to_contain_text("pinned_is_mapped")


def test_a_cycle_of_locks_has_all_its_runs(visit: Open) -> None:
    page = visit("locks")
    expect(page.locator("#steps .mark")).to_contain_text("in another run fault takes")
    assert page.locator(".other").count() > 1
    assert press(page, "g", "j") == 1


def test_a_click_on_a_lane_goes_there(visit: Open) -> None:
    page = visit("race")
    press(page, "2")
    lane = page.locator(".lane").first
    box = lane.bounding_box()
    assert box is not None
    lane.click(position={"x": 3, "y": 5})
    assert here(page) == 0
    lane.click(position={"x": box["width"] - 3, "y": 5})
    assert here(page) == last(page)


def test_the_source_has_every_thread(visit: Open) -> None:
    page = visit("library")
    press(page, "g", "j", "3")
    expect(page.locator(".lines .ran")).to_have_count(1)
    ran, bar = page.locator(".lines .ran").bounding_box(), page.locator("footer").bounding_box()
    assert ran is not None and bar is not None
    assert ran["y"] + ran["height"] <= bar["y"]
    names: list[str] = page.evaluate(
        "(() => { const d = JSON.parse(document.getElementById('data').textContent);"
        " return d.threads.map((name) => d.strings[name]); })()"
    )
    standing = " ".join(page.locator(".stands").all_text_contents())
    assert all(name in standing for name in names)
    page.locator("#file").select_option("0")
    expect(page.locator("#f0")).to_be_visible()
    expect(page.locator(".file:visible")).to_have_count(1)


def test_the_source_follows_on_a_phone(visit: Open) -> None:
    page = visit("library", width=375, height=700)
    page.locator("#tab-source").click()
    for _ in range(4):
        page.locator("#back").click()
        ran, bar = page.locator(".lines .ran").bounding_box(), page.locator("footer").bounding_box()
        assert ran is not None and bar is not None
        assert ran["y"] > 0 and ran["y"] + ran["height"] <= bar["y"]


def test_at_1600_pixels_the_source_is_always_there(visit: Open) -> None:
    page = visit("library", width=1800)
    expect(page.locator("#state")).to_be_visible()
    expect(page.locator("#source")).to_be_visible()
    expect(page.locator("#tab-source")).to_be_hidden()
    press(page, "2")
    expect(page.locator("#counts")).to_be_visible()
    expect(page.locator("#source")).to_be_visible()
    page.set_viewport_size({"width": 1200, "height": 800})
    expect(page.locator("#source")).to_be_hidden()


def test_the_slider(visit: Open) -> None:
    page = visit("race")
    page.locator("#slider").fill("2")
    expect(page.locator("#here")).to_contain_text(f"2 of {last(page)}")
    expect(page.locator("#s2")).to_have_class(re.compile(r"\bnow\b"))
    page.locator("#slider").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#s3")).to_have_class(re.compile(r"\bnow\b"))
    for button, step in (
        ("#first", 0),
        ("#next", 1),
        ("#last", last(page)),
        ("#back", last(page) - 1),
    ):
        page.locator(button).click()
        assert here(page) == step


def test_searching(visit: Open) -> None:
    page = visit("race")
    press(page, "g", "/")
    page.keyboard.type("refcount")
    found = page.locator(".hit")
    assert found.count()
    expect(page.locator("#found")).to_contain_text("found")
    first = press(page, "Enter")
    assert first > 0
    expect(page.locator(f"#s{first}")).to_have_class(re.compile("hit"))
    expect(page.locator("#found")).to_have_text(f"1 of {found.count()}")
    press(page, "Shift+Enter")
    expect(page.locator("#found")).to_contain_text(f"of {found.count()}")
    page.keyboard.press("Escape")
    expect(found).to_have_count(0)
    assert press(page, "g") == 0
    page.locator("#search").fill("no such thing")
    expect(page.locator("#found")).to_have_text("0 found")


def test_an_address_names_a_step(visit: Open) -> None:
    page = visit("race", at="#s2")
    assert here(page) == 2
    press(page, "j")
    assert page.url.endswith("#s3")
    page.locator("header a.to").first.click()
    assert f"#s{here(page)}" in page.url
    page.locator("#s1 .body").click()
    assert here(page) == 1
    assert visit("race", at="#s999999").locator("#slider").input_value() == str(last(page))


def test_help_greys_and_theme(visit: Open) -> None:
    page = visit("race", color_scheme="light")
    press(page, "?")
    expect(page.locator("#help")).to_be_visible()
    press(page, "g")
    assert here(page) == last(page)
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    press(page, "t", "t")
    expect(page.locator("#theme")).to_have_text("Theme: dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    press(page, "t")
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    expect(page.locator("html.greys")).to_have_count(1)
    press(page, "e")
    expect(page.locator("html.greys")).to_have_count(0)


def test_a_loop_is_marked_and_goes_on(visit: Open) -> None:
    page = visit("lasso")
    expect(page.locator("li.mark")).to_contain_text("for ever")
    loop: int = page.evaluate("JSON.parse(document.getElementById('data').textContent).loop")
    expect(page.locator(".looped")).to_have_count(last(page) - loop + 1)
    assert press(page, "G", "j") == loop
    press(page, "4")
    expect(page.locator(".truth.never")).to_have_count(1)
    page.locator("p.mark a").click()
    assert here(page) == loop


# --- everyone can read it ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "width"),
    [
        ("library", 1400),
        ("race", 375),
        pytest.param("library", 375, marks=pytest.mark.slow),
        pytest.param("race", 1800, marks=pytest.mark.slow),
        pytest.param("lasso", 1400, marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing(visit: Open, name: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    # The checker puts its own script into the page, which the page's policy is there to forbid.
    page = visit(name, width=width, bypass_csp=True)
    page.locator("#search").fill("page")
    for tab in TABS:
        if page.locator(f"#tab-{tab}").is_visible():
            page.locator(f"#tab-{tab}").click()
        if tab == "state":
            page.locator(".var:visible").first.click()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            result = axe.run(page)
            assert result.violations_count == 0, f"{scheme}: {result.generate_report()}"


@pytest.mark.parametrize("name", ["race", "library", "lasso", "hostile"])
def test_a_phone_need_not_scroll_sideways(visit: Open, name: str) -> None:
    page = visit(name, width=375, height=700)
    for tab in TABS:
        if not page.locator(f"#tab-{tab}").count():
            continue
        page.locator(f"#tab-{tab}").click()
        expect(page.locator(f"#{tab}")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.locator("#tab-steps").click()
    page.locator("#first").click()
    page.locator("#next").click()
    expect(page.locator("#s1")).to_be_in_viewport()
    expect(page.locator("#here")).to_contain_text("1 of")


def test_printed(visit: Open) -> None:
    page = visit("library", color_scheme="dark")
    page.emulate_media(media="print")
    for name in ("steps", "state", "counts", "source", "props", "graph"):
        expect(page.locator(f"#{name}")).to_be_visible()
    for name in ("footer", ".tabs", "#why", "#theme"):
        expect(page.locator(name)).to_be_hidden()
    expect(page.locator("#f0")).to_be_visible()
    expect(page.locator("#f1")).to_be_hidden()
    expect(page.locator(".lane .held").first).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_without_script_everything_that_stands_still_is_there(visit: Open) -> None:
    page = visit("library", java_script_enabled=False)
    for name in ("h1", ".heads", "#s1", "#state", "#counts", "#props", "#source", "#f0 .lines"):
        expect(page.locator(name)).to_be_visible()
    for name in ("footer", ".tabs", "#theme", "#why"):
        expect(page.locator(name)).to_be_hidden()
    assert page.locator(".step").count() > 20


# --- nothing gets in --------------------------------------------------------------------


def test_hostile_texts_are_only_shown(visit: Open) -> None:
    page = visit("hostile")
    for tab in TABS:
        if page.locator(f"#tab-{tab}").is_visible():
            page.locator(f"#tab-{tab}").click()
    press(page, "g", "j", "j", "G")
    assert page.evaluate("typeof pwned") == "undefined"
    expect(page.locator("img, iframe, object, header svg:not(.gone-pattern)")).to_have_count(0)
    expect(page.locator("script")).to_have_count(2)
    expect(page.locator(".about b")).to_have_text('"><svg onload=alert(1)></script><b>` (step 1)')


def test_the_policy_keeps_out_what_a_mistake_would_let_in(
    browser: Any, pages: dict[str, Path]
) -> None:
    page = browser.new_page()
    page.goto(pages["race"].as_uri())
    with pytest.raises(Error, match="TrustedHTML"):
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<b>x</b>')")
    forged = pages["race"].with_name("forged.html")
    text = pages["race"].read_text("utf-8")
    forged.write_text(
        text.replace(
            "</header>", "<script>pwned = 1</script><img src='x' onerror='pwned = 2'></header>"
        )
    )
    page.goto(forged.as_uri())
    page.wait_for_timeout(100)
    assert page.evaluate("typeof pwned") == "undefined"
    page.close()


# --- long runs --------------------------------------------------------------------------

FOREVER = """\
object thing { counted count : 0..3 = 0; }
scope { thing: 2, worker: 3 }
thread worker[*] {
    var held : thing? holds count;
    forever {
        atomic { held = any thing; held.count += 1; }
        atomic { held.count -= 1; held = null; }
    }
}
invariant small: forall t : thing. t.count <= 3;
check "x" { expect holds; }
"""


@pytest.mark.slow
def test_ten_thousand_steps_scroll(visit: Open, tmp_path: Path) -> None:
    path = tmp_path / "forever.zd"
    path.write_text(FOREVER)
    spec = load_spec(str(path))
    lowered = lower_check(spec, spec.check("x"), Options())
    run = walk(lowered.system, 1, 10_000).run
    trace = replay(lowered.system, None, run, lowered.origin)
    assert len(trace.steps) == 10_000
    page = visit(written(Opened(lowered, run, None, trace), tmp_path / "long.html"))
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy() -> float:
        """How long the page's thread has been busy, in seconds of its own time."""
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return sum(
            float(metric["value"])
            for metric in metrics
            if metric["name"] in ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
        )

    begin = busy()
    page.mouse.move(400, 500)
    frames = 60
    for _ in range(frames):
        page.mouse.wheel(0, 500)
        page.evaluate("new Promise(requestAnimationFrame)")
    scrolled = (busy() - begin) / frames
    begin = busy()
    for _ in range(frames):
        page.keyboard.press("k")
    stepped = (busy() - begin) / frames
    page.locator("#slider").fill("5000")
    expect(page.locator("#s5000")).to_be_in_viewport()
    # A frame at 60 Hz is 16 ms, of which less than a half may go here; under load all is slower.
    assert scrolled < 0.008, scrolled
    assert stepped < 0.030, stepped
