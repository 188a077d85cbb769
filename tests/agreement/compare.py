"""What two engines must agree on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

from zdcheck.engines.explicit.engine import ExplicitEngine, ExplicitOptions
from zdcheck.engines.interpreter import InterpreterEngine
from zdcheck.engines.protocol import Claim, Found, Limits, NoneFound, Progress, Stopped
from zdcheck.ir.run import Run, Stuck
from zdcheck.ir.system import System
from zdcheck.trace.replay import Origin, replay


def ignore(progress: Progress) -> None:
    """Watches nothing."""


def interpreted(system: System, max_states: int | None = None) -> Claim:
    """What the reference interpreter says."""
    return InterpreterEngine().solve(system, Limits(max_states), ignore)


def explored(
    system: System,
    cache: Path,
    *,
    symmetry: bool = False,
    partial_order: bool = False,
    workers: int = 1,
) -> Claim:
    """What the explorer says; several workers run what is compiled with all optimisation."""
    trial = ExplicitOptions().trial if workers == 1 else 0
    options = ExplicitOptions(symmetry, partial_order, cache=cache, trial=trial)
    return ExplicitEngine(options).solve(system, Limits(workers=workers), ignore)


def switches(system: System, run: Run) -> int:
    """The context switches of a run."""
    threads = [system.actions[id].thread for id in run.actions]
    return sum(a != b for a, b in pairwise(threads))


def confirm(system: System, found: Found) -> None:
    """The run leads to the fault by the reference semantics."""
    replay(system, found.fault, found.run, Origin("random.zd", system.name))


def same(system: System, wanted: Claim, got: Claim, *, reduced: bool) -> None:
    """`got` says what `wanted` says. Where symmetry reduced it, the numbers of states may be others."""
    assert not isinstance(wanted, Stopped)
    match wanted, got:
        case Found(), Found():
            confirm(system, got)
            assert type(got.fault) is type(wanted.fault)
            if isinstance(got.fault, Stuck):
                # Very long loops are only nearly shortest, and of equally long lassos any will do.
                assert len(got.run.actions) >= len(wanted.run.actions)
                return
            assert len(got.run.actions) == len(wanted.run.actions)
            assert switches(system, got.run) == switches(system, wanted.run)
        case NoneFound(), NoneFound():
            assert _lengths(got) == _lengths(wanted)
            assert got.antecedents == wanted.antecedents
            assert _statements(system, got) == _statements(system, wanted)
            if not reduced:
                assert got.statistics.states == wanted.statistics.states
                assert got.statistics.transitions == wanted.statistics.transitions
                assert got.statistics.depth == wanted.statistics.depth
                assert got.statistics.fired == wanted.statistics.fired
        case _:
            raise AssertionError(f"{type(got).__name__} instead of {type(wanted).__name__}")


def _lengths(claim: NoneFound) -> dict[int, int]:
    return {number: len(run.actions) for number, run in claim.covers.items()}


def _statements(system: System, claim: NoneFound) -> set[int]:
    return {s for id in claim.statistics.fired for s in system.actions[id].statements}


class Explorers:
    """The explorer of one system with each reduction, on and off; what several of them share is made once."""

    def __init__(self, system: System, cache: Path) -> None:
        self.system = system
        self.engines = {
            symmetry: ExplicitEngine(ExplicitOptions(symmetry, cache=cache))
            for symmetry in (False, True)
        }

    def ways(self) -> list[tuple[bool, bool]]:
        """(symmetry, partial order), each combination once that searches in another way than those before it.

        Where nothing can be exchanged, symmetry leaves the program as it is; with one thread there is no order.
        """
        found: dict[tuple[str, bool], tuple[bool, bool]] = {}
        for symmetry, order in product((False, True), repeat=2):
            prepared = self.engines[symmetry].prepare(self.system)
            ordered = order and prepared.unordered is None
            found.setdefault((prepared.program.text, ordered), (symmetry, order))
        return list(found.values())

    def explored(self, symmetry: bool, partial_order: bool, workers: int) -> Claim:
        """As `explored`."""
        engine = self.engines[symmetry]
        trial = ExplicitOptions().trial if workers == 1 else 0
        engine.options = replace(engine.options, partial_order=partial_order, trial=trial)
        return engine.solve(self.system, Limits(workers=workers), ignore)


def agree(system: System, cache: Path, workers: Iterable[int] = (1, 2)) -> Claim | None:
    """Both engines say the same, with and without reductions. None if there are too many states."""
    return agree_with(interpreted(system, 4000), Explorers(system, cache), workers)


def agree_with(wanted: Claim, explorers: Explorers, workers: Iterable[int]) -> Claim | None:
    """As `agree`, with what the interpreter said."""
    if isinstance(wanted, Stopped):
        return None
    symmetric: Claim | None = None
    for count, (symmetry, order) in product(workers, explorers.ways()):
        got = explorers.explored(symmetry, order, count)
        same(explorers.system, wanted, got, reduced=symmetry)
        if symmetry and symmetric is not None:
            same(explorers.system, symmetric, got, reduced=False)
        symmetric = symmetric or (got if symmetry else None)
    return wanted
