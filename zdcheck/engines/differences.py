"""What each of two systems shows and the other cannot: the explorer finds it, the reference semantics confirms it.

Where the explorer cannot answer, the reference search of `inclusion` does, in both directions.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from zdcheck.base.diagnostics import EngineDisagreement
from zdcheck.engines.explicit.engine import ExplicitEngine, ExplicitOptions
from zdcheck.engines.explicit.process import Compared, ComparedEnd
from zdcheck.engines.inclusion import (
    Answer,
    Common,
    Excess,
    Included,
    Unknown,
    common_variables,
    difference,
    stops_following,
)
from zdcheck.engines.protocol import Limits
from zdcheck.ir.run import Run
from zdcheck.ir.side_by_side import SideBySide, side_by_side
from zdcheck.ir.system import ActionId, System


@dataclass(frozen=True, slots=True)
class Differences:
    """What the first system shows and the second cannot, and the other way round.

    `refusal` says why the explorer was not asked, None if it was.
    """

    first: Answer
    second: Answer
    refusal: str | None = None


PLAIN = ExplicitOptions(symmetry=False)


def differences(
    first: System, second: System, limits: Limits, options: ExplicitOptions = PLAIN
) -> Differences:
    """Compare what is seen in the variables that both have. `limits` hold for all of it together.

    `max_states` are the states of both systems. Raises ToolError, and EngineDisagreement if a run that
    the explorer found is not one.
    """
    started = time.monotonic()
    common = common_variables(first, second)
    sides = side_by_side(first, second)
    engine = ExplicitEngine(replace(options, symmetry=False))
    if refusal := engine.refuses(sides.system):
        return by_reference(first, second, limits, f"the explorer cannot compare: {refusal}")
    # One worker: the same run is found each time, and most of the work is not the search.
    found = engine.compare(sides, frozenset(common.first), replace(limits, workers=1))
    if found.first is None or found.second is None:
        assert found.limit
        stopped = Unknown(found.limit, f"{found.states:,} states of both versions")
        return Differences(stopped, stopped)
    deadline = None if limits.timeout_s is None else started + limits.timeout_s
    return Differences(
        _confirmed(first, second, common, deadline, _answer(found.first, sides)),
        _confirmed(second, first, common.reversed, deadline, _answer(found.second, sides)),
    )


def by_reference(
    first: System, second: System, limits: Limits, refusal: str | None = None
) -> Differences:
    """The same by the reference semantics; each direction has half of the time."""
    if limits.timeout_s is not None:
        limits = replace(limits, timeout_s=limits.timeout_s / 2)
    common = common_variables(first, second)
    return Differences(
        difference(first, second, common, limits),
        difference(second, first, common.reversed, limits),
        refusal,
    )


def _answer(found: Compared, sides: SideBySide) -> Answer:
    """In numbers of the side that it is about."""
    match found.end:
        case ComparedEnd.INCLUDED:
            return Included()
        case ComparedEnd.STOPPED:
            assert found.limit
            return Unknown(
                found.limit,
                f"{found.states:,} states of both versions and {found.pairs:,} pairs of them",
            )
        case ComparedEnd.EXCESS:
            run = found.run
            if run.initial < sides.split:
                return Excess(run)
            actions = tuple(ActionId(action - sides.others) for action in run.actions)
            return Excess(Run(run.initial - sides.split, actions))


def _confirmed(
    first: System, second: System, common: Common, deadline: float | None, answer: Answer
) -> Answer:
    """The answer, if the second system really follows the run to its end and no further."""
    if not isinstance(answer, Excess):
        return answer
    left = None if deadline is None else max(deadline - time.monotonic(), 1.0)
    try:
        stops = stops_following(first, second, common, answer.run, left)
    except TimeoutError:
        return Unknown(
            "time", f"a run of {len(answer.run.actions)} steps was found, but not confirmed,"
        )
    if stops != len(answer.run.actions):
        raise EngineDisagreement(
            "the explorer says that a run cannot be followed, and the reference semantics says: "
            + ("it can" if stops is None else f"not even its step {stops}")
        )
    return answer
