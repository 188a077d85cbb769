"""`--engine auto` and `--engine all`: several engines for one answer."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Result, Zdcheck


def auto(zdcheck: Zdcheck, *arguments: str) -> Result:
    """`zdcheck check` as it is without `--engine`."""
    return zdcheck("check", *arguments, "--engine", "auto", timeout=300)


def check_of(folder: Path) -> dict[str, object]:
    """The one check in the report."""
    (check,) = json.loads((folder / "report.json").read_text())["specs"][0]["checks"]
    return dict(check)


def test_where_search_ends_a_proof_answers(zdcheck: Zdcheck, folder: Path) -> None:
    arguments = [
        "--check",
        "mapping holds",
        "--max-states",
        "4",
        "--json",
        "report.json",
        "--stats",
    ]
    result = auto(zdcheck, "specs/unplug.zd", *arguments)
    assert result.code == 0, result.out
    assert "holds, proved for this scope, any depth" in result.out
    assert "engine proof" in result.out
    assert check_of(folder)["engine"] == "proof"
    assert check_of(folder)["proved"] == "this scope, any depth"


def test_a_proof_does_not_answer_for_progress(zdcheck: Zdcheck) -> None:
    result = auto(zdcheck, "specs/progress.zd", "--max-states", "3", "--timeout", "60")
    assert "not decided: `" in result.out
    assert result.code == 3


def test_what_was_not_seen_to_be_reached_keeps_it_open(zdcheck: Zdcheck) -> None:
    result = auto(zdcheck, "specs/vacuous.zd", "--max-states", "1", "--timeout", "60")
    assert "not seen to be reached: `" in result.out
    assert result.code != 0


def test_all_engines_say_what_they_say(zdcheck: Zdcheck) -> None:
    result = zdcheck("check", "specs/unplug.zd", "--engine", "all", "--stats", timeout=300)
    assert result.code == 0, result.out
    for engine in ("explicit", "interpreter", "proof", "bmc"):
        assert f"\n          {engine}: " in result.out
