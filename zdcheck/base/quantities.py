"""Amounts as people write them: `4G`, `512MiB`, `90s`, `5m`."""

from __future__ import annotations

import re

_BYTES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def bytes_in(text: str) -> int | None:
    """A number of bytes, at least 1; None if the text is none."""
    match = re.fullmatch(r"(\d{1,12})([KMGT]?)(i?B)?", text, re.IGNORECASE)
    if match is None or int(match[1]) == 0:
        return None
    return int(match[1]) * _BYTES[match[2].upper()]


def seconds_in(text: str) -> float | None:
    """A number of seconds, more than 0; None if the text is none."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)([smh]?)", text)
    if match is None or float(match[1]) == 0:
        return None
    return float(match[1]) * _SECONDS[match[2]]
