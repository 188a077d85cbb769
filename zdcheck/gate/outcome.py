"""What a gate found: plain data that fits into a cache and into every report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zdcheck.base.exit_codes import ExitCode, worst
from zdcheck.trace.model import Size, Trace

VerdictWord = Literal["proved", "holds", "violated", "inconclusive"]


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """One check. `surprise` says why its verdict is not the expected one, None if it is.

    `violation`, `of` (the property) and `culprit` are "" unless it is violated, `why` unless it is
    inconclusive. `line` is where the check stands in the spec. `meaning` is the fingerprint of its
    transition system and of how it was run. `trace` is there where the violation is a surprise.
    `states` is 0 of a proof that did not visit all of them, `covers` what a proof is about.
    `remarks` qualify the verdict.
    """

    name: str
    line: int
    expected: str
    verdict: VerdictWord
    violation: str
    of: str
    culprit: str
    why: str
    is_interrupted: bool
    surprise: str | None
    engine: str
    scope: tuple[Size, ...]
    states: int
    transitions: int
    depth: int
    elapsed_s: float
    meaning: str
    reproduce: str
    trace: Trace | None
    covers: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """What this check alone would end the gate with."""
        if self.surprise is not None:
            return ExitCode.UNEXPECTED
        if self.is_interrupted:
            return ExitCode.INTERRUPTED
        return ExitCode.INCONCLUSIVE if self.verdict == "inconclusive" else ExitCode.OK

    @property
    def is_open(self) -> bool:
        """Whether there may be reachable states that nobody looked at, and so statements that run there."""
        return self.verdict == "inconclusive" or (self.verdict == "proved" and self.states == 0)

    @property
    def said(self) -> str:
        """The verdict in words: `violation wrong_page by gup, expected holds`."""
        if self.surprise is not None:
            return self.surprise
        match self.verdict:
            case "violated":
                by = f" by {self.culprit}" if self.culprit else ""
                return f"violation {self.violation}{by}"
            case "inconclusive":
                return f"{self.why}, expected {self.expected}"
            case "proved":
                return f"proved for {self.covers}"
            case "holds":
                return "holds"

    @property
    def in_full(self) -> str:
        """What is said, with its remarks."""
        return ", ".join((self.said, *self.remarks))


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a place in a file: an error in a spec, a statement that never runs.

    `line` and `column` are from 1, 0 where there is no place. `help` is what may mend it, `shown` the
    whole as `zdcheck check` prints it, with the lines that it is about; "" where there is none.
    """

    id: str
    severity: Literal["error", "warning"]
    path: str
    line: int
    column: int
    message: str
    help: str = ""
    shown: str = ""

    @property
    def advice(self) -> str:
        """The message, and below it what may mend it."""
        return f"{self.message}\nhelp: {self.help}" if self.help else self.message


@dataclass(frozen=True, slots=True)
class SpecOutcome:
    """One spec. `error` is what kept it from being run, "" if nothing did.

    `is_internal` says that it was zdcheck's own fault. `reused` counts the checks whose
    verdicts come from the cache, `damaged` the entries there that were not trusted.
    """

    path: str
    checks: tuple[CheckOutcome, ...]
    findings: tuple[Finding, ...]
    error: str
    is_internal: bool
    skipped: tuple[str, ...]
    reused: int
    damaged: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to run: a module."""
        return not (self.checks or self.findings or self.error or self.skipped)

    @property
    def exit_code(self) -> ExitCode:
        """What this spec alone would end the gate with."""
        codes = [check.exit_code for check in self.checks]
        if self.error:
            codes.append(ExitCode.INTERNAL if self.is_internal else ExitCode.WRONG_INPUT)
        if any(finding.id == "dead_statement" for finding in self.findings):
            codes.append(ExitCode.UNEXPECTED)
        if self.skipped:
            codes.append(ExitCode.INTERRUPTED)
        return worst(*codes)


ChangeWord = Literal[
    "new", "gone", "violated", "fixed", "other", "weaker", "stronger", "grew", "shrank"
]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference from the baseline. `fails` says whether the gate fails for it."""

    kind: ChangeWord
    spec: str
    check: str
    text: str
    fails: bool


@dataclass(frozen=True, slots=True)
class GateOutcome:
    """The whole run. `notes` are about the run itself: a damaged cache, a missing baseline."""

    specs: tuple[SpecOutcome, ...]
    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    anchors: tuple[Finding, ...]
    is_interrupted: bool
    elapsed_s: float
    is_narrowed: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """The worst of everything; nothing to check is wrong input, not a pass.

        Unless the run was narrowed to what a change affects, which may be nothing.
        """
        codes = [spec.exit_code for spec in self.specs]
        if any(change.fails for change in self.changes):
            codes.append(ExitCode.UNEXPECTED)
        if self.is_interrupted:
            codes.append(ExitCode.INTERRUPTED)
        elif not self.is_narrowed and not any(s.checks or s.error for s in self.specs):
            codes.append(ExitCode.WRONG_INPUT)
        return worst(*codes)
