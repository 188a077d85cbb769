"""A syntax tree as indented text: node names, their plain fields, their children below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from zdcheck.base.source import Span
from zdcheck.render.escape import printable


def tree_text(node: object) -> str:
    """The whole tree. Takes any frozen dataclass with spans."""
    return "".join(f"{line}\n" for line in _lines("", node, 0))


def _lines(name: str, node: Any, depth: int) -> Iterator[str]:
    head = "  " * depth + (f"{name}: " if name else "")
    if not is_dataclass(node):
        yield f"{head}{_plain(node)}"
        return
    plain, below = [], []
    where = ""
    for part in fields(node):
        value = getattr(node, part.name)
        if isinstance(value, Span):
            where = f"  @{value.line}:{value.column}"
        elif is_dataclass(value) and _name_of(value) is None:
            below.append((part.name, value))
        elif isinstance(value, tuple) and any(is_dataclass(item) for item in value):
            below += [(f"{part.name}[{n}]", item) for n, item in enumerate(value)]
        elif value is not None and value is not False and value != ():
            plain.append(f"{part.name}={_plain(value)}")
    inside = f"({', '.join(plain)})" if plain else ""
    yield f"{head}{type(node).__name__}{inside}{where}"
    for label, child in below:
        yield from _lines(label, child, depth + 1)


def _name_of(node: Any) -> str | None:
    """The text of an identifier node, which needs no line of its own."""
    names = [part.name for part in fields(node)]
    if names == ["text", "span"]:
        return str(node.text)
    return None


def _plain(value: Any) -> str:
    if is_dataclass(value) and (name := _name_of(value)) is not None:
        return printable(name)
    return printable(repr(value))
