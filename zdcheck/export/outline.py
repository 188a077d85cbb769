"""What every exporter says about a system, ready to be spelled: names, rules, faults of states."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from zdcheck.base.source import Span
from zdcheck.export.terms import (
    Apply,
    Read,
    Term,
    Terms,
    Value,
    all_of,
    any_of,
    negated,
    sort_of,
)
from zdcheck.ir.expr import Const, VarId
from zdcheck.ir.system import Action, Guard, System


@dataclass(frozen=True, slots=True)
class Failure:
    """A check of an action that fails: the run ends here. `when` is about the state before."""

    violation: str
    message: str
    when: Term


@dataclass(frozen=True, slots=True)
class Rule:
    """An action: possible if `when`, then the updates, all at once.

    Its thread stands at `location`, and afterwards at `leads_to`; None if that is computed.
    """

    thread: str
    location: int
    leads_to: int | None
    text: str
    source: str
    when: Term
    updates: tuple[tuple[VarId, Term], ...]
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Law:
    """What must be true in every state: a property, or that a count is balanced."""

    name: str
    violation: str
    source: str
    holds: Term


@dataclass(frozen=True, slots=True)
class Goal:
    """A state that some run should reach."""

    name: str
    reached: Term


@dataclass(frozen=True, slots=True)
class Promise:
    """What every fair run must do: reach `goal`, or reach it again and again.

    `once` is a promise that one state keeps for the whole run. With a `trigger` it is made in each state where that is true.
    """

    name: str
    identifier: str
    source: str
    once: bool
    trigger: Term | None
    goal: Term


@dataclass(frozen=True, slots=True)
class Outline:
    """A system without anything that is particular to a language.

    `names` are identifiers, by VarId. `ended` is true where every thread but daemons has ended.
    `omitted` are sentences about what no exporter says.
    """

    system: System
    names: tuple[str, ...]
    rules: tuple[Rule, ...]
    laws: tuple[Law, ...]
    goals: tuple[Goal, ...]
    promises: tuple[Promise, ...]
    ended: Term
    omitted: tuple[str, ...]


def outline(system: System, reserved: frozenset[str]) -> Outline:
    """The outline for a language in which the `reserved` words (lower case) are no names."""
    terms = Terms(system)
    ended = all_of(
        *(_at(system, t.pc, t.end) for t in system.threads if not t.daemon),
    )
    names = _names([v.name for v in system.variables] + [p.name for p in system.progress], reserved)
    size = len(system.variables)
    return Outline(
        system,
        names[:size],
        tuple(_rule(system, terms, action) for action in system.actions),
        (*_balance(system, terms), *_properties(system, terms, ended)),
        tuple(
            Goal(cover.name, terms.truth(cover.condition))
            for cover in system.covers
            if cover.condition is not None
        ),
        tuple(_promises(system, terms, names[size:])),
        ended,
        tuple(_omitted(system)),
    )


def _at(system: System, pc: VarId, location: int) -> Term:
    return Apply("eq", (Read(pc, sort_of(system, pc)), Value(location, "number")), "truth")


def _rule(system: System, terms: Terms, action: Action) -> Rule:
    thread = system.threads[action.thread]
    so_far: list[Term] = [_at(system, thread.pc, action.location)]
    failures = []
    for test in action.tests:
        condition = terms.truth(test.condition)
        if not isinstance(test, Guard):
            broken = all_of(*so_far, negated(condition))
            failures.append(Failure(test.violation.id, test.violation.message, broken))
        so_far.append(condition)
    choices = ", ".join(f"{name} = {value}" for name, value in action.choices)
    text = one_line(action.text) + (f" [{choices}]" if choices else "")
    return Rule(
        thread.name,
        action.location,
        _leads_to(action, thread.pc),
        text,
        place(action.span),
        all_of(*so_far),
        tuple((id, terms.assigned(id, value)) for id, value in action.updates),
        tuple(failures),
    )


def _leads_to(action: Action, pc: VarId) -> int | None:
    match dict(action.updates).get(pc, Const(action.location)):
        case Const(location):
            return location
        case _:
            return None


def _balance(system: System, terms: Terms) -> Iterable[Law]:
    for entry in system.ledger:
        name = f"{system.variables[entry.count].name} is balanced"
        yield Law(name, "ledger", place(entry.span), terms.truth(entry.balanced))


def _properties(system: System, terms: Terms, ended: Term) -> Iterable[Law]:
    for prop in system.properties:
        holds = terms.truth(prop.condition)
        if prop.kind == "finally":
            holds = any_of(negated(ended), holds)
        yield Law(prop.name, prop.violation, place(prop.span), holds)


def _promises(system: System, terms: Terms, words: Iterable[str]) -> Iterable[Promise]:
    for word, prop in zip(words, system.progress, strict=True):
        once = prop.form in ("eventually", "terminates")
        trigger = None if prop.trigger is None else terms.truth(prop.trigger)
        goal = terms.truth(prop.goal)
        yield Promise(prop.name, word, place(prop.span), once, trigger, goal)


def _omitted(system: System) -> Iterable[str]:
    if any(action.lock_edges for action in system.actions):
        yield "Cycles among lock classes (lock_order) are about all runs together: not in here."
    if any(cover.statement is not None for cover in system.covers):
        yield "Covers of statements are not in here."


def one_line(text: str) -> str:
    """A text on one line, for a comment or a rule's name."""
    return " ".join(text.split())


def place(span: Span) -> str:
    """`file:line`."""
    return f"{span.file.path}:{span.line}"


def _names(names: Iterable[str], reserved: frozenset[str]) -> tuple[str, ...]:
    """Identifiers that look like the names and differ from each other, whatever the case."""
    taken = set(reserved)
    result = []
    for name in names:
        word = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "x"
        if not word[0].isalpha():
            word = f"v_{word}"
        unique, number = word, 1
        while unique.lower() in taken:
            number += 1
            unique = f"{word}_{number}"
        taken.add(unique.lower())
        result.append(unique)
    return tuple(result)
