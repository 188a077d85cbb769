"""`make fuzz`: random specs for a given time, every engine's opinion of each, and a log of the seeds.

A spec on which two disagree is made small and saved in `--found`; the exit status is then 1.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from tests.generator.opinions import OPINIONS, consult
from tests.generator.shrink import shrunk
from tests.generator.spec import random_spec

BATCH = 20
"""Seeds that a worker takes at a time."""


@dataclass(slots=True)
class Batch:
    """What came of some seeds."""

    first: int
    asked: Counter[str] = field(default_factory=Counter)
    wrong: dict[int, str] = field(default_factory=dict)


def examine(first: int, size: int, cache: Path) -> Batch:
    """All opinions of some seeds. What is compiled for every spec is compiled once for a cache."""
    gc.disable()  # a spec leaves little behind, and looking for it costs more than all the rest of it
    batch = Batch(first)
    for seed in range(first, first + size):
        try:
            batch.asked += consult(seed, random_spec(Random(seed)), cache)
        except Exception as error:
            batch.wrong[seed] = "".join(traceback.format_exception_only(error)).strip()
        batch.asked["specs"] += 1
    gc.collect()
    return batch


def reduced(seed: int, wrong: str) -> str:
    """The spec of a seed, made small, with what is wrong about it in a comment."""
    kind = wrong.split(":")[0:2]

    def shows(text: str) -> bool:
        try:
            consult(seed, text, Path(cache))
        except Exception as error:
            now = "".join(traceback.format_exception_only(error)).strip()
            return now.split(":")[0] == kind[0]
        return False

    with tempfile.TemporaryDirectory(prefix="zdcheck-shrink-") as cache:
        text = shrunk(random_spec(Random(seed)), shows)
    said = "\n".join(f"// {line}" for line in wrong.splitlines()[:8])
    return f"// Seed {seed}.\n{said}\n{text}"


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def batches(first: int, specs: int | None) -> Iterator[tuple[int, int]]:
    """First seed and number of seeds of each batch."""
    for begin in count(first, BATCH):
        if specs is not None and begin >= first + specs:
            return
        yield begin, BATCH if specs is None else min(BATCH, first + specs - begin)


def campaign(first: int, specs: int | None, seconds: float, jobs: int) -> Iterator[Batch]:
    """Batches as they are done, until the seeds or the time are used up."""
    until = time.monotonic() + seconds
    todo = batches(first, specs)
    running: set[Future[Batch]] = set()
    with (
        tempfile.TemporaryDirectory(prefix="zdcheck-fuzz-") as cache,
        ProcessPoolExecutor(jobs) as pool,
    ):
        while True:
            while len(running) < jobs + 1 and time.monotonic() < until:
                begin, size = next(todo, (0, 0))
                if not size:
                    break
                running.add(pool.submit(examine, begin, size, Path(cache)))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


def main() -> int:
    """Run it; 1 if anything disagreed."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--specs", type=int, default=None, help="at most so many specs")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--found", type=Path, default=Path("tests/generator/found"))
    options = parser.parse_args()
    started = time.monotonic()
    total = Counter[str]()
    wrong: dict[int, str] = {}
    last = options.first
    for batch in campaign(options.first, options.specs, options.seconds, options.jobs):
        total += batch.asked
        wrong |= batch.wrong
        last = max(last, batch.first + BATCH - 1)
        for seed, words in batch.wrong.items():
            print(f"seed {seed}: {words}", flush=True)
    for seed, words in sorted(wrong.items())[:5]:
        options.found.mkdir(parents=True, exist_ok=True)
        path = options.found / f"seed-{seed}.zd"
        path.write_text(reduced(seed, words), encoding="utf-8")
        print(f"made small: {path}")
    took = time.monotonic() - started
    print(
        f"commit {_commit()}, seeds {options.first} to {last}, {total.pop('specs', 0)} specs in {took:.0f} s, "
        f"{len(wrong)} disagreements"
    )
    for opinion in OPINIONS:
        print(f"  {opinion.name}: {total.pop(opinion.name, 0)} comparisons")
    for other, number in total.items():
        print(f"  {other}: {number}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
