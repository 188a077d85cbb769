"""The tool that puts mistakes into zdcheck: what it changes, that it notices, and that it notices nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants import c_faults, campaign, python_faults
from tests.mutants.judge import Court, court
from tests.mutants.mutant import Mutant
from tests.mutants.sample import ROOT, Judges, files, judges_of, picked, possible

PYTHON = '''\
def free(page: int | None, users: int) -> bool:
    """Text stays: a < b."""
    assert users >= 0
    if page is None or users < 1:
        note(page)
        raise ValueError("a == b")
    return users - 1 == 0
'''

C = """\
/* a < b */
static bool same(const uint64_t *a)
{
    if (a[0] == 1 && more(a))
        forget(a);
    return a[1] < 7;
}
"""


def changes(mutants: Iterator[Mutant]) -> set[tuple[str, str, str]]:
    """Kind, what was there, what is."""
    return {(m.kind, " ".join(m.was.split()), m.now.strip()) for m in mutants}


def test_python_mistakes() -> None:
    found = changes(python_faults.faults("free.py", PYTHON))
    test = "page is None or users < 1"
    assert found >= {
        ("guard negated", test, f"not ({test})"),
        ("guard decided", test, "True"),
        ("conjunct dropped", test, "(page is None)"),
        ("connective", test, "(page is None and users < 1)"),
        ("comparison", "users < 1", "(users <= 1)"),
        ("comparison", "page is None", "(page is not None)"),
        ("statement dropped", "note(page)", "pass"),
        ("check dropped", 'raise ValueError("a == b")', "pass"),
        ("arithmetic", "users - 1", "(users + 1)"),
        ("answer decided", "return users - 1 == 0", "return True"),
        ("number", "0", "1"),
    }
    assert not any("int | None" in was or "assert" in was for _, was, _ in found)


def test_c_mistakes() -> None:
    found = changes(c_faults.faults("same.c", C))
    assert found >= {
        ("guard negated", "a[0] == 1 && more(a)", "!(a[0] == 1 && more(a))"),
        ("guard decided", "a[0] == 1 && more(a)", "0"),
        ("comparison", "==", "!="),
        ("operator", "&&", "||"),
        ("statement dropped", "forget(a);", ";"),
        ("number", "7", "8"),
        ("answer decided", "a[1] < 7", "true"),
    }
    assert all(m.line > 1 for m in c_faults.faults("same.c", C))


def test_text_that_is_c() -> None:
    text = 'def one(a: int) -> str:\n    return f"if (x == {a} && y)"\n'
    found = changes(python_faults.faults("x.py", text, writes_c=True))
    assert {("generated C", was, now) for was, now in (("==", "!="), ("&&", "||"))} <= found


def test_every_file_of_the_sample_has_judges_that_exist() -> None:
    for file in files():
        judges = judges_of(file)
        for target in (*judges.near, *judges.wide):
            assert (ROOT / target).exists(), target


def test_a_sample_is_the_same_every_time_and_runs() -> None:
    file = "zdcheck/lower/ledger.py"
    text = (ROOT / file).read_text("utf-8")
    mutants = picked(possible(file, text))
    assert mutants == picked(possible(file, text))
    assert len({m.key for m in mutants}) == len(mutants) > 1
    for mutant in mutants:
        assert mutant.mutated != text
        ast.parse(mutant.mutated)


LAYOUT = "zdcheck/engines/explicit/layout.py"
NEAR = Judges((LAYOUT,), ("tests/unit/engines/explicit/test_layout.py",), ())


def turned(was: str, now: str) -> Mutant:
    """The mistake in the layout of states that is easy to make."""
    text = (ROOT / LAYOUT).read_text("utf-8")
    begin = text.index(was)
    return Mutant(LAYOUT, text, begin, begin + len(was), "by hand", now)


@pytest.fixture(scope="module")
def place() -> Iterator[Court]:
    with court() as found:
        yield found


def test_a_mistake_is_caught_and_put_right_again(place: Court) -> None:
    judgement = place.judge(turned("1 << self.width", "2 << self.width"), NEAR, 100.0)
    assert judgement.verdict == "caught"
    assert "test_layout.py" in judgement.by
    assert (place.copy / LAYOUT).read_text("utf-8") == (ROOT / LAYOUT).read_text("utf-8")


def test_what_is_no_mistake_survives(place: Court) -> None:
    assert (
        place.judge(turned("1 << self.width", "(1 << self.width)"), NEAR, 100.0).verdict
        == "survived"
    )


def test_results_are_kept_and_the_last_one_counts(tmp_path: Path) -> None:
    one = campaign.Result("k", "a/b.py", 1, "number", "x = 1", "1", "2", "survived", "", 1.0)
    path = tmp_path / "results.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for verdict in ("survived", "caught"):
            file.write(campaign.line_of(replace(one, verdict=verdict)))
    found = campaign.results(path)
    assert found == {"k": replace(one, verdict="caught")}
    assert "| `a` | 1 | 1 | 0 | 0 |" in list(campaign.table(found))


def test_every_explanation_is_of_a_line_that_is_there() -> None:
    for (file, context, _), why in campaign.explanations().items():
        assert context in (ROOT / file).read_text("utf-8"), f"{file}: {context}"
        assert why.endswith(".")
