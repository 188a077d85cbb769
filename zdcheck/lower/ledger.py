"""The ledger: every place that can hold a count, for every counted field."""

from __future__ import annotations

from zdcheck.base.source import Span
from zdcheck.ir.expr import NULL, Const
from zdcheck.ir.parametric import (
    Cell,
    CountedFamily,
    HolderFamily,
    Over,
    Term,
    apply,
)
from zdcheck.lang import model as m
from zdcheck.lower.layout import (
    Place,
    Scalar,
    ScalarStorage,
    SetStorage,
    Storage,
    VariantStorage,
    families_of,
    slot_name,
)
from zdcheck.lower.terms import Evaluation, Frame, Symbols


class Ledger:
    """Collects counted fields and holders."""

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self.layout = symbols.layout

    def counted(self) -> tuple[CountedFamily, ...]:
        """The counted fields, with the part of each count that needs no holder."""
        found = []
        for field, storage in self.symbols.fields.items():
            if not field.counted:
                continue
            (family,) = families_of(storage.shape)
            object = self.layout.bound(field.kind, field.kind)
            bias: Term = Const(0)
            if field.bias is not None:
                bias = Evaluation(self.symbols, Frame(), "ghost").term(field.bias)
            alive = self.symbols.alive[field.kind]
            found.append(CountedFamily(family, object, bias, alive, field.span))
        return tuple(found)

    def holders(self, locals: list[Storage]) -> tuple[HolderFamily, ...]:
        """Everything that holds a count: fields, shared variables, and the given locals."""
        found: list[HolderFamily] = []
        for storage in (*self.symbols.fields.values(), *self.symbols.variables.values()):
            found += self._of(storage)
        for storage in locals:
            found += self._of(storage)
        return tuple(found)

    def _of(self, storage: Storage) -> list[HolderFamily]:
        overs = tuple(self.layout.over("i", d) for d in storage.dimensions)
        index = tuple(over.bound for over in overs)
        match storage.shape:
            case ScalarStorage(family, _) if storage.holds is not None:
                cell = Cell(family, index)
                return [self._holder(storage.holds, cell, cell, Const(1), overs, {}, storage.span)]
            case SetStorage(family, members) if storage.holds is not None:
                over = self.layout.over("member", members)
                member = over.bound
                cell = Cell(family, (*index, member))
                overs = (*overs, over)
                return [self._holder(storage.holds, cell, member, cell, overs, {}, storage.span)]
            case VariantStorage():
                return self._variant(storage, storage.shape, Place(storage, index), overs)
            case _:
                return []

    def _variant(
        self, storage: Storage, shape: VariantStorage, place: Place, overs: tuple[Over, ...]
    ) -> list[HolderFamily]:
        found = []
        tag = Cell(shape.tag, place.index)
        for number, case in enumerate(shape.symbol.cases):
            values = {
                payload.bound: Scalar(Cell(shape.slots[slot_name(payload)], place.index))
                for payload in case.payload
            }
            is_case = apply("eq", tag, Const(number))
            for payload in case.payload:
                if payload.holds is None:
                    continue
                slot = Cell(shape.slots[slot_name(payload)], place.index)
                found.append(
                    self._holder(payload.holds, tag, slot, is_case, overs, values, storage.span)
                )
        return found

    def _holder(
        self,
        holding: m.Holding,
        cell: Cell,
        pointer: Term,
        condition: Term,
        overs: tuple[Over, ...],
        values: dict[m.BoundSymbol, Scalar],
        span: Span,
    ) -> HolderFamily:
        """One way to hold: follow the path from `pointer` to the object whose count it is."""
        frame = Frame()
        for bound, value in values.items():
            frame.values[bound] = value
        target = pointer
        *steps, counted = holding.path
        for field in steps:
            (family,) = families_of(self.symbols.fields[field].shape)
            target = Cell(family, (target,))
        if holding.subject is not None:
            frame.values[holding.subject] = Scalar(pointer)
        held = apply("and", condition, apply("not", apply("eq", pointer, Const(NULL))))
        if holding.when is not None:
            held = apply("and", held, Evaluation(self.symbols, frame, "ghost").term(holding.when))
        (family,) = families_of(self.symbols.fields[counted].shape)
        return HolderFamily(family, cell, overs, held, target, span)
