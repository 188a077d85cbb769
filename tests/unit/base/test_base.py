"""Texts and places in them, messages in order, suggestions, what is shipped."""

from __future__ import annotations

import pytest

from zdcheck.base.catalogue import ERRORS, VIOLATIONS, WARNINGS, find, is_violation, violation_ids
from zdcheck.base.diagnostics import Diagnostic, Label, Severity, SpecError
from zdcheck.base.probability import at_most
from zdcheck.base.resources import documentation_root, library_root
from zdcheck.base.source import SourceFile, Span
from zdcheck.base.suggest import closest


def test_positions_and_lines_are_counted_from_one() -> None:
    source = SourceFile("a.zd", "ab\n\ncd")
    assert [source.position(i) for i in range(7)] == [
        *[(1, 1), (1, 2), (1, 3)],
        (2, 1),
        *[(3, 1), (3, 2), (3, 3)],
    ]
    assert [source.line(i) for i in range(5)] == ["", "ab", "", "cd", ""]


def test_a_span_has_text_and_place_and_reaches_to_another() -> None:
    source = SourceFile("a.zd", "ab\ncd ef")
    cd, ef = Span(source, 3, 5), Span(source, 6, 8)
    assert (cd.text, str(cd), cd.line, cd.column) == ("cd", "a.zd:2:1", 2, 1)
    assert cd.to(ef).text == "cd ef"
    assert cd.to(cd) == cd


def test_diagnostics_come_in_source_order_and_once() -> None:
    source = SourceFile("a.zd", "abc")

    def at(start: int) -> Diagnostic:
        return Diagnostic("syntax", Severity.ERROR, "m", Label(Span(source, start, start + 1)))

    error = SpecError([at(2), at(0), at(2)])
    assert [d.at.span.start for d in error.diagnostics] == [0, 2]
    assert str(error) == "a.zd:1:1: m; a.zd:1:3: m"


def test_suggestions_are_near_or_none() -> None:
    known = ["refcount", "pincount", "locked"]
    assert closest("refcuont", known) == "refcount"
    assert closest("REFCOUNT", known) == "refcount"
    assert closest("generation", known) is None
    assert closest("x", []) is None


def test_every_id_once_and_each_has_its_sort() -> None:
    everything = [*VIOLATIONS.values(), *ERRORS.values(), *WARNINGS.values()]
    assert len({entry.id for entry in everything}) == len(everything)
    for entry in everything:
        assert find(entry.id) is entry
        assert is_violation(entry.id) == (entry.sort == "violation")
        assert entry.meaning and not entry.meaning.endswith(".")
    assert violation_ids() == set(VIOLATIONS)
    assert find("nothing") is None


def test_what_is_shipped_is_found() -> None:
    assert (library_root() / "mm" / "page.zd").is_file()
    assert (documentation_root() / "language.md").is_file()


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0, "0"), (2e-7, "2e-07"), (2.2e-7, "3e-07"), (9.5e-7, "1e-06"), (0.5, "5e-01"), (1, "1e+00")],
)
def test_a_bound_is_never_rounded_down(probability: float, text: str) -> None:
    assert at_most(probability) == text
    assert float(text) >= probability
