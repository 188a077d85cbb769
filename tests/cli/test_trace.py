"""`zdcheck trace`, as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Zdcheck


@pytest.fixture
def trace(zdcheck: Zdcheck, folder: Path) -> str:
    """A saved counterexample."""
    zdcheck("check", "specs/unplug.zd", "--trace-dir", "traces")
    (path,) = (folder / "traces").iterdir()
    return f"traces/{path.name}"


def test_show_and_replay_without_the_spec(zdcheck: Zdcheck, folder: Path, trace: str) -> None:
    (folder / "specs" / "unplug.zd").unlink()
    assert "CPU0 (unplug)" in zdcheck("trace", "show", trace).out
    result = zdcheck("trace", "replay", trace)
    assert result.code == 0
    assert "ends in refcount_zero_in_pte" in result.out


def test_eval(zdcheck: Zdcheck, trace: str) -> None:
    result = zdcheck("trace", "eval", trace, "page[0].refcount", "base == null")
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].split() == ["step", "page[0].refcount", "base", "==", "null"]
    assert lines[1].split() == ["0", "1", "false"]
    assert lines[-1].split()[1:3] == ["0", "true"]
    result = zdcheck("trace", "eval", trace, "page[0].refcuont")
    assert result.code == 2


def test_pin(zdcheck: Zdcheck, folder: Path, trace: str) -> None:
    assert "expect violation refcount_zero_in_pte by unplug;" in zdcheck("trace", "pin", trace).out
    assert zdcheck("trace", "pin", trace, "--append").code == 0
    assert zdcheck("check", "specs/unplug.zd").code == 0
    result = zdcheck("trace", "pin", trace, "--append")
    assert result.code == 2
    assert "is not what it was" in result.err


@pytest.mark.parametrize(
    ("format", "start"),
    [("itf", "{"), ("mermaid", "sequenceDiagram"), ("plantuml", "@startuml"), ("svg", "<svg")],
)
def test_convert(zdcheck: Zdcheck, folder: Path, trace: str, format: str, start: str) -> None:
    result = zdcheck("trace", "convert", trace, "--to", format)
    assert result.code == 0
    assert result.out.startswith(start)
    zdcheck("trace", "convert", trace, "--to", format, "-o", "out")
    assert (folder / "out").read_text() == result.out


@pytest.mark.parametrize(
    "content", ["", "{}", "[" * 100_000, "\x00", '{"schema": "zdcheck-trace/1"}']
)
def test_what_is_no_trace(zdcheck: Zdcheck, folder: Path, content: str) -> None:
    (folder / "bad.json").write_text(content)
    for words in (("show",), ("replay",), ("pin",), ("eval",)):
        extra = ("x",) if words == ("eval",) else ()
        result = zdcheck("trace", *words, "bad.json", *extra)
        assert result.code == 2
        assert "bad.json" in result.err
    assert zdcheck("trace", "show", "nowhere.json").code == 2
