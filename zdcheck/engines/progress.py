"""The reference search for broken progress properties: fair loops in an explicit graph.

A set of states that are strongly connected can all be visited again and again, with every step
between them. The run that does so is fair if the set is fair to each thread as a whole
(`_unfair_to`). For weak fairness a larger set is only fairer, so the largest sets (the strongly connected
components) decide. Strong fairness needs more: if a thread can step somewhere in a component but never
does within it, then a fair run keeps away from those states, and what is left of the component is
searched again (Emerson and Lei; Streett's condition).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field

import networkx as nx

from zdcheck.ir.evaluate import evaluator
from zdcheck.ir.progress import possible_threads
from zdcheck.ir.run import Run, Stuck
from zdcheck.ir.step import Goes, Stepper
from zdcheck.ir.system import ActionId, ProgressProperty, State, System


@dataclass
class Graph:
    """Every reachable state of a system, its steps, and the threads that can step in it.

    `look` is called for each state, and may end the work by raising something.
    """

    system: System
    look: Callable[[], None] = lambda: None
    steps: nx.MultiDiGraph[State] = field(default_factory=nx.MultiDiGraph)
    possible: dict[State, frozenset[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        stepper = Stepper(self.system)
        pending = list(self.system.initial_states)
        self.steps.add_nodes_from(pending)
        while pending:
            self.look()
            state = pending.pop()
            self.possible[state] = possible_threads(stepper, state)
            for action, outcome in stepper.outcomes(state):
                if isinstance(outcome, Goes):
                    if outcome.state not in self.steps:
                        pending.append(outcome.state)
                    self.steps.add_edge(state, outcome.state, key=action.id)

    def thread(self, action: ActionId) -> int:
        """The thread of an action."""
        return self.system.actions[action].thread


def first_broken(graph: Graph) -> tuple[Stuck, Run] | None:
    """The first progress property that some fair run breaks, with a short such run."""
    for number, progress in enumerate(graph.system.progress):
        search = _Search(graph, progress)
        best = search.lasso()
        if best is not None:
            run = Run(best.stem.initial, (*best.stem.actions(), *best.loop))
            return Stuck(number, best.stem.length), run
    return None


def triggered(graph: Graph) -> frozenset[int]:
    """The progress properties whose trigger holds in some state."""
    return frozenset(
        number
        for number, progress in enumerate(graph.system.progress)
        if progress.trigger is not None and any(map(evaluator(progress.trigger), graph.steps))
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """A run of `length` steps: from initial state number `initial`, or `action` after `before`."""

    length: int
    initial: int
    before: _Way | None = None
    action: ActionId | None = None

    def then(self, action: ActionId) -> _Way:
        """One step more."""
        return _Way(self.length + 1, self.initial, self, action)

    def actions(self) -> tuple[ActionId, ...]:
        """The steps, in order."""
        way, actions = self, []
        while way.before is not None and way.action is not None:
            actions.append(way.action)
            way = way.before
        return tuple(reversed(actions))


@dataclass(frozen=True, slots=True)
class _Found:
    stem: _Way
    loop: tuple[ActionId, ...]

    @property
    def length(self) -> int:
        return self.stem.length + len(self.loop)


class _Search:
    """The search for one property."""

    def __init__(self, graph: Graph, progress: ProgressProperty) -> None:
        self.graph = graph
        self.progress = progress
        self.goal = evaluator(progress.goal)
        pending = [state for state in graph.steps if not self.goal(state)]
        self.unfulfilled = graph.steps.subgraph(pending)
        """The states without the goal: a run that breaks the promise stays among them."""

    def lasso(self) -> _Found | None:
        """A lasso of few steps that breaks the promise: of equally short ones, the shortest stem."""
        ways = self._ways()
        reached = self.unfulfilled.subgraph(ways)
        best: _Found | None = None
        resting = [state for state in ways if may_stop(self.graph, state)]
        if resting:
            best = _Found(min((ways[s] for s in resting), key=lambda way: way.length), ())
        for component in fair_components(self.graph, reached):
            for entry in sorted(component, key=lambda state: (ways[state].length, state)):
                if best is not None and ways[entry].length >= best.length:
                    break
                most = None if best is None else best.length - ways[entry].length - 1
                loop = self._loop(entry, component, most)
                if loop is not None:
                    best = _Found(ways[entry], loop)
        return best

    def _ways(self) -> Mapping[State, _Way]:
        """Shortest runs to the states in which the promise is open and has not been kept since."""
        system, graph = self.graph.system, self.graph
        initial = {state: _Way(0, n) for n, state in reversed([*enumerate(system.initial_states)])}
        match self.progress.form:
            case "infinitely_often":
                ways = _shortest(graph.steps, initial)
                return {state: ways[state] for state in self.unfulfilled}
            case "eventually" | "terminates":
                return _shortest(
                    self.unfulfilled, {s: run for s, run in initial.items() if not self.goal(s)}
                )
            case "leads_to":
                assert self.progress.trigger is not None
                trigger = evaluator(self.progress.trigger)
                all_ways = _shortest(graph.steps, initial)
                return _shortest(
                    self.unfulfilled, {s: all_ways[s] for s in self.unfulfilled if trigger(s)}
                )

    def _loop(
        self, entry: State, component: Set[State], most: int | None
    ) -> tuple[ActionId, ...] | None:
        """A shortest way round inside the component that is fair, of few context switches.

        None if it has more than `most` steps. Dijkstra's algorithm over states, the threads that the way has been fair to so far, and the
        thread of its last step.
        """
        graph = self.graph
        wanted = _needs_care(graph, component)

        def done(state: State) -> frozenset[int]:
            return frozenset(
                t
                for t in wanted
                if graph.system.threads[t].fairness == "weak" and t not in graph.possible[state]
            )

        start = (entry, done(entry), -1)
        cost = {start: (0, 0)}
        before: dict[object, tuple[tuple[State, frozenset[int], int], ActionId]] = {}
        heap = [((0, 0), 0, start)]
        count = 0
        while heap:
            (steps, switches), _, node = heapq.heappop(heap)
            state, kept, last = node
            if state == entry and kept == wanted and steps > 0:
                return _actions(before, start, node)
            if cost[node] < (steps, switches):
                continue
            for _, after, action in graph.steps.edges(state, keys=True):
                if after not in component:
                    continue
                thread = graph.thread(action)
                following = (after, kept | done(after) | ({thread} & wanted), thread)
                price = (steps + 1, switches + (last not in (-1, thread)))
                if most is not None and price[0] > most:
                    continue
                if price >= cost.get(following, (steps + 2, 0)):
                    continue
                cost[following] = price
                before[following] = (node, action)
                count += 1
                heapq.heappush(heap, (price, count, following))
        assert most is not None, "a fair component has a fair loop through each of its states"
        return None


def _actions(
    before: Mapping[object, tuple[tuple[State, frozenset[int], int], ActionId]],
    start: object,
    node: tuple[State, frozenset[int], int],
) -> tuple[ActionId, ...]:
    actions = []
    while node != start:
        node, action = before[node]
        actions.append(action)
    return tuple(reversed(actions))


def _shortest(steps: nx.MultiDiGraph[State], starts: Mapping[State, _Way]) -> dict[State, _Way]:
    """Shortest runs to the states of a graph that go on from one of the runs `starts`."""
    ways: dict[State, _Way] = {}
    late = sorted(starts.items(), key=lambda start: start[1].length, reverse=True)
    level: dict[State, _Way] = {}
    length = 0
    while level or late:
        while late and late[-1][1].length <= length:
            level.setdefault(*late.pop())
        following: dict[State, _Way] = {}
        for state, way in level.items():
            if state not in ways:
                ways[state] = way
                for _, after, action in steps.edges(state, keys=True):
                    following.setdefault(after, way.then(action))
        level, length = following, length + 1
    return ways


# --- fairness ---------------------------------------------------------------------------


def fair_components(graph: Graph, steps: nx.MultiDiGraph[State]) -> Iterator[Set[State]]:
    """Sets of states through which a fair run can go round for ever, as large as possible."""
    for component in nx.strongly_connected_components(steps):
        if not any(True for _ in inner_steps(graph, component)):
            continue
        avoided = _unfair_to(graph, component)
        if not avoided:
            yield component
        elif all(graph.system.threads[t].fairness == "strong" for t in avoided):
            rest = [state for state in component if not avoided & graph.possible[state]]
            yield from fair_components(graph, steps.subgraph(rest))


def inner_steps(graph: Graph, component: Set[State]) -> Iterator[ActionId]:
    """The steps that begin and end in the component."""
    for state in component:
        for _, after, action in graph.steps.edges(state, keys=True):
            if after in component:
                yield action


def may_stop(graph: Graph, state: State) -> bool:
    """Whether a run may stay in the state for ever: no thread that has fairness can step."""
    return all(graph.system.threads[t].fairness == "none" for t in graph.possible[state])


def _unfair_to(graph: Graph, component: Set[State]) -> frozenset[int]:
    """The threads to which no run that stays in the component and visits all of it is fair."""
    stepping = {graph.thread(action) for action in inner_steps(graph, component)}
    unfair = set()
    for thread in graph.system.threads:
        can = [thread.index in graph.possible[state] for state in component]
        if thread.index in stepping or thread.fairness == "none":
            continue
        if any(can) if thread.fairness == "strong" else all(can):
            unfair.add(thread.index)
    return frozenset(unfair)


def _needs_care(graph: Graph, component: Iterable[State]) -> frozenset[int]:
    """The threads that a loop in the component may be unfair to."""
    possible = [graph.possible[state] for state in component]
    return frozenset(
        thread.index
        for thread in graph.system.threads
        if thread.fairness != "none" and any(thread.index in threads for threads in possible)
    )
