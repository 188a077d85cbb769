"""Steps of a template: where threads stop, and which locals matter there.

A step makes one shared access (one node, or one atomic block) and then all local work up to
the next stop. A stop is right before a node that touches shared state, makes a choice or waits.
A loop without shared access gets a stop too, or its step would never end; `for` loops do not:
they end by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from zdcheck.ir.expr import Const
from zdcheck.ir.parametric import (
    SELF,
    Assignment,
    Choose,
    Do,
    End,
    Family,
    FamilyId,
    Fork,
    Node,
    NodeId,
    Template,
    Term,
    Test,
    cells_of,
)


def successors(node: Node) -> tuple[NodeId, ...]:
    """Where control can go on; a test on a constant has only one way."""
    match node.instruction:
        case Test(Const(value)):
            return (node.successors[0 if value else 1],)
        case _:
            return node.successors


def reachable(template: Template) -> list[Node]:
    """The nodes that control flow can reach, by number."""
    seen = {template.entry}
    pending = [template.entry]
    while pending:
        for after in successors(template.nodes[pending.pop()]):
            if after not in seen:
                seen.add(after)
                pending.append(after)
    return [template.nodes[id] for id in sorted(seen)]


def updates_of(node: Node) -> tuple[Assignment, ...]:
    """The updates that a node may make."""
    match node.instruction:
        case Do(_, updates) | Choose(_, _, _, _, _, updates) | Test(_, updates):
            return updates
        case Fork() | End():
            return ()


def written_families(template: Template) -> set[FamilyId]:
    """The families that the template's reachable code writes."""
    return {u.cell.family for node in reachable(template) for u in updates_of(node)}


@dataclass(frozen=True)
class Shape:
    """What the step rules say about each node of a template."""

    shared: frozenset[NodeId]
    """Nodes that make (or belong to an atomic block that makes) a shared access."""
    stops: frozenset[NodeId]
    """Nodes before which a step ends once it had its access."""
    cuts: frozenset[NodeId]
    """Nodes before which every step ends: one in each loop without shared access."""


def shape(template: Template, mutable: set[FamilyId]) -> Shape:
    """The stops of a template; `mutable` are the families that some thread writes."""
    nodes = reachable(template)
    touching: set[NodeId] = set()
    stopping: set[NodeId] = set()
    for node in nodes:
        if node.ghost:
            continue
        if any(touch.family in mutable for touch in node.touches):
            touching.add(node.id)
            stopping.add(node.id)
        elif node.waits or (isinstance(node.instruction, Choose | Fork) and not node.walks):
            stopping.add(node.id)
    by_group: dict[int, list[NodeId]] = {}
    for node in nodes:
        if node.group is not None:
            by_group.setdefault(node.group, []).append(node.id)
    for members in by_group.values():
        if touching.intersection(members):
            touching.update(members)
        if stopping.intersection(members):
            stopping.update(members)
    return Shape(frozenset(touching), frozenset(stopping), frozenset(_cuts(template, touching)))


def _cuts(template: Template, shared: set[NodeId]) -> set[NodeId]:
    """A node in every loop without shared access that is not inside one atomic block and no `for`."""

    def inner(node: Node) -> bool:
        return node.id not in shared and not node.concretize

    def onward(node: Node) -> Iterator[NodeId]:
        for after in successors(node):
            if node.group is None or template.nodes[after].group != node.group:
                yield after

    found: set[NodeId] = set()
    state: dict[NodeId, int] = {}
    for root in reachable(template):
        if not inner(root) or root.id in state:
            continue
        state[root.id] = 1
        stack: list[tuple[NodeId, Iterator[NodeId]]] = [(root.id, onward(root))]
        while stack:
            here, rest = stack[-1]
            for after in rest:
                if not inner(template.nodes[after]):
                    continue
                if state.get(after) == 1:
                    found.add(after)
                elif after not in state:
                    state[after] = 1
                    stack.append((after, onward(template.nodes[after])))
                    break
            else:
                state[here] = 2
                stack.pop()
    return found


def is_step_end(
    template: Template, rules: Shape, node: Node, after: NodeId, accessed: bool
) -> bool:
    """Whether a step that has just run `node` ends before `after`; `accessed`: it had its access."""
    following = template.nodes[after]
    if node.group is not None and node.group == following.group:
        return False
    if isinstance(following.instruction, End) or after in rules.cuts:
        return True
    return accessed and after in rules.stops


def locations(template: Template, rules: Shape, starts: set[NodeId]) -> tuple[NodeId, ...]:
    """The stops that threads can really stand at, from `starts` on; the end is last."""
    found = set(starts)
    pending = list(starts)
    while pending:
        for stop in _next_stops(template, rules, pending.pop()):
            if stop not in found:
                found.add(stop)
                pending.append(stop)
    end = next(n.id for n in template.nodes if isinstance(n.instruction, End))
    return (*sorted(found - {end}), end)


def _next_stops(template: Template, rules: Shape, start: NodeId) -> set[NodeId]:
    found: set[NodeId] = set()
    seen: set[tuple[NodeId, bool]] = set()
    pending = [(start, False)]
    while pending:
        here, accessed = pending.pop()
        if (here, accessed) in seen:
            continue
        seen.add((here, accessed))
        node = template.nodes[here]
        accessed = accessed or here in rules.shared
        for after in successors(node):
            if is_step_end(template, rules, node, after, accessed):
                found.add(after)
            else:
                pending.append((after, accessed))
    return found


# --- liveness ---------------------------------------------------------------------------


def _terms(node: Node) -> Iterator[Term]:
    """Every term that a node evaluates."""
    for requirement in node.requirements:
        yield requirement.condition
    yield from node.concretize
    match node.instruction:
        case Do(guard, _):
            yield guard
        case Test(condition, _):
            yield condition
        case Choose(_, _, _, _, where, _):
            yield where
        case Fork() | End():
            pass
    for update in updates_of(node):
        yield update.value
        yield from update.cell.index


def _uses(node: Node) -> set[FamilyId]:
    return {cell.family for term in _terms(node) for cell in cells_of(term)}


def _defines(node: Node, families: tuple[Family, ...]) -> set[FamilyId]:
    """Locals that the node overwrites whole, whichever way control goes on."""
    if isinstance(node.instruction, Test):
        return set()
    defined = set()
    for update in updates_of(node):
        family = families[update.cell.family]
        whole = len(family.dimensions) == 1 + len(update.over)
        if family.role == "local" and update.cell.index[:1] == (SELF,) and whole:
            defined.add(family.id)
    return defined


def live_locals(
    template: Template, families: tuple[Family, ...]
) -> dict[NodeId, frozenset[FamilyId]]:
    """For each reachable node, the locals whose value may still be read when control is before it."""
    nodes = reachable(template)
    mine = {f.id for f in families if f.role == "local" and f.template == template.name}
    uses = {node.id: _uses(node) & mine for node in nodes}
    defines = {node.id: _defines(node, families) for node in nodes}
    before: dict[NodeId, set[FamilyId]] = {node.id: set() for node in nodes}
    predecessors: dict[NodeId, list[NodeId]] = {node.id: [] for node in nodes}
    for node in nodes:
        for after in successors(node):
            predecessors[after].append(node.id)
    pending = [node.id for node in nodes]
    while pending:
        here = pending.pop()
        live: set[FamilyId] = set()
        for after in successors(template.nodes[here]):
            live |= before[after]
        live = uses[here] | (live - defines[here])
        if live != before[here]:
            before[here] = live
            pending.extend(predecessors[here])
    return {id: frozenset(live) for id, live in before.items()}


def with_steps(
    template: Template, rules: Shape, starts: set[NodeId], families: tuple[Family, ...]
) -> Template:
    """The template with its stops and what is live there; `starts` are where threads begin."""
    stops = locations(template, rules, starts)
    live = live_locals(template, families)
    return replace(template, stops=stops, live=tuple(live.get(stop, frozenset()) for stop in stops))
