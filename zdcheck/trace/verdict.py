"""Verdicts: what zdcheck itself says about a check, as opposed to what an engine claims."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from zdcheck.base.diagnostics import Diagnostic
from zdcheck.engines.protocol import Limit, Statistics
from zdcheck.trace.model import Trace


@dataclass(frozen=True, slots=True)
class Holds:
    """Nothing is wrong in any reachable state at this scope.

    `vacuous` names properties whose antecedent was never true, `uncovered` covers that no run
    reaches, both without those that the check allows. `witnesses` are traces to the covers.
    """

    statistics: Statistics
    vacuous: tuple[str, ...]
    uncovered: tuple[str, ...]
    witnesses: tuple[tuple[str, Trace], ...] = ()


@dataclass(frozen=True, slots=True)
class Violated:
    """A confirmed counterexample."""

    statistics: Statistics
    trace: Trace


@dataclass(frozen=True, slots=True)
class Inconclusive:
    """A limit was reached first."""

    statistics: Statistics
    limit: Limit
    note: str


Verdict = Holds | Violated | Inconclusive


@dataclass(frozen=True, slots=True)
class Expected:
    """What the spec says the verdict should be; `violation` None is `holds`."""

    violation: str | None
    of: str | None
    by: str | None

    def __str__(self) -> str:
        if self.violation is None:
            return "holds"
        of = f" of {self.of}" if self.of else ""
        by = f" by {self.by}" if self.by else ""
        return f"violation {self.violation}{of}{by}"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """One check's outcome. `surprise` says in words why it is not what was expected, None if it is."""

    spec: str
    check: str
    engine: str
    expected: Expected
    verdict: Verdict
    surprise: str | None
    reproduce: str


@dataclass(frozen=True, slots=True)
class SpecReport:
    """All checks of one spec that were run, and its dead statements (in no check reached)."""

    spec: str
    warnings: tuple[Diagnostic, ...]
    checks: tuple[CheckReport, ...]
    dead: tuple[Diagnostic, ...]


class ExitCode(IntEnum):
    """The process's exit status; where several apply the worst wins, in the order of `worst`."""

    OK = 0
    UNEXPECTED = 1
    WRONG_INPUT = 2
    INCONCLUSIVE = 3
    INTERNAL = 70
    INTERRUPTED = 130


SEVERITY = (
    ExitCode.OK,
    ExitCode.INTERRUPTED,
    ExitCode.INCONCLUSIVE,
    ExitCode.UNEXPECTED,
    ExitCode.WRONG_INPUT,
    ExitCode.INTERNAL,
)


def worst(*codes: ExitCode) -> ExitCode:
    """The one that the process ends with; OK of nothing."""
    return max(codes, key=SEVERITY.index, default=ExitCode.OK)
