"""`zdcheck export` and `zdcheck crosscheck`, as a user types them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Zdcheck

needs_judges = pytest.mark.skipif(
    shutil.which("rumur") is None or shutil.which("spin") is None, reason="no rumur or no spin"
)


@pytest.mark.parametrize(
    ("language", "first", "step"),
    [
        ("murphi", "-- ", 'rule "unplug: '),
        ("promela", "/* ", ":: d_step {"),
        ("smtlib", "; ", "(define-fun step.0 "),
    ],
)
def test_export_says_where_each_step_comes_from(
    zdcheck: Zdcheck, folder: Path, language: str, first: str, step: str
) -> None:
    result = zdcheck("export", "specs/unplug.zd", "--to", language)
    assert result.code == 0
    assert result.out.startswith(first)
    assert step in result.out
    assert "specs/unplug.zd:" in result.out
    zdcheck("export", "specs/unplug.zd", "--to", language, "-o", "out.txt")
    assert (folder / "out.txt").read_text() == result.out


def test_export_needs_a_language_and_a_check(zdcheck: Zdcheck) -> None:
    assert zdcheck("export", "specs/unplug.zd").code == 2
    result = zdcheck("export", "specs/unplug.zd", "--to", "murphi", "--check", "nobody")
    assert result.code == 2
    assert "no check `nobody`" in result.err


@needs_judges
def test_the_judges_agree(zdcheck: Zdcheck) -> None:
    result = zdcheck("crosscheck", "specs/unplug.zd", timeout=120)
    assert result.code == 0, result.out + result.err
    assert "agree" in result.out
    assert "DIFFER" not in result.out


@needs_judges
def test_a_judge_that_gives_up(zdcheck: Zdcheck) -> None:
    result = zdcheck("crosscheck", "specs/unplug.zd", "--judge", "rumur", "--timeout", "0.05s")
    assert result.code == 3
    assert "rumur gave up: no answer in" in result.out


@needs_judges
@pytest.mark.parametrize("judge", ["rumur", "spin"])
def test_what_a_judge_needs_to_be_compiled(zdcheck: Zdcheck, judge: str) -> None:
    result = zdcheck("crosscheck", "specs/unplug.zd", "--judge", judge, "--max-memory", "60M")
    assert result.code == 3
    assert "needs more memory than 60 MiB" in result.out
    assert not result.err


def test_no_judge(zdcheck: Zdcheck) -> None:
    result = zdcheck("crosscheck", "specs/unplug.zd", env={"PATH": "/nonexistent"})
    assert result.code == 2
    assert "neither rumur nor spin is installed" in result.err


def test_nothing_to_compare(zdcheck: Zdcheck) -> None:
    result = zdcheck("crosscheck", "specs/unplug.zd", "--check", "nobody", "--judge", "spin")
    assert result.code == 2


PROGRESS = """\
var a : bool;
thread flips { forever { a = true; a = false; } }
thread waits { spin until a; }
progress ends : waits terminates;
progress again : infinitely often a;
"""


@pytest.fixture
def promising(folder: Path) -> str:
    (folder / "promising.zd").write_text(PROGRESS)
    return "promising.zd"


@needs_judges
def test_spin_judges_progress(zdcheck: Zdcheck, promising: str) -> None:
    result = zdcheck("crosscheck", promising, timeout=120)
    assert result.code == 0, result.out + result.err
    assert "default: zdcheck holds" in result.out
    assert "default, progress ends: zdcheck violated, spin violated" in result.out
    assert "default, progress again: zdcheck holds, spin holds" in result.out


@needs_judges
def test_rumur_cannot_judge_progress(zdcheck: Zdcheck, promising: str) -> None:
    result = zdcheck("crosscheck", promising, "--judge", "rumur")
    assert result.code == 2
    assert "rumur cannot say what a fair run is" in result.err
    assert zdcheck("crosscheck", promising, "--judge", "rumur", "--no-progress").code == 0


@pytest.mark.parametrize("language", ["murphi", "smtlib"])
def test_only_promela_has_progress(zdcheck: Zdcheck, promising: str, language: str) -> None:
    result = zdcheck("export", promising, "--to", language)
    assert result.code == 2
    assert f"{language} cannot say what a fair run is" in result.err
    assert zdcheck("export", promising, "--to", language, "--no-progress").code == 0
    assert "never ends {" in zdcheck("export", promising, "--to", "promela").out
