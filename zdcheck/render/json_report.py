"""The report of `zdcheck check` as one versioned JSON document; docs/reference/schemas/ has its schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, assert_never

from zdcheck.base.diagnostics import Diagnostic
from zdcheck.base.failure import Failure
from zdcheck.engines.protocol import Statistics
from zdcheck.trace.document import to_document
from zdcheck.trace.matrix import Matrix, matrices
from zdcheck.trace.verdict import (
    Cell,
    CheckReport,
    Holds,
    Inconclusive,
    Reason,
    SpecReport,
    Violated,
    exit_code,
)

SCHEMA = "zdcheck-report/1"


def document(
    version: str, specs: Sequence[SpecReport], failures: Sequence[Failure], why: Sequence[Reason]
) -> dict[str, Any]:
    """The whole report. `why` are the reasons of its exit status, in order."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "zdcheck", "version": version},
        "specs": [_spec(spec) for spec in specs],
        "matrices": [_matrix(table) for table in matrices(specs)],
        **ending(failures, why),
    }


def ending(failures: Sequence[Failure], why: Sequence[Reason]) -> dict[str, Any]:
    """What every report ends with: errors, exit status, its reasons."""
    return {
        "errors": [
            {
                "kind": failure.kind,
                "message": failure.message,
                "diagnostics": [_diagnostic(d) for d in failure.diagnostics],
            }
            for failure in failures
        ],
        "exit_status": int(exit_code(*why)),
        "reasons": [{"exit_status": int(reason.code), "text": reason.text} for reason in why],
    }


def dumps(report: dict[str, Any]) -> str:
    """The document as text."""
    return json.dumps(report, indent=1) + "\n"


def _spec(spec: SpecReport) -> dict[str, Any]:
    return {
        "path": spec.spec,
        "warnings": [_diagnostic(d) for d in spec.warnings],
        "checks": [_check(check) for check in spec.checks],
        "dead": [_diagnostic(d) for d in spec.dead],
        "skipped": list(spec.skipped),
    }


def _matrix(table: Matrix) -> dict[str, Any]:
    return {
        "config": table.config,
        "columns": list(table.columns),
        "rows": [
            {
                "spec": row.spec,
                "check": row.name,
                "cells": {value: _found(check) for value, check in row.cells.items()},
            }
            for row in table.rows
        ],
    }


def _found(check: CheckReport) -> dict[str, Any]:
    verdict = _verdict(check)
    return {
        "verdict": verdict["verdict"],
        "violation": verdict.get("violation"),
        "surprise": check.surprise,
    }


def _diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    span = diagnostic.at.span
    return {
        "id": diagnostic.id,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "path": span.file.path,
        "line": span.line,
        "column": span.column,
        "help": diagnostic.help,
    }


def _check(check: CheckReport) -> dict[str, Any]:
    expected = check.expected
    return {
        "name": check.check,
        "cell": _cell(check.cell),
        "engine": check.engine,
        "expected": {
            "violation": expected.violation,
            "of": expected.of,
            "by": expected.by,
        },
        **_verdict(check),
        "surprise": check.surprise,
        "remarks": list(check.remarks),
        "reproduce": check.reproduce,
        "statistics": _statistics(check.verdict.statistics),
    }


def _cell(cell: Cell | None) -> dict[str, str] | None:
    if cell is None:
        return None
    return {"row": cell.row, "config": cell.config, "value": cell.value}


def _verdict(check: CheckReport) -> dict[str, Any]:
    match check.verdict:
        case Holds() as holds:
            return {
                "verdict": "holds",
                "vacuous": list(holds.vacuous),
                "uncovered": list(holds.uncovered),
                "antecedents_reached": _part(holds.antecedents),
                "actions_fired": _part(holds.actions),
                "missed": holds.missed,
                "proved": holds.proved,
            }
        case Violated(_, trace):
            assert trace.blame is not None
            return {
                "verdict": "violated",
                "violation": trace.blame.violation,
                "property": trace.blame.property,
                "culprit": trace.culprit,
                "trace": to_document(trace),
            }
        case Inconclusive(_, limit, note):
            return {"verdict": "inconclusive", "limit": limit, "note": note}
        case _:
            assert_never(check.verdict)


def _part(part: tuple[int, int]) -> dict[str, int]:
    return {"reached": part[0], "of": part[1]}


def _statistics(statistics: Statistics) -> dict[str, Any]:
    return {
        "states": statistics.states,
        "transitions": statistics.transitions,
        "depth": statistics.depth,
        "elapsed_s": round(statistics.elapsed_s, 3),
        "extra": dict(statistics.extra),
    }
