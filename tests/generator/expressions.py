"""Random expressions of a wanted type, over what is in scope."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

from tests.generator.vocabulary import (
    Bool,
    Enum,
    Kind,
    Name,
    Range,
    Ref,
    SetOf,
    Type,
    Variant,
    Vocabulary,
)


@dataclass(slots=True)
class Scope:
    """What an expression may name. `observing`: properties and ghost code, which may look at everything."""

    observing: bool = False
    in_thread: bool = True
    names: list[Name] = field(default_factory=list)
    thread_locals: dict[str, list[Name]] = field(default_factory=dict)


class Expressions:
    """Makes expressions; `rng` decides."""

    def __init__(self, rng: Random, words: Vocabulary, scope: Scope) -> None:
        self.rng = rng
        self.words = words
        self.scope = scope
        self._binders = 0

    @contextmanager
    def naming(self, *names: Name) -> Iterator[None]:
        """More names, for a while."""
        self.scope.names += names
        yield
        del self.scope.names[len(self.scope.names) - len(names) :]

    def fresh(self) -> str:
        """A name that no other binder has."""
        self._binders += 1
        return f"x{self._binders}"

    # --- places -------------------------------------------------------------------------

    def places(self, wanted: Type) -> list[str]:
        """Every place of this type that may be read here."""
        found = [n.name for n in self.scope.names if n.type == wanted and not n.dims]
        for name in self.words.shared:
            if name.type == wanted and (self.scope.observing or not name.ghost):
                found.append(self._element(name.name, name.dims))
        for kind in self.words.kinds.values():
            for one in kind.fields:
                if one.type == wanted and (self.scope.observing or not one.ghost):
                    found.append(self._element(f"{self.object(kind)}.{one.name}", one.dims))
            if kind.counted and wanted == Range(0, kind.counted):
                found.append(f"{self.object(kind)}.refcount")
        return found

    def _element(self, text: str, dims: tuple[str, ...]) -> str:
        for dim in dims:
            text += f"[{self.rng.randint(0, 1) if dim == '0..1' else self.object(self.words.kinds[dim])}]"
        return text

    def object(self, kind: Kind) -> str:
        """A reference that is surely not null (or, seldom, one that may be)."""
        known = [n.name for n in self.scope.names if n.type == Ref(kind.name, False)]
        if known and self.rng.random() < 0.7:
            return self.rng.choice(known)
        perhaps = [n.name for n in self.scope.names if n.type == Ref(kind.name, True)]
        if perhaps and self.rng.random() < 0.1:
            return self.rng.choice(perhaps)
        return f"{kind.name}[{self.rng.randrange(kind.size)}]"

    # --- values -------------------------------------------------------------------------

    def value(self, wanted: Type, depth: int = 2) -> str:
        """An expression of this type."""
        rng = self.rng
        places = self.places(wanted)
        if places and rng.random() < 0.5:
            return rng.choice(places)
        if depth > 0 and rng.random() < 0.15:
            a, b = self.value(wanted, depth - 1), self.value(wanted, depth - 1)
            if not isinstance(wanted, Variant):
                return f"({self.condition(depth - 1)} ? {a} : {b})"
        match wanted:
            case Bool():
                return f"({self.condition(depth)})"
            case Range(low, high):
                return self._number(low, high, depth)
            case Enum(name):
                return rng.choice(self.words.enums[name])
            case Ref(kind, nullable):
                if nullable and rng.random() < 0.4:
                    return "null"
                return self.object(self.words.kinds[kind])
            case SetOf(kind):
                return self._set(kind, depth)
            case Variant(name):
                return self._variant(name)
            case _:
                raise AssertionError(wanted)

    def _number(self, low: int, high: int, depth: int) -> str:
        rng = self.rng
        places = self.places(Range(low, high))
        if places and depth > 0:
            place = rng.choice(places)
            match rng.randrange(4):
                case 0:
                    return f"({place} < {high} ? {place} + 1 : {low})"
                case 1:
                    return f"({place} > {low} ? {place} - 1 : {high})"
                case 2 if rng.random() < 0.3:
                    return f"{place} + 1"  # may leave the range
        if high == 1 and low == 0 and self.scope.names:
            refs = [n for n in self.scope.names if isinstance(n.type, Ref) and not n.type.nullable]
            if refs and rng.random() < 0.5:
                return f"index({rng.choice(refs).name})"
        return str(rng.randint(low, high)) if low >= 0 else f"({rng.randint(low, high)})"

    def _set(self, kind: str, depth: int) -> str:
        member = self.object(self.words.kinds[kind])
        places = self.places(SetOf(kind))
        if places and depth > 0 and self.rng.random() < 0.5:
            return f"({self.rng.choice(places)} {self.rng.choice('+-')} {{{member}}})"
        return self.rng.choice(["{}", f"{{{member}}}"])

    def _variant(self, name: str) -> str:
        case = self.rng.choice(self.words.variants[name])
        if any(payload.holds for payload in case.payload):
            case = self.words.variants[name][0]
        if not case.payload:
            return case.name
        return f"{case.name}({', '.join(self.value(p.type, 0) for p in case.payload)})"

    # --- conditions ---------------------------------------------------------------------

    def condition(self, depth: int = 2) -> str:
        """A condition."""
        rng = self.rng
        if depth > 0 and rng.random() < 0.35:
            a, b = self.condition(depth - 1), self.condition(depth - 1)
            return rng.choice(
                [f"({a}) && ({b})", f"({a}) || ({b})", f"!({a})", f"(({a}) implies ({b}))"]
            )
        if depth > 0 and rng.random() < 0.15:
            return self._quantified(depth)
        if rng.random() < (0.3 if self.scope.observing else 0.1):
            special = self._special()
            if special is not None:
                return special
        return self._comparison(depth)

    def _quantified(self, depth: int) -> str:
        rng = self.rng
        binder = self.fresh()
        domains: list[Type] = [Ref(k, False) for k in self.words.kinds]
        domains += [Bool(), Range(0, 1), *(Enum(e) for e in self.words.enums)]
        domain = rng.choice(domains)
        with self.naming(Name(binder, domain)):
            inner = self.condition(depth - 1)
            word = rng.choice(["forall", "exists"])
            if isinstance(domain, Ref) and rng.random() < 0.3:
                return f"count({binder} : {domain} where {inner}) {rng.choice(['==', '>=', '<'])} 1"
            return f"({word} {binder} : {domain} . {inner})"

    def _special(self) -> str | None:
        rng = self.rng
        options = []
        if self.scope.in_thread and self.words.sections:
            options.append(f"inside({rng.choice(sorted(self.words.sections))})")
        if self.scope.in_thread and self.words.families:
            options.append("index(self) == 0")
        families = sorted(self.words.families)
        if self.scope.observing:
            kind = self.words.kinds[rng.choice(sorted(self.words.kinds))]
            options.append(f"alive({self.object(kind)})")
            if families:
                family = rng.choice(families)
                number = rng.randrange(self.words.families[family])
                thread = f"{family}[{number}]" if self.words.families[family] > 1 else family
                options.append(f"ended({thread})")
                for section in sorted(self.words.sections):
                    options.append(f"inside({thread}, {section})")
                for name in self.scope.thread_locals.get(family, []):
                    if name.type == Bool():
                        options.append(f"{thread}.{name.name}")
                    elif isinstance(name.type, Ref) and name.type.nullable:
                        options.append(f"{thread}.{name.name} == null")
            for lock, _ in self.words.locks():
                options.append(f"owner({lock}) == null")
        return rng.choice(options) if options else None

    def _comparison(self, depth: int) -> str:
        rng = self.rng
        types: list[Type] = [Bool(), *(n.type for n in self.scope.names if not n.dims)]
        types += [n.type for n in self.words.shared if self.scope.observing or not n.ghost]
        for kind in self.words.kinds.values():
            types += [f.type for f in kind.fields if self.scope.observing or not f.ghost]
            if kind.counted:
                types.append(Range(0, kind.counted))
        type_ = rng.choice(types)
        places = self.places(type_)
        config = [c.name for c in self.words.configs if c.type == type_]
        if config and rng.random() < 0.5:
            places = config
        if not places:
            return rng.choice(["true", "false"] if depth <= 0 else [self.condition(depth - 1)])
        place = rng.choice(places)
        match type_:
            case Bool():
                return place if rng.random() < 0.6 else f"!{place}"
            case Range(low, high):
                op = rng.choice(["==", "!=", "<", ">", "<=", ">="])
                return f"{place} {op} {self._other(place, Range(low, high), min(depth, 1) - 1)}"
            case Enum() | Ref():
                return f"{place} {rng.choice(['==', '!='])} {self._other(place, type_, 0)}"
            case SetOf(kind):
                member = self.object(self.words.kinds[kind])
                return rng.choice(
                    [f"{member} in {place}", f"count({place}) > 0", f"{place} == {{}}"]
                )
            case Variant(name):
                return self._case_test(place, name, depth)
            case _:
                return "true"

    def _other(self, place: str, type_: Type, depth: int) -> str:
        """Something to compare with: hardly the place itself, which says nothing."""
        for _ in range(5):
            value = self.value(type_, depth)
            if value != place:
                break
        return value

    def _case_test(self, place: str, name: str, depth: int) -> str:
        case = self.rng.choice(self.words.variants[name])
        if not case.payload or self.rng.random() < 0.4:
            return f"{place} is {case.name}"
        bound = [Name(self.fresh(), p.type) for p in case.payload]
        with self.naming(*bound):
            inner = self.condition(max(depth - 1, 0))
        return f"({place} is {case.name}({', '.join(b.name for b in bound)}) && ({inner}))"
