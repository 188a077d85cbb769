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
    EMPTY,
    LARGE,
    Gate,
    bad,
    good,
    write,
)
from tests.cli.gate.workflow_commands import Command, commands

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


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (
            "::error file=app.js,line=1,col=5,endColumn=7,title=YOUR-TITLE::Missing semicolon",
            Command(
                "error",
                {
                    "file": "app.js",
                    "line": "1",
                    "col": "5",
                    "endcolumn": "7",
                    "title": "YOUR-TITLE",
                },
                "Missing semicolon",
            ),
        ),
        ("  ::Notice title=,a=b%2C%3A::x%0Ay%25%2C", Command("notice", {"a": "b,:"}, "x\ny%%2C")),
        ("text ::error::x", None),
        ("::error title=a::b::c", Command("error", {"title": "a"}, "b::c")),
        ("text ##[group a=%5D;b=%3B]x", Command("group", {"a": "]", "b": ";"}, "x")),
        ("::not-one::##[warning]x", Command("warning", {}, "x")),
    ],
)
def test_the_reader_of_commands(line: str, wanted: Command | None) -> None:
    """What the runner does with these, by its code and its documentation."""
    assert list(commands(line)) == ([] if wanted is None else [wanted])


def test_github_reads_what_was_meant(reports: Path) -> None:
    found = list(commands((reports / "out.github").read_text()))
    assert len(found) == len((reports / "out.github").read_text().splitlines())
    by_title = {(c.properties.get("file"), c.properties["title"]): c for c in found}
    drawn = by_title["specs/bad.zd", "three"]
    assert (drawn.name, drawn.properties["line"]) == ("error", "17")
    assert drawn.message.startswith("violation invariant of small, expected holds\n\n     CPU0")
    assert by_title["specs/nasty.zd", NASTY].name == "error"
    assert by_title["specs/large.zd", "nine million states"].name == "warning"
    assert "help: write" in by_title["specs/broken.zd", "syntax"].message


NAMES = ("50%", "%0A::error::", "a:b,c=d", "line=1,title=x::y", "%25", "##[error]x", "::a::b")


def test_names_come_through_every_format(gate: Gate, repo: Path) -> None:
    path = bad(repo, "nasty.zd")
    head, _, last = path.read_text().rpartition('check "three"')
    path.write_text(head + "".join(f"check {json.dumps(name)}{last}" for name in NAMES))
    result = gate(*(f"--output={f}=out.{f}" for f in ("junit", "sarif", "ktap", "github", "json")))
    assert result.code == 1
    errors = [c for c in commands((repo / "out.github").read_text()) if c.name == "error"]
    assert [c.properties["title"] for c in errors] == list(NAMES)
    xml = junitparser.JUnitXml.fromfile(str(repo / "out.junit"))
    assert set(NAMES) <= {case.name for suite in xml for case in suite}
    document = json.loads((repo / "out.json").read_text())
    assert set(NAMES) <= {check["name"] for check in document["specs"][0]["checks"]}
    # The log and the others are read by the runner too, and must have no command in them.
    ktap = (repo / "out.ktap").read_text()
    assert list(commands(result.out)) == list(commands(ktap)) == []
    tests = [line for line in tap.parser.Parser().parse_text(ktap) if line.category == "test"]
    assert [line.ok for line in tests] == [True] + [False] * len(NAMES)


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
