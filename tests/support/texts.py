"""A spec as text, and its system."""

from __future__ import annotations

from pathlib import Path

from zdcheck.base.source import SourceFile
from zdcheck.ir.system import System
from zdcheck.lang.check import check
from zdcheck.lang.modules import load_text
from zdcheck.lower import Instance, lower


def lowered(text: str) -> System:
    """The system of a text without checks. Raises SpecError."""
    model = check(load_text(SourceFile("text.zd", text + '\ncheck "it" {}\n'), Path()))
    [one] = model.checks
    return lower(Instance.of(model, one))
