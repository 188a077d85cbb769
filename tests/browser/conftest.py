"""The system's Chromium, and pages to open in it; without either, these tests are skipped and say so."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.runs import HOSTILE, HOSTILE_CHECK, LASSO, RACE, RACE_CHECK, ROOT, opened
from zdcheck.inspect.opened import Opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

Open = Callable[..., "Page"]


def written(found: Opened, path: Path) -> Path:
    """The run's page in a file."""
    pytest.importorskip("jinja2", reason="reports need Jinja2")
    from zdcheck.report.graph import graph_of
    from zdcheck.report.html import Extras, page
    from zdcheck.report.record import record

    extras = Extras("zdcheck check x.zd", "1.0", graph_of(found))
    path.write_text(page(record(found), extras), "utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a module: while it is open an event loop runs, which other tests must not meet."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A race, a run for ever through the library, one of four threads, and one with hostile texts."""
    folder = tmp_path_factory.mktemp("pages")
    race, lasso = folder / "race.zd", folder / "lasso.zd"
    hostile = folder / "<img src=x onerror=pwned=5>.zd"
    race.write_text(RACE)
    lasso.write_text(LASSO)
    hostile.write_text(HOSTILE)
    found = {
        "race": opened(race, RACE_CHECK),
        "library": opened(ROOT / "specs/migration/progress.zd", "the entry is left behind"),
        "lasso": opened(lasso, "x"),
        "locks": opened(ROOT / "tests/spec/violations/lock_order/broken.zd", "both orders"),
        "hostile": opened(hostile, HOSTILE_CHECK),
    }
    return {key: written(run, folder / f"{key}.html") for key, run in found.items()}


@pytest.fixture
def visit(browser: Browser, pages: dict[str, Path]) -> Iterator[Open]:
    """`visit("race", width=375, color_scheme="dark")`: the page, on which nothing goes wrong."""
    contexts = []
    wrong: list[str] = []

    def open_page(
        name: str | Path, width: int = 1400, height: int = 900, at: str = "", **options: object
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            **options,  # type: ignore[arg-type]
        )
        contexts.append(context)
        tab = context.new_page()
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("console", lambda message: wrong.append(message.text))
        tab.on("dialog", lambda dialog: wrong.append(dialog.message))
        path = name if isinstance(name, Path) else pages[name]
        tab.on(
            "request",
            lambda request: None if request.url.startswith("file:") else wrong.append(request.url),
        )
        tab.goto(path.as_uri() + at)
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []
