"""KTAP version 1, as the kernel's tests print it and `kunit.py parse` reads it.

One flat list, because most readers lose the outer level; names are `path::check` without the
characters that KTAP gives a meaning, and unique.
"""

from __future__ import annotations

import re

from zdcheck.gate.outcome import CheckOutcome, GateOutcome, SpecOutcome
from zdcheck.render.columns import columns
from zdcheck.render.escape import inert, printable
from zdcheck.render.terminal import lines_text


def dumps(outcome: GateOutcome) -> str:
    """The document's text."""
    results = [result for spec in outcome.specs for result in _results(spec)]
    results += [
        (False, f"baseline::{change.spec}::{change.check}", "", [change.text])
        for change in outcome.changes
        if change.fails
    ]
    lines = ["KTAP version 1", f"1..{len(results)}"]
    taken: set[str] = set()
    for number, (good, name, directive, about) in enumerate(results, 1):
        lines += [_diagnostic(printable(line)) for text in about for line in text.splitlines()]
        word = "ok" if good else "not ok"
        lines.append(f"{word} {number} {_unique(name, taken)}{directive}")
    return "\n".join(lines) + "\n"


def _diagnostic(line: str) -> str:
    # `# Subtest: …` would begin a test.
    return inert(f"#  {line}" if line.startswith("Subtest:") else f"# {line}")


_Result = tuple[bool, str, str, list[str]]


def _results(spec: SpecOutcome) -> list[_Result]:
    results = [_result(spec, check) for check in spec.checks]
    results += [
        (True, f"{spec.path}::{name or 'all checks'}", " # SKIP interrupted", [])
        for name in spec.skipped
    ]
    for finding in spec.findings:
        name = f"{spec.path}::{finding.id} at line {finding.line}"
        results.append((False, name, "", finding.shown.splitlines() or [finding.message]))
    if spec.error and not spec.findings:
        results.append((False, spec.path, "", [spec.error]))
    return results


def _result(spec: SpecOutcome, check: CheckOutcome) -> _Result:
    about = [check.in_full]
    if check.trace is not None:
        about += lines_text(columns(check.trace, check.reproduce), False).splitlines()
    elif check.exit_code != 0:
        about.append(f"reproduce: {check.reproduce}")
    return check.exit_code == 0, f"{spec.path}::{check.name}", "", about


def _unique(name: str, taken: set[str]) -> str:
    """Without `#`, which begins a directive, and without a second space between words."""
    word = " ".join(re.sub(r"[#\\]", "_", printable(name)).split()) or "unnamed"
    unique, number = word, 1
    while unique in taken:
        number += 1
        unique = f"{word} ({number})"
    taken.add(unique)
    return unique
