"""The canonical layout: what it looks like, and that it changes nothing else."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Golden
from zdcheck.base.diagnostics import SpecError
from zdcheck.base.source import SourceFile
from zdcheck.lang.format import WIDTH, format_source
from zdcheck.lang.parser import parse
from zdcheck.lang.scan import scan

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
LAYOUTS = sorted((HERE / "layout").glob("*.zd"))
SPECS = [path for folder in ("models", "specs") for path in sorted((ROOT / folder).rglob("*.zd"))]


def formatted(text: str) -> str:
    return format_source(SourceFile("test.zd", text))


def comments(text: str) -> list[list[str]]:
    """Every comment, each line without the space around it."""
    found = scan(SourceFile("test.zd", text)).comments
    return [[line.strip() for line in comment.text.split("\n")] for comment in found]


def assert_only_the_layout_changed(before: str, after: str) -> None:
    old, new = SourceFile("test.zd", before), SourceFile("test.zd", after)
    assert parse(new) == parse(old)
    assert [token.text for token in scan(new).tokens] == [token.text for token in scan(old).tokens]
    assert comments(after) == comments(before)
    assert formatted(after) == after
    assert "\n\n\n" not in after
    assert all(line == line.rstrip() for line in after.split("\n"))
    assert after == "" or after.endswith("\n")


@pytest.mark.parametrize("path", LAYOUTS, ids=lambda p: p.stem)
def test_layout(path: Path, golden: Golden) -> None:
    text = path.read_text("utf-8")
    golden(f"layout/{path.name}", formatted(text))
    assert_only_the_layout_changed(text, formatted(text))


@pytest.mark.parametrize("path", SPECS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_spec_stays_what_it_is(path: Path) -> None:
    text = path.read_text("utf-8")
    assert_only_the_layout_changed(text, formatted(text))


SEPARATORS = [" ", "\n", "\n\n\n", "\t", "\r\n", " // c\n", "\n// own  \n", "\n\n   /* b */\n"]
SEPARATORS += ["/* i */", "/* a\n * b\n*/", "/* x\n\n      y */ ", " /**/\n"]


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_however_it_was_written(data: st.DataObject) -> None:
    source = SourceFile("test.zd", data.draw(st.sampled_from(SPECS)).read_text("utf-8"))
    item = data.draw(st.sampled_from(parse(source).items))
    start, end = item.span.start, item.span.end
    tokens = [token for token in scan(source).tokens if start <= token.start < end]
    # Mostly spaces: an item has hundreds of tokens.
    odd = data.draw(
        st.dictionaries(st.integers(0, len(tokens) - 1), st.sampled_from(SEPARATORS), max_size=30)
    )
    text = "".join(token.text + odd.get(i, " ") for i, token in enumerate(tokens))
    assert_only_the_layout_changed(text, formatted(text))


@pytest.mark.parametrize("text", ["", "\n\n", "// only\n", "/* only */", "\ufeff// marked\r\n"])
def test_nothing_to_lay_out(text: str) -> None:
    assert_only_the_layout_changed(text, formatted(text))
    assert formatted(text).strip() == text.strip("\ufeff\r\n")


def test_lines_end_the_same_way_everywhere() -> None:
    assert formatted("var a : bool;\r\n// b\r\n/* c\r\n * d */\r\n") == (
        "var a : bool;\n// b\n/* c\n * d */\n"
    )


def test_signs_that_would_run_together_stay_apart() -> None:
    text = "invariant a : x - - - y == - -z && set_of == {-1};\n"
    assert formatted(text) == "invariant a : x - - -y == - -z && set_of == {-1};\n"


def test_a_block_stays_on_one_line_only_while_it_fits() -> None:
    head, tail = "fn f() { return ", "; }\n"
    name = "a" * (WIDTH - len(head) - len(tail) + 1)
    assert formatted(head + name + tail) == head + name + tail
    assert formatted(head + name + "b" + tail) == f"fn f() {{\n    return {name}b;\n}}\n"


def test_a_text_that_is_no_spec_is_refused() -> None:
    with pytest.raises(SpecError):
        formatted("thread a {")


@pytest.mark.parametrize(
    "text",
    [
        "/**/" * 100_000,
        "// c\n" * 100_000,
        "thread a {" + " x = 1; /* c */" * 10_000 + "}",
        "enum e { " + ", ".join(f"m{i}" for i in range(20_000)) + " }",
        ("invariant a : " + " + ".join(["(" * 20 + "1" + ")" * 20] * 50) + " == 1;\n") * 3,
    ],
    ids=["comments", "comment lines", "one line", "members", "brackets"],
)
def test_the_time_grows_with_the_text(text: str) -> None:
    started = time.monotonic()
    formatted(text)
    assert time.monotonic() - started < 10
