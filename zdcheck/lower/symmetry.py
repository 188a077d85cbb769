"""Which kinds' members may be exchanged without anyone noticing, and why the others may not."""

from __future__ import annotations

from collections.abc import Iterator

from zdcheck.base.source import Span
from zdcheck.lang import model as m
from zdcheck.lang import types as t
from zdcheck.lang.walk import Node, walk
from zdcheck.lower.walk import reachable_code


def asymmetries(model: m.Model) -> dict[str, str]:
    """For each kind whose members may not be exchanged: why. The init blocks do not count."""
    found = told_apart(model)
    for tree in _code(model):
        match tree:
            case m.For(_, t.RefType(kind)):
                _note(found, model, kind, "they are walked in order", tree.span)
            case _:
                pass
    return found


def told_apart(model: m.Model) -> dict[str, str]:
    """For each kind that the code or a property tells apart otherwise than by walking its members: what does."""
    found: dict[str, str] = {}
    for tree in _code(model):
        match tree:
            case m.ObjectAt(kind):
                named = f"`{' '.join(tree.span.text.split())}` names one of them"
                _note(found, model, kind, named, tree.span)
            case m.IndexOf(operand) if isinstance(operand.type, t.RefType):
                _note(found, model, operand.type.kind, "`index` tells them apart", tree.span)
            case _:
                pass
    return found


def _note(found: dict[str, str], model: m.Model, kind: str, what: str, span: Span) -> None:
    reason = f"{what} at {span}"
    found.setdefault(kind, reason)
    if kind == "thread":
        for thread in model.threads:
            found.setdefault(thread.name, reason)


def _code(model: m.Model) -> Iterator[Node]:
    for thread in model.threads:
        yield from reachable_code(model, thread.body)
    for prop in model.properties:
        yield from walk(prop.body)
    for progress in model.progress:
        for part in (progress.trigger, progress.goal):
            if part is not None:
                yield from walk(part)
    for function in model.functions.values():
        if function.symbol.is_expression:
            yield from walk(function.body)
    for kind in model.kinds.values():
        for field in kind.fields:
            yield from _declaration(field.initial, field.bias, field.holds)
    for variable in model.variables:
        yield from _declaration(None, None, variable.holds)
    for variant in model.variants.values():
        for case in variant.cases:
            for payload in case.payload:
                yield from _declaration(None, None, payload.holds)


def _declaration(
    initial: m.Expr | m.AnyValue | None, bias: m.Expr | None, holds: m.Holding | None
) -> Iterator[Node]:
    """A field's initial value comes back whenever its object dies, so it counts as code."""
    for part in (initial, bias, holds.when if holds else None):
        if part is not None:
            yield from walk(part)
