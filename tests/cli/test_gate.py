"""`zdcheck gate`, `diff`, `anchors` and the pytest plugin, as CI runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import jsonschema
import junitparser
import pytest
import tap.parser
from sarif_pydantic import Sarif

from tests.cli.conftest import Result, Zdcheck

SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "schemas" / "zdcheck-gate-1.json"

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


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """An empty folder with settings: three threads, and the cache of nobody else."""
    folder = tmp_path / "repo"
    (folder / "specs").mkdir(parents=True)
    (folder / "zdcheck.toml").write_text('paths = ["specs"]\n')
    return folder


@pytest.fixture
def gate(zdcheck: Zdcheck, repo: Path, tmp_path: Path) -> Gate:
    """`gate("--jobs", "1")`, run in the repository."""

    def run(*arguments: str, command: str = "gate", timeout: int = 120) -> Result:
        env = environment(tmp_path)
        done = subprocess.run(
            [sys.executable, "-m", "zdcheck", command, *arguments],
            cwd=repo,
            env=env,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    return run


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


# --- verdicts ---------------------------------------------------------------------------


def test_green(gate: Gate, repo: Path) -> None:
    good(repo)
    result = gate()
    assert result.code == 0, result.out + result.err
    assert "2 checks in 1 spec: 2 as expected" in result.out


def test_a_surprise_is_drawn(gate: Gate, repo: Path) -> None:
    good(repo)
    bad(repo)
    result = gate()
    assert result.code == 1
    assert "three: violation invariant of small, expected holds" in result.out
    assert "CPU0 (up[0])" in result.out
    assert "Reproduce: zdcheck check specs/bad.zd --check three" in result.out


def test_a_broken_spec_does_not_stop_the_others(gate: Gate, repo: Path) -> None:
    good(repo)
    write(repo, "broken.zd", "thraed a { }\n")
    result = gate()
    assert result.code == 2
    assert "FAIL  specs/broken.zd  (nothing was checked)" in result.out
    assert "--> specs/broken.zd:1:1" in result.out
    assert "      1 | thraed a { }" in result.out
    assert "= help: write `var a : thraed;`" in result.out
    assert "ok    specs/good.zd" in result.out


def test_vacuous_fails(gate: Gate, repo: Path) -> None:
    write(repo, "empty.zd", EMPTY)
    result = gate()
    assert result.code == 1
    assert "holds vacuously" in result.out


def test_nothing_found_is_no_pass(gate: Gate, repo: Path) -> None:
    assert gate().code == 2
    write(repo, "module.zd", "object page { refcount : 0..3 = 0; }\n")
    result = gate()
    assert result.code == 2
    assert "no spec was found" in result.err
    assert gate("nowhere").code == 2


def test_a_tier_is_a_budget(gate: Gate, repo: Path) -> None:
    good(repo)
    write(repo, "large.zd", LARGE)
    (repo / "zdcheck.toml").write_text(
        'paths = ["specs"]\n[tiers.smoke]\nmax-states = 1000\n'
        '[tiers.quick]\nskip = ["specs/large.zd"]\n[tiers.one]\nskip = ["specs/*::three", "*large*"]\n'
    )
    result = gate("--tier", "smoke")
    assert result.code == 3
    assert "inconclusive: states limit reached" in result.out
    assert gate("--tier", "quick").code == 0
    assert "1 check in" in gate("--tier", "one").out
    result = gate("--tier", "nightly")
    assert result.code == 2
    assert "no such tier" in result.err


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("paths = 3", "paths is not a list of strings"),
        ("path = []", "did you mean `paths`?"),
        ("[tiers.a]\ntimeout = 'soon'", "tiers.a.timeout is not a time"),
        ("fail-on = ['rain']", "'rain' is none of"),
        ("paths = [", "zdcheck.toml"),
        ("[tiers]\na = 3", "tiers.a is not a table"),
        ("[tiers.a]\nmax-states = 0", "is not a number from 1 on"),
    ],
)
def test_settings_that_are_wrong(gate: Gate, repo: Path, settings: str, message: str) -> None:
    good(repo)
    (repo / "zdcheck.toml").write_text(settings)
    result = gate()
    assert result.code == 2
    assert message in result.err


def test_settings_from_pyproject_and_from_a_folder_below(
    gate: Gate, repo: Path, tmp_path: Path
) -> None:
    good(repo)
    (repo / "zdcheck.toml").unlink()
    (repo / "pyproject.toml").write_text('[tool.zdcheck]\npaths = ["specs"]\n')
    assert gate().code == 0
    done = subprocess.run(
        [sys.executable, "-m", "zdcheck", "gate", "good.zd"],
        cwd=repo / "specs",
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "ok    specs/good.zd" in done.stdout


# --- cache ------------------------------------------------------------------------------


def test_what_did_not_change_is_not_run_again(gate: Gate, repo: Path) -> None:
    path = good(repo)
    gate()
    assert "2 from the cache" in gate().out
    path.write_text(path.read_text() + "// A comment.\n")
    assert "2 from the cache" in gate().out
    path.write_text(path.read_text().replace("n += 1", "n = n + 1"))
    assert "2 from the cache" in gate().out
    path.write_text(path.read_text().replace("with most = 3", "with most = 1"))
    result = gate()
    assert result.code == 1
    assert "1 from the cache" in result.out
    assert "from the cache" not in gate("--no-cache").out


def test_red_is_never_kept(gate: Gate, repo: Path) -> None:
    bad(repo)
    assert "CPU0" in gate().out
    assert "CPU0" in gate().out


def test_a_module_that_changes_counts(gate: Gate, repo: Path) -> None:
    write(repo, "bound.zd", "config most : 0..3 = 2;\n")
    text = good(repo).read_text().replace("config most : 0..3 = 2;\n", "use bound;\n")
    (repo / "specs" / "good.zd").write_text(text)
    assert gate().code == 0
    write(repo, "bound.zd", "config most : 0..3 = 3;\n")
    result = gate()
    assert result.code == 1
    assert "two: violation invariant" in result.out


def test_a_damaged_cache_is_not_trusted(gate: Gate, repo: Path, tmp_path: Path) -> None:
    path = good(repo)
    gate()
    for entry in (tmp_path / "cache" / "gate").iterdir():
        text = entry.read_text()
        # What a liar would write: the check that must fail is said to be all right.
        entry.write_text(text.replace('"violated"', '"holds"').replace('"two"', '"tow"'))
    path.write_text(path.read_text().replace("n < most", "n < most && n < 2"))
    result = gate()
    assert result.code == 1
    assert "damaged cache entries" in result.out
    path.write_text(path.read_text().replace("n < most && n < 2", "n < most"))
    assert gate().code == 0
    assert "damaged" not in gate().out


def test_a_cache_that_cannot_be_written(zdcheck: Zdcheck, repo: Path) -> None:
    good(repo)
    env = {"ZDCHECK_CACHE_DIR": "/dev/null/cache"}
    assert zdcheck("gate", str(repo / "specs"), env=env).code == 0


def test_two_gates_at_once(repo: Path, tmp_path: Path) -> None:
    for number in range(4):
        good(repo, f"good{number}.zd")
    command = [sys.executable, "-m", "zdcheck", "gate", "--update-baseline"]
    running = [
        subprocess.Popen(
            command,
            cwd=repo,
            env=environment(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(3)
    ]
    for process in running:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0, out
    assert len((repo / "zdcheck-baseline.jsonl").read_text().splitlines()) == 9


# --- stopping ---------------------------------------------------------------------------


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


# --- baseline ---------------------------------------------------------------------------


def test_the_baseline_says_what_changed(gate: Gate, repo: Path) -> None:
    path = good(repo)
    other = good(repo, "other.zd")
    assert "there is no baseline yet" in gate().out
    assert gate("--update-baseline").code == 0
    result = gate()
    assert "Since the baseline" not in result.out
    path.write_text(
        path.read_text()
        .replace('check "three" with most = 3 { expect violation invariant of small; }', "")
        .replace('check "two"', 'check "both"')
    )
    other.unlink()
    result = gate()
    assert result.code == 1
    assert "good.zd: both: new: holds" in result.out
    assert "good.zd: three: gone: it was violation invariant" in result.out
    assert "other.zd: two: gone" in result.out
    assert gate("--update-baseline").code == 0
    assert gate().code == 0
    assert "Since the baseline" not in gate().out


def test_a_part_of_the_specs_says_nothing_of_the_rest(gate: Gate, repo: Path) -> None:
    good(repo)
    good(repo, "other/other.zd")
    gate("--update-baseline")
    result = gate("specs/other")
    assert result.code == 0
    assert "Since the baseline" not in result.out
    (repo / "specs" / "other" / "other.zd").rename(repo / "specs" / "other" / "another.zd")
    result = gate("specs/other")
    assert result.code == 1
    assert "specs/other/other.zd: two: gone" in result.out


def test_weaker_and_larger(gate: Gate, repo: Path) -> None:
    path = write(repo, "large.zd", LARGE.replace("3000", "50"))
    gate("--update-baseline")
    path.write_text(LARGE.replace("3000", "200"))
    result = gate()
    assert result.code == 0
    assert "the state space grew from 10,404 to 161,604 states" in result.out
    (repo / "zdcheck.toml").write_text('paths = ["specs"]\n[tiers.full]\nmax-states = 100\n')
    result = gate("--no-cache")
    assert result.code == 1
    assert "a weaker verdict: it was holds, it is inconclusive" in result.out


@pytest.mark.parametrize("damage", ["<<<<<<< HEAD\n", '{"schema": "other"}\n', '{"spec": 3}\n'])
def test_a_damaged_baseline(gate: Gate, repo: Path, damage: str) -> None:
    good(repo)
    gate("--update-baseline")
    path = repo / "zdcheck-baseline.jsonl"
    whole = path.read_text()
    path.write_text(whole + damage if "schema" not in damage else damage)
    result = gate()
    assert result.code == 2
    assert "the baseline is damaged" in result.err
    assert gate("--update-baseline").code == 0
    assert path.read_text() == whole


# --- git --------------------------------------------------------------------------------


def git(repo: Path, *words: str) -> None:
    names = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *names, *words], cwd=repo, check=True, capture_output=True)


def test_only_what_a_change_can_affect(gate: Gate, repo: Path) -> None:
    good(repo)
    write(repo, "bound.zd", "config most : 0..3 = 2;\n")
    text = good(repo, "user.zd").read_text().replace("config most : 0..3 = 2;\n", "use bound;\n")
    (repo / "specs" / "user.zd").write_text(text)
    git(repo, "init", "-q")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "one")
    result = gate("--changed-since", "HEAD")
    assert result.code == 0
    assert "0 of 3 files can be affected" in result.out
    write(repo, "bound.zd", "config most : 0..3 = 1;\n")
    result = gate("--changed-since", "HEAD")
    assert "2 of 3 files can be affected" in result.out
    assert "specs/user.zd" in result.out
    assert "specs/good.zd" not in result.out
    assert gate("--changed-since", "nothing").code == 2
    assert gate("--changed-since", "--output=/tmp/x").code == 2


# --- formats ----------------------------------------------------------------------------


NASTY = "a #]]>&'% name"


@pytest.fixture
def reports(gate: Gate, repo: Path) -> Path:
    """Every format of a run in which everything happens."""
    good(repo)
    bad(repo)
    write(repo, "broken.zd", "thraed a { }\n")
    write(repo, "empty.zd", EMPTY)
    write(repo, "large.zd", LARGE)
    path = bad(repo, "nasty.zd")
    path.write_text(path.read_text().replace('"three"', f'"{NASTY}"'))
    (repo / "zdcheck.toml").write_text('paths = ["specs"]\n[tiers.full]\nmax-states = 1000\n')
    names = ("text", "json", "junit", "sarif", "ktap", "github")
    result = gate(*(f"--output={name}=out.{name}" for name in names))
    assert result.code == 2
    return repo


def test_json_fits_its_schema(reports: Path) -> None:
    document = json.loads((reports / "out.json").read_text())
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert document["exit_status"] == 2
    traces = [c["trace"] for s in document["specs"] for c in s["checks"] if c["trace"]]
    assert traces
    assert traces[0]["schema"] == "zdcheck-trace/1"


def test_junit_is_read(reports: Path) -> None:
    xml = junitparser.JUnitXml.fromfile(str(reports / "out.junit"))
    assert xml.errors == 2
    assert xml.failures >= 3
    cases = {(case.classname, case.name): case for suite in xml for case in suite}
    assert "CPU0 (up[0])" in cases["specs.bad", "three"].result[0].text
    assert ("specs.nasty", NASTY) in cases


def test_sarif_is_read(reports: Path) -> None:
    document = json.loads((reports / "out.sarif").read_text())
    run = Sarif.model_validate(document).runs[0]
    assert run.results is not None
    rules = {result.rule_id for result in run.results}
    assert {"invariant", "syntax", "inconclusive", "unexpected"} <= rules
    (flow,) = next(r for r in run.results if r.code_flows).code_flows[0].thread_flows[:1]
    assert flow.id.startswith("up[")
    orders = [
        location.execution_order
        for result in run.results
        for code in (result.code_flows or [])[:1]
        for thread in code.thread_flows
        for location in thread.locations
    ]
    assert 1 in orders


def test_ktap_is_read(reports: Path) -> None:
    text = (reports / "out.ktap").read_text()
    assert text.startswith("KTAP version 1\n1..")
    lines = [line for line in tap.parser.Parser().parse_text(text) if line.category == "test"]
    plan = int(re.findall(r"^1\.\.(\d+)$", text, re.MULTILINE)[0])
    assert len(lines) == plan
    assert len({line.description for line in lines}) == plan
    assert any(not line.ok for line in lines)
    assert not any(line.skip or line.todo for line in lines)


def test_github_annotations_are_one_line_each(reports: Path) -> None:
    lines = (reports / "out.github").read_text().splitlines()
    assert all(re.match(r"::(error|warning|notice) [^\n]*::", line) for line in lines)
    assert any(line.startswith("::error file=specs/bad.zd,line=17,title=three::") for line in lines)


CASES = {
    "holds": (GOOD, 0),
    "violated": (BAD, 1),
    "vacuous": (EMPTY, 1),
    "dead": (
        "var n : 0..1 = 0;\nthread a { if (n == 1) n = 0; }\n" + 'check "x" { expect holds; }',
        1,
    ),
    "inconclusive": (LARGE.replace("3000", "40"), 3),
    "syntax": ("thraed", 2),
    "nothing": ("object page { refcount : 0..3 = 0; }", 2),
}


@pytest.mark.parametrize("engine", ["compiled", "interpreter"])
@pytest.mark.parametrize("case", CASES)
def test_one_exit_status_whatever_the_format(
    gate: Gate, repo: Path, monkeypatch: pytest.MonkeyPatch, case: str, engine: str
) -> None:
    text, status = CASES[case]
    write(repo, "spec.zd", text)
    (repo / "zdcheck.toml").write_text('paths = ["specs"]\n[tiers.full]\nmax-states = 1000\n')
    if engine == "interpreter":
        # No compiler: the interpreter answers.
        monkeypatch.setenv("CC", "/nonexistent/cc")
    names = ("text", "json", "junit", "sarif", "ktap", "github")
    result = gate(*(f"--output={name}=out.{name}" for name in names))
    assert result.code == status, result.out + result.err
    assert json.loads((repo / "out.json").read_text())["exit_status"] == status
    invocation = json.loads((repo / "out.sarif").read_text())["runs"][0]["invocations"][0]
    assert invocation["exitCode"] == status
    xml = junitparser.JUnitXml.fromfile(str(repo / "out.junit"))
    ktap = (repo / "out.ktap").read_text()
    annotations = (repo / "out.github").read_text()
    if case != "nothing":
        assert (xml.errors + xml.failures > 0) == (status != 0)
        assert ("not ok" in ktap) == (status != 0)
        assert bool(re.search("^::(error|warning)", annotations, re.MULTILINE)) == (status != 0)


def test_outputs_are_refused_before_the_work(gate: Gate, repo: Path) -> None:
    good(repo)
    for output in ("junit", "xml=out", "junit=nowhere/out.xml", "junit=."):
        result = gate("--output", output)
        assert result.code == 2
        assert "--output" in result.err


def test_a_report_on_stdout_is_alone_there(gate: Gate, repo: Path) -> None:
    good(repo)
    result = gate("--output", "json=-")
    assert json.loads(result.out)["exit_status"] == 0


def test_a_hostile_spec_writes_nothing(gate: Gate, repo: Path, tmp_path: Path) -> None:
    name = "../../../escape; touch pwned; $(touch pwned)"
    write(repo, "evil.zd", BAD.replace('"three"', json.dumps(name)))
    write(repo, "evil$(touch pwned);.zd", BAD)
    before = {path for path in tmp_path.rglob("*") if "cache" not in path.parts}
    gate("--output", "junit=out.xml", "--output", "github=out.txt")
    after = {path for path in tmp_path.rglob("*") if "cache" not in path.parts}
    assert {path.name for path in after - before} == {"out.xml", "out.txt"}


# --- diff -------------------------------------------------------------------------------


def test_diff_shows_what_only_one_allows(gate: Gate, repo: Path) -> None:
    old = good(repo)
    new = write(repo, "new.zd", old.read_text().replace("n += 1", "n = most"))
    result = gate(str(old), str(new), command="diff")
    assert result.code == 1
    assert "two: holds in both" in result.out
    assert "NEW allows what OLD does not" in result.out
    assert "n: 0 -> 2" in result.out
    assert "OLD allowed what NEW does not" in result.out


def test_diff_of_the_same(gate: Gate, repo: Path) -> None:
    old = good(repo)
    text = old.read_text()
    new = write(repo, "new.zd", text.replace("n += 1", "n = n + 1"))
    result = gate(str(old), str(new), command="diff")
    assert result.code == 0
    assert "two: the same protocol" in result.out
    new.write_text(
        text.replace(
            "thread up[*] {", "thread up[*] {\n    var k : 0..1 = 0; yield_here();\n"
        ).replace(
            "thread up", "var beside : 0..1 = 0;\nfn yield_here() { beside = 1; }\nthread up", 1
        )
    )
    result = gate(str(old), str(new), command="diff")
    assert result.code == 0, result.out + result.err
    assert "same behaviours at this scope (up: 3), seen through 1 shared variables" in result.out


def test_diff_with_a_revision(gate: Gate, repo: Path) -> None:
    path = good(repo)
    git(repo, "init", "-q")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "one")
    path.write_text(path.read_text().replace("n < most", "n < 1"))
    result = gate("HEAD:specs/good.zd", "specs/good.zd", command="diff")
    assert result.code == 1
    assert "violation invariant before, holds now" in result.out
    assert "OLD allowed what NEW does not" in result.out
    assert gate("HEAD:specs/none.zd", "specs/good.zd", command="diff").code == 2
    assert gate("HEAD:../x.zd", "specs/good.zd", command="diff").code == 2


def test_diff_that_is_too_large(gate: Gate, repo: Path) -> None:
    old = write(repo, "a.zd", LARGE.replace("3000", "200"))
    new = write(repo, "b.zd", LARGE.replace("3000", "200").replace("thread y", "thread z"))
    result = gate(str(old), str(new), "--max-states", "1000", command="diff")
    assert result.code == 3
    assert "not known (states limit" in result.out


# --- anchors ----------------------------------------------------------------------------

GUP = """\
/* a comment */
static int helper(int x) { return x; }

int gup_fast(unsigned long start)
{
\tint i = helper(start); // one
#ifdef CONFIG_X
\ti++;
#endif
\treturn i;
}

void old_name(void) { helper(7); }
"""


@pytest.fixture
def kernel(repo: Path, tmp_path: Path) -> Path:
    """A kernel tree of one file, under git, and a spec with anchors into it."""
    tree = tmp_path / "linux"
    (tree / "mm").mkdir(parents=True)
    (tree / "mm" / "gup.c").write_text(GUP)
    git(tree, "init", "-q")
    git(tree, "add", ".")
    git(tree, "commit", "-qm", "one")
    text = GOOD.replace(
        "    atomic {",
        '    models "mm/gup.c:gup_fast";\n    models "mm/gup.c:old_name";\n    atomic {',
    )
    write(repo, "good.zd", text)
    return tree


def test_anchors(gate: Gate, repo: Path, kernel: Path) -> None:
    tree = f"--kernel={kernel}"
    assert gate("check", tree, command="anchors").code == 2
    assert gate("record", tree, command="anchors").code == 0
    result = gate("check", tree, command="anchors")
    assert result.code == 0
    assert "2 anchors, 0 warnings" in result.out
    file = kernel / "mm" / "gup.c"
    file.write_text("\n\n" + GUP.replace("// one", "/* two */").replace("int i =", "int  i  ="))
    assert gate("check", tree, command="anchors").code == 0
    file.write_text(GUP.replace("i++", "i--").replace("old_name", "new_name"))
    result = gate("check", tree, command="anchors")
    assert result.code == 1
    assert "specs/good.zd:8: warning: gup_fast in mm/gup.c changed" in result.out
    assert "-       i++;" in result.out
    assert "+       i--;" in result.out
    assert "old_name in mm/gup.c is called new_name now" in result.out
    result = gate("check", tree, "--since", "HEAD", command="anchors")
    assert result.code == 1
    result = gate(tree)
    assert result.code == 0
    assert "Kernel functions that specs model:" in result.out
    assert "\n    -       i++;\n" in result.out


def test_every_definition_of_a_function_counts(gate: Gate, repo: Path, kernel: Path) -> None:
    file = kernel / "mm" / "gup.c"
    both = "#ifdef A\nint gup_fast(void) { return 1; }\n#else\nint gup_fast(void) { return 0; }\n#endif\n"
    file.write_text(both + "void old_name(void) { }\n")
    tree = f"--kernel={kernel}"
    assert gate("record", tree, command="anchors").code == 0
    file.write_text(file.read_text().replace("return 1", "return 2"))
    assert "gup_fast in mm/gup.c changed" in gate("check", tree, command="anchors").out


def test_anchors_that_moved_or_are_gone(gate: Gate, repo: Path, kernel: Path) -> None:
    tree = f"--kernel={kernel}"
    gate("record", tree, command="anchors")
    (kernel / "mm" / "walk.c").write_text("void old_name(void) { helper(7); }\n")
    (kernel / "mm" / "gup.c").write_text("static int helper(int x) { return x; }\n")
    git(kernel, "add", ".")
    result = gate("check", tree, command="anchors")
    assert "old_name in mm/gup.c is gone; mm/walk.c defines it now" in result.out
    assert "gup_fast in mm/gup.c is gone" in result.out


def test_renamed_and_rewritten_a_little(gate: Gate, repo: Path, kernel: Path) -> None:
    tree = f"--kernel={kernel}"
    assert gate("record", tree, command="anchors").code == 0
    file = kernel / "mm" / "gup.c"
    file.write_text(GUP.replace("int gup_fast(", "long gup_quickly(").replace("i++;", "i += 2;"))
    result = gate("check", tree, command="anchors")
    assert "gup_fast in mm/gup.c is gone; gup_quickly is new and much like it" in result.out
    assert "+long gup_quickly(unsigned long start)" in result.out
    file.write_text(
        GUP.replace("int gup_fast(unsigned long start)", "int other(void)\n{ }\nint g(int a)")
    )
    git(kernel, "commit", "-qam", "two")
    file.write_text("int other(char *text) { while (*text) say(*text++); return 0; }\n")
    result = gate("check", tree, command="anchors")
    assert "gup_fast in mm/gup.c is gone [anchor_gone]" in result.out


def test_a_tree_without_git(gate: Gate, repo: Path, kernel: Path) -> None:
    shutil.rmtree(kernel / ".git")
    tree = f"--kernel={kernel}"
    assert gate("record", tree, command="anchors").code == 0
    (kernel / "mm" / "walk.c").write_text("void old_name(void) { helper(7); }\n")
    (kernel / "mm" / "gup.c").write_text(
        GUP.replace("gup_fast", "gup_quickly").replace("old_", "ol")
    )
    result = gate("check", tree, command="anchors")
    assert "gup_fast in mm/gup.c is called gup_quickly now" in result.out
    assert gate("check", tree, "--since", "HEAD", command="anchors").code == 2
    (kernel / "mm" / "gup.c").unlink()
    result = gate("check", tree, command="anchors")
    assert "mm/gup.c is gone; mm/walk.c defines it now" in result.out
    assert "mm/gup.c is gone [anchor_gone]" in result.out


def test_a_system_call_is_a_function(gate: Gate, repo: Path, kernel: Path) -> None:
    file = kernel / "mm" / "gup.c"
    file.write_text(
        "SYSCALL_DEFINE1(old_name, int, x)\n{\n\treturn x;\n}\n" + GUP.partition("void")[0]
    )
    path = repo / "specs" / "good.zd"
    path.write_text(path.read_text().replace("mm/gup.c:old_name", "mm/gup.c:sys_old_name"))
    tree = f"--kernel={kernel}"
    assert gate("record", tree, command="anchors").code == 0
    file.write_text(file.read_text().replace("return x;", "return -x;"))
    result = gate("check", tree, command="anchors")
    assert "sys_old_name in mm/gup.c changed" in result.out


def test_what_this_kernel_does_not_have_is_no_news(gate: Gate, repo: Path, kernel: Path) -> None:
    file = kernel / "mm" / "gup.c"
    file.write_text(GUP.replace("old_name", "new_name"))
    tree = f"--kernel={kernel}"
    result = gate("record", tree, command="anchors")
    assert result.code == 0
    assert "specs/good.zd:9: mm/gup.c:old_name is not in this tree" in result.err
    assert "2 anchors, 0 warnings" in gate("check", tree, command="anchors").out
    file.write_text(GUP)
    result = gate("check", tree, command="anchors")
    assert result.code == 1
    assert "old_name in mm/gup.c is in the tree now, and was not" in result.out


@pytest.mark.parametrize("damage", ["", "{", '{"schema": "zdcheck-anchors/1"}\n', "\0\xff"])
def test_a_damaged_record_of_anchors(gate: Gate, repo: Path, kernel: Path, damage: str) -> None:
    tree = f"--kernel={kernel}"
    assert gate("record", tree, command="anchors").code == 0
    (repo / "zdcheck-anchors.jsonl").write_bytes(damage.encode("latin-1"))
    result = gate("check", tree, command="anchors")
    assert result.code == 2
    assert "zdcheck-anchors.jsonl" in result.err
    result = gate(tree)
    assert result.code == 0
    assert "source anchors were not compared: " in result.out


def test_anchors_stay_inside_the_tree(gate: Gate, repo: Path, kernel: Path) -> None:
    path = repo / "specs" / "good.zd"
    path.write_text(path.read_text().replace("mm/gup.c:old_name", "../secret.c:old_name"))
    result = gate("record", f"--kernel={kernel}", command="anchors")
    assert result.code == 2
    assert "is no path inside a kernel tree" in result.err
    assert gate("record", "--kernel=.", command="anchors").code == 2


# --- pytest -----------------------------------------------------------------------------


GO_ON = "--continue-on-collection-errors"


def test_the_pytest_plugin(repo: Path, tmp_path: Path) -> None:
    good(repo)
    bad(repo)
    write(repo, "module.zd", "object page { refcount : 0..3 = 0; }\n")
    write(repo, "broken.zd", "thraed a { }\n")
    (repo / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", GO_ON, "specs"],
        cwd=repo,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "specs/good.zd::two PASSED" in done.stdout, done.stdout + done.stderr
    assert "specs/good.zd::every statement runs PASSED" in done.stdout
    assert "specs/bad.zd::three FAILED" in done.stdout
    assert "CPU0 (up[0])" in done.stdout
    assert "specs/broken.zd:1:1" in done.stdout
    assert "runtest" not in done.stdout
    assert done.returncode != 0
