"""Which statements ran in some check of a spec, and which provably never do.

A violated check stops at its first fault, so its coverage is partial. Where that leaves a
statement undecided, the same steps are searched once more with nothing to find (`blind`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from zdcheck.base.source import Span
from zdcheck.engines.protocol import Claim, NoneFound, Statistics
from zdcheck.ir.expr import FALSE, Expr, and_, not_, or_
from zdcheck.ir.system import Action, ActionId, Check, Guard, StatementId, System

Key = tuple[str, int, int]
"""A statement over all checks of a spec: its file and where it stands there."""


@dataclass
class Coverage:
    """What is known so far; one for each spec."""

    spans: dict[Key, Span] = field(default_factory=dict)
    ran: set[Key] = field(default_factory=set)
    cut: list[System] = field(default_factory=list)

    def add(self, system: System, statistics: Statistics, *, is_complete: bool) -> None:
        """Note what a check ran; `is_complete` if it visited every reachable state.

        Then its verdict has judged its covers, and a `cover` statement is not called dead as well.
        """
        for statement in system.statements:
            self.spans.setdefault(_key(statement.span), statement.span)
        self.ran.update(_key(system.statements[s].span) for s in system.initial_statements)
        self._fired(system, statistics)
        if not is_complete:
            self.cut.append(system)
            return
        for cover in system.covers:
            if cover.statement is not None:
                self.ran.add(_key(system.statements[cover.statement].span))

    def _fired(self, system: System, statistics: Statistics) -> None:
        for action in system.actions:
            if statistics.fired.get(action.id):
                self.ran.update(_key(system.statements[s].span) for s in action.statements)

    def dead(self, spec: str, search: Callable[[System], Claim]) -> list[Span] | None:
        """The statements in the file `spec` that never run, in order; None if nobody can say.

        `search` explores a system in which nothing can be at fault.
        """
        for system in self.cut:
            undecided = frozenset(
                s
                for action in system.actions
                for s in action.statements
                if (key := _key(system.statements[s].span))[0] == spec and key not in self.ran
            )
            if not undecided:
                continue
            seeing = blind(system, undecided)
            claim = search(seeing)
            if not isinstance(claim, NoneFound):
                return None
            self._fired(seeing, claim.statistics)
        dead = sorted(key for key in self.spans.keys() - self.ran if key[0] == spec)
        return [self.spans[key] for key in dead]


def _key(span: Span) -> Key:
    return span.file.path, span.start, span.end


def blind(system: System, undecided: frozenset[StatementId]) -> System:
    """The same steps with nothing to find.

    A step that fails leads nowhere, as before, but it fires: its statements ran. That is an
    action of its own, for the steps with an undecided statement. States after a broken property are explored
    too. So more may run here than in the check: no statement is called dead that is not.
    """
    passing = [
        replace(
            action,
            tests=tuple(Guard(test.condition) for test in action.tests),
            lock_edges=(),
        )
        for action in system.actions
    ]
    failing = [
        replace(
            action,
            id=ActionId(len(passing) + number),
            tests=(Guard(_fails(action)),),
            updates=(),
            writes=frozenset(),
            stores=frozenset(),
            lock_edges=(),
        )
        for number, action in enumerate(
            action
            for action in system.actions
            if action.statements & undecided
            and any(isinstance(test, Check) for test in action.tests)
        )
    ]
    return replace(
        system,
        threads=tuple(replace(thread, daemon=True) for thread in system.threads),
        actions=(*passing, *failing),
        ledger=(),
        properties=(),
        progress=(),
        covers=(),
    )


def _fails(action: Action) -> Expr:
    """Whether a check of the action is the first of its tests that is false."""
    fails: Expr = FALSE
    for test in reversed(action.tests):
        if isinstance(test, Guard):
            fails = and_(test.condition, fails)
        else:
            fails = or_(not_(test.condition), fails)
    return fails
