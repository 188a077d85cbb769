"""Expressions of the ground system as C expressions over the words `w0`, `w1`, … of a state.

Values are `int64_t`, truth is 0 or 1. Reads are a shift and a mask; comparisons of fields with
constants are done where the bits are, and a conjunction compares all fields of a word at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from zdcheck.engines.explicit.layout import Field, Layout
from zdcheck.ir.expr import Const, Expr, Op, Select, Var, VarId

_LIMIT = 1 << 62


class TooLarge(Exception):
    """A value might leave the 64-bit numbers of the generated code."""


@dataclass(frozen=True, slots=True)
class C:
    """A C expression that needs no more parentheses, and bounds of its value."""

    text: str
    low: int
    high: int

    @property
    def is_truth(self) -> bool:
        """Whether the value is 0 or 1."""
        return self.low >= 0 and self.high <= 1


@dataclass(frozen=True, slots=True)
class Bits:
    """`(word & mask) == value`: what a conjunct says about the bits of one word."""

    word: int
    mask: int
    value: int


def unsigned(value: int) -> str:
    """A 64-bit C constant; negative numbers wrap around."""
    value &= (1 << 64) - 1
    return f"{value:#x}ull" if value > 9 else f"{value}ull"


def signed(value: int) -> str:
    """A C constant of type int64_t."""
    return str(value) if -(1 << 31) < value < 1 << 31 else f"INT64_C({value})"


class Expressions:
    """Translates the expressions of one system."""

    def __init__(self, layout: Layout, highs: tuple[int, ...]) -> None:
        """`highs` are the greatest values of the variables."""
        self.layout = layout
        self.highs = highs
        self._memo: dict[Expr, C] = {}

    # --- fields -------------------------------------------------------------------------

    def raw(self, id: VarId) -> str:
        """The field's bits, unsigned, at the bottom."""
        field = self.layout.fields[id]
        if field.width == 0:
            return "0ull"
        text = f"w{field.word}" if field.shift == 0 else f"(w{field.word} >> {field.shift})"
        return f"({text} & {unsigned(field.mask)})" if field.width < 64 else text

    def _read(self, id: VarId) -> C:
        field = self.layout.fields[id]
        if field.width == 0:
            return C(signed(field.low), field.low, field.low)
        text = f"(int64_t){self.raw(id)}"
        if field.low:
            text = f"{text} + {signed(field.low)}" if field.low > 0 else f"{text} - {-field.low}"
        return C(f"({text})", field.low, self.highs[id])

    def bits_of(self, id: VarId, value: int) -> Bits | None:
        """`id == value` as a comparison of bits; None if the variable cannot have the value."""
        field = self.layout.fields[id]
        if not field.low <= value <= self.highs[id]:
            return None
        return Bits(field.word, field.bits, (value - field.low) << field.shift)

    @staticmethod
    def _compared(bits: Bits, equal: bool = True) -> str:
        if bits.mask == 0:
            return "1" if equal else "0"
        masked = f"(w{bits.word} & {unsigned(bits.mask)})"
        return f"({masked} {'==' if equal else '!='} {unsigned(bits.value)})"

    # --- expressions --------------------------------------------------------------------

    def condition(self, expr: Expr) -> str:
        """A C expression that is 0 if and only if the value is."""
        return self.value(expr).text

    def value(self, expr: Expr) -> C:
        """The value. Raises TooLarge."""
        found = self._memo.get(expr)
        if found is None:
            found = self._memo[expr] = self._value(expr)
            if found.low < -_LIMIT or found.high > _LIMIT:
                raise TooLarge
        return found

    def _value(self, expr: Expr) -> C:
        match expr:
            case Const(value):
                return C(signed(value) if value >= 0 else f"({signed(value)})", value, value)
            case Var(id):
                return self._read(id)
            case Select(variables, low, index):
                return self._select(variables, low, self.value(index))
            case Op("and", args):
                return self._and(args)
            case Op("or", args):
                return _truth(" || ".join(_as_truth(self.value(arg)) for arg in args) or "0")
            case Op("not", (arg,)):
                return self._not(arg)
            case Op("eq", (a, b)):
                return self._equal(a, b, True)
            case Op("ne", (a, b)):
                return self._equal(a, b, False)
            case Op("ite", (condition, then, otherwise)):
                x, y = self.value(then), self.value(otherwise)
                text = f"({self.condition(condition)} ? {x.text} : {y.text})"
                return C(text, min(x.low, y.low), max(x.high, y.high))
            case Op():
                return self._arithmetic(expr)
            case _:
                assert_never(expr)

    def _arithmetic(self, expr: Op) -> C:
        parts = [self.value(arg) for arg in expr.args]
        texts = [part.text for part in parts]
        match expr.op:
            case "lt":
                return _truth(" < ".join(texts))
            case "le":
                return _truth(" <= ".join(texts))
            case "add":
                return C(
                    f"({' + '.join(texts) or '0'})",
                    sum(part.low for part in parts),
                    sum(part.high for part in parts),
                )
            case "sub":
                a, b = parts
                return C(f"({a.text} - {b.text})", a.low - b.high, a.high - b.low)
            case "mul":
                a, b = parts
                corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
                return C(f"({a.text} * {b.text})", min(corners), max(corners))
            case _:
                raise AssertionError(f"{expr.op} is translated elsewhere")

    def _select(self, variables: tuple[VarId, ...], low: int, index: C) -> C:
        """The fields lie at equal distances in one word, or each is asked for."""
        fields = [self.layout.fields[id] for id in variables]
        parts = [self._read(id) for id in variables]
        lowest = min((0, *(part.low for part in parts)))
        highest = max((0, *(part.high for part in parts)))
        inside = low <= index.low and index.high < low + len(variables)
        if inside and len(variables) > 1 and (stride := _stride(fields)) is not None:
            first = fields[0]
            start = first.shift - low * stride
            at = f"({index.text} * {stride} + {start})"
            text = f"(int64_t)(w{first.word} >> {at} & {unsigned(first.mask)})"
            return C(f"({text} + {signed(first.low)})", lowest, highest)
        text = "0"
        for number, part in reversed(list(enumerate(parts))):
            if index.low <= low + number <= index.high:
                last = inside and text == "0"
                text = part.text if last else f"(at == {low + number} ? {part.text} : {text})"
        return C(f"({{ const int64_t at = {index.text}; (void)at; {text}; }})", lowest, highest)

    def _not(self, arg: Expr) -> C:
        match arg:
            case Var(id) if (bits := self.bits_of(id, 0)) and self._is_truth(id):
                return C(self._compared(bits), 0, 1)
        value = self.value(arg)
        if value.is_truth:
            return _truth(f"!{value.text}")
        return C(f"(1 - {value.text})", 1 - value.high, 1 - value.low)

    def _is_truth(self, id: VarId) -> bool:
        return self.layout.fields[id].low >= 0 and self.highs[id] <= 1

    def _equal(self, a: Expr, b: Expr, equal: bool) -> C:
        match a, b:
            case (Var(id), Const(value)) | (Const(value), Var(id)):
                bits = self.bits_of(id, value)
                if bits is None:
                    return C("0" if equal else "1", 0, 1)
                return C(self._compared(bits, equal), 0, 1)
        x, y = self.value(a), self.value(b)
        return _truth(f"{x.text} {'==' if equal else '!='} {y.text}")

    def _as_bits(self, expr: Expr) -> Bits | None:
        """The conjunct as a comparison of bits, if it is one that can be true."""
        match expr:
            case Op("eq", (Var(id), Const(value)) | (Const(value), Var(id))):
                return self.bits_of(id, value)
            case Var(id) if self._is_truth(id):
                return self.bits_of(id, 1)
            case Op("not", (Var(id),)) if self._is_truth(id):
                return self.bits_of(id, 0)
            case _:
                return None

    def _and(self, args: Iterable[Expr]) -> C:
        merged: dict[int, Bits] = {}
        texts: list[str] = []
        for arg in args:
            bits = self._as_bits(arg)
            if bits is None:
                texts.append(_as_truth(self.value(arg)))
                continue
            known = merged.get(bits.word, Bits(bits.word, 0, 0))
            both = known.mask & bits.mask
            if known.value & both != bits.value & both:
                return C("0", 0, 1)
            merged[bits.word] = Bits(bits.word, known.mask | bits.mask, known.value | bits.value)
        texts = [self._compared(bits) for bits in merged.values()] + texts
        return _truth(" && ".join(texts) or "1")


def _truth(text: str) -> C:
    return C(f"({text})", 0, 1)


def _as_truth(value: C) -> str:
    return value.text if value.is_truth else f"({value.text} != 0)"


def _stride(fields: list[Field]) -> int | None:
    """The distance of neighbours, if all lie in one word at equal distances and are alike."""
    first = fields[0]
    stride = fields[1].shift - first.shift
    for number, field in enumerate(fields):
        if (field.word, field.width, field.low) != (first.word, first.width, first.low):
            return None
        if field.shift != first.shift + number * stride:
            return None
    return stride if stride and first.width else None
