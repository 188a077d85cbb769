"""`zdcheck diff`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.gate.support import (
    GOOD,
    LARGE,
    Gate,
    git,
    good,
    write,
)


def test_diff_shows_what_only_one_allows(gate: Gate, repo: Path) -> None:
    old = good(repo)
    new = write(repo, "new.zd", old.read_text().replace("n += 1", "n = most"))
    result = gate(str(old), str(new), command="diff")
    assert result.code == 1
    assert "two: holds in both" in result.out
    assert "NEW allows what OLD does not" in result.out
    assert "n: 0 -> 2" in result.out
    assert "OLD allowed what NEW does not" in result.out


def test_diff_of_the_same(gate: Gate, repo: Path) -> None:
    old = good(repo)
    text = old.read_text()
    new = write(repo, "new.zd", text.replace("n += 1", "n = n + 1"))
    result = gate(str(old), str(new), command="diff")
    assert result.code == 0
    assert "two: the same protocol" in result.out
    new.write_text(
        text.replace(
            "thread up[*] {", "thread up[*] {\n    var k : 0..1 = 0; yield_here();\n"
        ).replace(
            "thread up", "var beside : 0..1 = 0;\nfn yield_here() { beside = 1; }\nthread up", 1
        )
    )
    result = gate(str(old), str(new), command="diff")
    assert result.code == 0, result.out + result.err
    assert (
        "same behaviours at this scope (up: 3): what one does to the shared variable, the other can do too"
        in result.out
    )


def test_diff_with_a_revision(gate: Gate, repo: Path) -> None:
    path = good(repo)
    git(repo, "init", "-q")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "one")
    path.write_text(path.read_text().replace("n < most", "n < 1"))
    result = gate("HEAD:specs/good.zd", "specs/good.zd", command="diff")
    assert result.code == 1
    assert "violation invariant of small before, holds now" in result.out
    assert "OLD allowed what NEW does not" in result.out
    assert gate("HEAD:specs/none.zd", "specs/good.zd", command="diff").code == 2
    assert gate("HEAD:../x.zd", "specs/good.zd", command="diff").code == 2


def test_diff_that_is_too_large(gate: Gate, repo: Path) -> None:
    old = write(repo, "a.zd", LARGE.replace("3000", "200"))
    new = write(repo, "b.zd", LARGE.replace("3000", "200").replace("thread y", "thread z"))
    result = gate(str(old), str(new), "--max-states", "1000", command="diff")
    assert result.code == 3
    assert "behaviours: not known (states limit after 1," in result.out
    assert "states of both versions); give a larger --max-states" in result.out


def test_diff_of_many_states(gate: Gate, repo: Path) -> None:
    """40,401 states each, all of which can be told apart."""
    old = write(repo, "a.zd", LARGE.replace("3000", "200"))
    new = write(repo, "b.zd", LARGE.replace("3000", "200").replace("thread y", "thread z"))
    result = gate(str(old), str(new), command="diff")
    assert result.code == 0, result.out
    assert "the 2 shared variables that both have" in result.out
    new.write_text(
        new.read_text().replace("{ while (b", "{ if (a == 200 && b == 9) b = 11; while (b")
    )
    result = gate(str(old), str(new), command="diff")
    assert result.code == 0, result.out
    new.write_text(
        new.read_text().replace("b += 1;", "{ b += 1; if (a == 200 && b == 9) b = 11; }")
    )
    result = gate(str(old), str(new), command="diff")
    assert result.code == 1, result.out
    assert "b: 9 -> 11" in result.out
    assert "OLD can follow up to step" in result.out
    assert "OLD allowed what NEW does not" in result.out


EARLY = """\
var n : 0..3 = 0;
thread t { either { n = 1; n = 2; } or { n = 1; n = 3; } }
check "only" { expect holds; }
"""
LATE = EARLY.replace(
    "either { n = 1; n = 2; } or { n = 1; n = 3; }", "n = 1; either { n = 2; } or { n = 3; }"
)


def test_when_a_hidden_choice_is_made_is_no_difference(gate: Gate, repo: Path) -> None:
    """EARLY cannot follow LATE with a choice that it made before: no simulation, but the same runs."""
    old = write(repo, "old.zd", EARLY)
    new = write(repo, "new.zd", LATE)
    result = gate(str(old), str(new), command="diff")
    assert result.code == 0, result.out
    assert "only: holds in both" in result.out
    assert "same behaviours at this scope" in result.out


def test_diff_without_a_compiler(gate: Gate, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "/nonexistent")
    old = good(repo)
    new = write(repo, "new.zd", old.read_text().replace("n += 1", "n = most"))
    result = gate(str(old), str(new), command="diff")
    assert result.code == 1
    assert "there is no C compiler" in result.out
    assert "the interpreter does, which is slow" in result.out
    assert "OLD allowed what NEW does not" in result.out


def test_diff_of_one_that_goes_wrong_and_one_that_does_not(gate: Gate, repo: Path) -> None:
    text = GOOD[: GOOD.index('check "three"')]
    old = write(repo, "old.zd", text)
    new = write(repo, "new.zd", text.replace("n += 1;\n", "n += 1;\n    assert n < 2;\n", 1))
    assert "assert" in new.read_text()
    result = gate(str(old), str(new), command="diff")
    assert result.code == 1
    assert "two: holds before, violation assertion now" in result.out
    assert "same behaviours" not in result.out
    assert "OLD allowed what NEW does not" in result.out
    new.write_text(text.replace("n <= 2", "n <= 1"))
    result = gate(str(old), str(new), command="diff")
    assert result.code == 1
    assert "two: holds before, violation invariant of small now" in result.out
    assert "  otherwise the same behaviours at this scope" in result.out
