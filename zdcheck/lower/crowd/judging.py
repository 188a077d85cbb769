"""Which objects a broken requirement is about: it is judged where these are the ones that are followed.

What is chosen here may only depend on the requirement and on the state, never on who happens to be
followed; otherwise a fault could be judged nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from zdcheck.ir.expr import Const
from zdcheck.ir.parametric import (
    Apply,
    Bound,
    Cell,
    Each,
    Ended,
    Family,
    Self,
    Term,
    bound_to,
    bounds_in,
)


def instantiated(term: Term, kinds: frozenset[str], followed: int) -> tuple[Term, frozenset[str]]:
    """The term said of the followed objects only, where it says something of all; and the kinds of these.

    If the term is false, it is false of some object of each of these kinds, and following that one it is false here.
    """
    search = _Instances(kinds, followed)
    return search.of(term, True), frozenset(search.chosen)


class _Instances:
    def __init__(self, kinds: frozenset[str], followed: int) -> None:
        self.kinds = kinds
        self.followed = followed
        self.chosen: set[str] = set()

    def of(self, term: Term, positive: bool) -> Term:
        """The term, of which it matters when it is false (`positive`) or true."""
        match term:
            case Apply("not", (inner,)):
                return Apply("not", (self.of(inner, not positive),))
            case Apply("and" | "or" as op, args):
                return Apply(op, self._parts(args, positive, either=(op == "and") == positive))
            case Each(op, Bound(kind=kind) as bound, _, _, body) if (
                kind in self.kinds
                and kind not in self.chosen
                and op == ("forall" if positive else "exists")
            ):
                self.chosen.add(kind)
                return self.of(bound_to(body, bound, Const(self.followed)), positive)
            case _:
                return term

    def _parts(self, args: tuple[Term, ...], positive: bool, either: bool) -> tuple[Term, ...]:
        """`either`: one part that is broken breaks the whole, so each may have its own exception."""
        if not either:
            return tuple(self.of(arg, positive) for arg in args)
        before = set(self.chosen)
        found = []
        after = set(before)
        for arg in args:
            self.chosen = set(before)
            found.append(self.of(arg, positive))
            after |= self.chosen
        self.chosen = after
        return tuple(found)


def designators(term: Term, kind: str, families: tuple[Family, ...]) -> Iterator[Term]:
    """What says which objects of a kind the term reads, in the order in which it is written.

    What a quantifier inside the term ranges over says nothing of the kind.
    """
    yield from _designators(term, kind, families, frozenset())


def _designators(
    term: Term, kind: str, families: tuple[Family, ...], inner: frozenset[Bound]
) -> Iterator[Term]:
    match term:
        case Const() | Self() | Bound():
            pass
        case Cell(family, index):
            for part in index:
                yield from _designators(part, kind, families, inner)
            for dimension, part in zip(families[family].dimensions, index, strict=True):
                if dimension.kind == kind and not inner & bounds_in(part):
                    yield part
        case Apply(_, args):
            for arg in args:
                yield from _designators(arg, kind, families, inner)
        case Each(_, bound, _, _, body):
            yield from _designators(body, kind, families, inner | {bound})
        case Ended(thread):
            yield from _designators(thread, kind, families, inner)
