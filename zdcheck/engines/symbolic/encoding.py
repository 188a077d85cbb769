"""Expressions of the IR as Z3 terms over one copy of the state: bit-vectors no wider than needed.

A variable of n values is a bit-vector that holds `value - low` in the fewest bits; a truth value is
a Boolean. A computed number carries the bounds between which it certainly lies, and is a two's-complement
bit-vector that is wide enough for them, so nothing here can overflow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import z3

from zdcheck.ir.expr import Const, Expr, Op, Select, Type, Var, VarId
from zdcheck.ir.system import State, System

Term = Any
"""A Z3 expression; z3 has no types."""


def all_of(terms: Sequence[Term]) -> Term:
    """Their conjunction. `z3.And` looks at the sort of every argument, which costs more than the query often."""
    return z3.BoolVal(True) if not terms else _join(z3.Z3_mk_and, terms)


def any_of(terms: Sequence[Term]) -> Term:
    """Their disjunction."""
    return z3.BoolVal(False) if not terms else _join(z3.Z3_mk_or, terms)


def _join(make: Any, terms: Sequence[Term]) -> Term:
    if len(terms) == 1:
        return terms[0]
    context = terms[0].ctx
    array = (z3.Ast * len(terms))(*(term.ast for term in terms))
    return z3.BoolRef(make(context.ref(), len(terms), array), context)


@dataclass(frozen=True, slots=True)
class Number:
    """A number between `low` and `high`, in two's complement in as many bits as those need."""

    term: Term
    low: int
    high: int

    def at(self, width: int) -> Term:
        """The same number in `width` bits, which must be enough."""
        return z3.SignExt(width - self.term.size(), self.term)


def signed_width(low: int, high: int) -> int:
    """Bits that hold every number of `low..high` in two's complement."""
    return max(low.bit_length() if low >= 0 else (~low).bit_length(), high.bit_length()) + 1


def raw_width(type: Type) -> int:
    """Bits that tell the values of a type apart; 0 where there is only one."""
    return (type.high - type.low).bit_length()


class Frame:
    """One copy of the state variables, with everything said about it so far."""

    def __init__(self, system: System, label: str) -> None:
        self.system = system
        self.types = tuple(variable.type for variable in system.variables)
        self.raw: tuple[Term, ...] = tuple(
            _constant(f"{variable.id}@{label}", variable.type) for variable in system.variables
        )
        self._decls = tuple(None if raw is None else raw.decl() for raw in self.raw)
        # By identity: to hash an expression takes as long as to encode it. The expression is kept
        # with its term, so that its identity stays its own.
        self._truths: dict[int, tuple[Expr, Term]] = {}
        self._numbers: dict[int, tuple[Expr, Number]] = {}

    # --- expressions --------------------------------------------------------------------

    def truth(self, expr: Expr) -> Term:
        """Whether the value of `expr` is not 0."""
        found = self._truths.get(id(expr))
        if found is None:
            found = self._truths[id(expr)] = (expr, self._truth(expr))
        return found[1]

    def _truth(self, expr: Expr) -> Term:
        match expr:
            case Const(value):
                return z3.BoolVal(value != 0)
            case Var(id) if is_truth(self.types[id]):
                return self.raw[id]
            case Op("and", args):
                return all_of([self.truth(arg) for arg in args])
            case Op("or", args):
                return any_of([self.truth(arg) for arg in args])
            case Op("not", (arg,)):
                number = self._bounds(arg)
                if number is None:
                    return z3.Not(self.truth(arg))
                return self.equals(arg, 1, negated=True)
            case Op("ite", (condition, then, otherwise)):
                return z3.If(self.truth(condition), self.truth(then), self.truth(otherwise))
            case Op("eq", (a, Const(value))):
                return self.equals(a, value)
            case Op("ne", (a, Const(value))):
                return z3.Not(self.equals(a, value))
            case Op(("eq" | "ne" | "lt" | "le") as op, (a, b)):
                return self._compare(op, a, b)
            case _:
                return z3.Not(self.equals(expr, 0))

    def _bounds(self, expr: Expr) -> tuple[int, int] | None:
        """None where the value is certainly 0 or 1."""
        match expr:
            case Op(("and" | "or" | "eq" | "ne" | "lt" | "le"), _):
                return None
            case _:
                number = self.number(expr)
                inside = number.low >= 0 and number.high <= 1
                return None if inside else (number.low, number.high)

    def equals(self, expr: Expr, value: int, *, negated: bool = False) -> Term:
        """Whether `expr` has this value."""
        term = self._equals(expr, value)
        return z3.Not(term) if negated else term

    def _equals(self, expr: Expr, value: int) -> Term:
        match expr:
            case Var(id):
                type = self.types[id]
                if value not in type:
                    return z3.BoolVal(False)
                if raw_width(type) == 0:
                    return z3.BoolVal(True)
                if is_truth(self.types[id]):
                    return self.raw[id] if value else z3.Not(self.raw[id])
                return self.raw[id] == value - type.low
            case _:
                number = self.number(expr)
                if not number.low <= value <= number.high:
                    return z3.BoolVal(False)
                return number.term == value

    def _compare(self, op: str, a: Expr, b: Expr) -> Term:
        left, right = self.number(a), self.number(b)
        width = max(left.term.size(), right.term.size())
        x, y = left.at(width), right.at(width)
        match op:
            case "eq":
                return x == y
            case "ne":
                return x != y
            case "lt":
                return x < y
            case _:
                return x <= y

    def number(self, expr: Expr) -> Number:
        """The value of `expr`."""
        found = self._numbers.get(id(expr))
        if found is None:
            found = self._numbers[id(expr)] = (expr, self._number(expr))
        return found[1]

    def _number(self, expr: Expr) -> Number:
        match expr:
            case Const(value):
                return _literal(value)
            case Var(id):
                return self._variable(id)
            case Select(variables, low, index):
                chosen = _literal(0)
                for position, id in reversed(list(enumerate(variables))):
                    here = self.equals(index, low + position)
                    chosen = _if(here, self._variable(id), chosen)
                return chosen
            case Op("ite", (condition, then, otherwise)):
                return _if(self.truth(condition), self.number(then), self.number(otherwise))
            case Op("add", args):
                return _sum([self.number(arg) for arg in args])
            case Op("sub", (a, b)):
                x, y = self.number(a), self.number(b)
                return _combine(x, y, x.low - y.high, x.high - y.low, lambda p, q: p - q)
            case Op("mul", (a, b)):
                x, y = self.number(a), self.number(b)
                corners = [p * q for p in (x.low, x.high) for q in (y.low, y.high)]
                return _combine(x, y, min(corners), max(corners), lambda p, q: p * q)
            case Op("not", (arg,)) if self._bounds(arg) is not None:
                x = self.number(arg)
                one = _literal(1)
                return _combine(one, x, 1 - x.high, 1 - x.low, lambda p, q: p - q)
            case Op(("not" | "and" | "or" | "eq" | "ne" | "lt" | "le"), _):
                return _if(self.truth(expr), _literal(1), _literal(0))
            case Op(op, _):
                raise AssertionError(f"{op} with the wrong number of arguments")
            case _:
                assert_never(expr)

    def _variable(self, id: VarId) -> Number:
        type = self.types[id]
        if raw_width(type) == 0:
            return _literal(type.low)
        if is_truth(self.types[id]):
            return _if(self.raw[id], _literal(1), _literal(0))
        width = signed_width(min(type.low, 0), max(type.high, type.high - type.low))
        raw = z3.ZeroExt(width - raw_width(type), self.raw[id])
        fits = signed_width(type.low, type.high)
        return Number(z3.Extract(fits - 1, 0, raw + type.low), type.low, type.high)

    # --- states and steps ---------------------------------------------------------------

    def is_state(self, state: State) -> Term:
        """Whether this is exactly `state`."""
        return z3.And(*(self._equals(Var(VarId(v)), value) for v, value in enumerate(state)))

    def in_range(self) -> Term:
        """Whether every variable has a value of its type."""
        parts = []
        for type, raw in zip(self.types, self.raw, strict=True):
            width = raw_width(type)
            if width and type.high - type.low != (1 << width) - 1:
                parts.append(z3.ULE(raw, type.high - type.low))
        return z3.And(*parts)

    def becomes(self, id: VarId, after: Frame, value: Expr) -> Term:
        """Whether `value` here, which lies in the type, is what variable `id` is in `after`."""
        type = self.types[id]
        width = raw_width(type)
        if width == 0:
            return z3.BoolVal(True)
        if is_truth(self.types[id]):
            return after.raw[id] == self.truth(value)
        match value:
            case Const(number):
                return after.raw[id] == number - type.low
            case Var(source) if self.types[source] == type:
                return after.raw[id] == self.raw[source]
            case _:
                number_ = self.number(value)
                wide = max(width, number_.term.size())
                return after.raw[id] == z3.Extract(width - 1, 0, number_.at(wide) - type.low)

    def stays(self, id: VarId, after: Frame) -> Term:
        """Whether variable `id` is the same in `after`."""
        if raw_width(self.types[id]) == 0:
            return z3.BoolVal(True)
        return after.raw[id] == self.raw[id]

    def state_in(self, model: Term) -> State:
        """The state that this copy is in a model; what the model leaves open gets its lowest value."""
        return tuple(
            type.low + self._offset_in(model, VarId(v)) for v, type in enumerate(self.types)
        )

    def _offset_in(self, model: Term, id: VarId) -> int:
        """How far above its lowest value a variable is."""
        decl = self._decls[id]
        if decl is None:
            return 0
        if is_truth(self.types[id]):
            return int(is_set(model, decl))
        found = z3.Z3_model_get_const_interp(decl.ctx.ref(), model.model, decl.ast)
        return int(z3.Z3_get_numeral_string(decl.ctx.ref(), found)) if found else 0


def is_truth(type: Type) -> bool:
    """Whether its values are those of a Boolean."""
    return type.low == 0 and type.high == 1


def is_set(model: Term, decl: Term) -> bool:
    """Whether a Boolean constant is true in a model. To `eval` each constant of a state takes longer than most questions."""
    context = decl.ctx.ref()
    found = z3.Z3_model_get_const_interp(context, model.model, decl.ast)
    return bool(found) and z3.Z3_get_bool_value(context, found) == z3.Z3_L_TRUE


def _constant(name: str, type: Type) -> Term:
    width = raw_width(type)
    if width == 0:
        return None
    if is_truth(type):
        return z3.Bool(name)
    return z3.BitVec(name, width)


def _literal(value: int) -> Number:
    return Number(z3.BitVecVal(value, signed_width(value, value)), value, value)


def _if(condition: Term, then: Number, otherwise: Number) -> Number:
    width = max(then.term.size(), otherwise.term.size())
    low, high = min(then.low, otherwise.low), max(then.high, otherwise.high)
    return Number(z3.If(condition, then.at(width), otherwise.at(width)), low, high)


def _combine(x: Number, y: Number, low: int, high: int, operator: Any) -> Number:
    width = max(x.term.size(), y.term.size(), signed_width(low, high))
    term = operator(x.at(width), y.at(width))
    return Number(z3.Extract(signed_width(low, high) - 1, 0, term), low, high)


def _sum(parts: Sequence[Number]) -> Number:
    low, high = sum(part.low for part in parts), sum(part.high for part in parts)
    width = max(signed_width(low, high), *(part.term.size() for part in parts))
    total = parts[0].at(width)
    for part in parts[1:]:
        total = total + part.at(width)
    return Number(z3.Extract(signed_width(low, high) - 1, 0, total), low, high)
