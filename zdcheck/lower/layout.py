"""Where values live: composite variables as families of scalars, and values read from them.

A set is a family of truth values with one more dimension; a variant is its case and the payload
slots. Payload of the same name and type shares a slot across cases; a slot that the case does not
use has its type's default, so that equal variants have equal slots.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod

from zdcheck.base.source import Span
from zdcheck.ir.expr import BOOL, NULL, Const, Type
from zdcheck.ir.parametric import (
    Assignment,
    Bound,
    Cell,
    Composite,
    Dimension,
    Family,
    FamilyId,
    LockClass,
    Over,
    Term,
    apply,
    each,
)
from zdcheck.ir.system import Role
from zdcheck.lang import model as m
from zdcheck.lang import types as t
from zdcheck.lower.instance import Instance, spec_error

MAX_ELEMENTS = 4_096
"""Elements of one variable, over all its indices."""

# --- values -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Scalar:
    """One term."""

    term: Term


@dataclass(frozen=True)
class SetValue:
    """A set, as the membership of each of the `members` that there could be."""

    members: Dimension
    has: Callable[[Term], Term]


@dataclass(frozen=True)
class VariantValue:
    """A case number and payload slots."""

    tag: Term
    slots: dict[str, Term]


Value = Scalar | SetValue | VariantValue


# --- storages ---------------------------------------------------------------------------


@dataclass(frozen=True)
class ScalarStorage:
    """A scalar variable, maybe an array of them."""

    family: FamilyId
    type: Type


@dataclass(frozen=True)
class SetStorage:
    """A set variable: its family's last dimension is the member."""

    family: FamilyId
    members: Dimension


@dataclass(frozen=True)
class VariantStorage:
    """A variant variable."""

    symbol: m.VariantSymbol
    tag: FamilyId
    slots: dict[str, FamilyId]


@dataclass(frozen=True)
class LockStorage:
    """A lock."""

    lock: LockClass


Shape = ScalarStorage | SetStorage | VariantStorage | LockStorage


@dataclass(frozen=True)
class Storage:
    """A variable, field or local: its families, what it holds."""

    name: str
    shape: Shape
    dimensions: tuple[Dimension, ...]
    holds: m.Holding | None
    is_local: bool
    span: Span = field(repr=False)


@dataclass(frozen=True)
class Place:
    """A storage with the index terms given so far (all of them, unless it is an array still)."""

    storage: Storage
    index: tuple[Term, ...] = ()


def families_of(shape: Shape) -> tuple[FamilyId, ...]:
    """Every family that a write to this shape may change."""
    match shape:
        case ScalarStorage(family, _) | SetStorage(family, _):
            return (family,)
        case VariantStorage(_, tag, slots):
            return (tag, *slots.values())
        case LockStorage(lock):
            return (lock.owner,) if lock.readers is None else (lock.owner, lock.readers)


# --- variants ---------------------------------------------------------------------------


def slot_name(payload: m.PayloadSymbol) -> str:
    """Payload of the same name and type in different cases shares this slot."""
    return f"{payload.name}:{payload.type}"


class Layout:
    """Makes families, and remembers where every symbol lives."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.families: list[Family] = []
        self.locks: list[LockClass] = []
        self.composites: list[Composite] = []
        self._bounds = 0
        self._names: dict[str, int] = {}

    # --- names and bounds ---------------------------------------------------------------

    def bound(self, name: str, kind: str | None) -> Bound:
        """A fresh bound name for members of a kind, or (None) integers."""
        self._bounds += 1
        return Bound(self._bounds, name, kind)

    def over(self, name: str, dimension: Dimension) -> Over:
        """A fresh bound name for every value of an index."""
        last = dimension.low + dimension.size - 1
        return Over(self.bound(name, dimension.kind), dimension.low, last)

    def _unique(self, name: str) -> str:
        count = self._names.get(name, 0) + 1
        self._names[name] = count
        return name if count == 1 else f"{name}#{count}"

    # --- families -----------------------------------------------------------------------

    def family(
        self,
        name: str,
        type: Type,
        dimensions: tuple[Dimension, ...],
        role: Role,
        initial: tuple[int, ...],
        *,
        any_initial: bool = False,
        template: str | None = None,
        observed: bool = False,
    ) -> FamilyId:
        """A new family; `name` is made unique."""
        id = FamilyId(len(self.families))
        self.families.append(
            Family(
                id,
                self._unique(name),
                type,
                dimensions,
                role,
                initial,
                any_initial,
                template,
                observed,
            )
        )
        return id

    def dimension(self, type: t.IntType | t.RefType, span: Span) -> Dimension:
        """An array's index."""
        low, high = self.instance.domain(type, span)
        if high - low >= 256:
            raise spec_error("bad_range", "an array has at most 256 elements", span)
        kind = type.kind if isinstance(type, t.RefType) else None
        return Dimension(kind, low, high - low + 1)

    def kind_dimension(self, kind: str) -> Dimension:
        """The members of a kind as an index."""
        return Dimension(kind, self.instance.first.get(kind, 0), self.instance.sizes[kind])

    def default(self, type: Type) -> int:
        """The value a variable of this type has when nothing says otherwise."""
        return NULL if type.kind == "ref" and type.low == NULL else type.low

    def storage(
        self,
        name: str,
        type: t.Type,
        dimensions: tuple[Dimension, ...],
        role: Role,
        initial: m.Expr | m.AnyValue | None,
        holds: m.Holding | None,
        span: Span,
        *,
        template: str | None = None,
        observed: bool = False,
    ) -> Storage:
        """A new variable of any type, with the families it needs."""
        elements = prod(dimension.size for dimension in dimensions)
        if elements > MAX_ELEMENTS:
            raise spec_error("scope_too_large", f"`{name}` would have {elements} elements", span)

        def make(
            suffix: str,
            scalar: Type,
            extra: tuple[Dimension, ...],
            values: tuple[int, ...],
            role: Role = role,
        ) -> FamilyId:
            return self.family(
                name + suffix,
                scalar,
                dimensions + extra,
                role,
                values,
                any_initial=isinstance(initial, m.AnyValue),
                template=template,
                observed=observed,
            )

        shape: Shape
        match type:
            case t.SetType(kind):
                assert kind is not None
                members = self.kind_dimension(kind)
                present = self._constant_members(initial)
                values = tuple(int(v in present) for v in members.values)
                family = make("", BOOL, (members,), values)
                self.composites.append(Composite(family, ()))
                shape = SetStorage(family, members)
            case t.VariantType(variant):
                symbol = self.instance.model.variants[variant]
                tag, payload = self._constant_variant(symbol, initial)
                names = tuple(case.name for case in symbol.cases)
                slots = {
                    slot: make(
                        f".{slot.partition(':')[0]}",
                        scalar,
                        (),
                        (payload.get(slot, self.default(scalar)),),
                    )
                    for slot, scalar in self.slots(symbol).items()
                }
                scalar = Type("enum", 0, len(names) - 1, variant, names)
                case_family = make("", scalar, (), (tag,))
                payloads = tuple(
                    tuple(slots[slot_name(p)] for p in case.payload) for case in symbol.cases
                )
                self.composites.append(Composite(case_family, payloads))
                shape = VariantStorage(symbol, case_family, slots)
            case t.LockType(flavour):
                owner = make(
                    "", self.instance.reference("thread", nullable=True), (), (NULL,), "lock"
                )
                readers = None
                if flavour == "rwsem":
                    threads = self.kind_dimension("thread")
                    readers = make(".readers", BOOL, (threads,), (0,), "lock")
                self.locks.append(LockClass(name, flavour, owner, readers))
                shape = LockStorage(self.locks[-1])
            case _:
                scalar = self.instance.scalar(type, span)
                value = self.default(scalar)
                if initial is not None and not isinstance(initial, m.AnyValue):
                    value = self.instance.number(initial)
                    if value not in scalar:
                        raise spec_error(
                            "range_constant",
                            f"{scalar.show(value)} is no value of type {type}",
                            initial.span,
                        )
                if scalar.high < scalar.low:
                    raise spec_error("bad_range", f"there is no `{scalar.of}` in this scope", span)
                shape = ScalarStorage(make("", scalar, (), (value,)), scalar)
        return Storage(name, shape, dimensions, holds, role == "local", span)

    def _constant_members(self, initial: m.Expr | m.AnyValue | None) -> set[int]:
        match initial:
            case m.SetOf(members):
                return {self.instance.number(member) for member in members}
            case _:
                return set()

    def _constant_variant(
        self, symbol: m.VariantSymbol, initial: m.Expr | m.AnyValue | None
    ) -> tuple[int, dict[str, int]]:
        match initial:
            case m.Construct(case, index, arguments):
                values = zip(case.payload, arguments, strict=True)
                return index, {slot_name(p): self.instance.number(a) for p, a in values}
            case _:
                return 0, {}

    def slots(self, symbol: m.VariantSymbol) -> dict[str, Type]:
        """The payload slots of a variant. References are nullable: no case, no object."""
        slots: dict[str, Type] = {}
        for case in symbol.cases:
            for payload in case.payload:
                scalar = self.instance.scalar(payload.type, payload.span)
                if scalar.kind == "ref":
                    scalar = self.instance.reference(scalar.of, nullable=True)
                slots[slot_name(payload)] = scalar
        return slots

    # --- reading and writing ------------------------------------------------------------

    def read(self, place: Place) -> Value:
        """The value at a place (not an array, not a lock)."""
        match place.storage.shape:
            case ScalarStorage(family, _):
                return Scalar(Cell(family, place.index))
            case SetStorage(family, members):
                return SetValue(members, lambda member: Cell(family, (*place.index, member)))
            case VariantStorage(_, tag, slots):
                return VariantValue(
                    Cell(tag, place.index),
                    {slot: Cell(family, place.index) for slot, family in slots.items()},
                )
            case LockStorage():
                raise AssertionError("a lock has no value")

    def write(self, place: Place, value: Value) -> tuple[Assignment, ...]:
        """The updates that store `value` at `place`."""
        match place.storage.shape, value:
            case ScalarStorage(family, _), Scalar(term):
                return (Assignment(Cell(family, place.index), term),)
            case SetStorage(family, members), SetValue(_, has):
                over = self.over("member", members)
                cell = Cell(family, (*place.index, over.bound))
                return (Assignment(cell, has(over.bound), (over,)),)
            case VariantStorage(_, tag, slots), VariantValue(new_tag, new_slots):
                updates = [Assignment(Cell(tag, place.index), new_tag)]
                updates += [
                    Assignment(Cell(family, place.index), new_slots[slot])
                    for slot, family in slots.items()
                ]
                return tuple(updates)
            case shape, _:
                raise AssertionError(f"{value} does not fit {shape}")

    def initial_value(self, storage: Storage) -> Value:
        """What the storage has at the start (`any` counts as the type's default)."""
        match storage.shape:
            case ScalarStorage(family, scalar):
                known = self.families[family]
                return Scalar(
                    Const(self.default(scalar) if known.any_initial else known.initial[0])
                )
            case SetStorage(family, members):
                initial = self.families[family].initial
                if not any(initial) or self.families[family].any_initial:
                    return SetValue(members, lambda member: Const(0))
                present = [Const(members.low + i) for i, value in enumerate(initial) if value]
                return SetValue(
                    members,
                    lambda member: apply(
                        "or", *(apply("eq", member, p) for p in present), Const(0)
                    ),
                )
            case VariantStorage(_, tag, slots):
                return VariantValue(
                    Const(self.families[tag].initial[0]),
                    {
                        slot: Const(self.families[family].initial[0])
                        for slot, family in slots.items()
                    },
                )
            case LockStorage():
                raise AssertionError("a lock has no value")

    def empty(self, place: Place) -> tuple[Assignment, ...]:
        """The updates after which the place holds nothing: null, the first case, no member."""
        match place.storage.shape:
            case ScalarStorage():
                return self.write(place, Scalar(Const(NULL)))
            case SetStorage(_, members):
                return self.write(place, SetValue(members, lambda member: Const(0)))
            case VariantStorage(symbol, _, _):
                slots = {s: Const(self.default(scalar)) for s, scalar in self.slots(symbol).items()}
                return self.write(place, VariantValue(Const(0), dict(slots)))
            case LockStorage():
                raise AssertionError("a lock holds nothing")

    def reset(self, storage: Storage, index: tuple[Term, ...]) -> tuple[Assignment, ...]:
        """The updates that give every element of a storage its initial value."""
        missing = storage.dimensions[len(index) :]
        overs = tuple(self.over("i", d) for d in missing)
        full = (*index, *(over.bound for over in overs))
        if isinstance(storage.shape, LockStorage):
            return self._reset_lock(storage.shape.lock, full, overs)
        updates = self.write(Place(storage, full), self.initial_value(storage))
        return tuple(Assignment(u.cell, u.value, (*overs, *u.over)) for u in updates)

    def _reset_lock(
        self, lock: LockClass, index: tuple[Term, ...], overs: tuple[Over, ...]
    ) -> tuple[Assignment, ...]:
        updates = [Assignment(Cell(lock.owner, index), Const(NULL), overs)]
        if lock.readers is not None:
            threads = self.kind_dimension("thread")
            over = self.over("t", threads)
            updates.append(
                Assignment(Cell(lock.readers, (*index, over.bound)), Const(0), (*overs, over))
            )
        return tuple(updates)

    # --- equality -----------------------------------------------------------------------

    def equal(self, a: Value, b: Value) -> Term:
        """Whether two values of one type are the same."""
        match a, b:
            case Scalar(x), Scalar(y):
                return apply("eq", x, y)
            case SetValue(members, has_a), SetValue(_, has_b):
                over = self.over("member", members)
                alike = apply("eq", has_a(over.bound), has_b(over.bound))
                return each("forall", over.bound, over.low, over.high, alike)
            case VariantValue(tag_a, slots_a), VariantValue(tag_b, slots_b):
                same = [apply("eq", slots_a[slot], slots_b[slot]) for slot in slots_a]
                return apply("and", apply("eq", tag_a, tag_b), *same, Const(1))
            case _:
                raise AssertionError(f"{a} and {b} cannot be compared")

    def choose(self, condition: Term, a: Value, b: Value) -> Value:
        """`condition ? a : b`."""
        match a, b:
            case Scalar(x), Scalar(y):
                return Scalar(apply("ite", condition, x, y))
            case SetValue(members, has_a), SetValue(_, has_b):
                return SetValue(members, lambda v: apply("ite", condition, has_a(v), has_b(v)))
            case VariantValue(tag_a, slots_a), VariantValue(tag_b, slots_b):
                return VariantValue(
                    apply("ite", condition, tag_a, tag_b),
                    {s: apply("ite", condition, slots_a[s], slots_b[s]) for s in slots_a},
                )
            case _:
                raise AssertionError(f"{a} and {b} are of different types")
