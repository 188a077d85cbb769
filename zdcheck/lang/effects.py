"""What calling a function brings with it, its callees included.

A fixed point over the call graph, so recursion (an error of its own) does no harm here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from zdcheck.base.source import Span
from zdcheck.lang import model
from zdcheck.lang.model import FunctionSymbol, Model, RefParamSymbol
from zdcheck.lang.walk import Node, walk

Effect = Literal["reads ghost state", "needs a running thread", "waits for a grace period"]


@dataclass(frozen=True, slots=True)
class Effects:
    """By function: each effect with a place that shows it; and what happens to `ref` parameters.

    `assigned` are those that an assignment changes, `changed` also those that `drop` empties.
    """

    of: dict[FunctionSymbol, dict[Effect, Span]]
    assigned: frozenset[RefParamSymbol]
    changed: frozenset[RefParamSymbol]


def effects(checked: Model) -> Effects:
    """The effects of all functions of a model."""
    of: dict[FunctionSymbol, dict[Effect, Span]] = {}
    calls: list[tuple[FunctionSymbol, model.Call]] = []
    assigned: set[RefParamSymbol] = set()
    dropped: set[RefParamSymbol] = set()
    for symbol, function in checked.functions.items():
        of[symbol] = {}
        for node in walk(function.body):
            for effect in _direct(node, in_expression_function=symbol.is_expression):
                of[symbol].setdefault(effect, node.span)
            if isinstance(node, model.Call):
                calls.append((symbol, node))
            elif isinstance(node, model.Assign):
                root = root_of(node.target)
                if isinstance(root, model.RefParamRef):
                    assigned.add(root.symbol)
            elif isinstance(node, model.Drop):
                root = root_of(node.place)
                if isinstance(root, model.RefParamRef):
                    dropped.add(root.symbol)
    _spread_effects(of, calls)
    every_call = [call for _, call in calls]
    return Effects(of, _passed_on(assigned, every_call), _passed_on(assigned | dropped, every_call))


def _direct(node: Node, *, in_expression_function: bool) -> Iterator[Effect]:
    # Ghost reads of a function with a body are judged where they stand: it may have ghost code.
    if in_expression_function and reads_ghost(node):
        yield "reads ghost state"
    match node:
        case (
            model.Self()
            | model.TryLock()
            | model.LockOp()
            | model.SectionOp()
            | model.Wait()
            | model.MightSleep()
        ):
            yield "needs a running thread"
        case model.Quiesce():
            yield "needs a running thread"
            yield "waits for a grace period"
        case _:
            pass


def _spread_effects(
    of: dict[FunctionSymbol, dict[Effect, Span]],
    calls: Iterable[tuple[FunctionSymbol, model.Call]],
) -> None:
    """Give every caller what its callees have."""
    callers: dict[FunctionSymbol, list[tuple[FunctionSymbol, Span]]] = {}
    for caller, call in calls:
        callers.setdefault(call.function, []).append((caller, call.span))
    pending = [(symbol, effect) for symbol, found in of.items() for effect in found]
    while pending:
        symbol, effect = pending.pop()
        for caller, span in callers.get(symbol, ()):
            if effect == "reads ghost state" and not caller.is_expression:
                continue
            if effect not in of[caller]:
                of[caller][effect] = span
                pending.append((caller, effect))


def _passed_on(
    params: Iterable[RefParamSymbol], calls: Iterable[model.Call]
) -> frozenset[RefParamSymbol]:
    """These parameters, and those that are handed on to them."""
    sources: dict[RefParamSymbol, list[RefParamSymbol]] = {}
    for call in calls:
        for argument, parameter in zip(call.arguments, call.function.params, strict=False):
            root = root_of(argument)
            if isinstance(parameter, RefParamSymbol) and isinstance(root, model.RefParamRef):
                sources.setdefault(parameter, []).append(root.symbol)
    return reachable(params, sources)


def reachable(
    start: Iterable[RefParamSymbol], edges: Mapping[RefParamSymbol, Iterable[RefParamSymbol]]
) -> frozenset[RefParamSymbol]:
    """What can be reached along the edges, the start included."""
    found = set(start)
    pending = list(found)
    while pending:
        for following in edges.get(pending.pop(), ()):
            if following not in found:
                found.add(following)
                pending.append(following)
    return frozenset(found)


def root_of(place: model.Expr) -> model.Expr:
    """The variable, field or parameter of which an element is named."""
    while isinstance(place, model.ElementRef):
        place = place.base
    return place


def reads_ghost(node: Node) -> bool:
    """Whether this very node reads what protocol code cannot see."""
    match node:
        case model.GlobalRef(symbol=symbol) | model.FieldRef(symbol=symbol):
            return symbol.ghost
        case model.LocalRef(symbol=local):
            return local.ghost
        case model.ThreadLocalRef() | model.IsAlive() | model.HasEnded() | model.OwnerOf():
            return True
        case model.IsInside(thread=thread):
            return not isinstance(thread, model.Self)
        case _:
            return False
