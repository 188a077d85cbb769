"""Counts without an upper bound: which comparisons still tell them apart, and from where on none does.

Any number of threads can hold any number of counts. A number that is large enough stands for all larger
ones, because the program compares counts with constants alone: this module finds the constants and refuses
everything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NoReturn, assert_never

from zdcheck.base.diagnostics import UsageError
from zdcheck.ir.expr import Const
from zdcheck.ir.parametric import (
    Apply,
    Assignment,
    Bound,
    Cell,
    Choose,
    Do,
    Each,
    Ended,
    FamilyId,
    Node,
    Program,
    Requirement,
    Self,
    Template,
    Term,
    Test,
    cells_of,
)
from zdcheck.lower.steps import reachable, updates_of


@dataclass(frozen=True)
class Counts:
    """What is known of the counts that threads of open families hold.

    `copies` are other families whose members may have a count's value. No test of the program tells two values apart
    that are both at least `many`, or what is stored from them.
    """

    open: frozenset[FamilyId]
    copies: frozenset[FamilyId]
    many: int


def unbounded(
    program: Program, templates: frozenset[str], objects: frozenset[str]
) -> tuple[Program, Counts]:
    """The program without the checks that counts held by these threads and objects stay below a bound.

    Raises UsageError if the program does with such a count what has no meaning without a bound.
    """
    held = {
        holder.counted
        for holder in program.holders
        if program.family(holder.cell.family).template in templates
        or any(over.bound.kind in objects for over in holder.over)
    }
    copies = _copies(program, held)
    counts = frozenset(held) | copies
    without = replace(
        program, templates=tuple(_without_bounds(t, program, counts) for t in program.templates)
    )
    search = _Thresholds(without, frozenset(held), counts)
    search.run()
    highest = max(search.found, default=0)
    many = highest + max(search.shifts, default=0) + 2
    for family in copies:
        type = program.family(family).type
        if type.high <= highest or type.low != 0:
            raise UsageError(
                f"`{program.family(family).name}` keeps a count and is compared with values "
                f"near its bound: with any number of threads that has no meaning"
            )
    return without, Counts(frozenset(held), copies, many)


def _copies(program: Program, held: set[FamilyId]) -> frozenset[FamilyId]:
    """Families that are given a count's value."""
    found: set[FamilyId] = set()
    while True:
        before = len(found)
        for update in _updates(program):
            if update.cell.family in held:
                continue
            if any(_value_is_count(update.value, held | found)):
                found.add(update.cell.family)
        if len(found) == before:
            return frozenset(found)


def _value_is_count(term: Term, counts: set[FamilyId]) -> Iterator[bool]:
    """Whether a value may be a count, a bit more or a bit less."""
    match term:
        case Cell(family, _):
            yield family in counts
        case Apply("ite", (_, then, otherwise)):
            yield from _value_is_count(then, counts)
            yield from _value_is_count(otherwise, counts)
        case Apply("add" | "sub" | "mul", args):
            for arg in args:
                yield from _value_is_count(arg, counts)
        case _:
            yield False


def _nodes(program: Program) -> Iterator[Node]:
    for template in program.templates:
        yield from reachable(template)


def _updates(program: Program) -> Iterator[Assignment]:
    for node in _nodes(program):
        yield from updates_of(node)


# --- bounds -----------------------------------------------------------------------------


def _without_bounds(template: Template, program: Program, counts: frozenset[FamilyId]) -> Template:
    nodes = tuple(
        replace(
            node,
            requirements=tuple(r for r in node.requirements if not _is_bound(r, counts, program)),
        )
        for node in template.nodes
    )
    return replace(template, nodes=nodes)


def _is_bound(requirement: Requirement, counts: frozenset[FamilyId], program: Program) -> bool:
    """Whether this only says that a count is not too large."""
    if requirement.violation.id not in ("refcount_overflow", "range"):
        return False
    term = requirement.condition
    if isinstance(term, Apply) and term.op == "or":
        term = term.args[-1]
    match term:
        case Apply("le", (value, Const())):
            return _linear(value, counts, program) is not None
        case _:
            return False


def _linear(term: Term, counts: frozenset[FamilyId], program: Program) -> int | None:
    """If the term is a count and something bounded: how much that can be. None if it is not."""
    match term:
        case Cell(family, _) if family in counts:
            return 0
        case Apply("add", args):
            found = [_linear(arg, counts, program) for arg in args]
            if sum(part is not None for part in found) != 1:
                return None
            sizes = [
                _highest(arg, counts, program) if part is None else part
                for arg, part in zip(args, found, strict=True)
            ]
        case Apply("sub", (inner, less)):
            sizes = [_linear(inner, counts, program), _highest(less, counts, program)]
        case _:
            return None
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _highest(term: Term, counts: frozenset[FamilyId], program: Program) -> int | None:
    """A number that the size of the term's value does not exceed; None for a count or if unknown."""
    match term:
        case Const(value):
            return abs(value)
        case Cell(family, _) if family not in counts:
            type = program.family(family).type
            return max(abs(type.low), abs(type.high))
        case Apply("ite", (_, then, otherwise)):
            parts = [_highest(then, counts, program), _highest(otherwise, counts, program)]
            return None if None in parts else max(p for p in parts if p is not None)
        case Apply("add" | "sub", args):
            parts = [_highest(arg, counts, program) for arg in args]
            return None if None in parts else sum(p for p in parts if p is not None)
        case _:
            return None


def _count_in(term: Term, counts: frozenset[FamilyId]) -> FamilyId:
    return next(cell.family for cell in cells_of(term) if cell.family in counts)


# --- comparisons ------------------------------------------------------------------------


class _Thresholds:
    """Every number that a count, less what is added to it, is compared with; and what is added in storing it."""

    def __init__(
        self, program: Program, open: frozenset[FamilyId], counts: frozenset[FamilyId]
    ) -> None:
        self.program = program
        self.open = open
        self.counts = counts
        self.found: list[int] = []
        self.shifts: list[int] = []

    def run(self) -> None:
        """Look at all terms. Raises UsageError."""
        program = self.program
        for node in _nodes(program):
            for requirement in node.requirements:
                self.plain(requirement.condition)
            for term in node.concretize:
                self.plain(term)
            match node.instruction:
                case Do(guard, _):
                    self.plain(guard)
                case Test(condition, _):
                    self.plain(condition)
                case Choose(_, _, _, _, where, _):
                    self.plain(where)
                case _:
                    pass
        for update in _updates(program):
            for part in update.cell.index:
                self.plain(part)
            if update.cell.family in self.counts:
                self.stored(update.value, update.cell.family in self.open)
            else:
                self.plain(update.value)
        for prop in program.properties:
            if prop.kind != "cover":
                for term, _ in prop.conjuncts:
                    self.plain(term)
        for holder in program.holders:
            self.plain(holder.condition)
            self.plain(holder.target)
        for counted in program.counted:
            self.plain(counted.bias)

    def plain(self, term: Term) -> None:
        """A term whose value is no count."""
        match term:
            case Const() | Self() | Bound():
                pass
            case Cell(family, index):
                if family in self.counts:
                    self._refuse(family)
                for part in index:
                    self.plain(part)
            case Apply("eq" | "ne" | "lt" | "le", (a, b)):
                self._comparison(a, b)
            case Apply(_, args):
                for arg in args:
                    self.plain(arg)
            case Each(_, _, _, _, body):
                self.plain(body)
            case Ended(thread):
                self.plain(thread)
            case _:
                assert_never(term)

    def stored(self, term: Term, in_count: bool) -> None:
        """A term whose value is put where a count is, or the copy of one."""
        offset = self._linear(term)
        if isinstance(term, Apply) and term.op == "ite":
            condition, then, otherwise = term.args
            self.plain(condition)
            self.stored(then, in_count)
            self.stored(otherwise, in_count)
        elif offset is None:
            self.plain(term)
            self.found.append(self._bounded(term, None))
        else:
            # A copy that goes down by itself would not stay large for ever.
            if offset and not in_count and _linear(term, self.open, self.program) is None:
                self._refuse(_count_in(term, self.counts))
            self.shifts.append(offset)
            self._inside(term)

    def _comparison(self, a: Term, b: Term) -> None:
        left, right = self._linear(a), self._linear(b)
        if left is None and right is None:
            self.plain(a)
            self.plain(b)
            return
        if left is not None and right is not None:
            self._refuse(_count_in(a, self.counts))
        count, other = (a, b) if left is not None else (b, a)
        self._inside(count)
        self.plain(other)
        self.found.append(
            self._bounded(other, _count_in(count, self.counts)) + abs(left or right or 0)
        )

    def _linear(self, term: Term) -> int | None:
        return _linear(term, self.counts, self.program)

    def _bounded(self, term: Term, count: FamilyId | None) -> int:
        """A number that the size of the term's value does not exceed; refused if there is none."""
        highest = _highest(term, self.counts, self.program)
        if highest is None:
            self._refuse(next(iter(self.open)) if count is None else count)
        return highest

    def _inside(self, term: Term) -> None:
        """The parts of a term that is a count and something bounded."""
        match term:
            case Cell(family, index) if family in self.counts:
                for part in index:
                    self.plain(part)
            case Apply(_, args):
                for arg in args:
                    self._inside(arg)
            case _:
                self.plain(term)

    def _refuse(self, family: FamilyId) -> NoReturn:
        raise UsageError(
            f"`{self.program.family(family).name}` is compared with something that has no bound "
            f"(another count, or a computed number): not possible with any number of threads"
        )
