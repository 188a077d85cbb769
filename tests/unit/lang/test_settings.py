"""What the configs of a run are: defaults, the settings of modules, file, check and command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from zdcheck.base.diagnostics import SpecError
from zdcheck.base.source import SourceFile
from zdcheck.lang import model as m
from zdcheck.lang.check import check
from zdcheck.lang.modules import load, load_text
from zdcheck.lower.instance import Instance

ERAS = """
enum release { v1, v2, v3 }
config era : release = v3;
config holds_ : bool = era == v3;
config base : bool = !holds_;
"""


def checked(text: str) -> m.Model:
    return check(load_text(SourceFile("test.zd", text)))


def values(model: m.Model, run: m.Check, **given: str) -> dict[str, int]:
    """The numbers of a run's configs."""
    return {c.name: n for c, n in Instance.of(model, run, given).configs.items()}


def test_a_file_sets_for_all_its_checks_and_a_check_may_set_otherwise() -> None:
    model = checked(ERAS + 'with era = v2; check "a" {} check "b" with era = v1, base = false {}')
    first, second = (values(model, run) for run in model.checks)
    assert first == {"era": 1, "holds_": 0, "base": 1}
    assert second == {"era": 0, "holds_": 0, "base": 0}


def test_a_spec_without_checks_has_the_files_settings() -> None:
    model = checked(ERAS + "with era = v1;")
    assert values(model, model.checks[0])["era"] == 0


def test_who_uses_a_module_wins_over_it(tmp_path: Path) -> None:
    (tmp_path / "low.zd").write_text(ERAS)
    (tmp_path / "mid.zd").write_text("use low; with era = v1, base = false;")
    (tmp_path / "top.zd").write_text("use mid; with era = v2;")
    model = check(load(tmp_path / "top.zd"))
    assert values(model, model.checks[0]) == {"era": 1, "holds_": 0, "base": 0}


def test_what_depends_on_a_config_follows_it_in_any_order() -> None:
    model = checked('config a : bool = b; config b : bool = true; check "x" with a = !b {}')
    (run,) = model.checks
    assert values(model, run) == {"b": 1, "a": 0}
    assert values(model, run, b="false") == {"b": 0, "a": 1}


def test_what_the_user_sets_reaches_the_defaults_that_depend_on_it() -> None:
    model = checked(ERAS)
    assert values(model, model.checks[0], era="v1")["base"] == 1


def test_settings_that_depend_on_each_other_are_an_error_where_they_stand() -> None:
    model = checked('config a : bool = b; config b : bool = true; check "x" with b = a {}')
    with pytest.raises(SpecError) as caught:
        values(model, model.checks[0])
    (found,) = caught.value.diagnostics
    assert (found.id, found.at.span.text) == ("constant_cycle", "a")


def test_a_check_for_a_config_is_a_run_for_each_value() -> None:
    model = checked(
        ERAS
        + """
        thread t { cover here; }
        check "all" for era {
            expect violation deadlock;
            expect holds for v2;
            allow uncovered here for v1;
        }
        check "some" for base in {true} {}
        """
    )
    assert [run.name for run in model.checks] == [
        "all, era = v1",
        "all, era = v2",
        "all, era = v3",
        "some, base = true",
    ]
    assert [run.expect.violation for run in model.checks] == ["deadlock", None, "deadlock", None]
    assert [sorted(run.allow_uncovered) for run in model.checks] == [["here"], [], [], []]
    assert [values(model, run)["era"] for run in model.checks] == [0, 1, 2, 2]
    assert model.checks[0].cell == m.Cell("all", "era", "v1")
    assert model.checks[0].answers_to("all") and not model.checks[3].answers_to("all")
