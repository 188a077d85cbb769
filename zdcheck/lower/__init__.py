"""From a checked model to a ground transition system: inline, flow, steps, ledger, ground."""

from __future__ import annotations

from zdcheck.ir.parametric import Program
from zdcheck.ir.system import System
from zdcheck.lower.instance import Instance
from zdcheck.lower.program import program_of
from zdcheck.lower.system import Grounding


def lower(instance: Instance) -> System:
    """One check as a ground system. Raises SpecError where its numbers do not work out."""
    return Grounding(program_of(instance), instance.check.span).system()


__all__ = ["Instance", "Program", "lower", "program_of"]
