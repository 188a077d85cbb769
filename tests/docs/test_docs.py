"""The pages show what zdcheck says today: commands are run, specs are checked, links lead somewhere.

`--update-golden` writes outputs and shown files into the pages; then read the diff.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.messages import diagnose
from zdcheck.engines.explicit.build import find_compiler

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "specs").glob("*/README.md"),
    ]
)
TUTORIAL = sorted((ROOT / "docs" / "tutorial").glob("*.md"))

_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPEC = re.compile(r"^```zd ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_TIME = re.compile(r"[0-9.]+ s(?=\)|$)", re.MULTILINE)

WITH_COMMANDS = [page for page in PAGES if _CONSOLE.search(page.read_text("utf-8"))]


def named(page: Path) -> str:
    """How a test calls a page."""
    return str(page.relative_to(ROOT))


def scrubbed(text: str) -> str:
    """Without what differs from run to run."""
    return _TIME.sub("0.0 s", text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader has in front of them: the specs and the tutorial, in the root's layout."""
    root = tmp_path_factory.mktemp("docs")
    shutil.copytree(ROOT / "specs", root / "specs")
    shutil.copytree(ROOT / "docs" / "tutorial", root / "docs" / "tutorial")
    return root


@pytest.fixture(scope="module")
def update(request: pytest.FixtureRequest) -> bool:
    """Whether to write the pages instead of comparing with them."""
    return bool(request.config.getoption("--update-golden"))


def output(command: str, folder: Path) -> str:
    """What a command of a page prints on stdout."""
    program, *arguments = shlex.split(command)
    assert program == "zdcheck"
    done = subprocess.run(
        [sys.executable, "-m", "zdcheck", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.stdout


def compare(
    page: Path, pattern: re.Pattern[str], block: Callable[[re.Match[str]], str], update: bool
) -> None:
    """Each match of the pattern in the page must be what `block` makes of it."""
    text = page.read_text("utf-8")
    new = pattern.sub(block, text)
    if update and scrubbed(text) != scrubbed(new):
        page.write_text(new, encoding="utf-8")
    else:
        assert scrubbed(text) == scrubbed(new)


@pytest.mark.skipif(find_compiler() is None, reason="the figures shown are the explorer's")
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=named)
def test_commands_print_what_the_page_shows(page: Path, folder: Path, update: bool) -> None:
    def run(match: re.Match[str]) -> str:
        commands = re.findall(r"^\$ (.*)$", match[1], re.MULTILINE)
        assert commands, match[1]
        shown = [f"$ {command}\n{output(command, folder)}" for command in commands]
        return "```console\n" + "".join(shown) + "```"

    compare(page, _CONSOLE, run, update)


@pytest.mark.parametrize("page", TUTORIAL, ids=named)
def test_shown_specs_are_the_files(page: Path, update: bool) -> None:
    def show(match: re.Match[str]) -> str:
        if not match[1].endswith(".zd"):
            return match[0]
        return f"```zd {match[1]}\n{(ROOT / match[1]).read_text('utf-8')}```"

    compare(page, _SPEC, show, update)


@pytest.mark.parametrize("page", TUTORIAL, ids=named)
def test_shown_specs_have_no_errors(page: Path, tmp_path: Path) -> None:
    for sort, text in _SPEC.findall(page.read_text("utf-8")):
        if sort != "fragment":
            assert diagnose(text, linted=False, lowered=True, folder=tmp_path) == ()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    prose = _BLOCK.sub("", page.read_text("utf-8"))
    for target in _LINK.findall(prose):
        path = target.split("#")[0]
        if path and "://" not in target:
            assert (page.parent / path).exists(), target
