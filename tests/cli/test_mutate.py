"""`zdcheck mutate`: which mistakes survive, and how that is said."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.cli.conftest import Zdcheck
from tests.conftest import Golden
from tests.unit.render.test_terminal import SCHEMAS

SPEC = "specs/mutants.zd"

TABLE = """# Explained

## Mutants that survive

| spec | in | mistake | why it survives |
|---|---|---|---|
| mutants.zd | adder | no `noise = true;` | nobody looks at it |
"""


def document(zdcheck: Zdcheck, *arguments: str) -> tuple[int, dict[str, Any]]:
    result = zdcheck("mutate", *arguments, "--json", "-")
    found = json.loads(result.out)
    schema = json.loads((SCHEMAS / "zdcheck-mutants-1.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(found)
    assert found["exit_status"] == result.code
    return result.code, found


def outcomes(found: dict[str, Any], mistake: str) -> dict[str, str]:
    (mutant,) = [m for m in found["specs"][0]["mutants"] if m["mistake"] == mistake]
    return {o["check"]: o["violation"] or o["result"] for o in mutant["outcomes"]}


def test_mistakes_are_killed_or_survive(zdcheck: Zdcheck) -> None:
    code, found = document(zdcheck, SPEC)
    assert code == 1
    assert outcomes(found, "no lock `l`") == {"counts": "finally", "does not": "survives"}
    assert outcomes(found, "no `unlock(l);`")["counts"] in ("deadlock", "held_at_exit")
    assert outcomes(found, "no `n = seen + 1;`") == {
        "counts": "finally",
        "does not": "unchanged",
    }
    assert outcomes(found, "no `noise = true;`") == {"counts": "survives", "does not": "survives"}
    survivors = [m["mistake"] for m in found["specs"][0]["mutants"] if m["survives"]]
    assert survivors == ["no `noise = true;`"]


def test_one_check_that_minds_is_enough(zdcheck: Zdcheck) -> None:
    code, found = document(zdcheck, SPEC, "--quick")
    assert code == 1
    assert outcomes(found, "no lock `l`") == {"does not": "survives", "counts": "finally"}
    assert outcomes(found, "no `unlock(l);`") == {"does not": "held_at_exit", "counts": "skipped"}
    survivors = [m["mistake"] for m in found["specs"][0]["mutants"] if m["survives"]]
    assert survivors == ["no `noise = true;`"]


def test_the_table_for_people(zdcheck: Zdcheck, golden: Golden) -> None:
    result = zdcheck("mutate", SPEC, "--all")
    assert result.code == 1
    golden("mutate.txt", result.out)
    assert "\x1b[" in zdcheck("mutate", SPEC, "--color", "always").out


def test_an_explained_survivor_is_no_failure(zdcheck: Zdcheck, folder: Path) -> None:
    table = folder / "why.md"
    table.write_text(TABLE)
    result = zdcheck("mutate", SPEC, "--explained", "why.md")
    assert result.code == 0, result
    assert "survives, explained" in result.out
    (folder / "specs" / "README.md").write_text(TABLE)
    assert zdcheck("mutate", SPEC).code == 0
    assert zdcheck("mutate", SPEC, "--markdown").out == TABLE.split("\n\n", 1)[1]


def test_an_explanation_of_what_is_killed_is_outdated(zdcheck: Zdcheck, folder: Path) -> None:
    more = TABLE.replace("no `noise = true;`", "no `noise = true;`<br>no lock `l`")
    (folder / "specs" / "README.md").write_text(more)
    result = zdcheck("mutate", SPEC)
    assert result.code == 1
    assert "no survivor: mutants.zd, adder: no lock `l`" in result.out
    assert zdcheck("mutate", SPEC, "--check", "does not").code == 0


def test_what_is_not_known_yet_is_a_question_mark(zdcheck: Zdcheck, folder: Path) -> None:
    result = zdcheck("mutate", SPEC, "--markdown")
    assert result.code == 1
    assert "| no `noise = true;` | ? |" in result.out
    (folder / "specs" / "README.md").write_text(result.out)
    assert zdcheck("mutate", SPEC).code == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([SPEC, "--max-states", "3"], 3),
        ([SPEC, "--engine", "interpreter", "--jobs", "1"], 1),
        ([SPEC, "--explained", "nosuch.md"], 2),
        ([SPEC, "--explained", SPEC], 2),
        ([SPEC, "--check", "no lock"], 2),
        (["specs/nosuch.zd"], 2),
        (["specs/module.zd"], 2),
        (["specs/progress.zd"], 1),
        (["specs/progress.zd", "--no-progress"], 1),
        ([SPEC, "--json", "no/such/x.json"], 2),
        ([SPEC, "--markdown", "--json", "-"], 2),
        ([SPEC, "--jobs", "0"], 2),
        ([], 2),
    ],
)
def test_exit_status(zdcheck: Zdcheck, arguments: list[str], code: int) -> None:
    result = zdcheck("mutate", *arguments)
    assert result.code == code, result
    assert "Traceback" not in result.err


def test_a_limit_is_an_outcome_of_its_own(zdcheck: Zdcheck, folder: Path) -> None:
    (folder / "big.zd").write_text(
        "var n : 0..200 = 0; daemon thread t { forever { wait until n < 2; n += 1; } }"
    )
    code, found = document(zdcheck, "big.zd", "--max-states", "50")
    assert 3 in [reason["exit_status"] for reason in found["reasons"]]
    assert outcomes(found, "no `wait until n < 2;`") == {"default": "inconclusive"}
    code, found = document(zdcheck, "big.zd")
    assert code == 1
    assert outcomes(found, "no `wait until n < 2;`") == {"default": "range"}


def command_line(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
def test_an_interrupt_reports_what_was_found(folder: Path) -> None:
    slow = (folder / SPEC).read_text().replace("noise = true;", "noise = true; " * 150)
    (folder / "slow.zd").write_text(slow)
    process = subprocess.Popen(
        [sys.executable, "-m", "zdcheck", "mutate", "slow.zd", "--json", "r.json", "--jobs", "2"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while sum("spawn_main" in command_line(pid) for pid in children.read_text().split()) < 2:
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert "not tried" in out
    assert "interrupted" in err
    assert "Traceback" not in err
    assert json.loads((folder / "r.json").read_text())["specs"][0]["left_out"]["untried"] > 0


LEAVES = """
import threading
from zdcheck.mutation import try_mutants
from zdcheck.pipeline import Options

if __name__ == "__main__":
    found = try_mutants("specs/mutants.zd", Options(), library=False, quick=True, jobs=2)
    assert found.mutants
    print([thread.name for thread in threading.enumerate()])
"""


def test_no_thread_is_left(folder: Path) -> None:
    """One that still ends when Python does may write to what is closed already."""
    (folder / "leaves.py").write_text(LEAVES)
    done = subprocess.run(
        [sys.executable, "leaves.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("['MainThread']\n", "")
