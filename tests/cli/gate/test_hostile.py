"""A pull request from somebody who means harm: nothing is written elsewhere, nothing of theirs is run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.gate.support import BAD, GOOD, Gate, bad, environment, git, good, write
from tests.cli.gate.workflow_commands import commands

ESCAPE = "\x1b]0;pwned\x07\x1b[2J"


def files(folder: Path) -> dict[str, bytes]:
    """Everything below a folder but the cache and the test's own specs, links not followed."""
    return {
        str(path): bytes(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if not {"cache", "dir"} & set(path.parts) and (path.is_symlink() or path.is_file())
    }


NAMES = [
    "../../../escape",
    "/etc/zdcheck-pwned",
    "$(touch pwned)",
    "`touch pwned`; touch pwned",
    '*/ int pwned = system("touch pwned"); /*',
    "a\nb",
    "${{ github.token }}",
    ".." * 500,
]


def test_names_are_only_names(gate: Gate, repo: Path, tmp_path: Path) -> None:
    head, _, last = BAD.rpartition('check "three"')
    write(repo, "evil.zd", head + "".join(f"check {json.dumps(name)}{last}" for name in NAMES))
    before = files(tmp_path)
    result = gate("--update-baseline", "--output", "junit=out.xml", "--output", "github=out.txt")
    assert result.code == 1
    gate("specs/evil.zd", "--trace-dir", "traces", command="check")
    made = {Path(path) for path in files(tmp_path).keys() - before.keys()}
    kept = {repo / "out.xml", repo / "out.txt", repo / "zdcheck-baseline.jsonl"}
    assert {path for path in made - kept if path.parent != repo / "traces"} == set()
    assert len(made - kept) == len(NAMES)
    assert not Path("/etc/zdcheck-pwned").exists()


FILES = ("evil$(touch pwned).zd", "evil; touch pwned.zd", "-o.zd", "--help.zd", "a\nb.zd", "*.zd")


def test_files_are_only_files(gate: Gate, repo: Path, tmp_path: Path) -> None:
    for name in FILES:
        write(repo, name, BAD)
    before = files(tmp_path)
    result = gate("--output", "sarif=out.sarif")
    assert result.code == 1
    assert f"in {len(FILES)} specs" in result.out
    assert {Path(p).name for p in files(tmp_path).keys() - before.keys()} == {"out.sarif"}


def test_what_is_written_in_a_spec_is_not_in_the_c_that_is_compiled(
    gate: Gate, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "seen"
    kept.mkdir()
    wrapper = tmp_path / "cc"
    wrapper.write_text(
        '#!/bin/sh\nfor file; do case $file in *.c|*.h) cp "$file" '
        f'{kept}/$(basename $file)-$$;; esac; done\nexec cc "$@"\n'
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("CC", str(wrapper))
    harm = '*/ PWNED(); /* \\" PWNED '
    text = (
        BAD.replace('"three"', json.dumps(harm + "name"))
        .replace("// A count", f"// {harm}")
        .replace("n += 1;", f"n += 1; assert n < 9 else invariant {json.dumps(harm)};")
        .replace("    atomic {", f"    models {json.dumps('mm/' + harm + '.c:f')};\n    atomic {{")
    )
    write(repo, "*PWNED.zd", text)
    result = gate()
    assert result.code == 1, result.out + result.err
    sources = [path.read_text() for path in kept.iterdir()]
    assert sources
    assert not any("PWNED" in source for source in sources)


def test_modules_come_from_beside_the_spec_and_the_library(
    gate: Gate, repo: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.zd").write_text("config secret : 0..9 = 7;\n")
    names = ("..secret", "/secret", '"../secret"', "../secret", str(tmp_path / "secret"))
    for number, name in enumerate(names):
        write(repo, f"evil{number}.zd", f"use {name};\n{GOOD}")
    result = gate()
    assert result.code == 2
    assert result.out.count("FAIL") == result.out.count("nothing was checked") == len(names)
    assert "secret : 0..9" not in result.out


def test_links_are_read_but_lead_nowhere_else(gate: Gate, repo: Path, tmp_path: Path) -> None:
    good(repo)
    (repo / "specs" / "loop").symlink_to(repo / "specs")
    (repo / "specs" / "self.zd").symlink_to(repo / "specs" / "self.zd")
    (repo / "specs" / "nowhere.zd").symlink_to(tmp_path / "nowhere")
    result = gate()
    assert result.code == 2
    assert result.out.count("ok    specs/good.zd") == 1
    assert not (tmp_path / "nowhere").exists()


OUTSIDE = ["../baseline.jsonl", "/tmp/zdcheck-pwned.jsonl", "link/baseline.jsonl", "file.jsonl"]


@pytest.mark.parametrize("baseline", OUTSIDE)
def test_the_baseline_stays_in_the_repository(
    gate: Gate, repo: Path, tmp_path: Path, baseline: str
) -> None:
    good(repo)
    (tmp_path / "elsewhere").mkdir()
    (repo / "link").symlink_to(tmp_path / "elsewhere")
    (repo / "file.jsonl").symlink_to(tmp_path / "elsewhere" / "file")
    (repo / "zdcheck.toml").write_text(f'paths = ["specs"]\nbaseline = "{baseline}"\n')
    before = files(tmp_path)
    result = gate("--update-baseline")
    assert result.code == 2
    assert "is not below this folder" in result.err
    assert files(tmp_path) == before
    assert not Path("/tmp/zdcheck-pwned.jsonl").exists()


def test_reports_follow_no_link_out_of_the_repository(
    gate: Gate, repo: Path, tmp_path: Path
) -> None:
    bad(repo)
    target = tmp_path / "profile"
    target.write_text("precious\n")
    (tmp_path / "elsewhere").mkdir()
    (repo / "out.xml").symlink_to(target)
    (repo / "reports").symlink_to(tmp_path / "elsewhere")
    (repo / "traces").mkdir()
    (repo / "traces" / "specs-bad--three.zdtrace.json").symlink_to(target)
    for arguments in (
        ("gate", "--output", "junit=out.xml"),
        ("gate", "--output", "junit=reports/out.xml"),
        ("check", "specs/bad.zd", "--json", "out.xml"),
        ("check", "specs/bad.zd", "--trace-dir", "traces"),
    ):
        result = gate(*arguments[1:], command=arguments[0])
        assert result.code == 2, arguments
        assert "leads out of this folder" in result.err
    assert target.read_text() == "precious\n"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_folder_that_git_would_take_for_a_repository(
    gate: Gate, repo: Path, tmp_path: Path
) -> None:
    text = GOOD.replace("    atomic {", '    models "mm/gup.c:f";\n    atomic {')
    write(repo, "good.zd", text)
    evil = repo / "evil"
    git(repo, "init", "-q", "--bare", str(evil))
    (evil / "mm").mkdir()
    (evil / "mm" / "gup.c").write_text("int f(void) { return 0; }\n")
    hook = f"touch {tmp_path}/pwned; false"
    with (evil / "config").open("a") as config:
        config.write(f'[core]\n\tbare = false\n\tworktree = .\n\tfsmonitor = "{hook}"\n')
    (repo / "zdcheck.toml").write_text('paths = ["specs"]\n[anchors]\nkernel = "evil"\n')
    gate("record", "--kernel", "evil", command="anchors")
    gate("check", "--kernel", "evil", "--since", "HEAD", command="anchors")
    (evil / "mm" / "gup.c").write_text("int g(void) { return 1; }\n")
    gate()
    assert not (tmp_path / "pwned").exists()


def test_python_files_in_the_repository_are_not_imported(repo: Path, tmp_path: Path) -> None:
    good(repo)
    bad(repo)
    harm = f"open({str(tmp_path / 'pwned')!r}, 'w')\n"
    for name in ("z3", "lark", "json", "zdcheck", "conftest", "sitecustomize", "networkx", "rich"):
        (repo / f"{name}.py").write_text(harm)
    script = shutil.which("zdcheck", path=str(Path(sys.executable).parent))
    assert script is not None
    for engine in ("auto", "proof"):
        done = subprocess.run(
            [script, "gate", "--engine", engine],
            cwd=repo,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 1, done.stderr
    assert not (tmp_path / "pwned").exists()


def test_nothing_moves_the_cursor_or_commands_the_runner(gate: Gate, repo: Path) -> None:
    write(repo, "broken.zd", f"thraed a {{ }} // ##[add-mask]a {ESCAPE}\n::error::x\n")
    write(repo, "evil.zd", BAD.replace('"three"', f'"::stop-commands::x {ESCAPE}"'))
    write(repo, f"{ESCAPE}.zd".replace("/", ""), BAD)
    (repo / "::warning::x").mkdir()
    (repo / "::warning::x" / "s.zd").write_text(BAD)
    gate("--update-baseline", ".")
    for path in (repo / "specs").glob("*.zd"):
        path.unlink()
    outputs = [
        f"--output={name}=out.{name}" for name in ("text", "ktap", "github", "junit", "sarif")
    ]
    write(repo, "broken.zd", f"thraed a {{ }} // ##[add-mask]a {ESCAPE}\n::error::x\n")
    write(repo, "evil.zd", BAD.replace('"three"', f'"::stop-commands::y {ESCAPE}"'))
    result = gate(*outputs, ".")
    assert result.code == 2
    texts = [result.out, result.err, *((repo / f"out.{o}").read_text() for o in ("text", "ktap"))]
    for text in texts:
        assert list(commands(text)) == []
    for text in (*texts, *((repo / f"out.{o}").read_text() for o in ("github", "junit", "sarif"))):
        assert "\x1b" not in text
        assert "\x07" not in text
    known = {"error", "warning", "notice"}
    assert {c.name for c in commands((repo / "out.github").read_text())} <= known
