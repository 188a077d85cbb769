"""What an engine is: takes a system and limits, gives a claim.

An engine never builds a trace and never speaks to the user. What it claims to have found is a
bare `Run`, which the reference interpreter must confirm before anyone sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from zdcheck.ir.run import Fault, Run
from zdcheck.ir.system import ActionId, System

Limit = Literal["states", "memory", "time", "interrupt", "depth", "disk"]


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop. None is no limit; memory in bytes (of the searching process), time in seconds.

    `max_depth` is in the unit of the engine that knows a depth: layers of steps (`symbolic.bmc`).
    """

    max_states: int | None = None
    max_memory: int | None = None
    timeout_s: float | None = None
    workers: int = 1
    max_depth: int | None = None


@dataclass(frozen=True, slots=True)
class Storage:
    """How a search keeps the states that it has seen.

    `compact` keeps 64 bits of hash instead of wider states, so that a state may be missed;
    `spill` is a directory for what does not fit into memory.
    """

    compact: bool = False
    spill: str | None = None


IN_MEMORY = Storage()
"""Whole states, and all of them in memory."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a search stands: complete depth, stored states, states not yet expanded, seconds.

    `figures` says it in an engine's own words, where it stores no states.
    """

    depth: int
    states: int
    frontier: int
    elapsed_s: float
    figures: str = ""


Watcher = Callable[[Progress], None]
"""Called a few times a second at most."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a search did. `extra` are an engine's own figures for `--stats`, already in words.

    `depth` is the number of steps to the farthest state seen. `fired` counts, for each action,
    the transitions it made (an action not in it made none). `figures` is what the verdict's line
    says of the search in an engine's own words, where that is not states and depth. `by` names the engine
    that answered, where one asks others.
    """

    states: int
    transitions: int
    depth: int
    elapsed_s: float
    fired: Mapping[ActionId, int] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)
    figures: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class NoneFound:
    """Every reachable state was visited and none is at fault.

    `covers` has a shortest run for each cover (by position in `System.covers`) that was reached;
    `antecedents` the positions in `System.properties` whose antecedent was true somewhere, and
    `triggers` those in `System.progress` whose trigger was.
    `missed` is a bound for the probability that it is not so: a state may have been taken for another.
    """

    statistics: Statistics
    covers: Mapping[int, Run]
    antecedents: frozenset[int]
    triggers: frozenset[int] = frozenset()
    missed: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """A shortest run to a fault; among shortest ones, one with the fewest context switches."""

    statistics: Statistics
    fault: Fault
    run: Run


@dataclass(frozen=True, slots=True)
class Proven:
    """No state that a run of any length reaches is at fault: there is an inductive invariant.

    Nothing is said of progress. `covers` and `antecedents` are what was seen to be reached, as in `NoneFound`;
    others may be too. `limit` is why not every state was visited, None if each was.
    """

    statistics: Statistics
    covers: frozenset[int]
    antecedents: frozenset[int]
    limit: Limit | None


@dataclass(frozen=True, slots=True)
class Stopped:
    """A limit was reached; no fault so far that can be shown. `note` says what was going on, where that helps.

    `covers` and `antecedents` are what had been reached by then, as far as the engine knows.
    """

    statistics: Statistics
    limit: Limit
    note: str = ""
    covers: frozenset[int] = frozenset()
    antecedents: frozenset[int] = frozenset()


Claim = NoneFound | Found | Proven | Stopped


class Engine(Protocol):
    """One way to answer."""

    @property
    def name(self) -> str:
        """As given to `--engine`."""
        ...

    def refuses(self, system: System) -> str | None:
        """Why this engine cannot answer, in the user's words; None if it can."""
        ...

    def solve(self, system: System, limits: Limits, watch: Watcher) -> Claim:
        """Answer, or return `Stopped`; on KeyboardInterrupt too. Leaves no process or file behind.

        Raises ToolError if the machine does not let it (no compiler, disk full).
        """
        ...
