"""Each common mistake gives its message, once, and nothing else."""

from __future__ import annotations

import pytest

from zdcheck.base.diagnostics import Diagnostic, SpecError
from zdcheck.base.source import SourceFile
from zdcheck.lang.automaton import table
from zdcheck.lang.mistakes import MISTAKES, Mistake
from zdcheck.lang.parser import parse


def problems(text: str) -> tuple[Diagnostic, ...]:
    try:
        parse(SourceFile("test.zd", text))
    except SpecError as error:
        return error.diagnostics
    return ()


def placed(sample: str) -> str:
    """The sample in a spec with something before and after it."""
    if sample.split()[0] in ("thread", "fn", "check"):
        return f"var a : bool;\n{sample}\nvar z : bool;\n"
    return f"thread a {{\n    n = 0;\n    {sample}\n    n = 3;\n}}\nthread z {{ }}\n"


@pytest.mark.parametrize("row", MISTAKES, ids=lambda row: row.match.__name__.strip("_"))
def test_each_sample_gives_its_message_and_no_other(row: Mistake) -> None:
    found = problems(placed(row.sample))
    start = row.message.split("{")[0]
    assert [(p.id, p.message[: len(start)]) for p in found] == [("syntax", start)]
    assert "{" not in found[0].message.replace("`{`", "")
    assert found[0].help or row.help is None
    assert found[0].at.span.text in row.sample


def test_every_row_is_met_by_its_own_sample() -> None:
    assert len({row.sample for row in MISTAKES}) == len(MISTAKES)
    assert len({row.match for row in MISTAKES}) == len(MISTAKES)


@pytest.mark.parametrize("row", MISTAKES, ids=lambda row: row.match.__name__.strip("_"))
def test_messages_name_no_terminals(row: Mistake) -> None:
    (found,) = problems(placed(row.sample))
    for names in table().terminals.values():
        for name in names:
            assert name not in f"{found.message} {found.help}".split()
