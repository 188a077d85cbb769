"""A wheel brings the kernel library and the reference pages along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = """\
use mm.page;
thread t {
    get_page(page[0]);
}
check "a get on zero" { expect violation get_on_zero; }
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_wheel_in_an_empty_environment_checks_a_spec_that_uses_the_library(
    tmp_path: Path,
) -> None:
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("zdcheck-*.whl")
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv/bin/python"
    run(python, "-m", "pip", "install", "--quiet", wheel, cwd=tmp_path)
    (tmp_path / "mine.zd").write_text(SPEC, "utf-8")
    zdcheck = tmp_path / "venv/bin/zdcheck"
    assert "1 as expected" in run(zdcheck, "check", "--engine", "explicit", "mine.zd", cwd=tmp_path)
    assert "```zd wrong" in run(zdcheck, "explain", "unknown_field", cwd=tmp_path)
