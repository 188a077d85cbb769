"""A trace as a versioned JSON document, and back; docs/reference/schemas/ has its schema.

The document is the dataclasses of `trace.model` with lists for tuples, so what is read back is
what was written. Files come from anywhere: whatever is wrong with one is a ToolError that names
the spot, never a crash.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from zdcheck.base.diagnostics import ToolError
from zdcheck.base.plain import from_plain, to_plain
from zdcheck.trace.model import Step, Trace

SCHEMA = "zdcheck-trace/1"

MAX_BYTES = 64 << 20
"""A larger file is no trace of ours: a thousand steps take less than a megabyte."""


def to_document(trace: Trace) -> dict[str, Any]:
    """The JSON form, with each text's hash beside it."""
    plain = to_plain(trace)
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
    trace = from_plain(Trace, document, "trace")
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


def _numbered(trace: Trace, steps: tuple[Step, ...], where: str) -> None:
    for number, step in enumerate(steps, 1):
        if step.number != number:
            raise ToolError(f"{where}[{number - 1}] has number {step.number}")
        if not 0 <= step.thread < len(trace.threads):
            raise ToolError(
                f"{where}[{number - 1}] is of thread {step.thread}, which does not exist"
            )


def _coherent(trace: Trace) -> None:
    """What the types alone do not say."""
    _numbered(trace, trace.steps, "trace.steps")
    for place, run in enumerate(trace.others):
        _numbered(trace, run.steps, f"trace.others[{place}].steps")
    if trace.loop is not None and not 1 <= trace.loop <= len(trace.steps) + 1:
        raise ToolError(f"trace.loop is step {trace.loop}, which does not exist")
    for fact in trace.blame.facts if trace.blame else ():
        if fact.step is not None and not 1 <= fact.step <= len(trace.steps):
            raise ToolError(f"trace.blame names step {fact.step}, which does not exist")
