"""What the parser says about mistakes: on their lines, once each; and words that are no mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.messages import differences, expectations
from zdcheck.base.diagnostics import Diagnostic, SpecError
from zdcheck.base.source import SourceFile
from zdcheck.lang.parser import parse

FILES = sorted((Path(__file__).parent / "mistakes").glob("*.zd"))


def problems(text: str) -> tuple[Diagnostic, ...]:
    try:
        parse(SourceFile("test.zd", text))
    except SpecError as error:
        return error.diagnostics
    return ()


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_problem_is_said_once_on_its_line(path: Path) -> None:
    text = path.read_text("utf-8")
    assert differences(text, problems(text)) == []


def test_one_of_the_files_is_right() -> None:
    assert any(not expectations(path.read_text("utf-8")) for path in FILES)
