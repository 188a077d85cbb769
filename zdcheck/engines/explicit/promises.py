"""Progress properties in C: goals, triggers, fairness, and where a fair thread can stay.

A thread that has fairness leaves a location for good if no way of its program leads back there. If it
can also step in every state in which it is there, no fair loop goes through such a state: in the
loop it would have to step, and could not come back. So only states in which each such
thread may linger need to be looked at in detail (`zd_may_linger`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from zdcheck.engines.explicit.expressions import Expressions, unsigned
from zdcheck.engines.explicit.tree import Branch, Cases, Fire, Node, Require, decide
from zdcheck.ir.expr import TRUE, Const, Expr, Op, Var
from zdcheck.ir.interval import interval
from zdcheck.ir.system import Action, ProgressProperty, System, Thread

_FAIRNESS = {"none": "FAIR_NONE", "weak": "FAIR_WEAK", "strong": "FAIR_STRONG"}


def promises_text(system: System, expressions: Expressions, load: str) -> Iterator[str]:
    """What `model.h` asks for about promises. `load` declares the words of a state `s`."""
    yield _table("zd_fairness", [_FAIRNESS[thread.fairness] for thread in system.threads])
    yield _table("zd_promise", [_kind(system, progress) for progress in system.progress])
    goals = [progress.goal for progress in system.progress]
    yield from _conditions("zd_goal", goals, expressions, load)
    triggers = [progress.trigger or TRUE for progress in system.progress]
    yield from _conditions("zd_trigger", triggers, expressions, load)
    yield f"bool zd_may_linger(const uint64_t *s)\n{{\n{load}"
    if system.progress:
        for thread in system.threads:
            yield from _leaves(thread, left_for_good(system, thread), expressions)
    yield "    return true;\n}\n"


def _table(name: str, values: Sequence[str]) -> str:
    """C has no empty arrays, so there is always a 0 at the end."""
    return f"const uint8_t {name}[] = {{{', '.join([*values, '0'])}}};\n"


def _kind(system: System, progress: ProgressProperty) -> str:
    match progress.form:
        case "infinitely_often":
            return "PROMISE_AGAIN"
        case "leads_to":
            return "PROMISE_AFTER"
        case "eventually" | "terminates":
            # What lasts once it is so never was before a loop without it.
            return "PROMISE_AGAIN" if lasts(system, progress.goal) else "PROMISE_ONCE"


def lasts(system: System, condition: Expr) -> bool:
    """Whether the condition is certain to stay true once it is: it says only that threads have ended."""
    match condition:
        case Const():
            return True
        case Op("eq", (Var(pc), Const(value))):
            return any(thread.pc == pc and thread.end == value for thread in system.threads)
        case Op("and" | "or", args):
            return all(lasts(system, arg) for arg in args)
        case _:
            return False


def _conditions(
    name: str, conditions: Sequence[Expr], expressions: Expressions, load: str
) -> Iterator[str]:
    yield f"bool {name}(const uint64_t *s, uint32_t promise)\n{{\n{load}    switch (promise) {{\n"
    for number, condition in enumerate(conditions):
        yield f"    case {number}: return {expressions.condition(condition)};\n"
    yield "    default: return false;\n    }\n}\n"


def _leaves(thread: Thread, locations: frozenset[int], expressions: Expressions) -> Iterator[str]:
    """Returns false at these locations of the thread."""
    if not locations:
        return
    low = expressions.layout.fields[thread.pc].low
    words = [0] * ((thread.end - low) // 64 + 1)
    for location in locations:
        words[(location - low) // 64] |= 1 << (location - low) % 64
    table = ", ".join(map(unsigned, words))
    pc = expressions.raw(thread.pc)
    yield f"    static const uint64_t left_{thread.index}[] = {{{table}}};\n"
    yield (f"    if (left_{thread.index}[{pc} / 64] >> ({pc} % 64) & 1)\n        return false;\n")


# --- locations --------------------------------------------------------------------------


def left_for_good(system: System, thread: Thread) -> frozenset[int]:
    """The locations that a fair thread always leaves and never comes back to."""
    if thread.fairness == "none":
        return frozenset()
    # Few specs have a fair thread, and the library takes longer to import than most take to lower.
    import networkx as nx

    at: defaultdict[int, list[Action]] = defaultdict(list)
    for action in system.actions:
        if action.thread == thread.index:
            at[action.location].append(action)
    ways: nx.DiGraph[int] = nx.DiGraph()
    for location, actions in at.items():
        for action in actions:
            ways.add_edges_from((location, after) for after in _goes_to(system, thread, action))
    returns = {
        location
        for component in nx.strongly_connected_components(ways)
        for location in component
        if len(component) > 1 or ways.has_edge(location, location)
    }
    return frozenset(
        location
        for location, actions in at.items()
        if location not in returns and can_always_step(system, decide(actions))
    )


def _goes_to(system: System, thread: Thread, action: Action) -> range | tuple[int, ...]:
    """Where the thread may be after its step."""
    for variable, value in action.updates:
        if variable == thread.pc:
            low, high = interval(value, lambda id: system.variables[id].type)
            return range(low, high + 1)
    return (action.location,)


def can_always_step(system: System, nodes: Sequence[Node]) -> bool:
    """Whether one of the decisions is possible in every state. False where that is not certain."""
    for node in nodes:
        match node:
            case Fire():
                return True
            case Branch(_, then, otherwise):
                if can_always_step(system, then) and can_always_step(system, otherwise):
                    return True
            case Cases(subject, cases):
                values = [value for value, then in cases if can_always_step(system, then)]
                low, high = interval(subject, lambda id: system.variables[id].type)
                if set(range(low, high + 1)) <= set(values):
                    return True
            case Require(_, _, then):
                # A step whose check fails is a step.
                if can_always_step(system, then):
                    return True
    return False
