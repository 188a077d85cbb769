"""Random ground systems, symmetric by construction where their kinds say so.

Threads of one family run one random program, and kinds that count as symmetric are only ever
compared, stored, looked up through references and quantified over. Everything else is arbitrary:
types with odd bounds, indices that miss, checks, edges between lock classes, ledger entries,
properties, covers, several initial states that need not be symmetric.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product

from zdcheck.base.source import SourceFile, Span
from zdcheck.ir.expr import (
    BOOL,
    NULL,
    TRUE,
    Const,
    Expr,
    Op,
    Select,
    Type,
    Var,
    VarId,
    add,
    and_,
    eq,
    ite,
    le,
    lt,
    mul,
    ne,
    not_,
    or_,
    sub,
    variables_of,
)
from zdcheck.ir.interval import interval
from zdcheck.ir.system import (
    Action,
    ActionId,
    Check,
    Cover,
    Guard,
    Kind,
    LedgerEntry,
    LockEdge,
    Property,
    Statement,
    StatementId,
    System,
    Thread,
    Variable,
    Violation,
)

SPAN = Span(SourceFile("random.zd", "random\n"), 0, 6)

Names = dict[str, int]
"""Objects by the names that are bound to them."""

Scope = tuple[tuple[str, str], ...]
"""Bound names with their kinds."""

Term = Callable[[Names], Expr]


@dataclass(frozen=True)
class Family:
    """Variables of one name and type, one for each combination of members of `kinds`."""

    name: str
    kinds: tuple[str, ...]
    type: Type
    cells: dict[tuple[int, ...], VarId]


@dataclass(frozen=True)
class Template:
    """A family of threads."""

    name: str
    first: int
    size: int
    daemon: bool
    end: int


@dataclass
class Generator:
    """One random system, being made."""

    rng: random.Random
    kinds: dict[str, Kind] = field(default_factory=dict)
    families: list[Family] = field(default_factory=list)
    templates: list[Template] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    threads: list[Thread] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)

    # --- declarations -------------------------------------------------------------------

    def members(self, kind: str) -> range:
        """The numbers of a kind's members."""
        if kind == "thread":
            return range(sum(t.size for t in self.templates))
        known = self.kinds[kind]
        return range(known.first, known.first + known.size)

    def declare(self) -> None:
        """Kinds, threads and variables."""
        rng = self.rng
        for number in range(rng.randint(0, 2)):
            asymmetry = None if rng.random() < 0.7 else "it is random"
            name = f"o{number}"
            self.kinds[name] = Kind(name, rng.randint(1, 3), 0, False, asymmetry)
        first = 0
        for number in range(rng.randint(1, 2)):
            asymmetry = None if rng.random() < 0.7 else "it is random"
            size = rng.choice((1, 1, 2, 2, 3)) if number == 0 else rng.randint(1, 2)
            name = f"f{number}"
            self.kinds[name] = Kind(name, size, first, True, asymmetry)
            self.templates.append(
                Template(name, first, size, rng.random() < 0.7, rng.randint(1, 4))
            )
            first += size
        for template in self.templates:
            pc_type = Type("int", 0, template.end)
            pcs = self.family(f"{template.name}.pc", (template.name,), pc_type, True)
            for number in range(template.size):
                index = template.first + number
                self.threads.append(
                    Thread(
                        index,
                        f"{template.name}[{number}]",
                        template.name,
                        number,
                        template.daemon,
                        "weak",
                        pcs.cells[index,],
                        template.end,
                        (SPAN,) * template.end + (None,),
                    )
                )
            for number in range(rng.randint(0, 2)):
                self.family(f"{template.name}.l{number}", (template.name,), self.type())
        for number in range(rng.randint(1, 3)):
            kinds = [k for k in (*self.kinds, "thread") if rng.random() < 0.4][:2]
            self.family(f"s{number}", tuple(kinds), self.type())
        if rng.random() < 0.3:
            # Makes a state longer than one word, or wide fields.
            for number in range(rng.randint(1, 3)):
                self.family(f"wide{number}", (), Type("int", 0, (1 << rng.randint(20, 31)) - 1))

    def type(self) -> Type:
        """A random type."""
        rng = self.rng
        match rng.randint(0, 5):
            case 0 | 1:
                return BOOL
            case 2 | 3:
                low = rng.choice((0, 0, -1, -3, 2))
                return Type("int", low, low + rng.choice((0, 1, 2, 3, 4)))
            case 4:
                return Type("enum", 0, rng.randint(0, 3), "e", ("a", "b", "c", "d"))
            case _:
                kind = rng.choice((*self.kinds, "thread"))
                return Type("ref", NULL, self.members(kind)[-1], kind)

    def family(self, name: str, kinds: tuple[str, ...], type: Type, is_pc: bool = False) -> Family:
        """New variables."""
        cells: dict[tuple[int, ...], VarId] = {}
        for index in product(*(self.members(kind) for kind in kinds)):
            id = VarId(len(self.variables))
            cells[index] = id
            owner = index[0] if kinds and kinds[0].startswith("f") else None
            self.variables.append(
                Variable(
                    id,
                    f"{name}{list(index)}",
                    type,
                    "pc" if is_pc else "shared" if owner is None else "local",
                    name,
                    tuple(zip(kinds, index, strict=True)),
                    owner,
                )
            )
        made = Family(name, kinds, type, cells)
        self.families.append(made)
        return made

    # --- terms --------------------------------------------------------------------------

    def member(self, kind: str, scope: Scope) -> Term | None:
        """A member of the kind whose number is known once names are bound."""
        names = [name for name, its in scope if its == kind or (kind == "thread" and its[0] == "f")]
        if kind != "thread" and self.kinds[kind].asymmetry is not None and self.rng.random() < 0.3:
            number = self.rng.choice(self.members(kind))
            return lambda bound: Const(number)
        if not names:
            return None
        name = self.rng.choice(names)
        return lambda bound: Const(bound[name])

    def cell(self, family: Family, scope: Scope, writable: bool = False) -> Term | None:
        """A variable of the family; maybe through a reference."""
        indices: list[Term] = []
        looked_up: int | None = None
        for position, kind in enumerate(family.kinds):
            index = self.member(kind, scope)
            if looked_up is None and not writable and (index is None or self.rng.random() < 0.3):
                by_reference = self.reference(kind, scope, plain=True)
                if by_reference is not None:
                    index, looked_up = by_reference, position
            if index is None:
                return None
            indices.append(index)

        def read(bound: Names) -> Expr:
            terms = [index(bound) for index in indices]
            at = [term.value if isinstance(term, Const) else None for term in terms]
            if None not in at:
                found = family.cells.get(tuple(n for n in at if n is not None))
                return Const(0) if found is None else Var(found)
            assert looked_up is not None
            range_ = self.members(family.kinds[looked_up])
            ids = tuple(family.cells[tuple(m if n is None else n for n in at)] for m in range_)
            return Select(ids, range_[0], terms[looked_up])

        return read

    def reference(self, kind: str, scope: Scope, plain: bool = False) -> Term | None:
        """A value of a reference to the kind."""
        choices: list[Term] = []
        if (member := self.member(kind, scope)) is not None and not plain:
            choices.append(member)
        if not plain:
            choices.append(lambda bound: Const(NULL))
        for family in self.families:
            if family.type.kind == "ref" and family.type.of == kind:
                names = self.plain_cell(family, scope)
                if names is not None:
                    choices.append(names)
        return self.rng.choice(choices) if choices else None

    def plain_cell(self, family: Family, scope: Scope) -> Term | None:
        """A variable of the family that needs no look-up."""
        indices = [self.member(kind, scope) for kind in family.kinds]
        found = [index for index in indices if index is not None]
        if len(found) < len(indices):
            return None

        def read(bound: Names) -> Expr:
            at = []
            for index in found:
                number = index(bound)
                assert isinstance(number, Const)
                at.append(number.value)
            return Var(family.cells[tuple(at)])

        return read

    def truth(self, scope: Scope, depth: int) -> Term:
        """A truth value."""
        rng = self.rng
        choice = rng.randint(0, 9) if depth else rng.randint(0, 4)
        if choice <= 1:
            return self.comparison(scope, depth)
        if choice <= 3:
            kind = rng.choice((*self.kinds, "thread"))
            a, b = self.reference(kind, scope), self.reference(kind, scope)
            if a is None or b is None:
                return lambda bound: TRUE
            left, right = a, b
            test = rng.choice((eq, ne))
            return lambda bound: test(left(bound), right(bound))
        if choice == 4:
            families = [f for f in self.families if f.type == BOOL]
            cell = self.cell(rng.choice(families), scope) if families else None
            return cell or (lambda bound: TRUE)
        if choice <= 6:
            first, second = self.truth(scope, depth - 1), self.truth(scope, depth - 1)
            join = rng.choice((and_, or_))
            return lambda bound: join(first(bound), second(bound))
        if choice == 7:
            inner = self.truth(scope, depth - 1)
            return lambda bound: not_(inner(bound))
        if choice == 8:
            c, x, y = (self.truth(scope, depth - 1) for _ in range(3))
            return lambda bound: ite(c(bound), x(bound), y(bound))
        kind = rng.choice(tuple(self.kinds))
        name = f"q{len(scope)}"
        body = self.truth((*scope, (name, kind)), depth - 1)
        over = rng.choice((and_, or_))
        return lambda bound: over(*(body({**bound, name: m}) for m in self.members(kind)))

    def comparison(self, scope: Scope, depth: int) -> Term:
        """Two numbers compared."""
        a, b = self.number(scope, depth), self.number(scope, depth)
        compare = self.rng.choice((eq, ne, lt, le))
        return lambda bound: compare(a(bound), b(bound))

    def number(self, scope: Scope, depth: int) -> Term:
        """A number."""
        rng = self.rng
        choice = rng.randint(0, 9) if depth > 0 else rng.randint(0, 4)
        if choice <= 1:
            value = rng.randint(-2, 3)
            return lambda bound: Const(value)
        if choice <= 4:
            families = [f for f in self.families if f.type.kind != "ref"]
            cell = self.cell(rng.choice(families), scope)
            return cell or (lambda bound: Const(1))
        if choice == 5:
            condition = self.truth(scope, depth - 1)
            x, y = self.number(scope, depth - 1), self.number(scope, depth - 1)
            return lambda bound: ite(condition(bound), x(bound), y(bound))
        if choice == 6:
            kind = rng.choice(tuple(self.kinds))
            name = f"q{len(scope)}"
            body = self.truth((*scope, (name, kind)), depth - 1)
            return lambda bound: add(*(body({**bound, name: m}) for m in self.members(kind)))
        combine = rng.choice((add, sub, mul)) if choice < 9 else add
        p, q = self.number(scope, depth - 1), self.number(scope, depth - 1)
        return lambda bound: combine(p(bound), q(bound))

    def fitting(self, type: Type, scope: Scope) -> Term:
        """A value of the type."""
        rng = self.rng
        if type.kind == "ref":
            value = self.reference(type.of, scope)
            return value or (lambda bound: Const(NULL))
        if type.kind == "bool":
            return self.truth(scope, 2)
        if rng.random() < 0.5:
            number = rng.randint(type.low, min(type.high, type.low + 9))
            return lambda bound: Const(number)
        wild = self.number(scope, 2)
        other = rng.randint(type.low, min(type.high, type.low + 9))

        def clamp(bound: Names) -> Expr:
            value = wild(bound)
            low, high = interval(value, lambda id: self.variables[id].type)
            if type.low <= low and high <= type.high:
                return value
            inside = and_(le(Const(type.low), value), le(value, Const(type.high)))
            return ite(inside, value, Const(other))

        return clamp

    # --- code ---------------------------------------------------------------------------

    def update(self, scope: Scope) -> Callable[[Names], Iterator[tuple[VarId, Expr]]] | None:
        """Assignments to one family."""
        rng = self.rng
        family = rng.choice([f for f in self.families if not f.name.endswith(".pc")])
        target = self.plain_cell(family, scope)
        if target is not None and rng.random() < 0.75:
            cell = target
            if family.type.kind == "int" and rng.random() < 0.5:
                step = rng.choice((-1, 1))

                def count(bound: Names) -> Iterator[tuple[VarId, Expr]]:
                    var = cell(bound)
                    assert isinstance(var, Var)
                    yield var.id, add(var, Const(step))

                return count
            value = self.fitting(family.type, scope)

            def assign(bound: Names) -> Iterator[tuple[VarId, Expr]]:
                var = cell(bound)
                assert isinstance(var, Var)
                yield var.id, value(bound)

            return assign
        if len(family.kinds) != 1:
            return None
        (kind,) = family.kinds
        if kind[0] == "f" or kind == "thread":
            return None
        pointer = self.reference(kind, scope, plain=True)
        if pointer is None:
            return None
        through, value = pointer, self.fitting(family.type, scope)

        def assign_through(bound: Names) -> Iterator[tuple[VarId, Expr]]:
            for member in self.members(kind):
                id = family.cells[member,]
                yield id, ite(eq(through(bound), Const(member)), value(bound), Var(id))

        return assign_through

    def instruction(self, template: Template, location: int) -> None:
        """One random instruction, for every thread and choice."""
        rng = self.rng
        scope: Scope = (("self", template.name),)
        chosen = rng.choice(tuple(self.kinds)) if rng.random() < 0.35 else None
        if chosen is not None:
            scope = (*scope, ("x", chosen))
        statement = Statement(StatementId(len(self.statements)), template.name, SPAN)
        self.statements.append(statement)
        tests = [
            (rng.random() < 0.7, self.truth(scope, 2)) for _ in range(rng.choice((0, 0, 1, 1, 2)))
        ]
        updates = [self.update(scope) for _ in range(rng.randint(0, 2))]
        edge = tuple(rng.sample("ABCD", 2)) if rng.random() < 0.3 else None
        when = self.truth(scope, 1)
        to = location + 1 if rng.random() < 0.7 else rng.randint(0, template.end)
        lenient = rng.random() < 0.8
        named = rng.random() < 0.5
        for number in range(template.size):
            me = template.first + number
            for member in self.members(chosen) if chosen else (0,):
                bound = {"self": me, "x": member}
                own = f" of {me}, {member}" if named else ""
                made: list[Guard | Check] = []
                for position, (is_guard, term) in enumerate(tests):
                    if is_guard or lenient:
                        made.append(Guard(term(bound)))
                    else:
                        text = f"check {statement.id}.{position}{own}"
                        made.append(Check(term(bound), Violation("assertion", text, SPAN)))
                changes: dict[VarId, Expr] = {self.threads[me].pc: Const(to)}
                for update in updates:
                    for id, value in update(bound) if update else ():
                        changes.setdefault(id, value)
                        type = self.variables[id].type
                        low, high = interval(changes[id], lambda v: self.variables[v].type)
                        if low < type.low or high > type.high:
                            inside = and_(
                                le(Const(type.low), changes[id]), le(changes[id], Const(type.high))
                            )
                            if lenient:
                                made.append(Guard(inside))
                            else:
                                message = f"range {statement.id} {self.variables[id].family}{own}"
                                made.append(Check(inside, Violation("range", message, SPAN)))
                edges = (LockEdge(edge[0], edge[1], when(bound)),) if edge else ()
                reads = {v for t in made for v in variables_of(t.condition)}
                reads |= {v for e in changes.values() for v in variables_of(e)}
                self.actions.append(
                    Action(
                        ActionId(len(self.actions)),
                        me,
                        location,
                        tuple(made),
                        tuple(changes.items()),
                        frozenset(reads),
                        frozenset(changes),
                        f"statement {statement.id}",
                        SPAN,
                        (("x", str(member)),) if chosen else (),
                        frozenset({statement.id}),
                        (),
                        edges,
                    )
                )

    # --- the whole ----------------------------------------------------------------------

    def system(self) -> System:
        """The finished system."""
        rng = self.rng
        self.declare()
        for template in self.templates:
            for location in range(template.end):
                for _ in range(rng.choice((1, 1, 1, 2, 3))):
                    self.instruction(template, location)
        symmetric = tuple(self.actions)
        ledger = []
        if rng.random() < 0.4:
            kind = rng.choice(tuple(self.kinds))
            condition = self.mostly_true((("m", kind),))
            counts = self.family("count", (kind,), Type("int", 0, 0))
            for member in self.members(kind):
                balanced = condition({"m": member})
                ledger.append(
                    LedgerEntry(counts.cells[member,], Const(0), (), TRUE, balanced, SPAN)
                )
        properties = []
        for number in range(rng.randint(0, 2)):
            term = self.mostly_true(())
            antecedent = self.truth((), 2)({}) if rng.random() < 0.5 else None
            what = rng.choice(("invariant", "finally"))
            properties.append(
                Property(what, f"p{number}", what, term({}), antecedent, (), SPAN)  # type: ignore[arg-type]
            )
        covers = [Cover("state", self.truth((), 3)({}), None, SPAN)]
        if self.statements:
            covers.append(Cover("code", None, rng.choice(self.statements).id, SPAN))
        return System(
            f"random {len(symmetric)}",
            tuple(self.variables),
            tuple(self.kinds.values()),
            tuple(self.threads),
            tuple({self.initial(): None for _ in range(rng.choice((1, 1, 2, 3)))}),
            symmetric,
            tuple(ledger),
            tuple(properties),
            tuple(covers),
            tuple(self.statements),
        )

    def mostly_true(self, scope: Scope) -> Term:
        """A disjunction, so that faults lie deeper."""
        parts = [self.truth(scope, 2) for _ in range(self.rng.randint(2, 4))]
        return lambda bound: or_(*(part(bound) for part in parts))

    def initial(self) -> tuple[int, ...]:
        """One initial state."""
        rng = self.rng
        values = []
        for variable in self.variables:
            type = variable.type
            if variable.role == "pc":
                values.append(0)
            elif type.kind == "ref":
                values.append(rng.choice((NULL, *self.members(type.of))))
            else:
                values.append(rng.randint(type.low, type.high))
        return tuple(values)


def random_system(seed: int) -> System:
    """The system of that number."""
    return Generator(random.Random(seed)).system()


__all__ = ["Op", "random_system"]
