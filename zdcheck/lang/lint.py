"""Warnings of `zdcheck lint`: what a spec declares and does not use, and names that mislead.

Nothing else depends on them. Only the spec itself is judged, not the modules it uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from zdcheck.base.diagnostics import Diagnostic, Label, Severity, in_source_order
from zdcheck.base.source import Span
from zdcheck.lang import ast, model
from zdcheck.lang.ast_walk import mentions
from zdcheck.lang.calls import bodies, property_bodies
from zdcheck.lang.effects import effects, root_of
from zdcheck.lang.model import FieldSymbol, GlobalSymbol, LocalSymbol, Model
from zdcheck.lang.problems import with_article
from zdcheck.lang.walk import Node, walk


def lint(checked: Model, bundle: ast.Bundle) -> tuple[Diagnostic, ...]:
    """All warnings but `granularity`, which a check gives (`Model.warnings`)."""
    found = [*_locals(checked, bundle), *_labels(checked)]
    if checked.threads:
        # Without threads it is a module, and what it offers is used elsewhere.
        found += [*_unused_items(bundle), *_holders(checked), *_counts(checked)]
    spec = bundle.modules[-1].spec.span.file
    return in_source_order(d for d in found if d.at.span.file == spec)


def _warning(
    id: str, at: Span, message: str, help: str | None = None, also: Iterable[Label] = ()
) -> Diagnostic:
    return Diagnostic(id, Severity.WARNING, message, Label(at), tuple(also), help)


# --- items ------------------------------------------------------------------------------


def _unused_items(bundle: ast.Bundle) -> Iterator[Diagnostic]:
    mentioned = frozenset(mentions(*(module.spec for module in bundle.modules)))
    for item in bundle.modules[-1].spec.items:
        match item:
            case ast.ConfigItem(name=name):
                id, what = "unused_config", "config"
            case ast.FnItem(name=name):
                id, what = "unused_function", "function"
            case ast.SectionItem(name=name):
                id, what = "unused_section", "section"
            case ast.GlobalItem(declaration=declaration):
                if declaration.holds is not None:
                    continue  # the ledger reads it; `never_assigned` says if it is idle
                id, what, name = "unused_variable", "variable", declaration.name
            case ast.EnumItem(name=name, members=members):
                if any(member.text in mentioned for member in members):
                    continue
                id, what = "unused_enum", "enum"
            case _:
                continue
        if name.text not in mentioned:
            yield _warning(id, name.span, f"{what} `{name.text}` is never used")


# --- locals and labels --------------------------------------------------------------------


def _everything(checked: Model) -> Iterator[Node]:
    for body in (*bodies(checked), *property_bodies(checked)):
        yield from walk(body)


def _locals(checked: Model, bundle: ast.Bundle) -> Iterator[Diagnostic]:
    targets: set[int] = set()
    read: set[LocalSymbol] = set()
    declared: dict[LocalSymbol, None] = {}
    for function in checked.functions.values():
        declared.update(
            dict.fromkeys(p for p in function.symbol.params if isinstance(p, LocalSymbol))
        )
    for node in _everything(checked):
        match node:
            case model.Assign(target=target):
                targets.add(id(root_of(target)))
            case model.Drop(place=place):
                targets.add(id(root_of(place)))
            case model.LocalRef(symbol=symbol):
                if id(node) not in targets:
                    read.add(symbol)
            case model.ThreadLocalRef(symbol=symbol):
                read.add(symbol)
            case model.Declare(symbol=symbol):
                declared[symbol] = None
            case model.For(variable=variable):
                declared[variable] = None
            case model.IsCase(binds=binds):
                declared.update(dict.fromkeys(b for b in binds if isinstance(b, LocalSymbol)))
            case _:
                pass
    names = _global_names(bundle)
    for symbol in declared:
        what = names.get(symbol.name)
        if what is not None:
            yield _warning(
                "shadows",
                symbol.span,
                f"the local `{symbol.name}` hides {with_article(what[0])} of that name",
                "give it another name",
                [Label(what[1], f"{what[0]} declared here")],
            )
        if symbol in read or symbol.holds is not None:
            continue
        if symbol.role == "variable":
            yield _warning("unused_local", symbol.span, f"local `{symbol.name}` is never read")
        elif symbol.role == "pattern":
            yield _warning(
                "unused_local",
                symbol.span,
                f"`{symbol.name}` names payload that is never read",
                "write `_`",
            )


def _global_names(bundle: ast.Bundle) -> dict[str, tuple[str, Span]]:
    names: dict[str, tuple[str, Span]] = {}
    for module in bundle.modules:
        for item in module.spec.items:
            match item:
                case ast.ConfigItem(name=name):
                    names[name.text] = "config", name.span
                case ast.FnItem(name=name):
                    names[name.text] = "function", name.span
                case ast.SectionItem(name=name):
                    names[name.text] = "section", name.span
                case ast.GlobalItem(declaration=declaration):
                    names[declaration.name.text] = "variable", declaration.name.span
                case ast.EnumItem(members=members):
                    names.update((m.text, ("member", m.span)) for m in members)
                case ast.VariantItem(cases=cases):
                    names.update((c.name.text, ("case", c.name.span)) for c in cases)
                case _:
                    pass
    return names


def _labels(checked: Model) -> Iterator[Diagnostic]:
    used = {node.label for node in _everything(checked) if isinstance(node, model.Goto)}
    for node in _everything(checked):
        if isinstance(node, model.Label) and node.label not in used:
            yield _warning(
                "unused_label", node.label.span, f"no `goto` goes to `{node.label.name}`"
            )


# --- counts and holders -------------------------------------------------------------------


def _holders(checked: Model) -> Iterator[Diagnostic]:
    """Holders that nothing is ever stored in."""
    assigned = effects(checked).assigned
    stored: set[LocalSymbol | GlobalSymbol | FieldSymbol] = set()

    def note(place: model.Expr) -> None:
        root = root_of(place)
        if isinstance(root, model.LocalRef | model.GlobalRef | model.FieldRef):
            stored.add(root.symbol)

    local_holders: dict[LocalSymbol, None] = {}
    for node in _everything(checked):
        match node:
            case model.Assign(target=target):
                note(target)
            case model.Call():
                for argument, parameter in zip(node.arguments, node.function.params, strict=False):
                    if parameter in assigned:
                        note(argument)
            case model.Declare(symbol=symbol, value=value):
                if symbol.holds is not None:
                    local_holders[symbol] = None
                if value is not None and not isinstance(value, model.Null):
                    stored.add(symbol)
            case _:
                pass
    shared: list[GlobalSymbol | FieldSymbol] = [*checked.variables]
    for kind in checked.kinds.values():
        shared.extend(kind.fields)
    stored.update(
        s for s in shared if s.initial is not None and not isinstance(s.initial, model.Null)
    )
    for holder in (*shared, *local_holders):
        if holder.holds is not None and holder not in stored:
            yield _warning(
                "never_assigned",
                holder.span,
                f"`{holder.name}` holds a count, but nothing is ever stored in it",
            )


def _counts(checked: Model) -> Iterator[Diagnostic]:
    held: set[FieldSymbol] = set()

    def note(holds: model.Holding | None) -> None:
        if holds is not None and holds.path:
            held.add(holds.path[-1])

    for variable in checked.variables:
        note(variable.holds)
    for kind in checked.kinds.values():
        for field in kind.fields:
            note(field.holds)
    for variant in checked.variants.values():
        for case in variant.cases:
            for payload in case.payload:
                note(payload.holds)
    for node in _everything(checked):
        if isinstance(node, model.Declare):
            note(node.symbol.holds)
    for kind in checked.kinds.values():
        for field in kind.fields:
            if field.counted and field not in held:
                yield _warning(
                    "count_without_holder",
                    field.span,
                    f"nothing holds a count of `{kind.name}.{field.name}`: "
                    "its first increment will be a `reference_leak`",
                    f"declare what holds it with `holds {field.name}`, "
                    "or leave out `counted` for a plain number",
                )
