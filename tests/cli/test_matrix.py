"""`check --matrix`: the runs of checks `for` the values of a config, as tables."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Zdcheck
from tests.conftest import Golden

ERAS = "specs/eras.zd"


def test_golden(zdcheck: Zdcheck, golden: Golden) -> None:
    golden("matrix.txt", zdcheck("check", ERAS, "--matrix", env={"COLUMNS": "100"}).scrubbed)


def test_a_narrow_table_is_as_wide_as_it_may_be(zdcheck: Zdcheck) -> None:
    out = zdcheck("check", ERAS, "--matrix", env={"COLUMNS": "45"}).out
    table = out[out.index("version") : out.index("\n\n", out.index("version"))]
    assert max(map(len, table.split("\n"))) <= 45
    assert "use_" in table and "use_after_free" not in table


def test_what_nobody_expected_is_drawn_and_marked(zdcheck: Zdcheck, folder: Path) -> None:
    spec = folder / ERAS
    spec.write_text(spec.read_text("utf-8").replace("for v1;", "for v1, v2;"), "utf-8")
    result = zdcheck("check", ERAS, "--matrix")
    assert result.code == 1
    assert "FAIL  unplug, version = v2" in result.out and "CPU0 (" in result.out
    assert "FAIL use_after_free" in result.out
    assert "ok    unplug, version = v1" not in result.out


def test_a_limit_is_no_verdict(zdcheck: Zdcheck) -> None:
    result = zdcheck("check", ERAS, "--matrix", "--max-states", "1")
    assert result.code == 3
    assert "????" in result.out[result.out.rindex("version") :]


def test_the_json_report_has_the_tables_anyway(zdcheck: Zdcheck) -> None:
    result = zdcheck("check", ERAS, "--json", "-")
    document = json.loads(result.out)
    (table,) = document["matrices"]
    assert (table["config"], table["columns"]) == ("version", ["v1", "v2", "v3"])
    unplug, alone = table["rows"]
    assert {v: c["violation"] for v, c in unplug["cells"].items()} == {
        "v1": None,
        "v2": "use_after_free",
        "v3": "use_after_free",
    }
    assert list(alone["cells"]) == ["v2", "v3"]
    cells = [check["cell"] for check in document["specs"][0]["checks"]]
    assert cells[0] == {"row": "unplug", "config": "version", "value": "v1"}
    assert cells[-1] is None


def test_a_row_is_run_by_its_name_and_a_column_by_its_value(zdcheck: Zdcheck) -> None:
    row = zdcheck("check", ERAS, "--check", "alone")
    assert row.code == 0 and "2 checks in 1 spec: 2 as expected" in row.out
    column = zdcheck("check", ERAS, "--set", "version=v1", "--check", "unplug")
    assert column.code == 0 and "1 check in 1 spec: 1 as expected" in column.out
    assert zdcheck("check", ERAS, "--set", "version=v1", "--check", "alone").code == 2


def test_the_command_that_shows_a_run_again_names_that_run(zdcheck: Zdcheck) -> None:
    out = zdcheck("check", ERAS, "--traces", "--check", "unplug").out
    assert f"Reproduce: zdcheck check {ERAS} --check 'unplug, version = v2'" in out
    assert zdcheck("check", ERAS, "--check", "unplug, version = v2").code == 0
