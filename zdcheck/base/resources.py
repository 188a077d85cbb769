"""Where the shipped kernel library and the reference pages are, and the grammar.

A wheel has them inside the package (`_models`, `_docs`); a checkout has them beside it.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def library_root() -> Path:
    """The folder of the kernel library's modules."""
    return _first(_PACKAGE / "_models", _PACKAGE.parent / "models")


def documentation_root() -> Path:
    """The folder of the reference pages."""
    return _first(_PACKAGE / "_docs" / "reference", _PACKAGE.parent / "docs" / "reference")


def grammar_file() -> Path:
    """The grammar of specs."""
    return _PACKAGE / "lang" / "grammar.lark"


def grammar_table_file() -> Path:
    """The parser's table, made from the grammar."""
    return _PACKAGE / "lang" / "grammar.json"


def _first(inside: Path, beside: Path) -> Path:
    return inside if inside.is_dir() else beside
