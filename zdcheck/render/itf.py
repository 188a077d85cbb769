"""A trace in the Informal Trace Format (ITF) of Apalache and Quint.

Full states, because the format has no others. It has no place for threads, checks and holders:
what a step was is in the state's `#meta`, and who holds what is left out.
"""

from __future__ import annotations

import json
import re
from typing import Any

from zdcheck.trace.model import Trace

_NUMBER = re.compile(r"-?\d+")


def dumps(trace: Trace) -> str:
    """The document's text."""
    names = [named.name for named in trace.initial]
    values = {named.name: named.value for named in trace.initial}
    states = [_state(0, values, {"thread": "", "step": ""})]
    for step in trace.steps:
        values |= {
            change.variable: change.after for change in step.changes if change.variable in values
        }
        about = {
            "thread": trace.threads[step.thread].name,
            "step": step.code,
            "place": f"{step.shown.path}:{step.shown.line}",
        }
        states.append(_state(step.number, values, about))
    found = trace.blame.violation if trace.blame else "a run"
    if trace.others:
        found += f", the first of {len(trace.others) + 1} runs that together make it"
    document: dict[str, Any] = {
        "#meta": {
            "format": "ITF",
            "source": trace.spec,
            "description": f"{trace.check}: {found}",
        },
        "vars": names,
        "states": states,
    }
    if trace.loop is not None:
        document["loop"] = trace.loop - 1
    return json.dumps(document, indent=1) + "\n"


def _state(number: int, values: dict[str, str], about: dict[str, str]) -> dict[str, Any]:
    state: dict[str, Any] = {"#meta": {"index": number, **about}}
    for name, text in values.items():
        state[name] = _value(text)
    return state


def _value(text: str) -> Any:
    """Numbers as ITF writes them; whatever is no number or truth value as its own text."""
    if text in ("true", "false"):
        return text == "true"
    return {"#bigint": text} if _NUMBER.fullmatch(text) else text
