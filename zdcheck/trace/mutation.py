"""What became of a spec's mutants, as plain data.

A mutant is the spec with one small mistake in its protocol. A check that holds should not hold
with it: a mutant that survives is a mistake that the check does not see.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from zdcheck.base.exit_codes import ExitCode
from zdcheck.trace.verdict import Reason

Result = Literal["killed", "empty", "survives", "unchanged", "refused", "inconclusive"]
"""What one check says to a mutant.

`killed`: a violation. `empty`: it holds, but vacuously or without reaching a cover. `survives`:
it holds as before. `unchanged`: the same transition system, so it must. `refused`: no system, the
spec is wrong now. `inconclusive`: a limit was reached.
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check's answer to one mutant. `why` says it in words, `violation` is the id if there is one."""

    check: str
    result: Result
    why: str = ""
    violation: str | None = None
    states: int = 0


@dataclass(frozen=True, slots=True)
class MutantName:
    """What a mutant is called in a table: stays the same when lines move."""

    file: str
    owner: str
    change: str

    def __str__(self) -> str:
        return f"{self.file}, {self.owner}: {self.change}"


@dataclass(frozen=True, slots=True)
class MutantReport:
    """One mutant and what the checks say to it. `also` are places of mutants that mean the same."""

    path: str
    line: int
    column: int
    kind: str
    owner: str
    change: str
    outcomes: tuple[Outcome, ...]
    also: tuple[str, ...] = ()

    @property
    def name(self) -> MutantName:
        """See `MutantName`."""
        return MutantName(self.path.rsplit("/", 1)[-1], self.owner, self.change)

    def by(self, *results: Result) -> list[Outcome]:
        """The outcomes of these sorts."""
        return [outcome for outcome in self.outcomes if outcome.result in results]

    @property
    def survives(self) -> bool:
        """Whether some check sees a difference, and none that does minds."""
        return bool(self.by("survives")) and not self.by("killed", "empty", "inconclusive")


@dataclass(frozen=True, slots=True)
class Baseline:
    """A check without any mistake. `states` is how many it has; `trouble` why no mutant was tried."""

    check: str
    states: int
    trouble: str | None = None
    code: ExitCode = ExitCode.OK


@dataclass(frozen=True, slots=True)
class MutationReport:
    """One spec. `mutants` are those that change some check.

    `ill_formed` counts the mutants that are no correct spec, `unchanged` those that change no check,
    `same` those that mean the same as another, `untried` those that an interrupt left. `accepted` are survivors that someone explained, with the
    explanation; `outdated` are explanations of what is no survivor.
    """

    spec: str
    baselines: tuple[Baseline, ...]
    mutants: tuple[MutantReport, ...]
    ill_formed: int = 0
    unchanged: int = 0
    same: int = 0
    untried: int = 0
    accepted: dict[MutantName, str] = field(default_factory=dict)
    outdated: tuple[MutantName, ...] = ()


def reasons(report: MutationReport) -> Iterator[Reason]:
    """Everything that makes the exit status other than 0."""
    for baseline in report.baselines:
        if baseline.trouble is not None:
            yield Reason(baseline.code, f"{report.spec}: {baseline.check}: {baseline.trouble}")
    for mutant in report.mutants:
        where = f"{mutant.path}:{mutant.line}: {mutant.owner}: {mutant.change}"
        if mutant.survives and mutant.name not in report.accepted:
            yield Reason(ExitCode.UNEXPECTED, f"{where}: survives")
    for name in report.outdated:
        yield Reason(ExitCode.UNEXPECTED, f"{report.spec}: no such survivor: {name}")
    if report.untried:
        yield Reason(ExitCode.INTERRUPTED, f"{report.spec}: {report.untried} mutants: not tried")
