"""Tables of runs: a row for each check that is made `for` the values of a config, a column for each value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from zdcheck.trace.verdict import CheckReport, SpecReport


@dataclass(frozen=True, slots=True)
class Row:
    """The runs of one check, by the value that each is for."""

    spec: str
    name: str
    cells: Mapping[str, CheckReport]


@dataclass(frozen=True, slots=True)
class Matrix:
    """All rows over one config; `columns` are its values, in the order in which the rows have them."""

    config: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def matrices(reports: Iterable[SpecReport]) -> tuple[Matrix, ...]:
    """The tables of a run, in the order of their first rows.

    Rows of several specs are in one table if they are over a config of the same name and have a
    value in common.
    """
    tables: list[_Table] = []
    for report in reports:
        rows: dict[tuple[str, str], dict[str, CheckReport]] = {}
        for check in report.checks:
            if check.cell is not None:
                cells = rows.setdefault((check.cell.config, check.cell.row), {})
                cells[check.cell.value] = check
        for (config, name), cells in rows.items():
            table = next((t for t in tables if t.takes(config, cells)), None)
            if table is None:
                tables.append(table := _Table(config))
            table.add(Row(report.spec, name, cells))
    return tuple(Matrix(t.config, tuple(t.columns), tuple(t.rows)) for t in tables)


@dataclass
class _Table:
    """A table under way."""

    config: str
    columns: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def takes(self, config: str, values: Iterable[str]) -> bool:
        """Whether a row over these values belongs here."""
        return config == self.config and any(value in self.columns for value in values)

    def add(self, row: Row) -> None:
        """Take in a row; a value that is new stands before the next one of the row that is not."""
        self.rows.append(row)
        at = len(self.columns)
        for value in reversed(list(row.cells)):
            if value in self.columns:
                at = self.columns.index(value)
            else:
                self.columns.insert(at, value)
