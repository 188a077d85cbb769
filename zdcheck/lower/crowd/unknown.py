"""Steps that depend on unknown values, spelled out for each of them.

What an unknown value changes makes steps of its own. Where it only decides whether there is a step at all, any value
will do: so a step asks once whether there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from zdcheck.base.diagnostics import UsageError
from zdcheck.ir import expr as g
from zdcheck.ir.expr import Const, Expr, Type, Var, VarId, variables_of
from zdcheck.ir.system import Check, Guard

MOST_INPUTS = 4096
"""Combinations of unknown values in one step."""

Folding = Callable[[Expr, Mapping[VarId, Expr]], Expr]
"""An expression with values in place of variables, as simple as it gets."""

Test = Guard | Check


@dataclass(frozen=True)
class Unknown:
    """The unknown values of a step: the variables from number `first` on, with their types.

    `linked` are those of which the state says whether they are zero, with the variable that says it is not.
    """

    types: list[Type]
    first: int
    linked: Mapping[VarId, VarId]
    folding: Folding

    def in_(self, *exprs: Expr) -> tuple[VarId, ...]:
        """The unknown values that expressions depend on."""
        found = (v for expr in exprs for v in variables_of(expr) if v >= self.first)
        return tuple(dict.fromkeys(found))

    def combinations(self, used: tuple[VarId, ...]) -> Iterator[dict[VarId, Expr]]:
        """All values of these. Raises UsageError if there are too many."""
        ranges = [range(self.types[v].low, self.types[v].high + 1) for v in used]
        number = 1
        for values in ranges:
            number *= len(values)
        if number > MOST_INPUTS:
            raise UsageError("--any: not possible: one step depends on too much that is not known")
        for chosen in product(*ranges):
            yield {v: Const(n) for v, n in zip(used, chosen, strict=True)}

    def links(self, by: Mapping[VarId, Expr]) -> list[Guard]:
        """What the state must say for these values."""
        found = []
        for v, value in by.items():
            if v in self.linked:
                assert isinstance(value, Const)
                found.append(Guard(g.eq(Var(self.linked[v]), Const(int(value.value > 0)))))
        return found

    def without_idle(self, tests: list[Test], effects: list[Expr]) -> list[Test]:
        """The tests, where those that only ask for some value to exist are one test that does not."""
        groups = _Groups()
        for expr in (*(test.condition for test in tests), *effects):
            groups.join(self.in_(expr))
        busy = {groups.of(v) for v in self.in_(*effects)}
        busy |= {groups.of(v) for v in self.linked if v in groups}
        for test in tests:
            if isinstance(test, Check):
                busy |= {groups.of(v) for v in self.in_(test.condition)}
        found: list[Test] = []
        idle: dict[VarId, list[int]] = {}
        for number, test in enumerate(tests):
            used = self.in_(test.condition)
            found.append(test)
            if used and groups.of(used[0]) not in busy:
                idle.setdefault(groups.of(used[0]), []).append(number)
        for numbers in idle.values():
            conditions = [tests[n].condition for n in numbers]
            for n in numbers:
                found[n] = Guard(g.TRUE)
            found[numbers[-1]] = Guard(self._some(conditions))
        return [test for test in found if test.condition != g.TRUE]

    def _some(self, conditions: list[Expr]) -> Expr:
        """Whether some values make all conditions true."""
        together = g.and_(*conditions)
        found = []
        for by in self.combinations(self.in_(together)):
            found.append(self.folding(together, by))
            if found[-1] == g.TRUE:
                return g.TRUE
        return g.or_(*dict.fromkeys(found))


class _Groups:
    """Which unknown values occur together."""

    def __init__(self) -> None:
        self.parent: dict[VarId, VarId] = {}

    def __contains__(self, v: VarId) -> bool:
        return v in self.parent

    def of(self, v: VarId) -> VarId:
        """The value that stands for a group."""
        self.parent.setdefault(v, v)
        while self.parent[v] != v:
            v = self.parent[v]
        return v

    def join(self, values: tuple[VarId, ...]) -> None:
        """These occur together."""
        for v in values:
            self.parent[self.of(v)] = self.of(values[0])
