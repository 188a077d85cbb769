"""Where a proof does not go on. Apart from the prover, so that whoever reports it need not load Z3."""

from __future__ import annotations

from dataclasses import dataclass

from zdcheck.ir.system import Action, State


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A state in which all facts so far are true and from which the proof does not go on.

    There `action` (None: no step) breaks what `goal` names. Nothing says that a run leads there.
    """

    state: State
    action: Action | None
    goal: str
