"""The one table of engines: which one answers, and why another was refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from zdcheck.base.diagnostics import UsageError
from zdcheck.engines.portfolio import AllOfThem, FirstThatAnswers
from zdcheck.engines.protocol import IN_MEMORY, Engine, Storage
from zdcheck.ir.system import System

EngineName = Literal["auto", "all", "explicit", "interpreter", "proof", "bmc"]


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine that will answer. `refusal` says why a better one cannot, in the user's words."""

    engine: Engine
    refusal: str | None = None


def _explicit(without: frozenset[str], storage: Storage) -> Engine:
    from zdcheck.engines.explicit.engine import ExplicitEngine

    return ExplicitEngine(without=without, storage=storage)


def _interpreter(without: frozenset[str], storage: Storage) -> Engine:
    # It brings a library of graphs, which takes longer to import than a small check to run.
    from zdcheck.engines.interpreter import InterpreterEngine

    return InterpreterEngine()


def _bmc(without: frozenset[str], storage: Storage) -> Engine:
    # Z3 takes longer to import than a small check takes to run.
    from zdcheck.engines.symbolic.bmc import BmcEngine

    return BmcEngine()


def _proof(without: frozenset[str], storage: Storage) -> Engine:
    from zdcheck.engines.symbolic.proof import ProofEngine

    return ProofEngine()


ENGINES: Mapping[str, Callable[[frozenset[str], Storage], Engine]] = {
    "explicit": _explicit,
    "interpreter": _interpreter,
    "proof": _proof,
    "bmc": _bmc,
}

COMPLETE = ("explicit", "interpreter")
"""The engines that visit every state, the best first: the first that does not refuse is asked first."""

BEYOND = ("proof", "bmc")
"""The engines that are asked side by side where one of those meets a limit."""


def choose(
    name: EngineName,
    system: System,
    without: frozenset[str] = frozenset(),
    storage: Storage = IN_MEMORY,
) -> Choice:
    """The engine called `name`; `auto` asks several in turn, `all` asks every one.

    `without` names reductions to leave out. The interpreter has none, and keeps whole states in memory.
    Raises UsageError if the engine named refuses.
    """
    match name:
        case "auto":
            best = complete(system, without, storage)

            def others() -> list[Engine]:
                return [ENGINES[other](without, storage) for other in BEYOND]

            return Choice(FirstThatAnswers(best.engine, others), best.refusal)
        case "all":
            return Choice(AllOfThem([make(without, storage) for make in ENGINES.values()]))
        case _:
            engine = ENGINES[name](without, storage)
            if reason := engine.refuses(system):
                raise UsageError(f"--engine {name} cannot answer: {reason}")
            return Choice(engine)


def complete(
    system: System, without: frozenset[str] = frozenset(), storage: Storage = IN_MEMORY
) -> Choice:
    """The best engine that visits every state, and why a better one cannot."""
    refusal = None
    for name in COMPLETE:
        engine = ENGINES[name](without, storage)
        reason = engine.refuses(system)
        if reason is None:
            return Choice(engine, refusal)
        refusal = refusal or f"the {engine.name} engine cannot answer: {reason}"
    raise AssertionError("the interpreter never refuses")


def choose_search(
    name: EngineName, system: System, without: frozenset[str] = frozenset()
) -> Choice:
    """As `choose`, but `auto` stops at its limits: where there are many questions, none may take long."""
    return complete(system, without) if name == "auto" else choose(name, system, without)
