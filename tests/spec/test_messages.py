"""Specs that are rejected or warned about: the message stands on the line that causes it.

`//~ error[id]` or `//~ error[id]: part of the message`. A message that nobody expected fails as
much as an expectation that nothing meets.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.messages import diagnose, differences, expectations

HERE = Path(__file__).parent
ERRORS = sorted((HERE / "errors").glob("*.zd"))
WARNINGS = sorted((HERE / "warnings").glob("*.zd"))


@pytest.mark.parametrize("path", ERRORS, ids=lambda p: p.stem)
def test_errors(path: Path) -> None:
    text = path.read_text("utf-8")
    assert expectations(text), "a file in errors/ expects some"
    assert differences(text, diagnose(text)) == []


@pytest.mark.parametrize("path", WARNINGS, ids=lambda p: p.stem)
def test_warnings(path: Path) -> None:
    text = path.read_text("utf-8")
    assert differences(text, diagnose(text, linted=True)) == []


def test_both_ways_of_being_wrong_are_noticed() -> None:
    spec = "var n : 0..3 = 4;  //~ error[range_constant]: outside\n"
    assert differences(spec, diagnose(spec)) == []
    assert differences(spec.replace("= 4", "= 3"), diagnose(spec.replace("= 4", "= 3")))
    assert differences("var n : 0..3 = 4;\n", diagnose(spec))
    assert differences(spec.replace("outside", "inside"), diagnose(spec))
