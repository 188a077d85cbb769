"""Text from a spec, made safe to print: nothing in it can move a terminal's cursor."""

from __future__ import annotations

import re
import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Categories of characters that change what is around them or show nothing: controls, overrides
of the writing direction, lone surrogates, private and unassigned ones, separators of lines."""


_AT_START = re.compile(r"^((?:\s|\x1b\[[0-9;]*m)*)::")
_ANYWHERE = re.compile(r"##(?=\w*\[)")


def printable(text: str) -> str:
    """`text` with tabs made a space and every hidden character written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(char) for char in text)


def _escaped(char: str) -> str:
    if char == "\t":
        return " "
    if unicodedata.category(char) not in _HIDDEN:
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def inert(line: str) -> str:
    """A printable line of a log with nothing in it that a CI system would take for a command.

    GitHub obeys `::…` at the start of a line and `##[…]` anywhere, Azure and TeamCity `##vso[…]` and
    `##teamcity[…]`. Such a mark gets a blank in its middle.
    """
    line = _AT_START.sub(r"\1: :", line)
    return _ANYWHERE.sub("# #", line)
