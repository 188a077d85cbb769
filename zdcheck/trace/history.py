"""A confirmed run with all its states, and what can be read off them: values, holders, since when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import assert_never

from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.expr import Const, Expr, Op, Select, Var, VarId
from zdcheck.ir.system import Action, LedgerEntry, State, System
from zdcheck.trace.model import Fact, LedgerLine
from zdcheck.trace.values import Values, short_name

MOST_FACTS = 12
"""A condition over a whole scope can have more; the first ones are enough to see why."""


@dataclass(frozen=True)
class History:
    """A confirmed run: `states[i]` is the state after `i` steps.

    A last action whose own check fails is in `actions` and has no state. `spec` is the path of
    the spec itself, whose lines are preferred to the library's.
    """

    system: System
    values: Values
    states: tuple[State, ...]
    actions: tuple[Action, ...]
    spec: str

    @property
    def last(self) -> State:
        """The state in which the run ends."""
        return self.states[-1]

    def since(self, variables: Iterable[VarId]) -> int | None:
        """The step that last changed one of `variables`, None if none ever did."""
        watched = tuple(variables)
        for step in range(len(self.states) - 1, 0, -1):
            before, after = self.states[step - 1], self.states[step]
            if any(before[v] != after[v] for v in watched):
                return step
        return None


# --- the ledger -------------------------------------------------------------------------


def holders(entry: LedgerEntry, state: State) -> tuple[str, ...]:
    """The names of the places that hold a count of this entry now."""
    return tuple(short_name(h.name) for h in entry.holders if evaluate(h.count, state))


def ledger_line(system: System, entry: LedgerEntry, before: State, after: State) -> LedgerLine:
    """The entry as it stands in `after`."""
    return LedgerLine(
        count=system.variables[entry.count].name,
        before=before[entry.count],
        value=after[entry.count],
        bias=evaluate(entry.bias, after),
        holders=holders(entry, after),
    )


def touched_entries(system: System, before: State, after: State) -> Iterator[LedgerLine]:
    """Entries of living objects whose count or holders a step changed."""
    for entry in system.ledger:
        if evaluate(entry.alive, after) and (
            before[entry.count] != after[entry.count]
            or holders(entry, before) != holders(entry, after)
        ):
            yield ledger_line(system, entry, before, after)


# --- values -----------------------------------------------------------------------------


def causes(expr: Expr, state: State) -> Iterator[VarId]:
    """The variables that explain why `expr` has its value in `state`, maybe more than once."""
    match expr:
        case Const():
            return
        case Var(id):
            yield id
        case Select(variables, low, index):
            yield from causes(index, state)
            position = evaluate(index, state) - low
            if 0 <= position < len(variables):
                yield variables[position]
        case Op("and" | "or" as op, args):
            decides = int(op == "or")
            deciding = [a for a in args if evaluate(a, state) == decides]
            for arg in deciding[:1] or args:
                yield from causes(arg, state)
        case Op("ite", (condition, then, otherwise)):
            yield from causes(condition, state)
            yield from causes(then if evaluate(condition, state) else otherwise, state)
        case Op(_, args):
            for arg in args:
                yield from causes(arg, state)
        case _:
            assert_never(expr)


def facts_of(history: History, condition: Expr, state: State) -> tuple[Fact, ...]:
    """The values that decide `condition` in `state`, each with the step since which it has it."""
    facts: dict[str, Fact] = {}
    for variable in causes(condition, state):
        item = history.values.item(variable)
        if item is not None and item.name not in facts:
            facts[item.name] = Fact(
                value_of(history, variable, state), history.since(item.variables)
            )
    return tuple(facts.values())[:MOST_FACTS]


def value_of(history: History, variable: VarId, state: State) -> str:
    """`pte[0].entry = present(page[1])`; a count with its holders."""
    item = history.values.item(variable)
    assert item is not None
    if item.role == "alive":
        return f"{item.name} is {item.show(state)}"
    text = f"{item.name} = {item.show(state)}"
    for entry in history.system.ledger:
        if entry.count == variable and evaluate(entry.alive, state):
            terms = ledger_line(history.system, entry, state, state).terms
            if terms and evaluate(entry.balanced, state) and terms != item.show(state):
                return f"{text} = {terms}"
    return text
