"""Every id that zdcheck prints: one line each here, a page each in the reference.

Ids are stable: they stand in specs (`expect violation ID`), in reports and in other people's CI.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sort = Literal["error", "warning", "violation"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One id. Its page is `violations/<id>.md` or `errors/<id>.md`."""

    id: str
    sort: Sort
    meaning: str

    @property
    def page(self) -> str:
        """The page's path under the reference."""
        folder = "violations" if self.sort == "violation" else "errors"
        return f"{folder}/{self.id}.md"


def _entries(sort: Sort, **meanings: str) -> dict[str, Entry]:
    return {id.rstrip("_"): Entry(id.rstrip("_"), sort, text) for id, text in meanings.items()}


VIOLATIONS = _entries(
    "violation",
    refcount_zero_in_pte="a present PTE maps a page whose reference count is zero",
    use_after_unplug="an object is touched after what it lived in was destroyed",
    use_after_free="an object is touched after it was destroyed, or a page after it was freed",
    refcount_underflow="a count goes below the lowest value of its type",
    refcount_overflow="a count goes above the highest value of its type",
    get_on_zero="a plain get on a count of zero",
    reference_leak="more count than holders: a reference was lost",
    unbalanced_put="less count than holders: a reference was put twice, or put by a stranger",
    ledger_mismatch="a count was overwritten with a value that its holders do not explain",
    double_free="something dead is destroyed again",
    null_dereference="a null reference is used",
    deadlock="no thread can step, and one that is no daemon has not ended",
    lock_order="two lock classes are taken in both orders",
    self_deadlock="a thread takes a lock that it holds already",
    unlock_not_owner="a lock is released, or a section left, that was not taken",
    held_at_exit="a thread ends with a lock held or inside a section",
    sleep_in_atomic="a thread may sleep where it must not",
    wrong_page="a pin was returned for an address that no longer maps the page",
    lost_write="a write went to a page that was being copied away",
    stuck="a fair run in which a promised event never comes",
    assertion="an `assert` is false",
    invariant="an invariant is false in a reachable state",
    finally_="a `finally` property is false when all threads have ended",
    range="a value leaves the range of its type",
    uncovered="a `cover` that no run reaches",
)

ERRORS: dict[str, Entry] = _entries(
    "error",
    scope_too_large="the scope is beyond what can be checked",
    bad_range="a range is empty or absurdly large",
    no_such_object="an object number that the scope does not have",
    not_constant="a constant is needed here",
    range_constant="a constant lies outside its type",
    program_too_large="a thread's code is too large once its calls are inlined",
    step_too_large="one step has too many ways through it",
    endless_step="one step never ends",
    too_many_initial_states="too many initial states",
    init_fails="the init blocks fail or cannot finish",
)

WARNINGS: dict[str, Entry] = {}


def violation_ids() -> frozenset[str]:
    """The ids of violations."""
    return frozenset(VIOLATIONS)


def is_violation(id: str) -> bool:
    """Whether the id is a violation's."""
    return id in VIOLATIONS


def find(id: str) -> Entry | None:
    """The entry of an id; None if there is no such id."""
    return VIOLATIONS.get(id) or ERRORS.get(id) or WARNINGS.get(id)
