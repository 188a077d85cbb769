"""Births and deaths of objects."""

from __future__ import annotations

from zdcheck.base.source import Span
from zdcheck.ir.expr import Const, Type
from zdcheck.ir.parametric import (
    Assignment,
    Bound,
    Cell,
    Requirement,
    Term,
    Touch,
    apply,
    bound_to,
)
from zdcheck.ir.system import Violation
from zdcheck.lang import model as m
from zdcheck.lower.layout import families_of
from zdcheck.lower.terms import ALIVE, FREED, GONE, Symbols

LIFETIME = Type("enum", 0, 2, "lifetime", ("freed", "alive", "gone"))


class Lifetimes:
    """`destroy` and `create`, with everything that lives in what they are given."""

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self.layout = symbols.layout
        self.counted_names: set[str] = set()
        for name in symbols.instance.model.kinds:
            dimension = self.layout.kind_dimension(name)
            symbols.alive[name] = self.layout.family(
                f"{name}.alive", LIFETIME, (dimension,), "alive", (ALIVE,)
            )

    def destroy(
        self, kind: str, object: Term, span: Span
    ) -> tuple[list[Requirement], tuple[Assignment, ...], list[Touch]]:
        """The object dies, and what lives in it."""
        alive = Cell(self.symbols.alive[kind], (object,))
        required = Requirement(
            apply("eq", alive, Const(ALIVE)),
            Violation("double_free", f"this {kind} is dead already", span),
        )
        updates = [Assignment(alive, Const(FREED)), *self._resets(kind, object)]
        touches = self._touches(kind, span)
        self._destroy_inhabitants(kind, object, updates, touches, span)
        return [required], tuple(updates), touches

    def _destroy_inhabitants(
        self,
        kind: str,
        object: Term,
        updates: list[Assignment],
        touches: list[Touch],
        span: Span,
    ) -> None:
        """Objects one level down die if they live in `object`; those below if their home dies."""
        dying: dict[str, tuple[Bound, Term]] = {}
        homes = {kind: None}
        pending = [kind]
        while pending:
            home = pending.pop(0)
            for symbol in self._lives_in(home):
                inhabitant = symbol.kind
                if inhabitant in homes:
                    continue
                homes[inhabitant] = None
                pending.append(inhabitant)
                dimension = self.layout.kind_dimension(inhabitant)
                over = self.layout.over(inhabitant, dimension)
                bound = over.bound
                (home_family,) = families_of(self.symbols.fields[symbol].shape)
                place = Cell(home_family, (bound,))
                alive = Cell(self.symbols.alive[inhabitant], (bound,))
                home_dies = self._home_dies(home, kind, object, place, dying)
                dies = apply("and", apply("eq", alive, Const(ALIVE)), home_dies)
                dying[inhabitant] = (bound, dies)
                updates.append(Assignment(alive, apply("ite", dies, Const(GONE), alive), (over,)))
                for update in self._resets(inhabitant, bound):
                    kept = apply("ite", dies, update.value, update.cell)
                    updates.append(Assignment(update.cell, kept, (over, *update.over)))
                touches += self._touches(inhabitant, span)

    def _home_dies(
        self,
        home: str,
        kind: str,
        object: Term,
        place: Cell,
        dying: dict[str, tuple[Bound, Term]],
    ) -> Term:
        if home == kind:
            return apply("eq", place, object)
        bound, dies = dying[home]
        return bound_to(dies, bound, place)

    def create(
        self, kind: str, object: Term, span: Span
    ) -> tuple[list[Requirement], tuple[Assignment, ...], list[Touch]]:
        """The object lives again, with its initial values."""
        alive = Cell(self.symbols.alive[kind], (object,))
        required = Requirement(
            apply("not", apply("eq", alive, Const(ALIVE))),
            Violation("assertion", f"this {kind} is alive already", span),
        )
        updates = (Assignment(alive, Const(ALIVE)), *self._resets(kind, object))
        return [required], updates, self._touches(kind, span)

    def _lives_in(self, home: str) -> list[m.FieldSymbol]:
        """The fields through which objects live in objects of a kind."""
        return [
            field
            for kind in self.symbols.instance.model.kinds.values()
            for field in kind.fields
            if field.lives_in and getattr(field.type, "kind", None) == home
        ]

    def _resets(self, kind: str, object: Term) -> list[Assignment]:
        """Initial values for all fields but ghosts: history outlives the object."""
        updates: list[Assignment] = []
        for field in self.symbols.instance.model.kinds[kind].fields:
            if not field.ghost:
                updates += self.layout.reset(self.symbols.fields[field], (object,))
        return updates

    def _touches(self, kind: str, span: Span) -> list[Touch]:
        return [Touch(self.symbols.alive[kind], "write", "plain", span)]
