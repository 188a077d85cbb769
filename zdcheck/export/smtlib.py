"""A system as SMT-LIB 2 with VMT annotations, for symbolic model checkers and solvers.

Each variable is an Int or Bool with its next value beside it (`:next`). `init` says where runs
begin, `trans` is one step of some thread (nothing else changes), `safe` (`:invar-property`) that
no property is broken and no step from here fails. Deadlock is not in it. The annotations are
comments to a solver, so `init`, `trans` and `safe` can be unrolled by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import assert_never

from zdcheck.export.outline import Outline, Rule, one_line, outline
from zdcheck.export.terms import Apply, Read, Term, Value, all_of, negated, sort_of
from zdcheck.ir.expr import VarId
from zdcheck.ir.system import System

RESERVED = frozenset(
    [
        "and",
        "assert",
        "as",
        "bool",
        "check-sat",
        "declare-fun",
        "define-fun",
        "distinct",
        "div",
        "exists",
        "exit",
        "false",
        "forall",
        "ite",
        "init",
        "int",
        "let",
        "mod",
        "not",
        "or",
        "par",
        "real",
        "safe",
        "trans",
        "true",
        "xor",
        "abs",
    ]
)

_TOKENS = {"eq": "=", "ne": "distinct", "lt": "<", "le": "<=", "add": "+", "sub": "-", "mul": "*"}


def smtlib(system: System) -> str:
    """The model's text."""
    return "\n".join(_SmtLib(outline(system, RESERVED)).lines()) + "\n"


class _SmtLib:
    def __init__(self, model: Outline) -> None:
        self.model = model
        self.system = model.system

    def lines(self) -> Iterator[str]:
        yield f"; {one_line(self.system.name)}"
        yield "; Deadlock and what ends a run are not in here, nor is progress."
        for sentence in self.model.omitted:
            yield f"; {sentence}"
        yield "(set-logic ALL)"
        for variable, name in zip(self.system.variables, self.model.names, strict=True):
            sort = "Bool" if variable.type.kind == "bool" else "Int"
            yield f"(declare-fun {name} () {sort}) ; {one_line(variable.name)}"
            yield f"(declare-fun {name}.next () {sort})"
            yield f"(define-fun .{name} () {sort} (! {name} :next {name}.next))"
        starts = [
            [self._is(VarId(i), value) for i, value in enumerate(state)]
            for state in self.system.initial_states
        ]
        init = _junction("or", (_junction("and", start) for start in starts))
        yield f"(define-fun init () Bool (! {init} :init true))"
        steps = []
        for number, rule in enumerate(self.model.rules):
            steps.append(f"step.{number}")
            yield f"; {rule.source}: {rule.thread}: {rule.text}"
            yield f"(define-fun step.{number} () Bool {self._step(rule)})"
        yield f"(define-fun trans () Bool (! {_junction('or', steps)} :trans true))"
        laws = []
        for number, law in enumerate(self.model.laws):
            laws.append(f"law.{number}")
            yield f"; {law.source}: {one_line(law.name)} ({law.violation})"
            yield f"(define-fun law.{number} () Bool {spelled(law.holds, self._read)})"
        for number, rule in enumerate(self.model.rules):
            if rule.failures:
                fails = all_of(*(negated(failure.when) for failure in rule.failures))
                laws.append(f"succeeds.{number}")
                yield f"; {rule.source}: {', '.join(f.violation for f in rule.failures)}"
                yield f"(define-fun succeeds.{number} () Bool {spelled(fails, self._read)})"
        yield f"(define-fun safe () Bool (! {_junction('and', laws)} :invar-property 0))"

    def _is(self, id: VarId, value: int) -> str:
        return spelled(_equals(Read(id, sort_of(self.system, id)), value), self._read)

    def _step(self, rule: Rule) -> str:
        parts = [spelled(rule.when, self._read)]
        updates = dict(rule.updates)
        for id, name in enumerate(self.model.names):
            new = updates.get(VarId(id))
            parts.append(f"(= {name}.next {name if new is None else spelled(new, self._read)})")
        return _junction("and", parts)

    def _read(self, read: Read) -> str:
        return self.model.names[read.id]


def _equals(read: Read, value: int) -> Term:
    if read.sort == "truth":
        return read if value else negated(read)
    return Apply("eq", (read, Value(value, "number")), "truth")


def _junction(op: str, parts: Iterable[str]) -> str:
    texts = list(parts)
    if not texts:
        return "true" if op == "and" else "false"
    return texts[0] if len(texts) == 1 else f"({op} {' '.join(texts)})"


def spelled(term: Term, read: Callable[[Read], str]) -> str:
    """A term in SMT-LIB; `read` says how a variable is called."""
    match term:
        case Value(value, "truth"):
            return "true" if value else "false"
        case Value(value, _):
            return str(value) if value >= 0 else f"(- {-value})"
        case Read():
            return read(term)
        case Apply(op, args):
            return f"({_TOKENS.get(op, op)} {' '.join(spelled(arg, read) for arg in args)})"
        case _:
            assert_never(term)
