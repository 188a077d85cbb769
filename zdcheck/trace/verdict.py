"""Verdicts: what zdcheck itself says about a check, as opposed to what an engine claims."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from zdcheck.base.diagnostics import Diagnostic
from zdcheck.base.exit_codes import ExitCode, worst
from zdcheck.engines.protocol import Limit, Statistics
from zdcheck.trace.model import Trace


@dataclass(frozen=True, slots=True)
class Witness:
    """A confirmed run that reaches a cover."""

    cover: str
    trace: Trace


@dataclass(frozen=True, slots=True)
class Holds:
    """Nothing is wrong in any reachable state at this scope.

    `vacuous` names properties whose antecedent was never true, `uncovered` covers that no run
    reaches, both without those that the check allows. `antecedents` and `actions` are (reached,
    of all). `missed` bounds the probability that a state was missed; 0 if none can have been.
    `proved` is what an inductive invariant says it of, "" if every state was visited instead.
    """

    statistics: Statistics
    vacuous: tuple[str, ...]
    uncovered: tuple[str, ...]
    witnesses: tuple[Witness, ...]
    antecedents: tuple[int, int]
    actions: tuple[int, int]
    missed: float = 0.0
    proved: str = ""


@dataclass(frozen=True, slots=True)
class Violated:
    """A confirmed counterexample; its trace has a blame."""

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
class Cell:
    """Where a run stands in the table of a check that is made `for` the values of a config."""

    row: str
    config: str
    value: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """One check's outcome. `surprise` says in words why it is not what was expected, None if it is.

    `remarks` qualify the verdict (`without progress`), `reproduce` is the command that gives it again.
    `cell` is None for a check that stands alone.
    """

    spec: str
    check: str
    engine: str
    expected: Expected
    verdict: Verdict
    surprise: str | None
    remarks: tuple[str, ...]
    reproduce: str
    cell: Cell | None = None

    @property
    def exit_code(self) -> ExitCode:
        """What this check alone would end the process with."""
        match self.verdict:
            case Inconclusive(_, "interrupt", _):
                return ExitCode.INTERRUPTED
            case Inconclusive():
                return ExitCode.INCONCLUSIVE
            case Holds() | Violated():
                return ExitCode.OK if self.surprise is None else ExitCode.UNEXPECTED
            case _:
                assert_never(self.verdict)


@dataclass(frozen=True, slots=True)
class SpecReport:
    """The checks of one spec that were run.

    `dead` are its statements that no run of any check executes (empty if not all checks could
    say). `skipped` are the checks that an interrupt left unrun.
    """

    spec: str
    warnings: tuple[Diagnostic, ...]
    checks: tuple[CheckReport, ...]
    dead: tuple[Diagnostic, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that makes the exit status other than 0."""

    code: ExitCode
    text: str


def reasons(report: SpecReport) -> Iterator[Reason]:
    """Everything in the report that is not as it should be."""
    for check in report.checks:
        where = f"{report.spec}: {check.check}: "
        match check.verdict:
            case Inconclusive(_, limit, note):
                text = "interrupted" if limit == "interrupt" else f"inconclusive ({limit} limit)"
                yield Reason(check.exit_code, where + text + (f": {note}" if note else ""))
            case Holds() | Violated():
                if check.surprise is not None:
                    yield Reason(check.exit_code, where + check.surprise)
            case _:
                assert_never(check.verdict)
    for diagnostic in report.dead:
        yield Reason(ExitCode.UNEXPECTED, f"{diagnostic.at.span}: {diagnostic.message}")
    for name in report.skipped:
        yield Reason(ExitCode.INTERRUPTED, f"{report.spec}: {name}: not run")


def exit_code(*all_reasons: Reason) -> ExitCode:
    """The worst of the reasons' codes; OK where there are none."""
    return worst(*(reason.code for reason in all_reasons))


def surprise(expected: Expected, verdict: Verdict) -> str | None:
    """Why the verdict is not the expected one, in words; None if it is, or nobody can say."""
    match verdict:
        case Inconclusive():
            return None
        case Violated(_, trace):
            return _surprising_violation(expected, trace)
        case Holds():
            return _surprising_hold(expected, verdict)
        case _:
            assert_never(verdict)


def _surprising_violation(expected: Expected, trace: Trace) -> str | None:
    blame = trace.blame
    assert blame is not None
    of = f" of {blame.property}" if blame.property not in (None, blame.violation) else ""
    found = f"violation {blame.violation}{of}"
    if expected.violation is None:
        return f"{found}, expected holds"
    if blame.violation != expected.violation:
        return f"{found}, expected {expected}"
    if expected.of is not None and expected.of != blame.property:
        return f"{found}, expected it of {expected.of}"
    if expected.by is not None and expected.by != trace.culprit:
        by = f"by {trace.culprit}" if trace.culprit else "in the initial state"
        return f"{found} {by}, expected it by {expected.by}"
    return None


def _surprising_hold(expected: Expected, verdict: Holds) -> str | None:
    empty = {"vacuous": verdict.vacuous, "uncovered": verdict.uncovered}
    if expected.violation in empty:
        names = empty[expected.violation]
        if not names or (expected.of is not None and expected.of not in names):
            return f"holds, expected {expected}"
        empty[expected.violation] = tuple(
            n for n in names if expected.of is not None and n != expected.of
        )
    elif expected.violation is not None:
        return f"holds, expected {expected}"
    found = [f"the antecedent of `{name}` is never true" for name in empty["vacuous"]]
    found += [f"cover `{name}` is never reached" for name in empty["uncovered"]]
    return f"holds vacuously: {', '.join(found)}" if found else None
