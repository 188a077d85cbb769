"""What zdcheck and a judge must agree on: the verdict, and where it holds the number of states."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, assert_never

from zdcheck.engines.protocol import Claim, Found, NoneFound, Proven, Stopped
from zdcheck.export.outside import Judgement
from zdcheck.ir.run import LockCycle


@dataclass(frozen=True, slots=True)
class Ours:
    """A claim in the judges' terms. `states` are all reachable ones, None unless it holds."""

    verdict: Literal["holds", "violated", "gave-up"]
    states: int | None


def ours(claim: Claim) -> Ours:
    """What zdcheck claims, without what no judge looks at.

    A cycle among lock classes is found when all states are known, and is about all of them
    together: to a judge such a system holds.
    """
    match claim:
        case NoneFound(statistics) | Found(statistics, LockCycle()):
            return Ours("holds", statistics.states)
        case Found():
            return Ours("violated", None)
        case Proven() | Stopped():
            return Ours("gave-up", None)
        case _:
            assert_never(claim)


def differences(own: Ours, judgements: Iterable[Judgement]) -> tuple[str, ...]:
    """Where a judge says something else. Who gave up says nothing."""
    found = []
    for judgement in judgements:
        if "gave-up" in (own.verdict, judgement.verdict):
            continue
        if judgement.verdict != own.verdict:
            found.append(f"{judgement.judge} says {judgement.verdict}, zdcheck says {own.verdict}")
        elif None not in (own.states, judgement.states) and judgement.states != own.states:
            found.append(
                f"{judgement.judge} counts {judgement.states:,} states, zdcheck {own.states:,}"
            )
    return tuple(found)
