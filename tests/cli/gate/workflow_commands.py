"""A reader of GitHub's workflow commands, from their documentation.

A line whose first words are `::name key=value,key=value::message`. Percent, carriage return and line
feed are escaped everywhere, colon and comma in values too. An older form, `##[name …]message`, is
found anywhere in a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_COMMAND = re.compile(r"\s*::(?P<name>[A-Za-z-]+)(?:\s+(?P<properties>.*?))?::(?P<message>.*)")
_OLD = re.compile(r"##\[(?P<name>[A-Za-z-]+)[^\]]*\](?P<message>.*)")
_IN_MESSAGES = {"%25": "%", "%0D": "\r", "%0A": "\n"}
_IN_VALUES = {**_IN_MESSAGES, "%3A": ":", "%2C": ","}


@dataclass(frozen=True)
class Command:
    """What the runner would do."""

    name: str
    properties: dict[str, str]
    message: str


def commands(log: str) -> Iterator[Command]:
    """The commands in what a step printed. Raises ValueError for an escape or a property that is none."""
    for line in re.split(r"\r\n|\n|\r", log):
        if found := _COMMAND.fullmatch(line):
            pairs = [pair for pair in (found["properties"] or "").split(",") if pair]
            if not all("=" in pair for pair in pairs):
                raise ValueError(f"not a property: {line!r}")
            properties = dict(pair.split("=", 1) for pair in pairs)
            yield Command(
                found["name"],
                {key.strip(): _plain(value, _IN_VALUES) for key, value in properties.items()},
                _plain(found["message"], _IN_MESSAGES),
            )
        elif found := _OLD.search(line):
            yield Command(found["name"], {}, found["message"])


def _plain(text: str, escapes: dict[str, str]) -> str:
    def one(match: re.Match[str]) -> str:
        if match[0] not in escapes:
            raise ValueError(f"{match[0]} is no escape here: {text!r}")
        return escapes[match[0]]

    return re.sub(r"%..?", one, text)
