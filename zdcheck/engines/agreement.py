"""Whether what several engines claim of one system can all be so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import assert_never

from zdcheck.engines.protocol import Claim, Found, NoneFound, Proven, Stopped
from zdcheck.ir.run import BrokenProperty, Deadlock, FailedCheck, Imbalance, LockCycle, Stuck
from zdcheck.ir.system import Check, System

SHORTEST = ("explicit", "interpreter")
"""Engines whose counterexamples are shortest ones, the first fault of those first."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one engine claims of a system."""

    system: System
    engine: str
    claim: Claim

    def __str__(self) -> str:
        match self.claim:
            case NoneFound(statistics):
                return f"holds, {statistics.states:,} states"
            case Proven(statistics):
                return f"proved, {statistics.figures}"
            case Found(_, _, run) as found:
                steps = "1 step" if len(run.actions) == 1 else f"{len(run.actions)} steps"
                return f"violation {_what(self.system, found)} after {steps}"
            case Stopped(_, limit, note):
                return f"inconclusive, {limit} limit" + (f": {note}" if note else "")
            case _:
                assert_never(self.claim)


def disagreement(opinions: Sequence[Opinion]) -> str | None:
    """What cannot be so, in words; None if all of it can."""
    for a, b in combinations(opinions, 2):
        if _contradict(a, b) or _contradict(b, a):
            return f"engines disagree: {a.engine} says {a}, {b.engine} says {b}"
    return None


def _contradict(a: Opinion, b: Opinion) -> bool:
    match a.claim, b.claim:
        case Found(), NoneFound():
            return True
        case Found(_, fault), Proven():
            # A proof does not look at progress.
            return not isinstance(fault, Stuck)
        case Found(_, fault, run), Stopped(statistics, _, _) if b.engine == "bmc":
            # Bounded search judges neither of these, and no run is shorter than its layers.
            unseen = isinstance(fault, Stuck | LockCycle)
            return not unseen and 0 < len(run.actions) <= statistics.depth
        case Found(_, fault, run), Stopped(statistics, _, _) if b.engine in SHORTEST:
            return not isinstance(fault, Stuck | LockCycle) and len(run.actions) < statistics.depth
        case Found(_, fault, run), Found(_, other, longer) if a.engine in SHORTEST:
            if isinstance(fault, Stuck | LockCycle) or isinstance(other, Stuck | LockCycle):
                # Those are only looked for where nothing else is wrong.
                return b.engine in SHORTEST and type(fault) is not type(other)
            if len(longer.actions) < len(run.actions):
                return True
            same = len(longer.actions) == len(run.actions)
            return b.engine in SHORTEST and not (
                same and _what(a.system, a.claim) == _what(b.system, b.claim)
            )
        case NoneFound(), NoneFound():
            return set(a.claim.covers) != set(b.claim.covers) or (
                a.claim.antecedents != b.claim.antecedents
            )
        case _:
            return False


def _what(system: System, found: Found) -> str:
    """The kind of fault, by the name that a user knows."""
    match found.fault:
        case FailedCheck(test):
            check = system.actions[found.run.actions[-1]].tests[test]
            assert isinstance(check, Check)
            return check.violation.id
        case BrokenProperty(number):
            return system.properties[number].name
        case Imbalance(entry):
            return f"ledger of {system.variables[system.ledger[entry].count].name}"
        case Deadlock():
            return "deadlock"
        case LockCycle():
            return "lock_order"
        case Stuck():
            return "stuck"
