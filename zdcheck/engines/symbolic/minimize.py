"""A second look at a proof, and the part of its invariant that it needs.

The second look asks a new solver every question again, all facts together. What is not proved there was not
proved before, and that is an error of zdcheck.

A smaller invariant is found in two ways. Unsatisfiable cores tell which facts the ledger and the properties rest on,
which facts those rest on, and so on: quick, and a good deal smaller. Then each fact is left out in turn, with all that
rests on it, and what is left is asked whether it still proves everything. Where that fails, the fact is in
every invariant that is a part of this one; so when each was tried, none can be spared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import z3

from zdcheck.base.diagnostics import EngineDisagreement
from zdcheck.engines.symbolic.encoding import any_of
from zdcheck.engines.symbolic.facts import Invariant
from zdcheck.engines.symbolic.formulas import state_goals
from zdcheck.engines.symbolic.obligations import Breaks, Obligations
from zdcheck.engines.symbolic.solving import (
    STEPS_TOGETHER,
    TOGETHER,
    Clock,
    LimitReached,
    batched,
    is_satisfiable,
)
from zdcheck.ir.evaluate import evaluator
from zdcheck.ir.run import Deadlock
from zdcheck.ir.system import System

MOST = 200
"""Learned facts of an invariant that cores are asked for without being told to; of a larger one all facts are kept."""


@dataclass(frozen=True, slots=True)
class Reduced:
    """A part of an invariant that is one too; `is_minimal` if no fact of it but ledger and properties can be spared."""

    invariant: Invariant
    is_minimal: bool


def looked_at_again(system: System, invariant: Invariant, clock: Clock) -> Invariant:
    """The invariant, without facts that no core has if it is not too large.

    Raises EngineDisagreement if it is none, LimitReached.
    """
    questions = _Questions(system, invariant, clock)
    questions.true_at_first()
    if sum(fact.origin == "learned" for fact in invariant.facts) > MOST:
        questions.all_again()
        return invariant
    return questions.part(questions.in_cores())


def reduced(system: System, invariant: Invariant, clock: Clock) -> Reduced:
    """As small a part as the time allows. The ledger and the properties are always part of it."""
    kept = set(range(len(invariant.facts)))
    questions = _Questions(system, invariant, clock)
    try:
        kept = questions.in_cores()
        for fact in sorted(kept - questions.wanted, reverse=True):
            if fact in kept:
                kept = questions.without(kept, fact)
    except LimitReached:
        return Reduced(questions.part(kept), is_minimal=False)
    return Reduced(questions.part(kept), is_minimal=True)


def _disagreement() -> EngineDisagreement:
    return EngineDisagreement("a proof that was found does not hold when looked at again")


class _Questions:
    """Everything that an invariant must answer, each with the facts that its last answer rested on."""

    def __init__(self, system: System, invariant: Invariant, clock: Clock) -> None:
        self.invariant = invariant
        self.clock = clock
        self.obligations = Obligations(system)
        self.solver: Any = z3.SolverFor("QF_FD")
        self.solver.add(self.obligations.frame.in_range())
        self.marks: list[Any] = []
        for number, fact in enumerate(invariant.facts):
            mark = z3.Bool(f"fact{number}")
            self.solver.add(z3.Implies(mark, self.obligations.term(fact)))
            self.marks.append(mark)
        self.number_of = {mark.get_id(): number for number, mark in enumerate(self.marks)}
        self.wanted = frozenset(
            n for n, fact in enumerate(invariant.facts) if fact.origin != "learned"
        )
        self.initial = system.initial_states
        self.goals = list(self._goals(system))
        self.breaks = self.obligations.all_breaks(invariant.facts)
        self.rests_on: dict[int, frozenset[int]] = {}
        """By question: goals first, then steps."""
        self.known_needed: set[int] = set(self.wanted)

    def _goals(self, system: System) -> Iterable[Any]:
        """What may be true in no state; about the facts themselves see `_step`."""
        steps = self.obligations.steps
        for some in batched(range(len(steps)), TOGETHER):
            yield any_of([self.obligations.bad(steps[number]) for number in some])
        for goal in state_goals(system):
            if isinstance(goal.fault, Deadlock):
                yield z3.Not(self.obligations.frame.truth(goal.holds))
        for taking in self.obligations.takings:
            if taking.classes in self.invariant.never_taken:
                yield self.obligations.frame.truth(taking.condition)

    def part(self, kept: Iterable[int]) -> Invariant:
        """The invariant with these facts only."""
        facts = tuple(self.invariant.facts[number] for number in sorted(kept))
        return Invariant(facts, self.invariant.never_taken)

    # --- everything again ---------------------------------------------------------------

    def true_at_first(self) -> None:
        """Raises EngineDisagreement if a fact is false in an initial state."""
        for state in self.initial:
            for fact in self.invariant.facts:
                if not evaluator(fact.expr)(state):
                    raise EngineDisagreement(f"a fact of the proof is false at first: {fact}")

    def all_again(self) -> None:
        """With all facts, which is quick because none of them is for choice. Raises EngineDisagreement."""
        self.solver.add(*self.marks)
        for goal in self.goals:
            self._never(goal)
        steps = self.obligations.steps
        for some in batched(range(len(steps)), STEPS_TOGETHER):
            self._never(
                any_of([self.obligations.breaking(steps[n], self.breaks[n].values()) for n in some])
            )

    def _never(self, term: Any) -> None:
        self.solver.push()
        self.solver.add(term)
        if is_satisfiable(self.solver, clock=self.clock):
            raise _disagreement()
        self.solver.pop()

    # --- fewer facts --------------------------------------------------------------------

    def in_cores(self) -> set[int]:
        """Facts that together are an invariant: the wanted ones, and what cores say that those rest on."""
        kept = set(self.wanted)
        everything = set(range(len(self.marks)))
        for question in range(len(self.goals)):
            kept |= self._core(question, everything, everything)
        looked_at: set[int] = set()
        while new := kept - looked_at:
            looked_at |= new
            for number in range(len(self.breaks)):
                kept |= self._core(len(self.goals) + number, everything, new)
        # Those were cores for some facts each; now each question has one for all that are kept.
        for question in range(len(self.goals) + len(self.breaks)):
            self._sure(question, kept, kept)
        return kept

    def _core(self, question: int, assumed: set[int], about: set[int]) -> frozenset[int]:
        self._sure(question, assumed, about)
        return self.rests_on[question]

    def _sure(self, question: int, assumed: set[int], about: set[int]) -> None:
        if self._counterexample(question, assumed, about) is not None:
            raise _disagreement()

    def without(self, kept: set[int], fact: int) -> set[int]:
        """The largest invariant among the others, if it proves as much; else `kept`, and the fact is needed."""
        before = dict(self.rests_on)
        left = kept - {fact}
        gone = {fact}
        while gone:
            open_ = [q for q, core in self.rests_on.items() if core & gone]
            gone = set()
            for question in open_:
                while (broken := self._counterexample(question, left, left)) is not None:
                    if not broken or broken & self.known_needed:
                        self.rests_on = before
                        self.known_needed.add(fact)
                        return kept
                    left -= broken
                    gone |= broken
        return left

    def _counterexample(self, question: int, assumed: set[int], about: set[int]) -> set[int] | None:
        """None if the facts assumed answer the question about some facts; else those of them broken in a state."""
        self.solver.push()
        broken: dict[int, Breaks] = {}
        if question < len(self.goals):
            self.solver.add(self.goals[question])
        else:
            number = question - len(self.goals)
            broken = {n: b for n, b in self.breaks[number].items() if n in about}
            step = self.obligations.steps[number]
            self.solver.add(self.obligations.breaking(step, broken.values()))
        try:
            if is_satisfiable(self.solver, *self._marked(assumed), clock=self.clock):
                state = self.obligations.frame.state_in(self.solver.model())
                return {n for n, b in broken.items() if b.is_true(state)}
            core = self.solver.unsat_core()
            self.rests_on[question] = frozenset(self.number_of[mark.get_id()] for mark in core)
            return None
        finally:
            self.solver.pop()

    def _marked(self, assumed: set[int]) -> Sequence[Any]:
        return [self.marks[number] for number in sorted(assumed)]
