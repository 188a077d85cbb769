"""Which statements ran in some check of a spec, and which provably never do.

A violated check stops at its first fault, so its coverage is partial. Where that leaves a
statement undecided, the same steps are searched once more with nothing to find (`blind`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from zdcheck.base.source import Span
from zdcheck.engines.protocol import Claim, NoneFound, Statistics
from zdcheck.ir.system import Check, Guard, System

Key = tuple[str, int, int]
"""A statement over all checks of a spec: its file and where it stands there."""


@dataclass
class Coverage:
    """What is known so far; one for each spec."""

    spans: dict[Key, Span] = field(default_factory=dict)
    ran: set[Key] = field(default_factory=set)
    cut: list[System] = field(default_factory=list)

    def add(self, system: System, statistics: Statistics, *, is_complete: bool) -> None:
        """Note what a check ran; `is_complete` if it visited every reachable state."""
        for statement in system.statements:
            self.spans.setdefault(_key(statement.span), statement.span)
        self.ran.update(_key(system.statements[s].span) for s in system.initial_statements)
        self._fired(system, statistics)
        if not is_complete:
            self.cut.append(system)

    def _fired(self, system: System, statistics: Statistics) -> None:
        for action in system.actions:
            if statistics.fired.get(action.id):
                self.ran.update(_key(system.statements[s].span) for s in action.statements)

    def dead(self, spec: str, search: Callable[[System], Claim]) -> list[Span] | None:
        """The statements in the file `spec` that never run, in order; None if nobody can say.

        `search` explores a system in which nothing can be at fault.
        """
        for system in self.cut:
            open_here = {
                _key(system.statements[s].span) for a in system.actions for s in a.statements
            }
            if not any(key[0] == spec for key in open_here - self.ran):
                continue
            claim = search(blind(system))
            if not isinstance(claim, NoneFound):
                return None
            self._fired(system, claim.statistics)
        dead = sorted(key for key in self.spans.keys() - self.ran if key[0] == spec)
        return [self.spans[key] for key in dead]


def _key(span: Span) -> Key:
    return span.file.path, span.start, span.end


def blind(system: System) -> System:
    """The same steps with nothing to find: a failing check ends its run, as before.

    States after a broken property are explored too, so more may run here than in the check: no
    statement is called dead that is not.
    """
    return replace(
        system,
        threads=tuple(replace(thread, daemon=True) for thread in system.threads),
        actions=tuple(
            replace(
                action,
                tests=tuple(
                    Guard(test.condition) if isinstance(test, Check) else test
                    for test in action.tests
                ),
                lock_edges=(),
            )
            for action in system.actions
        ),
        ledger=(),
        properties=(),
        covers=(),
    )
