"""The README's pictures: there, small, without anything to load from elsewhere, and as the script makes them."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"


@pytest.fixture
def script() -> ModuleType:
    pytest.importorskip("textual")
    spec = importlib.util.spec_from_file_location("screenshots", ROOT / "docs/screenshots.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pictures_of_the_readme_are_there_and_small(script: ModuleType) -> None:
    named = set(re.findall(r"docs/images/([\w.-]+)", (ROOT / "README.md").read_text()))
    assert named == {path.name for path in IMAGES.iterdir()}
    for path in IMAGES.iterdir():
        assert path.stat().st_size <= script.MOST_BYTES
        if path.suffix == ".svg":
            text = path.read_text()
            assert ElementTree.fromstring(text).tag.endswith("svg")
            assert not re.search(r"(href|src|url)\s*[=(]\s*[\"']?https?:", text)


def test_the_graph_is_what_is_drawn_today(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(script, "IMAGES", tmp_path)
    script.write("graph.svg", script.graph())
    assert (tmp_path / "graph.svg").read_text() == (IMAGES / "graph.svg").read_text(), (
        "run `make screenshots`"
    )
