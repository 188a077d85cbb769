"""A repository of specs with settings, and commands run in it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Result, Zdcheck
from tests.cli.gate.support import Gate, environment


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the explorer's own code for states of one word, which takes seconds to compile."""
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "small.zd").write_text(
        'var n : 0..1;\nthread t { n = 1; }\ncheck "c" { expect holds; }\n'
    )
    command = [sys.executable, "-m", "zdcheck", "check", "small.zd"]
    subprocess.run(command, cwd=folder, env=environment(folder), check=True, capture_output=True)
    return folder / "cache"


@pytest.fixture
def repo(tmp_path: Path, compiled: Path) -> Path:
    """An empty folder with settings, and the cache of nobody else."""
    (tmp_path / "cache").mkdir()
    for path in [*compiled.glob("*.runtime"), *compiled.glob("*.probe")]:
        shutil.copy2(path, tmp_path / "cache")
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
