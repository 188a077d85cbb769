"""What a proof for any number of threads cannot express: refused, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from zdcheck.base.diagnostics import UsageError
from zdcheck.base.suggest import closest
from zdcheck.ir.parametric import Program
from zdcheck.lang import model as m
from zdcheck.lang import types as t
from zdcheck.lang.walk import walk


def refuse_unknown(model: m.Model, open: tuple[str, ...]) -> None:
    """Raises UsageError for a name that is no family of any number of threads."""
    counts = {thread.name: thread.count for thread in model.threads}
    can = sorted(name for name, count in counts.items() if count == "*")
    for name in open:
        if name in can:
            continue
        if name in counts:
            raise UsageError(f"--any {name}: there is one number of `{name}` threads, and no `[*]`")
        if name in model.kinds:
            raise UsageError(
                f"--any {name}: objects are taken at their scope; only threads can be any number"
            )
        near = closest(name, can)
        hint = f"; did you mean `{near}`?" if near else ""
        known = ", ".join(can) or "none"
        raise UsageError(f"--any {name}: no thread family `{name}[*]` (there are: {known}){hint}")


def refuse_inexpressible(model: m.Model, program: Program, open: tuple[str, ...]) -> None:
    """Raises UsageError where something depends on how many threads there are, or on which is which."""
    names = {thread.name for thread in model.threads} | {"thread"}
    for row in program.kinds:
        if row.name in open and row.asymmetry is not None:
            raise _no(row.name, f"its threads are told apart: {row.asymmetry}")
    for part in _everything(model):
        if isinstance(part, m.SizeOfKind) and part.kind in {*open, "thread"}:
            raise _no(part.kind, f"their number is used at {part.span}")
    for block in model.inits:
        for node in walk(block):
            match node:
                case m.ObjectAt(kind) if kind in names:
                    raise _no(kind, f"`init` names one of them at {node.span}")
                case m.For(_, t.RefType(kind)) if kind in names:
                    raise _no(kind, f"`init` walks them at {node.span}")
                case _:
                    pass
    locks = {lock.owner for lock in program.locks}
    for family in program.families:
        indexed = [d.kind for d in family.dimensions if d.kind in names]
        is_reference = family.type.kind == "ref" and family.type.of in names
        if is_reference and (family.id not in locks or indexed):
            raise _no(open[0], f"`{family.name}` points to a thread")
    for holder in program.holders:
        family = program.family(holder.cell.family)
        if family.template is None and any(d.kind in names for d in family.dimensions):
            raise _no(open[0], f"`{family.name}` holds counts for threads")


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
