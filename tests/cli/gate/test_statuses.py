"""One exit status for each verdict, whichever engine gave it, and the same in every format."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import junitparser
import pytest
import tap.parser

from tests.cli.gate.support import EMPTY, GOOD, LARGE, Gate, environment, start, write

FORMATS = ("text", "json", "junit", "sarif", "ktap", "github")
OUTPUTS = tuple(f"--output={name}=out.{name}" for name in FORMATS)
ROOT = Path(__file__).parents[3]

INVARIANT = "violation invariant of small"
HOLDS = GOOD[: GOOD.index('check "three"')]
BREAKS = HOLDS.replace('"two" {', '"two" with most = 3 {').replace("holds", INVARIANT)

DEAD = """\
var n : 0..1 = 0;
thread a { if (n == 1) n = 0; }
check "x" { expect holds; }
"""


@dataclass(frozen=True)
class Case:
    """A spec, and for each engine the verdict and the exit status."""

    text: str
    explicit: tuple[str, int]
    prove: tuple[str, int] | None = None
    bmc: tuple[str, int] | None = None

    def of(self, engine: str) -> tuple[str, int]:
        """What the engine must say."""
        return {"proof": self.prove, "bmc": self.bmc}.get(engine) or self.explicit


UNKNOWN = ("inconclusive", 3)
CASES = {
    "holds": Case(HOLDS, ("holds", 0), ("proved", 0), UNKNOWN),
    "an expected violation": Case(BREAKS, ("violated", 0)),
    "a violation": Case(BREAKS.replace(INVARIANT, "holds"), ("violated", 1)),
    "vacuous": Case(EMPTY, ("holds", 1), ("proved", 1), UNKNOWN),
    "a dead statement": Case(DEAD, ("holds", 1), ("proved", 1), UNKNOWN),
    "too large": Case(LARGE.replace("3000", "40"), UNKNOWN, ("proved", 0), UNKNOWN),
    "a syntax error": Case("thraed a { }", ("", 2)),
    "nothing": Case("object page { refcount : 0..3 = 0; }", ("", 2)),
}
ENGINES = ("auto", "explicit", "interpreter", "proof", "bmc")
EVERYDAY = {
    *((case, "auto") for case in CASES),
    ("holds", "proof"),
    ("a violation", "proof"),
    ("holds", "bmc"),
    ("a violation", "interpreter"),
}


def cells(names: list[str]) -> list[object]:
    """The table; most of it is slow."""
    marks = {
        (n, e): () if (n, e) in EVERYDAY else (pytest.mark.slow,) for n in names for e in ENGINES
    }
    return [
        pytest.param(name, engine, marks=mark, id=f"{name}-{engine}")
        for (name, engine), mark in marks.items()
    ]


@pytest.mark.parametrize(("case", "engine"), cells(list(CASES)))
def test_one_exit_status_whatever_the_format(
    gate: Gate, repo: Path, case: str, engine: str
) -> None:
    verdict, status = CASES[case].of(engine)
    write(repo, "spec.zd", CASES[case].text)
    (repo / "zdcheck.toml").write_text('paths = ["specs"]\n[tiers.full]\nmax-states = 1000\n')
    result = gate("--engine", engine, *OUTPUTS)
    assert result.code == status, result.out + result.err
    all_formats_say(repo, verdict, status)


@pytest.mark.parametrize(
    "engine",
    [
        "auto",
        "proof",
        pytest.param("interpreter", marks=pytest.mark.slow),
        pytest.param("bmc", marks=pytest.mark.slow),
    ],
)
def test_an_engine_that_is_wrong(repo: Path, tmp_path: Path, engine: str) -> None:
    write(repo, "spec.zd", HOLDS)
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.gate.liar", "gate", "--engine", engine, *OUTPUTS],
        cwd=repo,
        env={**environment(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 70, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    all_formats_say(repo, "", 70)


@pytest.mark.parametrize(
    "engine",
    [
        "auto",
        pytest.param("interpreter", marks=pytest.mark.slow),
        pytest.param("proof", marks=pytest.mark.slow),
        pytest.param("bmc", marks=pytest.mark.slow),
    ],
)
def test_interrupted(repo: Path, tmp_path: Path, engine: str) -> None:
    write(repo, "a.zd", BREAKS)
    # Large enough for every engine: nothing about it can be had in a second.
    write(repo, "b.zd", LARGE.replace("3000", "60000").replace("thread x", "thread x[30]"))
    write(repo, "c.zd", HOLDS)
    process = start(repo, tmp_path, "--jobs", "1", "--engine", engine, *OUTPUTS)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in err
    assert process.returncode == 130, out + err
    document = json.loads((repo / "out.json").read_text())
    assert [spec["exit_status"] for spec in document["specs"]] == [0, 130, 130]
    assert document["exit_status"] == 130
    for name in ("text", "junit", "ktap", "github"):
        text = (repo / f"out.{name}").read_text()
        assert "not run" in text or "interrupted" in text, text
    for line in tap.parser.Parser().parse_text((repo / "out.ktap").read_text()):
        assert line.category in ("test", "plan", "diagnostic", "unknown")
    sarif = json.loads((repo / "out.sarif").read_text())["runs"][0]
    assert sarif["invocations"][0]["exitCode"] == 130
    assert not sarif["invocations"][0]["executionSuccessful"]


def all_formats_say(repo: Path, verdict: str, status: int) -> None:
    """Every report has the verdict of the only check ("" if there is none) and the status."""
    document = json.loads((repo / "out.json").read_text())
    assert document["exit_status"] == status
    checks = [check for spec in document["specs"] for check in spec["checks"]]
    assert [check["verdict"] for check in checks] == [verdict] * (verdict != "")
    run = json.loads((repo / "out.sarif").read_text())["runs"][0]
    assert run["invocations"][0]["exitCode"] == status
    assert [v["verdict"] for v in run["properties"]["verdicts"]] == [verdict] * (verdict != "")
    xml = junitparser.JUnitXml.fromfile(str(repo / "out.junit"))
    ktap = (repo / "out.ktap").read_text()
    annotations = (repo / "out.github").read_text()
    log = (repo / "out.text").read_text()
    is_alarm = status != 0 and document["specs"] != []
    assert bool(run["results"]) == is_alarm
    assert (xml.errors + xml.failures > 0) == is_alarm
    assert ("not ok" in ktap) == is_alarm
    assert bool(re.search("^::(error|warning) ", annotations, re.MULTILINE)) == is_alarm
    assert ("FAIL" in log) == is_alarm
    if verdict == "proved" and status == 0:
        for text in (log, ktap, annotations, (repo / "out.junit").read_text()):
            assert "proved" in text
