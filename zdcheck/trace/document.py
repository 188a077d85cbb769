"""A trace as a versioned JSON document, and back; docs/reference/schemas/ has its schema.

The document is the dataclasses of `trace.model` with lists for tuples, so what is read back is
what was written. Files come from anywhere: whatever is wrong with one is a ToolError that names
the spot, never a crash.
"""

from __future__ import annotations

import hashlib
import json
import types
import typing
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from zdcheck.base.diagnostics import ToolError
from zdcheck.trace.model import Trace

SCHEMA = "zdcheck-trace/1"

MAX_BYTES = 64 << 20
"""A larger file is no trace of ours: a thousand steps take less than a megabyte."""


def to_document(trace: Trace) -> dict[str, Any]:
    """The JSON form, with each text's hash beside it."""
    plain = _plain(trace)
    for text in plain["texts"]:
        text["sha256"] = _hash(text["text"])
    return {"schema": SCHEMA, **plain}


def from_document(document: object) -> Trace:
    """The trace that `to_document` wrote. Raises ToolError if it is none or is damaged."""
    if not isinstance(document, dict):
        raise ToolError("this is no trace: a JSON object is expected")
    schema = document.get("schema")
    if schema != SCHEMA:
        raise ToolError(
            f"this is no trace that can be read here: schema is {schema!r}, not {SCHEMA!r}"
        )
    trace = _read(Trace, document, "trace")
    assert isinstance(trace, Trace)
    for written, text in zip(document["texts"], trace.texts, strict=True):
        if written.get("sha256") != _hash(text.text):
            raise ToolError(
                f"the text of {text.path!r} in this trace is not the one it was written with"
            )
    _coherent(trace)
    return trace


def dumps(trace: Trace) -> str:
    """The document as text, one line for each step so that it can be read and compared."""
    return json.dumps(to_document(trace), indent=1) + "\n"


def loads(text: str) -> Trace:
    """The trace in a file's text. Raises ToolError."""
    if len(text) > MAX_BYTES:
        raise ToolError("this is no trace: the file is too large")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ToolError(f"this is no trace: {error}") from None
    return from_document(document)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _coherent(trace: Trace) -> None:
    """What the types alone do not say."""
    for number, step in enumerate(trace.steps, 1):
        if step.number != number:
            raise ToolError(f"trace.steps[{number - 1}] has number {step.number}")
        if not 0 <= step.thread < len(trace.threads):
            raise ToolError(f"step {number} is of thread {step.thread}, which does not exist")
    for fact in trace.blame.facts if trace.blame else ():
        if fact.step is not None and not 1 <= fact.step <= len(trace.steps):
            raise ToolError(f"trace.blame names step {fact.step}, which does not exist")


# --- dataclasses to JSON and back -------------------------------------------------------


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


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
        for name, hint in _hints(expected).items():
            if name not in value:
                raise ToolError(f"{where}.{name} is missing")
            parts[name] = _read(hint, value[name], f"{where}.{name}")
        return expected(**parts)
    # In JSON as in Python truth values would pass as numbers; here they must not.
    if type(value) is not expected:
        raise ToolError(f"{where} is not of type {expected.__name__}")
    return value
