"""`zdcheck check`: lines, exit statuses, files."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Zdcheck
from tests.conftest import Golden
from tests.unit.render.test_terminal import validator
from zdcheck.engines.explicit.build import find_compiler
from zdcheck.trace.document import loads


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["specs/unplug.zd"], 0),
        (["specs/unplug.zd", "--check", "no reference"], 0),
        (["specs/surprise.zd"], 1),
        (["specs/surprise.zd", "--check", "puts"], 0),
        (["specs/surprise.zd", "--check", "puts", "--set", "forgets=true"], 1),
        (["specs/vacuous.zd", "--check", "empty"], 1),
        (["specs/vacuous.zd", "--check", "allowed"], 0),
        (["specs/vacuous.zd", "--check", "expected"], 0),
        (["specs/dead.zd"], 1),
        (["specs/dead.zd", "--check", "holds"], 0),
        (["specs/progress.zd"], 0),
        (["specs/progress.zd", "--engine", "interpreter"], 0),
        (["specs/progress.zd", "--check", "ends", "--set", "endless=true"], 1),
        (["specs/progress.zd", "--max-states", "3"], 3),
        (["specs/progress.zd", "--check", "ends", "--no-progress"], 0),
        (["specs/progress.zd", "--no-progress"], 1),
        (["specs/module.zd"], 2),
        (["specs/nosuch.zd"], 2),
        (["specs/dir"], 2),
        (["specs/unplug.zd", "--max-states", "5"], 3),
        (["specs/unplug.zd", "--check", "nosuch"], 2),
        (["specs/unplug.zd", "--set", "nosuch=1"], 2),
        (["specs/unplug.zd", "--set", "recheck"], 2),
        (["specs/unplug.zd", "--set", "recheck=maybe"], 2),
        (["specs/unplug.zd", "--scope", "nosuch=1"], 2),
        (["specs/unplug.zd", "--scope", "gup=1000000"], 2),
        (["specs/unplug.zd", "--scope", "gup=1000"], 2),
        (["specs/unplug.zd", "--scope", "gup=-1"], 2),
        (["specs/unplug.zd", "--max-states", "0"], 2),
        (["specs/unplug.zd", "--spill", "no/such"], 2),
        (["specs/unplug.zd", "--spill", "specs/unplug.zd"], 2),
        (["specs/unplug.zd", "--spill", "specs", "--engine", "interpreter"], 2),
        (["specs/unplug.zd", "--compact", "--engine", "bmc"], 2),
        (["specs/unplug.zd", "--max-memory", "much"], 2),
        (["specs/unplug.zd", "--timeout", "soon"], 2),
        (["specs/unplug.zd", "--engine", "nosuch"], 2),
        (["specs/unplug.zd", "--json", "no/such/folder/x.json"], 2),
        (["specs/unplug.zd", "--trace-dir", "specs/unplug.zd"], 2),
        (["specs"], 1),
        ([], 2),
        (["specs/unplug.zd", "specs/surprise.zd", "specs/nosuch.zd"], 2),
        (["specs/unplug.zd", "specs/surprise.zd", "--max-states", "5"], 1),
    ],
)
def test_exit_status(zdcheck: Zdcheck, arguments: list[str], code: int) -> None:
    result = zdcheck("check", *arguments)
    assert result.code == code, result
    if code in (2, 70):
        assert result.err


def test_the_json_report_says_the_same_exit_status(zdcheck: Zdcheck, folder: Path) -> None:
    for spec in ("unplug", "surprise", "vacuous", "dead", "progress", "nosuch"):
        result = zdcheck("check", f"specs/{spec}.zd", "--json", "r.json")
        document = json.loads((folder / "r.json").read_text())
        validator().validate(document)
        assert document["exit_status"] == result.code
        codes = [reason["exit_status"] for reason in document["reasons"]]
        assert bool(codes) == (result.code != 0)


def test_json_on_stdout_is_all_there_is(zdcheck: Zdcheck) -> None:
    result = zdcheck("check", "specs/surprise.zd", "--json", "-")
    document = json.loads(result.out)
    assert document["exit_status"] == result.code == 1
    (spec,) = document["specs"]
    assert [check["verdict"] for check in spec["checks"]] == [
        "holds",
        "violated",
        "violated",
        "violated",
        "holds",
    ]


@pytest.mark.parametrize("name", ["unplug", "surprise", "vacuous"])
def test_golden(zdcheck: Zdcheck, golden: Golden, name: str) -> None:
    golden(f"{name}.txt", zdcheck("check", f"specs/{name}.zd").scrubbed)


FLIPPED = [
    ("unplug", "mapping holds", "expect holds;", "expect violation deadlock;"),
    (
        "unplug",
        "no reference",
        "expect violation refcount_zero_in_pte by unplug;",
        "expect holds;",
    ),
    ("unplug", "no reference", "by unplug;", "by gup;"),
    ("unplug", "no reference", "refcount_zero_in_pte by", "use_after_free by"),
    ("vacuous", "allowed", "allow uncovered rises; }\ncheck", "}\ncheck"),
]


@pytest.mark.parametrize(("spec", "check", "before", "after"), FLIPPED)
def test_one_flipped_expectation_is_exit_1_and_named(
    zdcheck: Zdcheck, folder: Path, spec: str, check: str, before: str, after: str
) -> None:
    path = folder / f"specs/{spec}.zd"
    assert path.read_text().count(before) == 1
    path.write_text(path.read_text().replace(before, after))
    result = zdcheck("check", str(path), "--json", "r.json", "--check", check)
    assert result.code == 1
    assert f"FAIL  {check}" in result.out
    (reason,) = json.loads((folder / "r.json").read_text())["reasons"]
    assert f": {check}: " in reason["text"]


@pytest.mark.parametrize("engine", ["auto", "explicit"])
def test_the_compiled_engine_says_the_same(zdcheck: Zdcheck, engine: str) -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    for spec in ("unplug", "surprise", "vacuous"):
        compiled = zdcheck("check", f"specs/{spec}.zd", "--engine", engine, "--without", "symmetry")
        slow = zdcheck("check", f"specs/{spec}.zd", "--without", "symmetry")
        assert compiled.code == slow.code
        # How many states of the last level were seen before a violation is the engine's own.
        own = r" --engine \w+|(?<= step  )\(\d+ states?|(?<= steps  )\(\d+ states?"
        words = [re.sub(own, "", result.scrubbed) for result in (compiled, slow)]
        assert words[0] == words[1]


def test_output_is_the_same_every_time(zdcheck: Zdcheck) -> None:
    first, second = (zdcheck("check", "specs/surprise.zd", "--stats") for _ in range(2))
    assert first.scrubbed == second.scrubbed


def test_a_reproduce_line_reproduces(zdcheck: Zdcheck) -> None:
    result = zdcheck("check", "specs/surprise.zd", "--check", "puts", "--set", "forgets=true")
    (line,) = (line for line in result.out.splitlines() if "Reproduce: " in line)
    import shlex

    words = shlex.split(line.partition("Reproduce: ")[2])
    assert words[0] == "zdcheck"
    assert zdcheck(*words[1:]).scrubbed == result.scrubbed


def test_traces_are_written_for_expected_violations_too(zdcheck: Zdcheck, folder: Path) -> None:
    assert zdcheck("check", "specs/unplug.zd", "--trace-dir", "out/t").code == 0
    (file,) = (folder / "out/t").iterdir()
    trace = loads(file.read_text())
    assert trace.check == "no reference"
    assert trace.blame is not None
    assert trace.blame.violation == "refcount_zero_in_pte"


def test_traces_draws_expected_counterexamples(zdcheck: Zdcheck) -> None:
    assert "CPU0 (unplug)" in zdcheck("check", "specs/unplug.zd", "--traces").out
    assert "CPU0" not in zdcheck("check", "specs/unplug.zd").out


def test_errors_and_warnings_go_to_stderr(zdcheck: Zdcheck) -> None:
    result = zdcheck("check", "specs/dead.zd")
    assert "dead_statement" in result.err
    assert "dead_statement" not in result.out


def test_the_page_about_dead_statements_is_right(zdcheck: Zdcheck, folder: Path) -> None:
    page = Path(__file__).parents[2] / "docs/reference/errors/dead_statement.md"
    for sort, code in (("wrong", 1), ("right", 0)):
        (text,) = re.findall(rf"^```zd {sort}\n(.*?)^```$", page.read_text(), re.M | re.S)
        (folder / "x.zd").write_text(text)
        result = zdcheck("check", "x.zd")
        assert result.code == code
        assert ("dead_statement" in result.err) == bool(code)


def test_suggestions(zdcheck: Zdcheck) -> None:
    assert (
        "did you mean `no reference`"
        in zdcheck("check", "specs/unplug.zd", "--check", "no referense").err
    )
    assert (
        "did you mean `recheck`" in zdcheck("check", "specs/unplug.zd", "--set", "rechek=false").err
    )
    assert "did you mean `gup`" in zdcheck("check", "specs/unplug.zd", "--scope", "gpu=1").err


def test_colour_only_when_wanted(zdcheck: Zdcheck) -> None:
    assert "\x1b[" not in zdcheck("check", "specs/surprise.zd").out
    painted = zdcheck("check", "specs/surprise.zd", "--color", "always").out
    assert "\x1b[" in painted
    forced = zdcheck("check", "specs/surprise.zd", env={"CLICOLOR_FORCE": "1"}).out
    assert "\x1b[" in forced


def test_a_cover_has_a_run_to_it(zdcheck: Zdcheck) -> None:
    plain = zdcheck("check", "specs/unplug.zd")
    drawn = zdcheck("check", "specs/unplug.zd", "--witnesses")
    assert "`pinned` is reached:" not in plain.out
    assert "`pinned` is reached:" in drawn.out
    assert "CPU0 (gup" in drawn.out
    assert drawn.code == plain.code == 0


def test_states_can_be_kept_in_other_ways(zdcheck: Zdcheck) -> None:
    if find_compiler() is None:
        pytest.skip("needs a C compiler")
    how = ("--engine", "explicit", "--compact", "--spill", "specs")
    result = zdcheck("check", "specs/unplug.zd", *how)
    assert result.code == 0
    assert "as expected" in result.out


def test_how_far_a_stopped_search_got_is_said(zdcheck: Zdcheck) -> None:
    result = zdcheck("check", "specs/unplug.zd", "--max-states", "5")
    assert "still to expand" in result.out
    assert "try more `--max-states` or a smaller `--scope`" in result.out


def test_without_progress_is_said(zdcheck: Zdcheck) -> None:
    result = zdcheck("check", "specs/progress.zd", "--no-progress")
    assert "holds, without progress" in result.out
    assert "holds, expected violation stuck of ends by walk, without progress" in result.out
    assert "without" not in zdcheck("check", "specs/progress.zd").out


def test_a_full_disk(zdcheck: Zdcheck, folder: Path) -> None:
    result = zdcheck("check", "specs/unplug.zd", "--json", "/dev/full")
    assert result.code == 2
    assert "No space left" in result.err


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "zdcheck", "check", *arguments, "--engine", "interpreter"]


def test_nobody_reads(folder: Path) -> None:
    process = subprocess.Popen(
        command("specs"), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 130
    assert b"Traceback" not in err
    assert b"Exception ignored" not in err


KILLED = """\
import os, signal, sys
from zdcheck.cli import check
from zdcheck.cli.app import run
real = check.check_spec
def check_spec(path, *rest, **options):
    if "surprise" in path:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(path, *rest, **options)
check.check_spec = check_spec
sys.exit(run(sys.argv[1:]))
"""


def test_a_process_that_is_killed_takes_no_other_spec_with_it(folder: Path) -> None:
    words = ["check", "specs/surprise.zd", "specs/unplug.zd", "--jobs", "2"]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *words, "--engine", "interpreter"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "specs/surprise.zd: the process that checked it was killed" in done.stderr
    assert "holds" in done.stdout


def test_stdout_that_cannot_be_written(folder: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("specs/unplug.zd"), cwd=folder, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 2
    assert b"No space left" in done.stderr


LONG = """\
object page { counted refcount : 0..7 = 0; }
var n : 0..200 = 0;
scope { worker: 6 }
thread first { n = 1; }
thread worker[*] { var i : 0..20 = 0; while (i < 20) { n = i; i += 1; } }
check "short" scope worker = 0 { expect holds; }
check "long" { expect holds; }
check "never" { expect holds; }
"""


def test_an_interrupt_reports_what_was_found(folder: Path) -> None:
    (folder / "long.zd").write_text(LONG)
    process = subprocess.Popen(
        command("long.zd", "--json", "r.json"),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    while "ok    short" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert "????  long" in out
    assert "interrupted" in out
    assert "1 not run" in out
    assert "Traceback" not in err
    document = json.loads((folder / "r.json").read_text())
    validator().validate(document)
    assert document["exit_status"] == 130
    assert document["specs"][0]["skipped"] == ["never"]
