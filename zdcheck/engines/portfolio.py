"""Several engines for one answer: one after the other where that is quickest, or all of them to compare."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from zdcheck.base.diagnostics import EngineDisagreement, ZdcheckError
from zdcheck.base.pool import Died, run_all
from zdcheck.engines.agreement import Opinion, disagreement
from zdcheck.engines.protocol import (
    Claim,
    Engine,
    Found,
    Limits,
    NoneFound,
    Progress,
    Proven,
    Statistics,
    Stopped,
    Watcher,
)
from zdcheck.ir.system import System

BEYOND_S = 60.0
"""Seconds for a proof and bounded search where the command line sets no time limit."""

SEARCHED = 0.5
"""The part of a time limit that explicit search gets."""

EACH_S = 60.0
"""Seconds for each engine but the first where all are asked and the command line sets no time limit."""

DEEPEST = 10_000
"""Layers for bounded search that only time ends."""


GRACE_S = 20.0
"""How long, or twice as long as it took, a run that may be far from a shortest one waits for a shorter one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One engine and what it may use; `hurries` False if others may have a shorter run to show."""

    engine: Engine
    system: System
    limits: Limits
    hurries: bool = True


@dataclass(frozen=True, slots=True)
class Wrong:
    """The engine failed: what it raised."""

    error: ZdcheckError


def _answer(asked: Asked) -> Claim | Wrong:
    """In a process of its own."""
    try:
        claim = asked.engine.solve(asked.system, asked.limits, lambda progress: None)
    except ZdcheckError as error:
        return Wrong(error)
    if isinstance(claim, Found) and not asked.hurries:
        time.sleep(max(GRACE_S, claim.statistics.elapsed_s))
    return _by(claim, asked.engine.name)


def _by(claim: Claim, name: str) -> Claim:
    return replace(claim, statistics=replace(claim.statistics, by=name))


class FirstThatAnswers:
    """`--engine auto`: explicit search; when it meets a limit, a proof and bounded search side by side."""

    def __init__(self, complete: Engine, others: Callable[[], Sequence[Engine]]) -> None:
        """`others` are made when they are needed: Z3 takes longer to import than most checks to run."""
        self.complete = complete
        self.others = others

    @property
    def name(self) -> str:
        """The engine that is asked first."""
        return self.complete.name

    def refuses(self, system: System) -> str | None:
        """As the first one."""
        return self.complete.refuses(system)

    def solve(self, system: System, limits: Limits, watch: Watcher) -> Claim:
        """See `Engine.solve`."""
        timeout = limits.timeout_s
        first = self.complete.solve(
            system,
            replace(limits, timeout_s=None if timeout is None else timeout * SEARCHED),
            watch,
        )
        if not isinstance(first, Stopped) or first.limit == "interrupt":
            return first
        left = BEYOND_S if timeout is None else max(timeout - first.statistics.elapsed_s, 1.0)
        limits = replace(limits, timeout_s=left, max_depth=DEEPEST)
        asked = [
            # What explicit search did not find, a proof meets on a random run.
            Asked(engine, system, limits, hurries=engine.name != "proof")
            for engine in self.others()
        ]
        stopped: list[Stopped] = []
        names = " and ".join(one.engine.name for one in asked)
        watch(Progress(0, 0, 0, first.statistics.elapsed_s, f"{first.limit} limit; asking {names}"))
        try:
            with closing(run_all(_answer, asked, len(asked))) as outcomes:
                for _, outcome in outcomes:
                    if isinstance(outcome, Died):
                        continue
                    match outcome.result:
                        case Wrong(error):
                            raise error
                        case Stopped() as claim:
                            stopped.append(claim)
                        case claim:
                            return _later(claim, first)
        except KeyboardInterrupt:
            return replace(_none_answered(first, stopped), limit="interrupt")
        return _none_answered(first, stopped)


def _later(claim: Claim, first: Stopped) -> Claim:
    """An answer that came after explicit search: with the time that took, and what it had seen."""
    seconds = first.statistics.elapsed_s + claim.statistics.elapsed_s
    statistics = replace(claim.statistics, elapsed_s=seconds)
    if not isinstance(claim, Proven):
        return replace(claim, statistics=statistics)
    return Proven(
        replace(statistics, fired=first.statistics.fired),
        claim.covers | first.covers,
        claim.antecedents | first.antecedents,
        claim.limit and first.limit,
    )


def _none_answered(first: Stopped, others: Sequence[Stopped]) -> Stopped:
    notes = [first.note]
    seconds = first.statistics.elapsed_s
    longest = 0.0
    for claim in others:
        longest = max(longest, claim.statistics.elapsed_s)
        notes.append(f"{claim.statistics.by}: {claim.note or f'{claim.limit} limit'}")
    statistics = replace(first.statistics, elapsed_s=seconds + longest)
    limit = "interrupt" if any(c.limit == "interrupt" for c in others) else first.limit
    return replace(
        first, statistics=statistics, limit=limit, note="; ".join(note for note in notes if note)
    )


class AllOfThem:
    """`--engine all`: every engine answers, two at a time, and they must agree."""

    name = "all"

    def __init__(self, engines: Sequence[Engine]) -> None:
        """The first one is asked for as long as it needs."""
        self.engines = engines

    def refuses(self, system: System) -> str | None:
        """If no engine answers."""
        reasons = [engine.refuses(system) for engine in self.engines]
        return None if None in reasons else reasons[0]

    def solve(self, system: System, limits: Limits, watch: Watcher) -> Claim:
        """The strongest answer. Raises EngineDisagreement."""
        able = [engine for engine in self.engines if engine.refuses(system) is None]
        patience = replace(limits, timeout_s=limits.timeout_s or EACH_S)
        asked = [
            Asked(engine, system, limits if number == 0 else patience)
            for number, engine in enumerate(able)
        ]
        opinions: list[Opinion] = []
        is_interrupted = False
        try:
            with closing(run_all(_answer, asked, 2)) as outcomes:
                for one, outcome in outcomes:
                    said = f"{len(opinions) + 1} of {len(asked)} engines answered"
                    watch(Progress(0, 0, 0, 0.0, said))
                    if isinstance(outcome, Died):
                        continue
                    if isinstance(outcome.result, Wrong):
                        raise outcome.result.error
                    opinions.append(Opinion(system, one.engine.name, outcome.result))
        except KeyboardInterrupt:
            is_interrupted = True
        if (why := disagreement(opinions)) is not None:
            raise EngineDisagreement(why)
        if is_interrupted:
            # Whoever was still asked may contradict the others.
            so_far = "; ".join(f"{opinion.engine}: {opinion}" for opinion in opinions)
            figures = opinions[0].claim.statistics if opinions else Statistics(0, 0, 0, 0.0)
            return Stopped(figures, "interrupt", so_far)
        order = {engine.name: number for number, engine in enumerate(able)}
        opinions.sort(key=lambda opinion: (_strength(opinion.claim), order[opinion.engine]))
        best = opinions[0].claim
        each = {opinion.engine: str(opinion) for opinion in opinions}
        extra = {**best.statistics.extra, **each}
        return replace(best, statistics=replace(best.statistics, extra=extra))


def _strength(claim: Claim) -> int:
    match claim:
        case Found():
            return 0
        case NoneFound():
            return 1
        case Proven():
            return 2
        case Stopped():
            return 3
