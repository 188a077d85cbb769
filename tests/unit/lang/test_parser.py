"""What text gives which tree; and that no text gives anything but a tree or a message."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Golden
from zdcheck.base.diagnostics import SpecError, UsageError
from zdcheck.base.source import SourceFile, Span
from zdcheck.lang import ast
from zdcheck.lang.parser import parse
from zdcheck.lang.scan import scan

ROOT = Path(__file__).parents[3]
SYNTAX = sorted((ROOT / "tests" / "spec" / "syntax").glob("*.zd"))
SPECS = [path for folder in ("models", "specs") for path in sorted((ROOT / folder).rglob("*.zd"))]


def tree(text: str) -> ast.Spec:
    return parse(SourceFile("test.zd", text))


def expression(text: str) -> ast.Expr:
    (item,) = tree(f"invariant i : {text};").items
    assert isinstance(item, ast.PropertyItem)
    return item.body


def statements(text: str) -> tuple[ast.Stmt, ...]:
    (item,) = tree(f"init {{ {text} }}").items
    assert isinstance(item, ast.InitItem)
    return item.body.statements


def nodes(root: object) -> Iterator[object]:
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, tuple):
            pending.extend(node)
        elif is_dataclass(node) and not isinstance(node, Span):
            yield node
            pending.extend(getattr(node, part.name) for part in fields(node))


def outline(node: object, depth: int = 0) -> Iterator[str]:
    """A node a line, with the characters it spans where it has no nodes below it."""
    name = type(node).__name__
    parts = [(f.name, getattr(node, f.name)) for f in fields(node) if f.name != "span"]  # type: ignore[arg-type]
    plain, below = [], []
    for key, value in parts:
        if isinstance(value, ast.Name):
            plain.append(f"{key}={value.text}")
        elif isinstance(value, tuple):
            below.extend(value)
            if not all(is_dataclass(entry) for entry in value):
                plain.append(f"{key}={[e and e.text for e in value]}")
        elif is_dataclass(value):
            below.append(value)
        elif value is not None and value is not False:
            plain.append(f"{key}={value!r}")
    yield "  " * depth + " ".join([name, *plain])
    for entry in below:
        if isinstance(entry, ast.Name):
            yield "  " * (depth + 1) + entry.text
        elif entry is not None:
            yield from outline(entry, depth + 1)


@pytest.mark.parametrize("path", SYNTAX, ids=lambda p: p.stem)
def test_the_tree_of_every_feature(path: Path, golden: Golden) -> None:
    golden(f"tree/{path.stem}.txt", "\n".join(outline(tree(path.read_text("utf-8")))) + "\n")


@pytest.mark.parametrize("path", SYNTAX + SPECS, ids=lambda p: str(p.relative_to(ROOT)))
def test_spans_lie_in_each_other_and_begin_and_end_with_a_token(path: Path) -> None:
    source = SourceFile(path.name, path.read_text("utf-8"))
    tokens = scan(source).tokens
    starts, ends = {t.start for t in tokens}, {t.end for t in tokens}
    for node in nodes(parse(source).items):
        span: Span = node.span  # type: ignore[attr-defined]
        assert span.start in starts and span.end in ends and span.start < span.end
        for part in fields(node):  # type: ignore[arg-type]
            for inner in nodes(getattr(node, part.name)):
                assert span.start <= inner.span.start <= inner.span.end <= span.end  # type: ignore[attr-defined]
                break
        if isinstance(node, ast.Name):
            assert "".join(span.text.split()) == node.text


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a implies b implies c", "a implies (b implies c)"),
        ("a || b implies c || d", "(a || b) implies (c || d)"),
        ("a || b && c || d", "(a || (b && c)) || d"),
        ("a && b && c", "(a && b) && c"),
        ("a == b && c < d", "(a == b) && (c < d)"),
        ("a + b < c - d", "(a + b) < (c - d)"),
        ("a - b - c + d", "((a - b) - c) + d"),
        ("a + b * c - d", "(a + (b * c)) - d"),
        ("-a * -b", "(-a) * (-b)"),
        ("!a.b && !c", "(!(a.b)) && (!c)"),
        ("!a is b", "(!a) is b"),
        ("a + b in s - t", "(a + b) in (s - t)"),
        ("a.f is p(q) && q == b", "((a.f) is p(q)) && (q == b)"),
        ("a ? b : c ? d : e", "a ? b : (c ? d : e)"),
        ("a ? b ? c : d : e", "a ? (b ? c : d) : e"),
        ("a implies b ? c : d", "(a implies b) ? c : d"),
        ("forall x : t . a implies b", "forall x : t . (a implies b)"),
        ("forall x : t . a ? b : c", "forall x : t . (a ? b : c)"),
        ("a && forall x : t . b || c", "a && (forall x : t . (b || c))"),
        ("a implies exists x : t . b implies c", "a implies (exists x : t . (b implies c))"),
        ("forall x : t . exists y : 0..3 . a", "forall x : t . (exists y : 0..3 . a)"),
    ],
)
def test_what_binds_how(text: str, same: str) -> None:
    assert expression(text) == expression(same)


@pytest.mark.parametrize(
    ("text", "other"),
    [("a - b - c", "a - (b - c)"), ("(a implies b) implies c", "a implies b implies c")],
)
def test_parentheses_count(text: str, other: str) -> None:
    assert expression(text) != expression(other)


@pytest.mark.parametrize("text", ["a < b < c", "a == b == c", "a is b == c", "a in b in c"])
def test_comparisons_do_not_chain(text: str) -> None:
    with pytest.raises(SpecError):
        expression(text)


def test_an_else_belongs_to_the_nearest_if() -> None:
    (outer,) = statements("if (a) if (b) c(); else d();")
    assert isinstance(outer, ast.IfStmt) and outer.otherwise is None
    (inner,) = outer.then.statements
    assert isinstance(inner, ast.IfStmt) and inner.otherwise is not None
    assert not outer.then.braced


def test_space_and_comments_make_no_difference() -> None:
    text = "thread a[*] { x = any p : page where p.f == 0; // c\n }"
    spread = "\ufeffthread/**/a\t[\r\n*\n]{x=any p:page where p.f==0;}"
    assert tree(text) == tree(spread)


def test_steps_of_one_are_written_as_such() -> None:
    add, take = statements("x++; y.f--;")
    assert isinstance(add, ast.AssignStmt) and isinstance(take, ast.AssignStmt)
    assert (add.op, add.value, take.op, take.value) == (
        "++",
        ast.IntLit(1, add.span),
        "--",
        add.value,
    )


def test_escapes_in_texts() -> None:
    (note,) = tree(r'cite "a\"b\\c\nd";').items
    assert isinstance(note, ast.NoteItem) and note.text == 'a"b\\c\nd'


@pytest.mark.parametrize(
    "text",
    [
        'cite "a',
        'cite "a\nb";',
        "/* a",
        "var a : 0..1234567890;",
        "var a\x1b : bool;",
        "// \x1b[2J",
        'cite "\x07";',
        "var größe : bool;",
        "var a : bool; \x00",
        "var if : bool;",
        "var a : bool = = b;",
        "thread a { x = any p + 1; }",
        "}",
        "{",
        "thread a { either {} }",
    ],
)
def test_what_is_no_spec(text: str) -> None:
    with pytest.raises(SpecError) as raised:
        tree(text)
    for problem in raised.value.diagnostics:
        assert problem.at.span.end <= len(text)
        assert not problem.message.endswith(".")
        assert not {"NAME", "LPAR", "RBRACE", "SEMICOLON", "$END"} & set(problem.message.split())


ABSURD = {
    "braces": "{" * 10_000_000,
    "closing braces": "}" * 1_900_000,
    "parentheses": "invariant a : " + "(" * 900_000,
    "balanced": "invariant a : " + "(" * 500_000 + "1" + ")" * 500_000 + ";",
    "negations": "invariant a : " + "!" * 150_000 + "a;",
    "signs": "invariant a : " + "- " * 150_000 + "a;",
    "implications": "invariant a : " + "a implies " * 90_000 + "a;",
    "sum": "invariant a : " + "a + " * 90_000 + "a;",
    "fields": "invariant a : a" + ".b" * 90_000 + ";",
    "ifs": "thread a { " + "if (a) " * 40_000 + "b(); }",
    "else ifs": "thread a { " + "if (a) b(); else " * 15_000 + "b(); }",
    "quantifiers": "invariant a : " + "forall a : b . " * 30_000 + "a;",
    "words": "a " * 900_000,
    "semicolons": ";" * 1_900_000,
    "quotes": '"' * 1_900_000,
    "comments": "/*" * 900_000,
    "slashes": "/ " * 900_000,
    "foreign": "é" * 1_900_000,
    "zeros": "\0" * 1_900_000,
    "digits": "1" * 1_900_000,
    "lines": "\n" * 1_900_000 + "}",
    "one word": "a" * 1_900_000,
    "backslashes": '"' + "\\" * 1_900_001,
    "errors": "thread a { " + "x = ; " * 40_000 + "}",
    "unclosed threads": "thread a {\n" * 60_000,
    "stray braces": "thread a { } }\n" * 30_000,
    "missing semicolons": "thread a {\n" + "x = 1\n" * 45_000 + "}",
}


@pytest.mark.parametrize("name", ABSURD)
def test_absurd_texts_are_answered_soon(name: str) -> None:
    started = time.monotonic()
    with pytest.raises((SpecError, UsageError)) as raised:
        tree(ABSURD[name])
    assert time.monotonic() - started < 5
    assert len(getattr(raised.value, "diagnostics", ())) <= 50


def test_a_huge_text_takes_little_memory() -> None:
    text = "{" * 10_000_000
    tracemalloc.start()
    try:
        with pytest.raises(UsageError):
            tree(text)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def only_a_tree_or_a_message(text: str) -> None:
    try:
        assert isinstance(tree(text), ast.Spec)
    except SpecError as error:
        assert error.diagnostics
        for problem in error.diagnostics:
            assert 0 <= problem.at.span.start <= problem.at.span.end <= len(text)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
@settings(max_examples=80, deadline=None)
def test_any_text(text: str) -> None:
    only_a_tree_or_a_message(text)


WORDS = sorted({t.text for path in SYNTAX for t in scan(SourceFile("", path.read_text())).tokens})


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_specs_with_some_tokens_changed(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(SYNTAX + SPECS)).read_text("utf-8")
    tokens = [t.text for t in scan(SourceFile("test.zd", text)).tokens]
    start = data.draw(st.integers(0, len(tokens)))
    tokens = tokens[start : start + 150]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(tokens)))
        tokens[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.lists(st.sampled_from(WORDS), max_size=2)
        )
    only_a_tree_or_a_message(data.draw(st.sampled_from([" ", "\n"])).join(tokens))


@given(st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join))
@settings(max_examples=80, deadline=None)
def test_any_words(text: str) -> None:
    only_a_tree_or_a_message(text)
