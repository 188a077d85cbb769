"""One plain search of a spec's first check, promises left out, measured without everything around it; used by run.py.

    python bench/plain.py SPEC WORKERS KIND=N… set:CONFIG=N…

Builds first, then searches; prints the number of states, seconds by the clock, seconds of CPU and
bytes of resident memory of the searching process.
"""

from __future__ import annotations

import resource
import sys

from zdcheck.engines.explicit.engine import REDUCTIONS, ExplicitEngine, ExplicitOptions
from zdcheck.engines.protocol import Limits, NoneFound
from zdcheck.pipeline import Options, load_spec, lower_check


def main(path: str, workers: int, scope: dict[str, int], settings: dict[str, str]) -> None:
    """Search and print."""
    spec = load_spec(path)
    options = Options(scope=scope, settings=settings, progress=False)
    system = lower_check(spec, spec.model.checks[0], options).system
    # Compiled as for a large search at once: a first try without optimising would be of another program.
    engine = ExplicitEngine(ExplicitOptions(trial=0), without=REDUCTIONS)
    engine.solve(system, Limits(max_states=1), lambda progress: None)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    claim = engine.solve(system, Limits(workers=workers), lambda progress: None)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert isinstance(claim, NoneFound)
    extra = claim.statistics.extra
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # What getrusage says of memory would also count what this process had when it started the search.
    mebibytes = float(extra["memory"].split()[2].replace(",", ""))
    print(claim.statistics.states, extra["search"].split()[0], f"{cpu:.3f}", int(mebibytes * 2**20))


if __name__ == "__main__":
    words = [word.split("=") for word in sys.argv[3:]]
    main(
        sys.argv[1],
        int(sys.argv[2]),
        {name: int(n) for name, n in words if not name.startswith("set:")},
        {name.removeprefix("set:"): n for name, n in words if name.startswith("set:")},
    )
