"""Checks in other checkers' languages, and what those checkers say of them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from zdcheck.base.diagnostics import UsageError
from zdcheck.engines.choose import complete
from zdcheck.engines.explicit.engine import REDUCTIONS
from zdcheck.export.compare import Ours, differences, ours
from zdcheck.export.outside import Judge, Judgement, ask, ask_about_progress
from zdcheck.ir.system import System
from zdcheck.lang import model as m
from zdcheck.pipeline import Options, Spec, lower_check

Language = Literal["murphi", "promela", "smtlib"]


def exported(spec: Spec, check: m.Check, options: Options, language: Language) -> str:
    """One check in another language. A cover that need not be reached is left out.

    Raises UsageError if the language has no words for something in it.
    """
    system = lower_check(spec, check, options).system
    if system.progress and language != "promela":
        raise UsageError(
            f"check `{check.name}` has progress properties, and {language} cannot say what a fair run is: "
            "export it to promela, or leave them out with `--no-progress`"
        )
    covers = tuple(c for c in system.covers if c.name not in check.allow_uncovered)
    exporter = importlib.import_module(f"zdcheck.export.{language}")
    return str(getattr(exporter, language)(replace(system, covers=covers)))


@dataclass(frozen=True, slots=True)
class Crosschecked:
    """What zdcheck and the judges say of one check, and where they differ.

    `promise` is the progress property that was asked about, None for everything else.
    """

    check: str
    promise: str | None
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
) -> Iterator[Crosschecked]:
    """Compare one check, every reduction off; each judge has so many seconds and bytes for each question.

    Where all else holds, each progress property is a question of its own, for SPIN.

    Raises ToolError if a judge refuses the export, UsageError if there is progress and SPIN is not asked.
    """
    # A judge takes a cover that is not reached for an error; zdcheck judges covers elsewhere.
    system = replace(lower_check(spec, check, options).system, covers=())
    safe = replace(system, progress=())
    judgements = tuple(ask(judge, safe, timeout_s, max_memory) for judge in judges)
    own = _ours(safe, options)
    yield Crosschecked(check.name, None, own, judgements, differences(own, judgements))
    if own.verdict == "violated":
        return
    if system.progress and "spin" not in judges:
        raise UsageError(
            f"check `{check.name}` has progress properties, and rumur cannot say what a fair run is: "
            "ask SPIN too, or leave them out with `--no-progress`"
        )
    for promise in system.progress:
        asked = replace(system, progress=(promise,))
        own = replace(_ours(asked, options), states=None)
        judgements = (ask_about_progress(asked, timeout_s, max_memory),)
        found = differences(own, judgements)
        yield Crosschecked(check.name, promise.name, own, judgements, found)


def _ours(system: System, options: Options) -> Ours:
    choice = complete(system, REDUCTIONS)
    return ours(choice.engine.solve(system, options.limits, lambda progress: None))
