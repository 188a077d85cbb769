"""Concrete states of some size as states of the abstraction for all sizes, written apart from the abstraction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from zdcheck.ir.crowd import Company, LocalState, Seen, View
from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.expr import Type, VarId
from zdcheck.ir.step import Fails, Goes, Stepper, state_faults
from zdcheck.ir.system import Action, State, System, Variable
from zdcheck.ir.system import Check as CheckTest
from zdcheck.lang.model import Check
from zdcheck.lower.crowd.abstraction import Crowd
from zdcheck.lower.system import Grounding
from zdcheck.pipeline import Options, Spec, lower_check, program_of_check


@dataclass(frozen=True)
class Concrete:
    """A system of some size, the first of its reachable states, and what its families that never change have."""

    system: System
    states: list[State]
    constants: dict[tuple[str, tuple[int, ...]], int]


def concrete(spec: Spec, check: Check, scope: dict[str, int], most: int) -> Concrete:
    """A check at these sizes."""
    options = Options(scope=scope)
    system = lower_check(spec, check, options).system
    program = program_of_check(spec, check, options)
    start = Grounding(program, check.span).starts()[0]
    names = [family.name for family in program.families]
    constants = {(names[family], index): n for (family, index), n in start.values.items()}
    return Concrete(system, reachable(system, most), constants)


class Projection:
    """How one concrete system looks when certain threads and objects of what is open are followed."""

    def __init__(
        self, crowd: Crowd, real: Concrete, followed: tuple[int, ...], objects: dict[str, int]
    ) -> None:
        self.crowd = crowd
        self.real = real
        self.system = system = real.system
        self.followed = followed
        self.objects = objects
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
        self.back = {self.number[t]: t for t in known}
        self.kinds = {t.family for t in system.threads} | {"thread"}
        self.where = {(v.family, tuple(n for _, n in v.index)): v.id for v in system.variables}
        self.sources = [self._source(variable) for variable in crowd.kept]
        self.entries = [
            (key, next(e for e in system.ledger if e.count == self._count(key)))
            for key in crowd.tokens
        ]

    def _count(self, key: tuple[int, tuple[int, ...]]) -> VarId:
        family = self.crowd.program.families[key[0]]
        kinds = [d.kind or "" for d in family.dimensions]
        return self.where[family.name, self._index(tuple(zip(kinds, key[1], strict=True)))]

    def _index(self, index: tuple[tuple[str, int], ...]) -> tuple[int, ...]:
        """The followed object or thread has another number here."""
        return tuple(
            self.back[n] if kind in self.kinds else self.objects.get(kind, n) for kind, n in index
        )

    def _source(self, variable: Variable) -> Callable[[State], int]:
        """What an abstract variable has in a concrete state."""
        live = self._live(variable)
        default = -1 if variable.type.kind == "ref" else variable.type.low
        index = self._index(variable.index)
        if ".passed" in variable.family:
            # A loop over objects has passed the followed one if it is there, or beyond.
            counter = self.where[variable.family.replace(".passed", ""), index]
            kind = self.system.variables[counter].type.of
            return lambda s: int(live(s) and s[counter] >= self.objects[kind])
        id = self.where.get((variable.family, index))
        if id is None:
            value = self.real.constants[variable.family, index]
            constant = self._seen(variable.type, value)
            return lambda s: constant
        return lambda s: self._seen(variable.type, s[id]) if live(s) else default

    def _seen(self, type: Type, value: int) -> int:
        """A value as it looks to who follows these."""
        if type.kind != "ref" or value < 0:
            return value
        if type.of in self.kinds:
            return self.number[value]
        return int(value != self.objects[type.of]) if type.of in self.objects else value

    def _live(self, variable: Variable) -> Callable[[State], bool]:
        """Whether a local matters where its thread is, in the abstract system."""
        family = self.crowd.by_name.get(variable.family)
        if family is None or family.role != "local" or family.observed:
            return lambda s: True
        template = self.crowd.templates[family.template or ""]
        thread = self.system.threads[self.back[variable.index[0][1]]]
        places = [family.id in live for live in template.live]
        return lambda s: places[s[thread.pc]]

    def of(self, state: State) -> State:
        """The abstract state. What others hold is all that is held, less what is kept."""
        kept = [source(state) for source in self.sources]
        # What threads looked at before is no part of a concrete state: here everybody looked at what is followed.
        trails = (1 for _ in self.crowd.trails)
        found = (*kept, *(0 for _ in self.crowd.tokens), *trails, 0)
        others = []
        for key, entry in self.entries:
            held = sum(evaluate(holder.count, state) for holder in entry.holders)
            others.append(held - evaluate(self.crowd.held[key], found))
        assert all(number >= 0 for number in others)
        tokens = (int(number > 0) for number in others)
        return (*kept, *tokens, *(1 for _ in self.crowd.trails), 0)


def projections(crowd: Crowd, real: Concrete) -> list[Projection]:
    """One for each choice of threads and objects to follow."""
    system = real.system
    members = [
        [thread.index for thread in system.threads if thread.family == name] for name in crowd.open
    ]
    kinds = sorted(crowd.objects)
    sizes = {kind.name: kind.size for kind in system.kinds}
    return [
        Projection(crowd, real, chosen, dict(zip(kinds, objects, strict=True)))
        for chosen in product(*members)
        for objects in product(*(range(sizes[kind]) for kind in kinds))
    ]


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


def seen_in(crowd: Crowd, systems: list[Concrete]) -> Seen:
    """What threads are like in these concrete states: the least assumption that is true of them."""
    seen: list[dict[LocalState, dict[VarId, frozenset[int]]]] = [{} for _ in crowd.views]
    for real in systems:
        for projection in projections(crowd, real):
            for state in dict.fromkeys(map(projection.of, real.states)):
                for known, view in zip(seen, crowd.views, strict=True):
                    company = known.setdefault(local_state(view, state), {})
                    for v in view.around:
                        company[v] = company.get(v, frozenset()) | {state[v]}
    return seen


def without_trails(
    crowd: Crowd, number: int, locals_: Mapping[LocalState, Company]
) -> dict[LocalState, dict[VarId, frozenset[int]]]:
    """What was seen of a family's threads, as if they had looked at nothing but what is followed."""
    trails = set(crowd.trails.values())
    found: dict[LocalState, dict[VarId, frozenset[int]]] = {}
    for local, company in locals_.items():
        own = crowd.views[number].own
        alike = tuple(1 if v in trails else n for v, n in zip(own, local, strict=False))
        known = found.setdefault((*alike, *local[len(own) :]), {})
        for v, values in company.items():
            known[v] = known.get(v, frozenset()) | values
    return found


def unmatched(
    crowd: Crowd, real: Concrete, abstract: System
) -> Iterator[tuple[Action, tuple[int, ...], State]]:
    """The concrete steps and faults that have no image in the abstract system, with who was followed."""
    system = real.system
    stepper, image_stepper = Stepper(system), Stepper(abstract)
    after: dict[State, tuple[set[State], bool]] = {}
    trails = set(crowd.trails.values())
    faulty: dict[State, bool] = {}

    def successors(state: State) -> tuple[set[State], bool]:
        if state not in after:
            outcomes = list(image_stepper.outcomes(state))
            goes = {looking(o.state) for _, o in outcomes if isinstance(o, Goes)}
            after[state] = goes, any(isinstance(o, Fails) for _, o in outcomes)
        return after[state]

    def looking(state: State) -> State:
        return tuple(1 if v in trails else value for v, value in enumerate(state))

    def is_faulty(state: State) -> bool:
        if state not in faulty:
            faulty[state] = next(state_faults(abstract, state), None) is not None
        return faulty[state]

    all_of_them = projections(crowd, real)
    for state in real.states:
        if next(state_faults(system, state), None) is not None:
            continue
        images = [projection.of(state) for projection in all_of_them]
        for action, outcome in stepper.outcomes(state):
            is_open = system.threads[action.thread].family in crowd.open
            if isinstance(outcome, Fails):
                # Whoever follows the thread that fails sees it; of objects, whoever follows those that it is about.
                test = action.tests[outcome.test]
                assert isinstance(test, CheckTest)
                too_many = test.violation.id in ("refcount_overflow", "range")
                shown = (any if crowd.objects else all)(
                    successors(image)[1]
                    for projection, image in zip(all_of_them, images, strict=True)
                    if not is_open or action.thread in projection.followed
                )
                if not too_many and not shown:
                    yield action, (), state
                continue
            is_fault = next(state_faults(system, outcome.state), None) is not None
            if is_fault:
                # A step to a fault: whoever takes it, or whom the property is about, shows it if followed.
                shown = any(
                    successors(image)[1] or is_faulty(projection.of(outcome.state))
                    for projection, image in zip(all_of_them, images, strict=True)
                )
                if not shown:
                    yield action, (), state
                continue
            for projection, image in zip(all_of_them, images, strict=True):
                later = projection.of(outcome.state)
                if later != image and later not in successors(image)[0]:
                    yield action, (*projection.followed, *projection.objects.values()), state
