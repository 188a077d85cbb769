"""One plain search of bench/gup/gup.zd, measured without everything around it; used by run.py.

    python bench/plain.py WORKERS KIND=N…

Builds first, then searches; prints the number of states, seconds by the clock, seconds of CPU and
bytes of resident memory of the searching process.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from zdcheck.engines.explicit.engine import ExplicitEngine
from zdcheck.engines.protocol import Limits, NoneFound
from zdcheck.pipeline import Options, load_spec, lower_check

SPEC = Path(__file__).parent / "gup" / "gup.zd"


def main(workers: int, scope: dict[str, int]) -> None:
    """Search and print."""
    spec = load_spec(str(SPEC))
    system = lower_check(spec, spec.model.checks[0], Options(scope=scope)).system
    engine = ExplicitEngine(without=frozenset({"symmetry"}))
    engine.solve(system, Limits(max_states=1), lambda progress: None)
    # The compiler's memory counts in the largest of all children; it needs less than a search.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    claim = engine.solve(system, Limits(workers=workers), lambda progress: None)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert isinstance(claim, NoneFound)
    wall = claim.statistics.extra["search"].split()[0]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(claim.statistics.states, wall, f"{cpu:.3f}", after.ru_maxrss * 1024)


if __name__ == "__main__":
    main(int(sys.argv[1]), {k: int(n) for k, n in (word.split("=") for word in sys.argv[2:])})
