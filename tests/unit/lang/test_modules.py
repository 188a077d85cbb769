"""Finding, reading and ordering the files of a spec."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zdcheck.base.diagnostics import Diagnostic, SpecError, UsageError
from zdcheck.base.resources import library_root
from zdcheck.base.source import SourceFile
from zdcheck.lang import ast
from zdcheck.lang.modules import LIBRARY, MAX_BYTES, load, load_text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for specs; nothing else is in it, and messages show its path."""
    return tmp_path


def write(folder: Path, **texts: str) -> None:
    """Files by their names; `a__b` is a/b.zd."""
    for name, text in texts.items():
        path = folder / (name.replace("__", "/") + ".zd")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def names(bundle: ast.Bundle) -> list[str]:
    return [".".join(module.name) for module in bundle.modules]


def problems(path: Path) -> tuple[Diagnostic, ...]:
    with pytest.raises(SpecError) as raised:
        load(path)
    return raised.value.diagnostics


def test_a_module_comes_after_what_it_uses_once_and_the_spec_is_last(folder: Path) -> None:
    write(folder, spec="use a, b;", a="use deep.c;", b="use deep.c, a;", deep__c="enum e { x }")
    assert names(load(folder / "spec.zd")) == ["deep.c", "a", "b", ""]


def test_modules_of_modules_are_looked_for_beside_the_spec(folder: Path) -> None:
    write(folder, spec="use deep.a;", deep__a="use b;", deep__b="", b="")
    assert names(load(folder / "spec.zd")) == ["b", "deep.a", ""]


def test_library_modules_are_shown_as_such() -> None:
    bundle = load_text(SourceFile("test.zd", "use mm.page;"))
    (page,) = [module for module in bundle.modules if module.name == ("mm", "page")]
    assert page.spec.span.file.path == f"{LIBRARY}/mm/page.zd"


def test_every_library_module_can_be_used_alone() -> None:
    for path in sorted(library_root().rglob("*.zd")):
        name = ".".join(path.relative_to(library_root()).with_suffix("").parts)
        assert names(load_text(SourceFile("test.zd", f"use {name};")))[-2:] == [name, ""]


def test_a_library_file_that_is_the_spec_is_not_ambiguous() -> None:
    assert names(load(library_root() / "mm" / "page.zd"))[-1] == ""
    beside = load_text(SourceFile("test.zd", "use mm.page;"), library_root())
    assert "mm.page" in names(beside)


def test_a_module_of_the_name_of_a_library_module(folder: Path) -> None:
    write(folder, spec="use mm.page;", mm__page="")
    (problem,) = problems(folder / "spec.zd")
    assert (problem.id, problem.at.span.text) == ("ambiguous_module", "mm.page")


def test_unknown_modules_are_all_named_with_the_nearest(folder: Path) -> None:
    write(folder, spec="use mm.pagee, neer, mine.twwo, zzzzzz;", near="", mine__two="")
    found = problems(folder / "spec.zd")
    assert [(p.id, p.at.span.text) for p in found] == [
        ("unknown_module", name) for name in ("mm.pagee", "neer", "mine.twwo", "zzzzzz")
    ]
    assert [p.help for p in found] == [
        "did you mean `mm.page`?",
        "did you mean `near`?",
        "did you mean `mine.two`?",
        "expected a file `zzzzzz.zd` beside the spec",
    ]


def test_a_cycle_is_named_once(folder: Path) -> None:
    write(folder, spec="use a;", a="use b;", b="use c;", c="use a, b;")
    found = problems(folder / "spec.zd")
    assert [p.message.split(": ")[1] for p in found] == ["a → b → c → a", "b → c → b"]
    assert {p.id for p in found} == {"import_cycle"}
    assert {p.at.span.file.path for p in found} == {str(folder / "c.zd")}


def test_a_spec_that_uses_itself(folder: Path) -> None:
    write(folder, spec="use spec;")
    (problem,) = problems(folder / "spec.zd")
    assert problem.message.endswith("spec → spec")


def test_a_long_chain_and_a_long_cycle(folder: Path) -> None:
    count = 1500
    write(folder, **{f"m{i}": f"use m{i + 1};" for i in range(count)}, **{f"m{count}": ""})
    assert len(load(folder / "m0.zd").modules) == count + 1
    write(folder, **{f"m{count}": "use m1;"})
    (problem,) = problems(folder / "m0.zd")
    assert problem.message.endswith("m1 → m2 → m3 → m4 → m5 → m6 → … → m1")


def test_errors_of_all_files_come_together(folder: Path) -> None:
    write(folder, spec="use a, b, none;", a="var x : ;", b="var y ;")
    found = problems(folder / "spec.zd")
    assert {Path(p.at.span.file.path).name for p in found} == {"spec.zd", "a.zd", "b.zd"}


def test_a_used_file_that_cannot_be_read_is_an_error_at_the_use(folder: Path) -> None:
    write(folder, spec="use a, b;")
    (folder / "a.zd").write_bytes(b"\xff\xfe\x00")
    (folder / "b.zd").write_text(" " * (MAX_BYTES + 1), encoding="utf-8")
    found = problems(folder / "spec.zd")
    assert [p.at.span.text for p in found] == ["a", "b"]
    assert "not UTF-8" in found[0].message
    assert "larger than" in found[1].message


def test_a_used_file_with_too_many_words_is_an_error_at_the_use(folder: Path) -> None:
    write(folder, spec="use a;", a="a " * 500_000)
    (problem,) = problems(folder / "spec.zd")
    assert problem.at.span.text == "a"


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as raised:
        load(path)
    return str(raised.value)


def test_what_is_no_spec_file(folder: Path) -> None:
    assert "no such file" in refusal(folder / "none.zd")
    assert "is a directory" in refusal(folder)
    (folder / "binary.zd").write_bytes(bytes(range(256)))
    assert "not UTF-8" in refusal(folder / "binary.zd")
    (folder / "large.zd").write_bytes(b"x" * (MAX_BYTES + 1))
    assert "larger than" in refusal(folder / "large.zd")
    assert "cannot be read" in refusal(folder / "large.zd" / "below.zd")
    assert "no path" in refusal(Path("a\0b"))


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.zd")
    assert "not a regular file" in refusal(folder / "pipe.zd")


def test_bytes_that_are_text_but_no_spec(folder: Path) -> None:
    (folder / "zeros.zd").write_bytes(b"\0" * 1000)
    assert problems(folder / "zeros.zd")


def test_a_marked_file_of_another_system(folder: Path) -> None:
    (folder / "spec.zd").write_bytes(b"\xef\xbb\xbfenum e { x }\r\n")
    assert len(load(folder / "spec.zd").modules[0].spec.items) == 1
