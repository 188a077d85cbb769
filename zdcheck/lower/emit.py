"""Emitting the nodes of a control-flow graph, in the order of the code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from zdcheck.base.source import Span
from zdcheck.ir.parametric import (
    Cell,
    Do,
    End,
    Instruction,
    Node,
    NodeId,
    Requirement,
    Term,
    Touch,
)
from zdcheck.ir.system import StatementId
from zdcheck.lower.instance import spec_error

MAX_NODES = 20_000
"""Instructions of one thread after inlining."""

Ends = list[tuple[NodeId, int]]
"""Open ends of the graph: successor number so-and-so of a node, to be connected."""


@dataclass
class Statements:
    """Every statement of the code, numbered by its place; the same number wherever it is inlined."""

    numbers: dict[tuple[str, int, int], StatementId] = field(default_factory=dict)
    listed: list[tuple[str, Span]] = field(default_factory=list)
    covers: dict[str, tuple[StatementId, Span]] = field(default_factory=dict)

    def number(self, family: str, span: Span) -> StatementId:
        """The statement at this place; `family` is the thread that has it (first)."""
        key = (span.file.path, span.start, span.end)
        if key not in self.numbers:
            self.numbers[key] = StatementId(len(self.listed))
            self.listed.append((family, span))
        return self.numbers[key]


@dataclass
class _Draft:
    """A node whose successors are still being filled in."""

    node: Node
    successors: list[NodeId]


class Emitter:
    """A graph under construction. `loose` are the ends that the next emitted node will follow.

    `via`, `group`, `ghost` and `statement` describe the code that is being lowered; every node that
    is emitted carries them.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.via: tuple[Span, ...] = ()
        self.loose: Ends = []
        self.group: int | None = None
        self.ghost = False
        self.statement: StatementId | None = None
        self._drafts: list[_Draft] = []
        self._groups = 0

    def nodes(self) -> tuple[Node, ...]:
        """The finished graph."""
        return tuple(replace(d.node, successors=tuple(d.successors)) for d in self._drafts)

    def _connect(self, end: tuple[NodeId, int], target: NodeId) -> None:
        node, slot = end
        successors = self._drafts[node].successors
        while len(successors) <= slot:
            successors.append(NodeId(-1))
        successors[slot] = target

    def _emit(
        self,
        instruction: Instruction,
        span: Span,
        *,
        requirements: tuple[Requirement, ...] = (),
        touches: tuple[Touch, ...] = (),
        waits: bool = False,
        concretize: tuple[Term, ...] = (),
        takes: str | None = None,
        stores: tuple[Cell, ...] = (),
        fence: bool = False,
        walks: bool = False,
    ) -> NodeId:
        id = NodeId(len(self._drafts))
        if id >= MAX_NODES:
            raise spec_error(
                "program_too_large",
                f"`{self.name}` has more than {MAX_NODES} instructions after inlining its calls",
                span,
            )
        node = Node(
            id,
            instruction,
            (),
            span,
            requirements,
            touches,
            waits,
            self.ghost,
            self.group,
            self.statement,
            self.via,
            concretize,
            takes,
            stores,
            fence,
            walks,
        )
        self._drafts.append(_Draft(node, []))
        for end in self.loose:
            self._connect(end, id)
        self.loose = [] if isinstance(instruction, End) else [(id, 0)]
        return id

    def _here(self, span: Span) -> NodeId:
        """A node to jump to."""
        return self._emit(Do(), span)

    @contextmanager
    def _atomic(self) -> Iterator[None]:
        outer = self.group
        if outer is None:
            self._groups += 1
            self.group = self._groups
        yield
        self.group = outer
