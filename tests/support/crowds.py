"""Concrete states of some size as states of the abstraction for all sizes, written apart from the abstraction."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from zdcheck.ir.crowd import LocalState, Seen, View
from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.expr import VarId
from zdcheck.ir.step import Fails, Goes, Stepper, state_faults
from zdcheck.ir.system import Action, Check, State, System
from zdcheck.lower.crowd.abstraction import Crowd


class Projection:
    """How one concrete system looks when certain threads of the open families are followed."""

    def __init__(self, crowd: Crowd, system: System, followed: tuple[int, ...]) -> None:
        self.crowd = crowd
        self.system = system
        self.followed = followed
        fixed = {(t.family, t.number): t.index for t in crowd.all_threads}
        self.number: dict[int, int] = {-1: -1}
        for thread in system.threads:
            if thread.family in crowd.open:
                role = crowd.roles[crowd.open.index(thread.family)]
                mine = thread.index in followed
                self.number[thread.index] = role.followed if mine else role.others
            else:
                self.number[thread.index] = fixed[thread.family, thread.number]
        known = [t.index for t in system.threads if t.family not in crowd.open] + list(followed)
        back = {self.number[t]: t for t in known}
        kinds = {t.family for t in system.threads} | {"thread"}
        where = {(v.family, tuple(n for _, n in v.index)): v.id for v in system.variables}
        self.sources: list[tuple[VarId, bool]] = []
        for variable in crowd.kept:
            index = tuple(back[n] if kind in kinds else n for kind, n in variable.index)
            is_thread = variable.type.kind == "ref" and variable.type.of in kinds
            self.sources.append((where[variable.family, index], is_thread))
        self.entries = [
            (key, next(e for e in system.ledger if e.count == where[self._counted(key), key[1]]))
            for key in crowd.tokens
        ]

    def _counted(self, key: tuple[int, tuple[int, ...]]) -> str:
        return self.crowd.program.families[key[0]].name

    def of(self, state: State) -> State:
        """The abstract state. What others hold is all that is held, less what is kept."""
        kept = [self.number[state[v]] if is_thread else state[v] for v, is_thread in self.sources]
        found = (*kept, *(0 for _ in self.crowd.tokens), 0)
        others = []
        for key, entry in self.entries:
            held = sum(evaluate(holder.count, state) for holder in entry.holders)
            others.append(held - evaluate(self.crowd.held[key], found))
        assert all(number >= 0 for number in others)
        return (*kept, *(int(number > 0) for number in others), 0)


def projections(crowd: Crowd, system: System) -> list[Projection]:
    """One for each choice of threads to follow."""
    members = [
        [thread.index for thread in system.threads if thread.family == name] for name in crowd.open
    ]
    return [Projection(crowd, system, chosen) for chosen in product(*members)]


def local_state(view: View, state: State) -> LocalState:
    """The followed thread's own part of an abstract state."""
    owns = tuple(int(state[v] == view.followed) for v in view.owners)
    return (*(state[v] for v in view.own), *owns)


def reachable(system: System, most: int) -> list[State]:
    """The first so many reachable states, breadth first."""
    stepper = Stepper(system)
    seen = dict.fromkeys(system.initial_states)
    pending = list(seen)
    for state in pending:
        for _, outcome in stepper.outcomes(state):
            if isinstance(outcome, Goes) and outcome.state not in seen and len(seen) < most:
                seen[outcome.state] = None
                pending.append(outcome.state)
    return list(seen)


def seen_in(crowd: Crowd, systems: list[tuple[System, list[State]]]) -> Seen:
    """What threads are like in these concrete states: the least assumption that is true of them."""
    seen: list[dict[LocalState, dict[VarId, frozenset[int]]]] = [{} for _ in crowd.views]
    for system, states in systems:
        for projection in projections(crowd, system):
            for state in dict.fromkeys(map(projection.of, states)):
                for known, view in zip(seen, crowd.views, strict=True):
                    company = known.setdefault(local_state(view, state), {})
                    for v in view.around:
                        company[v] = company.get(v, frozenset()) | {state[v]}
    return seen


def unmatched(
    crowd: Crowd, system: System, states: list[State], abstract: System
) -> Iterator[tuple[Action, tuple[int, ...], State]]:
    """The concrete steps and faults that have no image in the abstract system, with who was followed."""
    stepper, image_stepper = Stepper(system), Stepper(abstract)
    after: dict[State, tuple[set[State], bool]] = {}
    faulty: dict[State, bool] = {}

    def successors(state: State) -> tuple[set[State], bool]:
        if state not in after:
            outcomes = list(image_stepper.outcomes(state))
            goes = {o.state for _, o in outcomes if isinstance(o, Goes)}
            after[state] = goes, any(isinstance(o, Fails) for _, o in outcomes)
        return after[state]

    def is_faulty(state: State) -> bool:
        if state not in faulty:
            faulty[state] = next(state_faults(abstract, state), None) is not None
        return faulty[state]

    all_of_them = projections(crowd, system)
    for state in states:
        if next(state_faults(system, state), None) is not None:
            continue
        images = [projection.of(state) for projection in all_of_them]
        for action, outcome in stepper.outcomes(state):
            is_open = system.threads[action.thread].family in crowd.open
            for projection, image in zip(all_of_them, images, strict=True):
                is_followed = not is_open or action.thread in projection.followed
                if isinstance(outcome, Fails):
                    test = action.tests[outcome.test]
                    assert isinstance(test, Check)
                    too_many = test.violation.id in ("refcount_overflow", "range")
                    if is_followed and not too_many and not successors(image)[1]:
                        yield action, projection.followed, state
                    continue
                if next(state_faults(system, outcome.state), None) is None:
                    later = projection.of(outcome.state)
                    if later != image and later not in successors(image)[0]:
                        yield action, projection.followed, state
        # A step to a fault: whoever takes it, or whom the property is about, shows it if followed.
        for action, outcome in stepper.outcomes(state):
            if not isinstance(outcome, Goes):
                continue
            if next(state_faults(system, outcome.state), None) is None:
                continue
            shown = any(
                successors(image)[1] or is_faulty(projection.of(outcome.state))
                for projection, image in zip(all_of_them, images, strict=True)
            )
            if not shown:
                yield action, (), state
