"""What GitHub's runner makes of a log: its own rules, in Python.

Written after the runner's `ActionCommand.cs` (`TryParseV2`, then `TryParse`) and the commands that
`ActionCommandManager.cs` registers (actions/runner), which know less than the documentation: the first
`::` ends the properties, an empty value is left out, whatever is no escape stays as it is, and a name that
is not registered makes the line plain text. Names are the same in capitals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

REGISTERED = frozenset(
    (
        "stop-commands", "set-env", "set-output", "save-state", "add-mask", "add-path",
        "add-matcher", "remove-matcher", "debug", "warning", "error", "notice", "group",
        "endgroup", "echo",
    )
)  # fmt: skip
_DATA = (("\r", "%0D"), ("\n", "%0A"), ("%", "%25"))
_PROPERTY = (("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C"), ("%", "%25"))
_OLD = ((";", "%3B"), ("\r", "%0D"), ("\n", "%0A"), ("]", "%5D"), ("%", "%25"))
Escapes = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Command:
    """What the runner would do. The names of properties are small letters."""

    name: str
    properties: dict[str, str]
    message: str


def commands(log: str) -> Iterator[Command]:
    """The commands in what a step printed."""
    for line in re.split(r"\r\n|\n|\r", log):
        found = _new(line.lstrip()) or _old(line)
        if found is not None:
            yield found


def _new(line: str) -> Command | None:
    """`::name key=value,key=value::message` at the start of a line."""
    if not line.startswith("::") or (end := line.find("::", 2)) < 0:
        return None
    return _command(line[2:end], ",", _PROPERTY, _plain(line[end + 2 :], _DATA))


def _old(line: str) -> Command | None:
    """`##[name key=value;key=value]message` anywhere in a line."""
    start = line.find("##[")
    if start < 0 or (end := line.find("]", start)) < 0:
        return None
    return _command(line[start + 3 : end], ";", _OLD, _plain(line[end + 1 :], _OLD))


def _command(head: str, comma: str, escapes: Escapes, message: str) -> Command | None:
    name, _, rest = head.partition(" ")
    if name.lower() not in REGISTERED:
        return None
    properties = {}
    for text in rest.strip().split(comma):
        key, _, value = text.partition("=")
        if key and value:
            properties[key.lower()] = _plain(value, escapes)
    return Command(name.lower(), properties, message)


def _plain(text: str, escapes: Escapes) -> str:
    for char, escape in escapes:
        text = text.replace(escape, char)
    return text
