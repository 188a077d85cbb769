"""What stopped a spec, or a whole command: an exception in a form that can be reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zdcheck.base.diagnostics import Diagnostic
from zdcheck.base.exit_codes import ExitCode


@dataclass(frozen=True, slots=True)
class Failure:
    """Whose fault it is, what to say, and (for a spec) the places."""

    kind: Literal["spec", "usage", "tool", "internal"]
    message: str
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """What it ends the process with."""
        return ExitCode.INTERNAL if self.kind == "internal" else ExitCode.WRONG_INPUT
