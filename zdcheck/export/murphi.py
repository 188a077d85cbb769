"""A system as a Murphi model, in the dialect of rumur.

A state of the model is a state of the system, value by value, so a checker without symmetry must
count the same states. A failed check of an action is a rule of its own that ends in `error`: it
is a step, as in zdcheck. Where every thread has ended a rule that changes nothing keeps the state
from being a deadlock; use `rumur --deadlock-detection stuck`.
"""

from __future__ import annotations

from collections.abc import Iterator

from zdcheck.export.outline import Outline, Rule, one_line, outline
from zdcheck.export.terms import NO, Read, Term, in_sequence, infix, sort_of
from zdcheck.ir.expr import VarId
from zdcheck.ir.system import System

_RESERVED = frozenset(
    [
        "alias",
        "array",
        "assert",
        "assume",
        "begin",
        "boolean",
        "by",
        "case",
        "clear",
        "const",
        "cover",
        "do",
        "else",
        "elseif",
        "elsif",
        "end",
        "endalias",
        "endexists",
        "endfor",
        "endforall",
        "endfunction",
        "endif",
        "endprocedure",
        "endrecord",
        "endrule",
        "endruleset",
        "endstartstate",
        "endswitch",
        "endwhile",
        "enum",
        "error",
        "exists",
        "false",
        "for",
        "forall",
        "function",
        "if",
        "in",
        "interleaved",
        "invariant",
        "isundefined",
        "liveness",
        "log2",
        "multiset",
        "of",
        "on_the_fly",
        "procedure",
        "process",
        "program",
        "put",
        "record",
        "return",
        "rule",
        "ruleset",
        "scalarset",
        "startstate",
        "switch",
        "then",
        "to",
        "traceuntil",
        "true",
        "type",
        "undefine",
        "union",
        "var",
        "while",
        "bool",
        "in",
        "int",
        "ismember",
        "multisetadd",
        "multisetcount",
        "multisetremove",
        "multisetremovepred",
    ]
)

_TOKENS = {
    "and": "&",
    "or": "|",
    "eq": "=",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "add": "+",
    "sub": "-",
    "mul": "*",
    "then": "?",
}


def murphi(system: System) -> str:
    """The model's text."""
    return "\n".join(_Murphi(outline(system, _RESERVED)).lines()) + "\n"


class _Murphi:
    def __init__(self, model: Outline) -> None:
        self.model = model
        self.system = model.system

    def lines(self) -> Iterator[str]:
        yield f"-- {one_line(self.system.name)}"
        yield "-- Check with: rumur --deadlock-detection stuck --symmetry-reduction off"
        for sentence in self.model.omitted:
            yield f"-- {sentence}"
        yield ""
        yield "var"
        for variable, name in zip(self.system.variables, self.model.names, strict=True):
            yield f"  {name}: {self._type(variable.id)};{self._about(variable.id)}"
        for number, state in enumerate(self.system.initial_states):
            yield ""
            yield f'startstate "{number}" begin'
            for id, value in enumerate(state):
                yield f"  {self.model.names[id]} := {self._constant(VarId(id), value)};"
            yield "end;"
        thread = None
        for rule in self.model.rules:
            if rule.thread != thread:
                thread = rule.thread
                yield ""
                yield f"-- thread {thread}"
            yield from self._rule(rule)
        yield ""
        yield f'rule "every thread has ended" {self._text(self.model.ended)} ==> begin end;'
        for law in self.model.laws:
            yield ""
            yield f"-- {law.source} ({law.violation})"
            yield f'invariant "{_quoted(law.name)}" {self._text(law.holds)};'
        for goal in self.model.goals:
            yield ""
            yield f'cover "{_quoted(goal.name)}" {self._text(goal.reached)};'

    def _type(self, id: VarId) -> str:
        type = self.system.variables[id].type
        return "boolean" if type.kind == "bool" else f"{type.low}..{type.high}"

    def _about(self, id: VarId) -> str:
        variable = self.system.variables[id]
        words = [variable.name] if variable.name != self.model.names[id] else []
        if variable.type.kind in ("enum", "ref"):
            values = range(variable.type.low, variable.type.high + 1)
            words.append(", ".join(f"{v} = {variable.type.show(v)}" for v in values))
        return f" -- {'; '.join(words)}" if words else ""

    def _constant(self, id: VarId, value: int) -> str:
        if sort_of(self.system, id) == "truth":
            return "true" if value else "false"
        return str(value)

    def _rule(self, rule: Rule) -> Iterator[str]:
        yield f"-- {rule.source}"
        if rule.when != NO:
            yield from self._step(rule)
        for failure in rule.failures:
            message = _quoted(f"{failure.violation}: {one_line(failure.message)}")
            yield f'rule "{_quoted(f"{rule.thread}: {rule.text}")} fails"'
            yield f'  {self._text(failure.when)} ==> begin error "{message}"; end;'

    def _step(self, rule: Rule) -> Iterator[str]:
        yield f'rule "{_quoted(f"{rule.thread}: {rule.text}")}"'
        yield f"  {self._text(rule.when)} ==>"
        assignments = in_sequence(dict(rule.updates))
        for id in assignments.copies:
            yield f"  var old_{self.model.names[id]}: {self._type(id)};"
        yield "begin"
        for id in assignments.copies:
            yield f"  old_{self.model.names[id]} := {self.model.names[id]};"
        for id, value in assignments.steps:
            yield f"  {self.model.names[id]} := {self._text(value)};"
        yield "end;"

    def _text(self, term: Term) -> str:
        return infix(term, self._read, _TOKENS, ("false", "true"))

    def _read(self, read: Read) -> str:
        name = self.model.names[read.id]
        return f"old_{name}" if read.old else name


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', "'")
