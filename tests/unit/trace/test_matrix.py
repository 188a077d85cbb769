"""Which runs are in which table, and in which order its columns stand."""

from __future__ import annotations

from tests.unit.trace.test_verdict import HOLDS, holds
from zdcheck.trace.matrix import matrices
from zdcheck.trace.verdict import Cell, CheckReport, SpecReport


def row(name: str, config: str, *values: str) -> list[CheckReport]:
    cells = (Cell(name, config, value) for value in values)
    return [CheckReport("", name, "e", HOLDS, holds(), None, (), "", cell) for cell in cells]


def spec(path: str, *rows: list[CheckReport]) -> SpecReport:
    return SpecReport(path, (), tuple(check for checks in rows for check in checks), (), ())


def test_rows_over_one_config_are_one_table_across_specs() -> None:
    first = spec("a.zd", row("x", "era", "v1", "v2"), row("y", "n", "0", "1"))
    second = spec("b.zd", row("z", "era", "v2"))
    era, n = matrices([first, second])
    assert [(r.spec, r.name, list(r.cells)) for r in era.rows] == [
        ("a.zd", "x", ["v1", "v2"]),
        ("b.zd", "z", ["v2"]),
    ]
    assert (n.config, n.columns) == ("n", ("0", "1"))


def test_columns_keep_the_order_of_their_rows() -> None:
    rows = [row("x", "era", "v2", "v4"), row("y", "era", "v1", "v2", "v3", "v4", "v5")]
    (table,) = matrices([spec("a.zd", *rows)])
    assert table.columns == ("v1", "v2", "v3", "v4", "v5")


def test_configs_that_have_only_their_name_in_common_are_apart() -> None:
    tables = matrices(
        [spec("a.zd", row("x", "on", "false", "true")), spec("b.zd", row("y", "on", "1"))]
    )
    assert [table.columns for table in tables] == [("false", "true"), ("1",)]


def test_checks_that_stand_alone_are_in_none() -> None:
    alone = CheckReport("", "x", "e", HOLDS, holds(), None, (), "")
    assert matrices([SpecReport("a.zd", (), (alone,), (), ())]) == ()
