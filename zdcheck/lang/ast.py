"""The tree as written: what the parser makes of a text, before any name means anything.

Nodes are frozen and compare equal wherever they stand (spans do not count).
`lang.model` holds the other tree, of what a spec means.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from zdcheck.base.source import Span


def _span() -> Span:
    """A dataclass field for a span: required, last, and no part of equality."""
    return field(compare=False, repr=False)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier."""

    text: str
    span: Span = _span()


# --- types ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NamedType:
    """`bool`, `page`, `page?`, `pte_entry`, `spinlock`."""

    name: Name
    optional: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class RangeType:
    """`0..3`; both bounds are constant expressions and belong to the range."""

    low: Expr
    high: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class SetType:
    """`set<page>`."""

    member: Name
    span: Span = _span()


TypeExpr = NamedType | RangeType | SetType


@dataclass(frozen=True, slots=True)
class Holds:
    """`holds refcount`, `holds head.refcount when pte_holds`; bare `holds` has an empty path."""

    path: tuple[Name, ...]
    when: Expr | None
    span: Span = _span()


# --- expressions ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IntLit:
    """`42`; never negative, a minus sign is a `Unary`."""

    value: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class BoolLit:
    """`true` or `false`."""

    value: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class NullLit:
    """`null`."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class SelfExpr:
    """`self`: the thread that runs this."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class NameExpr:
    """A bare name: variable, config, enum member, payload-free case, kind."""

    name: Name
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class FieldExpr:
    """`pg.refcount`, `gup[0].pin`, `pgmap_state.live`."""

    base: Expr
    name: Name
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class IndexExpr:
    """`slots[pg]`, `page[0]`."""

    base: Expr
    index: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class CallExpr:
    """`f(x)`, `present(pg, true)`, `READ_ONCE(x)`; `count(s)` without binder too."""

    function: Name
    arguments: tuple[Expr, ...]
    span: Span = _span()


UnaryOp = Literal["!", "-"]
BinaryOp = Literal["||", "&&", "implies", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "in"]


@dataclass(frozen=True, slots=True)
class Unary:
    """`!e`, `-e`."""

    op: UnaryOp
    operand: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Binary:
    """`a && b`, `a + b`, `x in s`."""

    op: BinaryOp
    left: Expr
    right: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class IsExpr:
    """`x is present(pg, _)`. `binders` is None without parentheses; None in it stands for `_`."""

    operand: Expr
    case: Name
    binders: tuple[Name | None, ...] | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ConditionalExpr:
    """`c ? a : b`."""

    condition: Expr
    then: Expr
    otherwise: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Binder:
    """`x : page` under a quantifier."""

    name: Name
    domain: TypeExpr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Quantified:
    """`forall x : page, y : pte . e`."""

    op: Literal["forall", "exists"]
    binders: tuple[Binder, ...]
    body: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class CountExpr:
    """`count(p : page where e)`; `where` is None for `count(p : page)`."""

    binder: Binder
    where: Expr | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class SetLit:
    """`{}`, `{page[0], pg}`."""

    members: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class AnyExpr:
    """`any pte`, `any p : page where e`, `any 0..3`; bare `any` (an initial value) has no domain.

    Grammar allows it only as a whole right-hand side or initial value.
    """

    name: Name | None
    domain: TypeExpr | None
    where: Expr | None
    span: Span = _span()


Expr = (
    IntLit
    | BoolLit
    | NullLit
    | SelfExpr
    | NameExpr
    | FieldExpr
    | IndexExpr
    | CallExpr
    | Unary
    | Binary
    | IsExpr
    | ConditionalExpr
    | Quantified
    | CountExpr
    | SetLit
    | AnyExpr
)


# --- statements -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VarDecl:
    """A variable, field or local: `[ghost] var slots[page] : pgmap? holds users = null;`.

    `type` is None for `var x = e;` (locals only).
    """

    name: Name
    dimensions: tuple[TypeExpr, ...]
    type: TypeExpr | None
    holds: Holds | None
    initial: Expr | None
    ghost: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class VarStmt:
    """A local variable; visible to the end of the block."""

    declaration: VarDecl
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class AssignStmt:
    """`place = e;`, `place += e;`, `place -= e;`; `x++` is `x += 1`, written `++` again by the formatter."""

    target: Expr
    op: Literal["=", "+=", "-=", "++", "--"]
    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class CallStmt:
    """`f(x);`: a function, or an operation of the language such as `lock(l);`."""

    call: CallExpr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Block:
    """`{ … }`, or the single statement that stands for one (`braced` is False then)."""

    statements: tuple[Stmt, ...]
    braced: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class IfStmt:
    """`if (c) then else otherwise`."""

    condition: Expr
    then: Block
    otherwise: Block | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class WhileStmt:
    """`while (c) body`; `forever body` has no condition."""

    condition: Expr | None
    body: Block
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ForStmt:
    """`for (e in pte) body`, in index order."""

    name: Name
    domain: TypeExpr
    body: Block
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class GotoStmt:
    """`goto L;`."""

    label: Name
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class LabelStmt:
    """`L:`."""

    name: Name
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ReturnStmt:
    """`return;`, `return e;`."""

    value: Expr | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class BreakStmt:
    """`break;`."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ContinueStmt:
    """`continue;`."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class WaitStmt:
    """`wait until e;` (sleeps) and `spin until e;` (does not)."""

    condition: Expr
    sleeps: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class AtomicStmt:
    """`atomic { … }`: one step."""

    body: Block
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class EitherStmt:
    """`either { } or { }`; at least two branches."""

    branches: tuple[Block, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class AssertStmt:
    """`assert e;`, `assert e else use_after_free "why";`."""

    condition: Expr
    violation: Name | None
    message: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class UnreachableStmt:
    """`unreachable;`."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class CoverStmt:
    """`cover NAME;` in code."""

    name: Name
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class GhostStmt:
    """`ghost { … }`, `ghost x = e;` (one statement, not braced)."""

    body: Block
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class NoteStmt:
    """`models "…";` or `cite "…";` among statements."""

    kind: Literal["models", "cite"]
    text: str
    span: Span = _span()


Stmt = (
    VarStmt
    | AssignStmt
    | CallStmt
    | Block
    | IfStmt
    | WhileStmt
    | ForStmt
    | GotoStmt
    | LabelStmt
    | ReturnStmt
    | BreakStmt
    | ContinueStmt
    | WaitStmt
    | AtomicStmt
    | EitherStmt
    | AssertStmt
    | UnreachableStmt
    | CoverStmt
    | GhostStmt
    | NoteStmt
)


# --- items ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Use:
    """One module of `use mm.page, mm.pgmap;`; `path` is ("mm", "page")."""

    path: tuple[Name, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class UseItem:
    """A whole `use` line."""

    modules: tuple[Use, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class NoteItem:
    """`models "…";` or `cite "…";` at file level."""

    kind: Literal["models", "cite"]
    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ConfigItem:
    """`config recheck : bool = true;`."""

    name: Name
    type: TypeExpr
    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ScopeEntry:
    """`page: 2`."""

    name: Name
    size: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ScopeItem:
    """`scope { page: 2, gup: 2 }`."""

    entries: tuple[ScopeEntry, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class EnumItem:
    """`enum pgmap_state { live, dead }`."""

    name: Name
    members: tuple[Name, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Payload:
    """`pg : page holds refcount when pte_holds` in a case."""

    name: Name
    type: TypeExpr
    holds: Holds | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Case:
    """`present(pg : page, write : bool)`."""

    name: Name
    payload: tuple[Payload, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class VariantItem:
    """`variant pte_entry { none, present(pg : page) }`."""

    name: Name
    cases: tuple[Case, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class FieldDecl:
    """`counted refcount : 0..7 = 0 bias 1;`, `lives in map : pgmap? = null;`."""

    variable: VarDecl
    counted: bool
    bias: Expr | None
    lives_in: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ObjectItem:
    """`object page { … }`."""

    name: Name
    fields: tuple[FieldDecl, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class SectionItem:
    """`section irqs_off atomic;`."""

    name: Name
    atomic: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class GlobalItem:
    """A shared or ghost variable."""

    declaration: VarDecl
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Param:
    """`pg : page`, `ref l : spinlock`."""

    name: Name
    type: TypeExpr
    by_reference: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class FnItem:
    """A function; `body` is a block, or the expression of `fn f(x : page) -> bool = e;`."""

    name: Name
    params: tuple[Param, ...]
    result: TypeExpr | None
    body: Block | Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class InitItem:
    """`init { … }`."""

    body: Block
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ThreadItem:
    """`[daemon] [fair [strong] | unfair] thread gup[*] { … }`.

    `count` is None for a single thread, "*" for as many as the scope says. Where nothing is
    said, `fairness` is weak, and none for a daemon.
    """

    name: Name
    count: Expr | Literal["*"] | None
    daemon: bool
    fairness: Literal["weak", "strong", "none"]
    body: Block
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class PropertyItem:
    """`invariant NAME when CONST : e;`, and `finally`, `cover` likewise."""

    kind: Literal["invariant", "finally", "cover"]
    name: Name
    when: Expr | None
    body: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Terminates:
    """`unplug terminates`."""

    thread: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Eventually:
    """`eventually e`."""

    goal: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class InfinitelyOften:
    """`infinitely often e`."""

    goal: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class LeadsTo:
    """`p leads to q`."""

    trigger: Expr
    goal: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ProgressItem:
    """`progress NAME when CONST : …;`."""

    name: Name
    when: Expr | None
    body: Terminates | Eventually | InfinitelyOften | LeadsTo
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Setting:
    """`recheck = false` in a check's `with`."""

    name: Name
    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class SettingsItem:
    """`with pte_holds = false;` of a whole file."""

    settings: tuple[Setting, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Over:
    """`for era` of a check: one run for each of the values; `values` None is all of them."""

    config: Name
    values: tuple[Expr, ...] | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ExpectHolds:
    """`expect holds;`. This and other clauses are for all runs of the check if `cells` is empty."""

    cells: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ExpectViolation:
    """`expect violation ID of PROPERTY by THREAD for v6_1, v6_15;`."""

    violation: Name
    of: Name | None
    by: Name | None
    cells: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Allow:
    """`allow vacuous NAME;`, `allow uncovered NAME;`."""

    what: Literal["vacuous", "uncovered"]
    name: Name
    cells: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Without:
    """`without NAME;`: this check leaves a property out."""

    name: Name
    cells: tuple[Expr, ...]
    span: Span = _span()


CheckClause = ExpectHolds | ExpectViolation | Allow | Without | NoteStmt


@dataclass(frozen=True, slots=True)
class CheckItem:
    """`check "name" for era with a = b scope gup = 3 { … }`."""

    name: str
    over: Over | None
    settings: tuple[Setting, ...]
    scope: tuple[ScopeEntry, ...]
    clauses: tuple[CheckClause, ...]
    span: Span = _span()


Item = (
    UseItem
    | NoteItem
    | ConfigItem
    | SettingsItem
    | ScopeItem
    | EnumItem
    | VariantItem
    | ObjectItem
    | SectionItem
    | GlobalItem
    | FnItem
    | InitItem
    | ThreadItem
    | PropertyItem
    | ProgressItem
    | CheckItem
)


@dataclass(frozen=True, slots=True)
class Spec:
    """One file."""

    items: tuple[Item, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Module:
    """A parsed file with the name it is used by: ("mm", "page"), or () for the spec itself."""

    name: tuple[str, ...]
    spec: Spec


@dataclass(frozen=True, slots=True)
class Bundle:
    """The spec with every module it uses, each once, a module after those it uses; the spec last."""

    modules: tuple[Module, ...]
