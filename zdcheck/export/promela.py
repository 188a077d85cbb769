"""A system as a Promela model, for SPIN.

A process for each thread, a `d_step` for each action. Where a process stands follows from the thread's
`pc`, so a state of the model is a state of the system, and a search without reductions must count the same
states. A failed check is an option of its own that ends in `assert(false)`. Broken properties are
found by a process that can move only where one is broken. Where every thread has ended an option
that changes nothing keeps the state from being an invalid end state. Promises about fair runs are asked for by
name, and only where PROGRESS is defined: for them a run may stop, and `never` says when.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zdcheck.export.never import never_claim
from zdcheck.export.outline import Outline, Rule, one_line, outline
from zdcheck.export.terms import NO, Read, Term, in_sequence, infix, negated
from zdcheck.ir.expr import Type, VarId
from zdcheck.ir.system import System, Thread

_RESERVED = frozenset(
    [
        "active",
        "assert",
        "atomic",
        "bit",
        "bool",
        "break",
        "byte",
        "chan",
        "d_step",
        "d_proctype",
        "do",
        "else",
        "empty",
        "enabled",
        "eval",
        "false",
        "fi",
        "for",
        "full",
        "goto",
        "hidden",
        "if",
        "in",
        "init",
        "inline",
        "int",
        "len",
        "local",
        "ltl",
        "mtype",
        "nempty",
        "never",
        "nfull",
        "notrace",
        "np_",
        "od",
        "of",
        "pc_value",
        "pid",
        "printf",
        "printm",
        "priority",
        "proctype",
        "provided",
        "return",
        "run",
        "select",
        "short",
        "show",
        "skip",
        "timeout",
        "trace",
        "true",
        "typedef",
        "unless",
        "unsigned",
        "xr",
        "xs",
        "c_code",
        "c_decl",
        "c_expr",
        "c_state",
        "c_track",
        "main",
        "ended",
        "broken",
        "start",
        "started",
        "progress",
        "int",
        "long",
        "char",
        "double",
        "float",
        "static",
        "struct",
        "union",
        "const",
        "void",
        "register",
        "volatile",
        "extern",
        "auto",
        "signed",
        "sizeof",
        "switch",
        "case",
        "default",
        "while",
        "continue",
        "enum",
        "now",
    ]
)

_TOKENS = {
    "and": "&&",
    "or": "||",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "add": "+",
    "sub": "-",
    "mul": "*",
    "then": "->",
}


def promela(system: System) -> str:
    """The model's text. Several initial states are chosen from by a first step of its own."""
    return "\n".join(_Promela(outline(system, _RESERVED)).lines()) + "\n"


class _Promela:
    def __init__(self, model: Outline) -> None:
        self.model = model
        self.system = model.system
        self.has_choice = len(self.system.initial_states) > 1
        self.rules = {thread.name: list[Rule]() for thread in self.system.threads}
        for rule in model.rules:
            if rule.when != NO or rule.failures:
                self.rules[rule.thread].append(rule)

    def lines(self) -> Iterator[str]:
        yield f"/* {_comment(self.system.name)}"
        yield " * Check with: spin -o2 -a MODEL && cc -O2 -DBFS -DSAFETY -DNOREDUCE -DVECTORSZ=8192 pan.c"
        yield " * (-o2: SPIN leaves every variable as it is, so that it counts the same states)"
        for promise in self.model.promises:
            yield f" * Progress {promise.name}: spin -o2 -DPROGRESS -a MODEL && cc -O2 -DNOREDUCE pan.c"
            yield f" *   && ./a.out -a -N {promise.identifier}"
        for sentence in self.model.omitted:
            yield f" * {sentence}"
        yield " */"
        for variable, name in zip(self.system.variables, self.model.names, strict=True):
            value = self.system.initial_states[0][variable.id]
            yield f"{_type(variable.type)} {name} = {value};{self._about(variable.id)}"
        for id in sorted(self._copied()):
            yield f"{_type(self.system.variables[id].type)} old_{self.model.names[id]};"
        if self.has_choice:
            yield "bool started;"
        for thread in self.system.threads:
            yield from self._thread(thread)
        yield ""
        yield "active proctype ended_() {"
        yield "  do"
        yield f"  :: d_step {{ {self._guard(self.model.ended)} -> skip }}"
        yield "  od"
        yield "}"
        if self.model.laws:
            yield from self._laws()
        if self.has_choice:
            yield from self._start()
        if self.model.promises:
            yield from self._promises()

    def _copied(self) -> set[VarId]:
        return {id for rule in self.model.rules for id in in_sequence(dict(rule.updates)).copies}

    def _about(self, id: VarId) -> str:
        variable = self.system.variables[id]
        words = [variable.name] if variable.name != self.model.names[id] else []
        if variable.type.kind in ("enum", "ref"):
            values = range(variable.type.low, variable.type.high + 1)
            words.append(", ".join(f"{v} = {variable.type.show(v)}" for v in values))
        return f" /* {_comment('; '.join(words))} */" if words else ""

    def _thread(self, thread: Thread) -> Iterator[str]:
        rules = self.rules[thread.name]
        if not rules:
            return
        yield ""
        yield f"/* thread {_comment(thread.name)} */"
        yield f"active proctype thread_{thread.index}() {{"
        if (first := self._first(thread)) is None:
            yield "  do"
            for rule in rules:
                yield from self._rule(rule)
            yield "  od"
        else:
            yield from self._walk(rules, first)
        yield "}"

    def _first(self, thread: Thread) -> int | None:
        """Where a process for the thread begins; None if it cannot stand where the thread stands, and never moves."""
        places = {state[thread.pc] for state in self.system.initial_states}
        computed = any(rule.leads_to is None for rule in self.rules[thread.name])
        return None if computed or len(places) > 1 else places.pop()

    def _walk(self, rules: Sequence[Rule], first: int) -> Iterator[str]:
        """A process that tries only what can be done where it stands."""
        leading = {first, *(rule.leads_to for rule in rules if rule.leads_to is not None)}
        for location in sorted(leading, key=lambda location: (location != first, location)):
            yield f"at_{location}_:"
            here = [rule for rule in rules if rule.location == location]
            if not here:
                yield "  false;"
                continue
            yield "  if"
            # SPIN keeps at most 2048 places to which steps lead; the steps of one `if` share theirs.
            for target in dict.fromkeys(rule.leads_to for rule in here):
                yield "  :: if"
                for rule in here:
                    if rule.leads_to == target:
                        yield from self._rule(rule)
                yield f"  fi; goto at_{target}_"
            yield "  fi;"

    def _rule(self, rule: Rule) -> Iterator[str]:
        yield f"  /* {_comment(rule.source)}: {_comment(rule.text)} */"
        names = self.model.names
        assignments = in_sequence(dict(rule.updates))
        body = [f"old_{names[id]} = {names[id]}" for id in assignments.copies]
        body += [f"{names[id]} = {self._text(value)}" for id, value in assignments.steps]
        # Between two steps a copy is always 0: it adds no states.
        body += [f"old_{names[id]} = 0" for id in assignments.copies]
        if rule.when != NO:
            yield f"  :: d_step {{ {self._guard(rule.when)} -> {'; '.join(body or ['skip'])} }}"
        for failure in rule.failures:
            about = _comment(f"{failure.violation}: {one_line(failure.message)}")
            yield f"  :: d_step {{ {self._guard(failure.when)} -> assert(false) /* {about} */ }}"

    def _laws(self) -> Iterator[str]:
        yield ""
        yield "active proctype broken_() {"
        yield "  do"
        for law in self.model.laws:
            yield f"  /* {_comment(law.source)}: {_comment(law.name)} ({law.violation}) */"
            yield f"  :: d_step {{ {self._guard(negated(law.holds))} -> assert(false) }}"
        yield "  od"
        yield "}"

    def _start(self) -> Iterator[str]:
        yield ""
        yield "active proctype start_() {"
        yield "  do"
        for state in self.system.initial_states:
            values = "; ".join(f"{self.model.names[i]} = {value}" for i, value in enumerate(state))
            yield f"  :: d_step {{ !started -> started = true; {values} }}"
        yield "  od"
        yield "}"

    def _promises(self) -> Iterator[str]:
        yield ""
        yield "#ifdef PROGRESS"
        yield "active proctype idle_() {"
        yield "  do"
        yield "  :: d_step { true -> skip }"
        yield "  od"
        yield "}"
        # Processes have numbers in the order in which they are written.
        moving = (t.name for t in self.system.threads if self.rules[t.name])
        processes = {name: number for number, name in enumerate(moving)}
        started = "started" if self.has_choice else None
        for promise in self.model.promises:
            yield ""
            yield f"/* {_comment(promise.source)}: {_comment(promise.name)} */"
            yield from never_claim(promise, self.system.threads, processes, started, self._text)
        yield "#endif"

    def _guard(self, term: Term) -> str:
        text = self._text(term)
        return f"started && ({text})" if self.has_choice else text

    def _text(self, term: Term) -> str:
        return infix(term, self._read, _TOKENS, ("false", "true"))

    def _read(self, read: Read) -> str:
        name = self.model.names[read.id]
        return f"old_{name}" if read.old else name


def _type(type: Type) -> str:
    if type.low >= 0 and type.high <= 1:
        return "bit"
    if type.low >= 0 and type.high <= 255:
        return "byte"
    if type.low >= -(1 << 15) and type.high < 1 << 15:
        return "short"
    return "int"


def _comment(text: str) -> str:
    return one_line(text).replace("*/", "* /").replace("/*", "/ *")
