"""Whether exchanging two members of a kind really maps a system to itself.

That a kind has no asymmetry says that the code does not tell its members apart. What is made of the
code may still do so: a reference that nothing writes is a constant, and an initial value that
differs from member to member then stands in the actions. So each exchange is tried on every action,
property, ledger entry and cover: its image must be among them. Expressions are compared as texts
are, but for the order of arguments and of cases; a difference in form costs the reduction, never
the verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from zdcheck.ir.expr import NULL, Const, Expr, Op, Select, Type, Var, VarId
from zdcheck.ir.system import Action, Check, System, Violation

Domain = str | None
"""What a value refers to: a kind of objects, "thread" for threads of all families, None for a number."""

Node = tuple[object, ...]
NodeId = int


@dataclass(frozen=True, slots=True)
class Exchange:
    """Two members change names: what becomes of variables, and of values of a domain."""

    variables: Mapping[VarId, VarId]
    domain: str
    a: int
    b: int

    def value(self, domain: Domain, value: int) -> int:
        """The new name of a value."""
        if domain != self.domain:
            return value
        return self.b if value == self.a else self.a if value == self.b else value

    def thread(self, thread: int) -> int:
        """The new number of a thread."""
        return self.value("thread", thread)


class NumberUsed(Exception):
    """A reference is used as a number."""


@dataclass
class Forms:
    """Expressions by their form. Two of the same number are equal but for the order of arguments."""

    system: System
    nodes: list[Node] = field(default_factory=list)
    _numbers: dict[Node, NodeId] = field(default_factory=dict)
    _memo: dict[tuple[int, Domain], tuple[Expr, NodeId]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        threads = {kind.name for kind in self.system.kinds if kind.is_thread} | {"thread"}
        self._domains = [self._domain_of(v.type, threads) for v in self.system.variables]

    @staticmethod
    def _domain_of(type: Type, threads: set[str]) -> Domain:
        if type.kind != "ref":
            return None
        return "thread" if type.of in threads else type.of

    def intern(self, node: Node) -> NodeId:
        """The number of a form."""
        number = self._numbers.setdefault(node, len(self.nodes))
        if number == len(self.nodes):
            self.nodes.append(node)
        return number

    def form(self, expr: Expr, wanted: Domain = None) -> NodeId:
        """The form of an expression whose constants refer to `wanted`. Raises NumberUsed."""
        # The expression is kept with its form, so that its identity stays its own.
        found = self._memo.get((id(expr), wanted))
        if found is None:
            found = self._memo[id(expr), wanted] = (expr, self.intern(self._node(expr, wanted)))
        return found[1]

    def assigned(self, id: VarId, value: Expr) -> tuple[VarId, NodeId]:
        """The form of an update."""
        return id, self.form(value, self._domains[id])

    def domain(self, expr: Expr) -> Domain:
        """What the value of an expression refers to; None for constants, which say nothing."""
        match expr:
            case Var(id):
                return self._domains[id]
            case Select(variables, _, _):
                return self._domains[variables[0]] if variables else None
            case Op("ite", (_, then, otherwise)):
                return self.domain(then) or self.domain(otherwise)
            case _:
                return None

    def _node(self, expr: Expr, wanted: Domain) -> Node:
        match expr:
            case Const(value):
                return "const", wanted, value
            case Var(id):
                self._must_be(wanted, self._domains[id])
                return "var", id
            case Select(variables, low, index):
                self._must_be(wanted, *(self._domains[id] for id in variables))
                domain = self.domain(index)
                cases = tuple((low + n, id) for n, id in enumerate(variables))
                return "select", domain, self.form(index, domain), cases
            case Op("ite", args):
                return self._choice(args, wanted)
        self._must_be(wanted, None)
        match expr:
            case Op("eq" | "ne", (a, b)):
                domain = self.domain(a) or self.domain(b)
                return expr.op, _in_order((self.form(a, domain), self.form(b, domain)))
            case Op("and" | "or" | "add", args):
                return expr.op, _in_order([self.form(arg) for arg in args])
            case Op("lt" | "le" as op, (a, b)) if _is_about_null(op, a, b):
                return op, self.form(a, self.domain(a)), self.form(b, self.domain(b))
            case Op(op, args):
                return op, *(self.form(arg) for arg in args)

    @staticmethod
    def _must_be(wanted: Domain, *domains: Domain) -> None:
        if any(domain != wanted for domain in domains):
            raise NumberUsed

    def _choice(self, args: tuple[Expr, ...], wanted: Domain) -> Node:
        """`ite`; a chain of comparisons of one subject with constants is a set of cases."""
        condition, then, otherwise = args
        subject: Expr | None = None
        cases: dict[int, NodeId] = {}
        rest: Expr = Op("ite", args)
        while True:
            match rest:
                case Op("ite", (Op("eq", (left, Const(value))), chosen, other)) if (
                    subject is None or left == subject
                ):
                    subject = left
                    cases.setdefault(value, self.form(chosen, wanted))
                    rest = other
                case _:
                    break
        if subject is None:
            parts = (self.form(condition), self.form(then, wanted), self.form(otherwise, wanted))
            return "ite", *parts
        return (
            "cases",
            self.domain(subject),
            self.form(subject, self.domain(subject)),
            tuple(sorted(cases.items())),
            self.form(rest, wanted),
        )


def _in_order(forms: Iterator[NodeId] | Sequence[NodeId]) -> tuple[NodeId, ...]:
    return tuple(sorted(forms))


def _is_about_null(op: str, a: Expr, b: Expr) -> bool:
    """Whether a comparison only asks if a reference is null."""
    match op, a, b:
        case ("lt", Const(value), _) | ("le", _, Const(value)):
            return value == NULL
        case ("le", Const(value), _) | ("lt", _, Const(value)):
            return value == NULL + 1
        case _:
            return False


class Image:
    """What becomes of forms under an exchange."""

    def __init__(self, forms: Forms, exchange: Exchange) -> None:
        self.forms = forms
        self.exchange = exchange
        self._memo: dict[NodeId, NodeId] = {}

    def of(self, number: NodeId) -> NodeId:
        """The form of the image."""
        found = self._memo.get(number)
        if found is None:
            found = self._memo[number] = self.forms.intern(self._image(self.forms.nodes[number]))
        return found

    def variable(self, id: VarId) -> VarId:
        """The variable's image."""
        return self.exchange.variables.get(id, id)

    def _image(self, node: Node) -> Node:
        value, of, variable = self.exchange.value, self.of, self.variable
        match node:
            case ("const", domain, int(number)):
                return "const", domain, value(domain, number)  # type: ignore[arg-type]
            case ("var", id):
                return "var", variable(id)  # type: ignore[arg-type]
            case ("select", domain, int(index), tuple(cases)):
                places = sorted((value(domain, n), variable(id)) for n, id in cases)  # type: ignore[arg-type]
                return "select", domain, of(index), tuple(places)
            case ("cases", domain, int(subject), tuple(cases), int(rest)):
                moved = sorted((value(domain, n), of(then)) for n, then in cases)  # type: ignore[arg-type]
                return "cases", domain, of(subject), tuple(moved), of(rest)
            case ("eq" | "ne" | "and" | "or" | "add" as op, tuple(args)):
                return op, _in_order(of(arg) for arg in args)
            case (op, *args):
                return op, *(of(arg) for arg in args)  # type: ignore[arg-type]
            case _:
                raise AssertionError("a node has an operator")


@dataclass
class Mirror:
    """A system, to be compared with its images."""

    system: System
    violations: Mapping[Violation, int]
    entries: Sequence[int]

    def __post_init__(self) -> None:
        self.forms = Forms(self.system)
        self.actions = [self._action(action) for action in self.system.actions]
        self.facts = list(self._facts())

    def difference(self, exchange: Exchange) -> str | None:
        """What an exchange changes, in words; None if nothing."""
        image = Image(self.forms, exchange)
        there = Counter(self.actions)
        there.subtract(_action_image(action, image) for action in self.actions)
        for signature, count in there.items():
            if count > 0:
                action = self.system.actions[self.actions.index(signature)]
                return f"`{action.text}` is not the same for all of them at {action.span}"
        facts = Counter(self.facts)
        facts.subtract((name, image.of(form)) for name, form in self.facts)
        for (name, _), count in facts.items():
            if count > 0:
                return f"{name} is not the same for all of them"
        return None

    def _action(self, action: Action) -> Signature:
        forms = self.forms
        tests = tuple(
            (
                self.violations[t.violation] if isinstance(t, Check) else NULL,
                forms.form(t.condition),
            )
            for t in action.tests
        )
        return Signature(
            action.thread,
            action.location,
            tests,
            frozenset(forms.assigned(id, value) for id, value in action.updates),
            action.statements,
            tuple((e.held, e.taken, forms.form(e.when)) for e in action.lock_edges),
        )

    def _facts(self) -> Iterator[tuple[str, NodeId]]:
        form: Callable[[Expr], NodeId] = self.forms.form
        for number, entry in zip(self.entries, self.system.ledger, strict=True):
            yield f"the ledger's line {number}", form(entry.balanced)
        for prop in self.system.properties:
            yield f"`{prop.name}`", form(prop.condition)
            if prop.antecedent is not None:
                yield f"the antecedent of `{prop.name}`", form(prop.antecedent)
        for cover in self.system.covers:
            if cover.condition is not None:
                yield f"`{cover.name}`", form(cover.condition)


@dataclass(frozen=True, slots=True)
class Signature:
    """What matters of an action."""

    thread: int
    location: int
    tests: tuple[tuple[int, NodeId], ...]
    updates: frozenset[tuple[VarId, NodeId]]
    statements: frozenset[int]
    edges: tuple[tuple[str, str, NodeId], ...]


def _action_image(action: Signature, image: Image) -> Signature:
    return Signature(
        image.exchange.thread(action.thread),
        action.location,
        tuple((number, image.of(form)) for number, form in action.tests),
        frozenset((image.variable(id), image.of(form)) for id, form in action.updates),
        action.statements,
        tuple((held, taken, image.of(form)) for held, taken, form in action.edges),
    )
