"""What the gate writes, read by other people's readers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import junitparser
import pytest
import tap.parser
from sarif_pydantic import Sarif

from tests.cli.gate.support import (
    BAD,
    EMPTY,
    LARGE,
    Gate,
    bad,
    good,
    write,
)

SCHEMA = Path(__file__).parents[3] / "docs" / "reference" / "schemas" / "zdcheck-gate-1.json"

NASTY = "a #]]>&'% name"


@pytest.fixture
def reports(gate: Gate, repo: Path) -> Path:
    """Every format of a run in which everything happens."""
    good(repo)
    bad(repo)
    write(repo, "broken.zd", "thraed a { }\n")
    write(repo, "empty.zd", EMPTY)
    write(repo, "large.zd", LARGE)
    path = bad(repo, "nasty.zd")
    path.write_text(path.read_text().replace('"three"', f'"{NASTY}"'))
    (repo / "zdcheck.toml").write_text('paths = ["specs"]\n[tiers.full]\nmax-states = 1000\n')
    names = ("text", "json", "junit", "sarif", "ktap", "github")
    result = gate(*(f"--output={name}=out.{name}" for name in names))
    assert result.code == 2
    return repo


def test_json_fits_its_schema(reports: Path) -> None:
    document = json.loads((reports / "out.json").read_text())
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert document["exit_status"] == 2
    traces = [c["trace"] for s in document["specs"] for c in s["checks"] if c["trace"]]
    assert traces
    assert traces[0]["schema"] == "zdcheck-trace/1"


def test_junit_is_read(reports: Path) -> None:
    xml = junitparser.JUnitXml.fromfile(str(reports / "out.junit"))
    assert xml.errors == 2
    assert xml.failures >= 3
    cases = {(case.classname, case.name): case for suite in xml for case in suite}
    assert "CPU0 (up[0])" in cases["specs.bad", "three"].result[0].text
    assert ("specs.nasty", NASTY) in cases


def test_sarif_is_read(reports: Path) -> None:
    document = json.loads((reports / "out.sarif").read_text())
    run = Sarif.model_validate(document).runs[0]
    assert run.results is not None
    rules = {result.rule_id for result in run.results}
    assert {"invariant", "syntax", "inconclusive", "unexpected"} <= rules
    (flow,) = next(r for r in run.results if r.code_flows).code_flows[0].thread_flows[:1]
    assert flow.id.startswith("up[")
    orders = [
        location.execution_order
        for result in run.results
        for code in (result.code_flows or [])[:1]
        for thread in code.thread_flows
        for location in thread.locations
    ]
    assert 1 in orders


def test_ktap_is_read(reports: Path) -> None:
    text = (reports / "out.ktap").read_text()
    assert text.startswith("KTAP version 1\n1..")
    lines = [line for line in tap.parser.Parser().parse_text(text) if line.category == "test"]
    plan = int(re.findall(r"^1\.\.(\d+)$", text, re.MULTILINE)[0])
    assert len(lines) == plan
    assert len({line.description for line in lines}) == plan
    assert any(not line.ok for line in lines)
    assert not any(line.skip or line.todo for line in lines)


def test_github_annotations_are_one_line_each(reports: Path) -> None:
    lines = (reports / "out.github").read_text().splitlines()
    assert all(re.match(r"::(error|warning|notice) [^\n]*::", line) for line in lines)
    assert any(line.startswith("::error file=specs/bad.zd,line=17,title=three::") for line in lines)


def test_outputs_are_refused_before_the_work(gate: Gate, repo: Path) -> None:
    good(repo)
    for output in ("junit", "xml=out", "junit=nowhere/out.xml", "junit=."):
        result = gate("--output", output)
        assert result.code == 2
        assert "--output" in result.err


def test_a_report_on_stdout_is_alone_there(gate: Gate, repo: Path) -> None:
    good(repo)
    result = gate("--output", "json=-")
    assert json.loads(result.out)["exit_status"] == 0


def test_a_hostile_spec_writes_nothing(gate: Gate, repo: Path, tmp_path: Path) -> None:
    name = "../../../escape; touch pwned; $(touch pwned)"
    write(repo, "evil.zd", BAD.replace('"three"', json.dumps(name)))
    write(repo, "evil$(touch pwned);.zd", BAD)
    before = {path for path in tmp_path.rglob("*") if "cache" not in path.parts}
    gate("--output", "junit=out.xml", "--output", "github=out.txt")
    after = {path for path in tmp_path.rglob("*") if "cache" not in path.parts}
    assert {path.name for path in after - before} == {"out.xml", "out.txt"}
