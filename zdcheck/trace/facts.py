"""Facts of a proof in the reader's words."""

from __future__ import annotations

from collections.abc import Mapping

from zdcheck.engines.symbolic.facts import Fact
from zdcheck.ir.crowd import Abstraction, Company, LocalState, Seen, View
from zdcheck.ir.expr import VarId
from zdcheck.ir.system import System, Thread


def fact_text(system: System, fact: Fact) -> str:
    """`never: gup[0] is at :41 and page[0].refcount is 0`."""
    match fact.origin:
        case "ledger":
            return f"{fact.name} is balanced"
        case "property":
            return f"{fact.name} is true"
        case "seen" | "learned":
            return "never: " + " and ".join(_is_one_of(system, v, s) for v, s in fact.never)


def seen_texts(abstraction: Abstraction, seen: Seen) -> list[list[str]]:
    """For each family, `gup[0] is at :41 and …, while page[0].refcount is not 0 and …`, for each local state.

    Without what is the same for all local states of the family.
    """
    return [
        _family_texts(abstraction.system, view, locals_)
        for view, locals_ in zip(abstraction.views, seen, strict=True)
    ]


def _family_texts(system: System, view: View, locals_: Mapping[LocalState, Company]) -> list[str]:
    own = {v: {local[place] for local in locals_} for place, v in enumerate(view.own)}
    ever = {v: {frozenset(company[v]) for company in locals_.values()} for v in view.around}
    texts = []
    for local, company in locals_.items():
        mine = [
            _is_one_of(system, v, frozenset({value}))
            for v, value in zip(view.own, local, strict=False)
            if len(own[v]) > 1
        ]
        mine += [
            f"owns {system.variables[v].name}"
            for v, owns in zip(view.owners, local[len(view.own) :], strict=True)
            if owns
        ]
        around = [_is_one_of(system, v, company[v]) for v in view.around if len(ever[v]) > 1]
        texts.append(" and ".join(mine) + (f", while {' and '.join(around)}" if around else ""))
    return texts


def _is_one_of(system: System, id: VarId, values: frozenset[int]) -> str:
    variable = system.variables[id]
    domain = frozenset(range(variable.type.low, variable.type.high + 1))
    others = domain - values
    is_negative = 0 < len(others) < len(values)
    listed = sorted(others if is_negative else values)
    if variable.role == "pc":
        assert variable.thread is not None
        thread = system.threads[variable.thread]
        shown = [_location(thread, at) for at in listed]
        return f"{thread.name} is {_chosen(shown, 'at ', is_negative)}"
    if len(listed) > 3 and listed[-1] - listed[0] == len(listed) - 1:
        ends = f"{variable.type.show(listed[0])}..{variable.type.show(listed[-1])}"
        return f"{variable.name} is {'not ' if is_negative else ''}in {ends}"
    shown = [variable.type.show(value) for value in listed]
    return f"{variable.name} is {_chosen(shown, '', is_negative)}"


def _chosen(shown: list[str], at: str, is_negative: bool) -> str:
    """`0`, `not 0`, `one of 0, 2`, `none of 0, 2`; with `at ` before it for places."""
    match shown:
        case []:
            return "anything"
        case [one]:
            return f"{'not ' if is_negative else ''}{at}{one}"
        case _:
            return f"{at}{'none' if is_negative else 'one'} of {', '.join(shown)}"


def _location(thread: Thread, location: int) -> str:
    """`gup.zd:41 (7)`: a location is unique in a line only together with its number."""
    span = thread.location_spans[location]
    if span is None:
        return "its end"
    return f"{span.file.path.rsplit('/', 1)[-1]}:{span.line} ({location})"
