"""JUnit XML, as Jenkins, GitLab and pytest understand it: a suite for each spec, a case for each check."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from zdcheck.gate.outcome import CheckOutcome, GateOutcome, SpecOutcome
from zdcheck.render.columns import columns
from zdcheck.render.terminal import lines_text

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no place for, however they are written."""


def dumps(outcome: GateOutcome) -> str:
    """The document's text."""
    suites = [_suite(spec) for spec in outcome.specs]
    if failing := [change for change in outcome.changes if change.fails]:
        suite = ET.Element("testsuite", name="baseline")
        for change in failing:
            case = _case(change.check, change.spec, 0.0)
            _add(case, "failure", change.kind, change.text, "")
            suite.append(case)
        suites.append(suite)
    root = ET.Element("testsuites", name="zdcheck", time=f"{outcome.elapsed_s:.3f}")
    for suite in suites:
        suite.set("tests", str(len(suite)))
        for what, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(what, str(len(suite.findall(f"testcase/{tag}"))))
        suite.set("time", f"{sum(float(case.get('time', '0')) for case in suite):.3f}")
        root.append(suite)
    for what in ("tests", "failures", "errors"):
        root.set(what, str(sum(int(suite.get(what, "0")) for suite in suites)))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(spec: SpecOutcome) -> ET.Element:
    suite = ET.Element("testsuite", name=_legal(spec.path))
    for check in spec.checks:
        suite.append(_check(spec, check))
    for name in spec.skipped:
        case = _case(name or "all checks", spec.path, 0.0)
        ET.SubElement(case, "skipped", message="interrupted")
        suite.append(case)
    for finding in spec.findings:
        case = _case(f"{finding.id} at line {finding.line}", spec.path, 0.0)
        tag = "error" if finding.severity == "error" else "failure"
        _add(case, tag, finding.id, finding.message, finding.shown)
        suite.append(case)
    if spec.error and not spec.findings:
        case = _case("the spec", spec.path, 0.0)
        _add(case, "error", "error", spec.error, "")
        suite.append(case)
    return suite


def _check(spec: SpecOutcome, check: CheckOutcome) -> ET.Element:
    case = _case(check.name, spec.path, check.elapsed_s)
    if check.surprise is not None:
        picture = ""
        if check.trace is not None:
            picture = lines_text(columns(check.trace, check.reproduce), False)
        _add(case, "failure", check.violation or check.verdict, check.in_full, picture)
    elif check.exit_code != 0:
        _add(case, "error", "inconclusive", check.in_full, check.reproduce)
    else:
        ET.SubElement(case, "system-out").text = _legal(check.in_full)
    return case


def _case(name: str, spec: str, elapsed_s: float) -> ET.Element:
    return ET.Element(
        "testcase",
        name=_legal(name),
        classname=_legal(spec.removesuffix(".zd").replace("/", ".")),
        file=_legal(spec),
        time=f"{elapsed_s:.3f}",
    )


def _add(case: ET.Element, tag: str, type: str, message: str, text: str) -> None:
    ET.SubElement(case, tag, type=_legal(type), message=_legal(message)).text = _legal(text)


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
