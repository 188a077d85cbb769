"""The report of `zdcheck mutate` as one versioned JSON document; docs/reference/schemas/ has its schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zdcheck.base.failure import Failure
from zdcheck.render.json_report import ending
from zdcheck.trace.mutation import MutantReport, MutationReport
from zdcheck.trace.verdict import Reason

SCHEMA = "zdcheck-mutants/1"


def document(
    version: str,
    specs: Sequence[MutationReport],
    failures: Sequence[Failure],
    why: Sequence[Reason],
) -> dict[str, Any]:
    """The whole report. `why` are the reasons of its exit status, in order."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "zdcheck", "version": version},
        "specs": [_spec(spec) for spec in specs],
        **ending(failures, why),
    }


def _spec(report: MutationReport) -> dict[str, Any]:
    return {
        "path": report.spec,
        "checks": [
            {"name": b.check, "states": b.states, "trouble": b.trouble} for b in report.baselines
        ],
        "mutants": [_mutant(report, mutant) for mutant in report.mutants],
        "left_out": {
            "unchanged": report.unchanged,
            "same": report.same,
            "ill_formed": report.ill_formed,
            "untried": report.untried,
        },
        "outdated": [
            {"spec": name.spec, "in": name.owner, "mistake": name.change}
            for name in report.outdated
        ],
    }


def _mutant(report: MutationReport, mutant: MutantReport) -> dict[str, Any]:
    return {
        "path": mutant.path,
        "line": mutant.line,
        "column": mutant.column,
        "kind": mutant.kind,
        "in": mutant.name.owner,
        "mistake": mutant.name.change,
        "also": list(mutant.also),
        "survives": mutant.survives,
        "explanation": report.explained.get(mutant.name) if mutant.survives else None,
        "outcomes": [
            {
                "check": outcome.check,
                "result": outcome.result,
                "why": outcome.why,
                "violation": outcome.violation,
                "states": outcome.states,
            }
            for outcome in mutant.outcomes
        ],
    }
