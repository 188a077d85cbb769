"""What a proof for any number of threads cannot express: refused, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from zdcheck.base.diagnostics import UsageError
from zdcheck.base.suggest import closest
from zdcheck.ir.expr import NULL, Const
from zdcheck.ir.parametric import Apply, Program, Term
from zdcheck.lang import model as m
from zdcheck.lang import types as t
from zdcheck.lang.walk import Node, walk
from zdcheck.lower.instance import Instance
from zdcheck.lower.steps import reachable, updates_of
from zdcheck.lower.symmetry import told_apart
from zdcheck.lower.walk import reachable_code

MOST_CONSTANT = 3
"""Larger numbers in init blocks would need init blocks to be run at larger sizes."""


def refuse_unknown(model: m.Model, open: tuple[str, ...]) -> None:
    """Raises UsageError for a name that is no family of any number of threads, and no kind of objects."""
    counts = {thread.name: thread.count for thread in model.threads}
    families = [name for name, count in counts.items() if count == "*"]
    can = sorted([*families, *model.kinds])
    for name in open:
        if name in can:
            continue
        if name in counts:
            raise UsageError(f"--any {name}: there is one number of `{name}` threads, and no `[*]`")
        near = closest(name, can)
        hint = f"; did you mean `{near}`?" if near else ""
        known = ", ".join(can) or "none"
        raise UsageError(
            f"--any {name}: no thread family `{name}[*]` and no object kind `{name}` (there are: {known}){hint}"
        )


def refuse_named_objects(model: m.Model, objects: frozenset[str]) -> None:
    """Raises UsageError where the code or a property tells the objects of a kind apart."""
    asked = tuple(prop for prop in model.properties if prop.kind != "cover")
    without = replace(model, properties=asked, inits=())
    for kind, why in told_apart(without).items():
        if kind in objects:
            raise _no(kind, f"its objects are told apart: {why}")
    for part in _everything(without):
        if isinstance(part, m.SizeOfKind) and part.kind in objects:
            raise _no(part.kind, f"their number is used at {part.span}")


def sizes_that_differ(model: m.Model, instance: Instance, objects: frozenset[str]) -> int:
    """How many objects of a kind there may be before one more changes nothing in what the init blocks do to each.

    They may tell objects apart by comparing their numbers with constants, and go from one to that of the same number in
    another kind. Raises UsageError for anything else.
    """
    highest = 0
    if not objects:
        return highest
    for block in model.inits:
        parts = list(reachable_code(model, block))
        indexes = {id(p) for p in parts if _depends_on_number(p, objects)}
        for part in parts:
            match part:
                case m.ObjectAt(_, index) | m.Binary(
                    "==" | "!=" | "<" | "<=" | ">" | ">=", index, _
                ):
                    indexes.discard(id(index))
                    if isinstance(part, m.Binary):
                        indexes.discard(id(part.right))
                case m.Number(value):
                    highest = max(highest, abs(value))
                case m.ConfigRef(symbol) if isinstance(symbol.type, t.IntType):
                    highest = max(highest, abs(instance.configs[symbol]))
                case m.For(_, t.RefType(kind), body) if kind in objects:
                    _refuse_carried(kind, body)
                case _:
                    pass
        for part in parts:
            if id(part) in indexes:
                raise _no(sorted(objects)[0], f"`init` computes with their numbers at {part.span}")
    if highest > MOST_CONSTANT:
        raise _no(sorted(objects)[0], f"`init` has the number {highest}")
    return highest + 2


def _depends_on_number(part: Node, objects: frozenset[str]) -> bool:
    match part:
        case m.IndexOf(operand):
            return isinstance(operand.type, t.RefType) and operand.type.kind in objects
        case m.SizeOfKind(kind):
            return kind in objects
        case _:
            return False


def _refuse_carried(kind: str, body: m.Block) -> None:
    """A loop's body hands nothing on to its next turn in locals."""
    own = {part.symbol for part in walk(body) if isinstance(part, m.Declare)}
    for part in walk(body):
        target = part.target if isinstance(part, m.Assign) else None
        if isinstance(target, m.LocalRef) and target.symbol not in own:
            raise _no(kind, f"`init` counts them in a local at {part.span}")


def refuse_inexpressible(
    model: m.Model, program: Program, open: tuple[str, ...], objects: frozenset[str]
) -> None:
    """Raises UsageError where something depends on how many of them there are, or on which is which."""
    for template in program.templates:
        for node in reachable(template):
            for update in updates_of(node):
                family = program.family(update.cell.family)
                points_to = family.type.of if family.type.kind == "ref" else ""
                if points_to in objects and _is_fixed(update.value):
                    raise _no(points_to, f"`{family.name}` is reset to one of them at {node.span}")
    names = {thread.name for thread in model.threads} | {"thread"}
    for row in program.kinds:
        if row.name in open and row.asymmetry is not None:
            raise _no(row.name, f"its threads are told apart: {row.asymmetry}")
    for part in _everything(model):
        if isinstance(part, m.SizeOfKind) and part.kind in {*open, "thread"}:
            raise _no(part.kind, f"their number is used at {part.span}")
    for block in model.inits:
        for tree in walk(block):
            match tree:
                case m.ObjectAt(kind) if kind in names:
                    raise _no(kind, f"`init` names one of them at {tree.span}")
                case m.For(_, t.RefType(kind)) if kind in names:
                    raise _no(kind, f"`init` walks them at {tree.span}")
                case _:
                    pass
    locks = {lock.owner for lock in program.locks}
    for family in program.families:
        indexed = [d.kind for d in family.dimensions if d.kind in names]
        is_reference = family.type.kind == "ref" and family.type.of in names
        if is_reference and (family.id not in locks or indexed):
            raise _no((*open, "thread")[0], f"`{family.name}` points to a thread")
    for holder in program.holders:
        family = program.family(holder.cell.family)
        if family.template is None and any(d.kind in names for d in family.dimensions):
            raise _no((*open, "thread")[0], f"`{family.name}` holds counts for threads")


def _is_fixed(value: Term) -> bool:
    """Whether the value may be one object, whoever is followed."""
    match value:
        case Const(number):
            return number != NULL
        case Apply("ite", (_, then, otherwise)):
            return _is_fixed(then) or _is_fixed(otherwise)
        case _:
            return False


def _no(kind: str, why: str) -> UsageError:
    return UsageError(f"--any: not possible for `{kind}`: {why}")


def _everything(model: m.Model) -> Iterator[Any]:
    """Every object that the model is made of, types and declarations too."""
    seen: set[int] = set()
    pending: list[Any] = [
        model.variants,
        model.kinds,
        model.variables,
        model.functions,
        model.inits,
        model.threads,
        # What a cover asks is asked of a scope.
        [prop for prop in model.properties if prop.kind != "cover"],
        model.configs,
    ]
    while pending:
        part = pending.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        if is_dataclass(part):
            pending.extend(getattr(part, f.name) for f in fields(part) if f.name != "span")
        elif isinstance(part, dict):
            pending.extend(part.keys())
            pending.extend(part.values())
        elif isinstance(part, tuple | list | set | frozenset):
            pending.extend(part)
