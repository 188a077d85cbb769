"""A proof from start to end: look at reachable states, find an invariant, look at it again.

Reachable states come from explicit search as far as it gets in a part of the time, and from random walks
beyond that. They only say what is worth trying to prove: no proof rests on them. If they show a fault,
that is the answer.

Induction learns facts from them. Where it does not get to an end in its part of the time, Spacer is given what it has
learned, and the rest of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, assert_never

from zdcheck.engines.explicit.engine import ExplicitEngine, ExplicitOptions
from zdcheck.engines.explicit.layout import Layout, layout_of
from zdcheck.engines.interpreter import InterpreterEngine
from zdcheck.engines.protocol import (
    Claim,
    Found,
    Limit,
    Limits,
    NoneFound,
    Progress,
    Proven,
    Statistics,
    Stopped,
    Watcher,
)
from zdcheck.engines.simulate import walk
from zdcheck.engines.symbolic.facts import Fact, Invariant, laws
from zdcheck.engines.symbolic.induction import Refuted, Search
from zdcheck.engines.symbolic.linear import Ending, Runs
from zdcheck.engines.symbolic.minimize import looked_at_again
from zdcheck.engines.symbolic.obstacle import Obstacle
from zdcheck.engines.symbolic.samples import Samples
from zdcheck.engines.symbolic.solving import Clock, LimitReached
from zdcheck.engines.symbolic.spacer import LATE, Filled, NoAnswer, Ran, Task, ask
from zdcheck.ir.expr import Const, Var, VarId, and_, eq, not_
from zdcheck.ir.run import BrokenProperty, FailedCheck, Fault, Run
from zdcheck.ir.step import Goes, attempt
from zdcheck.ir.system import Property, State, System

Method = Literal["auto", "induction", "spacer"]
"""How an invariant is looked for; `auto` is induction, and Spacer with what that leaves."""

SPACER_SHARE = 0.2
"""The part of the time that is left to Spacer."""

MOST_VISITED = 8_000_000
"""States that explicit search may visit for the sample."""

MOST_SAMPLED = 500_000

SHARE = 0.3
"""The part of the time that looking for reachable states may take."""

WALKS, WALK_STEPS = 150, 400
"""Random walks where explicit search did not visit everything."""

ASKING_S = 10.0
"""Seconds that explicit search may look for the state on which a proof failed."""


@dataclass(frozen=True, slots=True)
class Proved:
    """The invariant holds in every reachable state, and nothing is wrong where it holds.

    `explored` is what explicit search says of covers and antecedents, if it visited every state.
    """

    statistics: Statistics
    invariant: Invariant
    explored: NoneFound | None


@dataclass(frozen=True, slots=True)
class Unproved:
    """Nothing is said. The proof stopped at `obstacle`, of which explicit search says whether a run leads there.

    What stopped it was `limit` (None: no limit), and what `note` says, if it says something.
    `missing` are the variables about which facts were missing most often, with how often.
    """

    statistics: Statistics
    limit: Limit | None
    obstacle: Obstacle | None
    is_reachable: bool | None
    missing: tuple[tuple[str, int], ...]
    note: str = ""


ProofClaim = Proved | Found | Unproved


class ProofEngine:
    """`--engine proof`: a proof as the answer to a check."""

    name = "proof"

    def refuses(self, system: System) -> str | None:
        """Never."""
        return None

    def solve(self, system: System, limits: Limits, watch: Watcher) -> Claim:
        """See `Engine.solve`. Says nothing of progress."""
        match prove(replace(system, progress=()), limits, watch):
            case Proved(statistics, _, explored):
                if explored is None:
                    return Proven(statistics, frozenset(), frozenset(), "states")
                return Proven(statistics, frozenset(explored.covers), explored.antecedents, None)
            case Unproved(statistics, limit, _, _, missing, why):
                # Induction's time was up, whatever stopped Spacer after that.
                said = [f"not proved; {why}" if why else "not proved"]
                if missing:
                    about = ", ".join(f"`{name}`" for name, _ in missing)
                    said.append(f"facts were missing about {about}")
                return Stopped(statistics, limit or "time", "; ".join(said))
            case Found() as found:
                return found


def prove(
    system: System,
    limits: Limits,
    watch: Watcher,
    method: Method = "auto",
    owed: tuple[Fact, ...] = (),
) -> ProofClaim:
    """Look for a proof that nothing is ever wrong at this scope, in a run of whatever length, and that `owed` is true.

    Returns `Unproved` when a limit is reached; on KeyboardInterrupt too.
    """
    return _Proof(system, limits, watch, method, owed).run()


class _Proof:
    def __init__(
        self,
        system: System,
        limits: Limits,
        watch: Watcher,
        method: Method,
        owed: tuple[Fact, ...],
    ) -> None:
        self.system = system
        self.owed = owed
        self.limits = limits
        self.watch = watch
        self.method = method
        self.clock = Clock(limits)
        self.search: Search | None = None
        self.sampled: Claim | None = None
        self.extra: dict[str, str] = {}

    def run(self) -> ProofClaim:
        try:
            samples = self._sample()
            if isinstance(self.sampled, Found):
                return self.sampled
            invariant = looked_at_again(self.system, self._invariant(samples), self.clock)
            explored = self.sampled if isinstance(self.sampled, NoneFound) else None
            return Proved(self._statistics(len(invariant.facts)), invariant, explored)
        except _Fault as fault:
            return fault.found
        except Refuted as refuted:
            return self._refuted(refuted)
        except LimitReached as reached:
            return self._unproved(reached.limit)
        except _NoAnswer as none:
            return self._unproved(none.limit, note=none.note)
        except KeyboardInterrupt:
            return self._unproved("interrupt")

    # --- reachable states ---------------------------------------------------------------

    def _sample(self) -> Samples:
        left = self.clock.left_s()
        limits = replace(
            self.limits,
            max_states=self.limits.max_states or MOST_VISITED,
            timeout_s=None if left is None else left * SHARE,
        )
        layout: Layout = layout_of(self.system)
        packed: Sequence[tuple[int, ...]] = []
        engine = ExplicitEngine(ExplicitOptions(symmetry=False))
        if engine.refuses(self.system) is None:
            self.sampled, layout, packed = engine.solve_and_sample(
                self.system, limits, self.watch, MOST_SAMPLED
            )
            if isinstance(self.sampled, Stopped) and self.sampled.limit == "interrupt":
                raise LimitReached("interrupt")
        samples = Samples(self.system, packed, layout)
        if not isinstance(self.sampled, NoneFound | Found):
            self._walk(samples)
        self.extra["sample"] = f"{len(samples):,} reachable states"
        if isinstance(self.sampled, NoneFound) and len(samples) == self.sampled.statistics.states:
            self.extra["sample"] += ", which are all"
        return samples

    def _walk(self, samples: Samples) -> None:
        """States on random runs. Raises _Fault if one runs into a fault."""
        for seed in range(WALKS):
            left = self.clock.left_s()
            self.watch(Progress(0, 0, 0, self.clock.elapsed_s, f"random run {seed} of {WALKS}"))
            if left is not None and left < (1 - 2 * SHARE) * (self.limits.timeout_s or 0.0):
                return
            walked = walk(self.system, seed, WALK_STEPS)
            if walked.fault is not None:
                raise _Fault(self._shortened(walked.fault, walked.run))
            state = self.system.initial_states[walked.run.initial]
            for id in walked.run.actions:
                outcome = attempt(self.system, self.system.actions[id], state)
                assert isinstance(outcome, Goes)
                state = outcome.state
                samples.add(state)

    def _shortened(self, fault: Fault, run: Run) -> Found:
        """The run of a random walk without the steps that its fault does not need."""
        runs = Runs(self.system)
        is_step = isinstance(fault, FailedCheck)
        ending = Ending(fault, run.actions[-1] if is_step else None)
        short = Run(run.initial, run.actions[:-1] if is_step else run.actions)
        short = runs.with_few_switches(ending, runs.without_idle_steps(ending, short))
        last = () if ending.last is None else (ending.last,)
        return Found(self._statistics(0), fault, Run(run.initial, (*short.actions, *last)))

    # --- the invariant ------------------------------------------------------------------

    def _invariant(self, samples: Samples) -> Invariant:
        match self.method:
            case "induction":
                return self._by_induction(samples, self.clock)
            case "spacer":
                return self._by_spacer((*laws(self.system), *self.owed), is_sure=True)
            case "auto":
                left = self.clock.left_s()
                if left is not None and self.limits.timeout_s is not None:
                    left -= self.limits.timeout_s * SPACER_SHARE
                try:
                    return self._by_induction(samples, Clock(Limits(timeout_s=left)))
                except LimitReached as reached:
                    if reached.limit != "time" or self.search is None:
                        raise
                is_sure = isinstance(self.sampled, NoneFound) and not self.search.stats.dropped
                return self._by_spacer(self.search.kept, is_sure=is_sure)
            case _:
                assert_never(self.method)

    def _by_induction(self, samples: Samples, clock: Clock) -> Invariant:
        self.search = Search(self.system, samples, clock, self.watch, self.owed)
        return self.search.run()

    def _by_spacer(self, facts: tuple[Fact, ...], *, is_sure: bool) -> Invariant:
        left = self.clock.left_s()
        clock = Clock(Limits())
        figures = f"Spacer, with {len(facts):,} facts"
        self.watch(Progress(0, 0, 0, self.clock.elapsed_s, figures))
        found = ask(Task(self.system, facts, is_sure, left))
        took = f"{clock.elapsed_s:.1f} s with {len(facts):,} facts"
        match found:
            case Filled(invariant, lemmas):
                self.extra["Spacer"] = f"{lemmas:,} more, {took}"
                return invariant
            case Ran(fault, run):
                self.extra["Spacer"] = f"a run, {took}"
                raise _Fault(self._shortened(fault, run))
            case NoAnswer(limit, why):
                self.extra["Spacer"] = f"{why}, {took}"
                if self.method == "auto":
                    limit = "time"  # induction's: that is why Spacer was asked
                note = "" if found == LATE else f"Spacer: {why}"
                raise _NoAnswer(limit, note)
            case _:
                assert_never(found)

    # --- no proof -----------------------------------------------------------------------

    def _refuted(self, refuted: Refuted) -> ProofClaim:
        """A reachable state is at fault; the run to it, if it can be found."""
        claim = run_to(self.system, refuted.reached, self._time_to_ask())
        if isinstance(claim, Found):
            state = Runs(self.system).end_of(claim.run.initial, claim.run.actions)
            if state == refuted.reached:
                runs = Runs(self.system)
                for ending in runs.faults_at(state):
                    last = () if ending.last is None else (ending.last,)
                    run = Run(claim.run.initial, (*claim.run.actions, *last))
                    return Found(self._statistics(0), ending.fault, run)
        return self._unproved("depth", refuted.obstacle, is_reachable=True)

    def _unproved(
        self,
        limit: Limit | None,
        obstacle: Obstacle | None = None,
        *,
        is_reachable: bool | None = None,
        note: str = "",
    ) -> Unproved:
        missing: tuple[tuple[str, int], ...] = ()
        if self.search is not None:
            obstacle = obstacle or self.search.last
            missing = tuple(self.search.stats.asked_for.most_common(3))
        if obstacle is not None and is_reachable is None and limit != "interrupt":
            is_reachable = self._is_reachable(obstacle.state)
        facts = 0 if self.search is None else len(self.search.facts)
        return Unproved(self._statistics(facts), limit, obstacle, is_reachable, missing, note)

    def _is_reachable(self, state: State) -> bool | None:
        """What explicit search says; None if it cannot say."""
        try:
            match run_to(self.system, state, self._time_to_ask()):
                case Found(_, BrokenProperty(number), _) if number == len(self.system.properties):
                    return True
                case NoneFound():
                    return False
        except KeyboardInterrupt:
            pass
        return None

    def _time_to_ask(self) -> Limits:
        return replace(self.limits, timeout_s=ASKING_S, max_states=None)

    def _statistics(self, facts: int) -> Statistics:
        extra: dict[str, str] = dict(self.extra)
        if self.search is not None:
            stats = self.search.stats
            extra["questions to Z3"] = f"{stats.queries:,}"
            extra["facts"] = f"{stats.learned:,} learned, {stats.dropped:,} given up"
        figures = "1 fact" if facts == 1 else f"{facts:,} facts"
        states = 0 if self.sampled is None else self.sampled.statistics.states
        fired = {} if self.sampled is None else self.sampled.statistics.fired
        return Statistics(states, 0, 0, self.clock.elapsed_s, fired, extra, figures)


class _NoAnswer(Exception):
    """Spacer's, as in `Unproved`."""

    def __init__(self, limit: Limit | None, note: str) -> None:
        super().__init__(note)
        self.limit = limit
        self.note = note


class _Fault(Exception):
    def __init__(self, found: Found) -> None:
        super().__init__()
        self.found = found


def run_to(system: System, state: State, limits: Limits) -> Claim:
    """Explicit search for a state: a `Found` with the run, `NoneFound`, or a fault that is nearer.

    The state counts as a fault of a property behind the last one.
    """
    here = and_(*(eq(Var(VarId(v)), Const(value)) for v, value in enumerate(state)))
    span = system.actions[0].span if system.actions else None
    if span is None:
        return InterpreterEngine().solve(system, limits, lambda progress: None)
    wanted = Property("invariant", "elsewhere", "invariant", not_(here), None, (), span)
    asked = replace(system, properties=(*system.properties, wanted), covers=())
    explicit = ExplicitEngine(ExplicitOptions(symmetry=False))
    engine = explicit if explicit.refuses(asked) is None else InterpreterEngine()
    return engine.solve(asked, limits, lambda progress: None)
