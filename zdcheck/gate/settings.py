"""What a gate runs, from `zdcheck.toml` or `[tool.zdcheck]` in `pyproject.toml`.

    paths = ["specs"]
    baseline = "zdcheck-baseline.jsonl"
    fail-on = ["gone", "weaker"]

    [tiers.smoke]
    timeout = "20s"
    max-memory = "2G"
    skip = ["specs/large/*", "specs/unplug/pins.zd::U10*"]

    [tiers.full]
    engine = "auto"
    prove = ["specs/gup/*"]

    [anchors]
    kernel = "../linux"

All of it is optional. Paths are relative to the file.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast, get_args

from zdcheck.base.diagnostics import UsageError
from zdcheck.base.quantities import bytes_in, seconds_in
from zdcheck.base.suggest import closest
from zdcheck.engines.choose import EngineName
from zdcheck.gate.outcome import ChangeWord

ENGINES: tuple[str, ...] = get_args(EngineName)


@dataclass(frozen=True, slots=True)
class Tier:
    """Budgets for each check, what answers it, and what is left out.

    `prove` and `skip` name checks: `path` or `path::check` with `*` and `?`.
    """

    timeout_s: float | None = None
    max_memory: int | None = None
    max_states: int | None = None
    skip: tuple[str, ...] = ()
    engine: EngineName = "auto"
    prove: tuple[str, ...] = ()

    def runs(self, path: str, check: str) -> bool:
        """Whether a check of the spec at `path` (relative to the settings) is run."""
        return not _names(self.skip, path, check)

    def engine_of(self, path: str, check: str) -> EngineName:
        """What answers a check of the spec at `path`."""
        return "proof" if _names(self.prove, path, check) else self.engine


def _names(patterns: tuple[str, ...], path: str, check: str) -> bool:
    return any(
        fnmatchcase(path, pattern) or fnmatchcase(f"{path}::{check}", pattern)
        for pattern in patterns
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """`root` is the folder that paths are relative to. `source` is the file read, if any."""

    root: Path
    source: Path | None = None
    paths: tuple[str, ...] = ()
    baseline: str = "zdcheck-baseline.jsonl"
    fail_on: frozenset[str] = frozenset({"gone", "weaker"})
    tiers: dict[str, Tier] = field(default_factory=dict)
    kernel: str | None = None

    def tier(self, name: str | None) -> Tier:
        """The tier of that name; without a name the one called `full`, or no limits at all."""
        if name is None:
            return self.tiers.get("full", Tier())
        if name not in self.tiers:
            there = ", ".join(self.tiers) or "none"
            raise UsageError(f"--tier {name}: there is no such tier in {self._where} ({there})")
        return self.tiers[name]

    @property
    def _where(self) -> str:
        return str(self.source) if self.source else "zdcheck.toml, which does not exist"


def find_settings(folder: Path) -> Settings:
    """The settings of `folder` or of the nearest folder above it that has some.

    Raises UsageError if the file is wrong.
    """
    folder = folder.resolve()
    for place in (folder, *folder.parents):
        own, project = place / "zdcheck.toml", place / "pyproject.toml"
        if own.is_file():
            return _settings(own, _toml(own))
        if project.is_file():
            table = _toml(project).get("tool", {}).get("zdcheck")
            if table is not None:
                return _settings(project, table)
        if (place / ".git").exists():
            break
    return Settings(folder)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def _settings(path: Path, table: dict[str, Any]) -> Settings:
    reader = _Reader(path, table, "")
    tiers = {
        name: _tier(_Reader(path, _table(path, f"tiers.{name}", tier), f"tiers.{name}."))
        for name, tier in reader.table("tiers").items()
    }
    anchors = _Reader(path, reader.table("anchors"), "anchors.")
    fail_on = reader.strings("fail-on", ("gone", "weaker"))
    for word in fail_on:
        if word not in get_args(ChangeWord):
            raise UsageError(
                f"{path}: fail-on: {word!r} is none of {', '.join(get_args(ChangeWord))}"
            )
    settings = Settings(
        path.parent,
        path,
        reader.strings("paths", ()),
        reader.string("baseline", "zdcheck-baseline.jsonl"),
        frozenset(fail_on),
        tiers,
        anchors.string("kernel", "") or None,
    )
    anchors.nothing_else()
    reader.nothing_else()
    return settings


def _tier(reader: _Reader) -> Tier:
    tier = Tier(
        reader.seconds("timeout"),
        reader.bytes("max-memory"),
        reader.count("max-states"),
        reader.strings("skip", ()),
        cast(EngineName, reader.one_of("engine", ENGINES)),
        reader.strings("prove", ()),
    )
    reader.nothing_else()
    return tier


def _table(path: Path, name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{path}: {name} is not a table")
    return value


class _Reader:
    """The values of one table; whatever is not asked for is a mistake."""

    def __init__(self, path: Path, values: dict[str, Any], prefix: str) -> None:
        self.path = path
        self.values = values
        self.prefix = prefix
        self.asked: set[str] = set()

    def _get(self, name: str, default: object) -> Any:
        self.asked.add(name)
        return self.values.get(name, default)

    def table(self, name: str) -> dict[str, Any]:
        return _table(self.path, self.prefix + name, self._get(name, {}))

    def string(self, name: str, default: str) -> str:
        value = self._get(name, default)
        if not isinstance(value, str):
            raise self._wrong(name, "a string")
        return value

    def one_of(self, name: str, words: tuple[str, ...]) -> str:
        """One of the words, the first by default."""
        value = self.string(name, words[0])
        if value not in words:
            raise self._wrong(name, f"one of {', '.join(words)}")
        return value

    def strings(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self._get(name, list(default))
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(name, "a list of strings")
        return tuple(value)

    def seconds(self, name: str) -> float | None:
        value = self._get(name, None)
        found = None if value is None else seconds_in(str(value))
        if value is not None and found is None:
            raise self._wrong(name, "a time such as 30s or 10m")
        return found

    def bytes(self, name: str) -> int | None:
        value = self._get(name, None)
        found = None if value is None else bytes_in(str(value))
        if value is not None and found is None:
            raise self._wrong(name, "a size such as 512M or 4G")
        return found

    def count(self, name: str) -> int | None:
        value = self._get(name, None)
        if value is not None and (type(value) is not int or value < 1):
            raise self._wrong(name, "a number from 1 on")
        return value

    def nothing_else(self) -> None:
        for name in self.values.keys() - self.asked:
            near = closest(name, sorted(self.asked))
            hint = (
                f"; did you mean `{near}`?"
                if near
                else f" (there is: {', '.join(sorted(self.asked))})"
            )
            raise UsageError(f"{self.path}: {self.prefix}{name} means nothing here{hint}")

    def _wrong(self, name: str, wanted: str) -> UsageError:
        return UsageError(f"{self.path}: {self.prefix}{name} is not {wanted}")
