"""Facts: what an inductive invariant is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from zdcheck.engines.symbolic.formulas import state_goals
from zdcheck.ir.expr import Expr, Var, VarId, and_, not_, variables_of
from zdcheck.ir.run import BrokenProperty, Imbalance
from zdcheck.ir.substitute import one_of
from zdcheck.ir.system import System

Origin = Literal["ledger", "property", "seen", "learned"]
"""Where a fact comes from: what the system says itself, what a proof for any number of threads assumes of them (`closure`),
or what a failed step of the proof asked for. Only the last is not to be proved for its own sake."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that is true of every reachable state.

    A `seen` or `learned` one forbids a combination of values, `never`; its expression says so.
    """

    origin: Origin
    name: str
    expr: Expr
    never: tuple[tuple[VarId, frozenset[int]], ...] = ()

    @property
    def variables(self) -> frozenset[VarId]:
        """What its truth depends on."""
        # Every step is asked about every fact: to walk the expression each time takes longer than most answers.
        return frozenset([v for v, _ in self.never] or variables_of(self.expr))


@dataclass(frozen=True, slots=True)
class Invariant:
    """Facts that together are true at first and kept by every step, and leave no fault possible.

    That every value lies in its type goes without saying, and is proved too. `never_taken` are pairs of lock
    classes of which the second is never taken while the first is held.
    """

    facts: tuple[Fact, ...]
    never_taken: tuple[tuple[str, str], ...]


def learned(system: System, cube: Mapping[VarId, frozenset[int]]) -> Fact:
    """The fact that no reachable state lies in the cube."""
    never = tuple(sorted(cube.items()))
    inside = (one_of(Var(v), values, system.variables[v].type) for v, values in never)
    return Fact("learned", "", not_(and_(*inside)), never)


def laws(system: System) -> tuple[Fact, ...]:
    """What the system says itself: its ledger and its properties."""
    found = []
    for goal in state_goals(system):
        match goal.fault:
            case Imbalance(entry):
                name = system.variables[system.ledger[entry].count].name
                found.append(Fact("ledger", name, goal.holds))
            case BrokenProperty(number):
                found.append(Fact("property", system.properties[number].name, goal.holds))
            case _:
                pass
    return tuple(found)
