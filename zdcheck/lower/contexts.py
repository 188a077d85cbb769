"""Kernel contexts: locks, sections, grace periods, and what is forbidden inside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zdcheck.base.source import Span
from zdcheck.ir.expr import BOOL, NULL, Const
from zdcheck.ir.parametric import (
    SELF,
    Assignment,
    Bound,
    Cell,
    Do,
    FamilyId,
    LockClass,
    Over,
    Requirement,
    Term,
    Touch,
    apply,
    each,
)
from zdcheck.ir.system import Violation
from zdcheck.lang import model as m
from zdcheck.lower.layout import Layout, LockStorage
from zdcheck.lower.terms import Symbols
from zdcheck.lower.walk import reachable_code

MAX_NESTING = 3
"""How deep a thread can be inside one section."""

Parts = tuple[tuple[Requirement, ...], Do, tuple[Touch, ...]]
"""What a step needs, does and touches."""


@dataclass(frozen=True)
class Used:
    """The locks and sections that a thread's code names, itself or through calls."""

    locks: tuple[LockClass, ...]
    sections: tuple[m.SectionSymbol, ...]


def used_by(body: m.Block, symbols: Symbols) -> Used:
    """What the body may take or enter."""
    locks: dict[str, LockClass] = {}
    sections: dict[m.SectionSymbol, None] = {}
    for part in reachable_code(symbols.instance.model, body):
        match part:
            case m.FieldRef(_, field):
                shape = symbols.fields[field].shape
                if isinstance(shape, LockStorage):
                    locks[shape.lock.name] = shape.lock
            case m.GlobalRef(variable):
                shape = symbols.variables[variable].shape
                if isinstance(shape, LockStorage):
                    locks[shape.lock.name] = shape.lock
            case m.SectionOp("enter", section):
                sections[section] = None
            case _:
                pass
    return Used(tuple(locks.values()), tuple(sections))


@dataclass(frozen=True)
class GracePeriod:
    """What a thread family's `quiesce` on these sections waits for: one set of threads each."""

    sections: frozenset[m.SectionSymbol]
    template: str
    pending: FamilyId


class GracePeriods:
    """The pending sets of all grace periods of a program, made before any code is lowered."""

    def __init__(self, symbols: Symbols, bodies: Mapping[str, m.Block]) -> None:
        layout = symbols.layout
        self.all: dict[tuple[frozenset[m.SectionSymbol], str], GracePeriod] = {}
        for template, body in bodies.items():
            for part in reachable_code(symbols.instance.model, body):
                if not isinstance(part, m.Quiesce):
                    continue
                sections = frozenset(part.sections)
                if (sections, template) in self.all:
                    continue
                names = "+".join(sorted(section.name for section in sections))
                pending = layout.family(
                    f"{template}.waits_for.{names}",
                    BOOL,
                    (layout.kind_dimension(template), layout.kind_dimension("thread")),
                    "pending",
                    (0,),
                    template=template,
                )
                self.all[sections, template] = GracePeriod(sections, template, pending)

    def of(self, sections: tuple[m.SectionSymbol, ...], template: str) -> GracePeriod:
        """The grace period that a family's `quiesce` on these sections uses."""
        return self.all[frozenset(sections), template]

    def ending_with(self, section: m.SectionSymbol) -> list[GracePeriod]:
        """Those that leaving a section may end."""
        return [period for period in self.all.values() if section in period.sections]


class Contexts:
    """The operations on contexts, as one thread family uses them."""

    def __init__(self, symbols: Symbols, periods: GracePeriods, used: Used) -> None:
        self.symbols = symbols
        self.layout: Layout = symbols.layout
        self.periods = periods
        self.used = used

    # --- locks --------------------------------------------------------------------------

    def _instances(self, lock: LockClass) -> tuple[tuple[Bound, ...], tuple[Over, ...]]:
        """Bound names for all locks of a class."""
        dimensions = self.layout.families[lock.owner].dimensions
        overs = tuple(self.layout.over("i", d) for d in dimensions)
        return tuple(over.bound for over in overs), overs

    def held_by_self(self, lock: LockClass) -> Term:
        """Whether this thread holds any lock of the class."""
        index, overs = self._instances(lock)
        term = self.holds(lock, index)
        for over in reversed(overs):
            term = each("exists", over.bound, over.low, over.high, term)
        return term

    def holds(self, lock: LockClass, index: tuple[Term, ...]) -> Term:
        """Whether this thread holds this lock, shared or not."""
        owns = apply("eq", Cell(lock.owner, index), SELF)
        if lock.readers is None:
            return owns
        return apply("or", owns, Cell(lock.readers, (*index, SELF)))

    def _free(self, lock: LockClass, index: tuple[Term, ...], shared: bool) -> Term:
        free = apply("eq", Cell(lock.owner, index), Const(NULL))
        if lock.readers is None or shared:
            return free
        threads = self.layout.kind_dimension("thread")
        reader = self.layout.bound("t", "thread")
        nobody = each(
            "forall",
            reader,
            threads.low,
            threads.low + threads.size - 1,
            apply("not", Cell(lock.readers, (*index, reader))),
        )
        return apply("and", free, nobody)

    def _set(
        self, lock: LockClass, index: tuple[Term, ...], shared: bool, taken: bool
    ) -> Assignment:
        if shared:
            assert lock.readers is not None
            return Assignment(Cell(lock.readers, (*index, SELF)), Const(int(taken)))
        return Assignment(Cell(lock.owner, index), SELF if taken else Const(NULL))

    def acquire(
        self, lock: LockClass, index: tuple[Term, ...], shared: bool, span: Span
    ) -> tuple[tuple[Requirement, ...], Do]:
        """A blocking acquisition."""
        sleeps = () if lock.flavour == "spinlock" else self.may_sleep(span)
        not_mine = Requirement(
            apply("not", self.holds(lock, index)),
            Violation("self_deadlock", f"this thread holds `{lock.name}` already", span),
        )
        take = Do(self._free(lock, index, shared), (self._set(lock, index, shared, True),))
        return (*sleeps, not_mine), take

    def try_acquire(
        self, lock: LockClass, index: tuple[Term, ...], shared: bool
    ) -> tuple[Term, tuple[Assignment, ...]]:
        """Whether the lock is free, and the updates that take it if so."""
        free = self._free(lock, index, shared)
        if lock.readers is not None and shared:
            free = apply("and", free, apply("not", Cell(lock.readers, (*index, SELF))))
        take = self._set(lock, index, shared, True)
        return free, (Assignment(take.cell, apply("ite", free, take.value, take.cell)),)

    def release(
        self, lock: LockClass, index: tuple[Term, ...], shared: bool, span: Span
    ) -> tuple[tuple[Requirement, ...], Do]:
        """Giving a lock back."""
        if shared:
            assert lock.readers is not None
            mine: Term = Cell(lock.readers, (*index, SELF))
        elif lock.flavour == "bitlock":
            mine = apply("not", apply("eq", Cell(lock.owner, index), Const(NULL)))
        else:
            mine = apply("eq", Cell(lock.owner, index), SELF)
        who = "nobody holds" if lock.flavour == "bitlock" else "this thread does not hold"
        required = Requirement(mine, Violation("unlock_not_owner", f"{who} `{lock.name}`", span))
        return (required,), Do(updates=(self._set(lock, index, shared, False),))

    # --- sections -----------------------------------------------------------------------

    def _depth(self, section: m.SectionSymbol, thread: Term = SELF) -> Cell:
        return Cell(self.symbols.sections[section], (thread,))

    def section(self, op: str, section: m.SectionSymbol, span: Span) -> Parts:
        """`enter` or `leave`."""
        depth = self._depth(section)
        touch = Touch(depth.family, "write", "plain", span)
        if op == "enter":
            deeper = Assignment(depth, apply("add", depth, Const(1)))
            fits = Requirement(
                apply("lt", depth, Const(MAX_NESTING)),
                Violation("range", f"inside `{section.name}` more than {MAX_NESTING} deep", span),
            )
            return (fits,), Do(updates=(deeper,)), (touch,)
        inside = Requirement(
            apply("lt", Const(0), depth),
            Violation("unlock_not_owner", f"this thread is not inside `{section.name}`", span),
        )
        updates = [Assignment(depth, apply("sub", depth, Const(1)))]
        for period in self.periods.ending_with(section):
            updates.append(self._acknowledge(period, section))
        return (inside,), Do(updates=tuple(updates)), (touch,)

    def _acknowledge(self, period: GracePeriod, left: m.SectionSymbol) -> Assignment:
        """Leaving `left` for good tells whoever waits that this thread has been outside."""
        waiters = self.layout.kind_dimension(period.template)
        over = self.layout.over("waiter", waiters)
        cell = Cell(period.pending, (over.bound, SELF))
        still_inside = [apply("lt", Const(1), self._depth(left))]
        for other in sorted(period.sections - {left}, key=lambda s: s.name):
            still_inside.append(apply("lt", Const(0), self._depth(other)))
        stays = apply("and", cell, apply("or", *still_inside, Const(0)))
        return Assignment(cell, stays, (over,))

    def quiesce(
        self, sections: tuple[m.SectionSymbol, ...], others_only: bool, template: str, span: Span
    ) -> tuple[Parts, Parts]:
        """A grace period: the step that notes who is inside, and the step that has waited for them."""
        period = self.periods.of(sections, template)
        threads = self.layout.kind_dimension("thread")
        thread = self.layout.bound("t", "thread")
        low, high = threads.low, threads.low + threads.size - 1
        inside = [apply("lt", Const(0), self._depth(s, thread)) for s in sections]
        noted = apply("or", *inside, Const(0))
        if others_only:
            noted = apply("and", noted, apply("not", apply("eq", thread, SELF)))
        cell = Cell(period.pending, (SELF, thread))
        note = Do(updates=(Assignment(cell, noted, (Over(thread, low, high),)),))
        nobody = each("forall", thread, low, high, apply("not", cell))
        reads = tuple(Touch(self.symbols.sections[s], "read", "plain", span) for s in sections)
        pending = Touch(period.pending, "read", "plain", span)
        return ((), note, reads), ((), Do(guard=nobody), (pending,))

    # --- what is forbidden inside -------------------------------------------------------

    def may_sleep(self, span: Span) -> tuple[Requirement, ...]:
        """Sleeping needs no atomic section and no spinlock."""
        found = []
        for section in self.used.sections:
            if section.atomic:
                outside = apply("eq", self._depth(section), Const(0))
                message = f"this may sleep, inside `{section.name}`"
                found.append(Requirement(outside, Violation("sleep_in_atomic", message, span)))
        for lock in self.used.locks:
            if lock.flavour == "spinlock":
                message = f"this may sleep, holding the spinlock `{lock.name}`"
                free = apply("not", self.held_by_self(lock))
                found.append(Requirement(free, Violation("sleep_in_atomic", message, span)))
        return tuple(found)

    def at_exit(self, span: Span) -> tuple[Requirement, ...]:
        """A thread ends outside every section, holding no lock."""
        found = []
        for section in self.used.sections:
            outside = apply("eq", self._depth(section), Const(0))
            message = f"the thread ends inside `{section.name}`"
            found.append(Requirement(outside, Violation("held_at_exit", message, span)))
        for lock in self.used.locks:
            message = f"the thread ends holding `{lock.name}`"
            free = apply("not", self.held_by_self(lock))
            found.append(Requirement(free, Violation("held_at_exit", message, span)))
        return tuple(found)
