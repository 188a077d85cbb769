"""What the tests of the gate share: specs, and how a repository is made and run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Result

GOOD = """\
// A count up to a bound.
config most : 0..3 = 2;

scope { up: 3 }
var n : 0..3 = 0;

thread up[*] {
    atomic {
        if (n < most)
            n += 1;
    }
}

invariant small: n <= 2;

check "two" { expect holds; }
check "three" with most = 3 { expect violation invariant of small; }
"""

BAD = GOOD.replace("expect violation invariant of small", "expect holds")
EMPTY = "var up : bool = false;\nthread a { up = false; }\ninvariant late: up implies up;\n" + (
    'check "nothing happens" { expect holds; }\n'
)
LARGE = """\
var a : 0..3000 = 0;
var b : 0..3000 = 0;
thread x { while (a < 3000) a += 1; }
thread y { while (b < 3000) b += 1; }
check "nine million states" { expect holds; }
"""

Gate = Callable[..., Result]


def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "COLUMNS": "100", "ZDCHECK_CACHE_DIR": str(tmp_path / "cache")}


def write(repo: Path, name: str, text: str) -> Path:
    path = repo / "specs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def good(repo: Path, name: str = "good.zd") -> Path:
    return write(repo, name, GOOD)


def bad(repo: Path, name: str = "bad.zd") -> Path:
    return write(repo, name, BAD)


def git(repo: Path, *words: str) -> None:
    names = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *names, *words], cwd=repo, check=True, capture_output=True)


def start(repo: Path, tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "zdcheck", "gate", *arguments],
        cwd=repo,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
