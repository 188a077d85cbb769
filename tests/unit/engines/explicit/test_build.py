"""Compiling and the cache: whatever state they are in, the answer is right or the message clear."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.systems import unplug
from tests.unit.engines.explicit.counters import counters
from zdcheck.base.diagnostics import ToolError, UsageError
from zdcheck.engines.choose import choose
from zdcheck.engines.explicit import build
from zdcheck.engines.explicit.build import RUNTIME, cache_directory, find_compiler
from zdcheck.engines.explicit.engine import ExplicitEngine, ExplicitOptions
from zdcheck.engines.protocol import Claim, Found, Limits, NoneFound, Progress, Stopped
from zdcheck.ir.system import System


def ignore(progress: Progress) -> None:
    """Watches nothing."""


def solve(system: System, cache: Path) -> Claim:
    return ExplicitEngine(ExplicitOptions(cache=cache)).solve(system, Limits(), ignore)


def is_right(claim: Claim) -> bool:
    return isinstance(claim, NoneFound) and claim.statistics.states == 16


SYSTEM = counters(2, 3)


def compiler_script(path: Path, body: str) -> str:
    """A compiler that is a shell script; `$real` is the real one."""
    real = find_compiler()
    assert real is not None
    path.write_text(f"#!/bin/sh\nreal={real.command[0]}\n{body}\n")
    path.chmod(0o755)
    return str(path)


# --- the cache --------------------------------------------------------------------------


def test_the_second_time_nothing_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert solve(SYSTEM, tmp_path).statistics.extra["compile"] != "from the cache"
    monkeypatch.setattr(build.Workshop, "_start", None)
    claim = solve(SYSTEM, tmp_path)
    assert is_right(claim)
    assert claim.statistics.extra["compile"] == "from the cache"


def test_another_system_shares_the_runtime(tmp_path: Path) -> None:
    solve(SYSTEM, tmp_path)
    solve(counters(2, 5), tmp_path)
    assert len(list(tmp_path.glob("*.runtime"))) == 1
    assert len(list(tmp_path.glob("*.search"))) == 2


# --- with and without optimising --------------------------------------------------------


@pytest.mark.parametrize(
    "system", [counters(2, 30), counters(2, 30, blocked=True)], ids=["holds", "violated"]
)
def test_what_the_trial_does_not_finish_is_searched_again(system: System, tmp_path: Path) -> None:
    def claim(trial: int, max_states: int | None = None) -> tuple[Claim, int]:
        cache = tmp_path / f"{trial} {max_states}"
        engine = ExplicitEngine(ExplicitOptions(cache=cache, trial=trial, symmetry=False))
        claim = engine.solve(system, Limits(max_states), ignore)
        return claim, len(list(cache.glob("*.search")))

    def result(claim: Claim) -> object:
        same = replace(claim.statistics, elapsed_s=0.0, extra={})
        return replace(claim, statistics=same)

    at_once, one = claim(0)
    finished, still_one = claim(1_000)
    again, two = claim(1)
    assert (one, still_one, two) == (1, 1, 2)
    assert result(at_once) == result(finished) == result(again)
    asked, one = claim(1, 2)
    assert isinstance(asked, Stopped), "the user's own limit is none of the trial"
    assert one == 1


def test_what_is_optimised_already_is_not_tried(tmp_path: Path) -> None:
    for trial in (0, 1_000):
        ExplicitEngine(ExplicitOptions(cache=tmp_path, trial=trial)).solve(SYSTEM, Limits(), ignore)
    assert len(list(tmp_path.glob("*.search"))) == 1


@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"x" + data[1:]]
)
def test_a_damaged_file_is_made_again(tmp_path: Path, damage: object) -> None:
    solve(SYSTEM, tmp_path)
    assert callable(damage)
    for path in tmp_path.iterdir():
        path.write_bytes(damage(path.read_bytes()))
    claim = solve(SYSTEM, tmp_path)
    assert is_right(claim)
    assert claim.statistics.extra["compile"] != "from the cache"


def test_a_whole_file_that_is_another_program_is_made_again(tmp_path: Path) -> None:
    solve(SYSTEM, tmp_path)
    (mine,) = tmp_path.glob("*.search")
    solve(counters(2, 5), tmp_path)
    (other,) = set(tmp_path.glob("*.search")) - {mine}
    shutil.copyfile(other, mine)
    assert is_right(solve(SYSTEM, tmp_path))


def test_a_file_that_cannot_be_executed_is_made_again(tmp_path: Path) -> None:
    solve(SYSTEM, tmp_path)
    for path in tmp_path.iterdir():
        path.chmod(0o644)
    assert is_right(solve(SYSTEM, tmp_path))


def test_where_there_can_be_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert is_right(solve(SYSTEM, tmp_path / "file" / "cache"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_cache(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    assert is_right(solve(SYSTEM, tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_cache_on_a_read_only_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above, also for root."""
    make = tempfile.mkdtemp

    def mkdtemp(*args: Any, **options: Any) -> str:
        if options.get("dir") == tmp_path:
            raise OSError(errno.EROFS, "Read-only file system")
        return make(*args, **options)

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)
    assert is_right(solve(SYSTEM, tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_full_disk_under_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = (
        'case "$PWD" in */cache/*) echo "model.s: No space left on device" >&2; exit 1;; esac\n'
        'exec "$real" "$@"'
    )
    monkeypatch.setenv("CC", compiler_script(tmp_path / "cc", full))
    assert is_right(solve(SYSTEM, tmp_path / "cache"))
    assert not list((tmp_path / "cache").iterdir())


def test_a_full_disk_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'echo "model.s: No space left on device" >&2; exit 1'
    monkeypatch.setenv("CC", compiler_script(tmp_path / "cc", script))
    with pytest.raises(ToolError, match="No space left on device"):
        solve(SYSTEM, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_old_files_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_KEEP", 4)
    for number in range(6):
        (tmp_path / f"{number}.search").write_bytes(b"old")
        os.utime(tmp_path / f"{number}.search", (number, number))
    solve(SYSTEM, tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert "0.search" not in left
    assert len(left) <= 5
    assert is_right(solve(SYSTEM, tmp_path))


def test_what_killed_processes_left_goes(tmp_path: Path) -> None:
    left, used = tmp_path / "build-left", tmp_path / "build-used"
    for directory in (left, used):
        directory.mkdir()
        (directory / "x.c").touch()
    os.utime(left, (0, 0))
    solve(SYSTEM, tmp_path)
    assert used.is_dir()
    assert not left.exists()


def test_two_at_once(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.unit.engines.explicit.test_build import *\n"
        "sys.exit(not is_right(solve(SYSTEM, Path(sys.argv[1]))))\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    assert [process.wait() for process in both] == [0, 0, 0]
    names = sorted(path.suffix for path in tmp_path.iterdir())
    assert names == [".runtime", ".search"]


def test_where_the_cache_is() -> None:
    assert cache_directory({"ZDCHECK_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b"}) == Path("/a")
    assert cache_directory({"XDG_CACHE_HOME": "/b"}) == Path("/b/zdcheck")
    assert cache_directory({"HOME": "/c"}) == Path("/c/.cache/zdcheck")


# --- the compiler -----------------------------------------------------------------------


def test_without_a_compiler_the_engine_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    engine = ExplicitEngine()
    refusal = engine.refuses(SYSTEM)
    assert refusal is not None
    assert "no C compiler" in refusal
    with pytest.raises(UsageError, match="no C compiler"):
        engine.solve(SYSTEM, Limits(), ignore)


def test_cc_with_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = find_compiler()
    assert real is not None
    monkeypatch.setenv("CC", f"{real.command[0]} -fno-common")
    found = find_compiler()
    assert found is not None
    assert found.command[1:] == ("-fno-common",)
    assert found.identity != real.identity
    assert is_right(solve(SYSTEM, tmp_path))


def test_a_compiler_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'echo "this compiler is broken" >&2; exit 3'
    monkeypatch.setenv("CC", compiler_script(tmp_path / "cc", script))
    with pytest.raises(ToolError, match=r"failed with status 3\s+this compiler is broken"):
        solve(SYSTEM, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_compiler_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", compiler_script(tmp_path / "cc", "kill -9 $$"))
    with pytest.raises(ToolError, match="killed by signal 9"):
        solve(SYSTEM, tmp_path / "cache")


def test_a_compiler_that_makes_nonsense(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'for last; do case "$prev" in -o) echo "exit 7" > "$last";; esac; prev=$last; done'
    monkeypatch.setenv("CC", compiler_script(tmp_path / "cc", script))
    with pytest.raises(ToolError, match="does not start"):
        solve(SYSTEM, tmp_path / "cache")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ('echo "this compiler is broken" >&2; exit 3', "this compiler is broken"),
        ("kill -9 $$", "killed by signal 9"),
        (
            'for last; do case "$prev" in -o) echo "exit 7" > "$last";; esac; prev=$last; done',
            "does not run here",
        ),
    ],
)
def test_with_a_broken_compiler_the_engine_refuses(
    script: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", compiler_script(tmp_path / "cc", script))
    monkeypatch.setenv("ZDCHECK_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(UsageError, match=f"(?s)--engine explicit cannot answer: .*{reason}"):
        choose("explicit", SYSTEM)
    choice = choose("auto", SYSTEM)
    assert choice.engine.name == "interpreter"
    assert choice.refusal is not None and reason in choice.refusal


def test_a_compiler_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f'echo >> {tmp_path}/calls; exec "$real" "$@"'
    monkeypatch.setenv("CC", compiler_script(tmp_path / "cc", script))
    engine = ExplicitEngine(ExplicitOptions(cache=tmp_path / "cache"))
    assert engine.refuses(SYSTEM) is None
    assert engine.refuses(counters(2, 5)) is None
    assert (tmp_path / "calls").read_text() == "\n"


def test_clang_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("clang") is None:
        pytest.skip("there is no clang")
    monkeypatch.setenv("CC", "clang")
    assert isinstance(solve(unplug(), tmp_path), Found)


# --- the runtime ------------------------------------------------------------------------


@pytest.mark.parametrize("words", [1, 2, 3, 5])
def test_the_runtime_compiles_without_a_warning(words: int, tmp_path: Path) -> None:
    compiler = find_compiler()
    assert compiler is not None
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", f"-DZD_WORDS={words}", "-c"]
    sources = sorted(map(str, RUNTIME.glob("*.c")))
    subprocess.run([*compiler.command, *flags, *sources], check=True, cwd=tmp_path)


def test_the_runtime_is_in_small_files() -> None:
    for path in RUNTIME.iterdir():
        assert len(path.read_text().splitlines()) < 600, path.name
