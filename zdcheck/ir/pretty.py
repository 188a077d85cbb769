"""A ground system as text, for `zdcheck show --ir` and golden files.

Every variable is shown by its name, so the text does not change when numbers do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from zdcheck.ir.expr import Const, Expr, Op, Select, Type, Var
from zdcheck.ir.system import Action, Check, Guard, ProgressProperty, System, Variable

_INFIX = {
    "and": " && ",
    "or": " || ",
    "eq": " == ",
    "ne": " != ",
    "lt": " < ",
    "le": " <= ",
    "add": " + ",
    "sub": " - ",
    "mul": " * ",
}

_STRENGTH = {"ite": 0, "or": 1, "and": 2, "eq": 3, "ne": 3, "lt": 3, "le": 3, "add": 4, "sub": 4}
"""How strongly an operator binds; parentheses stand where a weaker one is inside a stronger."""


def pretty(system: System) -> str:
    """The whole system."""
    return "\n".join(_lines(system)) + "\n"


def _lines(system: System) -> Iterator[str]:
    yield f"system {system.name!r}"
    yield ""
    for kind in system.kinds:
        what = "threads" if kind.is_thread else "objects"
        yield f"kind {kind.name}: {kind.size} {what}" + _why(kind.asymmetry)
    for variable in system.variables:
        yield f"var {variable.name}: {type_text(variable.type)}  // {_role(system, variable)}"
    yield ""
    for number, state in enumerate(system.initial_states):
        values = (
            f"{v.name} = {v.type.show(state[v.id])}"
            for v in system.variables
            if state[v.id] != _usual(v.type)
        )
        yield f"initial {number}: {', '.join(values) or 'all at their defaults'}"
    for thread in system.threads:
        daemon = "daemon " if thread.daemon else ""
        yield ""
        yield f"{daemon}thread {thread.name}  // {thread.fairness} fairness, end at {thread.end}"
        for action in system.actions:
            if action.thread == thread.index:
                yield from _action(system, action)
    yield from _properties(system)


def _why(asymmetry: str | None) -> str:
    return "" if asymmetry is None else f"  // not symmetric: {asymmetry}"


def _role(system: System, variable: Variable) -> str:
    if variable.thread is None:
        return variable.role
    return f"{variable.role} of {system.threads[variable.thread].name}"


def _usual(type: Type) -> int:
    return -1 if type.kind == "ref" and type.low < 0 else type.low


def type_text(type: Type) -> str:
    """A type in the language's words."""
    match type.kind:
        case "bool":
            return "bool"
        case "int":
            return f"{type.low}..{type.high}"
        case "enum":
            return f"{type.of}{{{', '.join(type.names)}}}"
        case "ref":
            return f"{type.of}{'?' if type.low < 0 else ''}"
        case _:
            assert_never(type.kind)


def _action(system: System, action: Action) -> Iterator[str]:
    yield f"  [{action.id}] at {action.location}: {' '.join(action.text.split())}"
    for name, value in action.choices:
        yield f"      choose {name} = {value}"
    for test in action.tests:
        match test:
            case Guard(condition):
                yield f"      when {expr_text(system, condition)}"
            case Check(condition, violation):
                yield f"      check {expr_text(system, condition)} else {violation.id}"
            case _:
                assert_never(test)
    for edge in action.lock_edges:
        yield f"      takes {edge.taken} under {edge.held} if {expr_text(system, edge.when)}"
    for variable, new in action.updates:
        target = system.variables[variable]
        yield f"      {target.name} := {_typed(system, new, target.type)}"


def _properties(system: System) -> Iterator[str]:
    if system.ledger or system.properties or system.progress or system.covers:
        yield ""
    for entry in system.ledger:
        terms = [expr_text(system, entry.bias)] if entry.bias != Const(0) else []
        terms += [
            f"[{holder.name} if {expr_text(system, holder.count)}]" for holder in entry.holders
        ]
        yield f"ledger {system.variables[entry.count].name} = {' + '.join(terms) or '0'}"
    for prop in system.properties:
        yield f"{prop.kind} {prop.name} ({prop.violation}): {expr_text(system, prop.condition)}"
    for progress in system.progress:
        yield f"progress {progress.name}: {_promise(system, progress)}"
    for cover in system.covers:
        what = "its statement" if cover.condition is None else expr_text(system, cover.condition)
        yield f"cover {cover.name}: {what}"


def _promise(system: System, progress: ProgressProperty) -> str:
    goal = expr_text(system, progress.goal)
    match progress.form:
        case "terminates" | "eventually":
            return f"eventually {goal}"
        case "infinitely_often":
            return f"infinitely often {goal}"
        case "leads_to":
            assert progress.trigger is not None
            return f"{expr_text(system, progress.trigger)} leads to {goal}"
        case _:
            assert_never(progress.form)


def expr_text(system: System, expr: Expr) -> str:
    """An expression with the variables' names."""
    return _text(system, expr, 0)


def _text(system: System, expr: Expr, strength: int) -> str:
    match expr:
        case Const(value):
            return str(value)
        case Var(id):
            return system.variables[id].name
        case Select(variables, low, index):
            members = ", ".join(system.variables[v].name for v in variables)
            return f"{{{members}}}[{_text(system, index, 0)}{f' - {low}' if low else ''}]"
        case Op("not", (argument,)):
            return f"!{_text(system, argument, 9)}"
        case Op("ite", (condition, then, otherwise)):
            parts = (_text(system, e, 1) for e in (condition, then, otherwise))
            text = "{} ? {} : {}".format(*parts)
        case Op(("eq" | "ne" | "lt" | "le") as op, (a, b)):
            type = _type_of(system, a) or _type_of(system, b)
            text = _INFIX[op].join(_typed(system, part, type, 4) for part in (a, b))
        case Op("add", (*most, Const(value))) if value < 0 and most:
            text = f"{_text(system, Op('add', tuple(most)), 4)} - {-value}"
        case Op(op, args):
            own = _STRENGTH.get(op, 5)
            text = _INFIX[op].join(_text(system, part, own + 1) for part in args)
        case _:
            assert_never(expr)
    return f"({text})" if _STRENGTH.get(expr.op, 5) < strength else text


def _type_of(system: System, expr: Expr) -> Type | None:
    match expr:
        case Var(id) | Select((id, *_)):
            return system.variables[id].type
        case _:
            return None


def _typed(system: System, expr: Expr, type: Type | None, strength: int = 0) -> str:
    """An expression where a value of `type` is expected, so that constants have their names."""
    if type is not None:
        match expr:
            case Const(value) if value in type:
                return type.show(value)
            case Op("ite", (condition, then, otherwise)):
                chosen = (
                    f"{_text(system, condition, 1)} ? {_typed(system, then, type, 1)}"
                    f" : {_typed(system, otherwise, type, 1)}"
                )
                return f"({chosen})" if strength > 0 else chosen
    return _text(system, expr, strength)
