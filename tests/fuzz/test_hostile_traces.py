"""Whatever trace file is given to `zdcheck trace`, `report`, `inspect`: an exit status and words, soon, never a traceback.

Saved traces are damaged in every place: types, values, keys, texts with hashes that fit. A failure
is shrunk by hypothesis. `ZDCHECK_FUZZ` sets how many.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.inspect.test_inspect import violated
from zdcheck.base.diagnostics import ZdcheckError
from zdcheck.cli.app import run
from zdcheck.cli.inspect import session_of
from zdcheck.trace import document

ROOT = Path(__file__).parents[2]
COUNT = int(os.environ.get("ZDCHECK_FUZZ", "60"))
SECONDS = 20.0

SAVED = [
    document.to_document(violated(path, check))
    for path, check in (
        (ROOT / "tests/cli/specs/unplug.zd", "no reference"),
        (ROOT / "tests/spec/violations/lock_order/broken.zd", "both orders"),
        (ROOT / "docs/tutorial/readme.zd", "default"),
        (ROOT / "tests/cli/specs/progress.zd", "retries"),
    )
    if check in path.read_text() or check == "default"
]

COMMANDS = (
    ("trace", "show"),
    ("trace", "replay"),
    ("trace", "eval", "--", "page[0].refcount > 0"),
    ("trace", "pin"),
    ("trace", "convert", "--to", "itf"),
    ("trace", "convert", "--to", "mermaid"),
    ("trace", "convert", "--to", "plantuml"),
    ("trace", "convert", "--to", "svg"),
)

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.sampled_from([10**9, -(10**9), 10**30, 1.5, float("nan"), float("inf")]),
    st.text(max_size=20),
    st.sampled_from(
        [
            "\x1b[2J\x1b]0;owned\x07",
            "</script><script>alert(1)</script>",
            "\u202egnp.exe",
            "\ud800",
            "x" * 20_000,
            "../../../etc/passwd",
            "page[0].refcount",
            "thread t { }",
            'check "x" { expect holds; }',
            "lock_order",
            "stuck",
        ]
    ),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything in a document."""
    if at:
        yield at
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*at, key))
    elif isinstance(value, list):
        for number in range(len(value)):
            yield from places(value[number], (*at, number))


PLACES = [list(places(saved)) for saved in SAVED]


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A saved trace with one to four things wrong; hashes fit the texts, mostly."""
    number = draw(st.integers(0, len(SAVED) - 1))
    found = json.loads(json.dumps(SAVED[number]))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.sampled_from(PLACES[number]))
        parent = found
        try:
            for key in at[:-1]:
                parent = parent[key]
            old = parent[at[-1]]
        except (KeyError, IndexError, TypeError):
            continue
        match draw(st.integers(0, 4)):
            case 0:
                del parent[at[-1]]
            case 1 if isinstance(parent, list):
                parent.insert(at[-1], old)
            case 2 if isinstance(old, str):
                cut = draw(st.integers(0, max(len(old) - 1, 0)))
                parent[at[-1]] = old[:cut] + draw(st.text(max_size=4)) + old[cut + 1 :]
            case 3 if isinstance(old, int):
                parent[at[-1]] = old + draw(st.sampled_from([-1, 1, 1000, -1000]))
            case _:
                parent[at[-1]] = draw(ODD)
    texts = found.get("texts") if isinstance(found, dict) else None
    if draw(st.integers(0, 3)) and isinstance(texts, list):
        for text in texts:
            if isinstance(text, dict) and isinstance(text.get("text"), str):
                raw = text["text"].encode("utf-8", "surrogatepass")
                text["sha256"] = hashlib.sha256(raw).hexdigest()
    return found


def check(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], path: Path) -> int:
    """The exit status; fails on a traceback, on what a terminal would obey, and on a long wait."""
    begin = time.process_time()
    name = [*words[:2], str(path), *words[2:]]
    code = run(name)
    took = time.process_time() - begin
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    assert "internal error" not in err, err
    assert "\x1b" not in out + err and "\0" not in out + err
    assert "\u202e" not in out + err or words[-1] == "itf"
    assert code in (0, 2), err
    assert code == 0 or err.strip()
    assert took < SECONDS
    return code


@settings(
    max_examples=COUNT, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@given(data=damaged())
def test_damaged(
    data: Any, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path_factory.mktemp("traces") / "t.json"
    path.write_text(json.dumps(data))
    for words in COMMANDS:
        check(capsys, words, path)
    try:
        session = session_of(str(path), None, (), ())
    except ZdcheckError as error:
        assert str(error)
    else:
        assert session.trace().steps is not None


ABSURD = {
    "empty": b"",
    "an array": b"[]",
    "a number": b"17",
    "not JSON": b"{",
    "no UTF-8": b"\xff\xfe\x00",
    "another version": b'{"schema": "zdcheck-trace/2"}',
    "a version that is no text": b'{"schema": {"a": [1]}}',
    "another document": b'{"schema": "zdcheck-report/1"}',
    "only the version": b'{"schema": "zdcheck-trace/1"}',
    "deep arrays": b"[" * 200_000,
    "deep objects": b'{"a":' * 200_000,
    "a huge number": b'{"schema": "zdcheck-trace/1", "start": ' + b"9" * 5000 + b"}",
    "a key twice": b'{"schema": "zdcheck-trace/1", "schema": "zdcheck-trace/1", "steps": 3}',
}


@pytest.mark.parametrize("name", ABSURD)
def test_absurd(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(ABSURD[name])
    for words in COMMANDS:
        assert check(capsys, words, path) == 2
    with pytest.raises(ZdcheckError):
        session_of(str(path), None, (), ())


def test_a_file_too_large_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    for words in COMMANDS:
        assert check(capsys, words, path) == 2


def test_a_million_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As many as fit into the largest file that is read: refused or shown, soon."""
    plain = json.loads(json.dumps(SAVED[0]))
    (step, *_) = plain["steps"]
    many = (document.MAX_BYTES - 200_000) // (len(json.dumps(step)) + 12)
    plain["steps"] = [{**step, "number": n + 1} for n in range(min(many, 20_000))]
    path = tmp_path / "t.json"
    path.write_text(json.dumps(plain))
    assert check(capsys, ("trace", "replay"), path) == 2


def test_a_device_or_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in COMMANDS:
        assert check(capsys, words, tmp_path) == 2
        assert check(capsys, words, tmp_path / "none.json") == 2
    assert check(capsys, ("trace", "show"), Path("/dev/zero")) == 2
