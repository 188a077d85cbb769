"""What a random spec talks about: types, objects, shared variables, locks, sections, functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random


@dataclass(frozen=True, slots=True)
class Bool:
    """`bool`."""

    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True, slots=True)
class Range:
    """`low..high`."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.low}..{self.high}"


@dataclass(frozen=True, slots=True)
class Enum:
    """An enumeration."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to an object or a thread."""

    kind: str
    nullable: bool

    def __str__(self) -> str:
        return self.kind + "?" * self.nullable


@dataclass(frozen=True, slots=True)
class SetOf:
    """A set of references."""

    kind: str

    def __str__(self) -> str:
        return f"set<{self.kind}>"


@dataclass(frozen=True, slots=True)
class Variant:
    """A tagged value."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock of a flavour."""

    flavour: str

    def __str__(self) -> str:
        return self.flavour


Type = Bool | Range | Enum | Ref | SetOf | Variant | Lock


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, field, local or binder. `holds` names the counted field that it accounts for."""

    name: str
    type: Type
    dims: tuple[str, ...] = ()
    holds: str | None = None
    initial: str | None = None
    ghost: bool = False

    def declared(self) -> str:
        """As it stands in a declaration."""
        dims = "".join(f"[{d}]" for d in self.dims)
        holds = f" holds {self.holds}" if self.holds else ""
        initial = f" = {self.initial}" if self.initial is not None else ""
        return f"{self.name}{dims} : {self.type}{holds}{initial}"


@dataclass(frozen=True, slots=True)
class Kind:
    """An object kind. `counted` is its reference count's top value, 0 if it has none."""

    name: str
    size: int
    fields: tuple[Name, ...]
    counted: int = 0
    bias: int = 0
    lives_in: str | None = None
    dies: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """A case of a variant; a payload that `holds` accounts for the count of what it points to."""

    name: str
    payload: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the spec. Parameters by reference have their names in `places`."""

    name: str
    params: tuple[Name, ...]
    places: frozenset[str]
    result: Type | None
    is_expression: bool


@dataclass(slots=True)
class Vocabulary:
    """Everything declared."""

    enums: dict[str, tuple[str, ...]] = field(default_factory=dict)
    variants: dict[str, tuple[Case, ...]] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    configs: list[Name] = field(default_factory=list)
    shared: list[Name] = field(default_factory=list)
    sections: dict[str, bool] = field(default_factory=dict)
    families: dict[str, int] = field(default_factory=dict)
    scoped: set[str] = field(default_factory=set)
    modules: tuple[str, ...] = ()
    functions: list[Function] = field(default_factory=list)

    def locks(self) -> Iterator[tuple[str, str]]:
        """The text and flavour of every lock."""
        for name in self.shared:
            if isinstance(name.type, Lock):
                yield name.name, name.type.flavour
        for kind in self.kinds.values():
            for one in kind.fields:
                if isinstance(one.type, Lock):
                    for number in range(kind.size):
                        yield f"{kind.name}[{number}].{one.name}", one.type.flavour


def simple_type(rng: Random, words: Vocabulary) -> Type:
    """A type whose values can be compared and assigned freely."""
    choices: list[Type] = [Bool(), Bool(), Range(0, rng.randint(1, 3)), Range(-1, 1)]
    choices += [Enum(name) for name in words.enums]
    for kind in words.kinds:
        choices += [Ref(kind, True), Ref(kind, True), SetOf(kind)]
    choices += [Variant(name) for name in words.variants]
    return rng.choice(choices)


def constant(rng: Random, words: Vocabulary, type_: Type) -> str | None:
    """An initial value in words, or None for the type's own."""
    if rng.random() < 0.5 and not (isinstance(type_, Ref) and not type_.nullable):
        return None
    match type_:
        case Bool():
            return rng.choice(["true", "false", "any"])
        case Range(low, high):
            return rng.choice([str(low), str(high), "any"])
        case Enum(name):
            return rng.choice(words.enums[name])
        case Ref(kind, nullable):
            objects = [f"{kind}[{n}]" for n in range(words.kinds[kind].size)]
            return rng.choice([*objects, "null"] if nullable else objects)
        case SetOf(kind):
            return rng.choice(["{}", f"{{{kind}[0]}}"])
        case Variant() | Lock():
            return None


def vocabulary(rng: Random) -> Vocabulary:
    """A small world: two or three kinds of objects, a few variables, a lock or two."""
    words = Vocabulary(modules=("sync.lock",) if rng.random() < 0.15 else ())
    if rng.random() < 0.5:
        words.enums["phase"] = ("early", "middle", "late")[: rng.randint(2, 3)]
    for name, type_ in (("fixed", Bool()), ("bound", Range(0, 2))):
        if rng.random() < 0.5:
            default = "true" if type_ == Bool() else "1"
            words.configs.append(Name(name, type_, initial=default))
    for name in ("irqs_off", "reading")[: rng.choice([0, 0, 1, 1, 2])]:
        words.sections[name] = name == "irqs_off"
    if rng.random() < 0.4:
        words.kinds["dev"] = _kind(rng, words, "dev", 1)
    words.kinds["page"] = _kind(rng, words, "page", rng.randint(1, 2))
    if rng.random() < 0.6:
        words.variants["entry"] = _cases(rng, words)
        words.kinds["pte"] = _kind(rng, words, "pte", rng.randint(1, 2))
    for number in range(rng.randint(1, 3)):
        words.shared.append(_variable(rng, words, f"v{number}"))
    for number in range(rng.choice([0, 1, 1, 2])):
        flavour = rng.choice(["spinlock", "mutex", "rwsem", "bitlock"])
        words.shared.append(Name(f"l{number}", Lock(flavour)))
    counted = [k.name for k in words.kinds.values() if k.counted]
    if counted and rng.random() < 0.6:
        kind = rng.choice(counted)
        type_ = rng.choice([Ref(kind, True), Ref(kind, True), SetOf(kind)])
        words.shared.append(Name("keeper", type_, holds="refcount"))
    if rng.random() < 0.3:
        words.shared.append(Name("seen", rng.choice([Bool(), Range(0, 2)]), ghost=True))
    for name in ("gup", "unmap", "walker")[: rng.choice([1, 2, 2, 3])]:
        words.families[name] = 1
    if rng.random() < 0.4:
        words.families["gup"] = 2
        if rng.random() < 0.7:
            words.scoped.add("gup")
    return words


def _kind(rng: Random, words: Vocabulary, name: str, size: int) -> Kind:
    fields = []
    for number in range(rng.randint(int(name == "pte"), 2)):
        type_ = Variant("entry") if name == "pte" and not number else simple_type(rng, words)
        dims: tuple[str, ...] = ("0..1",) if rng.random() < 0.1 else ()
        initial = None if dims else constant(rng, words, type_)
        fields.append(Name(f"f{number}", type_, dims, initial=initial))
    if rng.random() < 0.25:
        fields.append(Name("lk", Lock(rng.choice(["spinlock", "mutex", "bitlock"]))))
    if rng.random() < 0.15:
        fields.append(Name("past", Bool(), ghost=True))
    lives_in = "dev" if name == "page" and "dev" in words.kinds and rng.random() < 0.7 else None
    return Kind(
        name,
        size,
        tuple(fields),
        counted=rng.choice([2, 3]) if name == "page" and rng.random() < 0.7 else 0,
        bias=1 if rng.random() < 0.15 else 0,
        lives_in=lives_in,
        dies=rng.random() < (0.6 if name == "dev" else 0.2),
    )


def _cases(rng: Random, words: Vocabulary) -> tuple[Case, ...]:
    holds = "refcount" if words.kinds["page"].counted and rng.random() < 0.6 else None
    present = [Name("pg", Ref("page", False), holds=holds)]
    if rng.random() < 0.5:
        present.append(Name("wr", Bool()))
    cases = [Case("none", ()), Case("present", tuple(present))]
    if rng.random() < 0.4:
        cases.append(Case("swap", (Name("slot", Range(0, 2)),) if rng.random() < 0.5 else ()))
    return tuple(cases)


def _variable(rng: Random, words: Vocabulary, name: str) -> Name:
    type_ = simple_type(rng, words)
    if rng.random() < 0.15:
        return Name(name, type_, (rng.choice([*words.kinds, "0..1"]),))
    return Name(name, type_, initial=constant(rng, words, type_))
