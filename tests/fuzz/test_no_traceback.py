"""Whatever file is given to `zdcheck check`: an exit status and words, soon, and never a traceback.

Mutants of every spec go through the whole command line, in this process. `ZDCHECK_FUZZ` sets how
many (2000 before a release); a failure names the seed and leaves the text in the test's folder.
"""

from __future__ import annotations

import os
import random
import re
import time
from pathlib import Path

import pytest

from zdcheck.cli.app import run

ROOT = Path(__file__).parents[2]
SPECS = sorted(
    path
    for folder in ("models", "specs", "tests/cli/specs", "tests/spec")
    for path in (ROOT / folder).rglob("*.zd")
)
COUNT = int(os.environ.get("ZDCHECK_FUZZ", "60"))

SECONDS = 10.0
"""The longest answer."""

_TOKEN = re.compile(r"//[^\n]*|\w+|\s+|&&|\|\||[<>=!+-]=|\+\+|--|\.\.|->|.", re.DOTALL)

# Random bytes as they reach the parser: what is not UTF-8 is turned away before it.
_ODD = ["\0", "\x1b[2J", "é", "\u202e", "“", "\\", "/*", '"', "#", "'", "{", "}", "(", "1" * 12]


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit status and everything printed; fails on a traceback or a long wait."""
    begin = time.monotonic()
    code = run(
        ["check", "--engine", "interpreter", "--max-states", "200", "--timeout", "5s", *arguments]
    )
    took = time.monotonic() - begin
    out, err = capsys.readouterr()
    text = out + err
    assert "Traceback" not in text
    assert "internal error" not in text, text
    assert "\x1b" not in text and "\0" not in text
    assert code in (0, 1, 2, 3), text
    assert code == 0 or text.strip()
    assert took < SECONDS
    return code, text


def mutant(text: str, chance: random.Random) -> str:
    """The text with one to five tokens dropped, doubled, exchanged, replaced, or odd ones added."""
    tokens = _TOKEN.findall(text)
    for _ in range(chance.randint(1, 5)):
        words = [k for k, token in enumerate(tokens) if not token.isspace()]
        if not words:
            break
        i, j = chance.choice(words), chance.choice(words)
        match chance.randrange(6):
            case 0:
                del tokens[i]
            case 1:
                tokens.insert(i, tokens[i])
            case 2:
                tokens[i], tokens[j] = tokens[j], tokens[i]
            case 3:
                tokens[i] = tokens[j]
            case 4:
                tokens[i : i + chance.randint(1, 20)] = []
            case _:
                tokens.insert(i, chance.choice(_ODD))
    return "".join(tokens)


@pytest.mark.parametrize("seed", range(COUNT))
def test_mutants(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(seed)
    path = tmp_path / "spec.zd"
    path.write_text(mutant(chance.choice(SPECS).read_text("utf-8"), chance), "utf-8")
    check(capsys, str(path))


def _nested(opening: str, closing: str, inside: str, depth: int) -> str:
    return opening * depth + inside + closing * depth


_HEAD = "var b : bool;\nvar n : 0..3;\nobject p { q : p?; }\n"
_TAIL = "\nthread z { b = true; }\n"

ABSURD = {
    "empty": "",
    "only space": " \n\t\r\n",
    "ten megabytes of braces": "{" * 10_000_000,
    "many braces": "{" * 1_000_000,
    "many words": "thread " * 150_000,
    "a scope of a million": _HEAD + "scope { p: 1000000 }" + _TAIL,
    "a scope of a billion threads": "scope { z: 999999999 }\nthread z[*] { }",
    "a huge range": "var n : 0..999999999;" + _TAIL,
    "a huge array": _HEAD + "var a[0..999999][0..999999] : bool;" + _TAIL,
    "a huge loop": _HEAD + "thread a { for (i in 0..99999999) b = true; }",
    "a huge quantifier": _HEAD + "invariant i : forall x : 0..99999999 . b;" + _TAIL,
    "parentheses": _HEAD + "invariant i : " + _nested("(", ")", "b", 100_000) + ";" + _TAIL,
    "parentheses below the limit": _HEAD + "invariant i : " + _nested("(", ")", "b", 95) + ";" + _TAIL,
    "blocks below the limit": _HEAD + "thread a " + _nested("{", "}", "b = true;", 95),
    "ifs below the limit": _HEAD + "thread a { " + "if (b) " * 50 + "b = true; }",
    "either below the limit": _HEAD
    + "thread a { "
    + _nested("either { ", "} or { b = true; }", "b = false;", 40)
    + " }",
    "negations": _HEAD + "invariant i : " + "!" * 100_000 + "b;" + _TAIL,
    "negations below the limit": _HEAD + "invariant i : " + "!" * 110 + "b;" + _TAIL,
    "quantifiers below the limit": _HEAD
    + "invariant i : "
    + "".join(f"exists x{k} : 0..0 . " for k in range(110))
    + "b;"
    + _TAIL,
    "a long sum": _HEAD + "invariant i : " + "n + " * 50_000 + "n == 0;" + _TAIL,
    "a sum below the limit": _HEAD + "invariant i : " + "n + " * 100 + "n == 0;" + _TAIL,
    "fields": _HEAD + "invariant i : p[0]" + ".q" * 100 + " == null;" + _TAIL,
    "else ifs": _HEAD + "thread a { " + "if (b) n = 1; else " * 20_000 + "n = 2; }",
    "a long thread": _HEAD + "thread a {\n" + "n = 1;\n" * 3_000 + "}",
    "many threads": _HEAD + "".join(f"thread t{k} {{ b = true; }}\n" for k in range(300)),
    "a function that calls itself": _HEAD + "fn f() { f(); }\nthread a { f(); }",
    "functions that call each other": _HEAD
    + "fn f(x : bool) -> bool = g(x);\nfn g(x : bool) -> bool = f(x);\ninvariant i : f(b);"
    + _TAIL,
    "functions that double": _HEAD
    + "fn f0() { b = true; }\n"
    + "".join(f"fn f{k + 1}() {{ f{k}(); f{k}(); }}\n" for k in range(40))
    + "thread a { f40(); }",
    "a step that doubles": _HEAD + "thread a { atomic { " + "if (b) n = 1; else n = 2;" * 60 + "} }",
    "a step that never ends": _HEAD + "thread a { atomic { while (true) { } } }",
    "a local loop": _HEAD + "thread a { var x : bool = true; while (x) { } }",
    "configs in a circle": "config a : 0..3 = b;\nconfig b : 0..3 = a;" + _TAIL,
    "kinds in each other": "object a { lives in x : b?; }\nobject b { lives in x : a?; }" + _TAIL,
    "nulls": "\0" * 10_000,
    "a long line": _HEAD + "// " + "x" * 1_000_000 + "\nthread a { b = 3 }",
    "a long name": "var " + "x" * 1_000_000 + " : bool;" + _TAIL,
    "many errors": "thread a {\n" + "x = ;\n" * 40_000 + "}",
    "many unknown names": "thread a {\n" + "x = y;\n" * 10_000 + "}",
    "a missing import": "use no.such, mm.pge;" + _TAIL,
    "itself": "use spec;" + _TAIL,
    "up and away": "use etc.passwd;" + _TAIL,
}  # fmt: skip


@pytest.mark.parametrize("name", ABSURD)
def test_absurd_specs(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "spec.zd"
    path.write_text(ABSURD[name], "utf-8")
    code, _ = check(capsys, str(path))
    if "below the limit" not in name and name.split()[0] not in ("a", "many"):
        assert code != 0


def test_modules_that_use_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.zd").write_text("use b;\nthread a { }", "utf-8")
    (tmp_path / "b.zd").write_text("use c;", "utf-8")
    (tmp_path / "c.zd").write_text("use b;", "utf-8")
    code, text = check(capsys, str(tmp_path / "a.zd"))
    assert code == 2 and "error[import_cycle]" in text


def test_a_long_chain_of_modules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for k in range(1_500):
        (tmp_path / f"m{k}.zd").write_text(f"use m{k + 1};", "utf-8")
    (tmp_path / "m1500.zd").write_text("var b : bool;", "utf-8")
    (tmp_path / "a.zd").write_text("use m0;\nthread a { b = true; }", "utf-8")
    check(capsys, str(tmp_path / "a.zd"))


def test_what_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    binary = tmp_path / "binary.zd"
    binary.write_bytes(random.Random(1).randbytes(10_000))
    folder = tmp_path / "folder.zd"
    folder.mkdir()
    broken = tmp_path / "link.zd"
    broken.symlink_to(tmp_path / "nothing")
    circle = tmp_path / "circle.zd"
    circle.symlink_to(circle)
    for path in (binary, folder, broken, circle, tmp_path / "missing.zd", Path("/dev/null")):
        code, _ = check(capsys, str(path))
        assert code == 2
    for path in (binary, folder):
        (tmp_path / "a.zd").write_text(f"use {path.stem};\nthread a {{ }}", "utf-8")
        code, _ = check(capsys, str(tmp_path / "a.zd"))
        assert code == 2


@pytest.mark.parametrize("seed", range(max(COUNT // 6, 5)))
def test_random_bytes(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "spec.zd"
    path.write_bytes(random.Random(seed).randbytes(300))
    assert check(capsys, str(path))[0] == 2
