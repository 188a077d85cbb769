"""What became of a spec's mutants, as plain data.

A mutant is the spec with one small mistake in its protocol. A check that holds should not hold
with it: a mutant that survives is a mistake that the check does not see.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from zdcheck.base.exit_codes import ExitCode
from zdcheck.trace.verdict import Reason

Result = Literal["killed", "empty", "survives", "unchanged", "refused", "inconclusive", "skipped"]
"""What one check says to a mutant.

`killed`: a violation. `empty`: it holds, but vacuously or without reaching a cover. `survives`:
it holds as before. `unchanged`: the same transition system, so it must. `refused`: no system, the
spec is wrong now. `inconclusive`: a limit was reached. `skipped`: another check minds.
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

    spec: str
    owner: str
    change: str

    def __str__(self) -> str:
        return f"{self.spec}, {self.owner}: {self.change}"


@dataclass(frozen=True, slots=True)
class MutantReport:
    """One mutant and what the checks say to it.

    `owner` is the thread or function, with its module if that is not the spec. `also` are places of mutants that
    mean the same.
    """

    name: MutantName
    path: str
    line: int
    column: int
    kind: str
    outcomes: tuple[Outcome, ...]
    also: tuple[str, ...] = ()

    @property
    def survives(self) -> bool:
        """Whether some check sees a difference, and none that does minds."""
        return bool(self.by("survives")) and not self.by("killed", "empty", "inconclusive")

    @property
    def is_open(self) -> bool:
        """Whether nobody can say: a limit was reached, and no check minds."""
        return bool(self.by("inconclusive")) and not self.by("killed", "empty")

    def by(self, *results: Result) -> list[Outcome]:
        """The outcomes of these sorts."""
        return [outcome for outcome in self.outcomes if outcome.result in results]


@dataclass(frozen=True, slots=True)
class Baseline:
    """A check without any mistake. `states` is how many it has; `trouble` why no mutant was tried."""

    check: str
    states: int
    trouble: str | None = None
    code: ExitCode = ExitCode.OK


@dataclass(frozen=True, slots=True)
class MutationReport:
    """One spec. `mutants` are those that change some check; the four numbers count all others.

    `ill_formed` are no correct spec, `unchanged` change no check, `same` mean the same as one that is
    listed, `untried` were left by an interrupt. `explained` says of survivors why they do, `outdated` are
    explanations of what is no survivor.
    """

    spec: str
    baselines: tuple[Baseline, ...]
    mutants: tuple[MutantReport, ...]
    ill_formed: int = 0
    unchanged: int = 0
    same: int = 0
    untried: int = 0
    explained: Mapping[MutantName, str] = field(default_factory=dict)
    outdated: tuple[MutantName, ...] = ()


def with_explanations(
    report: MutationReport, table: Mapping[MutantName, str], *, is_whole: bool, library: bool
) -> MutationReport:
    """The report with a table of explanations, which may be about other specs as well.

    What is explained and does not survive is outdated if the report `is_whole`: every mutant was tried on
    every check. Without `library` nothing is known of mutants of modules.
    """
    spec = report.spec.rsplit("/", 1)[-1]
    own = {name: why for name, why in table.items() if name.spec == spec}
    survivors = {mutant.name for mutant in report.mutants if mutant.survives}
    unknown = {mutant.name for mutant in report.mutants if mutant.is_open}
    outdated = tuple(
        name
        for name in own
        if is_whole and name not in survivors | unknown and (library or "." not in name.owner)
    )
    explained = {name: why for name, why in own.items() if name in survivors}
    return replace(report, explained=explained, outdated=outdated)


def reasons(report: MutationReport) -> Iterator[Reason]:
    """Everything that makes the exit status other than 0."""
    for baseline in report.baselines:
        if baseline.trouble is not None:
            yield Reason(baseline.code, f"{report.spec}: {baseline.check}: {baseline.trouble}")
    for mutant in report.mutants:
        where = f"{mutant.path}:{mutant.line}: {mutant.name.owner}: {mutant.name.change}"
        if mutant.survives and mutant.name not in report.explained:
            yield Reason(ExitCode.UNEXPECTED, f"{where}: survives")
        if mutant.is_open:
            yield Reason(ExitCode.INCONCLUSIVE, f"{where}: inconclusive")
    for name in report.outdated:
        yield Reason(ExitCode.UNEXPECTED, f"explained, but no survivor: {name}")
    if report.untried:
        yield Reason(ExitCode.INTERRUPTED, f"{report.spec}: {report.untried} mutants not tried")
