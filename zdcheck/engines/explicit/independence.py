"""Partial order: steps of different threads that commute in every state, from what they read and write.

After step `a` of one thread, thread t *sleeps* if t could step before `a` too, all its steps there
are independent of `a`, and they rank below `a`. What a sleeping thread's steps lead to need not
be looked up: it is known, or another state of the same level leads there as well. The runtime
(`runtime/partial_order.h`) decides that in each state from the tables that are made here.

Steps a and b are *independent* if neither writes what the other touches. A step touches every
variable that any test of any action of its thread at its location reads, and what its own updates
read and write. So a neither enables nor disables anything of b's thread nor changes what b does:
b leads from the state after a to where a leads from the state after b. Only variables that one thread
writes and another one touches count. There are 64 places for them, and where there are more
variables, some share one, which makes fewer steps independent and is sound.

Why nothing is missed. Let a state s' be d + 1 steps from the start. Of all pairs of a state at depth d
and a step from it to s', take one whose step b ranks highest, and let s be its state.
If b's thread sleeps in s, then s was reached from some p at depth d - 1 by an `a` that ranks
higher than b, b is possible in p and leads to some q, and a leads from q to s'. The depth of q is d, because that
of s' is d + 1; so (q, a) is a pair whose step ranks higher, and that cannot be. So b's thread does not
sleep in s, and s' is found, at its depth. It makes no difference which of the ways to a state
came first, and so none how many workers there are.

Every reachable state is visited at its depth, and every step is still made and judged there;
only the look-up is saved. So nothing that is checked of states and steps can change: ledger,
invariants, `finally`, failed checks, deadlocks, lock order, covers, coverage. Of what a search finds it is
only the list of *edges between states* that has gaps, and no property of paths (`progress`)
may be read off that.

With symmetry a state stands for its orbit, and the argument is about orbits: ranks are the same
for steps that are images of each other, because they depend on the class of the thread and the
location only. Where all states of an orbit have one representative, the levels are exactly those of
a search without the reduction. Where one may have several, each orbit is still met at its depth, but which of
them are met would depend on the order, so the engine leaves the reduction out there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from zdcheck.engines.explicit.symmetry import Orbit
from zdcheck.ir.expr import VarId, variables_of
from zdcheck.ir.system import Action, System

PLACES = 64
"""Bits of a word."""


@dataclass(frozen=True, slots=True)
class Independence:
    """By action: the places that it touches, those that it writes (sets of bits), and its rank."""

    touched: tuple[int, ...]
    written: tuple[int, ...]
    ranks: tuple[int, ...]


def independence_of(system: System, orbits: Sequence[Orbit]) -> Independence:
    """The tables of a system that is searched up to these symmetries."""
    tested: dict[tuple[int, int], set[VarId]] = {}
    for action in system.actions:
        at = tested.setdefault((action.thread, action.location), {system.threads[action.thread].pc})
        for test in action.tests:
            at.update(variables_of(test.condition))
    touched = [tested[a.thread, a.location] | _updated(a) for a in system.actions]
    written = [{id for id, _ in action.updates} for action in system.actions]
    places = _places(system, touched, written)
    classes = _thread_classes(system, orbits)
    locations = 1 + max((thread.end for thread in system.threads), default=0)
    return Independence(
        tuple(_bits(places, variables) for variables in touched),
        tuple(_bits(places, variables) for variables in written),
        tuple(classes[a.thread] * locations + a.location for a in system.actions),
    )


def _updated(action: Action) -> set[VarId]:
    """What the updates of an action write and read."""
    ids = {id for id, _ in action.updates}
    for _, value in action.updates:
        ids.update(variables_of(value))
    return ids


def _places(
    system: System, touched: Sequence[set[VarId]], written: Sequence[set[VarId]]
) -> Mapping[VarId, int]:
    """A place for each variable that one thread writes and another touches."""
    users: dict[VarId, set[int]] = {}
    writes: set[VarId] = set()
    for action in system.actions:
        for id in touched[action.id]:
            users.setdefault(id, set()).add(action.thread)
        writes |= written[action.id]
    contested = sorted(id for id in writes if len(users[id]) > 1)
    return {id: number % PLACES for number, id in enumerate(contested)}


def _bits(places: Mapping[VarId, int], variables: Iterable[VarId]) -> int:
    bits = 0
    for id in variables:
        if id in places:
            bits |= 1 << places[id]
    return bits


def _thread_classes(system: System, orbits: Sequence[Orbit]) -> list[int]:
    """For each thread the first of those that it may be exchanged with."""
    classes = list(range(len(system.threads)))
    for orbit in orbits:
        if orbit.kind.is_thread:
            first = orbit.kind.first
            classes[first : first + orbit.kind.size] = [first] * orbit.kind.size
    return classes
