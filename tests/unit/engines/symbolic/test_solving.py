"""A question to Z3 that would take for ever ends when it is interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

SCRIPT = """
import signal
import z3
from zdcheck.base.interrupts import interrupt, keep_interrupts
from zdcheck.engines.protocol import Limits
from zdcheck.engines.symbolic.solving import Clock, LimitReached, is_satisfiable

signal.signal(signal.SIGINT, signal.default_int_handler)
keep_interrupts()
signal.signal(signal.SIGTERM, interrupt)
solver = z3.SolverFor("QF_FD")
# Thirteen pigeons in twelve holes, said by clauses alone, which takes solvers longer than anybody waits.
sits = [[z3.Bool(f"{pigeon} in {hole}") for hole in range(12)] for pigeon in range(13)]
solver.add(*(z3.Or(*holes) for holes in sits))
for first in range(13):
    for second in range(first):
        solver.add(*(z3.Or(z3.Not(a), z3.Not(b)) for a, b in zip(sits[first], sits[second])))
print("asks", flush=True)
try:
    print(is_satisfiable(solver, clock=Clock(Limits())))
except LimitReached as reached:
    print(reached)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asks\n"
        time.sleep(0.5)
        process.send_signal(number)
        try:
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (out, err, process.returncode) == ("interrupt\n", "", 0)


BETWEEN = """
import os, signal, time
import z3
from zdcheck.engines.protocol import Limits
from zdcheck.engines.symbolic.solving import Clock, is_satisfiable

signal.signal(signal.SIGINT, signal.default_int_handler)
a = z3.Bool("a")
solver = z3.Solver()
solver.add(a)
assert is_satisfiable(solver, clock=Clock(Limits()))
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)
except KeyboardInterrupt:
    pass
ends = time.monotonic() + 0.5
while time.monotonic() < ends:
    simple = z3.simplify(z3.And(z3.Or(a, z3.Not(a)), z3.BoolVal(True)))
    assert z3.is_true(simple), simple
"""


def test_an_interrupt_between_questions_ends_nothing() -> None:
    """What Z3 is made to give up it leaves as it is, and nobody is told."""
    done = subprocess.run(
        [sys.executable, "-c", BETWEEN], capture_output=True, text=True, check=False
    )
    assert (done.stderr, done.returncode) == ("", 0)
