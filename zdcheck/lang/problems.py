"""Collecting what is wrong with a spec, so that one run reports everything."""

from __future__ import annotations

from collections.abc import Iterable

from zdcheck.base.diagnostics import Diagnostic, Label, Severity, SpecError
from zdcheck.base.source import Span
from zdcheck.base.suggest import closest

MOST = 200
"""Nobody reads more errors than this; looking for more, with suggestions, only takes time."""


class Problems:
    """The errors found so far. Nothing is raised before `raise_if_any`, short of `MOST` errors."""

    def __init__(self) -> None:
        self._found: list[Diagnostic] = []

    def error(
        self,
        id: str,
        at: Span,
        message: str,
        *,
        label: str = "",
        also: Iterable[tuple[Span, str]] = (),
        help: str | None = None,
    ) -> None:
        """Note an error; the check goes on."""
        labels = tuple(Label(span, text) for span, text in also)
        self._found.append(
            Diagnostic(id, Severity.ERROR, message, Label(at, label), labels, help),
        )
        if len(self._found) >= MOST:
            raise SpecError(self._found)

    def unknown(
        self,
        id: str,
        at: Span,
        message: str,
        written: str,
        known: Iterable[str],
        *,
        also: Iterable[tuple[Span, str]] = (),
        help: str | None = None,
    ) -> None:
        """Note a name that nothing has, with the known name that looks most like it."""
        near = closest(written, known)
        if near is not None:
            help = f"did you mean `{near}`?"
        self.error(id, at, message, also=also, help=help)

    def raise_if_any(self) -> None:
        """Raises SpecError if anything was noted."""
        if self._found:
            raise SpecError(self._found)


def with_article(noun: str) -> str:
    """`a page`, `an enum`."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"
