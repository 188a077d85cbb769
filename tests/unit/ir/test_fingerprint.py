"""Systems have one fingerprint only if they mean the same."""

from __future__ import annotations

from dataclasses import fields

import pytest

from zdcheck.base.source import SourceFile
from zdcheck.ir.fingerprint import fingerprint
from zdcheck.ir.system import System
from zdcheck.lang.check import check
from zdcheck.lang.modules import load_text
from zdcheck.lower import Instance, lower

SPEC = """
config on : bool = false;
var a : 0..3; var b : 0..3;
thread t { a = 1; assert a == 1; if (on) b = 2; cover c; b = 1; }
invariant i : a < 2;
progress p : a == 1 leads to b == 1;
"""

MEANT = {"variables", "threads", "initial_states", "actions", "ledger", "properties", "progress",
         "covers", "initial_statements"}  # fmt: skip
NOT_MEANT = {"name", "kinds", "statements", "composites"}


def test_every_field_of_a_system_was_thought_of() -> None:
    assert {field.name for field in fields(System)} == MEANT | NOT_MEANT


def mark(text: str) -> str:
    model = check(load_text(SourceFile("test.zd", text)))
    return fingerprint(lower(Instance.of(model, model.checks[0])))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("if (on) b = 2;", ""),
        ("thread t {", "thread t { // a comment\n\n"),
        ("if (on) b = 2;", 'models "mm/gup.c:gup"; if (on) b = 3;'),
    ],
)
def test_what_means_the_same(old: str, new: str) -> None:
    assert old in SPEC
    assert mark(SPEC) == mark(SPEC.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a = 1;", "a = 2;"),
        ("b = 1;", ""),
        ("assert a == 1;", 'assert a == 1 else use_after_free "x";'),
        ("a < 2", "a < 3"),
        ("cover c; b = 1;", "b = 1; cover c;"),
        ("= false", "= true"),
        ("thread t", "daemon thread t"),
        ("a == 1 leads", "a == 2 leads"),
    ],
)
def test_what_does_not(old: str, new: str) -> None:
    assert old in SPEC
    assert mark(SPEC) != mark(SPEC.replace(old, new))
