"""What zdcheck says about a text: diagnostics with places, and the exceptions that carry them.

A diagnostic stays structured until a renderer prints it. Messages are lower case, present
tense, without a full stop, with back quotes around the reader's own words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from zdcheck.base.source import Span


class Severity(Enum):
    """How much a diagnostic matters: an error stops the check, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Label:
    """A place, and a few words to print under its caret."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message about a spec. `id` is in `base.catalogue` and has a page in the docs."""

    id: str
    severity: Severity
    message: str
    at: Label
    also: tuple[Label, ...] = ()
    help: str | None = None


def in_source_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By file and offset, equal ones once."""
    unique = dict.fromkeys(diagnostics)
    return tuple(sorted(unique, key=lambda d: (d.at.span.file.path, d.at.span.start, d.id)))


class ZdcheckError(Exception):
    """Anything that zdcheck tells its user about; nothing else reaches the top."""


class SpecError(ZdcheckError):
    """The spec cannot be checked. Carries one or more diagnostics in source order."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = in_source_order(diagnostics)
        super().__init__("; ".join(f"{d.at.span}: {d.message}" for d in self.diagnostics))


class UsageError(ZdcheckError):
    """The command line, or a name given on it, is wrong."""


class ToolError(ZdcheckError):
    """The machine does not let us: no compiler, disk full, a process killed."""


class EngineDisagreement(ZdcheckError):
    """zdcheck itself is wrong: engines disagree, or a counterexample does not replay."""
