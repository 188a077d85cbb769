"""Every id about a spec has a page, and the page's examples do what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.messages import diagnose
from zdcheck.base.catalogue import ERRORS, FINDINGS, WARNINGS, Entry
from zdcheck.base.diagnostics import Diagnostic

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
SOURCE = Path(__file__).parents[2] / "zdcheck"
ENTRIES = [*ERRORS.values(), *WARNINGS.values()]

_EXAMPLE = re.compile(r"^```zd (wrong|right)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MODULE = re.compile(r"^```zd module ([\w.]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(entry: Entry) -> dict[str, str]:
    """The page's two specs."""
    text = (REFERENCE / entry.page).read_text("utf-8")
    assert text.startswith(f"# `{entry.id}`\n")
    found = _EXAMPLE.findall(text)
    assert [sort for sort, _ in found] == ["wrong", "right"]
    return dict(found)


def messages(entry: Entry, sort: str, folder: Path) -> tuple[Diagnostic, ...]:
    """What zdcheck says about one of them, with the page's modules beside it."""
    for name, text in _MODULE.findall((REFERENCE / entry.page).read_text("utf-8")):
        module = folder / (name.replace(".", "/") + ".zd")
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(text, encoding="utf-8")
    return diagnose(
        examples(entry)[sort],
        linted=entry.sort == "warning",
        lowered=entry.sort == "error",
        folder=folder,
    )


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.id)
def test_the_wrong_example_gives_this_message_and_no_other(entry: Entry, tmp_path: Path) -> None:
    found = messages(entry, "wrong", tmp_path)
    assert {(m.id, m.severity.value) for m in found} == {(entry.id, entry.sort)}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.id)
def test_the_right_example_gives_none(entry: Entry, tmp_path: Path) -> None:
    assert messages(entry, "right", tmp_path) == ()


def test_every_page_is_of_an_id() -> None:
    pages = {path.stem for path in (REFERENCE / "errors").glob("*.md")}
    assert pages == {entry.id for entry in ENTRIES} | set(FINDINGS)


def test_every_id_that_is_raised_is_in_the_catalogue_and_the_other_way_round() -> None:
    text = "\n".join(
        path.read_text("utf-8")
        for folder in ("lang", "lower")
        for path in sorted((SOURCE / folder).rglob("*.py"))
    )
    raised = set(
        re.findall(r'\b_?(?:error|unknown|spec_error|_warning|Diagnostic)\(\s*"([a-z_]+)"', text)
    )
    quoted = set(re.findall(r'"([a-z_]+)"', text))
    known = {entry.id for entry in ENTRIES}
    assert raised <= known
    assert known <= quoted
