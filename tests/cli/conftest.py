"""Commands as a user types them: a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

SPECS = Path(__file__).parent / "specs"


@dataclass(frozen=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def scrubbed(self) -> str:
        """stdout without what differs from run to run."""
        return re.sub(r"\d+\.\d s\)", "T s)", self.out)


Zdcheck = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the test specs."""
    shutil.copytree(SPECS, tmp_path / "specs")
    (tmp_path / "specs" / "dir").mkdir()
    return tmp_path


def runner(folder: Path) -> Zdcheck:
    """`zdcheck("check", "specs/a.zd")`, run in `folder`; the interpreter unless said otherwise."""

    def run(*arguments: str, env: dict[str, str] | None = None, timeout: int = 60) -> Result:
        if arguments and arguments[0] == "check" and "--engine" not in arguments:
            arguments = (*arguments, "--engine", "interpreter")
        command = [sys.executable, "-m", "zdcheck", *arguments]
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "COLUMNS": "100", **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def zdcheck(folder: Path) -> Zdcheck:
    """A `runner` in a folder with the test specs."""
    return runner(folder)
