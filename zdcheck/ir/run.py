"""What an engine found, without saying what it means: runs and faults.

A `Run` only names actions. Nothing but the reference interpreter can turn it into a trace
(`trace.replay`), so an unconfirmed counterexample has no form in which it could be shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from zdcheck.ir.system import ActionId


@dataclass(frozen=True, slots=True)
class Run:
    """From initial state number `initial`, these actions in this order."""

    initial: int
    actions: tuple[ActionId, ...]


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """The run's last action fails its test number `test`."""

    test: int


@dataclass(frozen=True, slots=True)
class BrokenProperty:
    """Property number `property` is false in the run's last state."""

    property: int


@dataclass(frozen=True, slots=True)
class Imbalance:
    """Ledger entry number `entry` does not balance in the run's last state."""

    entry: int


@dataclass(frozen=True, slots=True)
class Deadlock:
    """No action is possible in the run's last state, and a thread that is no daemon has not ended."""


@dataclass(frozen=True, slots=True)
class LockCycle:
    """The run's last action takes lock `taken` while holding `held`, which closes a cycle of classes.

    `classes` is the whole cycle, beginning with `held`; the other edges have runs of their own.
    """

    classes: tuple[str, ...]
    others: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Stuck:
    """The run breaks progress property number `property`: it repeats its steps after the first
    `loop` for ever. If there are none, it stops in its last state.
    """

    property: int
    loop: int


Fault = FailedCheck | BrokenProperty | Imbalance | Deadlock | LockCycle | Stuck
