"""A gate that is interrupted or killed."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from tests.cli.gate.support import (
    LARGE,
    Gate,
    good,
    start,
    write,
)


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


def test_killed_at_any_moment_everything_stays_whole(
    gate: Gate, repo: Path, tmp_path: Path
) -> None:
    for number in range(3):
        good(repo, f"good{number}.zd")
    assert gate("--update-baseline").code == 0
    before = (repo / "zdcheck-baseline.jsonl").read_text()
    for number, delay in enumerate((0.2, 0.5, 0.9, 1.4)):
        for path in (repo / "specs").iterdir():
            good(repo, path.name)
            path.write_text(f"var round : 0..9 = {number};\n{path.read_text()}")
        process = start(repo, tmp_path, "--update-baseline")
        time.sleep(delay)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        lines = (repo / "zdcheck-baseline.jsonl").read_text().splitlines()
        assert [json.loads(line) for line in lines]
        assert len(lines) == len(before.splitlines())
    result = gate()
    assert result.code == 0, result.out
    assert "damaged" not in result.out
