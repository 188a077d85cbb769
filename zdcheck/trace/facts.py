"""Facts of a proof in the reader's words."""

from __future__ import annotations

from collections.abc import Iterator

from zdcheck.engines.symbolic.facts import Fact
from zdcheck.ir.expr import VarId
from zdcheck.ir.system import System, Thread


def fact_text(system: System, fact: Fact) -> str:
    """`never: gup[0] is at :41 and page[0].refcount is 0`."""
    match fact.origin:
        case "ledger":
            return f"{fact.name} is balanced"
        case "property":
            return f"{fact.name} is true"
        case "learned":
            return "never: " + " and ".join(_is_one_of(system, v, s) for v, s in fact.never)


def _is_one_of(system: System, id: VarId, values: frozenset[int]) -> str:
    variable = system.variables[id]
    domain = frozenset(range(variable.type.low, variable.type.high + 1))
    others = domain - values
    is_negative = 0 < len(others) < len(values)
    listed = sorted(others if is_negative else values)
    if variable.role == "pc":
        assert variable.thread is not None
        thread = system.threads[variable.thread]
        places = " or ".join(dict.fromkeys(_location(thread, at) for at in listed))
        return f"{thread.name} is {'not ' if is_negative else ''}{places}"
    shown = " or ".join(_values(listed, variable.type.show))
    return f"{variable.name} is {'not ' if is_negative else ''}{shown}"


def _values(listed: list[int], show: object) -> Iterator[str]:
    assert callable(show)
    if len(listed) > 3 and listed[-1] - listed[0] == len(listed) - 1:
        yield f"{show(listed[0])}..{show(listed[-1])}"
        return
    for value in listed:
        yield str(show(value))


def _location(thread: Thread, location: int) -> str:
    """`at :41`, the line in the spec; a location is unique in a line only together with its number."""
    span = thread.location_spans[location]
    if span is None:
        return "at its end"
    return f"at {span.file.path.rsplit('/', 1)[-1]}:{span.line} ({location})"
