"""All states of a check as a graph, by the reference semantics.

A state is named by where its threads are and by what differs from the first state, never by all
of it. A state in which something is wrong is not left, as in a check.
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from zdcheck.base.diagnostics import UsageError
from zdcheck.graphs.violating import Violating, ending, many
from zdcheck.ir.run import BrokenProperty, Fault, Imbalance, LockCycle, Run, Stuck
from zdcheck.ir.step import Fails, Goes, Stepper, attempt, is_deadlock, state_faults, states_along
from zdcheck.ir.system import Action, Check, State, System
from zdcheck.pipeline import Lowered
from zdcheck.render.drawing import Drawing, Edge, Node, NodeKind
from zdcheck.trace.code import shown_code
from zdcheck.trace.values import Item, Values, short_name
from zdcheck.trace.waiting import short

MOST_STATES = 300
"""More are no help to anyone."""

_MOST_LINES, _VALUE, _CODE = 6, 44, 30


class TooManyStates(UsageError):
    """There are more states than may be drawn."""


@dataclass
class StateGraph:
    """`number` is each state's number, in order of discovery; a step with no state after it fails.

    `faults` are what is wrong in a state; `expanded` are the states all steps of which are here.
    """

    system: System
    number: dict[State, int] = field(default_factory=dict)
    steps: list[tuple[State, Action, State | None]] = field(default_factory=list)
    faults: dict[State, str] = field(default_factory=dict)
    expanded: set[State] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.stepper = Stepper(self.system)

    def add(self, state: State) -> bool:
        """Whether it is new."""
        if state in self.number:
            return False
        self.number[state] = len(self.number)
        return True

    def expand(self, state: State) -> list[State]:
        """Add all steps of a state; the states after it that are new."""
        self.expanded.add(state)
        wrong = next(state_faults(self.system, state), None)
        possible = list(self.stepper.outcomes(state))
        if wrong is not None:
            self.faults[state] = _fault_name(self.system, wrong)
            return []
        if is_deadlock(self.system, state, possible):
            self.faults[state] = "deadlock"
        new = []
        for action, outcome in possible:
            after = outcome.state if isinstance(outcome, Goes) else None
            self.steps.append((state, action, after))
            if after is not None and self.add(after):
                new.append(after)
        return new


def _fault_name(system: System, fault: Fault) -> str:
    match fault:
        case BrokenProperty(number):
            prop = system.properties[number]
            return prop.violation if prop.violation == prop.name else f"{prop.kind} {prop.name}"
        case Imbalance(number):
            return f"{system.variables[system.ledger[number].count].name} does not balance"
        case _:
            return "violation"


def all_states(lowered: Lowered, violating: Violating | None, most: int = MOST_STATES) -> Drawing:
    """Every reachable state, with the violating run marked.

    Raises TooManyStates if there are more than `most`.
    """
    graph = StateGraph(lowered.system)
    level = [state for state in lowered.system.initial_states if graph.add(state)]
    while level:
        following = []
        for state in level:
            following += graph.expand(state)
            if len(graph.number) > most:
                raise TooManyStates(
                    f"{lowered.spec.path}: check `{lowered.check.name}` has more than {most} states,"
                    " too many to draw: `--max-states N` draws up to N of them, `--of path` the violating"
                    " run with the states beside it, and a smaller `--scope` has fewer"
                )
        level = following
    return _Picture(lowered, graph, violating).drawing()


def _runs(violating: Violating) -> tuple[Run, ...]:
    others = violating.fault.others if isinstance(violating.fault, LockCycle) else ()
    return (violating.run, *others)


class _Picture:
    """The words and marks of one state graph."""

    def __init__(self, lowered: Lowered, graph: StateGraph, violating: Violating | None) -> None:
        self.lowered, self.graph, self.violating = lowered, graph, violating
        self.system = lowered.system
        self.values = Values(self.system)
        self.first = self.system.initial_states[0]
        self.varying = [item for item in self.values.items if self._varies(item)]
        self.varying.sort(key=lambda item: item.role in ("local", "ghost", "section"))
        self.holding = {short_name(h.name) for e in self.system.ledger for h in e.holders}
        self.marked: set[State] = set()
        self.taken: defaultdict[tuple[State, int], list[int]] = defaultdict(list)
        if violating is not None:
            for count, run in enumerate(_runs(violating)):
                states = states_along(self.system, run)
                self.marked.update(states)
                for number, action in enumerate(run.actions, 1):
                    at = states[number - 1], action
                    self.taken[at] += [number] if count == 0 else []

    def _varies(self, item: Item) -> bool:
        shown = item.show(self.first)
        return any(item.show(state) != shown for state in self.graph.number)

    def drawing(self) -> Drawing:
        """The graph in words."""
        edges: dict[tuple[str, str, str], list[tuple[State, Action]]] = {}
        failing: dict[str, Node] = {}
        for state, action, after in self.graph.steps:
            target = f"s{self.graph.number[after]}" if after is not None else None
            if target is None:
                node = self._failing(state, action)
                if node.id not in failing or node.marked:
                    failing[node.id] = node
                target = node.id
            key = (f"s{self.graph.number[state]}", target, self._label(action))
            edges.setdefault(key, []).append((state, action))
        title = f"states of {self.lowered.check.name}"
        return Drawing(
            "states",
            title,
            (*(self._node(s, n) for s, n in self.graph.number.items()), *failing.values()),
            tuple(self._edge(key, found) for key, found in edges.items()),
            tuple(self._notes()),
        )

    def _node(self, state: State, number: int) -> Node:
        wrong = self.graph.faults.get(state)
        lines = list(self._positions(state))
        shown = [
            short(f"{item.name} = {item.show(state)}", _VALUE)
            for item in self.varying
            if self._says(item, state)
        ]
        if len(shown) > _MOST_LINES:
            shown = [*shown[: _MOST_LINES - 1], f"and {len(shown) - _MOST_LINES + 1} more"]
        lines += shown
        if wrong is not None:
            lines.append(f"*** {wrong} ***")
        kind: NodeKind = "plain"
        if wrong is not None or (self._is_stuck_in(state)):
            kind = "fault"
        elif state in self.system.initial_states:
            kind = "start"
        elif self.system.all_ended(state):
            kind = "end"
        about = tuple(f"{item.name} = {item.show(state)}" for item in self.values.items)
        return Node(f"s{number}", tuple(lines), about, kind, marked=state in self.marked)

    def _says(self, item: Item, state: State) -> bool:
        """Whether this is worth a line: it differs, and is no forgotten or passed-on local."""
        value = item.show(state)
        if value == item.show(self.first):
            return False
        if item.name in self.holding:
            return value != "null"
        return item.role != "local" or (value != "null" and item.name.count(".") < 2)

    def _is_stuck_in(self, state: State) -> bool:
        """Whether this is where a run stops for ever."""
        if self.violating is None or not isinstance(self.violating.fault, Stuck):
            return False
        run = self.violating.run
        stops = self.violating.fault.loop == len(run.actions)
        return stops and state == states_along(self.system, run)[-1]

    def _positions(self, state: State) -> Iterator[str]:
        """`gup[0] :12  gup[1] end`, a few threads on each line."""
        words = []
        for thread in self.system.threads:
            where = "end"
            if state[thread.pc] != thread.end:
                span = thread.location_spans[state[thread.pc]]
                for action in self.graph.stepper.candidates(state):
                    if action.thread == thread.index:
                        span = shown_code(self.system, action, self.lowered.spec.path).span
                        break
                where = f":{span.line}" if span is not None else "?"
            words.append(f"{thread.name} {where}")
        yield from textwrap.wrap(", ".join(words), _VALUE) if words else ()

    def _label(self, action: Action) -> str:
        shown = shown_code(self.system, action, self.lowered.spec.path)
        code = " ".join((shown.detail or shown.code).split())
        return f"{self.system.threads[action.thread].name}: {short(code, _CODE)}"

    def _edge(self, key: tuple[str, str, str], found: Iterable[tuple[State, Action]]) -> Edge:
        before, after, label = key
        steps = sorted({n for s, action in found for n in self.taken.get((s, action.id), ())})
        marked = any((s, action.id) in self.taken for s, action in found)
        places, owner = [], 0
        for _, action in found:
            shown = shown_code(self.system, action, self.lowered.spec.path)
            choices = ", ".join(f"{name} = {value}" for name, value in action.choices)
            place = f"{shown.span.file.path}:{shown.span.line}  {shown.code}"
            places.append(f"{place}  [{choices}]" if choices else place)
            owner = action.thread
        about = tuple(dict.fromkeys(places))
        return Edge(before, after, label, about, owner, tuple(steps), marked)

    def _failing(self, state: State, action: Action) -> Node:
        """Where a step goes that fails its own check."""
        outcome = attempt(self.system, action, state)
        assert isinstance(outcome, Fails)
        check = action.tests[outcome.test]
        assert isinstance(check, Check)
        violation = check.violation
        return Node(
            f"f.{violation.id}.{self.graph.number[state]}",
            (f"*** {violation.id} ***",),
            (violation.message,),
            "fault",
            marked=(state, action.id) in self.taken,
        )

    def _notes(self) -> Iterator[str]:
        count = f"{many(len(self.graph.number), 'state')}, {many(len(self.graph.steps), 'step')}"
        yield f"{count}. A state says where its threads stand and what differs from the first one."
        if self.violating is not None:
            yield from ending(self.violating)
            if isinstance(self.violating.fault, LockCycle):
                yield "No one run is wrong: the other orders of the cycle are red too, unnumbered."
