"""zdcheck, with every engine claiming a deadlock in the first state: `python -m tests.cli.gate.liar gate`."""

from __future__ import annotations

import sys

from zdcheck.__main__ import main
from zdcheck.engines.explicit.engine import ExplicitEngine
from zdcheck.engines.interpreter import InterpreterEngine
from zdcheck.engines.protocol import Found, Limits, Statistics, Watcher
from zdcheck.engines.symbolic.bmc import BmcEngine
from zdcheck.engines.symbolic.proof import ProofEngine
from zdcheck.ir.run import Deadlock, Run
from zdcheck.ir.system import System


def solve(self: object, system: System, limits: Limits, watch: Watcher) -> Found:
    """What no run shows."""
    return Found(Statistics(1, 0, 0, 0.0), Deadlock(), Run(0, ()))


for engine in (ExplicitEngine, InterpreterEngine, BmcEngine, ProofEngine):
    engine.solve = solve  # type: ignore[assignment]

if __name__ == "__main__":
    sys.exit(main())
