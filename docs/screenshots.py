"""Make the pictures of the README: `make screenshots`.

The inspector's is SVG by Textual, the graph's by zdcheck. The report is
photographed with Playwright in the system's Chromium, and left as it is where there is none.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from zdcheck.cli.graph import violating_run
from zdcheck.cli.inspect import session_of
from zdcheck.graphs.states import all_states
from zdcheck.pipeline import Options, load_spec, lower_check
from zdcheck.render.drawing_svg import svg
from zdcheck.tui.app import Inspector

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
README = "docs/tutorial/readme.zd"
SPEC, CHECK = "specs/gup-fast/gup_truncate.zd", "G1: no recheck"

MOST_BYTES = 150_000


def main() -> None:
    """All of them."""
    IMAGES.mkdir(exist_ok=True)
    write("inspect.svg", asyncio.run(inspector()))
    write("graph.svg", graph())
    report(IMAGES / "report.png")


def write(name: str, text: str) -> None:
    """One picture. Fonts come from the reader's machine, not from somebody's server."""
    text = re.sub(r"@font-face\s*\{[^}]*\}", "", text)
    text = "\n".join(line.rstrip() for line in text.splitlines() if line.strip()) + "\n"
    if len(text.encode()) > MOST_BYTES:
        sys.exit(f"{name} has {len(text.encode())} bytes, more than {MOST_BYTES}")
    (IMAGES / name).write_text(text, encoding="utf-8")
    print(f"wrote docs/images/{name}")


async def inspector() -> str:
    """The inspector's first screen."""
    app = Inspector(session_of(SPEC, CHECK, (), ()))
    async with app.run_test(size=(112, 32)) as pilot:
        await pilot.pause(1)  # the footer comes last
        return app.export_screenshot(title=f'zdcheck inspect {SPEC} --check "{CHECK}"')


def graph() -> str:
    """A small state graph."""
    spec = load_spec(README)
    lowered = lower_check(spec, spec.only_or(None), Options())
    return svg(all_states(lowered, violating_run(lowered, Options())))


def report(path: Path) -> None:
    """The report's first screen."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        print("no Playwright or no Chromium: the picture of the report stays as it is")
        return
    with tempfile.TemporaryDirectory() as folder:
        page_file = Path(folder) / "report.html"
        words = ["report", SPEC, "--check", CHECK, "-o", str(page_file)]
        subprocess.run([sys.executable, "-m", "zdcheck", *words], cwd=ROOT, check=False)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1040, "height": 680})
            page.goto(page_file.as_uri())
            page.screenshot(path=path)
            browser.close()
    if path.stat().st_size > MOST_BYTES:
        sys.exit(f"{path.name} has {path.stat().st_size} bytes, more than {MOST_BYTES}")
    print(f"wrote docs/images/{path.name}")


if __name__ == "__main__":
    main()
