"""Checks in other checkers' languages, and what those checkers say of them."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from zdcheck.engines.choose import complete
from zdcheck.engines.explicit.engine import REDUCTIONS
from zdcheck.export.compare import Ours, differences, ours
from zdcheck.export.outside import Judge, Judgement, ask
from zdcheck.lang import model as m
from zdcheck.pipeline import Options, Spec, lower_check

Language = Literal["murphi", "promela", "smtlib"]


def exported(spec: Spec, check: m.Check, options: Options, language: Language) -> str:
    """One check in another language. A cover that need not be reached is left out."""
    system = lower_check(spec, check, options).system
    covers = tuple(c for c in system.covers if c.name not in check.allow_uncovered)
    exporter = importlib.import_module(f"zdcheck.export.{language}")
    return str(getattr(exporter, language)(replace(system, covers=covers)))


@dataclass(frozen=True, slots=True)
class Crosschecked:
    """What zdcheck and the judges say of one check, and where they differ."""

    check: str
    ours: Ours
    judgements: tuple[Judgement, ...]
    differences: tuple[str, ...]


def crosscheck(
    spec: Spec,
    check: m.Check,
    options: Options,
    judges: Sequence[Judge],
    timeout_s: float,
    max_memory: int,
) -> Crosschecked:
    """Compare one check, every reduction off; each judge has so many seconds and bytes.

    Raises ToolError if a judge refuses the export.
    """
    # A judge takes a cover that is not reached for an error; zdcheck judges covers elsewhere.
    # Progress is in no export yet.
    system = replace(lower_check(spec, check, options).system, covers=(), progress=())
    choice = complete(system, REDUCTIONS)
    own = ours(choice.engine.solve(system, options.limits, lambda progress: None))
    judgements = tuple(ask(judge, system, timeout_s, max_memory) for judge in judges)
    return Crosschecked(check.name, own, judgements, differences(own, judgements))
