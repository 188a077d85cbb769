"""A repository of specs with settings, and commands run in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Result, Zdcheck
from tests.cli.gate.support import Gate, environment


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """An empty folder with settings: three threads, and the cache of nobody else."""
    folder = tmp_path / "repo"
    (folder / "specs").mkdir(parents=True)
    (folder / "zdcheck.toml").write_text('paths = ["specs"]\n')
    return folder


@pytest.fixture
def gate(zdcheck: Zdcheck, repo: Path, tmp_path: Path) -> Gate:
    """`gate("--jobs", "1")`, run in the repository."""

    def run(*arguments: str, command: str = "gate", timeout: int = 120) -> Result:
        env = environment(tmp_path)
        done = subprocess.run(
            [sys.executable, "-m", "zdcheck", command, *arguments],
            cwd=repo,
            env=env,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    return run
