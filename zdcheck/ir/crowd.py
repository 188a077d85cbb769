"""What threads of an open family have been seen to be like: the assumption of a proof for any number of them.

An abstraction of all sizes at once follows one thread of each open family, and one object of each open kind, and forgets
the others. What
one of the others may do is what the followed thread has been seen to be able to, in the company in which it was seen:
any thread could have been the one that is followed. `docs/proofs-any-number.md` has the argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zdcheck.ir.expr import VarId
from zdcheck.ir.system import System

LocalState = tuple[int, ...]
"""The values of a view's own variables, then for each of its lock owners whether it is the thread."""

Company = Mapping[VarId, frozenset[int]]
"""For each variable around a thread, the values that it had while the thread was in some local state."""

Seen = Sequence[Mapping[LocalState, Company]]
"""For each open family, the local states of its threads with their company."""


@dataclass(frozen=True, slots=True)
class View:
    """An abstract state as the followed thread of one open family has it.

    `own` are the variables that belong to it, its location first; `owners` those that may hold
    it (who owns a lock); `around` all others, except what only says how many there are.
    `followed` is its number as the value of a variable, `others` the one that stands for every other thread of
    the family.
    """

    family: str
    followed: int
    others: int
    own: tuple[VarId, ...]
    owners: tuple[VarId, ...]
    around: tuple[VarId, ...]

    def seen_by_another(self, value: int) -> int:
        """A thread number in `around` as another thread of the family sees it: what is followed is one of the others."""
        return self.others if value == self.followed else value


@dataclass(frozen=True, slots=True)
class Abstraction:
    """One system that stands for those of all sizes, under an assumption about the threads it forgets.

    Of the other objects of the kinds in `objects` it assumes nothing.
    """

    system: System
    views: tuple[View, ...]
    objects: tuple[str, ...] = ()
