"""Result lines, colour, and the JSON report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import referencing
import referencing.jsonschema

from tests.unit.trace.test_verdict import HOLDS, NOTHING, TRACE, ZERO, holds, stopped, violation
from zdcheck.base.exit_codes import ExitCode
from zdcheck.base.failure import Failure
from zdcheck.render import json_report, terminal
from zdcheck.trace.verdict import (
    CheckReport,
    Expected,
    Reason,
    SpecReport,
    Verdict,
    Violated,
    reasons,
    surprise,
)

SCHEMAS = Path(__file__).parents[3] / "docs/reference/schemas"


def report(expected: Expected, verdict: Verdict, name: str = "no recheck") -> CheckReport:
    why = surprise(expected, verdict)
    return CheckReport("a.zd", name, "explicit", expected, verdict, why, (), "zdcheck check a.zd")


@pytest.mark.parametrize(
    ("expected", "verdict", "line"),
    [
        (HOLDS, holds(), "  ok    no recheck  holds  (1 state, depth 0, 0.0 s)"),
        (
            violation(ZERO),
            Violated(NOTHING, TRACE),
            f"  ok    no recheck  violation {ZERO} by unplug, 1 step  (1 state, depth 0, 0.0 s)",
        ),
        (
            violation("wrong_page"),
            Violated(NOTHING, TRACE),
            f"  FAIL  no recheck  violation {ZERO}, expected violation wrong_page, 1 step"
            "  (1 state, depth 0, 0.0 s)",
        ),
        (
            violation(ZERO),
            holds(),
            f"  FAIL  no recheck  holds, expected violation {ZERO}  (1 state, depth 0, 0.0 s)",
        ),
        (
            HOLDS,
            replace(holds(), missed=2.2e-7),
            "  ok    no recheck  holds, unless hashes collided (p < 3e-07)"
            "  (1 state, depth 0, 0.0 s)",
        ),
        (
            HOLDS,
            stopped("states"),
            "  ????  no recheck  inconclusive: states limit reached, expected holds"
            "  (1 state, depth 0, 0.0 s)",
        ),
    ],
)
def test_result_lines(expected: Expected, verdict: Verdict, line: str) -> None:
    assert terminal.result_line(report(expected, verdict), 10, color=False) == line


def test_colour_adds_nothing_but_colour() -> None:
    for verdict in (holds(), Violated(NOTHING, TRACE), stopped("time")):
        plain = terminal.result_line(report(HOLDS, verdict), 4, color=False)
        painted = terminal.result_line(report(HOLDS, verdict), 4, color=True)
        assert "\x1b[" in painted
        for code in ("\x1b[32m", "\x1b[1;31m", "\x1b[33m", "\x1b[0m"):
            painted = painted.replace(code, "")
        assert painted == plain


@pytest.mark.parametrize(
    ("option", "is_terminal", "environ", "result"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", False, {"CLICOLOR_FORCE": "1"}, True),
        ("auto", False, {"CLICOLOR_FORCE": "0"}, False),
        ("auto", True, {"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, False),
        ("auto", True, {"TERM": "dumb"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {"CLICOLOR_FORCE": "1"}, False),
    ],
)
def test_when_to_colour(
    option: terminal.ColorOption, is_terminal: bool, environ: dict[str, str], result: bool
) -> None:
    assert terminal.use_color(option, is_terminal, environ) is result


def test_a_name_cannot_move_the_cursor() -> None:
    line = terminal.result_line(report(HOLDS, holds(), "\x1b[2Jx"), 4, color=False)
    assert "\x1b" not in line


def test_the_summary_counts() -> None:
    spec = SpecReport(
        "a.zd",
        (),
        (
            report(HOLDS, holds()),
            report(HOLDS, Violated(NOTHING, TRACE)),
            report(HOLDS, stopped("time")),
        ),
        (),
        ("late",),
    )
    assert terminal.summary([spec], 1) == (
        "3 checks in 1 spec: 1 as expected, 1 unexpected, 1 inconclusive, 1 not run, "
        "1 spec with errors"
    )


def validator() -> jsonschema.Draft202012Validator:
    trace, whole = (
        json.loads((SCHEMAS / name).read_text())
        for name in ("zdcheck-trace-1.json", "zdcheck-report-1.json")
    )
    resource = referencing.Resource(trace, referencing.jsonschema.DRAFT202012)
    registry = referencing.Registry().with_resource("urn:zdcheck:trace:1", resource)
    jsonschema.Draft202012Validator.check_schema(whole)
    return jsonschema.Draft202012Validator(whole, registry=registry)


def test_the_json_report_fits_its_schema_and_says_the_exit_status() -> None:
    checks = (
        report(HOLDS, holds()),
        report(HOLDS, Violated(NOTHING, TRACE)),
        report(HOLDS, stopped("memory")),
    )
    spec = SpecReport("a.zd", (), checks, (), ())
    failure = Failure("usage", "no such file")
    why = [Reason(ExitCode.WRONG_INPUT, "no such file"), *reasons(spec)]
    document = json_report.document("0.1.0", [spec], [failure], why)
    validator().validate(json.loads(json_report.dumps(document)))
    assert document["exit_status"] == 2
    assert [reason["exit_status"] for reason in document["reasons"]] == [2, 1, 3]
