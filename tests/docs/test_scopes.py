"""The tables of larger scopes in the specs' READMEs: what was tried holds today, in as many states."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from zdcheck.cli.explanations import table_rows
from zdcheck.engines.explicit.build import find_compiler
from zdcheck.pipeline import Options, chosen_checks, instance_of_check, load_bundle, spec_of

ROOT = Path(__file__).parents[2]
HEADING = "Scopes"
COLUMNS = ["spec", "check", "with", "states", "CPU"]
_SIZE = re.compile(r"(\w+)=(\d+)")
FOLDERS = sorted({spec.parent for spec in (ROOT / "specs").glob("*/*.zd")})


@dataclass(frozen=True, slots=True)
class Tried:
    """One row: a check that holds in a larger scope, and how many states it has there."""

    spec: Path
    check: str
    sizes: tuple[tuple[str, str], ...]
    states: str

    def __str__(self) -> str:
        return f"{self.spec.parent.name}/{self.spec.name}, {self.check}, {self.sizes}"


def tried(folder: Path) -> list[Tried]:
    rows = list(table_rows((folder / "README.md").read_text("utf-8"), HEADING))
    assert rows[:1] in ([], [COLUMNS])
    return [
        Tried(folder / spec, check, tuple(_SIZE.findall(scope)), states)
        for spec, check, scope, states, _ in rows[1:]
    ]


ALL = [row for folder in FOLDERS for row in tried(folder)]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_folder_says_which_larger_scope_was_tried(folder: Path) -> None:
    rows = tried(folder)
    assert rows
    for row in rows:
        spec = spec_of(str(row.spec), load_bundle(str(row.spec)))
        (check,) = chosen_checks(spec, Options(checks=(row.check,)))
        assert check.expect.violation is None
        own = instance_of_check(spec, check, Options()).sizes
        larger = Options(scope={kind: int(count) for kind, count in row.sizes})
        sizes = instance_of_check(spec, check, larger).sizes
        assert any(sizes[kind] > own[kind] for kind in larger.scope)


@pytest.mark.slow
@pytest.mark.skipif(find_compiler() is None, reason="the interpreter takes hours")
@pytest.mark.parametrize("row", ALL, ids=str)
def test_a_larger_scope_holds(row: Tried, tmp_path: Path) -> None:
    scopes = [word for kind, count in row.sizes for word in ("--scope", f"{kind}={count}")]
    report = tmp_path / "report.json"
    words = ["check", str(row.spec), "--check", row.check, *scopes, "--json", str(report)]
    done = subprocess.run(
        [sys.executable, "-m", "zdcheck", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ((check,),) = (found["checks"] for found in json.loads(report.read_text("utf-8"))["specs"])
    assert check["verdict"] == "holds"
    assert f"{check['statistics']['states']:,}" == row.states
