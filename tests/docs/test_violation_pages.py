"""Every violation has a page, with a spec that has it and the counterexample that zdcheck draws.

`--update-golden` writes both into the pages; then read the diff.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from zdcheck.base.catalogue import VIOLATIONS, Entry
from zdcheck.base.source import SourceFile
from zdcheck.cli.explain import command as explain
from zdcheck.engines.interpreter import InterpreterEngine
from zdcheck.engines.protocol import Limits
from zdcheck.lang.check import check
from zdcheck.lang.modules import load_text
from zdcheck.pipeline import Options, Spec, confirmed, lower_check
from zdcheck.render.columns import columns
from zdcheck.render.terminal import lines_text
from zdcheck.trace.verdict import Expected, Holds, Verdict, Violated, surprise

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
SPECS = ROOT / "tests" / "spec" / "violations"
SHOWN = list(VIOLATIONS.values())

_SPEC = re.compile(r"^```zd\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PRINTED = re.compile(r"^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECTIONS = ["Example", "The usual fix", "In the kernel"]


def broken(entry: Entry) -> str:
    """The spec that has this violation, without its header."""
    text = (SPECS / entry.id / "broken.zd").read_text("utf-8")
    return re.sub(r"^//@[^\n]*\n", "", text, flags=re.MULTILINE)


def verdict_of(text: str) -> tuple[Verdict, Expected]:
    """What zdcheck says about a page's spec, and what the spec expects."""
    spec = Spec("broken.zd", check(load_text(SourceFile("broken.zd", text), None)))
    lowered = lower_check(spec, spec.only_or(None), Options())
    claim = InterpreterEngine().solve(lowered.system, Limits(), lambda progress: None)
    expect = lowered.check.expect
    return confirmed(lowered, claim), Expected(expect.violation, expect.of, expect.by)


def printed(text: str) -> str:
    """The counterexample as drawn; what a run without the expectation would say, if there is none."""
    verdict, expected = verdict_of(text)
    assert surprise(expected, verdict) is None
    if isinstance(verdict, Violated):
        return lines_text(columns(verdict.trace), color=False)
    assert isinstance(verdict, Holds)
    return f"{surprise(Expected(None, None, None), verdict)}\n"


@pytest.mark.parametrize("entry", SHOWN, ids=lambda e: e.id)
def test_the_page_shows_what_is_so(entry: Entry, request: pytest.FixtureRequest) -> None:
    page = REFERENCE / entry.page
    text = page.read_text("utf-8")
    spec = broken(entry)
    new = _SPEC.sub(lambda _: f"```zd\n{spec}```", text)
    new = _PRINTED.sub(lambda _: f"```text\n{printed(spec)}```", new)
    if request.config.getoption("--update-golden"):
        page.write_text(new, encoding="utf-8")
    assert len(_SPEC.findall(new)) == len(_PRINTED.findall(new)) == 1
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == _SECTIONS
    assert page.read_text("utf-8") == new


def test_every_page_is_of_an_id() -> None:
    pages = {path.stem for path in (REFERENCE / "violations").glob("*.md")}
    assert pages == VIOLATIONS.keys()


@pytest.mark.parametrize("entry", VIOLATIONS.values(), ids=lambda e: e.id)
def test_explain_prints_the_page(entry: Entry) -> None:
    page = (REFERENCE / entry.page).read_text("utf-8")
    assert page.startswith(f"# `{entry.id}`\n")
    assert CliRunner().invoke(explain, [entry.id]).output == page
