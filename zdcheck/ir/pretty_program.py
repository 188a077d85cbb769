"""A parametric program as readable text: families of variables, what holds counts, control flow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from zdcheck.ir.expr import Const
from zdcheck.ir.parametric import (
    Apply,
    Assignment,
    Bound,
    Cell,
    Choose,
    Do,
    Each,
    End,
    Ended,
    Family,
    Fork,
    Node,
    Over,
    Program,
    Self,
    Template,
    Term,
    Test,
)
from zdcheck.ir.pretty import type_text

_INFIX = {"and": "&&", "or": "||", "eq": "==", "lt": "<", "le": "<=", "add": "+", "sub": "-"}
_INFIX |= {"ne": "!=", "mul": "*"}


def pretty_program(program: Program) -> str:
    """The whole program, one instruction a line."""
    return "\n".join(_lines(program)) + "\n"


def _lines(program: Program) -> Iterator[str]:
    yield f"program {program.name!r}"
    yield ""
    for family in program.families:
        if family.template != program.init.name:
            yield _family(family)
    yield ""
    for counted in program.counted:
        name = program.family(counted.family).name
        yield f"ledger {name} = {_term(program, counted.bias)} + holders"
        for holder in program.holders:
            if holder.counted == counted.family:
                place = _term(program, holder.cell)
                target = _term(program, holder.target)
                condition = _term(program, holder.condition)
                yield f"  {_overs(holder.over)}{place} holds one of {target} if {condition}"
    for template in program.templates:
        yield ""
        yield from _template(program, template)


def _family(family: Family) -> str:
    index = "".join(f"[{d.kind or f'{d.low}..{d.low + d.size - 1}'}]" for d in family.dimensions)
    observed = ", kept to the end of its block" if family.observed else ""
    return f"{family.role} {family.name}{index} : {type_text(family.type)}{observed}"


def _template(program: Program, template: Template) -> Iterator[str]:
    daemon = "daemon " if template.daemon else ""
    yield f"{daemon}thread {template.name}[{template.size}]"
    for node in template.nodes:
        for requirement in node.requirements:
            condition = _term(program, requirement.condition)
            yield f"  {'':5} require {condition} else {requirement.violation.id}"
        yield f"  {node.id:4}: {_instruction(program, node)}"


def _instruction(program: Program, node: Node) -> str:
    marks = [f"atomic {node.group}"] if node.group is not None else []
    marks += ["ghost"] if node.ghost else []
    marks += ["waits"] if node.waits else []
    touched = dict.fromkeys(f"{t.mode} {program.family(t.family).name}" for t in node.touches)
    comment = "; ".join((*marks, *touched))
    then = ", ".join(str(s) for s in node.successors)
    match node.instruction:
        case Do(guard, updates):
            wait = "" if guard == Const(1) else f"wait until {_term(program, guard)}; "
            text = f"{wait}{_updates(program, updates)} -> {then}"
        case Test(condition, binds):
            naming = f" with {_updates(program, binds)}" if binds else ""
            text = f"if {_term(program, condition)}{naming} -> {then}"
        case Choose(bound, _, low, high, where, updates):
            which = "" if where == Const(1) else f" where {_term(program, where)}"
            name = _term(program, bound)
            text = f"choose {name} in {low}..{high}{which}; {_updates(program, updates)} -> {then}"
        case Fork():
            text = f"either -> {then}"
        case End():
            text = "end"
        case other:
            assert_never(other)
    return f"{text}  // {comment}" if comment else text


def _updates(program: Program, updates: tuple[Assignment, ...]) -> str:
    parts = [
        f"{_overs(u.over)}{_term(program, u.cell)} := {_term(program, u.value)}" for u in updates
    ]
    return ", ".join(parts) or "skip"


def _overs(overs: tuple[Over, ...]) -> str:
    return "".join(f"for {o.bound.name}{o.bound.number} in {o.low}..{o.high}: " for o in overs)


def _term(program: Program, term: Term) -> str:
    match term:
        case Const(value):
            return str(value)
        case Self():
            return "self"
        case Bound(number, name):
            return f"{name}{number}"
        case Cell(family, index):
            inside = "".join(f"[{_term(program, part)}]" for part in index)
            return program.family(family).name + inside
        case Apply("not", (inner,)):
            return f"!{_term(program, inner)}"
        case Apply("ite", (condition, then, otherwise)):
            parts = (_term(program, part) for part in (condition, then, otherwise))
            return "({} ? {} : {})".format(*parts)
        case Apply(op, args):
            return "(" + f" {_INFIX[op]} ".join(_term(program, arg) for arg in args) + ")"
        case Each(op, bound, low, high, body):
            name = _term(program, bound)
            return f"({op} {name} in {low}..{high} . {_term(program, body)})"
        case Ended(thread):
            return f"ended({_term(program, thread)})"
        case _:
            assert_never(term)
