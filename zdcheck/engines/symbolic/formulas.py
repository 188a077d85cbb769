"""What a system's steps and faults are, as expressions over one state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zdcheck.ir.expr import TRUE, Const, Expr, Var, and_, eq, not_, or_
from zdcheck.ir.run import BrokenProperty, Deadlock, Fault, Imbalance
from zdcheck.ir.system import Action, Check, System


@dataclass(frozen=True, slots=True)
class StateGoal:
    """Something that must be true of every reachable state; if `holds` is not, `fault` is there."""

    fault: Fault
    holds: Expr


@dataclass(frozen=True, slots=True)
class Failure:
    """The action's test number `test` is a check, and where `condition` is true it fails."""

    test: int
    condition: Expr


def located(system: System, action: Action) -> Expr:
    """The action's thread is where the action begins."""
    return eq(Var(system.threads[action.thread].pc), Const(action.location))


def goes(system: System, action: Action) -> Expr:
    """The action is possible and none of its checks fails."""
    return and_(located(system, action), *(test.condition for test in action.tests))


def possible(system: System, action: Action) -> Expr:
    """The action is possible, whether or not one of its checks fails."""
    rest: Expr = TRUE
    for test in reversed(action.tests):
        if isinstance(test, Check):
            rest = or_(not_(test.condition), rest)
        else:
            rest = and_(test.condition, rest)
    return and_(located(system, action), rest)


def failures(system: System, action: Action) -> Iterator[Failure]:
    """Each of the action's checks with where it is the one that fails."""
    so_far = [located(system, action)]
    for number, test in enumerate(action.tests):
        if isinstance(test, Check):
            yield Failure(number, and_(*so_far, not_(test.condition)))
        so_far.append(test.condition)


def all_ended(system: System) -> Expr:
    """Every thread that is no daemon has ended."""
    return and_(*(eq(Var(t.pc), Const(t.end)) for t in system.threads if not t.daemon))


def state_goals(system: System) -> Iterator[StateGoal]:
    """The ledger, the properties and the absence of deadlock, in the order in which faults are reported."""
    for number, entry in enumerate(system.ledger):
        yield StateGoal(Imbalance(number), entry.balanced)
    ended = all_ended(system)
    for number, prop in enumerate(system.properties):
        if prop.kind == "finally":
            yield StateGoal(BrokenProperty(number), or_(not_(ended), prop.condition))
        else:
            yield StateGoal(BrokenProperty(number), prop.condition)
    moves = or_(*(possible(system, action) for action in system.actions))
    yield StateGoal(Deadlock(), or_(ended, moves))
