"""SMT-LIB solvers that look at a certificate: Z3, and cvc5 where its Python module is installed."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from zdcheck.base.diagnostics import ToolError
from zdcheck.engines.protocol import Limits
from zdcheck.engines.symbolic.facts import Invariant
from zdcheck.engines.symbolic.solving import Clock, LimitReached, is_satisfiable
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
    clock = Clock(Limits(timeout_s=timeout_s))
    ask = (ask_z3 if solver == "z3" else ask_cvc5)(preamble(system, invariant), clock)
    for question in questions(system, invariant):
        try:
            text = ask(question)
        except LimitReached as limit:
            if limit.limit == "interrupt":
                raise KeyboardInterrupt from None
            text = "unknown"
        yield Answer(question, text)
        if text == "unknown":
            return


Ask = Callable[[Question], str]


def ask_z3(preamble: str, clock: Clock) -> Ask:
    import z3

    parser = z3.ParserContext()
    # Of the annotations that are there for symbolic model checkers.
    z3.Z3_toggle_warning_messages(False)

    def read(commands: str) -> Any:
        try:
            return parser.from_string(commands)
        except z3.Z3Exception as error:
            raise _not_understood("z3", str(error)) from None

    solver = z3.Solver()
    solver.add(read(preamble))

    def ask(question: Question) -> str:
        solver.push()
        solver.add(read(question.asserted))
        answer = "sat" if is_satisfiable(solver, clock=clock) else "unsat"
        solver.pop()
        return answer

    return ask


def ask_cvc5(preamble: str, clock: Clock) -> Ask:
    cvc5 = importlib.import_module("cvc5")
    terms = cvc5.TermManager()
    solver = cvc5.Solver(terms)
    solver.setOption("incremental", "true")
    solver.setOption("verbosity", "-1")
    symbols = cvc5.SymbolManager(terms)

    def run(commands: str) -> str:
        parser = cvc5.InputParser(solver, symbols)
        parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, commands, "proof")
        said = ""
        while not (command := parser.nextCommand()).isNull():
            said += command.invoke(solver, symbols)
        return said.strip()

    if said := run(preamble):
        raise _not_understood("cvc5", said)

    def ask(question: Question) -> str:
        if (left := clock.left_s()) is not None:
            solver.setOption("tlimit-per", str(max(1, int(left * 1000))))
        text = run(question.commands)
        if text not in ("sat", "unsat", "unknown"):
            raise _not_understood("cvc5", text or "no answer")
        return text

    return ask


def _not_understood(solver: Solver, said: str) -> ToolError:
    words = " ".join(said.split())[:300]
    return ToolError(f"{solver} does not understand a question: {words}")
