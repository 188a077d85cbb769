"""Certificates: an inductive invariant in a file, and what there is to check about it.

Nothing of the search for it is used here. The system is spelled by the exporter (`export.smtlib`),
with integers instead of bit-vectors and with a relation between two states instead of substitution, and a solver
that is started for it is asked each question. So a mistake in one place is not repeated in the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx

from zdcheck.base.diagnostics import ToolError
from zdcheck.engines.symbolic.facts import Fact, Invariant, laws, learned
from zdcheck.engines.symbolic.formulas import possible
from zdcheck.export.outline import one_line, outline
from zdcheck.export.seen import families_of
from zdcheck.export.smtlib import RESERVED, smtlib, spelled
from zdcheck.export.terms import Read, Terms, all_of, any_of, negated
from zdcheck.ir.expr import VarId
from zdcheck.ir.system import System

SCHEMA = "zdcheck-proof/1"

MAX_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Subject:
    """What a proof is about: a check, with the settings and sizes that were given for it."""

    spec: str
    check: str
    settings: Mapping[str, str]
    scope: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Certificate:
    """A proof in a file: of what, and the invariant.

    `seen` is what was seen of threads of which there is any number, for `export.seen`, and `objects` are kinds of which there
    is any number; both are empty in a proof for a scope.
    """

    subject: Subject
    seen: tuple[Any, ...]
    facts: tuple[Mapping[str, Any], ...]
    never_taken: tuple[tuple[str, str], ...]
    objects: tuple[str, ...] = ()

    @property
    def open(self) -> tuple[str, ...]:
        """The threads and objects of which there is any number."""
        families = families_of(list(self.seen)) if self.seen else ()
        return (*families, *self.objects)


@dataclass(frozen=True, slots=True)
class Question:
    """What nothing may satisfy, as commands that assert it, and what that means."""

    about: str
    asserted: str

    @property
    def commands(self) -> str:
        """Commands after which a solver must have said `unsat`, and knows no more than before."""
        return f"(push 1)\n{self.asserted}\n(check-sat)\n(pop 1)\n"


# --- the document -----------------------------------------------------------------------


def document(
    subject: Subject,
    covers: str,
    system: System,
    invariant: Invariant,
    texts: tuple[str, ...],
    seen: Sequence[Mapping[str, Any]],
    objects: tuple[str, ...],
) -> str:
    """The certificate as JSON text; `texts` are the facts in the reader's words, `seen` is from `export.seen`.

    Facts that `seen` stands for are not written beside it.
    """
    facts = [
        {**_fact(system, fact), "text": text}
        for fact, text in zip(invariant.facts, texts, strict=True)
        if fact.origin != "seen"
    ]
    plain = {
        "schema": SCHEMA,
        "covers": covers,
        "spec": subject.spec,
        "check": subject.check,
        "settings": dict(subject.settings),
        "scope": dict(subject.scope),
        **({"objects": list(objects)} if objects else {}),
        **({"seen": list(seen)} if seen else {}),
        "facts": facts,
        "never_taken": [list(pair) for pair in invariant.never_taken],
    }
    return json.dumps(plain, indent=1) + "\n"


def _fact(system: System, fact: Fact) -> dict[str, Any]:
    if not fact.never:
        return {"origin": fact.origin, "of": fact.name}
    never = {system.variables[v].name: sorted(values) for v, values in fact.never}
    return {"origin": fact.origin, "never": never}


def loads(text: str) -> Certificate:
    """The certificate in a file's text. Raises ToolError."""
    if len(text) > MAX_BYTES:
        raise ToolError("this is no proof: the file is too large")
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ToolError(f"this is no proof: {error}") from None
    if not isinstance(plain, dict) or plain.get("schema") != SCHEMA:
        raise ToolError(f"this is no proof that can be read here: its schema is not {SCHEMA!r}")
    try:
        facts = tuple(plain["facts"])
        if not all(isinstance(fact, dict) for fact in facts):
            raise TypeError
        subject = Subject(
            str(plain["spec"]),
            str(plain["check"]),
            {str(k): str(v) for k, v in plain["settings"].items()},
            {str(k): int(v) for k, v in plain["scope"].items()},
        )
        if "seen" in plain:
            families_of(plain["seen"])
        return Certificate(
            subject,
            tuple(plain.get("seen", ())),
            facts,
            tuple((str(held), str(taken)) for held, taken in plain["never_taken"]),
            tuple(str(kind) for kind in plain.get("objects", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ToolError(f"this proof is damaged: {type(error).__name__} {error}") from None


def invariant_of(certificate: Certificate, system: System) -> Invariant:
    """The invariant over the variables of `system`. Raises ToolError if it is about another one."""
    ids = {variable.name: variable.id for variable in system.variables}
    known = {(str(law.origin), law.name): law for law in laws(system)}
    facts = []
    for plain in certificate.facts:
        never, of = plain.get("never"), plain.get("of")
        if isinstance(never, dict):
            cube: dict[VarId, frozenset[int]] = {}
            for name, values in never.items():
                if name not in ids or not isinstance(values, list):
                    raise ToolError(f"the proof is about `{name}`, which this check does not have")
                if not all(isinstance(value, int) for value in values):
                    raise ToolError(f"the proof is damaged: values of `{name}`")
                cube[ids[name]] = frozenset(values)
            facts.append(learned(system, cube))
        elif (law := known.get((str(plain.get("origin")), str(of)))) is not None:
            facts.append(law)
        else:
            raise ToolError(f"the proof is about `{of}`, which this check does not have")
    return Invariant(tuple(facts), certificate.never_taken)


# --- the questions ----------------------------------------------------------------------


def preamble(system: System, invariant: Invariant) -> str:
    """The system and the invariant, over a state and over the one after it."""
    # Names that begin with a dot belong to solvers; symbolic model checkers want them all the same.
    lines = [line for line in smtlib(system).splitlines() if not line.startswith("(define-fun .")]
    return "\n".join((*lines, *_definitions(system, invariant))) + "\n"


def _definitions(system: System, invariant: Invariant) -> Iterator[str]:
    names = outline(system, RESERVED).names
    terms = Terms(system)

    def now(read: Read) -> str:
        return names[read.id]

    def after(read: Read) -> str:
        return f"{names[read.id]}.next"

    for suffix, read in (("", now), (".next", after)):
        parts = [f"typed{suffix}"]
        ranges = [
            f"(<= {_number(v.type.low)} {name}{suffix} {_number(v.type.high)})"
            for v, name in zip(system.variables, names, strict=True)
            if v.type.kind != "bool"
        ]
        yield f"(define-fun typed{suffix} () Bool (and true {' '.join(ranges)}))"
        for number, fact in enumerate(invariant.facts):
            yield (
                f"(define-fun fact.{number}{suffix} () Bool "
                f"{spelled(terms.truth(fact.expr), read)})"
            )
            parts.append(f"fact.{number}{suffix}")
        yield f"(define-fun inv{suffix} () Bool (and {' '.join(parts)}))"


def _number(value: int) -> str:
    return str(value) if value >= 0 else f"(- {-value})"


def questions(system: System, invariant: Invariant) -> Iterator[Question]:
    """Everything that must be impossible."""
    model = outline(system, RESERVED)
    terms = Terms(system)

    def now(read: Read) -> str:
        return model.names[read.id]

    yield _question("the invariant holds at first", "init", "(not inv)")
    for number, (rule, action) in enumerate(zip(model.rules, system.actions, strict=True)):
        touched = [
            f"fact.{n}.next"
            for n, fact in enumerate(invariant.facts)
            if fact.variables & action.writes
        ]
        kept = f"(not (and typed.next {' '.join(touched)}))"
        yield _question(
            f"step {number} keeps it: {rule.thread}: {rule.text}", "inv", f"step.{number}", kept
        )
        if rule.failures:
            yield _question(f"step {number} does not fail", "inv", f"(not succeeds.{number})")
    for number, law in enumerate(model.laws):
        yield _question(f"it implies: {law.name}", "inv", f"(not law.{number})")
    moves = any_of(*(terms.truth(possible(system, action)) for action in system.actions))
    dead = spelled(all_of(negated(model.ended), negated(moves)), now)
    yield _question("it implies that there is no deadlock", "inv", dead)
    for number, action in enumerate(system.actions):
        for edge in action.lock_edges:
            if (edge.held, edge.taken) in invariant.never_taken:
                when = spelled(terms.truth(edge.when), now)
                yield _question(
                    f"step {number} never takes {edge.taken} with {edge.held} held",
                    "inv",
                    f"step.{number}",
                    when,
                )


def _question(about: str, *conditions: str) -> Question:
    return Question(about, "\n".join(f"(assert {condition})" for condition in conditions))


def lock_order_is_acyclic(system: System, invariant: Invariant) -> bool:
    """Whether lock classes have an order, if what is never taken is left out."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for action in system.actions:
        graph.add_edges_from(
            (edge.held, edge.taken)
            for edge in action.lock_edges
            if edge.held != edge.taken and (edge.held, edge.taken) not in invariant.never_taken
        )
    return bool(nx.is_directed_acyclic_graph(graph))


def script(system: System, invariant: Invariant, about: Sequence[str]) -> str:
    """All of it as one file for any SMT-LIB solver: each answer must be `unsat`. `about` says what that means."""
    says = (f"; {one_line(sentence)}" for sentence in about)
    parts = ["; Each answer must be unsat.", *says, preamble(system, invariant)]
    for question in questions(system, invariant):
        parts.append(f"; {question.about}\n{question.commands}")
    return "\n".join(parts)
