"""`pytest specs/`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.gate.support import (
    LARGE,
    bad,
    environment,
    good,
    write,
)

GO_ON = "--continue-on-collection-errors"


def test_the_pytest_plugin(repo: Path, tmp_path: Path) -> None:
    good(repo)
    bad(repo)
    write(repo, "module.zd", "object page { refcount : 0..3 = 0; }\n")
    write(repo, "broken.zd", "thraed a { }\n")
    (repo / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", GO_ON, "specs"],
        cwd=repo,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "specs/good.zd::two PASSED" in done.stdout, done.stdout + done.stderr
    assert "specs/good.zd::every statement runs PASSED" in done.stdout
    assert "specs/bad.zd::three FAILED" in done.stdout
    assert "CPU0 (up[0])" in done.stdout
    assert "specs/broken.zd:1:1" in done.stdout
    assert "runtest" not in done.stdout
    assert done.returncode != 0


def test_what_the_tier_proves_is_proved(repo: Path, tmp_path: Path) -> None:
    """Too many states for the tier's search, but the bounds are an inductive invariant."""
    write(repo, "large.zd", LARGE.replace("3000", "60"))
    (repo / "pytest.ini").write_text("[pytest]\n")
    settings = 'paths = ["specs"]\n[tiers.full]\nmax-states = 100\n'
    (repo / "zdcheck.toml").write_text(settings)
    words = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "specs"]
    env = environment(tmp_path)
    done = subprocess.run(words, cwd=repo, env=env, capture_output=True, text=True, check=False)
    assert "inconclusive: states limit reached" in done.stdout, done.stdout + done.stderr
    (repo / "zdcheck.toml").write_text(settings + 'prove = ["specs/large.zd"]\n')
    done = subprocess.run(words, cwd=repo, env=env, capture_output=True, text=True, check=False)
    assert "specs/large.zd::nine million states PASSED" in done.stdout, done.stdout + done.stderr
