"""What specs mean: each file says in its header how many states it has, reductions off.

`//@ states: N` and `//@ steps: N` (of the counterexample). `violations/ID/` has a spec that breaks
in this way and a twin that does not; the other folders have the language's corners, with the
number of states derived by hand in the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from zdcheck.base.catalogue import VIOLATIONS
from zdcheck.engines.interpreter import InterpreterEngine
from zdcheck.engines.protocol import Limits
from zdcheck.pipeline import Lowered, Options, confirmed, load_spec, lower_check
from zdcheck.trace.verdict import Expected, Violated, surprise

HERE = Path(__file__).parent
PAIRS = sorted((HERE / "violations").glob("*/*.zd"))
CORNERS = sorted(
    path
    for folder in ("steps", "holders", "lifetimes", "contexts", "properties")
    for path in (HERE / folder).glob("*.zd")
)
_HEADER = re.compile(r"^//@ *([^\n:]*): *([^\n]*)$", re.MULTILINE)


@dataclass(frozen=True)
class Header:
    """The numbers that a spec must come to."""

    states: int
    steps: int | None

    @classmethod
    def of(cls, text: str) -> Header:
        """A spec's header; an unknown or repeated key is a mistake."""
        lines = _HEADER.findall(text)
        assert len(lines) == text.count("//@"), "a header line cannot be read"
        values = {key: int(value) for key, value in lines}
        assert len(values) == len(lines), "a header key stands there twice"
        assert values.keys() <= {"states", "steps"}, f"unknown header key in {sorted(values)}"
        return cls(values["states"], values.get("steps"))


def only_check(path: Path) -> Lowered:
    """The one check of a spec."""
    spec = load_spec(str(path))
    [name] = spec.check_names
    return lower_check(spec, spec.check(name), Options())


def is_as_it_says(path: Path) -> None:
    """Verdict, states and steps are those of the file; a run that is claimed replays."""
    header = Header.of(path.read_text("utf-8"))
    lowered = only_check(path)
    claim = InterpreterEngine().solve(lowered.system, Limits(100_000), lambda progress: None)
    verdict = confirmed(lowered, claim)
    expect = lowered.check.expect
    assert surprise(Expected(expect.violation, expect.of, expect.by), verdict) is None
    steps = len(verdict.trace.steps) if isinstance(verdict, Violated) else None
    assert (verdict.statistics.states, steps) == (header.states, header.steps)


@pytest.mark.parametrize("path", PAIRS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_violations(path: Path) -> None:
    expect = only_check(path).check.expect
    wanted = {"broken": path.parent.name, "fixed": None}[path.stem]
    assert expect.violation == wanted
    is_as_it_says(path)


@pytest.mark.parametrize("path", CORNERS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_corners(path: Path) -> None:
    is_as_it_says(path)


def test_every_violation_has_a_pair() -> None:
    assert {(path.parent.name, path.stem) for path in PAIRS} == {
        (id, stem) for id in VIOLATIONS for stem in ("broken", "fixed")
    }


def test_a_wrong_header_is_noticed() -> None:
    assert Header.of("//@ states: 3\n//@ steps: 2\n") == Header(3, 2)
    for text in ("//@ sates: 3\n", "//@ states: 3\n//@ depth: 1\n", "//@ states: 3\n" * 2):
        with pytest.raises((AssertionError, KeyError)):
            Header.of(text)
