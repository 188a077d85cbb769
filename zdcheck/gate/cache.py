"""What was checked before and need not be checked again: two levels, never trusted blindly.

A spec none of whose files changed gives what it gave. A check whose transition system is the same
as one that gave its expected verdict gives it again, whatever happened to the text. Only good
news is kept: whatever is red is found, and drawn, anew each time.

Each entry is a file of its own that ends up at its place in one step, and carries its own digest
and key: a damaged, foreign or half-written one is a miss, and is said.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from zdcheck.base.diagnostics import ToolError
from zdcheck.base.files import write_whole
from zdcheck.base.plain import from_plain, to_plain
from zdcheck.gate.outcome import CheckOutcome, SpecOutcome

SCHEMA = "zdcheck-gate-cache/1"
_KEEP = 4000
"""Entries at most; the ones unused for longest go."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stamp:
    """A file that a verdict came from, or ("" as digest) one that would have if it had been there."""

    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class SpecEntry:
    """A whole spec with the files that it was read from."""

    stamps: tuple[Stamp, ...]
    outcome: SpecOutcome


@dataclass(frozen=True, slots=True)
class CheckEntry:
    """A check with the actions that fired, for coverage. `is_complete`: all states were visited."""

    outcome: CheckOutcome
    fired: tuple[int, ...]
    is_complete: bool


@dataclass
class Cache:
    """The entries in a folder; None keeps nothing. `damaged` are the files that were not trusted."""

    folder: Path | None
    damaged: list[str] = field(default_factory=list)

    def get(self, key: str, kind: type[T]) -> T | None:
        """The entry of that key; None if there is none that can be trusted."""
        path = self._path(key, kind)
        if path is None:
            return None
        try:
            text = path.read_text("utf-8")
            path.touch()
            return _entry(text, key, kind)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError, ToolError):
            self.damaged.append(str(path))
            _remove(path)
            return None

    def put(self, key: str, entry: object) -> None:
        """Keep an entry. A cache that cannot be written is no reason to fail."""
        path = self._path(key, type(entry))
        if path is None:
            return
        body = json.dumps({"schema": SCHEMA, "key": key, "entry": to_plain(entry)})
        with suppress(OSError):
            write_whole(path, f"{_digest(body)}\n{body}")

    def prune(self) -> None:
        """Drop what was unused for longest, and what a killed process left half-written."""
        if self.folder is None or not self.folder.is_dir():
            return
        with suppress(OSError):
            ages = [(path.stat().st_mtime, path) for path in self.folder.iterdir()]
            entries = sorted(pair for pair in ages if not pair[1].name.startswith("."))
            old = [path for _, path in entries[: max(0, len(entries) - _KEEP)]]
            old += [p for age, p in ages if p.name.startswith(".") and age < time.time() - 3600]
            for path in old:
                path.unlink(missing_ok=True)

    def _path(self, key: str, kind: type) -> Path | None:
        if self.folder is None:
            return None
        return self.folder / f"{kind.__name__.lower()}-{_digest(key)[:40]}.json"


def _remove(path: Path) -> None:
    """Make room for an entry, whatever is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _entry(text: str, key: str, kind: type[T]) -> T:
    """The entry in a file's text. Raises one of many errors if it is not exactly what was put there."""
    digest, _, body = text.partition("\n")
    document = json.loads(body)
    if digest != _digest(body) or document["schema"] != SCHEMA or document["key"] != key:
        raise ValueError("not what was put there")
    return from_plain(kind, document["entry"], "entry")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@cache
def tool_identity() -> str:
    """What tells this zdcheck from any other: a digest of its own files."""
    digest = hashlib.sha256()
    _feed(digest, files("zdcheck"))
    return digest.hexdigest()


def _feed(digest: Any, folder: Any) -> None:
    for entry in sorted(folder.iterdir(), key=lambda e: str(e.name)):
        if entry.is_dir():
            if entry.name != "__pycache__":
                _feed(digest, entry)
        elif not entry.name.endswith((".pyc", ".md", ".zd")):
            content = entry.read_bytes()
            digest.update(f"{entry.name} {len(content)}\n".encode())
            digest.update(content)


@dataclass
class Stamps:
    """Digests of files, each read once."""

    known: dict[str, str] = field(default_factory=dict)

    def of(self, path: Path) -> Stamp:
        """The stamp of a file as it is now."""
        name = str(path)
        if name not in self.known:
            try:
                self.known[name] = hashlib.sha256(path.read_bytes()).hexdigest()
            except OSError:
                self.known[name] = ""
        return Stamp(name, self.known[name])

    def are(self, stamps: tuple[Stamp, ...]) -> bool:
        """Whether all these files are as they were."""
        return all(self.of(Path(stamp.path)) == stamp for stamp in stamps)
