"""Going through a checked model without knowing every kind of node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from zdcheck.lang import model

Node = model.Expr | model.AnyValue | model.Stmt

_NODES: tuple[type, ...] = (*model.Expr.__args__, model.AnyValue, *model.Stmt.__args__)
# What a node points to without containing it.
_LINKS = frozenset(
    {"symbol", "type", "span", "variable", "domain", "case", "binds", "function", "section"}
    | {"sections", "label", "locals"}
)


_PARTS = {node: tuple(f.name for f in fields(node) if f.name not in _LINKS) for node in _NODES}


def children(node: Node) -> Iterator[Node]:
    """The nodes directly inside this one, in source order."""
    for name in _PARTS[type(node)]:
        value = getattr(node, name)
        if isinstance(value, tuple):
            for element in value:
                if isinstance(element, _NODES):
                    yield element  # type: ignore[misc]
        elif isinstance(value, _NODES):
            yield value  # type: ignore[misc]


def walk(node: Node) -> Iterator[Node]:
    """This node and everything inside it, outer before inner, in source order."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(list(children(current))))
