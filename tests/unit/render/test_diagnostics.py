"""How a message about a spec looks."""

from __future__ import annotations

import unicodedata

from zdcheck.base.diagnostics import Diagnostic, Label, Severity
from zdcheck.base.source import SourceFile, Span
from zdcheck.render.diagnostics import LINE_WIDTH, render


def at(source: SourceFile, words: str, text: str = "") -> Label:
    start = source.text.index(words)
    return Label(Span(source, start, start + len(words)), text)


def error(label: Label, *also: Label, help: str | None = None) -> Diagnostic:
    return Diagnostic("unknown_field", Severity.ERROR, "no field `x`", label, also, help)


def test_message_place_line_carets_label_and_help() -> None:
    source = SourceFile("a.zd", "thread a {\n    pg.refcuont = 1;\n}\n")
    text = render(
        [error(at(source, "refcuont", "not a field"), help="did you mean `refcount`?\nor not")]
    )
    assert text == (
        "error[unknown_field]: no field `x`\n"
        " --> a.zd:2:8\n"
        "  |\n"
        "2 |     pg.refcuont = 1;\n"
        "  |        ^^^^^^^^ not a field\n"
        "  = help: did you mean `refcount`?\n"
        "          or not\n"
    )


def test_second_labels_stand_in_source_order_and_gaps_are_shown() -> None:
    source = SourceFile("a.zd", "object page {\n" + "\n" * 10 + "    here there\n")
    text = render([error(at(source, "there", "used"), at(source, "page", "declared"))])
    assert text == (
        "error[unknown_field]: no field `x`\n"
        "  --> a.zd:12:10\n"
        "   |\n"
        " 1 | object page {\n"
        "   |        ---- declared\n"
        "...\n"
        "12 |     here there\n"
        "   |          ^^^^^ used\n"
    )


def test_two_labels_on_one_line_share_it() -> None:
    source = SourceFile("a.zd", "here there")
    text = render([error(at(source, "there", "used"), at(source, "here", "first"))])
    assert text.count("here there") == 1
    assert "  |      ^^^^^ used\n  | ---- first\n" in text


def test_a_label_in_another_file() -> None:
    library = SourceFile("<library>/mm/page.zd", "object page {}")
    source = SourceFile("a.zd", "page")
    text = render([error(at(source, "page"), at(library, "page", "declared here"))])
    assert text.endswith(
        " --> a.zd:1:1\n  |\n1 | page\n  | ^^^^\n"
        " ::: <library>/mm/page.zd:1:8\n  |\n1 | object page {}\n  |        ---- declared here\n"
    )


def test_several_are_set_apart_and_none_is_nothing() -> None:
    source = SourceFile("a.zd", "page")
    one = error(at(source, "page"))
    assert render([]) == ""
    assert render([one, one]) == render([one]) + "\n" + render([one])


def test_tabs_and_wide_characters_keep_the_caret_in_place() -> None:
    source = SourceFile("a.zd", "\tx\tyz")
    assert render([error(at(source, "yz"))]).endswith("1 |     x   yz\n  |         ^^\n")
    source = SourceFile("a.zd", "// 世界e\u0301 xy")
    assert render([error(at(source, "xy"))]).endswith(" |         " + " ^^\n")


def test_control_characters_of_the_spec_are_escaped() -> None:
    source = SourceFile("a\x1b.zd", "\x1b[2J x \u202e\r\nnext")
    text = render([error(at(source, "x", "\x1b"), help="\x1b")])
    assert not any(unicodedata.category(c) in ("Cc", "Cf") for c in text.replace("\n", ""))
    assert "1 | \\x1b[2J x \\u202e\n" in text
    assert "  |         ^ \\x1b\n" in text


def test_long_lines_are_cut_around_the_mark() -> None:
    source = SourceFile("a.zd", "a" * 1_000_000 + " here " + "b" * 1_000_000)
    lines = render([error(at(source, "here", "look"))]).split("\n")
    assert all(len(line) < LINE_WIDTH + 10 for line in lines)
    shown, marks = lines[3], lines[4]
    assert shown[4:].startswith("...aaa") and shown.endswith("bbb...")
    assert shown[marks.index("^") : marks.rindex("^") + 1] == "here"


def test_a_long_line_of_escapes_is_cut_too() -> None:
    source = SourceFile("a.zd", "\x01" * 5000 + "here" + "\x02" * 5000)
    lines = render([error(at(source, "here"))]).split("\n")
    assert all(len(line) < LINE_WIDTH + 10 for line in lines)
    assert lines[3][lines[4].index("^") : lines[4].rindex("^") + 1] == "here"


def test_a_mark_over_several_lines_ends_with_the_first() -> None:
    source = SourceFile("a.zd", "ab {\n  cd\n}\n")
    assert render([error(Label(Span(source, 3, 11)))]).endswith("1 | ab {\n  |    ^\n")


def test_the_end_of_the_file_can_be_marked() -> None:
    for text in ("", "ab\n", "ab"):
        source = SourceFile("a.zd", text)
        place = Label(Span(source, len(text), len(text)), "here")
        assert render([error(place)]).endswith("^ here\n")


def test_long_messages_are_cut() -> None:
    source = SourceFile("a.zd", "page")
    long = Diagnostic("x", Severity.ERROR, "no " + "a" * 1_000_000, at(source, "page", "b" * 9999))
    assert len(render([long])) < 1200


def test_colour_adds_nothing_but_colour() -> None:
    source = SourceFile("a.zd", "page")
    plain = render([error(at(source, "page", "why"), help="so")])
    painted = render([error(at(source, "page", "why"), help="so")], color=True)
    assert "\x1b[1;31m" in painted
    import re

    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain
