"""The command as a whole: start-up, help, other commands, what goes wrong inside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Zdcheck
from tests.conftest import Golden
from zdcheck.cli import app, failures


def test_version_and_help_import_nothing_heavy(zdcheck: Zdcheck) -> None:
    assert zdcheck("--version").out.startswith("zdcheck ")
    assert zdcheck("--help").code == 0
    code = (
        "import sys; from zdcheck.cli.app import run; run(['--version']);"
        "heavy = {'lark', 'rich', 'networkx', 'z3', 'zdcheck.pipeline'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("name", app.COMMANDS)
def test_every_command_has_help(zdcheck: Zdcheck, name: str) -> None:
    result = zdcheck(name, "--help")
    assert result.code == 0
    assert "Usage" in result.out


def test_an_unknown_command(zdcheck: Zdcheck) -> None:
    result = zdcheck("chekc")
    assert result.code == 2
    assert "No such command" in result.err


def test_a_bug_of_ours_is_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(error: Exception) -> str:
        return "x"

    monkeypatch.setattr(app, "version", lambda: 1 // 0)
    assert app.run(["--version"]) == 70
    err = capsys.readouterr().err
    assert "internal error: ZeroDivisionError" in err
    assert "please report" in err
    assert "Traceback" not in err
    monkeypatch.setenv("ZDCHECK_DEBUG", "1")
    assert app.run(["--version"]) == 70
    assert "Traceback" in capsys.readouterr().err
    assert failures.failure_of(RecursionError("deep")).exit_code == 70


def test_simulate_is_the_same_for_the_same_seed(zdcheck: Zdcheck) -> None:
    first = zdcheck("simulate", "specs/unplug.zd", "--seed", "7")
    assert first == zdcheck("simulate", "specs/unplug.zd", "--seed", "7")
    assert first.code == 0
    outs = {zdcheck("simulate", "specs/unplug.zd", "--seed", str(n)).out for n in range(4)}
    assert len(outs) > 1


def test_simulate_stops_at_a_violation(zdcheck: Zdcheck) -> None:
    result = zdcheck("simulate", "specs/surprise.zd", "--set", "forgets=true")
    assert result.code == 1
    assert "*** reference_leak" in result.out


@pytest.mark.parametrize("what", ["ir", "ast"])
def test_show(zdcheck: Zdcheck, golden: Golden, what: str) -> None:
    golden(f"show_{what}.txt", zdcheck("show", "specs/surprise.zd", f"--{what}").out)


def test_show_writes_a_file(zdcheck: Zdcheck, folder: Path) -> None:
    assert zdcheck("show", "specs/unplug.zd", "-o", "ir.txt").code == 0
    assert (folder / "ir.txt").read_text() == zdcheck("show", "specs/unplug.zd").out
    assert zdcheck("show", "specs/unplug.zd", "-o", "no/such/x").code == 2


def test_explain(zdcheck: Zdcheck) -> None:
    assert "reference_leak" in zdcheck("explain", "reference_leak").out
    assert "reference_leak" in zdcheck("explain").out
    result = zdcheck("explain", "deadlok")
    assert result.code == 2
    assert "did you mean `deadlock`" in result.err
