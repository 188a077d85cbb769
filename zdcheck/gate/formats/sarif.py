"""SARIF 2.1.0 (OASIS): a result for each check that is not as expected, one thread flow for each CPU.

In a thread flow, `executionOrder` says how the steps of all CPUs interleave.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

from zdcheck.base.catalogue import VIOLATIONS
from zdcheck.gate.outcome import CheckOutcome, Finding, GateOutcome, SpecOutcome
from zdcheck.trace.model import Place, Step, Trace

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_MOST_STEPS = 500
"""Viewers refuse results with many more locations; the last steps are what matters."""


def dumps(outcome: GateOutcome) -> str:
    """The document's text."""
    results = [result for spec in outcome.specs for result in _spec(spec)]
    results += [_finding(finding) for finding in outcome.anchors]
    results += [
        _result("baseline", "error", f"{c.check}: {c.text}", c.spec, 1, f"{c.spec}::{c.check}")
        for c in outcome.changes
        if c.fails
    ]
    rules = sorted({result["ruleId"] for result in results})
    for result in results:
        result["ruleIndex"] = rules.index(result["ruleId"])
    run = {
        "tool": {"driver": {"name": "zdcheck", "rules": [_rule(rule) for rule in rules]}},
        "columnKind": "unicodeCodePoints",
        "results": results,
        "invocations": [
            {
                "executionSuccessful": outcome.exit_code in (0, 1, 3),
                "exitCode": int(outcome.exit_code),
                "toolExecutionNotifications": [
                    {"level": "note", "message": {"text": note}} for note in outcome.notes
                ],
            }
        ],
        # Results of kind "pass" would be alerts where code is scanned.
        "properties": {"verdicts": [_verdict(s, c) for s in outcome.specs for c in s.checks]},
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _verdict(spec: SpecOutcome, check: CheckOutcome) -> dict[str, Any]:
    return {
        "spec": spec.path,
        "check": check.name,
        "verdict": check.verdict,
        "engine": check.engine,
        "text": check.in_full,
    }


def _rule(id: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": id}
    if id in VIOLATIONS:
        rule["shortDescription"] = {"text": VIOLATIONS[id].meaning}
    return rule


def _spec(spec: SpecOutcome) -> list[dict[str, Any]]:
    results = [_check(spec, check) for check in spec.checks if check.exit_code != 0]
    results += [_finding(finding) for finding in spec.findings]
    if spec.error and not spec.findings:
        results.append(_result("error", "error", spec.error, spec.path, 1, spec.path))
    return results


def _check(spec: SpecOutcome, check: CheckOutcome) -> dict[str, Any]:
    rule = check.violation or ("inconclusive" if check.surprise is None else "unexpected")
    level = "warning" if check.surprise is None else "error"
    text = f"{check.name}: {check.in_full}\n\nreproduce: {check.reproduce}"
    name = f"{spec.path}::{check.name}"
    result = _result(rule, level, text, spec.path, check.line, name)
    if check.trace is not None:
        result["codeFlows"] = [_flow(check.trace)]
        if check.trace.blame is not None and check.trace.blame.place is not None:
            result["relatedLocations"] = [_location(check.trace.blame.place, "what is violated")]
    return result


def _finding(finding: Finding) -> dict[str, Any]:
    name = f"{finding.path}::{finding.id}::{finding.message}"
    return _result(
        finding.id, finding.severity, finding.advice, finding.path, max(finding.line, 1), name
    )


def _result(rule: str, level: str, text: str, path: str, line: int, name: str) -> dict[str, Any]:
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": text},
        "locations": [
            {"physicalLocation": {"artifactLocation": _file(path), "region": {"startLine": line}}}
        ],
        "partialFingerprints": {"zdcheckCheck/v1": hashlib.sha256(name.encode()).hexdigest()},
    }


def _flow(trace: Trace) -> dict[str, Any]:
    steps = trace.steps[-_MOST_STEPS:]
    flows = []
    for number, thread in enumerate(trace.threads):
        own = [_step(step, step is trace.steps[-1]) for step in steps if step.thread == number]
        if own:
            flows.append({"id": thread.name, "locations": own})
    return {"threadFlows": flows}


def _step(step: Step, is_last: bool) -> dict[str, Any]:
    changes = [f"{c.variable}: {c.before} -> {c.after}" for c in step.changes if not c.cleared]
    text = "; ".join([step.code, *changes])
    return {
        "location": _location(step.shown, text),
        "executionOrder": step.number,
        "importance": "essential" if is_last else "important",
    }


def _location(place: Place, text: str) -> dict[str, Any]:
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endColumn": max(place.end_column, place.column),
    }
    return {
        "physicalLocation": {"artifactLocation": _file(place.path), "region": region},
        "message": {"text": text},
    }


def _file(path: str) -> dict[str, Any]:
    return {"uri": quote(path.lstrip("/") if path.startswith("<") else path)}
