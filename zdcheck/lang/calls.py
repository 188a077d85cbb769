"""Rules about calls: no recursion, `ref` parameters that are assigned to, where effects may be."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from zdcheck.base.source import Span
from zdcheck.lang import model
from zdcheck.lang.effects import Effects
from zdcheck.lang.elaborate_base import short
from zdcheck.lang.elaborate_stmt import why_not_assignable
from zdcheck.lang.model import FunctionSymbol, Model
from zdcheck.lang.problems import Problems
from zdcheck.lang.walk import Node, children, walk


def call_graph(checked: Model) -> dict[FunctionSymbol, set[FunctionSymbol]]:
    """For each function, those that it calls."""
    return {
        symbol: {node.function for node in walk(function.body) if isinstance(node, model.Call)}
        for symbol, function in checked.functions.items()
    }


def check_recursion(checked: Model, problems: Problems) -> None:
    """Functions are inlined, so none may reach itself."""
    graph = call_graph(checked)
    while cycle := _cycle(graph):
        first = min(cycle, key=lambda s: (s.span.file.path, s.span.start))
        start = cycle.index(first)
        cycle = [*cycle[start:], *cycle[:start]]
        edges = list(zip(cycle, [*cycle[1:], first], strict=True))
        where = [_call_of(checked, caller, callee) for caller, callee in edges]
        problems.error(
            "recursion",
            where[0],
            "functions are inlined and cannot recur: "
            + " calls ".join(f"`{function.name}`" for function in (*cycle, first)),
            also=[
                (span, f"`{callee.name}` called here")
                for span, (_, callee) in zip(where[1:], edges[1:], strict=True)
            ],
            help="write a loop",
        )
        for function in cycle:  # one message for a knot of functions
            graph[function] -= set(cycle)


def _cycle(graph: dict[FunctionSymbol, set[FunctionSymbol]]) -> list[FunctionSymbol]:
    """Functions each of which calls the next, the last one the first; empty if there are none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        called_by: list[FunctionSymbol] = error.args[1]
        return called_by[:0:-1]
    return []


def _call_of(checked: Model, caller: FunctionSymbol, callee: FunctionSymbol) -> Span:
    """The first call of `callee` in `caller`."""
    return next(
        node.span
        for node in walk(checked.functions[caller].body)
        if isinstance(node, model.Call) and node.function is callee
    )


def check_calls(checked: Model, effects: Effects, problems: Problems) -> None:
    """What a call brings with it must be allowed where it stands."""
    for body in bodies(checked):
        for node in walk(body):
            if isinstance(node, model.Call):
                _check_arguments(node, effects, problems)
            elif isinstance(node, model.Atomic):
                _check_atomic(node, effects, problems)
    for init in checked.inits:
        _check_init(init, effects, problems)
    for body in property_bodies(checked):
        for node in walk(body):
            if isinstance(node, model.Call):
                span = effects.of.get(node.function, {}).get("needs a running thread")
                if span is not None:
                    problems.error(
                        "no_self",
                        node.span,
                        f"`{node.function.name}` asks about the running thread, and none runs here",
                        also=[(span, "here")],
                    )


def _check_arguments(call: model.Call, effects: Effects, problems: Problems) -> None:
    for argument, parameter in zip(call.arguments, call.function.params, strict=False):
        if parameter not in effects.assigned:
            continue
        reason = why_not_assignable(argument)
        if reason is not None:
            problems.error(
                "not_assignable",
                argument.span,
                f"`{call.function.name}` assigns to its parameter `{parameter.name}`, "
                f"and `{short(argument.span)}` cannot be assigned to: {reason}",
                also=[(parameter.span, "declared here with `ref`")],
            )


def _check_atomic(block: model.Atomic, effects: Effects, problems: Problems) -> None:
    pending: list[Node] = [block.body]
    while pending:
        node = pending.pop()
        if isinstance(node, model.Atomic):
            continue  # judged by itself
        span = None
        if isinstance(node, model.Quiesce):
            span = node.span
        elif isinstance(node, model.Call):
            span = effects.of.get(node.function, {}).get("waits for a grace period")
        if span is not None:
            problems.error(
                "not_in_atomic",
                node.span,
                "a grace period takes two steps, and `atomic` is one",
                also=[(block.span, "in this block")]
                + ([] if span == node.span else [(span, "here")]),
            )
        pending.extend(children(node))


def _check_init(init: model.Block, effects: Effects, problems: Problems) -> None:
    for node in walk(init):
        match node:
            case (
                model.LockOp()
                | model.TryLock()
                | model.SectionOp()
                | model.Wait()
                | model.Quiesce()
                | model.MightSleep()
                | model.Goto()
                | model.Cover()
            ):
                problems.error(
                    "not_in_init",
                    node.span,
                    "no thread runs in `init`: it only sets up the first state",
                    help="`init` has assignments, `if`, loops, `any`, `destroy`, and calls",
                )
            case model.Call(function=function):
                span = effects.of.get(function, {}).get("needs a running thread")
                if span is not None:
                    problems.error(
                        "not_in_init",
                        node.span,
                        f"`{function.name}` needs a running thread, and none runs in `init`",
                        also=[(span, "here")],
                    )
            case _:
                pass


def bodies(checked: Model) -> Iterator[Node]:
    """Every body of protocol code: threads, functions, `init`."""
    for thread in checked.threads:
        yield thread.body
    for function in checked.functions.values():
        yield function.body
    yield from checked.inits


def property_bodies(checked: Model) -> Iterator[model.Expr]:
    """Every expression that is part of a property."""
    for stated in checked.properties:
        yield stated.body
    for progress in checked.progress:
        for part in (progress.trigger, progress.goal):
            if part is not None:
                yield part
