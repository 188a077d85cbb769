"""Small ground systems built by hand, for tests that need no front end.

`unplug()` is the field's standard bug: a PTE that keeps no reference on its page, a walker that
takes one, and an unplug that drops the base reference while the PTE still maps the page.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from zdcheck.base.source import SourceFile, Span
from zdcheck.ir.expr import (
    BOOL,
    NULL,
    TRUE,
    Const,
    Expr,
    Type,
    Var,
    VarId,
    add,
    and_,
    eq,
    implies,
    ite,
    le,
    lt,
    ne,
    sub,
    variables_of,
)
from zdcheck.ir.system import (
    Action,
    ActionId,
    Binding,
    Check,
    Cover,
    Guard,
    Holder,
    Kind,
    LedgerEntry,
    LockEdge,
    Part,
    Property,
    Role,
    State,
    Statement,
    StatementId,
    System,
    Thread,
    Variable,
    VariantParts,
    Violation,
)

SPEC = """\
// A PTE without a reference against unplug.
object page { counted refcount : 0..3 = 1; }

thread gup[2] {
    local_irq_disable();
    var seen = pte[0].entry;
    if (seen is present(pg)) {
        pin = try_get_page(pg);
    }
    local_irq_enable();
    put_page(pin);
}

thread unplug {
    put_page(base);
    unmap(pte[0]);
}

invariant refcount_zero_in_pte:
    forall e : pte . e.entry is present(pg) implies pg.refcount > 0;
"""


@dataclass
class Builder:
    """Collects variables and actions; spans are found by their text in `text`."""

    text: str = SPEC
    path: str = "specs/unplug.zd"
    variables: list[Variable] = field(default_factory=list)
    values: list[int] = field(default_factory=list)
    threads: list[Thread] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    statements: dict[str, Statement] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.file = SourceFile(self.path, self.text)

    def span(self, text: str) -> Span:
        """Where `text` stands first."""
        start = self.text.index(text)
        return Span(self.file, start, start + len(text))

    def var(
        self,
        name: str,
        type: Type,
        value: int = 0,
        role: Role = "shared",
        thread: int | None = None,
    ) -> VarId:
        """A new variable."""
        id = VarId(len(self.variables))
        self.variables.append(Variable(id, name, type, role, name, (), thread))
        self.values.append(value)
        return id

    def thread(
        self, name: str, family: str, stops: list[str], *, number: int = 0, daemon: bool = False
    ) -> int:
        """A new thread that stops before each of the texts `stops`, then ends."""
        index = len(self.threads)
        pc = self.var(f"{name}.pc", Type("int", 0, len(stops)), 0, "pc", index)
        spans = (*(self.span(text) for text in stops), None)
        self.threads.append(
            Thread(index, name, family, number, daemon, "weak", pc, len(stops), spans)
        )
        return index

    def step(
        self,
        thread: int,
        location: int,
        text: str,
        *updates: tuple[VarId, Expr],
        tests: tuple[Guard | Check, ...] = (),
        to: int | None = None,
        choices: tuple[tuple[str, str], ...] = (),
        edges: tuple[LockEdge, ...] = (),
        stores: frozenset[VarId] = frozenset(),
    ) -> ActionId:
        """A new action from `location` to the next one, or to `to`."""
        moves = (self.threads[thread].pc, Const(location + 1 if to is None else to))
        all_updates = (*updates, moves)
        reads = {v for t in tests for v in variables_of(t.condition)}
        reads |= {v for _, value in all_updates for v in variables_of(value)}
        statement = self.statements.setdefault(
            text,
            Statement(
                StatementId(len(self.statements)), self.threads[thread].family, self.span(text)
            ),
        )
        id = ActionId(len(self.actions))
        self.actions.append(
            Action(
                id,
                thread,
                location,
                tests,
                all_updates,
                frozenset(reads),
                frozenset(v for v, _ in all_updates),
                text,
                self.span(text),
                choices,
                frozenset({statement.id}),
                (),
                edges,
                stores,
            )
        )
        return id

    def system(
        self,
        *,
        kinds: tuple[Kind, ...] = (),
        ledger: tuple[LedgerEntry, ...] = (),
        properties: tuple[Property, ...] = (),
        covers: tuple[Cover, ...] = (),
        composites: tuple[VariantParts, ...] = (),
        initial: tuple[State, ...] = (),
    ) -> System:
        """The finished system."""
        return System(
            "default",
            tuple(self.variables),
            kinds,
            tuple(self.threads),
            initial or (tuple(self.values),),
            tuple(self.actions),
            ledger,
            properties,
            covers,
            tuple(self.statements.values()),
            composites,
        )


PAGE = Type("ref", NULL, 0, "page", ("page[0]",))
ENTRY = Type("enum", 0, 1, "pte_entry", ("none", "present"))
COUNT = Type("int", 0, 3)


def unplug(*, pte_holds: bool = False, leaks: bool = False, stores: bool = False) -> System:
    """Two walkers and one unplug.

    With `pte_holds`, the base reference is the PTE's and unplug takes both away together, so all is
    well. With `leaks`, a walker forgets its pin; with `stores`, it writes the count outright.
    """
    b = Builder()
    refcount = b.var("page[0].refcount", COUNT, 1)
    case = b.var("pte[0].entry", ENTRY, 1)
    payload = b.var("pte[0].entry.pg", PAGE, 0)
    base = b.var("unplug.base", PAGE, NULL if pte_holds else 0, "local", 2)
    pins = []
    for n in range(2):
        me = b.thread(
            f"gup[{n}]",
            "gup",
            [
                "local_irq_disable();",
                "var seen = pte[0].entry;",
                "pin = try_get_page(pg);",
                "local_irq_enable();",
                "put_page(pin);",
            ],
            number=n,
        )
        seen = b.var(f"gup[{n}].seen", ENTRY, 0, "local", me)
        pin = b.var(f"gup[{n}].pin", PAGE, NULL, "local", me)
        irqs = b.var(f"irqs_off[gup[{n}]]", Type("int", 0, 3), 0, "section")
        pins.append(pin)
        b.step(me, 0, "local_irq_disable();", (irqs, Const(1)))
        present = eq(Var(case), Const(1))
        b.step(me, 1, "var seen = pte[0].entry;", (seen, Const(1)), tests=(Guard(present),))
        b.step(me, 1, "var seen = pte[0].entry;", tests=(Guard(ne(Var(case), Const(1))),), to=3)
        got = lt(Const(0), Var(refcount))
        b.step(
            me,
            2,
            "pin = try_get_page(pg);",
            (seen, Const(0)),
            (pin, ite(got, Const(0), Const(NULL))),
            (refcount, ite(got, add(Var(refcount), Const(1)), Var(refcount))),
            tests=(
                Check(
                    lt(Var(refcount), Const(3)),
                    Violation(
                        "refcount_overflow", "`refcount` leaves its type 0..3", b.span("0..3")
                    ),
                ),
            ),
        )
        b.step(me, 3, "local_irq_enable();", (irqs, Const(0)))
        pinned = ne(Var(pin), Const(NULL))
        less = Const(1) if stores else sub(Var(refcount), Const(1))
        b.step(
            me,
            4,
            "put_page(pin);",
            (pin, Const(NULL)),
            *(() if leaks else ((refcount, ite(pinned, less, Var(refcount))),)),
            stores=frozenset({refcount}) if stores else frozenset(),
        )
    me = b.thread("unplug", "unplug", ["put_page(base);", "unmap(pte[0]);"])
    if not pte_holds:
        b.step(
            me,
            0,
            "put_page(base);",
            (base, Const(NULL)),
            (refcount, sub(Var(refcount), Const(1))),
        )
        b.step(me, 1, "unmap(pte[0]);", (case, Const(0)), (payload, Const(NULL)))
    else:
        b.step(me, 0, "put_page(base);")
        b.step(
            me,
            1,
            "unmap(pte[0]);",
            (case, Const(0)),
            (payload, Const(NULL)),
            (refcount, sub(Var(refcount), Const(1))),
        )
    mapped = and_(eq(Var(case), Const(1)), eq(Var(payload), Const(0)))
    holders = [
        Holder(f"gup[{n}].pin", eq(Var(pin), Const(0)), b.span("pin ="))
        for n, pin in enumerate(pins)
    ]
    if pte_holds:
        holders.insert(0, Holder("pte[0].entry", mapped, b.span("pte[0].entry")))
    else:
        holders.append(Holder("unplug.base", eq(Var(base), Const(0)), b.span("base")))
    total = add(*(h.count for h in holders))
    condition = implies(mapped, lt(Const(0), Var(refcount)))
    return b.system(
        kinds=(Kind("page", 1, 0, False, None),),
        ledger=(
            LedgerEntry(
                refcount,
                Const(0),
                tuple(holders),
                TRUE,
                eq(Var(refcount), total),
                b.span("counted refcount"),
            ),
        ),
        properties=(
            Property(
                "invariant",
                "refcount_zero_in_pte",
                "refcount_zero_in_pte",
                condition,
                mapped,
                (
                    Binding(
                        (("e", "pte[0]"),),
                        condition,
                        b.span("e.entry is present(pg) implies pg.refcount > 0"),
                    ),
                ),
                b.span(SPEC[SPEC.index("invariant") :].strip()),
            ),
        ),
        composites=(
            VariantParts(
                "pte[0].entry",
                Part(Var(case), ENTRY),
                ((), (Part(Var(payload), PAGE),)),
            ),
        ),
    )


LOCKS = """\
thread a {
    lock(mm);
    lock(ptl);
    unlock(ptl);
    unlock(mm);
}
thread b {
    wait until go;
    lock(ptl );
    lock(mm );
    unlock(mm );
    unlock(ptl );
}
"""


def locks(*, together: bool) -> System:
    """Two threads, two locks, both orders: a deadlock, or (one after the other) only a cycle."""
    b = Builder(LOCKS, "specs/locks.zd")
    names = ("a", "b")
    owner = Type("ref", NULL, 1, "thread", names)
    mm = b.var("mm", owner, NULL, "lock")
    ptl = b.var("ptl", owner, NULL, "lock")
    go = b.var("go", BOOL, int(together))
    for index, (first, second, pad) in enumerate([(mm, ptl, ""), (ptl, mm, " ")]):
        word = {mm: f"mm{pad}", ptl: f"ptl{pad}"}
        lock_1, lock_2 = f"lock({word[first]});", f"lock({word[second]});"
        unlock_2, unlock_1 = f"unlock({word[second]});", f"unlock({word[first]});"
        stops = [lock_1, lock_2, unlock_2, unlock_1]
        if index:
            stops.insert(0, "wait until go;")
        me = b.thread(names[index], names[index], stops)
        at = 0
        if index:
            b.step(me, 0, "wait until go;", tests=(Guard(Var(go)),))
            at = 1
        free = Const(NULL)
        edge = LockEdge(word[first].strip(), word[second].strip(), TRUE)
        b.step(me, at, lock_1, (first, Const(me)), tests=(Guard(eq(Var(first), free)),))
        b.step(
            me,
            at + 1,
            lock_2,
            (second, Const(me)),
            tests=(Guard(eq(Var(second), free)),),
            edges=(edge,),
        )
        b.step(me, at + 2, unlock_2, (second, free))
        last = ((first, free),) if index else ((first, free), (go, Const(1)))
        b.step(me, at + 3, unlock_1, *last)
    return b.system()


def without_faults(system: System) -> System:
    """The same steps with nothing to violate but deadlock."""
    return replace(system, ledger=(), properties=())


__all__ = ["COUNT", "ENTRY", "PAGE", "Builder", "le", "locks", "unplug", "without_faults"]
