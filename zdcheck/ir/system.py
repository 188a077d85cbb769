"""The ground transition system: what every engine and exporter consumes.

Every instance and choice is spelled out: a state is a fixed tuple of small integers, and each
action changes it in one way. `validate` says what a well-formed system is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NewType

from zdcheck.base.source import Span
from zdcheck.ir.expr import Expr, Type, VarId

ActionId = NewType("ActionId", int)
"""The position of an action in `System.actions`."""

StatementId = NewType("StatementId", int)
"""The position of a statement in `System.statements`."""

State = tuple[int, ...]
"""The values of all variables, by VarId."""

Role = Literal["shared", "local", "pc", "alive", "lock", "section", "pending", "ghost"]
"""What a variable is for. `pending` is the set of threads that a grace period still waits for."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One scalar of the state.

    `name` is its name in the language (`page[0].refcount`, `gup[1].pin`). `index` are the
    (kind, number) pairs that select this member of the family of variables `family`, for
    symmetry: renaming objects of a kind permutes the members and the values of references to it.
    `thread` is the owner of a local.
    """

    id: VarId
    name: str
    type: Type
    role: Role
    family: str
    index: tuple[tuple[str, int], ...] = ()
    thread: int | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """What a failed check is: its id in the catalogue, and a message about this place."""

    id: str
    message: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Guard:
    """The action is possible only if this is true."""

    condition: Expr


@dataclass(frozen=True, slots=True)
class Check:
    """If the action is possible so far and this is false, the run ends in a violation."""

    condition: Expr
    violation: Violation


@dataclass(frozen=True, slots=True)
class Access:
    """One shared access of an action, for reports and for weak memory later."""

    what: str
    mode: Literal["read", "write"]
    kind: Literal["plain", "once", "acquire", "release", "rmw", "fence"]


@dataclass(frozen=True, slots=True)
class LockEdge:
    """Taking `taken` while `held` is held, if `when` is true in the state before the step."""

    held: str
    taken: str
    when: Expr


@dataclass(frozen=True, slots=True)
class Action:
    """One atomic step of one thread with its choices made; the unit of interleaving and of a trace.

    Possible in a state where the thread is at `location` and every guard is true. `tests` are
    judged in order: a false guard ends the attempt, a false check is a violation (the action
    counts as a step of the run), and what follows a failed test means nothing.
    `updates` are simultaneous: every right-hand side is read in the state before the step, each
    variable stands at most once, and values lie in the variable's type (a `range` check
    precedes where that was not certain). The thread's location is among them when it changes.
    `reads` and `writes` may name too many variables, never too few; `writes` is exactly the
    updated ones. `statements` ran in this step, for coverage. `via` are the calls through which
    the code was inlined, outermost first.
    """

    id: ActionId
    thread: int
    location: int
    tests: tuple[Guard | Check, ...]
    updates: tuple[tuple[VarId, Expr], ...]
    reads: frozenset[VarId]
    writes: frozenset[VarId]
    text: str
    span: Span = field(compare=False, repr=False)
    choices: tuple[tuple[str, str], ...] = ()
    statements: frozenset[StatementId] = frozenset()
    accesses: tuple[Access, ...] = ()
    lock_edges: tuple[LockEdge, ...] = ()
    stores: frozenset[VarId] = frozenset()
    via: tuple[Span, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread instance. Locations are numbered from 0 (the entry); `end` is the last one.

    `location_spans[i]` is the statement that a thread at location i runs next (None at the end).
    """

    index: int
    name: str
    family: str
    number: int
    daemon: bool
    fairness: Literal["weak", "strong", "none"]
    pc: VarId
    end: int
    location_spans: tuple[Span | None, ...] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Holder:
    """One term of the ledger: `count` is how many counts this place holds (0 or 1) now."""

    name: str
    count: Expr
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One counted field of one object: count = bias + holders, while the object lives."""

    count: VarId
    bias: Expr
    holders: tuple[Holder, ...]
    alive: Expr
    balanced: Expr
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Binding:
    """One conjunct of one instance of a quantified property: the values chosen, for the blame line.

    `span` is the conjunct, None for the whole body.
    """

    values: tuple[tuple[str, str], ...]
    condition: Expr
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Property:
    """An invariant (every state) or `finally` (every state in which all but daemons ended).

    `violation` is its id: its own name if the catalogue has it, else its kind. `antecedent` must
    be true in some state, or the property is vacuous. `bindings` are the instances whose
    conjunction `condition` is.
    """

    kind: Literal["invariant", "finally"]
    name: str
    violation: str
    condition: Expr
    antecedent: Expr | None
    bindings: tuple[Binding, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ProgressProperty:
    """What every fair run must do. `engines.progress` has the meaning of runs and fairness.

    `eventually`: reach a state where `goal` holds; `terminates` is that of a thread's end, which
    lasts. `infinitely_often`: reach one again and again. `leads_to`: reach one from each state
    where `trigger` holds. Only `leads_to` has a trigger.
    """

    form: Literal["terminates", "eventually", "infinitely_often", "leads_to"]
    name: str
    trigger: Expr | None
    goal: Expr
    trigger_span: Span | None = field(compare=False, repr=False)
    goal_span: Span = field(compare=False, repr=False)
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Cover:
    """Something some run must reach: a state where `condition` holds, or a statement that ran."""

    name: str
    condition: Expr | None
    statement: StatementId | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of the protocol's code, for coverage."""

    id: StatementId
    family: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Kind:
    """Objects or threads that references of this kind point to: numbers `first .. first+size-1`.

    `asymmetry` says why members may not be exchanged, or is None if they may.
    """

    name: str
    size: int
    first: int
    is_thread: bool
    asymmetry: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """One scalar of a composite value; a constant where no run changes it."""

    value: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class VariantParts:
    """A variant: its case, and by case number the payload that this case has."""

    name: str
    case: Part
    payloads: tuple[tuple[Part, ...], ...]


@dataclass(frozen=True, slots=True)
class SetParts:
    """A set: whether each of the objects `names` is in it."""

    name: str
    members: tuple[Expr, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class System:
    """One check, ground. `initial_states` are distinct, with all local work before the first stop done.

    `composites` say which variables are one thing in the language; only printing needs them.
    `initial_statements` are those whose work is done in the initial states already.
    """

    name: str
    variables: tuple[Variable, ...]
    kinds: tuple[Kind, ...]
    threads: tuple[Thread, ...]
    initial_states: tuple[State, ...]
    actions: tuple[Action, ...]
    ledger: tuple[LedgerEntry, ...]
    properties: tuple[Property, ...]
    covers: tuple[Cover, ...]
    statements: tuple[Statement, ...]
    composites: tuple[VariantParts | SetParts, ...] = ()
    initial_statements: frozenset[StatementId] = frozenset()
    progress: tuple[ProgressProperty, ...] = ()

    def all_ended(self, state: State) -> bool:
        """Whether every thread that is no daemon has ended."""
        return all(t.daemon or state[t.pc] == t.end for t in self.threads)
