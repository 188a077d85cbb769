"""zdcheck, with every engine claiming a deadlock in the first state: `python -m tests.cli.gate.liar gate`."""

from __future__ import annotations

import sys

from zdcheck import proving
from zdcheck.__main__ import main
from zdcheck.engines.explicit.engine import ExplicitEngine
from zdcheck.engines.interpreter import InterpreterEngine
from zdcheck.engines.protocol import Found, Limits, Statistics, Watcher
from zdcheck.engines.symbolic.bmc import BmcEngine
from zdcheck.ir.run import Deadlock, Run
from zdcheck.ir.system import System


def lie(*_: object) -> Found:
    """What no run shows."""
    return Found(Statistics(1, 0, 0, 0.0), Deadlock(), Run(0, ()))


def solve(self: object, system: System, limits: Limits, watch: Watcher) -> Found:
    """The same as an engine's method."""
    return lie()


for engine in (ExplicitEngine, InterpreterEngine, BmcEngine):
    engine.solve = solve  # type: ignore[assignment]
proving.prove = lie

if __name__ == "__main__":
    sys.exit(main())
