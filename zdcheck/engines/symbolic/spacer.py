"""Spacer, Z3's engine for constrained Horn clauses, given the facts that are there already.

One relation, the reachable states, over the bits of the state; one clause for the first states, one for all steps, one
for what must not be. Each of the two has all facts in its body: they are true before a step as long as no step before
broke one. So what must not be is a fault, or a step that breaks a fact of which that is not known to be impossible.

Spacer answers with an invariant: its lemmas become facts, and whoever asked has them looked at again. Or with
a run. Then either something is wrong at its end; or only facts are false there that had been guessed, they are given up,
and Spacer is asked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import z3

from zdcheck.base.apart import Unfinished, within
from zdcheck.base.diagnostics import EngineDisagreement
from zdcheck.engines.lock_order import lock_cycle
from zdcheck.engines.protocol import Limit, Limits
from zdcheck.engines.symbolic.bits import BitFrame, TooMany, blasted, cubes
from zdcheck.engines.symbolic.encoding import all_of, any_of
from zdcheck.engines.symbolic.facts import Fact, Invariant, learned
from zdcheck.engines.symbolic.formulas import state_goals
from zdcheck.engines.symbolic.linear import Ending, Runs
from zdcheck.engines.symbolic.obligations import Obligations, Step
from zdcheck.engines.symbolic.solving import Clock, LimitReached, is_satisfiable
from zdcheck.ir.evaluate import evaluator
from zdcheck.ir.run import Deadlock, Fault, Run
from zdcheck.ir.step import Goes
from zdcheck.ir.system import ActionId, State, System

WRONG = z3.Bool("wrong")

PLAIN = {
    "xform.inline_eager": False,
    "xform.inline_linear": False,
    "xform.slice": False,
    "xform.coi": False,
    "spacer.keep_proxy": False,
}
"""So that the relation keeps its arguments, and an answer is about every bit."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked. Of `facts` those that were learned may be false.

    `is_sure` if they were learned from every reachable state, and none was ever given up.
    """

    system: System
    facts: tuple[Fact, ...]
    is_sure: bool
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Filled:
    """Spacer has added what was missing: `lemmas` facts. Not looked at again yet."""

    invariant: Invariant
    lemmas: int


@dataclass(frozen=True, slots=True)
class Ran:
    """A run with a fault at its end, by the reference semantics."""

    fault: Fault
    run: Run


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why not: a limit (None: something else), and in words."""

    limit: Limit | None
    why: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """Spacer's run is none: an error of Z3 or of ours."""

    what: str


Answer = Filled | Ran | NoAnswer

LATE = NoAnswer("time", "its time was up")


def ask(task: Task) -> Answer:
    """Spacer's answer, from a process that ends when its time is up. Raises EngineDisagreement."""
    found: Answer | Wrong | Unfinished = within(answer, task, task.seconds)
    match found:
        case Unfinished(is_late, why):
            return NoAnswer("time" if is_late else None, why)
        case Wrong(what):
            raise EngineDisagreement(what)
        case _:
            return found


def answer(task: Task) -> Answer | Wrong:
    """The same here, in as much time as it takes. Never raises."""
    try:
        return _Filling(task).run()
    except LimitReached as reached:
        return (
            LATE if reached.limit == "time" else NoAnswer(reached.limit, f"{reached.limit} limit")
        )
    except TooMany:
        return NoAnswer(None, "its invariant is too long to write down")
    except EngineDisagreement as error:
        return Wrong(str(error))
    except MemoryError:
        return NoAnswer("memory", "out of memory")
    except (z3.Z3Exception, RecursionError) as error:
        said = str(error) or type(error).__name__
        return NoAnswer("memory" if "memory" in said else None, said)


@dataclass(frozen=True, slots=True)
class _Open:
    """What the facts do not make impossible: terms about the state before, and the facts that steps may break."""

    terms: tuple[Any, ...]
    breakable: frozenset[Fact]


class _Filling:
    def __init__(self, task: Task) -> None:
        self.system = task.system
        self.is_sure = task.is_sure
        self.facts = list(task.facts)
        self.taken: dict[tuple[str, str], Run] = {}
        """Edges between lock classes, with a run that takes each."""
        self.clock = Clock(Limits(timeout_s=task.seconds))
        self.runs = Runs(task.system)
        self.frame = BitFrame(task.system, "s")
        self.obligations = Obligations(task.system, self.frame)

    def run(self) -> Answer:
        for number, state in enumerate(self.system.initial_states):
            if faults := self.runs.faults_at(state):
                return _ran(number, [], faults[0])
            self._give_up([state])
        while True:
            open_ = self._open()
            guesses = {fact for fact in open_.breakable if fact.origin == "learned"}
            if guesses and not self.is_sure:
                self.facts = [fact for fact in self.facts if fact not in guesses]
                continue
            fixedpoint, reached = self._clauses(open_)
            if not _holds(fixedpoint, self.clock):
                states = self._states(fixedpoint.get_answer())
                if (ran := self._followed(states)) is not None:
                    return ran
                continue
            lemmas = list(self._lemmas(fixedpoint.get_cover_delta(-1, reached)))
            never = {taking.classes for taking in self.obligations.takings} - self.taken.keys()
            return Filled(Invariant((*self.facts, *lemmas), tuple(sorted(never))), len(lemmas))

    # --- what there is to do ------------------------------------------------------------

    def _open(self) -> _Open:
        frame, obligations = self.frame, self.obligations
        solver: Any = z3.SolverFor("QF_FD")
        solver.add(frame.in_range(), *map(obligations.term, self.facts))
        terms = [term for term in self._goals() if self._model(solver, term) is not None]
        breakable: set[Fact] = set()
        for step, may_break in zip(
            obligations.steps, obligations.all_breaks(self.facts), strict=True
        ):
            left = {self.facts[number]: breaks for number, breaks in may_break.items()}
            goes = frame.truth(step.goes)
            while left:
                some = any_of([breaks.term for breaks in left.values()])
                state = self._model(solver, goes, some)
                if state is None:
                    break
                broken = [fact for fact, breaks in left.items() if breaks.is_true(state)]
                breakable.update(broken)
                terms.append(all_of([goes, any_of([left.pop(fact).term for fact in broken])]))
        return _Open(tuple(terms), frozenset(breakable))

    def _goals(self) -> Iterator[Any]:
        """What may be true in no state, but for the facts."""
        for step in self.obligations.steps:
            yield self.obligations.bad(step)
        for goal in state_goals(self.system):
            if isinstance(goal.fault, Deadlock):
                yield z3.Not(self.frame.truth(goal.holds))
        for taking in self.obligations.takings:
            if taking.classes not in self.taken:
                yield self.frame.truth(taking.condition)

    def _model(self, solver: Any, *terms: Any) -> State | None:
        solver.push()
        solver.add(*terms)
        found = is_satisfiable(solver, clock=self.clock)
        state = self.frame.state_in(solver.model()) if found else None
        solver.pop()
        return state

    # --- Horn clauses -------------------------------------------------------------------

    def _clauses(self, open_: _Open) -> tuple[Any, Any]:
        """The clauses, and the relation of the states that runs reach."""
        frame = self.frame
        truth = z3.BoolSort()
        reached = z3.Function("reached", *(truth for _ in frame.bits), truth)
        fixedpoint = z3.Fixedpoint()
        fixedpoint.set(engine="spacer", **PLAIN)
        fixedpoint.register_relation(reached, WRONG.decl())
        after = [z3.Bool(f"{term.decl().name()}'") for term in frame.terms]
        fixedpoint.declare_var(*frame.terms, *after)
        for state in self.system.initial_states:
            fixedpoint.rule(reached(*map(z3.BoolVal, frame.spelled(state))))
        facts = [
            blasted(frame.in_range()),
            *(blasted(self.obligations.term(f)) for f in self.facts),
        ]
        before = all_of([reached(*frame.terms), *facts])
        # One clause for all steps: with one for each, Spacer is ten times slower.
        steps = any_of([self._step(step, after) for step in self.obligations.steps])
        fixedpoint.rule(reached(*after), [before, steps])
        fixedpoint.rule(WRONG, [before, any_of([blasted(term) for term in open_.terms])])
        return fixedpoint, reached

    def _step(self, step: Step, after: Sequence[Any]) -> Any:
        becomes = dict(enumerate(self.frame.terms))
        for id, value in step.becomes.items():
            terms = self.frame.bits_of(id, value)
            becomes.update(zip(self.frame.positions.get(id, ()), map(blasted, terms), strict=True))
        same = [after[position] == term for position, term in becomes.items()]
        return all_of([blasted(self.frame.truth(step.goes)), *same])

    # --- its answers --------------------------------------------------------------------

    def _lemmas(self, cover: Any) -> Iterator[Fact]:
        for cube in cubes(cover, False):
            values = self.frame.values_in(cube)
            if values is not None:
                yield learned(self.system, values)

    def _states(self, proof: Any) -> list[State]:
        """The states of a refutation, the first one of the run first."""
        found: dict[State, None] = {}
        seen: set[int] = set()
        pending = [proof]
        while pending:
            term = pending.pop()
            if z3.is_quantifier(term) or term.get_id() in seen:
                continue
            seen.add(term.get_id())
            args = term.children()
            is_ground = all(z3.is_true(arg) or z3.is_false(arg) for arg in args)
            if term.decl().name() == "reached" and is_ground:
                found[self.frame.state_of([z3.is_true(arg) for arg in args])] = None
            pending += args
        return list(reversed(found))

    def _followed(self, states: Sequence[State]) -> Ran | None:
        """The run through these states, with what is wrong at its end; else guesses that it refutes are given up.

        Raises EngineDisagreement if there is no such run, or nothing comes of it.
        """
        if not states or states[0] not in self.system.initial_states:
            raise EngineDisagreement("Spacer's run begins nowhere")
        initial = self.system.initial_states.index(states[0])
        actions = [self._between(a, b) for a, b in pairwise(states)]
        if faults := self.runs.faults_at(states[-1]):
            return _ran(initial, actions, faults[0])
        following = []
        for action, outcome in self.runs.stepper.outcomes(states[-1]):
            assert isinstance(outcome, Goes)
            if faults := self.runs.faults_at(outcome.state):
                return _ran(initial, [*actions, action.id], faults[0])
            following.append(outcome.state)
        is_less = self._give_up([*states, *following])
        for taking in self.obligations.takings:
            if taking.classes not in self.taken and evaluator(taking.condition)(states[-1]):
                taker = self.obligations.steps[taking.step].action.id
                self.taken[taking.classes] = Run(initial, (*actions, taker))
                is_less = True
        if (cycle := lock_cycle(self.taken)) is not None:
            return Ran(*cycle)
        if not is_less:
            raise EngineDisagreement("nothing is wrong at the end of Spacer's run")
        return None

    def _between(self, before: State, after: State) -> ActionId:
        for action, outcome in self.runs.stepper.outcomes(before):
            if isinstance(outcome, Goes) and outcome.state == after:
                return action.id
        raise EngineDisagreement("Spacer's run makes a step that is none")

    def _give_up(self, reached: Sequence[State]) -> bool:
        """Facts that are false in one of these states are none; whether there were any."""
        left = [f for f in self.facts if all(evaluator(f.expr)(state) for state in reached)]
        if any(fact.origin != "learned" for fact in self.facts if fact not in left):
            raise EngineDisagreement("a fault was not seen")
        is_less = len(left) < len(self.facts)
        self.facts = left
        return is_less


def _ran(initial: int, actions: Sequence[ActionId], ending: Ending) -> Ran:
    last = () if ending.last is None else (ending.last,)
    return Ran(ending.fault, Run(initial, (*actions, *last)))


def _holds(fixedpoint: Any, clock: Clock) -> bool:
    """Whether nothing wrong is reached. Raises LimitReached; Z3Exception if Z3 gives up."""
    left = clock.left_s()
    if left is not None:
        fixedpoint.set(timeout=max(1, int(left * 1000)))
    try:
        found = fixedpoint.query(WRONG)
    except z3.Z3Exception as error:
        if "canceled" in str(error):
            raise LimitReached("time") from None
        raise
    if found == z3.unknown:
        reason = fixedpoint.reason_unknown()
        if not any(word in reason for word in ("memory", "timeout", "canceled")):
            raise z3.Z3Exception(f"Z3 gave up: {reason or 'no reason given'}")
        raise LimitReached("memory" if "memory" in reason else "time")
    return bool(found == z3.unsat)
