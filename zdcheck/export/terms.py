"""Expressions made explicit for languages that tell truth values from numbers and lack `Select`.

The transition system knows integers only. A `Term` has a sort, and says where a truth value is
used as a number (`ite(t, 1, 0)`) or a number as a truth value (`n != 0`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

from zdcheck.ir.expr import Const, Expr, Op, Select, Var, VarId
from zdcheck.ir.system import System

Sort = Literal["truth", "number"]

_TRUTH = frozenset({"not", "and", "or", "eq", "ne", "lt", "le"})


@dataclass(frozen=True, slots=True)
class Value:
    """A constant of either sort; a truth value is 0 or 1."""

    value: int
    sort: Sort


@dataclass(frozen=True, slots=True)
class Read:
    """A variable, or (`old`) the copy of it that was made before it was changed."""

    id: VarId
    sort: Sort
    old: bool = False


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator applied. `ite` has the sort of its branches; `eq` and `ne` compare either sort."""

    op: str
    args: tuple[Term, ...]
    sort: Sort


Term = Value | Read | Apply

YES = Value(1, "truth")
NO = Value(0, "truth")


def sort_of(system: System, id: VarId) -> Sort:
    """The sort of a variable."""
    return "truth" if system.variables[id].type.kind == "bool" else "number"


class Terms:
    """Translates the expressions of one system."""

    def __init__(self, system: System) -> None:
        self.system = system

    def truth(self, expr: Expr) -> Term:
        """The expression as a truth value: whether it is not 0."""
        return _as_truth(self._term(expr))

    def number(self, expr: Expr) -> Term:
        """The expression as a number."""
        return _as_number(self._term(expr))

    def assigned(self, id: VarId, expr: Expr) -> Term:
        """The expression in the sort of the variable that gets it."""
        return self.truth(expr) if sort_of(self.system, id) == "truth" else self.number(expr)

    def _term(self, expr: Expr) -> Term:
        match expr:
            case Const(value):
                return Value(value, "number")
            case Var(id):
                return Read(id, sort_of(self.system, id))
            case Select(variables, low, index):
                return self._select(variables, low, self.number(index))
            case Op("not", (arg,)):
                return negated(self.truth(arg))
            case Op(("and" | "or") as op, args):
                return _junction(op, [self.truth(arg) for arg in args])
            case Op(("eq" | "ne") as op, (a, b)):
                return _compared(op, self._term(a), self._term(b))
            case Op("ite", (condition, then, otherwise)):
                return self._choice(self.truth(condition), self._term(then), self._term(otherwise))
            case Op(op, args):
                sort: Sort = "truth" if op in _TRUTH else "number"
                return Apply(op, tuple(self.number(arg) for arg in args), sort)
            case _:
                assert_never(expr)

    def _select(self, variables: tuple[VarId, ...], low: int, index: Term) -> Term:
        """The member that the index names, one by one; 0 where it names none."""
        members = [Read(id, sort_of(self.system, id)) for id in variables]
        found: Term = (
            NO if all(member.sort == "truth" for member in members) else Value(0, "number")
        )
        for number, member in reversed(list(enumerate(members))):
            here = Apply("eq", (index, Value(low + number, "number")), "truth")
            found = self._choice(here, member, found)
        return found

    @staticmethod
    def _choice(condition: Term, then: Term, otherwise: Term) -> Term:
        if then.sort == otherwise.sort == "truth":
            return Apply("ite", (condition, then, otherwise), "truth")
        return Apply("ite", (condition, _as_number(then), _as_number(otherwise)), "number")


def _as_truth(term: Term) -> Term:
    match term:
        case Value(value, "number"):
            return YES if value else NO
        case _ if term.sort == "truth":
            return term
        case _:
            return Apply("ne", (term, Value(0, "number")), "truth")


def _as_number(term: Term) -> Term:
    match term:
        case Value(value, _):
            return Value(value, "number")
        case _ if term.sort == "number":
            return term
        case _:
            return Apply("ite", (term, Value(1, "number"), Value(0, "number")), "number")


def _compared(op: Literal["eq", "ne"], a: Term, b: Term) -> Term:
    match a, b:
        case Value(), (Read() | Apply()):
            return _compared(op, b, a)
        case ((Read() | Apply()), Value(value)) if a.sort == "truth" and value in (0, 1):
            return a if (value == 1) == (op == "eq") else negated(a)
        case _ if a.sort == b.sort == "truth":
            return Apply(op, (a, b), "truth")
        case _:
            return Apply(op, (_as_number(a), _as_number(b)), "truth")


def negated(term: Term) -> Term:
    """The opposite of a truth value."""
    match term:
        case Value(value):
            return NO if value else YES
        case Apply("not", (inner,)):
            return inner
        case Apply("eq", args):
            return Apply("ne", args, "truth")
        case Apply("ne", args):
            return Apply("eq", args, "truth")
        case _:
            return Apply("not", (term,), "truth")


def _junction(op: Literal["and", "or"], args: Iterable[Term]) -> Term:
    neutral, absorbing = (YES, NO) if op == "and" else (NO, YES)
    parts = [arg for arg in args if arg != neutral]
    if absorbing in parts:
        return absorbing
    if len(parts) < 2:
        return parts[0] if parts else neutral
    return Apply(op, tuple(parts), "truth")


def all_of(*args: Term) -> Term:
    """Conjunction; true of nothing."""
    return _junction("and", args)


def any_of(*args: Term) -> Term:
    """Disjunction; false of nothing."""
    return _junction("or", args)


def reads(term: Term) -> Iterator[VarId]:
    """The variables whose present value the term needs, maybe more than once."""
    match term:
        case Read(id, _, old):
            if not old:
                yield id
        case Apply(_, args):
            for arg in args:
                yield from reads(arg)
        case Value():
            return


def _with_old(term: Term, id: VarId) -> Term:
    match term:
        case Read(other, sort, False) if other == id:
            return Read(id, sort, old=True)
        case Apply(op, args, sort):
            return Apply(op, tuple(_with_old(arg, id) for arg in args), sort)
        case _:
            return term


@dataclass(frozen=True, slots=True)
class Assignments:
    """Simultaneous updates as a sequence: first the copies are made, then `steps` one by one."""

    copies: tuple[VarId, ...]
    steps: tuple[tuple[VarId, Term], ...]


def in_sequence(updates: Mapping[VarId, Term]) -> Assignments:
    """An order in which no variable is changed before it is read; copies where there is none."""
    left = dict(updates)
    copies: list[VarId] = []
    steps: list[tuple[VarId, Term]] = []
    while left:
        needed = {
            id: {r for other, t in left.items() if other != id for r in reads(t)} for id in left
        }
        free = [id for id in left if id not in needed[id]]
        if not free:
            # A cycle. Whoever changes first leaves a copy behind.
            first = next(iter(left))
            copies.append(first)
            left = {
                id: term if id == first else _with_old(term, first) for id, term in left.items()
            }
            free = [first]
        for id in free[:1]:
            steps.append((id, left.pop(id)))
    return Assignments(tuple(copies), tuple(steps))


def infix(
    term: Term, read: Callable[[Read], str], tokens: Mapping[str, str], constants: tuple[str, str]
) -> str:
    """A term in a language with C's operators; `constants` are false and true."""
    return _infix(term, read, tokens, constants, 0)


_STRENGTH = {"or": 1, "and": 2, "eq": 3, "ne": 3, "lt": 3, "le": 3, "add": 4, "sub": 4}
"""All comparisons alike: in C `<` binds closer than `==`, in Murphi there is no order between them."""
_MORE = 5
"""The strength of all other operators."""


def _infix(
    term: Term,
    read: Callable[[Read], str],
    tokens: Mapping[str, str],
    constants: tuple[str, str],
    strength: int,
) -> str:
    def part(inner: Term, needed: int) -> str:
        return _infix(inner, read, tokens, constants, needed)

    match term:
        case Value(value, "truth"):
            return constants[value]
        case Value(value, _):
            return str(value) if value >= 0 else f"({value})"
        case Read():
            return read(term)
        case Apply("not", (arg,)):
            text = f"!{part(arg, _MORE + 1)}"
            # In Murphi `!` binds less than a comparison.
            return f"({text})" if strength > _STRENGTH["eq"] else text
        case Apply("ite", (condition, then, otherwise)):
            return f"({part(condition, 1)} {tokens['then']} {part(then, 1)} : {part(otherwise, 1)})"
        case Apply(op, args):
            own = _STRENGTH.get(op, _MORE)
            text = f" {tokens[op]} ".join(part(arg, own + 1) for arg in args)
            return f"({text})" if own < strength else text
        case _:
            assert_never(term)
