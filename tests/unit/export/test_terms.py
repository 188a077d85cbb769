"""Simultaneous updates one by one, and names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zdcheck.export.outline import _names
from zdcheck.export.terms import Apply, Read, Term, Value, in_sequence
from zdcheck.ir.expr import VarId

IDS = st.integers(0, 4).map(VarId)
TERMS = st.recursive(
    st.builds(Value, st.integers(-3, 3), st.just("number"))
    | st.builds(Read, IDS, st.just("number")),
    lambda inner: st.builds(
        Apply, st.sampled_from(["add", "sub"]), st.tuples(inner, inner), st.just("number")
    ),
    max_leaves=6,
)


def value(term: Term, state: list[int], old: dict[int, int]) -> int:
    match term:
        case Value(number):
            return number
        case Read(id, _, is_old):
            return old[id] if is_old else state[id]
        case Apply(op, (a, b)):
            x, y = value(a, state, old), value(b, state, old)
            return x + y if op == "add" else x - y
    raise AssertionError(term)


@given(st.dictionaries(IDS, TERMS), st.lists(st.integers(-5, 5), min_size=5, max_size=5))
def test_a_sequence_does_what_happens_at_once(
    updates: dict[VarId, Term], before: list[int]
) -> None:
    wanted = [
        value(updates[VarId(i)], before, {}) if i in updates else v for i, v in enumerate(before)
    ]
    found = in_sequence(updates)
    old = {id: before[id] for id in found.copies}
    state = list(before)
    for id, term in found.steps:
        state[id] = value(term, state, old)
    assert state == wanted
    assert {id for id, _ in found.steps} == set(updates)


def test_a_swap_needs_one_copy() -> None:
    x, y = VarId(0), VarId(1)
    found = in_sequence({x: Read(y, "number"), y: Read(x, "number")})
    assert len(found.copies) == 1
    assert in_sequence({x: Read(y, "number"), y: Value(0, "number")}).copies == ()


def test_names_differ_whatever_the_case() -> None:
    names = _names(["page[0].x", "page_0_x", "Page[0].X", "if", "0x", "—"], frozenset({"if"}))
    assert names == ("page_0_x", "page_0_x_2", "Page_0_X_3", "if_2", "v_0x", "x")
