"""What would never end, or end in a traceback, is refused with the reason."""

from __future__ import annotations

import pytest

from tests.support.texts import lowered
from zdcheck.base.diagnostics import SpecError
from zdcheck.lower.calls import MAX_CALL_DEPTH
from zdcheck.lower.terms import MAX_COMBINATIONS


def chain(depth: int) -> str:
    """A thread that is so many calls deep."""
    functions = "".join(f"fn f{n}() {{ f{n + 1}(); }}\n" for n in range(1, depth))
    return f"var n : 0..1;\n{functions}fn f{depth}() {{ n = 1; }}\nthread t {{ f1(); }}\n"


def test_calls_may_be_nested_so_deep_and_no_deeper() -> None:
    assert lowered(chain(MAX_CALL_DEPTH)).actions
    with pytest.raises(SpecError, match=f"more than {MAX_CALL_DEPTH} deep"):
        lowered(chain(MAX_CALL_DEPTH + 1))


def test_quantifiers_inside_each_other_may_range_over_so_much_and_no_more() -> None:
    inside = "forall a : page. forall b : page. forall c : page."
    text = "object page {{}} scope {{ page: {} }} thread t {{}} invariant i: {} true || a == b || b == c;"
    assert lowered(text.format(40, inside)).properties
    with pytest.raises(SpecError, match=f"more than {MAX_COMBINATIONS} values"):
        lowered(text.format(41, inside))
