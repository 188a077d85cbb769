"""Which places are shared state: what other threads can change, or end the life of."""

from __future__ import annotations

from dataclasses import dataclass, replace

from zdcheck.lang import model
from zdcheck.lang.effects import Effects, reachable, root_of
from zdcheck.lang.model import Expr, FieldSymbol, GlobalSymbol, Model, RefParamSymbol
from zdcheck.lang.types import LockType, RefType
from zdcheck.lang.walk import Node, walk

Written = frozenset[FieldSymbol | GlobalSymbol]


@dataclass(frozen=True, slots=True)
class Shared:
    """What is written after the first state, which kinds can die, which `ref`s lead to shared places."""

    written: Written
    mortal: frozenset[str]
    references: frozenset[RefParamSymbol]

    def is_shared(self, place: Expr) -> bool:
        """Whether reading this place alone (not what leads to it) is a shared access.

        What no statement writes is constant and does not count, unless its object can die.
        """
        match root_of(place):
            case model.GlobalRef(symbol=symbol):
                if symbol.ghost:
                    return False
                return symbol in self.written or isinstance(symbol.type, LockType)
            case model.FieldRef(symbol=field):
                if field.ghost:
                    return False
                return (
                    field in self.written
                    or field.kind in self.mortal
                    or isinstance(field.type, LockType)
                )
            case model.RefParamRef(symbol=parameter):
                return parameter in self.references
            case _:
                return False


def shared_state(checked: Model, effects: Effects) -> Shared:
    """What is shared in a model. `init` runs before every thread, so what it writes stays constant."""
    running: list[Node] = [thread.body for thread in checked.threads]
    running += [function.body for function in checked.functions.values()]
    written: set[FieldSymbol | GlobalSymbol] = set()
    mortal: set[str] = set()
    calls: list[model.Call] = []
    for body in running:
        for node in walk(body):
            match node:
                case model.Assign(target=place) | model.Drop(place=place):
                    _note(place, written)
                case model.LifetimeOp(op="destroy" | "create", operand=operand):
                    if isinstance(operand.type, RefType):
                        mortal.add(operand.type.kind)
                case model.Call():
                    calls.append(node)
                    for argument, parameter in zip(
                        node.arguments, node.function.params, strict=False
                    ):
                        if parameter in effects.changed:
                            _note(argument, written)
                case _:
                    pass
    _tenants(checked, mortal)
    found = Shared(frozenset(written), frozenset(mortal), frozenset())
    return replace(found, references=_references(calls, found))


def _references(calls: list[model.Call], shared: Shared) -> frozenset[RefParamSymbol]:
    """The `ref` parameters that some call gives a shared place, directly or handed on."""
    start: list[RefParamSymbol] = []
    handed_on: dict[RefParamSymbol, list[RefParamSymbol]] = {}
    for call in calls:
        for argument, parameter in zip(call.arguments, call.function.params, strict=False):
            if not isinstance(parameter, RefParamSymbol):
                continue
            root = root_of(argument)
            if isinstance(root, model.RefParamRef):
                handed_on.setdefault(root.symbol, []).append(parameter)
            elif shared.is_shared(argument):
                start.append(parameter)
    return reachable(start, handed_on)


def _note(place: Expr, written: set[FieldSymbol | GlobalSymbol]) -> None:
    root = root_of(place)
    if isinstance(root, model.GlobalRef | model.FieldRef):
        written.add(root.symbol)


def _tenants(checked: Model, mortal: set[str]) -> None:
    """What lives in something that can die can die too."""
    homes = {
        kind.name: field.type.kind
        for kind in checked.kinds.values()
        for field in kind.fields
        if field.lives_in and isinstance(field.type, RefType)
    }
    for kind in homes:
        path = [kind]
        while path[-1] in homes and path[-1] not in mortal:
            path.append(homes[path[-1]])
        if path[-1] in mortal:
            mortal.update(path)
