"""A second meaning of the language, for comparison: the checked model run as it is written.

Nothing of `zdcheck.lower` is used but `Instance` (the numbers of a check): no inlining, no
control-flow graph, no symbolic paths. Threads are Python generators that stop where the language reference
says a thread stops; a state is reached again by running its history again. Slow, and that is fine.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from zdcheck.lang import model as m
from zdcheck.lang import types as t
from zdcheck.lang.walk import children, walk
from zdcheck.lower.instance import Instance

NULL = -1
Place = tuple[Any, ...]
"""("field", symbol, object, *index), ("global", symbol, *index) or ("local", dict, symbol, *index)."""


class Wrong(Exception):
    """A violation."""

    def __init__(self, id: str) -> None:
        self.id = id


class Blocked(Exception):
    """The step cannot be taken."""


class NeedChoice(Exception):
    """The script of choices has run out here; there are so many options."""

    def __init__(self, options: int) -> None:
        self.options = options


class _Jump(Exception):
    def __init__(self, kind: str, value: Any = None) -> None:
        self.kind = kind
        self.value = value


@dataclass
class Frame:
    """One running function."""

    locals: dict[m.LocalSymbol, Any] = field(default_factory=dict)
    refs: dict[m.RefParamSymbol, tuple[Frame, m.Expr] | None] = field(default_factory=dict)
    values: dict[Any, Any] = field(default_factory=dict)


class World:
    """Shared state, the threads, and how statements change them."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.model = instance.model
        self.shared: dict[Place, Any] = {}
        self.alive: dict[tuple[str, int], str] = {}
        self.depth: dict[tuple[str, int], int] = {}
        self.pending: dict[int, set[int]] = {}
        self.waiting_for: dict[int, frozenset[str]] = {}
        self.script: list[int] = []
        self.holders: dict[int, list[tuple[Frame, m.LocalSymbol]]] = {}
        self.family_of: dict[int, str] = {}
        self.main_frames: dict[int, Frame] = {}
        self.ended: set[int] = set()
        self.written, self.mortal = self._mutability()
        for kind in self.model.kinds.values():
            for number in range(instance.sizes[kind.name]):
                self.alive[kind.name, number] = "alive"
                for fld in kind.fields:
                    self._initialise(("field", fld, number), fld)
        for variable in self.model.variables:
            self._initialise(("global", variable), variable)
        for thread in self.model.threads:
            first = instance.first[thread.name]
            for number in range(first, first + instance.sizes[thread.name]):
                self.family_of[number] = thread.name
                for section in self.model.sections:
                    self.depth[section.name, number] = 0

    # --- what is shared -----------------------------------------------------------------

    def _constant(self, expr: m.Expr) -> int | None:
        """A condition's value if configs alone decide it."""
        match expr:
            case m.Binary("&&", left, right):
                a, b = self._constant(left), self._constant(right)
                if a == 0 or b == 0:
                    return 0
                return 1 if a and b else None
            case m.Binary("||", left, right):
                a, b = self._constant(left), self._constant(right)
                if a or b:
                    return 1
                return 0 if a == 0 and b == 0 else None
            case m.Binary("implies", left, right):
                a, b = self._constant(left), self._constant(right)
                if a == 0 or b:
                    return 1
                return 0 if a and b == 0 else None
            case m.Unary("!", operand):
                value = self._constant(operand)
                return None if value is None else 1 - value
            case m.Quantifier(("forall" | "exists") as op, variable, domain, body):
                low, high = self.instance.domain(domain, variable.span)
                return self._constant(body) if low <= high else int(op == "forall")
        try:
            return self.instance.number(expr)
        except Exception:
            return None

    def _decides(self, expr: m.Binary) -> bool:
        """Whether configs alone make the left side decide, so that the right is never asked."""
        if expr.op not in ("&&", "||", "implies"):
            return False
        first = self._constant(expr.left)
        return first is not None and (first == 0) == (expr.op in ("&&", "implies"))

    def _live(self, node: Any) -> Iterator[Any]:
        """A body without what constant conditions skip."""
        yield node
        if isinstance(node, m.If) and (value := self._constant(node.condition)) is not None:
            yield from self._live(node.condition)
            branch = node.then if value else node.otherwise
            if branch is not None:
                yield from self._live(branch)
            return
        if isinstance(node, m.While) and node.condition and self._constant(node.condition) == 0:
            yield from self._live(node.condition)
            return
        if isinstance(node, m.Binary) and self._decides(node):
            yield from self._live(node.left)
            return
        if isinstance(node, m.Block):
            for statement in self._come_to(node):
                yield from self._live(statement)
            return
        for child in children(node):
            yield from self._live(child)

    def _come_to(self, block: m.Block) -> Iterator[m.Stmt]:
        """The statements of a block without those behind a jump; a label is come to."""
        goes_on = True
        for statement in block.statements:
            goes_on = goes_on or any(isinstance(part, m.Label) for part in walk(statement))
            if goes_on:
                yield statement
                goes_on = not self._leaves(statement)

    def _leaves(self, statement: m.Stmt) -> bool:
        """Whether what follows a statement is never come to from it."""
        match statement:
            case m.Goto() | m.Return() | m.Break() | m.Continue():
                return True
            case m.Block():
                *_, last = (None, *self._come_to(statement))
                return last is not None and self._leaves(last)
            case m.Atomic(body):
                return self._leaves(body)
            case m.If(condition, then, otherwise):
                value = self._constant(condition)
                branches = [then] if value else [otherwise] if value == 0 else [then, otherwise]
                return all(branch is not None and self._leaves(branch) for branch in branches)
            case m.Either(branches):
                return all(self._leaves(branch) for branch in branches)
            case m.While(condition, body):
                endless = condition is None or self._constant(condition) == 1
                return endless and not any(isinstance(part, m.Break) for part in walk(body))
            case _:
                return False

    def _mutability(self) -> tuple[set[Any], set[str]]:
        written: set[Any] = set()
        mortal: set[str] = set()
        seen: set[m.FunctionSymbol] = set()

        def root(expr: m.Expr, aliases: dict[Any, set[Any]]) -> set[Any]:
            match expr:
                case m.ElementRef(base):
                    return root(base, aliases)
                case m.Accessed(place):
                    return root(place, aliases)
                case m.FieldRef(_, symbol) | m.GlobalRef(symbol):
                    return {symbol}
                case m.RefParamRef(symbol):
                    return aliases.get(symbol, set())
                case _:
                    return set()

        def visit(body: Any, aliases: dict[Any, set[Any]]) -> None:
            for node in self._live(body):
                match node:
                    case m.Assign(target=target):
                        written.update(root(target, aliases))
                    case m.Drop(place):
                        written.update(s for s in root(place, aliases) if self._holds(s))
                    case m.LockOp(_, lock) | m.TryLock(lock):
                        written.update(root(lock, aliases))
                    case m.SectionOp(_, section):
                        written.add(section)
                    case m.LifetimeOp(op, operand) if op in ("destroy", "create"):
                        dying = [operand.type.kind]  # type: ignore[union-attr]
                        for kind in dying:
                            mortal.add(kind)
                            written.update(f for f in self.model.kinds[kind].fields if not f.ghost)
                            if op == "destroy":
                                dying += [
                                    k.name
                                    for k in self.model.kinds.values()
                                    for f in k.fields
                                    if f.lives_in and f.type.kind == kind and k.name not in dying  # type: ignore[union-attr]
                                ]
                    case m.Call(function, arguments):
                        inner = {
                            p: root(a, aliases)
                            for p, a in zip(function.params, arguments, strict=True)
                        }
                        key = (
                            function,
                            tuple(sorted((id(k), tuple(map(id, v))) for k, v in inner.items())),
                        )
                        if key not in seen:  # type: ignore[comparison-overlap]
                            seen.add(key)  # type: ignore[arg-type]
                            visit(self.model.functions[function].body, inner)

        for thread in self.model.threads:
            visit(thread.body, {})
        return written, mortal

    def _holds(self, symbol: Any) -> bool:
        if symbol.holds is not None:
            return True
        if isinstance(symbol.type, t.VariantType):
            cases = self.model.variants[symbol.type.name].cases
            return any(p.holds for c in cases for p in c.payload)
        return False

    def touches(self, expr: Any, frame: Frame) -> bool:
        """Whether evaluating the expression touches shared state (calls excepted)."""
        if id(expr) in frame.values:
            return False  # its code has run already
        if isinstance(expr, m.Call) and not expr.function.is_expression:
            return False
        match expr:
            case m.Binary(_, left, _) if self._decides(expr):
                return self.touches(left, frame)
            case m.Conditional(condition, then, otherwise):
                if (value := self._constant(condition)) is not None:
                    return self.touches(then if value else otherwise, frame)
            case m.GlobalRef(symbol):
                return symbol in self.written and not symbol.ghost
            case m.FieldRef(base, symbol):
                own = (symbol in self.written and not symbol.ghost) or symbol.kind in self.mortal
                return own or self.touches(base, frame)
            case m.RefParamRef(symbol):
                alias = frame.refs.get(symbol)
                return alias is not None and self.touches(alias[1], alias[0])
            case m.Call(function, arguments):
                body = self.model.functions[function].body
                return any(self.touches(a, frame) for a in arguments) or self.touches(body, frame)
            case m.OwnerOf(lock):
                return self.touches(lock, frame)
        return any(self.touches(child, frame) for child in children(expr))

    # --- initial values -----------------------------------------------------------------

    def _default(self, type_: t.Type, initial: Any) -> Any:
        number = self.instance.number
        match type_:
            case t.SetType():
                return (
                    frozenset(number(x) for x in initial.members)
                    if isinstance(initial, m.SetOf)
                    else frozenset()
                )
            case t.VariantType():
                if isinstance(initial, m.Construct):
                    return (initial.case_index, *(number(a) for a in initial.arguments))
                return (0,)
            case t.LockType():
                return (NULL, frozenset())
        if initial is not None and not isinstance(initial, m.AnyValue):
            return number(initial)
        match type_:
            case t.RefType(kind, nullable):
                return NULL if nullable else self.instance.first.get(kind, 0)
            case t.IntType(low) if low is not None:
                return number(low)
            case t.IntType():
                return -64
        return 0

    def _indices(self, dimensions: tuple[Any, ...]) -> Iterator[tuple[int, ...]]:
        ranges = []
        for dimension in dimensions:
            low, high = self.instance.domain(dimension, dimension_span(dimension, self.model))
            ranges.append(range(low, high + 1))
        return itertools.product(*ranges)

    def _initialise(self, place: Place, symbol: Any) -> None:
        for index in self._indices(symbol.dimensions):
            if isinstance(symbol.initial, m.AnyValue):
                raise NotImplementedError("any initial")
            self.shared[(*place, *index)] = self._default(symbol.type, symbol.initial)

    # --- expressions --------------------------------------------------------------------

    def read(self, place: Place) -> Any:
        if place[0] == "local":
            return place[1][place[2]] if len(place) == 3 else place[1][place[2]][place[3:]]
        return self.shared[place]

    def write(self, place: Place, value: Any) -> None:
        if place[0] == "local":
            if len(place) == 3:
                place[1][place[2]] = value
            else:
                place[1][place[2]][place[3:]] = value
        else:
            self.shared[place] = value

    def check_alive(self, kind: str, number: int) -> None:
        match self.alive.get((kind, number), "alive"):
            case "gone":
                raise Wrong("use_after_unplug")
            case "freed":
                raise Wrong("use_after_free")

    def place(self, expr: m.Expr, frame: Frame, me: int, judged: bool = True) -> Place:
        match expr:
            case m.LocalRef(symbol):
                return ("local", frame.locals, symbol)
            case m.ThreadLocalRef(thread, _, symbol):
                number = self.value(thread, frame, me, judged)
                main = self.main_frames.get(number)
                if main is None or symbol not in main.locals:
                    return ("local", {symbol: self._absent(symbol)}, symbol)
                return ("local", main.locals, symbol)
            case m.GlobalRef(symbol):
                return ("global", symbol)
            case m.RefParamRef(symbol):
                alias = frame.refs[symbol]
                assert alias is not None
                return self.place(alias[1], alias[0], me, judged)
            case m.FieldRef(base, symbol):
                number = self.value(base, frame, me, judged)
                if number == NULL:
                    raise Wrong("null_dereference")
                if judged:
                    self.check_alive(symbol.kind, number)
                return ("field", symbol, number)
            case m.ElementRef(base, index):
                array = self.place(base, frame, me, judged)
                position = self.value(index, frame, me, judged)
                place = (*array, position)
                if isinstance(index.type, t.RefType):
                    if position == NULL:
                        raise Wrong("null_dereference")
                else:
                    try:
                        self.read(place)
                    except KeyError:
                        symbol = (
                            array[1]
                            if array[0] == "global"
                            else array[1]
                            if array[0] == "field"
                            else array[2]
                        )
                        if len(place) - (2 if array[0] == "global" else 3) == len(
                            symbol.dimensions
                        ):
                            raise Wrong("range") from None
                return place
            case m.Accessed(inner):
                return self.place(inner, frame, me, judged)
        raise AssertionError(expr)

    def _absent(self, symbol: m.LocalSymbol) -> Any:
        """A local that is not in scope."""
        if isinstance(symbol.type, t.RefType):
            return NULL
        return self._default(symbol.type, None)

    def value(self, expr: Any, frame: Frame, me: int, judged: bool = True) -> Any:
        if id(expr) in frame.values:
            return frame.values[id(expr)]

        def go(e: Any) -> Any:
            return self.value(e, frame, me, judged)

        match expr:
            case m.Number(v) | m.Truth(v) | m.Member(v):
                return int(v)
            case m.Null():
                return NULL
            case m.Self():
                return me
            case m.ConfigRef(symbol):
                return self.instance.configs[symbol]
            case m.SizeOfKind(kind):
                return self.instance.sizes[kind]
            case m.BoundRef(symbol):
                return frame.values[symbol]
            case m.LocalRef(symbol) if symbol in frame.values:
                return frame.values[symbol]
            case m.RefParamRef(symbol) if frame.refs.get(symbol) is None:
                return frame.values[symbol]
            case (
                m.LocalRef()
                | m.ThreadLocalRef()
                | m.GlobalRef()
                | m.RefParamRef()
                | m.FieldRef()
                | m.ElementRef()
            ):
                return self.read(self.place(expr, frame, me, judged))
            case m.Accessed(inner):
                return go(inner)
            case m.ObjectAt(kind, index):
                position = go(index)
                if not 0 <= position < self.instance.sizes[kind]:
                    raise Wrong("range")
                return position + self.instance.first.get(kind, 0)
            case m.Construct(_, number, arguments):
                values = [go(a) for a in arguments]
                for payload, argument in zip(expr.case.payload, values, strict=True):
                    self.fits(payload.type, argument)
                return (number, *values)
            case m.IsCase(operand, _, number, binds):
                found = go(operand)
                if isinstance(found, int):
                    return int(found == number)
                if found[0] == number:
                    for bind, bound in zip(binds, found[1:], strict=False):
                        if bind is not None:
                            frame.values[bind] = bound
                return int(found[0] == number)
            case m.Unary("!", operand):
                return 1 - go(operand)
            case m.Unary(_, operand):
                return -go(operand)
            case m.Binary(op, left, right):
                return self._binary(op, left, right, go)
            case m.Conditional(condition, then, otherwise):
                return go(then) if go(condition) else go(otherwise)
            case m.Quantifier(op, variable, domain, body):
                low, high = self.instance.domain(domain, variable.span)
                results = []
                for number in range(low, high + 1):
                    frame.values[variable] = number
                    results.append(go(body))
                if op == "count":
                    return sum(results)
                return int(all(results) if op == "forall" else any(results))
            case m.SetOf(members):
                values = [go(member) for member in members]
                if NULL in values:
                    raise Wrong("null_dereference")
                return frozenset(values)
            case m.SizeOfSet(operand):
                return len(go(operand))
            case m.IndexOf(operand):
                number = go(operand)
                if number == NULL:
                    raise Wrong("null_dereference")
                return number - self.instance.first.get(operand.type.kind, 0)
            case m.IsAlive(operand):
                number = go(operand)
                return int(
                    number != NULL
                    and self.alive.get((operand.type.kind, number), "alive") == "alive"
                )
            case m.HasEnded(operand):
                return int(go(operand) in self.ended)
            case m.IsInside(thread, section):
                return int(self.depth[section.name, go(thread)] > 0)
            case m.OwnerOf(lock):
                return self.read(self.place(lock, frame, me, judged))[0]
            case m.Call(function, arguments):
                values = [go(a) for a in arguments]
                inner = Frame(
                    refs=dict.fromkeys(
                        p for p in function.params if isinstance(p, m.RefParamSymbol)
                    )
                )
                inner.values.update(zip(function.params, values, strict=True))
                return self.value(self.model.functions[function].body, inner, me, judged)
        raise AssertionError(expr)

    def _binary(self, op: str, left: Any, right: Any, go: Callable[[Any], Any]) -> Any:
        a = go(left)
        match op:
            case "&&":
                return int(bool(a and go(right)))
            case "||":
                return int(bool(a or go(right)))
            case "implies":
                return int(bool(not a or go(right)))
        b = go(right)
        match op:
            case "==":
                return int(a == b)
            case "!=":
                return int(a != b)
            case "<":
                return int(a < b)
            case "<=":
                return int(a <= b)
            case ">":
                return int(a > b)
            case ">=":
                return int(a >= b)
            case "in":
                return int(a in b)
            case "*":
                return a * b
            case "+":
                return a | b if isinstance(a, frozenset) else a + b
        return a - b

    def fits(self, type_: t.Type, value: Any, counted: bool = False) -> None:
        match type_:
            case t.RefType(_, False) if value == NULL:
                raise Wrong("null_dereference")
            case t.IntType(low, high) if low is not None and high is not None:
                if value < self.instance.number(low):
                    raise Wrong("refcount_underflow" if counted else "range")
                if value > self.instance.number(high):
                    raise Wrong("refcount_overflow" if counted else "range")
            case t.IntType() if not -64 <= value <= 64:
                raise Wrong("range")

    # --- choices ------------------------------------------------------------------------

    def choose(self, options: int) -> int:
        if options == 1:
            return 0
        if not self.script:
            raise NeedChoice(options)
        return self.script.pop(0)

    # --- the ledger and properties ------------------------------------------------------

    def imbalance(self) -> str | None:
        """The first ledger violation."""
        for fld in [f for k in self.model.kinds.values() for f in k.fields if f.counted]:
            for number in range(self.instance.sizes[fld.kind]):
                if self.alive[fld.kind, number] != "alive":
                    continue
                bias = 0 if fld.bias is None else self.value(fld.bias, Frame(), 0, False)
                expected = bias + sum(self._held(fld, number))
                count = self.shared["field", fld, number]
                if count != expected:
                    return "reference_leak" if count > expected else "unbalanced_put"
        return None

    def _held(self, fld: m.FieldSymbol, number: int) -> Iterator[int]:
        for place, value in self.shared.items():
            symbol = place[1]
            yield from self._held_by(symbol.type, symbol.holds, value, fld, number)
        for owned in self.holders.values():
            for frame, local in owned:
                value = frame.locals.get(local)
                for one in value.values() if isinstance(value, dict) else (value,):
                    if one is not None and local.holds is not None:
                        yield from self._held_by(local.type, local.holds, one, fld, number)

    def _held_by(
        self, type_: t.Type, holding: m.Holding | None, value: Any, fld: m.FieldSymbol, number: int
    ) -> Iterator[int]:
        if isinstance(type_, t.VariantType):
            case = self.model.variants[type_.name].cases[value[0]]
            frame = Frame()
            for payload, part in zip(case.payload, value[1:], strict=True):
                frame.values[payload.bound] = part
            for payload, part in zip(case.payload, value[1:], strict=True):
                if payload.holds is not None:
                    yield self._points(payload.holds, part, fld, number, frame)
        elif holding is not None:
            for part in value if isinstance(value, frozenset) else (value,):
                yield self._points(holding, part, fld, number, Frame())

    def _points(
        self, holding: m.Holding, value: int, fld: m.FieldSymbol, number: int, frame: Frame
    ) -> int:
        if value == NULL or holding.path[-1] is not fld:
            return 0
        if holding.subject is not None:
            frame.values[holding.subject] = value
        if holding.when is not None and not self.value(holding.when, frame, 0, False):
            return 0
        for step in holding.path[:-1]:
            if value == NULL:
                return 0
            value = self.shared["field", step, value]
        return int(value == number)

    def broken(self) -> str | None:
        """The first property that is false."""
        for prop in self.model.properties:
            if prop.kind == "cover" or prop.name in self.instance.check.without:
                continue
            if prop.when is not None and not self.instance.number(prop.when):
                continue
            if prop.kind == "finally" and not self.all_ended():
                continue
            try:
                good = self.value(prop.body, Frame(), 0, False)
            except Wrong:
                good = 0
            if not good:
                return prop.name
        return None

    def all_ended(self) -> bool:
        daemons = {thread.name for thread in self.model.threads if thread.daemon}
        return all(n in self.ended or f in daemons for n, f in self.family_of.items())


def dimension_span(dimension: Any, model: m.Model) -> Any:
    return None
