"""What git knows: which files changed since a revision, and what a folder was at one."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from zdcheck.base.diagnostics import ToolError, UsageError
from zdcheck.base.files import real

_GIT_S = 60

QUIET = ("-c", "safe.bareRepository=explicit", "-c", "core.fsmonitor=false")
"""Options with which git runs nothing that a folder of somebody else's tells it to."""


def _git(folder: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", *QUIET, "-C", str(folder), *words],
            capture_output=True,
            check=False,
            timeout=_GIT_S,
        )
    except FileNotFoundError:
        raise ToolError("git is not installed") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"git {words[0]}: {error}") from None
    if done.returncode != 0:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["failed"]
        raise UsageError(f"git {words[0]}: {last[0]}")
    return done.stdout


def top(folder: Path) -> Path:
    """The work tree that the folder lies in. Raises UsageError if it lies in none."""
    return Path(_git(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n"))


def commit(folder: Path, revision: str) -> str:
    """The commit that a revision names. Raises UsageError if there is none."""
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    try:
        return _git(folder, *words).decode().strip()
    except UsageError:
        raise UsageError(f"{revision}: there is no such revision in {folder}") from None


def changed_since(folder: Path, revision: str) -> frozenset[Path]:
    """Every file that differs from the revision, in the index, the work tree or unknown to git."""
    base = commit(folder, revision)
    root = top(folder)
    names = _git(root, "diff", "--name-only", "--no-renames", "-z", base, "--")
    names += _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    return frozenset(
        real(root / name) for name in names.decode("utf-8", "replace").split("\0") if name
    )


def folder_at(folder: Path, revision: str, into: Path) -> Path:
    """Write what `folder` was at the revision below `into`; where it is there."""
    root = top(folder)
    inside = real(folder).relative_to(real(root))
    spec = f"{commit(root, revision)}:{'' if inside == Path() else inside}"
    with tarfile.open(fileobj=io.BytesIO(_git(root, "archive", "--format=tar", spec))) as archive:
        archive.extractall(into, filter="data")
    return into
