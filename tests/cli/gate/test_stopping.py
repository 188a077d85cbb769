"""A gate that is interrupted or killed."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.gate.support import (
    LARGE,
    Gate,
    good,
    start,
    write,
)
from zdcheck.gate import baseline


def test_ctrl_c_reports_what_there_is(repo: Path, tmp_path: Path) -> None:
    good(repo, "a.zd")
    write(repo, "b.zd", LARGE.replace("3000", "60000"))
    process = start(repo, tmp_path, "--jobs", "1")
    assert process.stdout is not None
    assert "a.zd" in process.stdout.readline()
    time.sleep(1.5)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "Traceback" not in err
    assert "as expected" in out


def changed(repo: Path, number: int) -> None:
    """Other specs than before, in text and in meaning."""
    for path in (repo / "specs").iterdir():
        good(repo, path.name)
        path.write_text(f"var round : 0..99 = {number};\n{path.read_text()}")


def is_whole(repo: Path, tmp_path: Path) -> None:
    """The baseline is one that was accepted, and every entry of the cache is what was put there."""
    entries = baseline.load(repo / "zdcheck-baseline.jsonl")
    assert entries is not None
    assert len(entries) == 6
    assert len({entry.meaning for entry in entries.values() if entry.check == "two"}) == 1
    for path in (tmp_path / "cache" / "gate").glob("*.json"):
        digest, _, body = path.read_text().partition("\n")
        assert digest == hashlib.sha256(body.encode()).hexdigest(), path


@pytest.mark.parametrize("times", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_killed_at_any_moment_everything_stays_whole(
    gate: Gate, repo: Path, tmp_path: Path, times: int
) -> None:
    for number in range(3):
        good(repo, f"good{number}.zd")
    assert gate("--update-baseline").code == 0
    chance = random.Random(times)
    changed(repo, times)
    before = time.monotonic()
    assert gate("--update-baseline", timeout=500).code == 0
    whole_run = time.monotonic() - before
    for number in range(times):
        changed(repo, number)
        process = start(repo, tmp_path, "--update-baseline")
        time.sleep(chance.uniform(0.0, 1.1 * whole_run))
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=500)
        is_whole(repo, tmp_path)
    assert "damaged" not in gate("--update-baseline").out
    result = gate()
    assert result.code == 0, result.out
    assert "6 from the cache" in result.out


@pytest.mark.parametrize("times", [1, pytest.param(8, marks=pytest.mark.slow)])
def test_one_of_two_gates_on_one_cache_is_killed(repo: Path, tmp_path: Path, times: int) -> None:
    for number in range(3):
        good(repo, f"good{number}.zd")
    chance = random.Random(times)
    for number in range(times):
        changed(repo, number)
        one, two = (start(repo, tmp_path, "--update-baseline") for _ in range(2))
        time.sleep(chance.uniform(0.2, 2.0))
        with suppress(ProcessLookupError):
            os.killpg(one.pid, signal.SIGKILL)
        one.communicate(timeout=60)
        out, err = two.communicate(timeout=500)
        assert two.returncode == 0, out + err
        assert "damaged" not in out
        is_whole(repo, tmp_path)


def damages() -> dict[str, Callable[[Path], object]]:
    """What may become of a file."""

    def replaced(by: Callable[[Path], object]) -> Callable[[Path], object]:
        return lambda path: (path.unlink(), by(path))

    return {
        "empty": lambda path: path.write_bytes(b""),
        "truncated": lambda path: path.write_bytes(path.read_bytes()[:-20]),
        "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        "garbage": lambda path: path.write_text("garbage\n{}\n"),
        "binary": lambda path: path.write_bytes(bytes(range(256)) * 9),
        "a version to come": lambda path: path.write_bytes(
            path.read_bytes()
            .replace(b"-baseline/1", b"-baseline/2")
            .replace(b"-cache/1", b"-cache/9")
        ),
        "deep": lambda path: path.write_text("x\n" + "[" * 100_000),
        "a link to itself": replaced(lambda path: path.symlink_to(path)),
        "a folder": replaced(lambda path: path.mkdir()),
        "a link to nothing": replaced(lambda path: path.symlink_to(path.parent / "nothing")),
        "unreadable": lambda path: path.chmod(0),
    }


DAMAGES = damages()
EVERYDAY = ("truncated", "a link to itself", "a folder")


def some_slow(names: Iterable[str]) -> list[object]:
    return [
        pytest.param(name, marks=() if name in EVERYDAY else pytest.mark.slow) for name in names
    ]


@pytest.mark.parametrize("damage", some_slow(DAMAGES))
def test_a_damaged_cache_is_made_anew(gate: Gate, repo: Path, tmp_path: Path, damage: str) -> None:
    good(repo)
    assert gate().code == 0
    for path in [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]:
        DAMAGES[damage](path)
    result = gate()
    assert result.code == 0, result.out + result.err
    if damage not in ("a link to nothing", "unreadable"):
        assert "from the cache" not in result.out
        assert "damaged cache entries" in result.out
    result = gate()
    assert result.code == 0
    assert "damaged" not in result.out
    assert "2 from the cache" in result.out


@pytest.mark.parametrize("damage", some_slow(list(DAMAGES)[:-2]))
def test_a_damaged_baseline_is_not_trusted(gate: Gate, repo: Path, damage: str) -> None:
    good(repo)
    assert gate("--update-baseline").code == 0
    path = repo / "zdcheck-baseline.jsonl"
    whole = path.read_text()
    DAMAGES[damage](path)
    result = gate()
    assert result.code == 2
    assert "the baseline" in result.err
    assert "zdcheck-baseline.jsonl" in result.err
    result = gate("--update-baseline")
    if damage == "a folder":
        assert result.code == 2
        assert "cannot be written" in result.err
    else:
        assert result.code == 0
        assert path.read_text() == whole
