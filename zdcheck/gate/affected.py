"""Which specs a change of files can affect: by their text, what they `use` included.

An overestimate: a `use` in a comment counts, and a module that does not exist yet counts where it
would be. Nothing is parsed, so a hundred specs take no time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from zdcheck.base.files import real
from zdcheck.base.resources import library_root

_USE = re.compile(r"\buse\s+([\w.,\s]+);")


def files_of(spec: Path) -> frozenset[Path]:
    """The spec and every file that a module it uses could be read from."""
    folder = spec.parent
    found = {real(spec)}
    waiting = [real(spec)]
    while waiting:
        for name in _used(waiting.pop()):
            relative = Path(*name.split(".")).with_suffix(".zd")
            for place in (folder / relative, library_root() / relative):
                resolved = real(place)
                if resolved not in found:
                    found.add(resolved)
                    waiting.append(resolved)
    return frozenset(found)


def _used(file: Path) -> Iterator[str]:
    try:
        text = file.read_text("utf-8", "replace")
    except OSError:
        return
    for match in _USE.finditer(text):
        for name in match[1].split(","):
            word = "".join(name.split())
            if word and ".." not in word:
                yield word.strip(".")
