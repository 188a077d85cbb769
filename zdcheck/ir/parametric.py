"""The parametric program: control-flow graphs of thread families over families of variables.

This level still knows what the ground system has forgotten: which thread type an instruction belongs
to, what is local and what shared, which places hold counts, which locks and grace periods there are.
The ledger, symmetry and proofs for any number of threads need that. Values are already scalar:
sets, variants and arrays were flattened into families.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NewType, assert_never

from zdcheck.base.source import Span
from zdcheck.ir import expr as ground
from zdcheck.ir.evaluate import evaluate
from zdcheck.ir.expr import TRUE, Const, Operator, Type
from zdcheck.ir.system import Kind, Role, StatementId, Violation

FamilyId = NewType("FamilyId", int)
"""The position of a family in `Program.families`."""

NodeId = NewType("NodeId", int)
"""The position of a node in `Template.nodes`."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One index of a family: the objects of a kind, or (kind None) the integers from `low` on."""

    kind: str | None
    low: int
    size: int

    @property
    def values(self) -> range:
        """The index values."""
        return range(self.low, self.low + self.size)


@dataclass(frozen=True, slots=True)
class Family:
    """Variables of one name and type: `page.refcount` is one family, indexed by page.

    A local's first dimension is its thread family. `initial` has one value for each index of the
    last dimension, or a single one for all; `any_initial` means every value of the type.
    An `observed` local keeps its value to the end of its block, because it holds a count or a
    property reads it; others are cleared as soon as nothing will read them.
    """

    id: FamilyId
    name: str
    type: Type
    dimensions: tuple[Dimension, ...]
    role: Role
    initial: tuple[int, ...]
    any_initial: bool = False
    template: str | None = None
    observed: bool = False


# --- terms ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """One variable of a family, chosen by the values of the index terms."""

    family: FamilyId
    index: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Self:
    """The running thread."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A value bound by a quantifier, a choice, or an update of many cells. Numbers are unique.

    `kind`: what its values are objects or threads of; None for integers.
    """

    number: int
    name: str
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator applied; build with `apply`."""

    op: Operator
    args: tuple[Term, ...]


Quantifier = Literal["forall", "exists", "count"]


@dataclass(frozen=True, slots=True)
class Each:
    """A quantifier over the values `low..high`."""

    op: Quantifier
    bound: Bound
    low: int
    high: int
    body: Term


@dataclass(frozen=True, slots=True)
class Ended:
    """Whether a thread has ended."""

    thread: Term


Term = Const | Cell | Self | Bound | Apply | Each | Ended

SELF = Self()


def apply(op: Operator, *args: Term) -> Term:
    """`op` applied to `args`, constants folded."""
    if all(isinstance(arg, Const) for arg in args):
        constants: tuple[ground.Expr, ...] = tuple(a for a in args if isinstance(a, Const))
        return Const(evaluate(ground.Op(op, constants), ()))
    match op, args:
        case (("and" | "or"), _):
            neutral, absorbing = (1, 0) if op == "and" else (0, 1)
            if Const(absorbing) in args:
                return Const(absorbing)
            rest = tuple(arg for arg in args if arg != Const(neutral))
            return rest[0] if len(rest) == 1 else Apply(op, rest)
        case "ite", (Const(value), then, otherwise):
            return then if value else otherwise
        case "eq" | "le", (a, b) if a == b:
            return Const(1)
        case "not", (Apply("not", (inner,)),):
            return inner
        case _:
            return Apply(op, args)


def implication(a: Term, b: Term) -> Term:
    """`not a or b`."""
    return apply("or", apply("not", a), b)


def each(op: Quantifier, bound: Bound, low: int, high: int, body: Term) -> Term:
    """A quantified term; folded where the body is constant."""
    match op, body:
        case "count", Const(value):
            return Const(value * (high - low + 1))
        case (("forall" | "exists"), Const(value)):
            return Const(int(op == "forall")) if high < low else body
        case _:
            return Each(op, bound, low, high, body)


# --- instructions -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Over:
    """An update is made for every value `low..high` of `bound`."""

    bound: Bound
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """`cell := value`, for every combination of values in `over`."""

    cell: Cell
    value: Term
    over: tuple[Over, ...] = ()


@dataclass(frozen=True, slots=True)
class Requirement:
    """If `condition` is false when this is reached, the run ends in `violation`."""

    condition: Term
    violation: Violation


@dataclass(frozen=True, slots=True)
class Do:
    """Wait for `guard`, then make the updates, simultaneously."""

    guard: Term = TRUE
    updates: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Test:
    """Go to the first successor if `condition`, making the updates `binds`, else to the second."""

    condition: Term
    binds: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Choose:
    """For any value `low..high` of `bound` that satisfies `where`: make the updates."""

    bound: Bound
    type: Type
    low: int
    high: int
    where: Term
    updates: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True)
class Fork:
    """Go to any successor."""


@dataclass(frozen=True, slots=True)
class End:
    """The thread has ended."""


Instruction = Do | Test | Choose | Fork | End


@dataclass(frozen=True, slots=True)
class Touch:
    """One access to a family of shared variables."""

    family: FamilyId
    mode: Literal["read", "write"]
    kind: Literal["plain", "once", "acquire", "release", "rmw"]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Node:
    """One instruction of a control-flow graph.

    `requirements` are judged first, in order. Nodes with the same `group` are one atomic block.
    `waits` marks a possible stop even where no shared state is touched. `concretize` are terms
    whose value the step must fix (loop counters). `takes` is the class of the lock that a blocking acquisition
    takes. `stores` are counted cells that are overwritten instead of added to. `walks` marks choices of a loop over
    any number of objects: which one is next is local work, as a loop's counter is.
    `via` are the calls through which this code was inlined, outermost first.
    """

    id: NodeId
    instruction: Instruction
    successors: tuple[NodeId, ...]
    span: Span = field(compare=False, repr=False)
    requirements: tuple[Requirement, ...] = ()
    touches: tuple[Touch, ...] = ()
    waits: bool = False
    ghost: bool = False
    group: int | None = None
    statement: StatementId | None = None
    via: tuple[Span, ...] = ()
    concretize: tuple[Term, ...] = ()
    takes: str | None = None
    stores: tuple[Cell, ...] = ()
    fence: bool = False
    walks: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """A thread family's program.

    `stops` are the nodes at which a thread can stand between two steps, by location number; the last is
    the end. `live[i]` are the locals that matter at location i.
    """

    name: str
    first: int
    size: int
    daemon: bool
    fairness: Literal["weak", "strong", "none"]
    nodes: tuple[Node, ...]
    entry: NodeId
    stops: tuple[NodeId, ...] = ()
    live: tuple[frozenset[FamilyId], ...] = ()


@dataclass(frozen=True, slots=True)
class LockClass:
    """All locks that were declared in one place."""

    name: str
    flavour: Literal["spinlock", "mutex", "rwsem", "bitlock"]
    owner: FamilyId
    readers: FamilyId | None


@dataclass(frozen=True, slots=True)
class HolderFamily:
    """Places that hold counts of `counted`.

    For each combination of values in `over`, the place holds one count of the object `target` if
    `condition`. `cell` is the variable that a message names.
    """

    counted: FamilyId
    cell: Cell
    over: tuple[Over, ...]
    condition: Term
    target: Term
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CountedFamily:
    """A counted field: `bias` (a term over `object`) is the part of the count that needs no holder."""

    family: FamilyId
    object: Bound
    bias: Term
    alive: FamilyId
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Composite:
    """Families that are one variable in the language.

    A variant: its case, and by case number the payload families. A set (`payloads` empty): the
    family of its members, whose last dimension is the member.
    """

    family: FamilyId
    payloads: tuple[tuple[FamilyId, ...], ...]


@dataclass(frozen=True, slots=True)
class Binder:
    """An outermost `forall` of a property."""

    bound: Bound
    type: Type
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class PropertyTerm:
    """A property: every conjunct must be true for all values of the binders.

    A cover has no binders, one conjunct, and wants a state where it is true.
    """

    kind: Literal["invariant", "finally", "cover"]
    name: str
    binders: tuple[Binder, ...]
    conjuncts: tuple[tuple[Term, Span], ...]
    antecedent: Term | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ProgressTerm:
    """A progress property; only `leads_to` has a trigger. What is not defined counts as false."""

    form: Literal["terminates", "eventually", "infinitely_often", "leads_to"]
    name: str
    trigger: tuple[Term, Span] | None
    goal: tuple[Term, Span]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Program:
    """A whole spec under one configuration. Sizes are those of `kinds`; nothing else depends on them."""

    name: str
    kinds: tuple[Kind, ...]
    thread_names: tuple[str, ...]
    families: tuple[Family, ...]
    templates: tuple[Template, ...]
    init: Template
    locks: tuple[LockClass, ...]
    counted: tuple[CountedFamily, ...]
    holders: tuple[HolderFamily, ...]
    properties: tuple[PropertyTerm, ...]
    cover_statements: tuple[tuple[str, StatementId, Span], ...]
    statements: tuple[tuple[str, Span], ...]
    composites: tuple[Composite, ...]
    progress: tuple[ProgressTerm, ...] = ()

    def family(self, id: FamilyId) -> Family:
        """The family of that number."""
        return self.families[id]


def bound_to(term: Term, bound: Bound, value: Term) -> Term:
    """`term` with `value` in place of `bound`, which is bound outside of it."""
    match term:
        case Bound():
            return value if term == bound else term
        case Const() | Self():
            return term
        case Cell(family, index):
            return Cell(family, tuple(bound_to(part, bound, value) for part in index))
        case Apply(op, args):
            return apply(op, *(bound_to(arg, bound, value) for arg in args))
        case Each(op, inner, low, high, body):
            return each(op, inner, low, high, bound_to(body, bound, value))
        case Ended(thread):
            return Ended(bound_to(thread, bound, value))
        case other:
            assert_never(other)


def bounds_in(term: Term) -> frozenset[Bound]:
    """The bound names that occur in a term."""
    match term:
        case Bound():
            return frozenset({term})
        case Const() | Self():
            return frozenset()
        case Cell(_, parts) | Apply(_, parts):
            return frozenset().union(*(bounds_in(part) for part in parts))
        case Each(_, _, _, _, inner) | Ended(inner):
            return bounds_in(inner)
        case other:
            assert_never(other)


def cells_of(term: Term) -> tuple[Cell, ...]:
    """Every cell that the value may depend on, index cells included."""
    found: list[Cell] = []
    pending: list[Term] = [term]
    while pending:
        match pending.pop():
            case Const() | Self() | Bound():
                pass
            case Cell(_, index) as cell:
                found.append(cell)
                pending.extend(index)
            case Apply(_, args):
                pending.extend(args)
            case Each(_, _, _, _, body):
                pending.append(body)
            case Ended(thread):
                pending.append(thread)
            case other:
                assert_never(other)
    return tuple(found)
