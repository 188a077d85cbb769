"""Proof by induction: facts that hold at first, that no step breaks, and that leave no fault possible.

The proof begins with what the system says itself: its ledger and its invariants. Then each step is asked
whether it can break a fact or fail a check in some state in which all facts are true. If so, that
state is either reachable, and the fact is no fact; or some combination of values in it is what
makes it unreachable, and that becomes a new fact (`generalize`). This ends when no such state is left.

Nothing is assumed that is not shown: a check that guards a count is something to prove, and that
values stay in their types is shown for every step too.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import z3

from zdcheck.engines.lock_order import lock_cycle
from zdcheck.engines.protocol import Progress, Watcher
from zdcheck.engines.symbolic.encoding import any_of
from zdcheck.engines.symbolic.facts import Fact, Invariant, laws, learned
from zdcheck.engines.symbolic.formulas import Failure, state_goals
from zdcheck.engines.symbolic.generalize import Generalizer
from zdcheck.engines.symbolic.obligations import Breaks, Obligations, Step
from zdcheck.engines.symbolic.obstacle import Obstacle
from zdcheck.engines.symbolic.samples import Cube, Samples
from zdcheck.engines.symbolic.solving import (
    STEPS_TOGETHER,
    TOGETHER,
    Clock,
    batched,
    is_satisfiable,
)
from zdcheck.ir.evaluate import evaluate, evaluator
from zdcheck.ir.expr import Expr, VarId, variables_of
from zdcheck.ir.run import Deadlock, Run
from zdcheck.ir.step import Goes, attempt
from zdcheck.ir.system import Action, Check, State, System


class Refuted(Exception):
    """A state that agrees with a reachable one, `reached`, on everything that matters shows a fault."""

    def __init__(self, reached: State, obstacle: Obstacle) -> None:
        super().__init__(obstacle.goal)
        self.reached = reached
        self.obstacle = obstacle


@dataclass
class Stats:
    """What a proof took. `asked_for` counts the variables about which facts were missing."""

    queries: int = 0
    learned: int = 0
    dropped: int = 0
    asked_for: Counter[str] = field(default_factory=Counter)


class Search:
    """One proof, being looked for. Raises LimitReached."""

    def __init__(
        self,
        system: System,
        samples: Samples,
        clock: Clock,
        watch: Watcher,
        owed: tuple[Fact, ...] = (),
    ) -> None:
        self.system = system
        self.owed = owed
        """Facts that are to be proved beside those that the system says itself."""
        self.samples = samples
        self.clock = clock
        self.watch = watch
        self.stats = Stats()
        self.generalizer = Generalizer(system, samples)
        self.obligations = Obligations(system)
        self.steps = self.obligations.steps
        self.frame = self.obligations.frame
        self.facts: list[Fact] = []
        # By position in these, what is settled: to hash an expression as large as the goal takes longer than a question.
        self.goals = tuple(goal for goal in state_goals(system) if isinstance(goal.fault, Deadlock))
        self.dropped: set[int] = set()
        self.pending: dict[int, set[int]] = {}
        """By step: facts of which is not known that the step keeps them."""
        self.known: dict[Any, int] = {}
        self.safe: set[int] = set()
        """Steps whose checks are known not to fail."""
        self.settled: set[int] = set()
        """Goals of which is known that all states reach them."""
        self.takings = self.obligations.takings
        self.ordered: set[int] = set()
        """Takings of which is known that no run gets to them, or that some run takes their classes."""
        self.taken: set[tuple[str, str]] = set()
        """Edges between lock classes that some run takes."""
        self.wanted: set[int] = set()
        """By position in `facts`, those that are to be proved."""
        self.read_by: dict[int, frozenset[VarId]] = {}
        """What conditions depend on, by identity: those of goals and steps stay as they are."""
        self.last: Obstacle | None = None
        """What the proof met last."""
        self._fresh_solver()

    # --- the facts ----------------------------------------------------------------------

    def _fresh_solver(self) -> None:
        self.solver: Any = z3.SolverFor("QF_FD")
        self.solver.add(self.frame.in_range())
        for number, fact in enumerate(self.facts):
            if number not in self.dropped:
                self.solver.add(self.obligations.term(fact))

    def _add(self, fact: Fact) -> int | None:
        """Assume the fact from now on, and owe its proof."""
        known = self.known.get(fact.never) if fact.never else None
        if known is not None and known not in self.dropped:
            return None
        number = len(self.facts)
        self.known[fact.never] = number
        self.facts.append(fact)
        self.solver.add(self.obligations.term(fact))
        self._owe(number)
        return number

    def _owe(self, number: int) -> None:
        for step in self.obligations.breakers(self.facts[number]):
            self.pending.setdefault(step, set()).add(number)

    def _drop(self, numbers: Iterable[int]) -> None:
        """These are no facts: what rested on them has to be proved anew."""
        for number in numbers:
            self.dropped.add(number)
            self.stats.dropped += 1
        self._fresh_solver()
        self.pending = {}
        for number in range(len(self.facts)):
            if number not in self.dropped:
                self._owe(number)
        self.safe.clear()
        self.settled.clear()
        self.ordered.clear()

    # --- the search ---------------------------------------------------------------------

    def run(self) -> Invariant:
        """The invariant. Raises Refuted if there is none, LimitReached if the time is up."""
        for fact in (*laws(self.system), *self.owed):
            self._assume(fact)
        for cube in self.generalizer.at_places():
            self._learn(cube)
        last = -1
        while True:
            self._goals_of_steps()
            self._goals_of_states()
            self._lock_order()
            if self.pending:
                # In turn, so that facts that came meanwhile are looked at together.
                numbers = self._next(last)
                self._keep(numbers)
                last = numbers[-1]
            elif self._is_settled():
                return self._invariant()

    def _is_settled(self) -> bool:
        """Nothing is left to ask but whether steps keep the facts."""
        left = len(self.steps) - len(self.safe), len(self.goals) - len(self.settled)
        return not any(left) and len(self.ordered) == len(self.takings)

    def _invariant(self) -> Invariant:
        never = tuple(sorted({taking.classes for taking in self.takings} - self.taken))
        return Invariant(self.kept, never)

    @property
    def kept(self) -> tuple[Fact, ...]:
        """The facts that were not given up. Not all of them are proved as long as the search goes on."""
        return tuple(f for n, f in enumerate(self.facts) if n not in self.dropped)

    def _assume(self, fact: Fact) -> None:
        """A fact that is to be proved; at first it must hold in the initial states."""
        number = self._add(fact)
        assert number is not None
        self.wanted.add(number)
        holds = evaluator(fact.expr)
        for state in self.system.initial_states:
            if not holds(state):
                raise Refuted(state, Obstacle(state, None, _law(fact)))

    @contextmanager
    def _where(self, condition: Any) -> Iterator[None]:
        """Only states in which the condition is true are asked for, again and again as facts are added."""
        solver, known = self.solver, len(self.facts)
        solver.push()
        try:
            solver.add(condition)
            yield
        finally:
            # What was learned meanwhile goes with the condition.
            solver.pop()
            solver.add(*(self.obligations.term(fact) for fact in self.facts[known:]))

    def _model(self) -> State | None:
        """A state in which all facts are true."""
        self.stats.queries += 1
        if self.stats.queries % 64 == 0:
            self._tell()
        if not is_satisfiable(self.solver, clock=self.clock):
            return None
        return self.frame.state_in(self.solver.model())

    def _tell(self) -> None:
        figures = f"{len(self.facts) - len(self.dropped)} facts, {self.stats.queries} questions"
        self.watch(Progress(0, 0, 0, self.clock.elapsed_s, figures))

    def _goals_of_steps(self) -> None:
        """No check of any step fails, and no value leaves its type."""
        open_ = [number for number in range(len(self.steps)) if number not in self.safe]
        for some in batched(open_, TOGETHER):
            bad = any_of([self.obligations.bad(self.steps[number]) for number in some])
            with self._where(bad):
                while (state := self._model()) is not None:
                    step, failing = self._failing(some, state)
                    condition = step.escapes if failing is None else failing.condition
                    name = "range" if failing is None else _violation(step.action, failing)
                    self._exclude(condition, Obstacle(state, step.action, name))
            self.safe.update(some)

    def _failing(self, numbers: Iterable[int], state: State) -> tuple[Step, Failure | None]:
        """The first of the steps that fails a check in the state; None for a value that leaves its type."""
        for number in numbers:
            step = self.steps[number]
            for failure in step.failures:
                if evaluate(failure.condition, state):
                    return step, failure
            if evaluate(step.escapes, state):
                return step, None
        raise AssertionError("the model is of some step")

    def _goals_of_states(self) -> None:
        """Nothing is wrong with a state itself that is no fact: no deadlock."""
        for number, goal in enumerate(self.goals):
            if number in self.settled:
                continue
            with self._where(z3.Not(self.frame.truth(goal.holds))):
                while (state := self._model()) is not None:
                    self._exclude(goal.holds, Obstacle(state, None, "deadlock"))
            self.settled.add(number)

    def _lock_order(self) -> None:
        """The lock classes that are taken while others are held have an order."""
        for number, taking in enumerate(self.takings):
            if number in self.ordered:
                continue
            term = self.frame.truth(taking.condition)
            action = self.steps[taking.step].action
            with self._where(term):
                while taking.classes not in self.taken and (state := self._model()) is not None:
                    try:
                        self._exclude(taking.condition, Obstacle(state, action, "lock_order"))
                    except Refuted:
                        self.taken.add(taking.classes)
                        if lock_cycle({classes: Run(0, ()) for classes in self.taken}) is not None:
                            raise
            self.ordered.add(number)

    def _exclude(self, condition: Expr, obstacle: Obstacle) -> None:
        """New facts that keep the proof out of a state in which the condition matters. Raises Refuted."""
        relevant = self.read_by.get(id(condition))
        if relevant is None:
            relevant = self.read_by[id(condition)] = frozenset(variables_of(condition))
        self.last = obstacle
        if not self._block(obstacle.state, relevant):
            found = self.generalizer.agreeing(obstacle.state, relevant)
            raise Refuted(self.samples.first(found), obstacle)

    def _next(self, last: int) -> list[int]:
        """Some steps for which facts are pending: those behind the last one, so that all have their turn."""
        steps = sorted(self.pending)
        behind = bisect_right(steps, last)
        return (steps[behind:] + steps[:behind])[:STEPS_TOGETHER]

    def _keep(self, numbers: Iterable[int]) -> None:
        """The steps keep the facts that are pending for them; or there are new facts, or fewer."""
        asked = {number: self._open(number) for number in numbers}
        open_ = {number: breaks for number, breaks in asked.items() if breaks}
        if not open_:
            return
        breaking = any_of(
            [
                self.obligations.breaking(self.steps[number], breaks.values())
                for number, breaks in open_.items()
            ]
        )
        with self._where(breaking):
            while (state := self._model()) is not None:
                step, broken = self._broken(open_, state)
                if not self._strengthen(step, state, broken):
                    # Everything is owed anew now, by these steps too.
                    return

    def _open(self, number: int) -> dict[int, Breaks]:
        """How the step may break the facts that are pending for it, which are no longer."""
        found = {}
        for fact in sorted(self.pending.pop(number)):
            breaks = self.obligations.breaks(self.steps[number], self.facts[fact])
            if breaks is not None:
                found[fact] = breaks
        return found

    def _broken(
        self, open_: dict[int, dict[int, Breaks]], state: State
    ) -> tuple[Step, dict[int, Breaks]]:
        """The first step that breaks facts from the state, and how."""
        for number, some in open_.items():
            step = self.steps[number]
            if evaluate(step.goes, state):
                broken = {n: breaks for n, breaks in some.items() if breaks.is_true(state)}
                if broken:
                    return step, broken
        raise AssertionError("the model is of some step")

    def _strengthen(self, step: Step, state: State, broken: dict[int, Breaks]) -> bool:
        """A new fact that keeps the proof out of `state`; else what turns out to be no fact is dropped.

        Raises Refuted if one of those was to be proved.
        """
        for number, breaks in broken.items():
            relevant = step.reads | breaks.reads
            obstacle = Obstacle(state, step.action, _law(self.facts[number]))
            self.last = obstacle
            if self._block(state, relevant):
                return True
            reached = self.samples.first(self.generalizer.agreeing(state, relevant))
            if number in self.wanted:
                raise Refuted(reached, obstacle)
            outcome = attempt(self.system, step.action, reached)
            assert isinstance(outcome, Goes)
            self.samples.add(outcome.state)
        self._drop(
            n
            for n, fact in enumerate(self.facts)
            if fact.origin == "learned"
            and n not in self.dropped
            and self.samples.in_cube(dict(fact.never))
        )
        return False

    def _block(self, state: State, relevant: frozenset[VarId]) -> bool:
        """New facts that exclude `state` by its relevant variables; False if a sample agrees with it there."""
        cube = self.generalizer.cube(state, relevant)
        if cube is None:
            return False
        self.stats.asked_for.update({self.system.variables[v].name for v in cube})
        for image in self.generalizer.images(cube):
            self._learn(image)
        return True

    def _learn(self, cube: Cube) -> None:
        """Guess that no reachable state is in the cube; that is to be proved."""
        if self._add(learned(self.system, cube)) is not None:
            self.stats.learned += 1


def _law(fact: Fact) -> str:
    """What the fact says, for a reader; nothing of one that was only learned."""
    return f"the balance of {fact.name}" if fact.origin == "ledger" else fact.name


def _violation(action: Action, failure: Failure) -> str:
    test = action.tests[failure.test]
    assert isinstance(test, Check)
    return test.violation.id
