"""The part of an invariant that its proof needs, found by proving everything again.

This is also the second look at every proof: a new solver, each obligation asked again. What is not
proved here was not proved before, and that is an error of zdcheck.
"""

from __future__ import annotations

from typing import Any

import z3

from zdcheck.base.diagnostics import EngineDisagreement
from zdcheck.engines.symbolic.encoding import any_of
from zdcheck.engines.symbolic.facts import Invariant
from zdcheck.engines.symbolic.formulas import state_goals
from zdcheck.engines.symbolic.obligations import Obligations
from zdcheck.engines.symbolic.solving import Clock, is_satisfiable
from zdcheck.ir.evaluate import evaluator
from zdcheck.ir.run import Deadlock
from zdcheck.ir.system import System

MOST = 200
"""Facts of an invariant that is made minimal; of a larger one all facts are kept."""


def looked_at_again(system: System, invariant: Invariant, clock: Clock) -> Invariant:
    """The invariant, without the facts that its proof does not need if it is not too large.

    The ledger and the properties are always part of it. Raises EngineDisagreement if it is none,
    LimitReached.
    """
    return _Minimizer(system, invariant, clock).run()


class _Minimizer:
    def __init__(self, system: System, invariant: Invariant, clock: Clock) -> None:
        self.system = system
        self.invariant = invariant
        self.clock = clock
        self.obligations = Obligations(system)
        self.solver: Any = z3.SolverFor("QF_FD")
        self.solver.add(self.obligations.frame.in_range())
        self.marks: list[Any] = []
        keeps_all = self.keeps_all = len(invariant.facts) > MOST
        for number, fact in enumerate(invariant.facts):
            mark = z3.Bool(f"fact{number}")
            term = self.obligations.term(fact)
            self.solver.add(term if keeps_all else z3.Implies(mark, term))
            self.marks.append(mark)
        self.variables = [fact.variables for fact in invariant.facts]
        self.number_of = {mark.get_id(): number for number, mark in enumerate(self.marks)}
        self.needed = {n for n, fact in enumerate(invariant.facts) if keeps_all or not fact.never}

    def run(self) -> Invariant:
        facts = self.invariant.facts
        for state in self.system.initial_states:
            for fact in facts:
                if not evaluator(fact.expr)(state):
                    raise EngineDisagreement(f"a fact of the proof is false at first: {fact}")
        for step in self.obligations.steps:
            self._impossible(self.obligations.bad(step))
        for goal in state_goals(self.system):
            if isinstance(goal.fault, Deadlock):
                self._impossible(z3.Not(self.obligations.frame.truth(goal.holds)))
        for taking in self.obligations.takings:
            if taking.classes in self.invariant.never_taken:
                self._impossible(self.obligations.frame.truth(taking.condition))
        kept: list[set[int]] = [set() for _ in self.obligations.steps]
        while any(self._keep(number, kept[number]) for number in range(len(kept))):
            pass
        return Invariant(
            tuple(facts[number] for number in sorted(self.needed)), self.invariant.never_taken
        )

    def _keep(self, number: int, kept: set[int]) -> bool:
        """The step keeps all needed facts; whether there was a new one to look at."""
        step = self.obligations.steps[number]
        new = self.needed - kept
        if not new:
            return False
        kept |= new
        touched = [n for n in sorted(new) if self.variables[n] & step.becomes.keys()]
        breaks = [self.obligations.breaks(step, self.invariant.facts[n]) for n in touched]
        some = [b.term for b in breaks if b is not None]
        if some:
            self._impossible(self.obligations.frame.truth(step.goes), any_of(some))
        return True

    def _impossible(self, *conditions: Any) -> None:
        """No state in which all facts are true has these; the facts that this needs are needed."""
        self.solver.push()
        self.solver.add(*conditions)
        if self.keeps_all:
            known = []
        else:
            known = [self.marks[number] for number in sorted(self.needed)]
        if is_satisfiable(self.solver, *known, clock=self.clock):
            if is_satisfiable(self.solver, *self.marks, clock=self.clock):
                raise EngineDisagreement(
                    "a proof that was found does not hold when looked at again"
                )
            core = self.solver.unsat_core()
            self.needed |= {self.number_of[mark.get_id()] for mark in core}
        self.solver.pop()
