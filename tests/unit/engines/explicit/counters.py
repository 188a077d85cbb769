"""Systems with as many states as a test wants."""

from __future__ import annotations

from dataclasses import replace

from tests.support.systems import Builder
from zdcheck.ir.expr import Const, Type, Var, add, lt
from zdcheck.ir.system import Guard, System


def counters(count: int, high: int, *, blocked: bool = False) -> System:
    """Daemons that each count to `high`: (high + 1) ** count states, count * high steps deep.

    If `blocked`, a thread that is no daemon waits for nothing, so that the end is a deadlock.
    """
    b = Builder()
    for number in range(count):
        value = b.var(f"n{number}", Type("int", 0, high))
        me = b.thread(f"t{number}", f"t{number}", ["unmap(pte[0]);"], daemon=True)
        more = Guard(lt(Var(value), Const(high)))
        b.step(me, 0, "unmap(pte[0]);", (value, add(Var(value), Const(1))), tests=(more,), to=0)
    if blocked:
        b.thread("waits", "waits", ["put_page(base);"])
    return b.system()


def wide(system: System, bits: int) -> System:
    """The same with shared variables of so many bits: as many states, of more words."""
    type = Type("int", 0, (1 << bits) - 1)
    variables = (replace(v, type=type) if v.role == "shared" else v for v in system.variables)
    return replace(system, variables=tuple(variables))
