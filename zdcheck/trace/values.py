"""How a state reads: the variables of a system as the reader named them.

Lowering splits a variant, a set or a lock into several scalars. Here they are one thing again:
`pte[0].entry` is `present(page[1])`, not two numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import assert_never

from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.expr import VarId, variables_of
from zdcheck.ir.system import Role, SetParts, State, System, Variable, VariantParts
from zdcheck.trace.model import Change, ChangeKind


@dataclass(frozen=True, slots=True)
class Item:
    """One named thing of the state, made of one or more variables of one role."""

    name: str
    variables: tuple[VarId, ...]
    role: Role
    print: Callable[[State], str]

    def show(self, state: State) -> str:
        """Its value in the language's own terms."""
        return self.print(state)

    def ends(self, before: State, after: State) -> bool:
        """Whether this is the life of an object, and it ends."""
        (variable,) = self.variables
        return before[variable] == 1 != after[variable]


class Values:
    """The named things of a system, in the system's order; program counters are not among them."""

    def __init__(self, system: System) -> None:
        self.items = tuple(_items(system))
        self._of = {v: item for item in self.items for v in item.variables}
        self._first = tuple(item.show(system.initial_states[0]) for item in self.items)

    def item(self, variable: VarId) -> Item | None:
        """The named thing that a variable belongs to; None for a program counter."""
        return self._of.get(variable)

    def changes(self, before: State, after: State) -> tuple[Change, ...]:
        """What differs between two states; the fields of an object that ends are not listed."""
        changes: list[Change] = []
        ended = tuple(
            f"{item.name}."
            for item in self.items
            if item.role == "alive" and item.ends(before, after)
        )
        for item, first in zip(self.items, self._first, strict=True):
            was, now = item.show(before), item.show(after)
            if was != now and not (ended and item.name.startswith(ended)):
                cleared = now in ("null", first)
                changes.append(Change(item.name, was, now, kind_of(item.role), cleared))
        return tuple(changes)


def _items(system: System) -> Iterator[Item]:
    composites: dict[VarId, VariantParts | SetParts] = {}
    parts: set[VarId] = set()
    for whole in system.composites:
        if variables := _variables(whole):
            composites[min(variables)] = whole
            parts.update(variables)
    pending = [variable for variable in system.variables if variable.role == "pending"]
    for variable in system.variables:
        if variable.id in composites:
            composite = composites[variable.id]
            shown = _shown(composite)
            yield Item(short_name(composite.name), _variables(composite), variable.role, shown)
        elif variable.role == "pending":
            yield from _pending(variable, pending)
        elif variable.role != "pc" and variable.id not in parts:
            yield Item(_name(variable), (variable.id,), variable.role, _scalar(variable))


def _name(variable: Variable) -> str:
    """`gup[0].irqs_off` for the section, `page[0]` for whether it lives."""
    match variable.role:
        case "section":
            return variable.name.replace(" inside.", ".")
        case "alive":
            return variable.name.removesuffix(".alive")
        case _:
            return short_name(variable.name)


def short_name(name: str) -> str:
    """`gup[0].f.g.h.old` as `gup[0].h.old`: the function that a local is in says enough."""
    parts = name.split(".")
    return ".".join((parts[0], *parts[-2:])) if len(parts) > 3 else name


def _pending(first: Variable, all_pending: list[Variable]) -> Iterator[Item]:
    """The threads that a grace period still waits for, as one set."""
    name = _waiting(first)
    members = [v for v in all_pending if _waiting(v) == name]
    if first is not members[0]:
        return
    named = tuple((v.name[len(name) + 1 : -1], v.id) for v in members)

    def shown(state: State) -> str:
        return "{" + ", ".join(member for member, id in named if state[id]) + "}"

    yield Item(name, tuple(v.id for v in members), first.role, shown)


def _waiting(variable: Variable) -> str:
    """`unmap.waits_for.irqs_off` of `unmap.waits_for.irqs_off[gup[0]]`."""
    family = variable.name.find(".waits_for.")
    bracket = variable.name.find("[", max(family, 0))
    return variable.name[:bracket] if bracket > 0 else variable.name


def _variables(composite: VariantParts | SetParts) -> tuple[VarId, ...]:
    match composite:
        case VariantParts(_, case, payloads):
            parts = (case, *(part for payload in payloads for part in payload))
            values = [part.value for part in parts]
        case SetParts(_, members, _):
            values = list(members)
        case _:
            assert_never(composite)
    return tuple(dict.fromkeys(v for value in values for v in variables_of(value)))


def _scalar(variable: Variable) -> Callable[[State], str]:
    return lambda state: variable.type.show(state[variable.id])


def _shown(composite: VariantParts | SetParts) -> Callable[[State], str]:
    match composite:
        case VariantParts(_, case, payloads):

            def variant(state: State) -> str:
                number = evaluate(case.value, state)
                payload = payloads[number] if 0 <= number < len(payloads) else ()
                values = [part.type.show(evaluate(part.value, state)) for part in payload]
                name = case.type.show(number)
                return f"{name}({', '.join(values)})" if values else name

            return variant
        case SetParts(_, members, names):
            named = tuple(zip(names, members, strict=True))
            return lambda state: (
                "{" + ", ".join(name for name, member in named if evaluate(member, state)) + "}"
            )
        case _:
            assert_never(composite)


def kind_of(role: Role) -> ChangeKind:
    """What a change of a variable of this role is called."""
    match role:
        case "local":
            return "local"
        case "ghost":
            return "ghost"
        case "lock" | "section" | "pending":
            return "context"
        case _:
            return "shared"
