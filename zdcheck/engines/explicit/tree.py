"""The actions of one location as a decision tree, so that no test is made twice.

Actions that begin with the same tests share them; a guard and its negation become the two
branches of one `if`; guards that compare one expression with different constants become a
`switch`. The order of an action's own tests never changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zdcheck.ir.expr import Const, Expr, Op, not_
from zdcheck.ir.system import Action, Check, Guard


@dataclass(frozen=True, slots=True)
class Fire:
    """All tests are passed: the action goes."""

    action: Action


@dataclass(frozen=True, slots=True)
class Branch:
    """Go on with `then` if the condition is true, else with `otherwise`."""

    condition: Expr
    then: tuple[Node, ...]
    otherwise: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Cases:
    """Go on with the case that equals the subject, if any."""

    subject: Expr
    cases: tuple[tuple[int, tuple[Node, ...]], ...]


@dataclass(frozen=True, slots=True)
class Require:
    """If the check's condition is false, each of the actions fails its test `number`; else go on."""

    check: Check
    failing: tuple[Action, ...]
    then: tuple[Node, ...]


Node = Fire | Branch | Cases | Require

_MIN_CASES = 3
"""Fewer comparisons with one expression are branches."""


def decide(actions: Sequence[Action], passed: int = 0) -> tuple[Node, ...]:
    """The tree for actions that all have passed their first `passed` tests."""
    nodes: list[Node] = []
    waiting = []
    for action in actions:
        if len(action.tests) == passed:
            nodes.append(Fire(action))
        else:
            waiting.append(action)
    while waiting:
        node, waiting = _take(waiting, passed)
        nodes.append(node)
    return tuple(nodes)


def _take(waiting: list[Action], passed: int) -> tuple[Node, list[Action]]:
    """A node for the first action's next test with all that share it, and the others."""
    match waiting[0].tests[passed]:
        case Check() as check:
            same, others = _partition(waiting, passed, check)
            return Require(check, tuple(same), decide(same, passed + 1)), others
        case Guard(condition) as guard:
            if (split := _split_by_value(waiting, passed, condition)) is not None:
                return split
            yes, rest = _partition(waiting, passed, guard)
            no, others = _partition(rest, passed, Guard(not_(condition)))
            node = Branch(condition, decide(yes, passed + 1), decide(no, passed + 1))
            return node, others


def _partition(
    actions: list[Action], passed: int, test: Guard | Check
) -> tuple[list[Action], list[Action]]:
    same = [action for action in actions if action.tests[passed] == test]
    others = [action for action in actions if action.tests[passed] != test]
    return same, others


def _split_by_value(
    waiting: list[Action], passed: int, condition: Expr
) -> tuple[Node, list[Action]] | None:
    subject = _compared(condition)
    if subject is None:
        return None
    groups: dict[int, list[Action]] = {}
    others = []
    for action in waiting:
        match action.tests[passed]:
            case Guard(Op("eq", (expr, Const(value)))) if expr == subject:
                groups.setdefault(value, []).append(action)
            case _:
                others.append(action)
    if len(groups) < _MIN_CASES:
        return None
    cases = tuple((value, decide(group, passed + 1)) for value, group in sorted(groups.items()))
    return Cases(subject, cases), others


def _compared(condition: Expr) -> Expr | None:
    match condition:
        case Op("eq", (subject, Const())):
            return subject
        case _:
            return None
