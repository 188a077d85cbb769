"""Whatever tells the members of a kind apart is noticed, wherever it stands: else a reduction would lose states."""

from __future__ import annotations

import pytest

from tests.support.texts import lowered

HEAD = """
object page { users : 0..3 = 0; next : page? = null; }
scope { page: 2 }
var first : page? = null;
"""


def asymmetry(text: str, kind: str) -> str | None:
    """Why the members of the kind may not be exchanged."""
    [found] = [k for k in lowered(HEAD + text).kinds if k.name == kind]
    return found.asymmetry


@pytest.mark.parametrize(
    "text",
    [
        "thread t { first = any page; }",
        "thread t { first = any p : page where p.users == 0; }",
        "thread t {} invariant i : forall p : page. p.users == 0;",
        "init { first = page[0]; } thread t {}",
    ],
)
def test_members_that_nobody_tells_apart(text: str) -> None:
    assert asymmetry(text, "page") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("thread t { for (p in page) first = p; }", "walked in order"),
        ("thread t { first = page[1]; }", "names one of them"),
        ("fn f() { first = page[1]; } thread t { f(); }", "names one of them"),
        ("fn f() { for (p in page) first = p; } fn g() { f(); } thread t { g(); }", "in order"),
        ("thread t { var p = any page; first = index(p) == 0 ? p : null; }", "`index` tells"),
        ("thread t {} invariant i : page[0].users == 0;", "names one of them"),
        (
            "thread t {} finally i : forall p : page. index(p) == 0 || p.users == 0;",
            "`index` tells",
        ),
        ("thread t {} progress e : eventually page[0].users == 0;", "names one of them"),
        (
            "thread t {} progress e : first == null leads to page[0].users == 0;",
            "names one of them",
        ),
        (
            "thread t {} progress e : page[1].users == 0 leads to first == null;",
            "names one of them",
        ),
        (
            "fn odd(p : page) -> bool = p == page[0]; thread t { var p = any page; assert odd(p); }",
            "names one of them",
        ),
        (
            "object frame { home : page? = page[1]; } scope { frame: 1 } thread t {}",
            "names one of them",
        ),
    ],
)
def test_what_tells_them_apart(text: str, why: str) -> None:
    assert why in (asymmetry(text, "page") or "")


def test_a_family_whose_numbers_are_compared() -> None:
    text = "var turn : 0..1 = 0; thread t[2] { wait until turn == index(self); turn = 1; }"
    assert asymmetry(text, "t") is not None
    assert asymmetry("thread t[2] { first = null; }", "t") is None
