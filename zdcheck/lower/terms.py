"""Expressions of the model as terms over families.

An `Evaluation` lowers the expressions of one statement (or property). Besides the value it
collects what the value rests on: requirements (no null reference, no dead object, no number out
of range), each only as far as evaluation gets there, and the shared state that is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, assert_never

from zdcheck.base.source import Span
from zdcheck.ir.expr import NULL, Const
from zdcheck.ir.parametric import (
    SELF,
    Assignment,
    Bound,
    Cell,
    Dimension,
    Each,
    Ended,
    FamilyId,
    Quantifier,
    Requirement,
    Term,
    Touch,
    apply,
    each,
    implication,
)
from zdcheck.ir.system import Violation
from zdcheck.lang import model as m
from zdcheck.lang import types as t
from zdcheck.lower.instance import Instance, spec_error
from zdcheck.lower.layout import (
    Layout,
    LockStorage,
    Place,
    Scalar,
    SetValue,
    Storage,
    Value,
    VariantValue,
    families_of,
    slot_name,
)

MAX_EXPANSIONS = 20_000
"""Expression functions expanded in one program."""

MAX_EXPANSION_DEPTH = 40
"""Expression functions expanded inside each other."""

MAX_COMBINATIONS = 65_536
"""Values that quantifiers inside each other range over, together."""

FREED, ALIVE, GONE = 0, 1, 2
"""The lifetime of an object: destroyed itself, alive, died with what it lives in."""

Mode = Literal["code", "property", "ghost"]
"""Code is judged at each access; a property must be defined; ghost code can read everything."""


@dataclass
class Symbols:
    """Where everything that is not local to a function lives."""

    instance: Instance
    layout: Layout
    fields: dict[m.FieldSymbol, Storage] = field(default_factory=dict)
    variables: dict[m.GlobalSymbol, Storage] = field(default_factory=dict)
    sections: dict[m.SectionSymbol, FamilyId] = field(default_factory=dict)
    alive: dict[str, FamilyId] = field(default_factory=dict)
    thread_locals: dict[m.LocalSymbol, Storage] = field(default_factory=dict)
    expansions: int = 0


@dataclass
class Frame:
    """What names mean inside one inlined function, or in a thread's own body."""

    locals: dict[m.LocalSymbol, Storage] = field(default_factory=dict)
    aliases: dict[m.RefParamSymbol, Alias] = field(default_factory=dict)
    values: dict[m.LocalSymbol | m.RefParamSymbol | m.BoundSymbol, Value] = field(
        default_factory=dict
    )


@dataclass(frozen=True)
class Alias:
    """What a `ref` parameter stands for: a place expression in the caller's frame.

    It is evaluated anew at each use, so that each use is judged as the access that it is.
    """

    frame: Frame
    place: m.Expr


class Evaluation:
    """Lowers the expressions of one statement."""

    def __init__(
        self,
        symbols: Symbols,
        frame: Frame,
        mode: Mode,
        access: Literal["plain", "rmw"] = "plain",
        results: dict[int, Value] | None = None,
        declare: Callable[[m.LocalSymbol], Storage] | None = None,
    ) -> None:
        self._declare = declare
        self.symbols = symbols
        self.instance = symbols.instance
        self.layout = symbols.layout
        self.frame = frame
        self.mode = mode
        self.access: Literal["plain", "once", "acquire", "release", "rmw"] = access
        self.results = results or {}
        self.requirements: list[Requirement] = []
        self.touches: list[Touch] = []
        self.binds: list[Assignment] = []
        self._assumed: list[Term] = []
        self._expanding = 0
        self._combinations = 1

    # --- requirements and touches -------------------------------------------------------

    def require(self, condition: Term, id: str, message: str, span: Span) -> None:
        """Evaluation goes on only if `condition`; else the run ends in the violation `id`."""
        assumed = apply("and", *self._assumed, Const(1))
        guarded = implication(assumed, condition)
        if guarded != Const(1):
            self.requirements.append(Requirement(guarded, Violation(id, message, span)))

    @property
    def _is_skipped(self) -> bool:
        """Whether a constant to its left keeps what is evaluated now from ever being reached."""
        return apply("and", *self._assumed, Const(1)) == Const(0)

    @contextmanager
    def assuming(self, condition: Term) -> Iterator[None]:
        """What is evaluated inside is reached only if `condition`."""
        self._assumed.append(condition)
        yield
        self._assumed.pop()

    def touch(self, place: Place, mode: Literal["read", "write"], span: Span) -> None:
        """Record an access to a place, unless it is local or never happens."""
        if place.storage.is_local or self._is_skipped:
            return
        for family in families_of(place.storage.shape):
            self.touches.append(Touch(family, mode, self.access, span))

    def not_null(self, term: Term, type: t.Type, span: Span) -> None:
        """A reference that is used must point to something."""
        if self.mode != "ghost":
            self.stored_not_null(term, type, span)

    def stored_not_null(self, term: Term, type: t.Type, span: Span) -> None:
        """A reference that goes where null cannot be must point to something, also in ghost code."""
        if isinstance(type, t.RefType) and type.nullable:
            text = " ".join(span.text.split())
            self.require(
                apply("not", apply("eq", term, Const(NULL))),
                "null_dereference",
                f"`{text}` is null",
                span,
            )

    def must_live(self, kind: str, object: Term, span: Span) -> None:
        """An object that is accessed must be alive."""
        if self.mode != "code" or kind not in self.symbols.alive or self._is_skipped:
            return
        family = self.symbols.alive[kind]
        text = " ".join(span.text.split())
        alive = Cell(family, (object,))
        self.touches.append(Touch(family, "read", "plain", span))
        self.require(
            apply("not", apply("eq", alive, Const(GONE))),
            "use_after_unplug",
            f"`{text}` touches a {kind} that died with what it lived in",
            span,
        )
        self.require(
            apply("not", apply("eq", alive, Const(FREED))),
            "use_after_free",
            f"`{text}` touches a {kind} that was destroyed",
            span,
        )

    # --- places -------------------------------------------------------------------------

    def place(self, expr: m.Expr) -> Place | None:
        """Where the expression's value lives; None if it is a value without a place.

        The place itself is not touched yet, the references that lead to it are.
        """
        match expr:
            case m.LocalRef(symbol):
                if symbol in self.frame.values:
                    return None
                return Place(self.frame.locals[symbol], (SELF,))
            case m.ThreadLocalRef(thread, _, symbol):
                return Place(self.symbols.thread_locals[symbol], (self.term(thread),))
            case m.GlobalRef(symbol):
                return Place(self.symbols.variables[symbol])
            case m.RefParamRef(symbol):
                if (alias := self.frame.aliases.get(symbol)) is None:
                    return None
                outer_frame, self.frame = self.frame, alias.frame
                found = self.place(alias.place)
                self.frame = outer_frame
                return found
            case m.FieldRef(base, symbol):
                object = self.term(base)
                self.not_null(object, base.type, base.span)
                self.must_live(symbol.kind, object, expr.span)
                return Place(self.symbols.fields[symbol], (object,))
            case m.ElementRef(base, index):
                array = self.place(base)
                if array is None:
                    return None
                position = self.term(index)
                dimension = array.storage.dimensions[len(array.index)]
                if dimension.kind is None:
                    self._in_range(
                        position, dimension.low, dimension.low + dimension.size - 1, index
                    )
                else:
                    self.not_null(position, index.type, index.span)
                return Place(array.storage, (*array.index, position))
            case m.Accessed(place, access):
                outer, self.access = self.access, access
                found = self.place(place)
                self.access = outer
                return found
            case _:
                return None

    def _in_range(self, term: Term, low: int, high: int, expr: m.Expr) -> None:
        if self.mode == "ghost":
            return
        text = " ".join(expr.span.text.split())
        inside = apply("and", apply("le", Const(low), term), apply("le", term, Const(high)))
        self.require(inside, "range", f"`{text}` is not in {low}..{high}", expr.span)

    # --- values -------------------------------------------------------------------------

    def term(self, expr: m.Expr) -> Term:
        """The value of a scalar expression."""
        value = self.value(expr)
        assert isinstance(value, Scalar), expr
        return value.term

    def set(self, expr: m.Expr) -> SetValue:
        """The value of a set expression."""
        value = self.value(expr)
        assert isinstance(value, SetValue), expr
        return value

    def value(self, expr: m.Expr) -> Value:
        """The value of any expression."""
        if id(expr) in self.results:
            return self.results[id(expr)]
        match expr:
            case m.Number(value) | m.Truth(value) | m.Member(value):
                return Scalar(Const(int(value)))
            case m.Null():
                return Scalar(Const(NULL))
            case m.Self():
                return Scalar(SELF)
            case m.ConfigRef(symbol):
                return Scalar(Const(self.instance.configs[symbol]))
            case m.SizeOfKind(kind):
                return Scalar(Const(self.instance.sizes[kind]))
            case m.BoundRef(symbol):
                return self.frame.values[symbol]
            case m.LocalRef(local) if local in self.frame.values:
                return self.frame.values[local]
            case m.RefParamRef(parameter) if parameter in self.frame.values:
                return self.frame.values[parameter]
            case (
                m.LocalRef()
                | m.ThreadLocalRef()
                | m.GlobalRef()
                | m.RefParamRef()
                | m.FieldRef()
                | m.ElementRef()
            ):
                place = self.place(expr)
                assert place is not None, expr
                self.touch(place, "read", expr.span)
                return self.layout.read(place)
            case m.Accessed(inner, access):
                outer, self.access = self.access, access
                read = self.value(inner)
                self.access = outer
                return read
            case m.ObjectAt(kind, index):
                return Scalar(self._object_at(kind, index))
            case m.Construct():
                return self._construct(expr)
            case m.IsCase():
                return Scalar(self._is_case(expr))
            case m.Unary("!", operand):
                return Scalar(apply("not", self.term(operand)))
            case m.Unary(_, operand):
                return Scalar(apply("sub", Const(0), self.term(operand)))
            case m.Binary():
                return self._binary(expr)
            case m.Conditional(condition, then, otherwise):
                return self._conditional(condition, then, otherwise)
            case m.Quantifier(op, variable, domain, body):
                return Scalar(self._quantifier(op, variable, domain, body))
            case m.SetOf():
                return self._set_of(expr)
            case m.SizeOfSet(operand):
                members = self.set(operand)
                over = self.layout.over("member", members.members)
                has = members.has(over.bound)
                return Scalar(each("count", over.bound, over.low, over.high, has))
            case m.IndexOf(operand):
                return Scalar(self._index_of(operand))
            case m.IsAlive(operand):
                return Scalar(self._is_alive(operand))
            case m.HasEnded(operand):
                return Scalar(Ended(self.term(operand)))
            case m.IsInside(thread, section):
                depth = Cell(self.symbols.sections[section], (self.term(thread),))
                return Scalar(apply("lt", Const(0), depth))
            case m.OwnerOf(lock):
                place = self.place(lock)
                assert place is not None and isinstance(place.storage.shape, LockStorage)
                self.touch(place, "read", expr.span)
                return Scalar(Cell(place.storage.shape.lock.owner, place.index))
            case m.Call(function, arguments):
                return self._expression_function(function, arguments)
            case m.TryLock():
                raise AssertionError("trylock is hoisted before its expression is evaluated")
            case _:
                assert_never(expr)

    def _object_at(self, kind: str, index: m.Expr) -> Term:
        position = self.term(index)
        self._in_range(position, 0, self.instance.sizes[kind] - 1, index)
        return apply("add", position, Const(self.instance.first.get(kind, 0)))

    def _index_of(self, operand: m.Expr) -> Term:
        object = self.term(operand)
        self.not_null(object, operand.type, operand.span)
        assert isinstance(operand.type, t.RefType)
        return apply("sub", object, Const(self.instance.first.get(operand.type.kind, 0)))

    def _is_alive(self, operand: m.Expr) -> Term:
        object = self.term(operand)
        assert isinstance(operand.type, t.RefType)
        exists = apply("not", apply("eq", object, Const(NULL)))
        family = self.symbols.alive.get(operand.type.kind)
        if family is None:
            return exists
        return apply("and", exists, apply("eq", Cell(family, (object,)), Const(ALIVE)))

    def _construct(self, expr: m.Construct) -> Value:
        symbol = self.instance.model.variants[expr.type.name]
        slots: dict[str, Term] = {
            slot: Const(self.layout.default(type))
            for slot, type in self.layout.slots(symbol).items()
        }
        for payload, argument in zip(expr.case.payload, expr.arguments, strict=True):
            term = self.term(argument)
            if isinstance(payload.type, t.RefType) and not payload.type.nullable:
                self.not_null(term, argument.type, argument.span)
            self.fits(term, payload.type, argument)
            slots[slot_name(payload)] = term
        return VariantValue(Const(expr.case_index), slots)

    def fits(self, term: Term, type: t.Type, expr: m.Expr) -> None:
        """A number that is stored must be in its type's range."""
        if isinstance(type, t.IntType) and type.low is not None:
            scalar = self.instance.scalar(type, expr.span)
            self._in_range(term, scalar.low, scalar.high, expr)

    def _is_case(self, expr: m.IsCase) -> Term:
        operand = self.value(expr.operand)
        if isinstance(operand, Scalar):  # an enum
            return apply("eq", operand.term, Const(expr.case_index))
        assert isinstance(operand, VariantValue)
        for payload, bind in zip(expr.case.payload, expr.binds, strict=False):
            if bind is None:
                continue
            value = Scalar(operand.slots[slot_name(payload)])
            self.frame.values[bind] = value
            if isinstance(bind, m.LocalSymbol):
                assert self._declare is not None, "only statements bind locals"
                place = Place(self._declare(bind), (SELF,))
                self.binds.extend(self.layout.write(place, value))
        return apply("eq", operand.tag, Const(expr.case_index))

    def release_patterns(self) -> None:
        """Names bound by `is` mean their variables again: the statement that bound them is over."""
        for symbol in [s for s in self.frame.values if isinstance(s, m.LocalSymbol)]:
            if symbol.role == "pattern":
                del self.frame.values[symbol]

    def _binary(self, expr: m.Binary) -> Value:
        left, right = expr.left, expr.right
        match expr.op:
            case "&&" | "||" | "implies":
                a = self.term(left)
                with self.assuming(apply("not", a) if expr.op == "||" else a):
                    b = self.term(right)
                if expr.op == "implies":
                    return Scalar(implication(a, b))
                return Scalar(apply("and" if expr.op == "&&" else "or", a, b))
            case "==":
                return Scalar(self.layout.equal(self.value(left), self.value(right)))
            case "!=":
                return Scalar(apply("not", self.layout.equal(self.value(left), self.value(right))))
            case "<":
                return Scalar(apply("lt", self.term(left), self.term(right)))
            case "<=":
                return Scalar(apply("le", self.term(left), self.term(right)))
            case ">":
                a = self.term(left)
                return Scalar(apply("lt", self.term(right), a))
            case ">=":
                a = self.term(left)
                return Scalar(apply("le", self.term(right), a))
            case "in":
                member = self.term(left)
                members = self.set(right)
                exists = apply("not", apply("eq", member, Const(NULL)))
                return Scalar(apply("and", exists, members.has(member)))
            case "*":
                return Scalar(apply("mul", self.term(left), self.term(right)))
            case "+" | "-":
                return self.sum(expr.op, self.value(left), self.value(right))
            case _:
                assert_never(expr.op)

    def sum(self, op: Literal["+", "-"], a: Value, b: Value) -> Value:
        """Addition and subtraction, union and difference."""
        match a, b:
            case Scalar(x), Scalar(y):
                return Scalar(apply("add" if op == "+" else "sub", x, y))
            case SetValue(members, has_a), SetValue(_, has_b) if op == "+":
                return SetValue(members, lambda v: apply("or", has_a(v), has_b(v)))
            case SetValue(members, has_a), SetValue(_, has_b):
                return SetValue(members, lambda v: apply("and", has_a(v), apply("not", has_b(v))))
            case _:
                raise AssertionError(f"{a} {op} {b}")

    def _conditional(self, condition: m.Expr, then: m.Expr, otherwise: m.Expr) -> Value:
        test = self.term(condition)
        with self.assuming(test):
            a = self.value(then)
        with self.assuming(apply("not", test)):
            b = self.value(otherwise)
        return self.layout.choose(test, a, b)

    def _set_of(self, expr: m.SetOf) -> Value:
        kind = expr.type.kind or ""
        members = [self.term(member) for member in expr.members]
        for term, member in zip(members, expr.members, strict=True):
            self.not_null(term, member.type, member.span)
        return SetValue(
            self.layout.kind_dimension(kind) if kind else Dimension(None, 0, 0),
            lambda v: apply("or", *(apply("eq", v, term) for term in members), Const(0), Const(0)),
        )

    def _quantifier(
        self,
        op: Quantifier,
        variable: m.BoundSymbol,
        domain: t.Domain,
        body: m.Expr,
    ) -> Term:
        low, high = self.instance.domain(domain, variable.span)
        bound = self.layout.bound(variable.name, t.kind_of(domain))
        self.frame.values[variable] = Scalar(bound)
        with self.ranging(high - low + 1, variable.span), self.for_all(bound, low, high):
            term = self.term(body)
        return each(op, bound, low, high, term)

    @contextmanager
    def ranging(self, size: int, span: Span) -> Iterator[None]:
        """What is evaluated inside is spelled out `size` times."""
        outer, self._combinations = self._combinations, self._combinations * max(size, 1)
        if self._combinations > MAX_COMBINATIONS:
            raise spec_error(
                "program_too_large",
                f"quantifiers inside each other range over more than {MAX_COMBINATIONS} values",
                span,
            )
        yield
        self._combinations = outer

    @contextmanager
    def for_all(self, bound: Bound, low: int, high: int) -> Iterator[None]:
        """Requirements made inside must be true for every value of `bound`."""
        outer, self.requirements = self.requirements, []
        assumed, self._assumed = self._assumed, []
        yield
        inner, self.requirements, self._assumed = self.requirements, outer, assumed
        for requirement in inner:
            violation = requirement.violation
            everywhere = each("forall", bound, low, high, requirement.condition)
            self.require(everywhere, violation.id, violation.message, violation.span)

    def _expression_function(
        self, function: m.FunctionSymbol, arguments: tuple[m.Expr, ...]
    ) -> Value:
        body = self.instance.model.functions[function].body
        assert not isinstance(body, m.Block)
        values = [self.value(argument) for argument in arguments]
        self.frame.values.update(zip(function.params, values, strict=True))
        self.symbols.expansions += 1
        self._expanding += 1
        if self.symbols.expansions > MAX_EXPANSIONS or self._expanding > MAX_EXPANSION_DEPTH:
            raise spec_error(
                "program_too_large", "expression functions expand to too much", function.span
            )
        value = self.value(body)
        self._expanding -= 1
        return value


def outer_foralls(term: Term) -> tuple[tuple[Each, ...], Term]:
    """The `forall`s at the top of a term, and what stands below them."""
    binders: list[Each] = []
    while isinstance(term, Each) and term.op == "forall":
        binders.append(term)
        term = term.body
    return tuple(binders), term
