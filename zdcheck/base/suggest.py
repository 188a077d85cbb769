"""Did you mean …?"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest(written: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like what was written; None if none does."""
    candidates = {name.lower(): name for name in known}
    found = get_close_matches(written.lower(), candidates, n=1, cutoff=0.6)
    return candidates[found[0]] if found else None
