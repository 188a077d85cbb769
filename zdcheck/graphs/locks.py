"""Lock order: which class of locks is taken while which is held, by whom; cycles are marked."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import networkx as nx

from zdcheck.base.diagnostics import UsageError
from zdcheck.engines.choose import complete
from zdcheck.engines.protocol import Limits, NoneFound
from zdcheck.ir.expr import Const, Expr, Var, and_, eq, or_
from zdcheck.ir.system import Action, Cover, LockEdge, System
from zdcheck.pipeline import Lowered, did_you_mean
from zdcheck.render.drawing import Drawing, Edge, Node
from zdcheck.trace.code import shown_code
from zdcheck.trace.coverage import blind

Taking = tuple[str, str, str]
"""What is held, what is taken, by which family of threads."""


def lock_order(lowered: Lowered, limits: Limits, thread: str | None = None) -> Drawing:
    """The classes of locks that some run takes under each other.

    A search with nothing to find says which of the orders in the code really occur, also beyond
    a violation. If a limit stops it, all of them are drawn, and a note says so. With `thread` only
    what its family takes is drawn. Raises UsageError if there is no such thread.
    """
    system = lowered.system
    takings = _takings(system)
    if thread is not None:
        families = {t.name: t.family for t in system.threads} | {
            t.family: t.family for t in system.threads
        }
        if thread not in families:
            raise UsageError(f"no thread `{thread}`{did_you_mean(thread, families)}")
        takings = {key: found for key, found in takings.items() if key[2] == families[thread]}
    occurring = _occurring(system, takings, limits)
    notes = []
    if occurring is None:
        notes.append("not every state was searched: some of these orders may be impossible")
        occurring = set(takings)
    order: nx.DiGraph[str] = nx.DiGraph()
    order.add_edges_from((held, taken) for held, taken, _ in sorted(occurring) if held != taken)
    rings = [part for part in nx.strongly_connected_components(order) if len(part) > 1]
    ring_of = {name: number for number, part in enumerate(rings) for name in part}
    notes += [f"a cycle: {_cycle(order, part)}" for part in sorted(rings, key=sorted)]
    if not notes and not occurring:
        notes.append("no lock is taken while another is held")
    elif not rings:
        notes.append("no cycle")
    owners = {family: n for n, family in enumerate(dict.fromkeys(t.family for t in system.threads))}
    names = sorted({name for held, taken, _ in occurring for name in (held, taken)})
    nodes = tuple(
        Node(name, (name,), kind="fault" if name in ring_of else "plain", marked=name in ring_of)
        for name in names
    )
    edges = tuple(
        Edge(
            held,
            taken,
            f"{family} {', '.join(_lines(lowered, takings[held, taken, family]))}",
            tuple(_places(lowered, takings[held, taken, family])),
            owners[family],
            marked=held != taken and held in ring_of and ring_of[held] == ring_of.get(taken),
        )
        for held, taken, family in sorted(occurring)
    )
    return Drawing("locks", f"lock order of {system.name}", nodes, edges, tuple(notes))


def _takings(system: System) -> dict[Taking, list[tuple[Action, LockEdge]]]:
    found: defaultdict[Taking, list[tuple[Action, LockEdge]]] = defaultdict(list)
    for action in system.actions:
        for edge in action.lock_edges:
            family = system.threads[action.thread].family
            found[edge.held, edge.taken, family].append((action, edge))
    return dict(found)


def _occurring(
    system: System, takings: dict[Taking, list[tuple[Action, LockEdge]]], limits: Limits
) -> set[Taking] | None:
    """Those that some run does; None if that could not be searched."""
    if not takings:
        return set()
    span = system.actions[0].span
    covers = tuple(
        Cover(str(number), or_(*(_taken(system, *one) for one in found)), None, span)
        for number, found in enumerate(takings.values())
    )
    seeing = replace(blind(system, frozenset()), covers=covers)
    claim = complete(seeing).engine.solve(seeing, limits, lambda progress: None)
    if not isinstance(claim, NoneFound):
        return None
    return {taking for number, taking in enumerate(takings) if number in claim.covers}


def _taken(system: System, action: Action, edge: LockEdge) -> Expr:
    """Whether the step is possible and takes the lock while the other one is held."""
    at = eq(Var(system.threads[action.thread].pc), Const(action.location))
    return and_(at, *(test.condition for test in action.tests), edge.when)


def _cycle(order: nx.DiGraph[str], ring: set[str]) -> str:
    edges = nx.find_cycle(order.subgraph(ring), min(ring))
    names = [edge[0] for edge in edges]
    return " -> ".join((*names, names[0]))


def _lines(lowered: Lowered, found: list[tuple[Action, LockEdge]]) -> list[str]:
    spans = (shown_code(lowered.system, action, lowered.spec.path).span for action, _ in found)
    return [f":{line}" for line in dict.fromkeys(span.line for span in spans)]


def _places(lowered: Lowered, found: list[tuple[Action, LockEdge]]) -> dict[str, None]:
    shown = (shown_code(lowered.system, action, lowered.spec.path) for action, _ in found)
    return dict.fromkeys(f"{one.span.file.path}:{one.span.line} {one.code}" for one in shown)
