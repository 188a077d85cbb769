"""Changing a tree as written: a copy with some nodes replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from zdcheck.base.source import Span
from zdcheck.lang import ast

Node = TypeVar("Node")

Edits = Mapping[int, tuple[Any, ...]]
"""By `id` of a node what stands there instead: any number in a sequence, elsewhere exactly one."""


def rewritten(node: Node, edits: Edits) -> Node:
    """The tree with the edits made; parts without any are shared with the old one."""
    if id(node) in edits:
        (new,) = edits[id(node)]
        return new  # type: ignore[no-any-return]
    if not is_dataclass(node) or isinstance(node, Span | ast.Name):
        return node
    changed: dict[str, Any] = {}
    for field in fields(node):
        old = getattr(node, field.name)
        new = _sequence(old, edits) if isinstance(old, tuple) else rewritten(old, edits)
        if new is not old:
            changed[field.name] = new
    return replace(node, **changed) if changed else node  # type: ignore[type-var]


def _sequence(old: tuple[Any, ...], edits: Edits) -> tuple[Any, ...]:
    new: list[Any] = []
    for item in old:
        new.extend(edits[id(item)] if id(item) in edits else (rewritten(item, edits),))
    same = len(new) == len(old) and all(a is b for a, b in zip(new, old, strict=True))
    return old if same else tuple(new)
