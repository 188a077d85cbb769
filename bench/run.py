"""The same protocol in zdcheck, in C by hand, in SPIN and in rumur, side by side.

    python bench/run.py [--size small|large|both] [--repeat N] [--without-peers]

Each round runs every program once, so that a busy machine is busy for all of them; figures are
medians over the rounds. `wall` is what a clock says, `cpu` the user and system time of the search
by all its threads, which depends less on what else the machine does. Where reductions are off, all must find the same number of states,
else this ends with status 1. What is not installed is left out and said so.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
SIZES = {
    "small": {"gup": 3, "page": 2, "pte": 3, "unmapper": 2},
    "large": {"gup": 3, "page": 3, "pte": 3, "unmapper": 2},
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: states, seconds by the clock, seconds of CPU, bytes of resident memory."""

    states: int
    wall_s: float
    cpu_s: float
    memory: int


@dataclass(frozen=True, slots=True)
class Contender:
    """A program to measure. `is_plain` says that it must find every state."""

    name: str
    is_plain: bool
    run: Callable[[], Sample]


def timed(command: Sequence[str], cwd: Path, pattern: str, **environment: str) -> Sample:
    """Run a command; `pattern` finds the number of states in what it prints."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=cwd, stdout=output, stderr=output, env={**os.environ, **environment}
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - started
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    found = re.search(pattern, text)
    if process.returncode != 0 or found is None:
        raise SystemExit(f"{' '.join(command)}: status {process.returncode}\n{text[-2000:]}")
    states = int(found[1].replace(",", ""))
    return Sample(states, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def shell(*command: str, cwd: Path) -> None:
    """Run a build step; its output matters only if it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stderr[-2000:]}")


# --- the contenders ---------------------------------------------------------------------


def by_hand(size: dict[str, int], home: Path) -> list[Contender]:
    """The limit: C for this protocol alone."""
    macros = {"GUPS": "gup", "PAGES": "page", "PTES": "pte", "UNMAPPERS": "unmapper"}
    defines = [f"-D{macro}={size[kind]}" for macro, kind in macros.items()]
    source = str(HERE / "limit" / "gup.c")
    shell("cc", "-O3", "-march=native", "-pthread", *defines, source, "-o", "limit", cwd=home)
    return [
        Contender(
            f"C by hand, {workers} thread{'s' * (workers > 1)}",
            True,
            partial(timed, ["./limit", str(workers)], home, r"states (\d+)"),
        )
        for workers in (1, 2)
    ]


def zdcheck_plain(size: dict[str, int], home: Path) -> list[Contender]:
    """The explorer without reductions; the process of the search alone is measured."""
    return [
        Contender(
            f"zdcheck, plain, {workers} worker{'s' * (workers > 1)}",
            True,
            partial(_zdcheck, size, home, workers),
        )
        for workers in (1, 2)
    ]


def _zdcheck(size: dict[str, int], home: Path, workers: int) -> Sample:
    command = [sys.executable, str(HERE / "plain.py"), str(workers)]
    command += [f"{kind}={n}" for kind, n in size.items()]
    environment = {**os.environ, "ZDCHECK_CACHE_DIR": str(home / "cache")}
    done = subprocess.run(
        command, cwd=HERE.parent, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stderr[-2000:]}")
    states, wall, cpu, memory = done.stdout.split()
    return Sample(int(states), float(wall), float(cpu), int(memory))


def zdcheck_reduced(size: dict[str, int], home: Path) -> list[Contender]:
    """From the spec to the verdict, with nothing cached, then with everything cached."""
    scope = [word for kind, n in size.items() for word in ("--scope", f"{kind}={n}")]
    spec = str(HERE / "gup" / "gup.zd")
    command = [sys.executable, "-m", "zdcheck", "check", spec, *scope]

    def run(cache: Path) -> Sample:
        return timed(command, HERE.parent, r"([\d,]+) states", ZDCHECK_CACHE_DIR=str(cache))

    def cold() -> Sample:
        shutil.rmtree(home / "cold", ignore_errors=True)
        return run(home / "cold")

    return [
        Contender("zdcheck, reduced, spec to verdict", False, cold),
        Contender("zdcheck, the same from the cache", False, lambda: run(home / "cache")),
    ]


def spin(size: dict[str, int], home: Path) -> list[Contender]:
    """SPIN, exact: its fastest setting, and with its partial-order reduction."""
    if shutil.which("spin") is None:
        print("spin is not installed: left out", file=sys.stderr)
        return []
    defines = [
        f"-DGUPS={size['gup']}",
        f"-DPAGES={size['page']}",
        f"-DUNMAPPERS={size['unmapper']}",
    ]
    model = str(HERE / "gup" / "gup.pml")
    contenders = []
    for name, options, is_plain in (
        ("SPIN -O3 -DSAFETY -DNOREDUCE", ["-DNOREDUCE"], True),
        ("SPIN -O3 -DSAFETY, partial order", [], False),
    ):
        program = "pan-plain" if is_plain else "pan-reduced"
        shell("spin", "-a", *defines, model, cwd=home)
        flags = ["-O3", "-DSAFETY", "-DMEMLIM=16000", *options]
        shell("cc", *flags, "pan.c", "-o", program, cwd=home)
        table = "-w25" if size["page"] > 2 else "-w22"
        command = [f"./{program}", "-m30000000", table]
        contenders.append(
            Contender(
                name,
                is_plain,
                partial(timed, command, home, r"(\d+) states, stored"),
            )
        )
    return contenders


def rumur(size: dict[str, int], home: Path) -> list[Contender]:
    """rumur, plain on one thread, and with its symmetry from model to verdict."""
    if shutil.which("rumur") is None:
        print("rumur is not installed: left out", file=sys.stderr)
        return []
    text = (HERE / "gup" / "gup.m").read_text(encoding="utf-8")
    for constant, kind in (("GUPS", "gup"), ("PAGES", "page"), ("UNMAPPERS", "unmapper")):
        text = re.sub(rf"\b{constant}: \d+", f"{constant}: {size[kind]}", text)
    (home / "gup.m").write_text(text, encoding="utf-8")

    def build(symmetry: str) -> str:
        program = f"rumur-{symmetry}"
        shell(
            "rumur", "--symmetry-reduction", symmetry, "--deadlock-detection", "off",
            "--output", f"{program}.c", "gup.m", cwd=home,
        )  # fmt: skip
        flags = ["-O3", "-march=native", "-mcx16"]
        shell("cc", *flags, f"{program}.c", "-o", program, "-pthread", "-latomic", cwd=home)
        return program

    plain = build("off")
    pattern = r"(\d+) states,"

    def reduced() -> Sample:
        started = time.monotonic()
        program = build("heuristic")
        sample = timed([f"./{program}"], home, pattern)
        return Sample(sample.states, time.monotonic() - started, sample.cpu_s, sample.memory)

    return [
        Contender(
            "rumur -O3, plain, 1 thread",
            True,
            lambda: timed([f"./{plain}", "--threads", "1"], home, pattern),
        ),
        Contender("rumur -O3, symmetry, model to verdict", False, reduced),
    ]


# --- rounds -----------------------------------------------------------------------------


def measure(size: str, repeat: int, peers: bool) -> bool:
    """Print the table for one size; False if the numbers of states disagree."""
    with tempfile.TemporaryDirectory(prefix="zdcheck-bench-") as directory:
        home = Path(directory)
        makers = [by_hand, zdcheck_plain, zdcheck_reduced, *((spin, rumur) if peers else ())]
        contenders = [c for make in makers for c in make(SIZES[size], home)]
        samples: dict[str, list[Sample]] = {c.name: [] for c in contenders}
        for _ in range(repeat):
            for contender in contenders:
                samples[contender.name].append(contender.run())
    print(f"\n## {size}: {SIZES[size]}\n")
    print("| | states | wall s | cpu s | states/s wall | states/cpu s | bytes/state |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, found in samples.items():
        wall, cpu = median(s.wall_s for s in found), median(s.cpu_s for s in found)
        states = found[0].states
        memory = median(s.memory for s in found) / states
        print(
            f"| {name} | {states:,} | {wall:.2f} | {cpu:.2f} | {states / wall:,.0f} "
            f"| {states / cpu:,.0f} | {memory:.1f} |"
        )
    plain = {s.states for c in contenders if c.is_plain for s in samples[c.name]}
    if len(plain) != 1:
        print(f"\nthe plain searches disagree: {sorted(plain)}", file=sys.stderr)
    return len(plain) == 1


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=[*SIZES, "both"], default="small")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--without-peers", action="store_true")
    options = parser.parse_args()
    sizes = list(SIZES) if options.size == "both" else [options.size]
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    agreed = [measure(size, options.repeat, not options.without_peers) for size in sizes]
    return 0 if all(agreed) else 1


if __name__ == "__main__":
    raise SystemExit(main())
