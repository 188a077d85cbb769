"""`zdcheck graph`, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.conftest import Zdcheck

SPEC = "specs/unplug.zd"


def test_text(zdcheck: Zdcheck) -> None:
    result = zdcheck("graph", SPEC)
    assert result.code == 0
    assert "thread unplug" in result.out
    assert zdcheck("graph", SPEC, "--thread", "unplug").out.count("thread ") == 1
    assert zdcheck("graph", SPEC, "--of", "locks").code == 0
    path = zdcheck("graph", SPEC, "--of", "path", "--check", "no reference")
    assert "refcount_zero_in_pte" in path.out


@pytest.mark.parametrize("has_graphviz", [True, False])
def test_formats(
    zdcheck: Zdcheck, folder: Path, monkeypatch: pytest.MonkeyPatch, has_graphviz: bool
) -> None:
    if not has_graphviz:
        monkeypatch.setattr("zdcheck.render.dot.shutil.which", lambda name: None)
    for suffix in ("svg", "dot", "json", "txt"):
        assert zdcheck("graph", SPEC, "-o", f"x.{suffix}").code == 0
    assert ElementTree.fromstring((folder / "x.svg").read_text()).tag.endswith("svg")
    assert (folder / "x.dot").read_text().startswith("digraph")
    assert json.loads((folder / "x.json").read_text())["schema"] == "zdcheck-graph/1"
    assert zdcheck("graph", SPEC, "--format", "dot").out == (folder / "x.dot").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("-o", "x.png"), "no format has the suffix"),
        (("-o", "no/such/x.svg"), "cannot write"),
        (("--of", "states", "--max-states", "3"), "more than 3 states"),
        (("--of", "states", "--thread", "unplug"), "--thread is for"),
        (("--of", "path"), "is not violated"),
        (("--thread", "unplg"), "did you mean `unplug`"),
        (("--check", "nothing"), "no check `nothing`"),
    ],
)
def test_what_cannot_be_drawn(zdcheck: Zdcheck, words: tuple[str, ...], says: str) -> None:
    result = zdcheck("graph", SPEC, *words)
    assert result.code == 2
    assert says in result.err
