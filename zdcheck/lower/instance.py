"""One check of a model with its numbers: config values, sizes of kinds, range bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from zdcheck.base.diagnostics import Diagnostic, Label, Severity, SpecError, UsageError
from zdcheck.base.source import Span
from zdcheck.ir.expr import BOOL, NULL, Type
from zdcheck.lang import model as m
from zdcheck.lang import types as t
from zdcheck.lang.walk import walk

MAX_OBJECTS = 64
"""Objects of one kind. More would never be explored, and sets of them would not be packed."""

MAX_THREADS = 32
"""Threads in all."""

_MAX_NUMBER = 1 << 20
"""Bounds of integer types; a type this large has nothing to do with a protocol."""


def spec_error(id: str, message: str, span: Span, help: str | None = None) -> SpecError:
    """A single error about a place."""
    return SpecError([Diagnostic(id, Severity.ERROR, message, Label(span), help=help)])


@dataclass(frozen=True)
class Instance:
    """A model with every config and size fixed.

    `sizes` has every object kind and thread family, `first` the number of the first thread of
    each family (threads are numbered over all families). `thread` is the kind of all threads.
    `open` are object kinds that stand for any number of objects: a loop over them visits one whose fate is
    followed, and any number of others before and after it.
    """

    model: m.Model
    check: m.Check
    configs: Mapping[m.ConfigSymbol, int]
    sizes: Mapping[str, int]
    first: Mapping[str, int]
    open: frozenset[str] = frozenset()

    @staticmethod
    def of(
        model: m.Model,
        check: m.Check,
        settings: Mapping[str, str] | None = None,
        scope: Mapping[str, int] | None = None,
    ) -> Instance:
        """The check with the user's own settings (`--set`) and sizes (`--scope`) on top.

        Raises UsageError for a setting that does not exist or does not fit, SpecError where the
        spec's own numbers are wrong.
        """
        configs = _configs(model, check, settings or {})
        draft = Instance(model, check, configs, {}, {})
        sizes = draft._sizes(scope or {})
        first: dict[str, int] = {}
        for thread in model.threads:
            first[thread.name] = sum(sizes[name] for name in first)
        sizes["thread"] = sum(sizes[name] for name in first)
        first["thread"] = 0
        if sizes["thread"] > MAX_THREADS:
            raise spec_error(
                "scope_too_large",
                f"{sizes['thread']} threads in all; at most {MAX_THREADS} can be checked",
                check.span,
            )
        return Instance(model, check, configs, sizes, first)

    def _sizes(self, scope: Mapping[str, int]) -> dict[str, int]:
        sizes = dict.fromkeys(self.model.kinds, 1)
        scopable = set(sizes)
        for thread in self.model.threads:
            sizes[thread.name] = 1
            if thread.count == "*":
                scopable.add(thread.name)
            elif thread.count is not None:
                sizes[thread.name] = self.number(thread.count)
        given = {**self.model.scope, **dict(self.check.scope)}
        places = {name: expr.span for name, expr in given.items()}
        values = {name: self.number(expr) for name, expr in given.items()}
        for name, size in scope.items():
            if name not in scopable:
                known = ", ".join(sorted(scopable))
                raise UsageError(
                    f"--scope {name}={size}: nothing here is called `{name}` (there are: {known})"
                )
            values[name] = size
        for name, size in values.items():
            low = 1 if name in self.model.kinds else 0
            if not low <= size <= MAX_OBJECTS:
                message = f"scope `{name}: {size}` is not between {low} and {MAX_OBJECTS}"
                if name in scope:
                    raise UsageError(f"--{message}")
                raise spec_error("scope_too_large", message, places[name])
            if name in scopable:
                sizes[name] = size
        return sizes

    # --- constants ----------------------------------------------------------------------

    def number(self, expr: m.Expr) -> int:
        """The value of a constant expression."""
        match expr:
            case m.Number(value) | m.Truth(value) | m.Member(value):
                return int(value)
            case m.Null():
                return NULL
            case m.ConfigRef(symbol):
                return self.configs[symbol]
            case m.SizeOfKind(kind):
                return self.sizes[kind]
            case m.ObjectAt(kind, index):
                position = self.number(index)
                if not 0 <= position < self.sizes[kind]:
                    raise spec_error(
                        "no_such_object",
                        f"there is no `{kind}[{position}]`: the scope has {self.sizes[kind]}",
                        expr.span,
                        f"enlarge the scope of `{kind}`",
                    )
                return position + self.first.get(kind, 0)
            case m.Unary("-", operand):
                return -self.number(operand)
            case m.Unary("!", operand):
                return 1 - self.number(operand)
            case m.Conditional(condition, then, otherwise):
                return self.number(then if self.number(condition) else otherwise)
            case m.Binary():
                return self._binary(expr)
            case _:
                raise spec_error("not_constant", "this is not a constant", expr.span)

    def _binary(self, expr: m.Binary) -> int:
        a, b = self.number(expr.left), self.number(expr.right)
        match expr.op:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b
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
            case "&&":
                return int(bool(a and b))
            case "||":
                return int(bool(a or b))
            case "implies":
                return int(bool(not a or b))
            case _:
                raise spec_error("not_constant", "this is not a constant", expr.span)

    # --- types --------------------------------------------------------------------------

    def scalar(self, type: t.Type, span: Span) -> Type:
        """The IR's form of a scalar type."""
        match type:
            case t.BoolType():
                return BOOL
            case t.EnumType(name, members):
                return Type("enum", 0, len(members) - 1, name, members)
            case t.RefType(kind, nullable):
                return self.reference(kind, nullable)
            case t.IntType(low, high) if low is not None and high is not None:
                bounds = self.number(low), self.number(high)
                if bounds[0] > bounds[1]:
                    raise spec_error(
                        "bad_range", f"the range {bounds[0]}..{bounds[1]} is empty", span
                    )
                if max(map(abs, bounds)) > _MAX_NUMBER:
                    raise spec_error(
                        "bad_range", f"the range {bounds[0]}..{bounds[1]} is too large", span
                    )
                return Type("int", *bounds)
            case t.IntType():
                # A number without a type of its own, such as `var n = count(s);`.
                return Type("int", -1, _MAX_NUMBER)
            case _:
                raise AssertionError(f"{type} is not scalar")

    def reference(self, kind: str, nullable: bool) -> Type:
        """References to objects or threads of a kind."""
        first = self.first.get(kind, 0)
        names = self.names(kind)
        return Type("ref", NULL if nullable else first, first + len(names) - 1, kind, names, first)

    def names(self, kind: str) -> tuple[str, ...]:
        """The printed names of a kind's members, in order."""
        if kind == "thread":
            return tuple(n for thread in self.model.threads for n in self.names(thread.name))
        for thread in self.model.threads:
            if thread.name == kind and thread.count is None:
                return (kind,)
        return tuple(f"{kind}[{i}]" for i in range(self.sizes[kind]))

    def domain(self, domain: t.Domain, span: Span) -> tuple[int, int]:
        """The first and last value of what a loop, quantifier or `any` ranges over."""
        if isinstance(domain, t.RefType):
            first = self.first.get(domain.kind, 0)
            return first, first + self.sizes[domain.kind] - 1
        scalar = self.scalar(domain, span)
        return scalar.low, scalar.high


def _configs(
    model: m.Model, check: m.Check, settings: Mapping[str, str]
) -> dict[m.ConfigSymbol, int]:
    """The values of all configs: the user's, else the check's, else the default.

    One may depend on others, whatever those are set to.
    """
    by_name = {config.name: config for config in model.configs}
    values: dict[m.ConfigSymbol, int] = {}
    for name, text in settings.items():
        if name not in by_name:
            known = ", ".join(sorted(by_name)) or "none"
            raise UsageError(
                f"--set {name}={text}: there is no config `{name}` (there are: {known})"
            )
        values[by_name[name]] = _parse_setting(by_name[name], text)
    chosen = {config: config.value for config in model.configs} | dict(check.settings)
    draft = Instance(model, check, values, {}, {})
    for config in model.configs:
        waiting = [config]
        while waiting:
            value = chosen[waiting[-1]]
            needs = next((c for c in _configs_in(value) if c not in values), None)
            if waiting[-1] in values:
                waiting.pop()
            elif needs is None:
                values[waiting.pop()] = draft.number(value)
            elif needs in waiting:
                raise spec_error(
                    "constant_cycle",
                    f"with these settings the value of `{needs.name}` depends on itself",
                    value.span,
                )
            else:
                waiting.append(needs)
    for config, number in values.items():
        type = draft.scalar(config.type, config.span)
        if number not in type:
            message = f"config `{config.name}` cannot be {number}: its type is {config.type}"
            if config.name in settings:
                raise UsageError(message)
            raise spec_error("range_constant", message, chosen[config].span)
    return values


def _configs_in(value: m.Expr) -> Iterator[m.ConfigSymbol]:
    return (part.symbol for part in walk(value) if isinstance(part, m.ConfigRef))


def _parse_setting(config: m.ConfigSymbol, text: str) -> int:
    match config.type:
        case t.BoolType() if text in ("true", "false"):
            return int(text == "true")
        case t.EnumType(_, members) if text.rpartition(".")[2] in members:
            return members.index(text.rpartition(".")[2])
        case t.IntType() if text.removeprefix("-").isdecimal() and len(text) < 10:
            return int(text)
        case t.EnumType(_, members):
            raise UsageError(f"--set {config.name}={text}: should be one of {', '.join(members)}")
        case other:
            raise UsageError(f"--set {config.name}={text}: should be a value of type {other}")
