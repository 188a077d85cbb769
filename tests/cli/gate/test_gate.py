"""`zdcheck gate`: verdicts, settings, cache, baseline, git."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Zdcheck
from tests.cli.gate.support import (
    EMPTY,
    LARGE,
    Gate,
    bad,
    environment,
    git,
    good,
    write,
)


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
        ("[tiers.a]\nengine = 'steam'", "tiers.a.engine is not one of auto, all"),
        ("[tiers.a]\nprove = 'all'", "tiers.a.prove is not a list of strings"),
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


def test_a_damaged_check_in_the_cache_is_said(gate: Gate, repo: Path, tmp_path: Path) -> None:
    path = good(repo)
    gate()
    for entry in (tmp_path / "cache" / "gate").glob("checkentry-*"):
        entry.write_text(entry.read_text()[:-9])
    path.write_text(path.read_text() + "// A comment.\n")
    result = gate()
    assert result.code == 0
    assert "2 damaged cache entries" in result.out


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
    assert "a weaker verdict: holds before, inconclusive now" in result.out


def test_proved_then_holds_then_nobody_knows(gate: Gate, repo: Path) -> None:
    text = LARGE.replace("3000", "60")
    path = write(repo, "spec.zd", text)
    settings = repo / "zdcheck.toml"
    settings.write_text('paths = ["specs"]\n[tiers.full]\nprove = ["*::nine*"]\n')
    assert "1 as expected (1 proved)" in gate("--update-baseline").out
    line = json.loads((repo / "zdcheck-baseline.jsonl").read_text().splitlines()[1])
    assert (line["verdict"], line["engine"]) == ("proved", "proof")
    assert {"name": "x", "size": 1} in line["scope"]
    assert "1 from the cache" in gate().out
    # A comment is no change of meaning, whoever answers.
    path.write_text("// A comment.\n" + text)
    assert "1 proved, 1 from the cache" in gate().out
    settings.write_text('paths = ["specs"]\n')
    result = gate()
    assert result.code == 1
    assert "a weaker verdict: proved before, holds now" in result.out
    gate("--update-baseline")
    settings.write_text('paths = ["specs"]\n[tiers.full]\nmax-states = 100\n')
    result = gate("--no-cache")
    assert result.code == 1
    assert "a weaker verdict: holds before, inconclusive now" in result.out
    result = gate("--engine", "proof")
    assert result.code == 0
    assert "a stronger verdict: holds before, proved now" in result.out


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


def test_a_page_for_each_unexpected_violation(gate: Gate, repo: Path) -> None:
    pytest.importorskip("jinja2")
    good(repo)
    assert gate("--output", "report=pages").code == 0
    assert not (repo / "pages").exists()
    bad(repo)
    assert gate("--output", "report=pages").code == 1
    (page,) = (repo / "pages").iterdir()
    assert page.name == "specs-bad--three.html"
    assert "zdcheck check specs/bad.zd --check three" in page.read_text("utf-8")
    (repo / "file").write_text("")
    result = gate("--output", "report=file/pages")
    assert result.code == 2
    assert "is no directory" in result.err
