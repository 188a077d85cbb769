"""A checked model under one instance as a parametric program."""

from __future__ import annotations

from zdcheck.ir.expr import Type
from zdcheck.ir.parametric import Program
from zdcheck.ir.system import Kind
from zdcheck.lang import model as m
from zdcheck.lang.walk import Node, walk
from zdcheck.lower.contexts import MAX_NESTING, Contexts, GracePeriods, Used, used_by
from zdcheck.lower.emit import Statements
from zdcheck.lower.flow import Flow
from zdcheck.lower.instance import Instance
from zdcheck.lower.layout import Layout
from zdcheck.lower.ledger import Ledger
from zdcheck.lower.lifetime import Lifetimes
from zdcheck.lower.properties import progress_of, properties_of
from zdcheck.lower.symmetry import asymmetries
from zdcheck.lower.terms import Symbols
from zdcheck.lower.walk import reachable_code


def program_of(instance: Instance) -> Program:
    """The parametric program. Raises SpecError where the instance's numbers do not work out."""
    model = instance.model
    layout = Layout(instance)
    symbols = Symbols(instance, layout)
    lifetimes = Lifetimes(symbols)
    _declare(symbols, lifetimes)
    periods = GracePeriods(symbols, {thread.name: thread.body for thread in model.threads})
    statements = Statements()
    observed = _observed(model)
    templates = []
    holding = []
    for thread in model.threads:
        contexts = Contexts(symbols, periods, used_by(thread.body, symbols))
        flow = Flow(symbols, statements, contexts, lifetimes, observed, thread.name)
        templates.append(flow.body((thread.body,), thread.span, thread))
        holding += [storage for storage in flow.storages if storage.holds]
    nobody = Contexts(symbols, periods, Used((), ()))
    init = Flow(symbols, Statements(), nobody, lifetimes, frozenset(), "init")
    init_span = model.inits[0].span if model.inits else instance.check.span
    init_template = init.body(model.inits, init_span, None)
    ledger = Ledger(symbols)
    counted = ledger.counted()
    holders = ledger.holders(holding)
    properties = properties_of(symbols)
    covers = tuple((name, number, span) for name, (number, span) in statements.covers.items())
    return Program(
        instance.check.name,
        _kinds(instance),
        instance.names("thread"),
        tuple(layout.families),
        tuple(templates),
        init_template,
        tuple(layout.locks),
        counted,
        holders,
        properties,
        covers,
        tuple(statements.listed),
        tuple(layout.composites),
        progress_of(symbols),
    )


def _declare(symbols: Symbols, lifetimes: Lifetimes) -> None:
    """Families for everything shared."""
    layout = symbols.layout
    model = symbols.instance.model
    for kind in model.kinds.values():
        for field in kind.fields:
            inner = tuple(layout.dimension(d, field.span) for d in field.dimensions)
            storage = layout.storage(
                f"{kind.name}.{field.name}",
                field.type,
                (layout.kind_dimension(kind.name), *inner),
                "ghost" if field.ghost else "shared",
                field.initial,
                field.holds,
                field.span,
            )
            symbols.fields[field] = storage
            if field.counted:
                lifetimes.counted_names.add(storage.name)
    for variable in model.variables:
        symbols.variables[variable] = layout.storage(
            variable.name,
            variable.type,
            tuple(layout.dimension(d, variable.span) for d in variable.dimensions),
            "ghost" if variable.ghost else "shared",
            variable.initial,
            variable.holds,
            variable.span,
        )
    for section in model.sections:
        symbols.sections[section] = layout.family(
            f"inside.{section.name}",
            Type("int", 0, MAX_NESTING),
            (layout.kind_dimension("thread"),),
            "section",
            (0,),
        )


def _observed(model: m.Model) -> frozenset[m.LocalSymbol]:
    """The locals that a property, or ghost code of another thread, reads."""
    trees: list[Node] = [prop.body for prop in model.properties]
    trees += [f.body for f in model.functions.values()]
    for progress in model.progress:
        trees += [part for part in (progress.trigger, progress.goal) if part is not None]
    found = {
        part.symbol for tree in trees for part in walk(tree) if isinstance(part, m.ThreadLocalRef)
    }
    for thread in model.threads:
        for part in reachable_code(model, thread.body):
            if isinstance(part, m.ThreadLocalRef):
                found.add(part.symbol)
    return frozenset(found)


def _kinds(instance: Instance) -> tuple[Kind, ...]:
    broken = asymmetries(instance.model)
    kinds = [
        Kind(name, instance.sizes[name], 0, False, broken.get(name))
        for name in instance.model.kinds
    ]
    kinds += [
        Kind(
            thread.name,
            instance.sizes[thread.name],
            instance.first[thread.name],
            True,
            broken.get(thread.name),
        )
        for thread in instance.model.threads
    ]
    return tuple(kinds)
