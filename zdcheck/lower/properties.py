"""Properties as terms: binders, conjuncts with their places, antecedents."""

from __future__ import annotations

from math import prod

from zdcheck.base.source import Span
from zdcheck.ir.expr import Const
from zdcheck.ir.parametric import (
    Binder,
    ProgressTerm,
    PropertyTerm,
    Term,
    apply,
    each,
    implication,
)
from zdcheck.lang import model as m
from zdcheck.lang import types as t
from zdcheck.lower.layout import Scalar
from zdcheck.lower.terms import Evaluation, Frame, Symbols


def properties_of(symbols: Symbols) -> tuple[PropertyTerm, ...]:
    """The properties that this check looks at."""
    instance = symbols.instance
    return tuple(
        _property(prop, symbols)
        for prop in instance.model.properties
        if prop.name not in instance.check.without
        and (prop.when is None or instance.number(prop.when))
    )


def progress_of(symbols: Symbols) -> tuple[ProgressTerm, ...]:
    """The progress properties that this check looks at."""
    instance = symbols.instance
    return tuple(
        ProgressTerm(
            progress.form,
            progress.name,
            None if progress.trigger is None else _truth(progress.trigger, symbols),
            _truth(progress.goal, symbols),
            progress.span,
        )
        for progress in instance.model.progress
        if progress.name not in instance.check.without
        and (progress.when is None or instance.number(progress.when))
    )


def _truth(expr: m.Expr, symbols: Symbols) -> tuple[Term, Span]:
    """Whether the expression is defined and true."""
    evaluation = Evaluation(symbols, Frame(), "property")
    term = evaluation.term(expr)
    defined = [requirement.condition for requirement in evaluation.requirements]
    return apply("and", *defined, term, Const(1)), expr.span


def _property(prop: m.Property, symbols: Symbols) -> PropertyTerm:
    if prop.kind == "cover":
        return PropertyTerm("cover", prop.name, (), (_truth(prop.body, symbols),), None, prop.span)
    evaluation = Evaluation(symbols, Frame(), "property")
    binders: list[Binder] = []
    body = prop.body
    while isinstance(body, m.Quantifier) and body.op == "forall":
        low, high = symbols.instance.domain(body.domain, body.span)
        bound = symbols.layout.bound(body.variable.name, t.kind_of(body.domain))
        evaluation.frame.values[body.variable] = Scalar(bound)
        type = symbols.instance.scalar(body.domain, body.span)
        binders.append(Binder(bound, type, low, high))
        body = body.body
    values = prod(binder.high - binder.low + 1 for binder in binders)
    with evaluation.ranging(values, prop.span):
        conjuncts = _conjuncts(evaluation, body)
    conjuncts += [(r.condition, r.violation.span) for r in evaluation.requirements]
    antecedent: Term | None = None
    if isinstance(body, m.Binary) and body.op == "implies":
        first = Evaluation(symbols, Frame(values=dict(evaluation.frame.values)), "property")
        antecedent = first.term(body.left)
        antecedent = apply("and", *(r.condition for r in first.requirements), antecedent, Const(1))
        for binder in reversed(binders):
            antecedent = each("exists", binder.bound, binder.low, binder.high, antecedent)
    return PropertyTerm(
        prop.kind, prop.name, tuple(binders), tuple(conjuncts), antecedent, prop.span
    )


def _conjuncts(evaluation: Evaluation, expr: m.Expr) -> list[tuple[Term, Span]]:
    """The parts whose conjunction the expression is; `A implies (B && C)` has two."""
    match expr:
        case m.Binary("&&", left, right):
            found = _conjuncts(evaluation, left)
            so_far = apply("and", *(term for term, _ in found), Const(1))
            with evaluation.assuming(so_far):
                return found + _conjuncts(evaluation, right)
        case m.Binary("implies", left, right):
            condition = evaluation.term(left)
            with evaluation.assuming(condition):
                parts = _conjuncts(evaluation, right)
            return [(implication(condition, term), span) for term, span in parts]
        case _:
            return [(evaluation.term(expr), expr.span)]
