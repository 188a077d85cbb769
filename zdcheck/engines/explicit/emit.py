"""The C text of one system: its successors, its faults, and what else `runtime/model.h` asks for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from zdcheck.engines.explicit.canonical import Canonical
from zdcheck.engines.explicit.expressions import Expressions, unsigned
from zdcheck.engines.explicit.independence import Independence
from zdcheck.engines.explicit.layout import Layout
from zdcheck.engines.explicit.promises import promises_text
from zdcheck.engines.explicit.tree import Branch, Cases, Fire, Node, Require, decide
from zdcheck.engines.faults import check_numbers
from zdcheck.ir.expr import Const, Expr, Op, Var, VarId
from zdcheck.ir.system import Action, System, Violation

NOTE_EDGES = 1
NOTE_FAILED = 2
"""As in model.h."""

ACTIONS_PER_FUNCTION = 64
"""Locations are put into functions of about this many actions, to bound what a compiler sees at once."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A condition to watch for: of the cover, property or progress property of that number."""

    kind: Literal["cover", "antecedent", "trigger"]
    number: int


@dataclass(frozen=True, slots=True)
class Program:
    """A system in C, and how to understand what it reports.

    `watched` are the conditions by number, `edges` the pairs of lock classes; `key` identifies
    the text.
    """

    text: str
    key: int
    layout: Layout
    watched: tuple[Watched, ...]
    edges: tuple[tuple[str, str], ...]
    actions: int


def emit(
    system: System,
    layout: Layout,
    independence: Independence,
    canonical: Canonical | None = None,
    violation_classes: Mapping[Violation, int] | None = None,
    entry_classes: Sequence[int] | None = None,
) -> Program:
    """The program of `system`.

    `independence` is what a partial order needs, `canonical` what symmetry there is (None for none).
    `violation_classes` numbers violations, equal numbers for symmetric ones, and `entry_classes`
    says for each ledger entry which is the first of the symmetric ones; without them each is
    alone. Raises TooLarge if a value might not fit into 64 bits.
    """
    classes = violation_classes or check_numbers(system)
    entries = range(len(system.ledger)) if entry_classes is None else entry_classes
    emitter = _Emitter(system, layout, classes, entries)
    body = "\n".join([*emitter.parts(canonical), *_order_tables(independence)])
    key = int.from_bytes(hashlib.sha256(body.encode()).digest()[:8], "little")
    text = body + emitter.model(key, canonical)
    return Program(text, key, layout, emitter.watched, tuple(emitter.edges), len(system.actions))


class _Emitter:
    def __init__(
        self,
        system: System,
        layout: Layout,
        classes: Mapping[Violation, int],
        entries: Sequence[int],
    ) -> None:
        self.system = system
        self.layout = layout
        self.classes = classes
        self.entries = entries
        highs = tuple(variable.type.high for variable in system.variables)
        self.expressions = Expressions(layout, highs)
        self.watched = tuple(_watched(system))
        self.edges: dict[tuple[str, str], int] = {}
        for action in system.actions:
            for edge in action.lock_edges:
                self.edges.setdefault((edge.held, edge.taken), len(self.edges))
        self.max_successors = 0

    def parts(self, canonical: Canonical | None) -> Iterator[str]:
        """The text, but for the description of the model."""
        yield '#include "model.h"\n'
        yield from self._tables()
        yield from self._successors()
        yield self._ended()
        yield self._fault()
        yield self._watch()
        yield self._edge()
        yield canonical.text if canonical else _NO_SYMMETRY
        yield from promises_text(self.system, self.expressions, self._load())

    def model(self, key: int, canonical: Canonical | None) -> str:
        """The description of the model."""
        threads = len(self.system.threads)
        return (
            "\nconst struct model zd_model = {"
            f".key = {unsigned(key)}, .actions = {len(self.system.actions)}, "
            f".threads = {threads}, .watches = {len(self.watched)}, "
            f".edges = {len(self.edges)}, .max_successors = {self.max_successors}, "
            f".symmetric = {int(canonical is not None)}, "
            f".names = {canonical.names if canonical else threads}, "
            f".promises = {len(self.system.progress)}}};\n"
        )

    def _load(self) -> str:
        """Declares the words."""
        return "".join(
            f"    const uint64_t w{n} = s[{n}]; (void)w{n};\n" for n in range(self.layout.words)
        )

    # --- tables -------------------------------------------------------------------------

    def _tables(self) -> Iterator[str]:
        actions = self.system.actions
        yield _array("uint8_t", "zd_action_thread", [action.thread for action in actions])
        first, edges = [0], []
        for action in actions:
            edges += [self.edges[edge.held, edge.taken] for edge in action.lock_edges]
            first.append(len(edges))
        yield _array("uint32_t", "zd_edge_first", first)
        yield _array("uint32_t", "zd_edge_list", edges)

    # --- successors ---------------------------------------------------------------------

    def _successors(self) -> Iterator[str]:
        calls = []
        for thread in self.system.threads:
            at: dict[int, list[Action]] = {}
            for action in self.system.actions:
                if action.thread == thread.index:
                    at.setdefault(action.location, []).append(action)
            if not at:
                continue
            self.max_successors += max(len(actions) for actions in at.values())
            yield from self._thread(thread.index, thread.pc, at)
            calls.append(f"    o = thread_{thread.index}(s, o);\n")
        yield (
            "uint32_t zd_successors(const uint64_t *s, struct successor *out)\n{\n"
            "    struct successor *o = out;\n"
            + "".join(calls)
            + ("" if calls else "    (void)s;\n")
            + "    return (uint32_t)(o - out);\n}\n"
        )

    def _thread(self, thread: int, pc: VarId, at: dict[int, list[Action]]) -> Iterator[str]:
        chunks: list[list[int]] = [[]]
        size = 0
        for location in sorted(at):
            if size >= ACTIONS_PER_FUNCTION:
                chunks.append([])
                size = 0
            chunks[-1].append(location)
            size += len(at[location])
        names = [f"thread_{thread}" + (f"_{n}" if n else "") for n in range(len(chunks))]
        for n in reversed(range(len(chunks))):
            text = [
                f"static struct successor *{names[n]}(const uint64_t *s, struct successor *o)\n"
                "{\n" + self._load() + f"    switch ({self.expressions.raw(pc)}) {{\n"
            ]
            low = self.layout.fields[pc].low
            for location in chunks[n]:
                text.append(f"    case {location - low}:\n")
                text += self._nodes(decide(at[location]), {pc: location}, 2)
                text.append("        break;\n")
            if n + 1 < len(chunks):
                text.append(f"    default:\n        return {names[n + 1]}(s, o);\n")
            text.append("    }\n    return o;\n}\n")
            yield "".join(text)

    def _nodes(self, nodes: Sequence[Node], known: dict[VarId, int], depth: int) -> Iterator[str]:
        """Statements that write the successors. `known` are the values of variables here."""
        pad = "    " * depth
        for node in nodes:
            match node:
                case Fire(action):
                    yield self._fire(action, known, pad)
                case Branch(condition, then, otherwise):
                    text = self.expressions.condition(condition)
                    if not then:
                        text, then, otherwise = f"!{text}", otherwise, ()
                        inner = known
                    else:
                        inner = {**known, **_learnt(condition)}
                    yield f"{pad}if ({text}) {{\n"
                    yield from self._nodes(then, inner, depth + 1)
                    if otherwise:
                        yield f"{pad}}} else {{\n"
                        yield from self._nodes(otherwise, known, depth + 1)
                    yield f"{pad}}}\n"
                case Cases(subject, cases):
                    yield f"{pad}switch ({self.expressions.value(subject).text}) {{\n"
                    for value, then in cases:
                        inner = known | ({subject.id: value} if isinstance(subject, Var) else {})
                        yield f"{pad}case {value}:\n"
                        yield from self._nodes(then, inner, depth + 1)
                        yield f"{pad}    break;\n"
                    yield f"{pad}}}\n"
                case Require(check, failing, then):
                    text = self.expressions.condition(check.condition)
                    yield f"{pad}if (!{text}) {{\n"
                    note = NOTE_FAILED + self.classes[check.violation]
                    for action in failing:
                        yield f"{pad}    o->action = {action.id}; o->note = {note}; o++;\n"
                    yield f"{pad}}} else {{\n"
                    inner = {**known, **_learnt(check.condition)}
                    yield from self._nodes(then, inner, depth + 1)
                    yield f"{pad}}}\n"
                case _:
                    assert_never(node)

    def _fire(self, action: Action, known: Mapping[VarId, int], pad: str) -> str:
        text = []
        for number, value in enumerate(self._words_after(action, known)):
            text.append(f"o->words[{number}] = {value}; ")
        note = NOTE_EDGES if action.lock_edges else 0
        return f"{pad}{''.join(text)}o->action = {action.id}; o->note = {note}; o++;\n"

    def _words_after(self, action: Action, known: Mapping[VarId, int]) -> list[str]:
        """The words of the state after the action: what changes by a constant is one addition."""
        masks = [0] * self.layout.words
        constants = [0] * self.layout.words
        deltas = [0] * self.layout.words
        computed: list[list[str]] = [[] for _ in range(self.layout.words)]
        for id, expr in action.updates:
            field = self.layout.fields[id]
            if field.width == 0:
                continue
            match expr:
                case Const(value) if id in known:
                    deltas[field.word] += (value - known[id]) << field.shift
                case Op("add", (Var(same), Const(step))) if same == id:
                    deltas[field.word] += step << field.shift
                case Const(value):
                    masks[field.word] |= field.bits
                    constants[field.word] |= ((value - field.low) & field.mask) << field.shift
                case _:
                    masks[field.word] |= field.bits
                    computed[field.word].append(self._placed(expr, id))
        words = []
        for number in range(self.layout.words):
            text = f"w{number}"
            if masks[number]:
                text = f"({text} & {unsigned(~masks[number])})"
            if constants[number]:
                computed[number].insert(0, unsigned(constants[number]))
            if computed[number]:
                text = f"({' | '.join([text, *computed[number]])})"
            if deltas[number]:
                text = f"{text} + {unsigned(deltas[number])}"
            words.append(text)
        return words

    def _placed(self, expr: Expr, id: VarId) -> str:
        """The value of `expr` as the bits of variable `id`."""
        field = self.layout.fields[id]
        raw: str | None = None
        if isinstance(expr, Var):
            source = self.layout.fields[expr.id]
            if (source.low, source.width) == (field.low, field.width):
                raw = self.expressions.raw(expr.id)
        if raw is None:
            value = self.expressions.value(expr).text
            shifted = f"{value} - {field.low}" if field.low > 0 else f"{value} + {-field.low}"
            raw = f"(uint64_t)({shifted if field.low else value})"
            raw = f"({raw} & {unsigned(field.mask)})"
        return f"({raw} << {field.shift})" if field.shift else raw

    # --- what holds in a state ----------------------------------------------------------

    def _ended(self) -> str:
        ends = [
            Op("eq", (Var(thread.pc), Const(thread.end)))
            for thread in self.system.threads
            if not thread.daemon
        ]
        condition = self.expressions.condition(Op("and", tuple(ends)))
        return (
            f"bool zd_all_ended(const uint64_t *s)\n{{\n{self._load()}    return {condition};\n}}\n"
        )

    def _fault(self) -> str:
        text = ["uint32_t zd_fault(const uint64_t *s)\n{\n", self._load()]
        # By class, so that the first fault of a state and of its symmetric images is the same.
        for number in sorted(range(len(self.entries)), key=self.entries.__getitem__):
            balanced = self.system.ledger[number].balanced
            text.append(self._faulty(balanced, self.entries[number] + 1))
        rank = len(self.system.ledger)
        if any(prop.kind == "finally" for prop in self.system.properties):
            text.append("    const bool ended = zd_all_ended(s);\n    (void)ended;\n")
        for prop in self.system.properties:
            rank += 1
            text.append(self._faulty(prop.condition, rank, prop.kind == "finally"))
        text.append("    return 0;\n}\n")
        return "".join(text)

    def _faulty(self, condition: Expr, rank: int, at_end: bool = False) -> str:
        if condition == Const(1):
            return ""
        when = "ended && " if at_end else ""
        return f"    if ({when}!{self.expressions.condition(condition)})\n        return {rank};\n"

    def _watch(self) -> str:
        text = [
            "bool zd_watch(const uint64_t *s, uint32_t watch)\n{\n",
            self._load(),
            "    switch (watch) {\n",
        ]
        for number, watched in enumerate(self.watched):
            condition = _condition(self.system, watched)
            assert condition is not None
            value = self.expressions.condition(condition)
            text.append(f"    case {number}: return {value};\n")
        text.append("    default: return false;\n    }\n}\n")
        return "".join(text)

    def _edge(self) -> str:
        text = [
            "bool zd_edge(const uint64_t *s, uint32_t index)\n{\n",
            self._load(),
            "    switch (index) {\n",
        ]
        number = 0
        for action in self.system.actions:
            for edge in action.lock_edges:
                text.append(f"    case {number}: return {self.expressions.condition(edge.when)};\n")
                number += 1
        text.append("    default: return false;\n    }\n}\n")
        return "".join(text)


_NO_SYMMETRY = """\
void zd_canonical(uint64_t *s, uint8_t *moved)
{
    (void)s;
    for (uint32_t t = 0; moved && t < zd_model.threads; t++)
        moved[t] = (uint8_t)t;
}

void zd_rename(uint64_t *s, const uint8_t *moved)
{
    (void)s;
    (void)moved;
}
"""


def _condition(system: System, watched: Watched) -> Expr | None:
    match watched.kind:
        case "cover":
            return system.covers[watched.number].condition
        case "antecedent":
            return system.properties[watched.number].antecedent
        case "trigger":
            return system.progress[watched.number].trigger


def _watched(system: System) -> Iterator[Watched]:
    for number, cover in enumerate(system.covers):
        if cover.condition is not None:
            yield Watched("cover", number)
    for number, prop in enumerate(system.properties):
        if prop.antecedent is not None:
            yield Watched("antecedent", number)
    for number, progress in enumerate(system.progress):
        if progress.trigger is not None:
            yield Watched("trigger", number)


def _order_tables(tables: Independence) -> Iterator[str]:
    yield _array("uint64_t", "zd_touched", [unsigned(bits) for bits in tables.touched])
    yield _array("uint64_t", "zd_written", [unsigned(bits) for bits in tables.written])
    yield _array("uint32_t", "zd_rank", tables.ranks)


def _array(type: str, name: str, values: Sequence[int | str]) -> str:
    """C has no empty arrays, so there is always a 0 at the end."""
    return f"const {type} {name}[] = {{{', '.join(map(str, [*values, 0]))}}};\n"


def _learnt(condition: Expr) -> dict[VarId, int]:
    """Values of variables that are certain where the condition is true."""
    match condition:
        case Op("and", args):
            return {id: value for arg in args for id, value in _learnt(arg).items()}
        case Op("eq", (Var(id), Const(value))):
            return {id: value}
        case _:
            return {}
