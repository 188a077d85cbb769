"""SMT-LIB solvers that look at a certificate: Z3, and cvc5 where its Python module is installed."""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from zdcheck.base.diagnostics import ToolError
from zdcheck.engines.symbolic.facts import Invariant
from zdcheck.export.certificate import Question, preamble, questions
from zdcheck.ir.system import System

Solver = Literal["z3", "cvc5"]
SOLVERS: tuple[Solver, ...] = ("z3", "cvc5")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a solver says to one question: `unsat` is what is wanted."""

    question: Question
    text: str


def is_installed(solver: Solver) -> bool:
    """Whether the solver's Python module is there."""
    return importlib.util.find_spec(solver) is not None


def answers(
    solver: Solver, system: System, invariant: Invariant, timeout_s: float | None
) -> Iterator[Answer]:
    """The answers of a solver that knows nothing else, one by one.

    Ends early, with an answer `unknown`, when the time is up. Raises ToolError if the solver does
    not understand a question.
    """
    ends = None if timeout_s is None else time.monotonic() + timeout_s
    asked = _z3() if solver == "z3" else _cvc5()
    next(asked)
    _understood(asked.send((preamble(system, invariant), None)), solver)
    for question in questions(system, invariant):
        left = None if ends is None else ends - time.monotonic()
        if left is not None and left <= 0:
            yield Answer(question, "unknown")
            return
        text = asked.send((question.commands, left)).strip()
        if text not in ("sat", "unsat", "unknown"):
            _understood(text or "no answer", solver)
        yield Answer(question, text)


def _understood(text: str, solver: Solver) -> None:
    # Z3 warns of the annotations that are there for symbolic model checkers.
    lines = [line for line in text.splitlines() if line and not line.startswith("WARNING")]
    if lines:
        raise ToolError(f"{solver} does not understand a question: {' '.join(lines)[:300]}")


def _z3() -> Any:
    import z3

    context = z3.Context()
    said = ""
    while True:
        commands, left = yield said
        limit = "" if left is None else f"(set-option :timeout {max(1, int(left * 1000))})\n"
        said = z3.Z3_eval_smtlib2_string(context.ref(), limit + commands)


def _cvc5() -> Any:
    cvc5 = importlib.import_module("cvc5")
    terms = cvc5.TermManager()
    solver = cvc5.Solver(terms)
    solver.setOption("incremental", "true")
    solver.setOption("verbosity", "-1")
    symbols = cvc5.SymbolManager(terms)
    said = ""
    while True:
        commands, left = yield said
        if left is not None:
            solver.setOption("tlimit-per", str(max(1, int(left * 1000))))
        parser = cvc5.InputParser(solver, symbols)
        parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, commands, "proof")
        said = ""
        while not (command := parser.nextCommand()).isNull():
            said += command.invoke(solver, symbols)
