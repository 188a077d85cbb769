"""The violated checks of a spec, for commands that show a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from zdcheck.engines.choose import choose
from zdcheck.engines.protocol import Found, Stopped
from zdcheck.inspect.opened import Opened
from zdcheck.pipeline import Options, Spec, lower_check, run_check
from zdcheck.render.progress import ProgressLine
from zdcheck.trace.verdict import Violated


@dataclass(frozen=True, slots=True)
class Shown:
    """A run to show, and how to see it again."""

    opened: Opened
    again: str


@dataclass(frozen=True, slots=True)
class Searched:
    """A check that is violated, or whose search a limit ended (`shown` is None)."""

    check: str
    shown: Shown | None
    is_surprise: bool


def searched(spec: Spec, check_name: str | None, options: Options) -> Iterator[Searched]:
    """Search the checks of that name (None: all), in their order.

    Raises UsageError if there is none, and KeyboardInterrupt if a search was interrupted.
    """
    spec.only_or(check_name)  # says so if there is none
    with ProgressLine(sys.stderr, None) as progress:
        for check in spec.model.checks:
            if check_name is not None and not check.answers_to(check_name):
                continue
            lowered = lower_check(spec, check, options)
            choice = choose(options.engine, lowered.system)
            progress.start(check.name)
            report, claim = run_check(lowered, choice, options, progress.watch)
            progress.stop()
            if isinstance(claim, Stopped):
                if claim.limit == "interrupt":
                    raise KeyboardInterrupt
                yield Searched(check.name, None, False)
            elif isinstance(claim, Found) and isinstance(report.verdict, Violated):
                opened = Opened(lowered, claim.run, claim.fault, report.verdict.trace)
                shown = Shown(opened, report.reproduce)
                yield Searched(check.name, shown, report.surprise is not None)


def most_telling(spec: Spec, check_name: str | None, options: Options) -> Shown | None:
    """The first run that the spec does not expect, else the first one; None if nothing is violated."""
    first = None
    for one in searched(spec, check_name, options):
        if one.is_surprise:
            return one.shown
        first = first or one.shown
    return first
