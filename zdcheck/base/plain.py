"""Frozen dataclasses as JSON values, and back.

Lists for tuples, null for None, objects for dataclasses: what is read back is what was written.
What is read comes from anywhere, so whatever is wrong with it is a ToolError that names the spot.
"""

from __future__ import annotations

import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

from zdcheck.base.diagnostics import ToolError

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """A dataclass, tuple or scalar as what `json.dumps` takes."""
    if is_dataclass(value):
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    return value


def from_plain(expected: type[T], value: object, where: str) -> T:
    """`value` as an instance of the dataclass `expected`; `where` is what messages call it.

    Fields that are not known are ignored. Raises ToolError if it is no such thing.
    """
    result = _read(expected, value, where)
    assert isinstance(result, expected)
    return result


@cache
def _hints(of: type) -> dict[str, Any]:
    return typing.get_type_hints(of)


def _read(expected: Any, value: Any, where: str) -> Any:
    """`value` as an instance of the type `expected`; ToolError that names `where` if it is none."""
    origin, arguments = typing.get_origin(expected), typing.get_args(expected)
    if origin is tuple:
        if not isinstance(value, list):
            raise ToolError(f"{where} is not a list")
        return tuple(_read(arguments[0], item, f"{where}[{n}]") for n, item in enumerate(value))
    if origin in (types.UnionType, typing.Union):
        (other,) = (a for a in arguments if a is not type(None))
        return None if value is None else _read(other, value, where)
    if origin is typing.Literal:
        if value not in arguments or not isinstance(value, str):
            raise ToolError(f"{where} is not one of {', '.join(arguments)}")
        return value
    if is_dataclass(expected) and isinstance(expected, type):
        if not isinstance(value, dict):
            raise ToolError(f"{where} is not an object")
        parts = {}
        hints = _hints(expected)
        for field in fields(expected):
            if field.name in value:
                there = f"{where}.{field.name}"
                parts[field.name] = _read(hints[field.name], value[field.name], there)
            elif field.default is MISSING:  # what has a default came later than the schema
                raise ToolError(f"{where}.{field.name} is missing")
        return expected(**parts)
    # In JSON as in Python truth values would pass as numbers; here they must not.
    if type(value) is not expected:
        raise ToolError(f"{where} is not of type {expected.__name__}")
    return value
