"""Blocks, locals and functions while a body is being lowered."""

from __future__ import annotations

from dataclasses import dataclass, field

from zdcheck.base.source import Span
from zdcheck.ir.parametric import SELF, Assignment, Dimension, Do, NodeId
from zdcheck.lang import model as m
from zdcheck.lang import types as t
from zdcheck.lower.emit import Emitter, Ends
from zdcheck.lower.layout import Storage
from zdcheck.lower.terms import Frame, Symbols

INIT = "init"
"""The name of the init blocks' template."""

_INIT_DIMENSION = Dimension(None, 0, 1)
"""The index of the init blocks' own locals."""


@dataclass
class Scope:
    """An open block: what must be given its initial value when the block ends."""

    block: m.Block
    storages: list[Storage] = field(default_factory=list)


@dataclass
class Loop:
    """Where `break` and `continue` of the innermost loop go, and how many scopes stay open."""

    breaks: Ends
    continues: Ends
    depth: int


@dataclass
class Function:
    """The function (or thread body) being lowered: its names, its exits, its labels."""

    frame: Frame
    via: tuple[Span, ...]
    name: str
    depth: int
    result: Storage | None = None
    returns: Ends = field(default_factory=list)
    labels: dict[m.LabelSymbol, NodeId] = field(default_factory=dict)
    gotos: list[tuple[NodeId, int, m.LabelSymbol]] = field(default_factory=list)
    chains: dict[m.LabelSymbol, tuple[int, ...]] = field(default_factory=dict)


class Scopes(Emitter):
    """What is open at this point of the code: functions being inlined, blocks, loops.

    `storages` are all locals made so far.
    """

    def __init__(self, symbols: Symbols, observed: frozenset[m.LocalSymbol], template: str) -> None:
        super().__init__(template)
        self.symbols = symbols
        self.layout = symbols.layout
        self.observed = observed
        self.storages: list[Storage] = []
        self.scopes: list[Scope] = []
        self.loops: list[Loop] = []
        self.functions: list[Function] = []

    @property
    def function(self) -> Function:
        """The function whose code is being lowered."""
        return self.functions[-1]

    def _finish_function(self, span: Span) -> None:
        """Connect returns and gotos of the current function; code goes on after it."""
        function = self.function
        for node, slot, label in function.gotos:
            self._connect((node, slot), function.labels[label])
        function.gotos.clear()
        if function.returns:
            self.loose += function.returns
            function.returns = []
            self._emit(Do(), span)

    def _leave_scopes(self, depth: int, span: Span) -> None:
        """Reset what the scopes from `depth` on must not leave behind."""
        updates: list[Assignment] = []
        for scope in reversed(self.scopes[depth:]):
            for storage in scope.storages:
                updates += self.layout.reset(storage, (SELF,))
        if updates:
            self._emit(Do(updates=tuple(updates)), span)

    def _local(self, symbol: m.LocalSymbol) -> Storage:
        """A fresh variable for a local; it lives to the end of the innermost block."""
        dims = tuple(self.layout.dimension(d, symbol.span) for d in symbol.dimensions)
        observed = symbol in self.observed or symbol.holds is not None
        storage = self._new_local(
            symbol.name, symbol.type, dims, symbol.holds, symbol.span, observed, symbol.ghost
        )
        self.function.frame.locals[symbol] = storage
        self.storages.append(storage)
        if len(self.functions) == 1:
            self.symbols.thread_locals[symbol] = storage
        if observed and self.scopes:
            self.scopes[-1].storages.append(storage)
        return storage

    def _new_local(
        self,
        name: str,
        type: t.Type,
        dimensions: tuple[Dimension, ...],
        holds: m.Holding | None,
        span: Span,
        observed: bool,
        ghost: bool = False,
    ) -> Storage:
        inner = [f.name for f in self.functions[1:]]
        full = ".".join([self.name, *inner, name])
        first = (
            (self.layout.kind_dimension(self.name),) if self.name != INIT else (_INIT_DIMENSION,)
        )
        if isinstance(type, t.IntType) and type.low is None:
            type = t.IntType(m.Number(-64, type, span), m.Number(64, type, span), "number")
        if isinstance(type, t.NullType):
            type = t.RefType("thread", nullable=True)
        return self.layout.storage(
            full,
            _nullable(type),
            (*first, *dimensions),
            "local",
            None,
            holds,
            span,
            template=self.name,
            observed=observed,
        )

    def _temporary(self, name: str, type: t.Type, span: Span) -> Storage:
        return self._new_local(name, type, (), None, span, observed=False)


def _nullable(type: t.Type) -> t.Type:
    """Locals can be null even if their type forbids it: that is what they are when nobody needs them."""
    return t.RefType(type.kind, nullable=True) if isinstance(type, t.RefType) else type
