"""Which fault is reported when a state, or states of one depth, have several.

All engines use this order, so that they report the same fault: the ledger, then properties,
then deadlock, then failed checks, each by its place in the system. Lock order and progress are
judged only where a whole search found none of these, in this order.
"""

from __future__ import annotations

from typing import assert_never

from zdcheck.ir.run import BrokenProperty, Deadlock, FailedCheck, Fault, Imbalance, LockCycle, Stuck
from zdcheck.ir.system import Action, Check, System, Violation

Rank = tuple[int, int]


def check_numbers(system: System) -> dict[Violation, int]:
    """The distinct violations of a system's checks, numbered by first appearance."""
    numbers: dict[Violation, int] = {}
    for action in system.actions:
        for test in action.tests:
            if isinstance(test, Check):
                numbers.setdefault(test.violation, len(numbers))
    return numbers


def rank(fault: Fault, action: Action | None, numbers: dict[Violation, int]) -> Rank:
    """The smaller rank is reported; `action` is the one whose check failed."""
    match fault:
        case Imbalance(entry):
            return 0, entry
        case BrokenProperty(number):
            return 1, number
        case Deadlock():
            return 2, 0
        case FailedCheck(test):
            assert action is not None
            failed = action.tests[test]
            assert isinstance(failed, Check)
            return 3, numbers[failed.violation]
        case LockCycle():
            return 4, 0
        case Stuck(number):
            return 5, number
        case _:
            assert_never(fault)
