"""A violating run as a graph: its states, and at each the steps that could have been taken instead.

What is beside the run is not followed, and a step that could have been taken earlier already is
drawn only there.
"""

from __future__ import annotations

from zdcheck.graphs.violating import Violating, ending
from zdcheck.ir.run import LockCycle
from zdcheck.ir.step import Fails, Goes, Stepper, attempt, state_faults
from zdcheck.ir.system import Action, Check, State
from zdcheck.pipeline import Lowered
from zdcheck.render.drawing import Drawing, Edge, Node, NodeKind
from zdcheck.trace.code import shown_code
from zdcheck.trace.model import Step
from zdcheck.trace.waiting import short

_MOST_CHANGES, _CHANGE, _CODE = 5, 60, 40


def path(lowered: Lowered, violating: Violating) -> Drawing:
    """The run and what is beside it."""
    drawn = _Path(lowered, violating.trace.blame.violation if violating.trace.blame else "")
    drawn.add(violating.trace.start, violating.trace.steps, "")
    for number, other in enumerate(violating.trace.others, 2):
        drawn.add(other.start, other.steps, f"run {number}")
    notes = [
        "Grey arrows: what could have been done instead, drawn where it first could.",
        *ending(violating),
    ]
    if isinstance(violating.fault, LockCycle):
        notes.append("No one run is wrong: together they take the locks in a cycle.")
    title = f"a run of {lowered.check.name}"
    return Drawing("path", title, tuple(drawn.nodes.values()), tuple(drawn.edges), tuple(notes))


class _Path:
    def __init__(self, lowered: Lowered, blamed: str) -> None:
        self.blamed = blamed
        self.lowered = lowered
        self.system = lowered.system
        self.stepper = Stepper(self.system)
        self.nodes: dict[str, Node] = {}
        self.edges: list[Edge] = []

    def add(self, start: int, steps: tuple[Step, ...], group: str) -> None:
        """One run, in a frame of its own if there are several."""
        state = self.system.initial_states[start]
        ids = {state: f"{group} 0".strip()}
        self.nodes[ids[state]] = Node(ids[state], ("the initial state",), (), "start", group, True)
        possible: set[int] = set()
        for step in steps:
            here = ids[state]
            action = self.system.actions[step.action]
            outcomes = list(self.stepper.outcomes(state))
            new = [one for one, _ in outcomes if one.id not in possible and one.id != action.id]
            possible = {one.id for one, _ in outcomes}
            outcome = attempt(self.system, action, state)
            after = outcome.state if isinstance(outcome, Goes) else None
            if after is None or after not in ids:
                number = f"{group} {step.number}".strip()
                self.nodes[number] = self._after(step, number, after, group)
                if after is not None:
                    ids[after] = number
            else:
                number = ids[after]
            self.edges.append(self._step(step, here, number))
            self._beside(state, here, new, action, group)
            state = state if after is None else after

    def _after(self, step: Step, id: str, state: State | None, group: str) -> Node:
        changes = [
            f"{c.variable}: {c.before} -> {c.after}"
            for c in step.changes
            if not (c.cleared and c.kind == "local")
        ]
        lines = [short(change, _CHANGE) for change in changes] or ["(nothing shown changes)"]
        if len(lines) > _MOST_CHANGES:
            lines = [*lines[: _MOST_CHANGES - 1], f"and {len(lines) - _MOST_CHANGES + 1} more"]
        is_wrong = state is None or next(state_faults(self.system, state), None) is not None
        if step.failed:
            lines = [f"*** {self.blamed} ***"]
        return Node(id, tuple(lines), tuple(changes), "fault" if is_wrong else "plain", group, True)

    def _step(self, step: Step, before: str, after: str) -> Edge:
        name = self.system.threads[step.thread].name
        code = " ".join((step.detail or step.code).split())
        about = (f"{step.shown.path}:{step.shown.line}  {step.code}",)
        label = f"{name}: {short(code, _CODE)}"
        return Edge(before, after, label, about, step.thread, (step.number,), True)

    def _beside(
        self, state: State, here: str, new: list[Action], taken: Action, group: str
    ) -> None:
        """One box for each thing that another thread could do, whatever choices it has."""
        found: dict[tuple[int, str], list[Action]] = {}
        for action in new:
            shown = shown_code(self.system, action, self.lowered.spec.path)
            code = " ".join((shown.detail or shown.code).split())
            if action.thread != taken.thread or action.location != taken.location or action.choices:
                found.setdefault((action.thread, code), []).append(action)
        for number, ((thread, code), actions) in enumerate(found.items()):
            id = f"{here} beside {number}"
            name = self.system.threads[thread].name
            lines = [f"{name}: {short(code, _CODE)}"]
            if len(actions) > 1:
                lines.append(f"({len(actions)} choices)")
            wrong = {w for one in actions if (w := self._wrong(state, one))}
            lines += [f"*** {one} ***" for one in sorted(wrong)]
            kind: NodeKind = "fault" if wrong else "end"
            about = tuple(
                ", ".join(f"{n} = {v}" for n, v in one.choices) for one in actions if one.choices
            )
            self.nodes[id] = Node(id, tuple(lines), about, kind, group)
            self.edges.append(Edge(here, id, ""))

    def _wrong(self, state: State, action: Action) -> str:
        """The violation that the step would be, "" if none."""
        match attempt(self.system, action, state):
            case Fails(test):
                check = action.tests[test]
                assert isinstance(check, Check)
                return check.violation.id
            case Goes(after):
                fault = next(state_faults(self.system, after), None)
                return "" if fault is None else "a violation"
            case _:
                return ""
