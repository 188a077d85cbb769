"""What `zdcheck prove` says, for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, assert_never

from zdcheck.base.failure import Failure
from zdcheck.render.escape import printable
from zdcheck.render.terminal import painted, seconds
from zdcheck.trace.document import to_document
from zdcheck.trace.proof import NotProved, Proof, ProofReport
from zdcheck.trace.verdict import Reason, Violated, exit_code

SCHEMA = "zdcheck-proofs/1"


def result_line(report: ProofReport, name_width: int, color: bool) -> str:
    """`ok    6.15  proved for this scope, any depth  (112 facts, 3.2 s)`."""
    match report.verdict:
        case NotProved():
            word = painted("????", "open", color)
        case Proof() | Violated():
            good = report.surprise is None
            word = painted("ok  " if good else "FAIL", "good" if good else "bad", color)
        case _:
            assert_never(report.verdict)
    name = printable(report.check).ljust(name_width)
    remarks = "".join(f", {remark}" for remark in report.remarks)
    return f"  {word}  {name}  {_said(report)}{remarks}  ({_figures(report)})"


def _said(report: ProofReport) -> str:
    match report.verdict:
        case Proof(covers=covers):
            proved = f"proved for {printable(covers)}"
            return f"{printable(report.surprise)}: {proved}" if report.surprise else proved
        case Violated(_, trace):
            if report.surprise is not None:
                return printable(report.surprise)
            assert trace.blame is not None
            return f"violation {trace.blame.violation}, as expected: there is nothing to prove"
        case NotProved(limit="interrupt"):
            return "interrupted"
        case NotProved(limit=limit, note=note):
            why = ([] if limit is None else [f"{limit} limit reached"]) + ([note] if note else [])
            return printable(f"not proved, and no violation found: {'; '.join(why)}")
        case _:
            assert_never(report.verdict)


def _figures(report: ProofReport) -> str:
    statistics = report.verdict.statistics
    what = statistics.figures or f"{statistics.states:,} states"
    return f"{what}, {seconds(statistics.elapsed_s)}"


def facts_lines(proof: Proof) -> Iterator[str]:
    """The invariant, one fact a line."""
    for fact in proof.facts:
        yield f"          {printable(fact)}"


def stuck_lines(verdict: NotProved) -> Iterator[str]:
    """Where a proof failed, and what was missing."""
    stuck = verdict.stuck
    if stuck is not None:
        goal = printable(stuck.goal) or "a fact that helps"
        code = f"{printable(stuck.thread)} at `{printable(stuck.code)}`" if stuck.thread else "this"
        may_be = {
            "yes": "a run leads there",
            "no": "explicit search visited every state, and no run leads there",
            "unknown": "may be unreachable",
        }
        yield f"        The proof stopped at a state ({may_be[stuck.reachable]}) in which"
        yield f"        {code} breaks {goal}:"
        for thread in stuck.threads:
            yield f"          {printable(thread.name)} {printable(thread.value)}"
        for line in stuck.ledger:
            terms = f" = {line.terms}" if line.terms else ""
            yield f"          {printable(f'{line.count} = {line.value}{terms}')}"
        for value in stuck.values:
            yield f"          {printable(f'{value.name} = {value.value}')}"
    if verdict.missing:
        names = ", ".join(f"`{printable(name)}` ({count})" for name, count in verdict.missing)
        yield f"        Facts that were missing were most often about {names}."


def document(
    version: str,
    reports: Sequence[ProofReport],
    failures: Sequence[tuple[str, Failure]],
    why: Sequence[Reason],
) -> str:
    """The whole report as JSON text."""
    return (
        json.dumps(
            {
                "schema": SCHEMA,
                "tool": {"name": "zdcheck", "version": version},
                "checks": [_check(report) for report in reports],
                "errors": [
                    {"path": path, "kind": failure.kind, "message": failure.message}
                    for path, failure in failures
                ],
                "exit_status": int(exit_code(*why)),
                "reasons": [
                    {"exit_status": int(reason.code), "text": reason.text} for reason in why
                ],
            },
            indent=1,
        )
        + "\n"
    )


def _check(report: ProofReport) -> dict[str, Any]:
    statistics = report.verdict.statistics
    return {
        "spec": report.spec,
        "name": report.check,
        "expected": asdict(report.expected),
        **_verdict(report),
        "surprise": report.surprise,
        "remarks": list(report.remarks),
        "reproduce": report.reproduce,
        "statistics": {
            "states": statistics.states,
            "elapsed_s": round(statistics.elapsed_s, 3),
            "extra": dict(statistics.extra),
        },
    }


def _verdict(report: ProofReport) -> dict[str, Any]:
    match report.verdict:
        case Proof(_, facts, vacuous, uncovered, covers):
            return {
                "verdict": "proved",
                "covers": covers,
                "facts": list(facts),
                "vacuous": None if vacuous is None else list(vacuous),
                "uncovered": None if uncovered is None else list(uncovered),
            }
        case Violated(_, trace):
            assert trace.blame is not None
            return {
                "verdict": "violated",
                "violation": trace.blame.violation,
                "trace": to_document(trace),
            }
        case NotProved(_, limit, stuck, missing, note):
            return {
                "verdict": "inconclusive",
                "limit": limit,
                "stuck": None if stuck is None else asdict(stuck),
                "missing": dict(missing),
                "note": note,
            }
        case _:
            assert_never(report.verdict)
