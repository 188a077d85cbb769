"""The compiled explorer: every reachable state, at the speed of the machine.

A system becomes C (`emit`), is compiled once (`build`), and searched breadth-first by a process of
its own (`process`, `runtime/`), with the faults in the order of `engines.faults`. The search is
exact: states are packed (`layout`) but whole.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from zdcheck.base.diagnostics import EngineDisagreement, ToolError, UsageError
from zdcheck.base.probability import at_most
from zdcheck.engines.explicit.build import (
    Built,
    Compiler,
    Optimisation,
    Runtime,
    Sanitizer,
    Workshop,
    cache_directory,
    find_compiler,
)
from zdcheck.engines.explicit.canonical import canonical_of, is_unique
from zdcheck.engines.explicit.emit import Program, emit
from zdcheck.engines.explicit.expressions import TooLarge
from zdcheck.engines.explicit.independence import independence_of
from zdcheck.engines.explicit.layout import WORD, Layout, layout_of, width_of
from zdcheck.engines.explicit.memory_bound import default_max_memory
from zdcheck.engines.explicit.process import (
    NEVER,
    BadStart,
    Compared,
    Expected,
    FaultKind,
    How,
    NoRun,
    Outcome,
    Promised,
    PromiseEnd,
    Result,
    SearchProcess,
    SearchTimeout,
    Target,
    TargetKind,
)
from zdcheck.engines.explicit.symmetry import (
    Symmetry,
    entry_classes,
    records,
    symmetry_of,
    violation_classes,
)
from zdcheck.engines.how_far import Reached, how_far
from zdcheck.engines.lock_order import Edge, lock_cycle
from zdcheck.engines.protocol import (
    IN_MEMORY,
    Claim,
    Found,
    Limit,
    Limits,
    NoneFound,
    Statistics,
    Stopped,
    Storage,
    Watcher,
)
from zdcheck.ir.expr import VarId
from zdcheck.ir.run import Deadlock, FailedCheck, Fault, Imbalance, LockCycle, Run, Stuck
from zdcheck.ir.side_by_side import SideBySide
from zdcheck.ir.step import Fails, Goes, attempt, state_faults
from zdcheck.ir.system import ActionId, System

MAX_THREADS = 64
MAX_WORKERS = 256
_OPTIMISATIONS: tuple[tuple[int, Optimisation], ...] = ((120, "-O2"), (3_000, "-Og"))
"""Up to so many actions, that optimisation; beyond, none.

To optimise an action takes the compiler about a millisecond, and saves about a microsecond for each
state: until a thousand states for each action are found, it is not worth it. So the search first runs
without, for so many states, and begins again if there are more: in the worst case twice the time of
the better choice. From a few words per state on, memory bounds the search, and -Og gives it the
speed of -O2.
"""
MAX_MISSED = 0.01
"""If a state may have been missed with a higher probability, that is no answer."""
REDUCTIONS = frozenset({"partial-order", "symmetry"})


@dataclass(frozen=True, slots=True)
class ExplicitOptions:
    """How to search. `sanitizer` builds a slow program that finds errors in the explorer itself.

    `cache` is where compiled programs are kept, None for the user's own directory. `spill` is a
    directory for what does not fit into memory. `compact` keeps 64 bits of hash of wider states.
    `trial` is for how many states per action a program is tried that was compiled without
    optimising.
    """

    symmetry: bool = True
    partial_order: bool = True
    spill: str | None = None
    compact: bool = False
    sanitizer: Sanitizer = ""
    cache: Path | None = None
    trial: int = 1_000


def _optimisation(actions: int) -> Optimisation:
    return next((level for most, level in _OPTIMISATIONS if actions <= most), "-O0")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A system and its program. `unordered` says why no partial order can be used, to be printed behind `off`."""

    system: System
    program: Program
    notes: Mapping[str, str]
    entries: Sequence[int]
    unordered: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the first side shows and the second cannot, and the other way round.

    There is neither if `limit` ended the search of the states of both, after so many.
    """

    limit: Limit | None
    states: int
    first: Compared | None = None
    second: Compared | None = None


class ExplicitEngine:
    """`--engine explicit`."""

    name = "explicit"

    def __init__(
        self,
        options: ExplicitOptions = ExplicitOptions(),
        *,
        without: frozenset[str] = frozenset(),
        storage: Storage = IN_MEMORY,
    ) -> None:
        """`without` names reductions to leave out. Raises UsageError if there is no such reduction."""
        if unknown := sorted(without - REDUCTIONS):
            known = ", ".join(f"`{name}`" for name in sorted(REDUCTIONS))
            raise UsageError(f"--without {unknown[0]}: no such reduction (there is: {known})")
        self.options = replace(
            options,
            symmetry=options.symmetry and "symmetry" not in without,
            partial_order=options.partial_order and "partial-order" not in without,
            spill=options.spill or storage.spill,
            compact=options.compact or storage.compact,
        )
        self._prepared: Prepared | None = None

    # --- preparation --------------------------------------------------------------------

    def refuses(self, system: System) -> str | None:
        """See `Engine.refuses`."""
        compiler = find_compiler()
        if compiler is None:
            return "there is no C compiler (tried $CC, else cc, gcc and clang)"
        if len(system.threads) > MAX_THREADS:
            return f"it knows {MAX_THREADS} threads at most, and there are {len(system.threads)}"
        for variable in system.variables:
            if width_of(variable.type) >= WORD - 2:
                return f"`{variable.name}` needs more than {WORD - 3} bits"
        try:
            self.prepare(system)
        except TooLarge:
            return "a value may need more than 64 bits"
        except RecursionError:
            return "an expression is nested too deeply"
        with self._workshop(compiler) as workshop:
            return workshop.refuses()

    def _workshop(self, compiler: Compiler) -> Workshop:
        cache = self.options.cache or cache_directory()
        return Workshop(compiler, cache, self.options.sanitizer)

    def prepare(self, system: System) -> Prepared:
        """The program of a system; the last one is remembered. Raises TooLarge, RecursionError."""
        if self._prepared is None or self._prepared.system is not system:
            self._prepared = _prepared(system, self.options.symmetry)
        return self._prepared

    # --- solving ------------------------------------------------------------------------

    def solve(self, system: System, limits: Limits, watch: Watcher) -> Claim:
        """See `Engine.solve`."""
        return self._solved(self._search(system, limits, watch))

    def solve_and_sample(
        self, system: System, limits: Limits, watch: Watcher, count: int
    ) -> tuple[Claim, Layout, list[tuple[int, ...]]]:
        """As `solve`, and so many of the states that were visited, packed, evenly from all depths.

        All of them if there are fewer. With symmetry they are representatives. An interrupted or
        killed search has none.
        """
        search = self._search(system, limits, watch)
        search.wanted_sample = count
        claim = self._solved(search)
        return claim, search.program.layout, search.sample

    def compare(self, sides: SideBySide, seen: frozenset[VarId], limits: Limits) -> Comparison:
        """What the runs of one side show in the variables `seen` that those of the other cannot.

        Only for an engine without symmetry: it may exchange what is seen. Raises as `solve`.
        """
        assert not self.options.symmetry
        search = self._search(sides.system, limits, lambda progress: None)
        try:
            with self._workshop(self._compiler(sides.system)) as workshop:
                return search.compare(workshop, sides.split, seen)
        except KeyboardInterrupt:
            return Comparison("interrupt", search.seen_states)
        except SearchTimeout:
            return Comparison("time", search.seen_states)

    def _search(self, system: System, limits: Limits, watch: Watcher) -> _Search:
        started = time.monotonic()
        return _Search(self.prepare(system), self.options, limits, watch, started)

    def _compiler(self, system: System) -> Compiler:
        compiler = find_compiler()
        if compiler is None:
            raise UsageError(f"--engine explicit cannot answer: {self.refuses(system)}")
        return compiler

    def _solved(self, search: _Search) -> Claim:
        try:
            with self._workshop(self._compiler(search.system)) as workshop:
                return search.run(workshop)
        except KeyboardInterrupt:
            return search.ended("interrupt")
        except SearchTimeout:
            return search.ended("time")


def _prepared(system: System, wants_symmetry: bool) -> Prepared:
    reduces = wants_symmetry and not system.progress
    symmetry = symmetry_of(system) if reduces else Symmetry((), {})
    entries = entry_classes(system, symmetry.orbits)
    layout = layout_of(system, records(system, symmetry))
    notes = dict(_symmetry_notes(symmetry)) if reduces else {"symmetry": "off"}
    if wants_symmetry and not reduces:
        notes["symmetry"] = "off: progress, for fairness tells threads apart"
    program = emit(
        system,
        layout,
        independence_of(system, symmetry.orbits),
        canonical_of(system, layout, symmetry),
        violation_classes(system) if symmetry.orbits else None,
        entries,
    )
    return Prepared(system, program, notes, entries, _no_partial_order(system, layout, symmetry))


def _no_partial_order(system: System, layout: Layout, symmetry: Symmetry) -> str | None:
    if len(system.threads) < 2:
        return ": there is only one thread"
    if not is_unique(system, layout, symmetry):
        # Sound all the same, but which representatives are met would depend on who comes first.
        return ": symmetric states have several representatives, which must not depend on the order"
    return None


def _table(result: Result) -> str:
    if result.slots == 0:
        return "given up: duplicates were found by reading all states again"
    return f"{result.slots:,} slots, {100 * result.states / result.slots:.0f} % full"


def _symmetry_notes(symmetry: Symmetry) -> Iterator[tuple[str, str]]:
    reduced = ", ".join(f"{orbit.kind.name} ({orbit.kind.size})" for orbit in symmetry.orbits)
    if reduced:
        yield "symmetry", f"{reduced}: up to {symmetry.order:,} times fewer states"
        yield (
            "representatives",
            "states, transitions and fired actions count one of each symmetric kind",
        )
    else:
        yield "symmetry", "no members of a kind are interchangeable"
    for kind, reason in symmetry.reasons.items():
        yield f"no symmetry of {kind}", reason


def _promise_note(promised: Promised) -> str:
    which = "without the goal" if promised.everywhere else "that a fair loop may have"
    return (
        f"{promised.states:,} states {which}, {promised.steps:,} steps among them, "
        f"{promised.components:,} components, {promised.seconds:.3f} s, "
        f"{promised.memory / (1 << 20):,.1f} MiB at most"
    )


class _Search:
    """One call of `solve`."""

    def __init__(
        self,
        prepared: Prepared,
        options: ExplicitOptions,
        limits: Limits,
        watch: Watcher,
        started: float,
    ) -> None:
        self.system = prepared.system
        # A state of one word is as short as its hash.
        words = prepared.program.layout.words
        self.options = options
        self.runtime = Runtime(words, compact=options.compact and words > 1)
        self.program = prepared.program
        self.notes = dict(prepared.notes)
        self.entries = prepared.entries
        unordered = prepared.unordered if options.partial_order else ""
        self.partial_order = unordered is None
        if unordered is not None:
            self.notes["partial order"] = f"off{unordered}"
        self.limits = limits
        self.watch = watch
        self.started = started
        self.promises: dict[str, str] = {}
        self.built: Built | None = None
        self.process: SearchProcess | None = None
        self.wanted_sample = 0
        self.sample: list[tuple[int, ...]] = []

    def run(self, workshop: Workshop) -> Claim:
        """Build, search, and ask for the runs that the claim needs."""
        with self._searched(workshop) as (process, result):
            claim = self._claim(process, result)
            if self.wanted_sample and result.states:
                self.sample = process.sample(self.wanted_sample)
            return claim

    def compare(self, workshop: Workshop, split: int, seen: frozenset[VarId]) -> Comparison:
        """Build, search, and compare the runs from the first `split` initial states with the others."""
        layout = self.program.layout
        mask = [0] * layout.words
        for id in seen:
            mask[layout.fields[id].word] |= layout.fields[id].bits
        with self._searched(workshop) as (process, result):
            if result.outcome is not Outcome.COMPLETE:
                assert result.limit, "nothing is wrong in two systems side by side"
                return Comparison(result.limit, result.states)
            answers = [
                process.compare(split, reversed, mask, self._limits().timeout_s)
                for reversed in (False, True)
            ]
            return Comparison(None, result.states, *answers)

    @property
    def seen_states(self) -> int:
        """How many states were seen so far."""
        return 0 if self.process is None else self.process.reached.states

    @contextmanager
    def _searched(self, workshop: Workshop) -> Iterator[tuple[SearchProcess, Result]]:
        """A process that has searched: not optimised, if that was enough."""
        program = self.program
        level = _optimisation(program.actions)
        trial = self.options.trial * program.actions
        if level != "-O0" and trial and not workshop.has(program.text, self.runtime, level):
            most = self.limits.max_states
            with self._start(workshop, "-O0") as process:
                result = self._search(process, trial if most is None else min(trial, most))
                # Which fault comes first is not known yet either.
                if result.limit != "states" or (most is not None and most <= trial):
                    yield process, result
                    return
        with self._start(workshop, level) as process:
            yield process, self._search(process, self.limits.max_states)

    def _search(self, process: SearchProcess, max_states: int | None) -> Result:
        self.process = process
        packed = [self.program.layout.pack(state) for state in self.system.initial_states]
        how = How(self.partial_order, self.options.spill, self._coefficients())
        return process.search(replace(self._limits(), max_states=max_states), packed, how)

    def _start(self, workshop: Workshop, level: Optimisation) -> SearchProcess:
        program = self.program
        expected = Expected(
            program.key,
            program.layout.words,
            program.actions,
            len(program.watched),
            len(program.edges),
        )
        self.built = workshop.program(program.text, self.runtime, level)
        try:
            return SearchProcess(self.built.path, expected, self.watch)
        except BadStart:
            # The cache may be damaged or lie where nothing can be executed.
            self.built = workshop.program(program.text, self.runtime, level, afresh=True)
        try:
            return SearchProcess(self.built.path, expected, self.watch)
        except BadStart as error:
            raise ToolError(f"the compiled search does not start: {error}") from None

    def _coefficients(self) -> tuple[int, ...]:
        """Random ones, so that no system can be made for which the hash is bad, and no run repeats another's misses."""
        if not self.runtime.compact:
            return ()
        count = 2 * (self.runtime.words + 1)
        return struct.unpack(f"={count}Q", os.urandom(8 * count))

    def _missed(self, result: Result) -> float:
        """A bound for the probability that a state was missed because it shares a hash with another.

        Up to the first miss the search does what an exact one does. That the next new state has one of n
        known hashes has a probability of n / 2**64 at most (`runtime/key.h`), so a miss among the first
        n states has one of n * (n + 1) / 2**65.
        """
        if not self.runtime.compact:
            return 0.0
        return min(1.0, result.states * (result.states + 1) / 2**65)

    def _limits(self) -> Limits:
        """The limits for what is left of the time, on as many workers as make sense."""
        timeout = self.limits.timeout_s
        if timeout is not None:
            timeout = max(timeout - (time.monotonic() - self.started), 0.001)
        return replace(
            self.limits,
            timeout_s=timeout,
            max_memory=self.limits.max_memory or default_max_memory(),
            workers=max(1, min(self.limits.workers, MAX_WORKERS)),
        )

    # --- from a result to a claim -------------------------------------------------------

    def _claim(self, process: SearchProcess, result: Result) -> Claim:
        """What the result says, with the runs that show it: without them it is worth nothing."""
        statistics = self._statistics(result)
        try:
            return self._shown(process, result, statistics)
        except NoRun as stopped:
            assert stopped.limit
            seen = (
                f"a violation was found at depth {result.fault_depth}"
                if result.outcome is Outcome.FAULT
                else "every state was visited"
            )
            return Stopped(
                statistics, stopped.limit, f"{seen}, but the run to show was not rebuilt"
            )

    def _shown(self, process: SearchProcess, result: Result, statistics: Statistics) -> Claim:
        match result.outcome:
            case Outcome.STOPPED:
                assert result.limit
                reached = Reached(
                    result.depth, result.states, result.frontier, result.level, result.before
                )
                return replace(
                    self._stopped(statistics, reached, result.limit),
                    covers=frozenset(self._reached_covers(result)),
                    antecedents=frozenset(self._seen(result, "antecedent")),
                )
            case Outcome.FAULT:
                return self._found(process, result, statistics)
            case Outcome.COMPLETE:
                if (cycle := self._lock_cycle(process, result)) is not None:
                    return Found(statistics, *cycle)
                if self._missed(result) > MAX_MISSED:
                    note = f"a hash of 64 bits is too short for so many states (p < {at_most(self._missed(result))})"
                    return Stopped(statistics, "memory", note)
                if (broken := self._broken_promise(process, result)) is not None:
                    return broken
                return NoneFound(
                    self._statistics(result),
                    dict(self._covers(process, result)),
                    frozenset(self._seen(result, "antecedent")),
                    frozenset(self._seen(result, "trigger")),
                    self._missed(result),
                )

    def _found(self, process: SearchProcess, result: Result, statistics: Statistics) -> Claim:
        kinds = {
            FaultKind.STATE: TargetKind.STATE,
            FaultKind.DEADLOCK: TargetKind.DEADLOCK,
            FaultKind.CHECK: TargetKind.CHECK,
        }
        target = Target(kinds[result.fault], result.fault_number, result.fault_depth)
        run = process.run_to(target)
        if run is None and result.limit:
            return Stopped(statistics, result.limit, "the state at fault could not be stored")
        if run is None:
            raise EngineDisagreement(f"the explorer finds no run to its own {target}")
        return Found(statistics, self._fault_of(run, result), run)

    def _run_to(self, process: SearchProcess, target: Target) -> Run:
        run = process.run_to(target)
        if run is None:
            raise EngineDisagreement(f"the explorer finds no run to its own {target}")
        return run

    def _fault_of(self, run: Run, result: Result) -> Fault:
        """What is wrong at the end of the run, by the reference semantics."""
        kind, number = result.fault, result.fault_number
        state = self.system.initial_states[run.initial]
        for step, id in enumerate(run.actions, 1):
            match attempt(self.system, self.system.actions[id], state):
                case Goes(after):
                    state = after
                case Fails(test) if step == len(run.actions) and kind is FaultKind.CHECK:
                    return FailedCheck(test)
                case outcome:
                    raise EngineDisagreement(
                        f"step {step} of the explorer's run does not go: {outcome}"
                    )
        if kind is FaultKind.DEADLOCK:
            return Deadlock()
        for fault in state_faults(self.system, state):
            match fault:
                case Imbalance(entry) if self.entries and self.entries[entry] != number:
                    pass  # a symmetric image has a fault that comes first
                case _:
                    return fault
        raise EngineDisagreement("the explorer's run ends in a state without a fault")

    def _lock_cycle(self, process: SearchProcess, result: Result) -> tuple[LockCycle, Run] | None:
        """The cycle of lock classes that is complete earliest, with its runs."""
        depths = {
            edge: depth
            for edge, depth in zip(self.program.edges, result.edge_depths, strict=True)
            if depth != NEVER
        }
        # Only the lengths of the runs matter for which cycle it is.
        lengths = {edge: Run(0, (ActionId(0),) * depth) for edge, depth in depths.items()}
        found = lock_cycle(lengths)
        if found is None:
            return None
        classes = found[0].classes
        edges: list[Edge] = list(zip(classes, (*classes[1:], classes[0]), strict=True))
        runs = [
            self._run_to(
                process, Target(TargetKind.EDGE, self.program.edges.index(edge), depths[edge])
            )
            for edge in edges
        ]
        return LockCycle(classes, tuple(runs[1:])), runs[0]

    def _covers(self, process: SearchProcess, result: Result) -> Iterator[tuple[int, Run]]:
        for watched, depth in zip(self.program.watched, result.watch_depths, strict=True):
            if watched.kind == "cover" and depth != NEVER:
                number = self.program.watched.index(watched)
                target = Target(TargetKind.WATCH, number, depth)
                yield watched.number, self._run_to(process, target)
        for number, cover in enumerate(self.system.covers):
            if cover.statement is None:
                continue
            actions = tuple(a.id for a in self.system.actions if cover.statement in a.statements)
            depth = min((result.first_fired[a] for a in actions), default=NEVER)
            if depth != NEVER:
                target = Target(TargetKind.ACTIONS, 0, depth, actions)
                yield number, self._run_to(process, target)

    def _reached_covers(self, result: Result) -> Iterator[int]:
        """Covers that were met, without runs to show it."""
        yield from self._seen(result, "cover")
        fired = {action for action, depth in enumerate(result.first_fired) if depth != NEVER}
        for number, cover in enumerate(self.system.covers):
            if any(cover.statement in self.system.actions[a].statements for a in fired):
                yield number

    def _seen(
        self, result: Result, kind: Literal["antecedent", "trigger", "cover"]
    ) -> Iterator[int]:
        for watched, depth in zip(self.program.watched, result.watch_depths, strict=True):
            if watched.kind == kind and depth != NEVER:
                yield watched.number

    def _broken_promise(self, process: SearchProcess, result: Result) -> Found | Stopped | None:
        """The first progress property that some fair run breaks."""
        for number, progress in enumerate(self.system.progress):
            promised = process.judge(number, self._limits().timeout_s)
            self.promises[progress.name] = _promise_note(promised)
            match promised.end:
                case PromiseEnd.KEPT:
                    pass
                case PromiseEnd.BROKEN:
                    fault = Stuck(number, promised.stem)
                    return Found(self._statistics(result), fault, promised.run)
                case PromiseEnd.STOPPED:
                    assert promised.limit
                    note = f"no safety violation; progress `{progress.name}` was not decided"
                    return Stopped(self._statistics(result), promised.limit, note)
        return None

    # --- statistics ---------------------------------------------------------------------

    def _statistics(self, result: Result) -> Statistics:
        states, seconds = result.states, max(result.seconds, 1e-9)
        bits = self.program.layout.used_bits
        words = self.program.layout.words
        extra = {
            "states/s": f"{states / seconds:,.0f}",
            "transitions/s": f"{result.transitions / seconds:,.0f}",
            "state": f"{bits} bits in {8 * words} bytes",
            "memory": f"{result.memory / max(states, 1):.1f} bytes/state, "
            f"{result.memory / (1 << 20):,.1f} MiB at most",
            "table": _table(result),
            "search": f"{seconds:.3f} s on {self._limits().workers} workers",
            **self.notes,
            **{f"progress {name}": note for name, note in self.promises.items()},
        }
        if self.partial_order:
            share = 100 * result.asleep / max(result.transitions, 1)
            extra["partial order"] = f"{share:.0f} % of the transitions needed no look-up"
        if self.runtime.compact:
            missed = f"a state was missed with p < {at_most(self._missed(result))}"
            extra["compact"] = f"64 bits of each state; {missed}"
        elif self.options.compact:
            extra["compact"] = "off: a state is no longer than its hash"
        if self.options.spill and (result.disk or result.sweeps):
            extra["spill"] = f"{result.disk / (1 << 20):,.1f} MiB on disk"
        if result.sweeps:
            extra["spill"] += f"; all states read {result.sweeps} times"
        if self.built is not None:
            how = "from the cache" if self.built.from_cache else f"{self.built.compile_s:.3f} s"
            extra["compile"] = how
        fired = {ActionId(a): count for a, count in enumerate(result.fired) if count}
        elapsed = time.monotonic() - self.started
        return Statistics(states, result.transitions, result.depth, elapsed, fired, extra)

    def ended(self, limit: Limit) -> Stopped:
        """What is known of a search that ended without a result."""
        elapsed = time.monotonic() - self.started
        if self.process is None:
            return Stopped(Statistics(0, 0, 0, elapsed), limit, "the search had not begun")
        reached = self.process.reached
        return self._stopped(Statistics(reached.states, 0, reached.depth, elapsed), reached, limit)

    def _stopped(self, statistics: Statistics, reached: Reached, limit: Limit) -> Stopped:
        storage = Storage(self.options.compact, self.options.spill)
        return Stopped(statistics, limit, how_far(reached, limit, storage))
