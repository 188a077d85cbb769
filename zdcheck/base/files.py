"""Files that are written whole or not at all, and names for them."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Replace a file in one step, so that no reader and no crash ever sees half of it.

    The folder is made if there is none. A link is followed; a device or a pipe is only written
    to. Raises OSError, and then the file is what it was.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # noqa: PTH101
        os.replace(name, path)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            os.unlink(name)  # noqa: PTH108
        raise


def real(path: Path) -> Path:
    """The path without links; of links in a circle what there is (`Path.resolve` raises RuntimeError)."""
    return Path(os.path.realpath(path))


def leads_out(path: Path, folder: Path) -> bool:
    """Whether a path that is written as one inside the folder is none, links followed.

    A repository that somebody else wrote may have a link where a report is to be written.
    """
    return not real(real(folder) / path).is_relative_to(real(folder))


def slug(text: str) -> str:
    """A name that every file system takes; `default` for what has no such character."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-.")[:100] or "default"
