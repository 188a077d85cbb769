"""What the parser says about mistakes: on their lines, once each; and words that are no mistake."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.messages import differences, expectations
from zdcheck.base.diagnostics import Diagnostic, SpecError
from zdcheck.base.source import SourceFile
from zdcheck.lang.parser import parse
from zdcheck.lang.scan import scan

FILES = sorted((Path(__file__).parent / "mistakes").glob("*.zd"))
ROOT = Path(__file__).parents[2]
SPECS = [p for folder in ("models", "specs") for p in sorted((ROOT / folder).rglob("*.zd"))]


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


def test_one_mistake_seldom_gives_more_than_one_message() -> None:
    chance = random.Random(7)
    counts = []
    for path in SPECS:
        text = path.read_text("utf-8")
        tokens = scan(SourceFile(path.name, text)).tokens[:-1]
        for _ in range(8):
            token = chance.choice(tokens)
            put = chance.choice(["", f"{token.text} {token.text}", "} ", ") ", "; ", "x ", "if "])
            if put.endswith(" "):
                put += token.text
            counts.append(len(problems(text[: token.start] + put + text[token.end :])))
    assert max(counts) <= 8
    assert sum(counts) < 1.25 * sum(count > 0 for count in counts)
