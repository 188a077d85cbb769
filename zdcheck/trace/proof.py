"""What zdcheck says about an attempt to prove a check."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal, assert_never

from zdcheck.base.exit_codes import ExitCode
from zdcheck.engines.protocol import Limit, Statistics
from zdcheck.engines.symbolic.obstacle import Obstacle
from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.system import State, System
from zdcheck.trace.code import source_line
from zdcheck.trace.history import ledger_line
from zdcheck.trace.model import LedgerLine, Named
from zdcheck.trace.values import Values
from zdcheck.trace.verdict import Expected, Violated

COVERS = "this scope, any depth"
"""What a proof at a scope says something about."""


def any_number_of(open: tuple[str, ...], kinds: Collection[str]) -> str:
    """What a proof for any number of these threads and objects says something about; `kinds` are those of objects."""
    parts = []
    for what in ("threads", "objects"):
        names = [name for name in open if (name in kinds) == (what == "objects")]
        if names:
            *most, last = names
            parts.append(f"{', '.join(most)} and {last} {what}" if most else f"{last} {what}")
    return f"any number of {', '.join(parts)}, any depth"


@dataclass(frozen=True, slots=True)
class Proof:
    """No run of any length has a fault, because `facts` are always true.

    `covers` says of which sizes. `vacuous` and `uncovered` are as in `verdict.Holds`; None where nobody knows, because not every
    state was visited.
    """

    statistics: Statistics
    facts: tuple[str, ...]
    vacuous: tuple[str, ...] | None
    uncovered: tuple[str, ...] | None
    covers: str = COVERS


@dataclass(frozen=True, slots=True)
class Stuck:
    """A state on which a proof failed; maybe no run leads there.

    There the step `code` of `thread` ("" if it is the state itself) breaks `goal`: a property, a counted
    field's balance, the id of a violation, or "" for a fact that was only a help. `threads` are where
    the threads are, `values` what differs from the first state. `reachable` is what explicit search says.
    """

    goal: str
    thread: str
    code: str
    threads: tuple[Named, ...]
    values: tuple[Named, ...]
    ledger: tuple[LedgerLine, ...]
    reachable: Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class NotProved:
    """Nothing is said: neither a proof nor a counterexample was found.

    What stopped it was `limit` (None: no limit), and what `note` says, if it says something.
    `missing` are the variables about which facts were missing most often, with how often.
    """

    statistics: Statistics
    limit: Limit | None
    stuck: Stuck | None
    missing: tuple[tuple[str, int], ...]
    note: str = ""


ProofVerdict = Proof | Violated | NotProved


@dataclass(frozen=True, slots=True)
class ProofReport:
    """One check's outcome; `surprise` says why it is not what was expected, `remarks` what is not covered."""

    spec: str
    check: str
    expected: Expected
    verdict: ProofVerdict
    surprise: str | None
    remarks: tuple[str, ...]
    reproduce: str

    @property
    def exit_code(self) -> ExitCode:
        """What this check alone would end the process with."""
        match self.verdict:
            case NotProved(limit="interrupt"):
                return ExitCode.INTERRUPTED
            case NotProved():
                return ExitCode.INCONCLUSIVE
            case Proof() | Violated():
                return ExitCode.OK if self.surprise is None else ExitCode.UNEXPECTED
            case _:
                assert_never(self.verdict)


def stuck(system: System, obstacle: Obstacle, is_reachable: bool | None) -> Stuck:
    """The obstacle in the reader's words."""
    state = obstacle.state
    action = obstacle.action
    reachable: Literal["yes", "no", "unknown"] = "unknown"
    if is_reachable is not None:
        reachable = "yes" if is_reachable else "no"
    return Stuck(
        obstacle.goal,
        "" if action is None else system.threads[action.thread].name,
        "" if action is None else f"{source_line(action.span)} (:{action.span.line})",
        tuple(_threads(system, state)),
        tuple(_values(system, state)),
        tuple(
            ledger_line(system, entry, state, state)
            for entry in system.ledger
            if evaluate(entry.alive, state)
        ),
        reachable,
    )


def _threads(system: System, state: State) -> Iterator[Named]:
    for thread in system.threads:
        if not any(thread.location_spans):
            continue  # it stands for many: no place to show
        span = thread.location_spans[state[thread.pc]]
        where = "at its end" if span is None else f"before {source_line(span)} (:{span.line})"
        yield Named(thread.name, where)


def _values(system: System, state: State) -> Iterator[Named]:
    first = system.initial_states[0]
    counted = {entry.count for entry in system.ledger}
    for item in Values(system).items:
        if not counted.intersection(item.variables) and item.show(state) != item.show(first):
            yield Named(item.name, item.show(state))
