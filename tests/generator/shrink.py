"""Make a spec that shows something small: lines go, blocks go, as long as it still shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

Lines = tuple[str, ...]


def shrunk(text: str, shows: Callable[[str], bool], most: int = 2000) -> str:
    """The smallest spec that was found in so many attempts; every candidate that is kept `shows` it."""
    lines: Lines = tuple(line for line in text.splitlines() if line.strip())
    left = most
    smaller = True
    while smaller:
        smaller = False
        for candidate in _candidates(lines):
            left -= 1
            if left < 0:
                return "\n".join(lines) + "\n"
            if shows("\n".join(candidate) + "\n"):
                lines, smaller = candidate, True
                break
    return "\n".join(lines) + "\n"


def _candidates(lines: Lines) -> Iterator[Lines]:
    """Large cuts first: a block with all that is in it, a block's frame alone, a line."""
    spans = sorted(_blocks(lines), key=lambda span: span[0] - span[1])
    for first, last in spans:
        yield lines[:first] + lines[last + 1 :]
    for number, line in enumerate(lines):
        if not line.rstrip().endswith("{") and not line.lstrip().startswith("}"):
            yield lines[:number] + lines[number + 1 :]
    for first, last in spans:
        if not lines[first].startswith((" ", "\t")):
            continue
        inner = tuple(line for line in lines[first + 1 : last] if not line.lstrip().startswith("}"))
        yield lines[:first] + inner + lines[last + 1 :]


def _blocks(lines: Lines) -> Iterator[tuple[int, int]]:
    """First and last line of everything in braces that begins at a line's end."""
    starts: list[int] = []
    for number, line in enumerate(lines):
        stripped = line.strip()
        if stripped.startswith("}"):
            if stripped.endswith("{"):
                continue  # `} else {` belongs to the block around both
            if starts:
                yield starts.pop(), number
        elif stripped.endswith("{"):
            starts.append(number)
