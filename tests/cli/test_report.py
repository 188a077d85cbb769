"""`zdcheck report`, as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jinja2")

from tests.cli.conftest import Zdcheck
from tests.support.runs import RACE, RACE_CHECK
from zdcheck.base.files import slug, write_whole

LOCKS = Path(__file__).parents[1] / "spec" / "violations" / "lock_order" / "broken.zd"


@pytest.fixture
def trace(zdcheck: Zdcheck, folder: Path) -> str:
    zdcheck("check", "specs/unplug.zd", "--trace-dir", "traces")
    (path,) = (folder / "traces").iterdir()
    return f"traces/{path.name}"


def test_of_a_trace_without_its_spec(zdcheck: Zdcheck, folder: Path, trace: str) -> None:
    (folder / "specs" / "unplug.zd").unlink()
    result = zdcheck("report", trace, "-o", "report.html")
    assert (result.code, result.out) == (0, "")
    assert result.err == "zdcheck: wrote report.html\n"
    text = (folder / "report.html").read_text("utf-8")
    assert "refcount_zero_in_pte" in text
    assert "zdcheck check specs/unplug.zd --check &#39;no reference&#39;" in text


def test_of_a_spec_only_what_is_violated(zdcheck: Zdcheck, folder: Path) -> None:
    assert zdcheck("report", "specs/unplug.zd", "-o", "r.html").code == 0
    assert "no reference" in (folder / "r.html").read_text("utf-8")
    result = zdcheck("report", "specs/unplug.zd", "--check", "mapping holds", "-o", "s.html")
    assert result.code == 2
    assert "`mapping holds` is not violated: there is no run to show" in result.err
    assert not (folder / "s.html").exists()
    result = zdcheck("report", "specs/unplug.zd", "--check", "no such", "-o", "s.html")
    assert result.code == 2
    assert "no check `no such`" in result.err


def test_settings_and_scope_reach_the_run(zdcheck: Zdcheck, folder: Path) -> None:
    result = zdcheck(
        "report", "specs/unplug.zd", "--set", "pte_holds=false", "--scope", "gup=1", "-o", "r.html",
        "--check", "mapping holds",
    )  # fmt: skip
    assert result.code == 0
    text = (folder / "r.html").read_text("utf-8")
    assert "pte_holds = false" in text
    assert "--set pte_holds=false --scope gup=1" in text


def test_several_violated_checks(zdcheck: Zdcheck, folder: Path) -> None:
    spec = folder / "many.zd"
    again = 'check "as / always" { expect violation invariant of pinned_is_mapped; }\n'
    wrong = 'check "hoped" { expect holds; }\n'
    spec.write_text(RACE + again + wrong)
    result = zdcheck("report", "many.zd", "-o", "one.html")
    assert result.code == 0
    # What the spec does not expect comes first.
    assert "check <b>hoped</b>" in (folder / "one.html").read_text("utf-8")
    assert f"left out: `{RACE_CHECK}`" in result.err
    assert "left out: `as / always`" in result.err
    assert zdcheck("report", "many.zd", "-o", "pages/").code == 0
    names = sorted(path.name for path in (folder / "pages").iterdir())
    assert names == ["a-pin-that-comes-too-late.html", "as-always.html", "hoped.html"]


def test_a_cycle_of_locks(zdcheck: Zdcheck, folder: Path) -> None:
    assert zdcheck("report", str(LOCKS), "-o", "locks.html").code == 0
    assert "in another run" in (folder / "locks.html").read_text("utf-8")


def test_what_cannot_be_written_is_said_before_the_search(zdcheck: Zdcheck, folder: Path) -> None:
    (folder / "file").write_text("")
    for output in ("file/report.html", "file/deep/report.html"):
        result = zdcheck("report", "specs/unplug.zd", "-o", output)
        assert result.code == 2
        assert "cannot write" in result.err
        assert "is no directory" in result.err
    full = zdcheck("report", "specs/unplug.zd", "-o", "/dev/full")
    assert full.code == 2
    assert "No space left" in full.err
    assert zdcheck("report", "specs/unplug.zd", "-o", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()


def test_a_failed_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    write_whole(path, "old")

    def fails(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_whole(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "text"


def test_names_of_pages() -> None:
    assert slug('../../etc/"<x>') == "etc-x"
    assert slug("///") == "default"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(schema="other/1"), "schema is 'other/1'"),
        (lambda d: d.update(steps="x"), "trace.steps is not a list"),
        (lambda d: d["steps"][0].update(action=10**6), "does not exist"),
        (lambda d: d["steps"][0].update(code="<script>"), "does not replay"),
        (lambda d: d["texts"][0].update(text="thread"), "not the one it was written with"),
        (lambda d: d.update(scope=[{"name": "page", "size": 10**9}]), ""),
        (lambda d: d.update(check="no such"), "no check"),
        (lambda d: d.update(loop=1), "does not replay"),
        (lambda d: d.pop("texts"), "missing"),
    ],
)
def test_a_damaged_trace(
    zdcheck: Zdcheck, folder: Path, trace: str, change: object, message: str
) -> None:
    document = json.loads((folder / trace).read_text("utf-8"))
    change(document)  # type: ignore[operator]
    (folder / "bad.json").write_text(json.dumps(document))
    result = zdcheck("report", "bad.json", "-o", "r.html")
    assert result.code == 2
    assert result.err.startswith("zdcheck: error: bad.json: ")
    assert message in result.err
    assert not (folder / "r.html").exists()


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"schema": "zdcheck-trace/1"}'])
def test_what_is_no_trace(zdcheck: Zdcheck, folder: Path, text: str) -> None:
    (folder / "bad.json").write_text(text)
    result = zdcheck("report", "bad.json", "-o", "r.html")
    assert result.code == 2
    assert result.err.startswith("zdcheck: error: bad.json: ")
    assert zdcheck("report", "nowhere.json", "-o", "r.html").code == 2


def test_options_of_specs_are_refused_for_traces(zdcheck: Zdcheck, trace: str) -> None:
    result = zdcheck("report", trace, "--check", "x", "-o", "r.html")
    assert result.code == 2
    assert "are for specs" in result.err


def test_without_jinja2_a_clear_message(folder: Path) -> None:
    code = (
        "import sys; sys.modules['jinja2'] = None\n"
        "import importlib.util\n"
        "from zdcheck.cli.app import run\n"
        "sys.exit(run(['report', 'specs/unplug.zd', '-o', 'r.html']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "pip install 'zdcheck[report]'" in done.stderr
    assert "Traceback" not in done.stderr
