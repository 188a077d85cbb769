"""What a gate makes of an attempt to prove a check."""

from __future__ import annotations

from pathlib import Path

import pytest

from zdcheck.engines.protocol import Limit, Statistics, Stopped
from zdcheck.engines.symbolic.proof import ProofEngine
from zdcheck.gate.run import Job, run_jobs
from zdcheck.gate.settings import Tier
from zdcheck.pipeline import Options

SPEC = """\
var n : 0..3 = 0;
thread up { n = 1; }
check "up" { expect holds; }
"""


def stopped(limit: Limit) -> Stopped:
    return Stopped(Statistics(0, 0, 0, 0.0), limit, "facts are missing")


@pytest.mark.parametrize(("limit", "status"), [("time", 0), ("memory", 0), ("interrupt", 130)])
def test_what_is_not_proved_is_searched_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: Limit, status: int
) -> None:
    spec = tmp_path / "spec.zd"
    spec.write_text(SPEC)
    tier = Tier(timeout_s=600.0, engine="proof")
    job = Job(str(spec), False, tier, Options(engine="interpreter"), tmp_path / "cache")
    monkeypatch.setattr(ProofEngine, "solve", lambda *_: stopped(limit))
    (outcome,) = run_jobs([job], 1)
    (check,) = outcome.checks
    assert outcome.exit_code == status
    assert check.verdict == ("inconclusive" if limit == "interrupt" else "holds")
    if status == 0:
        assert check.in_full == f"holds, not proved: {limit} limit reached, facts are missing"
    monkeypatch.undo()
    (outcome,) = run_jobs([job], 1)
    (check,) = outcome.checks
    assert check.in_full == "proved for this scope, any depth"
    assert outcome.reused == 0
    (outcome,) = run_jobs([job], 1)
    assert outcome.reused == 1
