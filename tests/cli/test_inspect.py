"""What `zdcheck inspect` begins with."""

from __future__ import annotations

from pathlib import Path

from zdcheck.cli.inspect import session_of

SPEC = """\
config guarded : bool = true;
config other : bool = true;
var x : 0..1 = 0;
thread a { x = 1; }
invariant low : guarded || x == 0;
invariant lower : other || x == 0;
check "holds" { expect holds; }
check "expected" with guarded = false { expect violation invariant; }
check "surprise" with other = false { expect holds; }
"""


def begun(path: Path, text: str, check: str | None = None) -> tuple[str, int]:
    """The check that is shown, and how many steps there are."""
    path.write_text(text, encoding="utf-8")
    session = session_of(str(path), check, (), ())
    return session.lowered.check.name, session.node.depth


def test_a_spec_begins_with_what_it_does_not_expect(tmp_path: Path) -> None:
    assert begun(tmp_path / "a.zd", SPEC) == ("surprise", 1)


def test_else_with_the_first_violation(tmp_path: Path) -> None:
    text = SPEC[: SPEC.index('check "surprise"')]
    assert begun(tmp_path / "a.zd", text) == ("expected", 1)


def test_else_by_hand(tmp_path: Path) -> None:
    text = SPEC[: SPEC.index('check "expected"')]
    assert begun(tmp_path / "a.zd", text) == ("holds", 0)
    assert begun(tmp_path / "a.zd", SPEC, "holds") == ("holds", 0)
