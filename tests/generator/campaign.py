"""`make fuzz`: random specs for a given time, every engine's opinion of each, and a log of the seeds.

A spec on which two disagree is made small and saved in `--found`; the exit status is then 1. With `--log` a line is
added to a file for every so many seeds, and the first seed is the one after the last in that file.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
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
from typing import Any

from tests.generator.opinions import OPINIONS, consult
from tests.generator.shrink import shrunk
from tests.generator.spec import random_spec

BATCH = 20
"""Seeds that a worker takes at a time."""
LINE = 500
"""Seeds in a line of the log."""
LOG = Path(__file__).parent / "log.jsonl"
MEMORY = Path("/dev/shm")
"""Where files never reach a disk, if there is such a place."""


@dataclass(slots=True)
class Batch:
    """What came of some seeds."""

    first: int
    asked: Counter[str] = field(default_factory=Counter)
    wrong: dict[int, str] = field(default_factory=dict)
    cpu_s: float = 0.0

    def __iadd__(self, other: Batch) -> Batch:
        self.asked += other.asked
        self.wrong |= other.wrong
        self.cpu_s += other.cpu_s
        return self


def _cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def examine(first: int, size: int, cache: Path) -> Batch:
    """All opinions of some seeds. What is compiled for every spec is compiled once for a cache."""
    gc.disable()  # a spec leaves little behind, and looking for it costs more than all the rest of it
    batch, before = Batch(first), _cpu_s()
    cache /= str(os.getpid())
    for seed in range(first, first + size):
        try:
            batch.asked += consult(seed, random_spec(Random(seed)), cache)
        except Exception as error:
            batch.wrong[seed] = "".join(traceback.format_exception_only(error)).strip()
        batch.asked["specs"] += 1
    gc.collect()
    for search in cache.glob("*.search"):
        search.unlink()  # nobody asks about the same spec again
    batch.cpu_s = _cpu_s() - before
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
        tempfile.TemporaryDirectory(
            prefix="zdcheck-fuzz-", dir=MEMORY if MEMORY.is_dir() else None
        ) as cache,
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


@dataclass(slots=True)
class Log:
    """A file with a line for every so many seeds, each of which every opinion that it was due to has seen."""

    path: Path
    commit: str
    unfinished: dict[int, Batch] = field(default_factory=dict)

    def following(self) -> int:
        """The first seed after those in the file; LINE * n."""
        return max((line["last"] + 1 for line in lines_of(self.path)), default=10_000)

    def add(self, batch: Batch) -> None:
        """Write the line that this batch completes."""
        first = batch.first - batch.first % LINE
        line = self.unfinished.setdefault(first, Batch(first))
        line += batch
        if line.asked["specs"] == LINE:
            del self.unfinished[first]
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(self._line(line)) + "\n")

    def _line(self, line: Batch) -> dict[str, Any]:
        return {
            "commit": self.commit,
            "first": line.first,
            "last": line.first + LINE - 1,
            "cpu_s": round(line.cpu_s, 1),
            "wrong": sorted(line.wrong),
            "asked": dict(line.asked),
        }


def lines_of(path: Path) -> list[dict[str, Any]]:
    """What a log says."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def table(lines: list[dict[str, Any]]) -> str:
    """A log in Markdown: which seeds, and how many comparisons each opinion made. Seeds that were asked again count once."""
    last = {line["first"]: line for line in lines}
    asked = Counter[str]()
    for line in last.values():
        asked += Counter(line["asked"])
    ends = sorted(last)
    spans = [
        f"{first:,} to {after - 1:,}"
        for first, after in zip(
            [first for first in ends if first - LINE not in last],
            [first + LINE for first in ends if first + LINE not in last],
            strict=True,
        )
    ]
    wrong = sum(len(line["wrong"]) for line in last.values())
    seconds = sum(line["cpu_s"] for line in last.values())
    rows = [
        f"Seeds {', '.join(spans)}: {asked.pop('specs', 0):,} specs in {seconds:,.0f} CPU seconds, {wrong} disagreements.",
        "",
        "| opinion | of so many specs one | comparisons |",
        "|---|---:|---:|",
    ]
    rows += [f"| {o.name} | {o.every} | {asked.pop(o.name, 0):,} |" for o in OPINIONS]
    rows += [f"| {name} | | {number:,} |" for name, number in sorted(asked.items())]
    return "\n".join(rows)


def main() -> int:
    """Run it; 1 if anything disagreed."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--first", type=int, default=None, help="the first seed")
    parser.add_argument("--specs", type=int, default=None, help="at most so many specs")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--found", type=Path, default=Path("tests/generator/found"))
    parser.add_argument("--log", type=Path, default=None, help=f"lines of {LINE} seeds go there")
    parser.add_argument("--table", action="store_true", help="only print what the log says")
    options = parser.parse_args()
    if options.table:
        print(table(lines_of(options.log or LOG)))
        return 0
    log = Log(options.log, _commit()) if options.log else None
    started = time.monotonic()
    total = Batch(options.first if options.first is not None else log.following() if log else 0)
    last = total.first
    for batch in campaign(total.first, options.specs, options.seconds, options.jobs):
        total += batch
        last = max(last, batch.first + batch.asked["specs"] - 1)
        for seed, words in batch.wrong.items():
            print(f"seed {seed}: {words}", flush=True)
        if log:
            log.add(batch)
    for seed, words in sorted(total.wrong.items())[:5]:
        options.found.mkdir(parents=True, exist_ok=True)
        path = options.found / f"seed-{seed}.zd"
        path.write_text(reduced(seed, words), encoding="utf-8")
        print(f"made small: {path}")
    took = time.monotonic() - started
    print(
        f"commit {_commit()}, seeds {total.first} to {last}, {total.asked.pop('specs', 0)} specs in {took:.0f} s "
        f"({total.cpu_s:.0f} s of CPU time), {len(total.wrong)} disagreements"
    )
    for opinion in OPINIONS:
        print(f"  {opinion.name}: {total.asked.pop(opinion.name, 0)} comparisons")
    for other, number in total.asked.items():
        print(f"  {other}: {number}")
    return 1 if total.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
