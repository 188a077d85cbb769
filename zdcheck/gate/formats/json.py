"""The outcome as one JSON document; docs/reference/schemas/ has its schema."""

from __future__ import annotations

import json
from typing import Any

from zdcheck.base.plain import to_plain
from zdcheck.gate.outcome import CheckOutcome, GateOutcome, SpecOutcome
from zdcheck.trace.document import to_document

SCHEMA = "zdcheck-gate/1"


def dumps(outcome: GateOutcome) -> str:
    """The document's text."""
    document = {
        "schema": SCHEMA,
        "exit_status": int(outcome.exit_code),
        "elapsed_s": round(outcome.elapsed_s, 3),
        "specs": [_spec(spec) for spec in outcome.specs],
        "changes": to_plain(outcome.changes),
        "anchors": to_plain(outcome.anchors),
        "notes": list(outcome.notes),
    }
    return json.dumps(document, indent=1) + "\n"


def _spec(spec: SpecOutcome) -> dict[str, Any]:
    return {
        "path": spec.path,
        "exit_status": int(spec.exit_code),
        "error": spec.error,
        "reused": spec.reused,
        "skipped": list(spec.skipped),
        "findings": to_plain(spec.findings),
        "checks": [_check(check) for check in spec.checks],
    }


def _check(check: CheckOutcome) -> dict[str, Any]:
    plain: dict[str, Any] = to_plain(check)
    plain["exit_status"] = int(check.exit_code)
    plain["trace"] = None if check.trace is None else to_document(check.trace)
    return plain
