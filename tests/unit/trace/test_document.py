"""Traces as JSON: what is read back is what was written; hostile files are errors."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.systems import locks, unplug
from tests.unit.trace.test_replay import trace_of
from zdcheck.base.diagnostics import ToolError
from zdcheck.trace.document import dumps, from_document, loads, to_document
from zdcheck.trace.model import Trace

SCHEMA = Path(__file__).parents[3] / "docs/reference/schemas/zdcheck-trace-1.json"

TRACES = {
    "property": trace_of(unplug()),
    "leak": trace_of(unplug(pte_holds=True, leaks=True)),
    "deadlock": trace_of(locks(together=True)),
    "lock order": trace_of(locks(together=False)),
}


@pytest.mark.parametrize("name", TRACES)
def test_round_trip(name: str) -> None:
    assert loads(dumps(TRACES[name])) == TRACES[name]


@pytest.mark.parametrize("name", TRACES)
def test_the_published_schema_fits(name: str) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(to_document(TRACES[name]), schema)


def test_a_changed_text_is_noticed() -> None:
    document = to_document(TRACES["leak"])
    document["texts"][0]["text"] += "\n"
    with pytest.raises(ToolError, match="not the one"):
        from_document(document)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", '{"schema": "zdcheck-trace/2"}', "\x00", "[" * 100_000, "1" * 5000],
)
def test_what_is_no_trace_is_refused(text: str) -> None:
    with pytest.raises(ToolError):
        loads(text)


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything inside a document."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, dict | list):
            found += spots(item, (*path, key))
        else:
            found.append((*path, key))
    return found


def holder(document: Any, spot: tuple[Any, ...]) -> Any:
    """The object or array that has the last part of the path."""
    for key in spot[:-1]:
        document = document[key]
    return document


DOCUMENT = to_document(TRACES["leak"])
SPOTS = spots(DOCUMENT)


@pytest.mark.parametrize("junk", [None, -1, 1 << 70, 1.5, "x", [], {}, True], ids=str)
def test_damage_is_an_error_or_another_trace(junk: Any) -> None:
    for spot in SPOTS:
        document = copy.deepcopy(DOCUMENT)
        holder(document, spot)[spot[-1]] = junk
        with contextlib.suppress(ToolError):
            assert isinstance(from_document(document), Trace)


OPTIONAL = {("loop",), ("others",)}
"""What came later than the schema: a trace that was written without it can be read."""


def test_a_missing_field_is_named() -> None:
    for spot in SPOTS:
        if not isinstance(spot[-1], str):
            continue
        document = copy.deepcopy(DOCUMENT)
        del holder(document, spot)[spot[-1]]
        if spot in OPTIONAL:
            assert isinstance(from_document(document), Trace)
        else:
            with pytest.raises(
                ToolError, match="not the one" if spot[-1] == "sha256" else spot[-1]
            ):
                from_document(document)
