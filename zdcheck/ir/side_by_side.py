"""Two systems as one that does what either does: the first initial states are one's, the rest the other's.

Each run stays on the side where it begins. The state graph is that of both, side by side, so one
search sees both. Nothing is wrong in it: a step that would fail a check is not possible, and nothing
else is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from zdcheck.ir.expr import BOOL, VarId
from zdcheck.ir.substitute import renumbered
from zdcheck.ir.system import Action, ActionId, Guard, State, System, Thread, Variable


@dataclass(frozen=True, slots=True)
class SideBySide:
    """`system` has the initial states of the first system before those of the second, from number
    `split` on, and its actions before those of the second, from number `others` on.
    """

    system: System
    split: int
    others: ActionId


def side_by_side(first: System, second: System) -> SideBySide:
    """Variables of the same name and type are one, but for where threads are."""
    variables = list(first.variables)
    known = {(v.name, v.type): v.id for v in first.variables if v.role != "pc"}
    ids: dict[VarId, VarId] = {}
    for variable in second.variables:
        same = known.get((variable.name, variable.type)) if variable.role != "pc" else None
        ids[variable.id] = VarId(len(variables)) if same is None else same
        if same is None:
            variables.append(replace(variable, id=ids[variable.id], thread=None))
    side = VarId(len(variables))
    variables.append(Variable(side, "<side>", BOOL, "shared", "<side>"))
    # The threads of the other side have ended: no action begins there.
    ends = {thread.pc: thread.end for thread in first.threads}
    ends |= {ids[thread.pc]: thread.end for thread in second.threads}
    idle = tuple(ends.get(v.id, v.type.low) for v in variables)
    own = {v.id: v.id for v in first.variables}
    states = [
        *(_placed(idle, own, state, 0) for state in first.initial_states),
        *(_placed(idle, ids, state, 1) for state in second.initial_states),
    ]
    threads = [replace(thread, daemon=True, fairness="none") for thread in first.threads]
    threads += [_thread(thread, len(first.threads), ids) for thread in second.threads]
    actions = [_action(action, 0, 0, own) for action in first.actions]
    actions += [
        _action(action, len(first.actions), len(first.threads), ids) for action in second.actions
    ]
    system = System(
        f"{first.name} beside {second.name}",
        tuple(variables),
        (),
        tuple(threads),
        tuple(states),
        tuple(actions),
        ledger=(),
        properties=(),
        covers=(),
        statements=(),
    )
    return SideBySide(system, len(first.initial_states), ActionId(len(first.actions)))


def _placed(idle: State, ids: Mapping[VarId, VarId], state: State, side: int) -> State:
    """The state among variables that are idle; the last one says which side it is."""
    values = [*idle[:-1], side]
    for number, value in enumerate(state):
        values[ids[VarId(number)]] = value
    return tuple(values)


def _thread(thread: Thread, before: int, ids: Mapping[VarId, VarId]) -> Thread:
    return replace(
        thread, index=before + thread.index, pc=ids[thread.pc], daemon=True, fairness="none"
    )


def _action(action: Action, actions: int, threads: int, ids: Mapping[VarId, VarId]) -> Action:
    return replace(
        action,
        id=ActionId(actions + action.id),
        thread=threads + action.thread,
        tests=tuple(Guard(renumbered(test.condition, ids)) for test in action.tests),
        updates=tuple((ids[id], renumbered(value, ids)) for id, value in action.updates),
        reads=frozenset(ids[id] for id in action.reads),
        writes=frozenset(ids[id] for id in action.writes),
        stores=frozenset(ids[id] for id in action.stores),
        statements=frozenset(),
        accesses=(),
        lock_edges=(),
    )
