"""`zdcheck check --engine bmc`: it finds violations and never says that there are none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Zdcheck


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["specs/unplug.zd", "--check", "no reference"], 0),
        (["specs/unplug.zd"], 3),
        (["specs/unplug.zd", "--check", "no reference", "--depth", "0"], 3),
        (["specs/unplug.zd", "--depth", "0"], 3),
        (["specs/unplug.zd", "--timeout", "0.000001"], 3),
        (["specs/surprise.zd"], 1),
        (["specs/unplug.zd", "--depth", "-1"], 2),
    ],
)
def test_the_exit_status(zdcheck: Zdcheck, arguments: list[str], code: int) -> None:
    result = zdcheck("check", *arguments, "--engine", "bmc")
    assert result.code == code, result.out + result.err
    assert "Traceback" not in result.err


def test_a_depth_is_in_layers_and_says_so(zdcheck: Zdcheck) -> None:
    result = zdcheck("check", "specs/unplug.zd", "--engine", "bmc", "--depth", "3")
    assert "inconclusive: depth limit reached, nothing wrong within 3 layers" in result.out


def test_a_depth_needs_the_engine(zdcheck: Zdcheck) -> None:
    result = zdcheck("check", "specs/unplug.zd", "--depth", "3")
    assert result.code == 2
    assert "--engine bmc" in result.err


def test_the_counterexample_is_the_interpreters(zdcheck: Zdcheck, folder: Path) -> None:
    """Of the same length, and drawn and written like any other."""
    lengths = []
    for engine in ("interpreter", "bmc"):
        arguments = ["--check", "no reference", "--engine", engine, "--json", f"{engine}.json"]
        assert zdcheck("check", "specs/unplug.zd", *arguments).code == 0
        report = json.loads((folder / f"{engine}.json").read_text())
        (check,) = report["specs"][0]["checks"]
        lengths.append((check["violation"], check["culprit"], len(check["trace"]["steps"])))
    assert lengths[0] == lengths[1]


def test_only_bmc_imports_z3() -> None:
    program = (
        "import sys; import zdcheck.cli.check, zdcheck.engines.explicit.engine;"
        "sys.exit('z3' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
