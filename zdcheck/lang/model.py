"""The checked model: typed and resolved, still in the reader's terms.

Made by `lang.check` and consumed by `lower`. Names are gone: every use points to the symbol
that it means. Symbols compare by identity, so two locals of one name are two symbols.
Nothing here depends on a check's config or scope; constants stay expressions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from zdcheck.base.diagnostics import Diagnostic
from zdcheck.base.source import Span
from zdcheck.lang.types import (
    Domain,
    IntType,
    RefType,
    SetType,
    Type,
    VariantType,
)


def _span() -> Span:
    return field(compare=False, repr=False)  # type: ignore[no-any-return]


# --- symbols ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Holding:
    """`holds head.refcount when e`.

    `path` leads from the object pointed to through reference fields to the counted field
    (its last element). Empty for a variant-typed local declared bare `holds`: there the
    payload's own holdings apply. `when` may use `subject`, the object pointed to (for a set, each
    member; for a payload that is a reference, the payload's own `bound`).
    """

    path: tuple[FieldSymbol, ...]
    when: Expr | None
    subject: BoundSymbol | None
    span: Span = _span()


@dataclass(frozen=True, slots=True, eq=False)
class ConfigSymbol:
    """`config`; the type is bool, a range or an enum."""

    name: str
    type: Type
    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True, eq=False)
class PayloadSymbol:
    """One payload of a case. `holds … when` of this or another payload speaks of it as `bound`."""

    name: str
    type: Type
    holds: Holding | None
    bound: BoundSymbol
    span: Span = _span()


@dataclass(frozen=True, slots=True, eq=False)
class CaseSymbol:
    """One case of a variant."""

    name: str
    payload: tuple[PayloadSymbol, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True, eq=False)
class VariantSymbol:
    """A variant and its cases."""

    name: str
    cases: tuple[CaseSymbol, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True, eq=False)
class FieldSymbol:
    """A field of an object kind.

    `initial` is a constant expression, `AnyValue` for every value, or None for the type's default.
    `type` is the element type where there are dimensions.
    """

    kind: str
    name: str
    type: Type
    dimensions: tuple[IntType | RefType, ...]
    initial: Expr | AnyValue | None
    counted: bool
    bias: Expr | None
    lives_in: bool
    ghost: bool
    holds: Holding | None
    span: Span = _span()


@dataclass(frozen=True, slots=True, eq=False)
class KindSymbol:
    """An object kind."""

    name: str
    fields: tuple[FieldSymbol, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True, eq=False)
class SectionSymbol:
    """A context that threads can be inside."""

    name: str
    atomic: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True, eq=False)
class GlobalSymbol:
    """A shared or ghost variable."""

    name: str
    type: Type
    dimensions: tuple[IntType | RefType, ...]
    initial: Expr | AnyValue | None
    ghost: bool
    holds: Holding | None
    span: Span = _span()


@dataclass(frozen=True, slots=True, eq=False)
class LocalSymbol:
    """A local variable, `for` variable, value parameter, or a name bound by `is` in a statement.

    `role` says which; a `pattern` local is set by the test that binds it.
    """

    name: str
    type: Type
    dimensions: tuple[IntType | RefType, ...]
    ghost: bool
    holds: Holding | None
    role: Literal["variable", "loop", "parameter", "pattern"]
    span: Span = _span()


@dataclass(frozen=True, slots=True, eq=False)
class RefParamSymbol:
    """A `ref` parameter: stands for the caller's place (or value, where it gave none)."""

    name: str
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True, eq=False)
class BoundSymbol:
    """A name bound inside one expression: by a quantifier, `any … where`, or `is` in a property."""

    name: str
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True, eq=False)
class FunctionSymbol:
    """A function. `body` is filled in once all signatures are known (`Model.functions`)."""

    name: str
    params: tuple[LocalSymbol | RefParamSymbol, ...]
    result: Type
    is_expression: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True, eq=False)
class LabelSymbol:
    """A label."""

    name: str
    span: Span = _span()


# --- expressions ------------------------------------------------------------------------


AccessKind = Literal["plain", "once", "acquire", "release"]


@dataclass(frozen=True, slots=True)
class Number:
    """An integer constant."""

    value: int
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Truth:
    """`true` or `false`."""

    value: bool
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Member:
    """An enum member, by number."""

    index: int
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Null:
    """`null`."""

    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Self:
    """The running thread; its type is the family, or `thread` in a function."""

    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ConfigRef:
    """A config's value in this check."""

    symbol: ConfigSymbol
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class GlobalRef:
    """A shared variable."""

    symbol: GlobalSymbol
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class LocalRef:
    """A local of this thread."""

    symbol: LocalSymbol
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ThreadLocalRef:
    """`gup[0].pin` in a property: a local of the thread `thread`."""

    thread: Expr
    family: str
    symbol: LocalSymbol
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class RefParamRef:
    """A use of a `ref` parameter."""

    symbol: RefParamSymbol
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class BoundRef:
    """A use of a name that this expression binds."""

    symbol: BoundSymbol
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class FieldRef:
    """`base.field`; `base` is a reference, maybe null at run time."""

    base: Expr
    symbol: FieldSymbol
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ElementRef:
    """`base[index]`: one step into an array place."""

    base: Expr
    index: Expr
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ObjectAt:
    """`page[i]`, `gup[0]`: the object (thread) of that number; `range` violation if there is none."""

    kind: str
    index: Expr
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Construct:
    """A variant's value; as many arguments as the case has payload."""

    case: CaseSymbol
    case_index: int
    arguments: tuple[Expr, ...]
    type: VariantType
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class IsCase:
    """`x is present(pg)`.

    `binds[i]` names payload i: a LocalSymbol (role `pattern`) in statements, a BoundSymbol in
    pure expressions (properties, expression functions, `where`, `when`), None for `_`.
    """

    operand: Expr
    case: CaseSymbol
    case_index: int
    binds: tuple[LocalSymbol | BoundSymbol | None, ...]
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Unary:
    """`!` on truth, `-` on numbers."""

    op: Literal["!", "-"]
    operand: Expr
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator; `==` also on variants and sets, `+ -` also on sets, `in` is element in set.

    Both sides of a set operation are sets of the same kind.
    """

    op: Literal["||", "&&", "implies", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "in"]
    left: Expr
    right: Expr
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Conditional:
    """`c ? a : b`."""

    condition: Expr
    then: Expr
    otherwise: Expr
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Quantifier:
    """One binder each; `count` is the number of values for which the body is true."""

    op: Literal["forall", "exists", "count"]
    variable: BoundSymbol
    domain: Domain
    body: Expr
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class SetOf:
    """`{a, b}`; members are never null at run time (`null_dereference` otherwise)."""

    members: tuple[Expr, ...]
    type: SetType
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class SizeOfSet:
    """`count(s)`."""

    operand: Expr
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class SizeOfKind:
    """`count(page)`: a constant of the scope."""

    kind: str
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class IndexOf:
    """`index(x)`."""

    operand: Expr
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Accessed:
    """`READ_ONCE(place)`, `smp_load_acquire(place)`: a read with its kind."""

    place: Expr
    access: AccessKind
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function with a result (or, in a CallStmt, any function).

    An argument for a `ref` parameter is a place or any expression.
    """

    function: FunctionSymbol
    arguments: tuple[Expr, ...]
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class TryLock:
    """`trylock(l)`, `trylock_shared(l)`: true if taken."""

    lock: Expr
    shared: bool
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class IsAlive:
    """`alive(x)`; only where ghost state may be read."""

    operand: Expr
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class HasEnded:
    """`ended(t)`; only where ghost state may be read."""

    operand: Expr
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class IsInside:
    """`inside(t, S)`, or `inside(S)` with `thread` being `Self`."""

    thread: Expr
    section: SectionSymbol
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class OwnerOf:
    """`owner(l)`: the thread that holds it (exclusively), or null."""

    lock: Expr
    type: Type
    span: Span = _span()


Expr = (
    Number
    | Truth
    | Member
    | Null
    | Self
    | ConfigRef
    | GlobalRef
    | LocalRef
    | ThreadLocalRef
    | RefParamRef
    | BoundRef
    | FieldRef
    | ElementRef
    | ObjectAt
    | Construct
    | IsCase
    | Unary
    | Binary
    | Conditional
    | Quantifier
    | SetOf
    | SizeOfSet
    | SizeOfKind
    | IndexOf
    | Accessed
    | Call
    | TryLock
    | IsAlive
    | HasEnded
    | IsInside
    | OwnerOf
)


@dataclass(frozen=True, slots=True)
class AnyValue:
    """`any p : page where e` as a right-hand side; `domain` None (initial values): the whole type."""

    variable: BoundSymbol | None
    domain: Domain | None
    where: Expr | None
    span: Span = _span()


# --- statements -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Declare:
    """A local comes into scope with this value; None is its type's default."""

    symbol: LocalSymbol
    value: Expr | AnyValue | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Assign:
    """`target = value`; `op` is "+=" or "-=" for compound ones (`++` is `+= 1`).

    `target` is a place: LocalRef, GlobalRef, FieldRef, ElementRef of one, or RefParamRef.
    On a set target, the value of "+=" and "-=" is a set (a single member was wrapped in SetOf).
    """

    target: Expr
    op: Literal["=", "+=", "-="]
    value: Expr | AnyValue
    access: AccessKind
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class CallStmt:
    """A function called for its effect."""

    call: Call
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Block:
    """Statements in their own scope; `locals` are those declared directly in it, in order."""

    statements: tuple[Stmt, ...]
    locals: tuple[LocalSymbol, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class If:
    """`if`; names bound in the condition are set before `then` runs."""

    condition: Expr
    then: Block
    otherwise: Block | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class While:
    """`while`; None for `forever`."""

    condition: Expr | None
    body: Block
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class For:
    """`for (x in domain)`, in index order. The variable belongs to the loop."""

    variable: LocalSymbol
    domain: Domain
    body: Block
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Goto:
    """`goto`, within one function or thread."""

    label: LabelSymbol
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Label:
    """A label's place."""

    label: LabelSymbol
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Return:
    """Ends the function (or thread)."""

    value: Expr | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Break:
    """Leaves the innermost loop."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Continue:
    """Goes on with the innermost loop."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Wait:
    """`wait until` (sleeps) or `spin until`."""

    condition: Expr
    sleeps: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Atomic:
    """One step."""

    body: Block
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Either:
    """A free choice of branch."""

    branches: tuple[Block, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Assert:
    """`assert`; `violation` is an id of the catalogue."""

    condition: Expr
    violation: str
    message: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Must never run."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Cover:
    """Some run must get here."""

    name: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Ghost:
    """Statements that belong to the step before them."""

    body: Block
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class LockOp:
    """`lock`, `unlock`, and their shared forms."""

    op: Literal["lock", "unlock"]
    lock: Expr
    shared: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class SectionOp:
    """`enter(S)`, `leave(S)`."""

    op: Literal["enter", "leave"]
    section: SectionSymbol
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Quiesce:
    """`quiesce(S, …)`, `quiesce_others(S, …)`."""

    sections: tuple[SectionSymbol, ...]
    others_only: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class LifetimeOp:
    """`destroy(x)`, `create(x)`, `touch(x)`."""

    op: Literal["destroy", "create", "touch"]
    operand: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Drop:
    """`drop(place)`; nothing where the place (after inlining) holds nothing."""

    place: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Fence:
    """`smp_mb()` and its kin; no effect under sequential consistency."""

    op: Literal["full", "read", "write"]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class MightSleep:
    """`might_sleep()`."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Note:
    """`models` or `cite`."""

    kind: Literal["models", "cite"]
    text: str
    span: Span = _span()


Stmt = (
    Declare
    | Assign
    | CallStmt
    | Block
    | If
    | While
    | For
    | Goto
    | Label
    | Return
    | Break
    | Continue
    | Wait
    | Atomic
    | Either
    | Assert
    | Unreachable
    | Cover
    | Ghost
    | LockOp
    | SectionOp
    | Quiesce
    | LifetimeOp
    | Drop
    | Fence
    | MightSleep
    | Note
)


# --- the whole --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Function:
    """A function's symbol with its body: a block, or the expression of an expression function."""

    symbol: FunctionSymbol
    body: Block | Expr
    from_library: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread family. `count` is None for one, "*" for as many as the scope says."""

    name: str
    count: Expr | Literal["*"] | None
    daemon: bool
    fairness: Literal["weak", "strong", "none"]
    body: Block
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Property:
    """An invariant, `finally` or `cover`. `when` is constant."""

    kind: Literal["invariant", "finally", "cover"]
    name: str
    when: Expr | None
    body: Expr
    from_library: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Progress:
    """A progress property: what every fair run must do about `goal`. `when` is constant.

    `terminates` is `eventually` of a thread's end. Only `leads_to` has a `trigger`.
    """

    name: str
    form: Literal["terminates", "eventually", "infinitely_often", "leads_to"]
    when: Expr | None
    trigger: Expr | None
    goal: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a check should find; `violation` None means holds. `of` names a property, `by` a thread family."""

    violation: str | None = None
    of: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a run stands in the table of a check that is made `for` the values of a config."""

    row: str
    config: str
    value: str


@dataclass(frozen=True, slots=True)
class Check:
    """One run with its expected verdict. `settings` are the file's and its own.

    `cell` is None for a check that stands alone.
    """

    name: str
    cell: Cell | None
    settings: tuple[tuple[ConfigSymbol, Expr], ...]
    scope: tuple[tuple[str, Expr], ...]
    expect: Expectation
    allow_vacuous: frozenset[str]
    allow_uncovered: frozenset[str]
    without: frozenset[str]
    span: Span = _span()

    def answers_to(self, name: str) -> bool:
        """Whether the name is this run's own, or that of the check it is a run of."""
        return name == self.name or (self.cell is not None and name == self.cell.row)


@dataclass(frozen=True, slots=True)
class Model:
    """Everything a spec and its modules say.

    `scope` is the merged default scope: sizes of kinds and `[*]` families (missing ones are 1).
    `notes` are the `models` and `cite` texts with their places. `warnings` never stop a check.
    """

    configs: tuple[ConfigSymbol, ...]
    variants: dict[str, VariantSymbol] = field(hash=False)
    kinds: dict[str, KindSymbol] = field(hash=False)
    sections: tuple[SectionSymbol, ...]
    variables: tuple[GlobalSymbol, ...]
    functions: dict[FunctionSymbol, Function] = field(hash=False)
    inits: tuple[Block, ...]
    threads: tuple[Thread, ...]
    properties: tuple[Property, ...]
    progress: tuple[Progress, ...]
    scope: dict[str, Expr] = field(hash=False)
    checks: tuple[Check, ...]
    notes: tuple[Note, ...]
    warnings: tuple[Diagnostic, ...]
