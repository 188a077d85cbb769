"""The one table of engines: which one answers, and why another was refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from zdcheck.base.diagnostics import UsageError
from zdcheck.engines.protocol import IN_MEMORY, Engine, Storage
from zdcheck.ir.system import System

EngineName = Literal["auto", "explicit", "interpreter", "bmc"]


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


ENGINES: Mapping[str, Callable[[frozenset[str], Storage], Engine]] = {
    "explicit": _explicit,
    "interpreter": _interpreter,
    "bmc": _bmc,
}

COMPLETE = ("explicit", "interpreter")
"""The engines that can say `holds`, the best first: `auto` takes the first that does not refuse."""


def choose(
    name: EngineName,
    system: System,
    without: frozenset[str] = frozenset(),
    storage: Storage = IN_MEMORY,
) -> Choice:
    """The engine called `name`, or for `auto` the best that can answer.

    `without` names reductions to leave out. The interpreter has none, and keeps whole states in memory.
    Raises UsageError if the engine named refuses.
    """
    if name != "auto":
        engine = ENGINES[name](without, storage)
        if reason := engine.refuses(system):
            raise UsageError(f"--engine {name} cannot answer: {reason}")
        return Choice(engine)
    refusal = None
    for complete in COMPLETE:
        engine = ENGINES[complete](without, storage)
        reason = engine.refuses(system)
        if reason is None:
            return Choice(engine, refusal)
        refusal = refusal or f"the {engine.name} engine cannot answer: {reason}"
    raise AssertionError("the interpreter never refuses")
