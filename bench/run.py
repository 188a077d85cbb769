"""The explorer's figures: speed beside C by hand, SPIN and rumur; memory; start-up; every spec.

    python bench/run.py [gup] [wide] [start] [specs] [--size small|large|both] [--repeat N]
                        [--without-peers]

Each round runs every program once, so that a busy machine is busy for all of them; figures are
medians over the rounds. `wall` is what a clock says, `cpu` the user and system time of the search
by all its threads, which depends less on what else the machine does. Where reductions are off, all must find the same number of states,
else this ends with status 1. What is not installed is left out and said so.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
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
GUP = str(HERE / "gup" / "gup.zd")
WIDE = str(HERE / "wide" / "wide.zd")
TOPS = {"small": 143, "large": 310}
PADS = {8: 1, 16: 5, 24: 9, 32: 13}
"""By bytes of a packed state: how many pads make it that wide."""

SPEC_SECONDS = 60
"""How long a peer may take for one of the shipped specs."""


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


def with_children(sample: Callable[[], Sample]) -> Sample:
    """A sample of several processes one after the other: the time of them all."""
    wall, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    last = sample()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Sample(last.states, time.monotonic() - wall, cpu, last.memory)


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
            partial(plain, GUP, workers, home, **size),
        )
        for workers in (1, 2)
    ]


def plain(spec: str, workers: int, home: Path, **numbers: int) -> Sample:
    """A search without reductions; `numbers` is as plain.py wants it."""
    command = [sys.executable, str(HERE / "plain.py"), spec, str(workers)]
    command += [f"{name}={n}" for name, n in numbers.items()]
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
    return [
        Contender("zdcheck, reduced, spec to verdict", False, lambda: uncached(home, GUP, *scope)),
        Contender(
            "zdcheck, the same from the cache", False, lambda: check(home / "cache", GUP, *scope)
        ),
    ]


def check(cache: Path, *arguments: str) -> Sample:
    """`zdcheck check`, from the prompt to its end."""
    command = [sys.executable, "-m", "zdcheck", "check", *arguments]
    return timed(command, HERE.parent, r"([\d,]+) states", ZDCHECK_CACHE_DIR=str(cache))


def uncached(home: Path, *arguments: str) -> Sample:
    """The same, the searched program not yet compiled; the runtime, the same for all specs, is."""
    for program in (home / "cache").glob("*.search"):
        program.unlink()
    return check(home / "cache", *arguments)


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
        return timed([f"./{build('heuristic')}"], home, pattern)

    return [
        Contender(
            "rumur -O3, plain, 1 thread",
            True,
            lambda: timed([f"./{plain}", "--threads", "1"], home, pattern),
        ),
        Contender("rumur -O3, symmetry, model to verdict", False, lambda: with_children(reduced)),
    ]


# --- rounds -----------------------------------------------------------------------------


def rounds(contenders: Sequence[Contender], repeat: int) -> dict[str, list[Sample]]:
    """Every contender once, and so on."""
    samples: dict[str, list[Sample]] = {c.name: [] for c in contenders}
    for _ in range(repeat):
        for contender in contenders:
            samples[contender.name].append(contender.run())
    return samples


def middle(samples: Sequence[Sample]) -> Sample:
    """The median of each figure."""
    return Sample(
        samples[0].states,
        median(s.wall_s for s in samples),
        median(s.cpu_s for s in samples),
        int(median(s.memory for s in samples)),
    )


def load() -> str:
    """How busy the machine is."""
    return f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"


def measure_gup(size: str, repeat: int, peers: bool) -> bool:
    """Print the table for one size; False if the numbers of states disagree."""
    with tempfile.TemporaryDirectory(prefix="zdcheck-bench-") as directory:
        home = Path(directory)
        makers = [by_hand, zdcheck_plain, zdcheck_reduced, *((spin, rumur) if peers else ())]
        contenders = [c for make in makers for c in make(SIZES[size], home)]
        samples = {name: middle(found) for name, found in rounds(contenders, repeat).items()}
    ours = samples["zdcheck, plain, 1 worker"]
    print(f"\n## gup, {size}: {SIZES[size]}; {load()}\n")
    print("| | states | wall s | cpu s | states/s | states/cpu s | bytes/state | zdcheck is |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    plain_states = set()
    for contender in contenders:
        s = samples[contender.name]
        ratio = f"{s.cpu_s / ours.cpu_s:.2f} x" if contender.is_plain else ""
        print(
            f"| {contender.name} | {s.states:,} | {s.wall_s:.2f} | {s.cpu_s:.2f} "
            f"| {s.states / s.wall_s:,.0f} | {s.states / s.cpu_s:,.0f} "
            f"| {s.memory / s.states:.1f} | {ratio} |"
        )
        if contender.is_plain:
            plain_states.add(s.states)
    if len(plain_states) != 1:
        print(f"\nthe plain searches disagree: {sorted(plain_states)}", file=sys.stderr)
    return len(plain_states) == 1


def measure_wide(size: str, repeat: int) -> bool:
    """Print resident bytes per state for states of one to four words; False if it misses a state."""
    print(f"\n## wide, {size}; {load()}\n")
    print("| state | states | bytes/state, 1 worker | 2 workers | at most | cpu s |")
    print("|---:|---:|---:|---:|---:|---:|")
    states = (TOPS[size] + 1) ** 3
    right = True
    with tempfile.TemporaryDirectory(prefix="zdcheck-bench-") as directory:
        for width, pads in PADS.items():
            contenders = [
                Contender(
                    str(workers),
                    True,
                    partial(
                        plain, WIDE, workers, Path(directory), pad=pads, **{"set:top": TOPS[size]}
                    ),
                )
                for workers in (1, 2)
            ]
            one, two = (middle(found) for found in rounds(contenders, repeat).values())
            right = right and one.states == two.states == states
            print(
                f"| {width} | {states:,} | {one.memory / states:.1f} | {two.memory / states:.1f} "
                f"| {2 * width + 16} | {one.cpu_s:.2f} |"
            )
    return right


def measure_start(repeat: int) -> bool:
    """Print how long small checks take from the prompt."""
    small = str(HERE.parent / "docs" / "tutorial" / "first-spec-1.zd")
    broken = [GUP, "--check", "unplug does not wait"]
    with tempfile.TemporaryDirectory(prefix="zdcheck-bench-") as directory:
        home = Path(directory)
        contenders = [
            Contender("a small spec, cached", False, lambda: check(home / "cache", small)),
            Contender("the same, compiled", False, lambda: uncached(home, small)),
            Contender(
                "a violation in gup.zd, cached", False, lambda: check(home / "cache", *broken)
            ),
            Contender("the same, compiled", False, lambda: uncached(home, *broken)),
        ]
        check(home / "cache", small)
        check(home / "cache", *broken)
        found = [middle([c.run() for _ in range(repeat)]) for c in contenders]
    print(f"\n## start-up; {load()}\n")
    print("| | states | wall s | cpu s |")
    print("|---|---:|---:|---:|")
    for contender, s in zip(contenders, found, strict=True):
        print(f"| {contender.name} | {s.states:,} | {s.wall_s:.2f} | {s.cpu_s:.2f} |")
    return True


# --- every spec -------------------------------------------------------------------------


def judged(spec: str, judge: str, home: Path) -> Sample:
    """A peer on what `zdcheck export` makes of a spec's first check, from that text to its verdict."""
    language, name = {"rumur": ("murphi", "x.m"), "spin": ("promela", "x.pml")}[judge]
    shell(
        sys.executable, "-m", "zdcheck", "export", spec, "--to", language, "-o", str(home / name),
        cwd=HERE.parent,
    )  # fmt: skip
    limit = ("timeout", str(SPEC_SECONDS))

    def run() -> Sample:
        if judge == "rumur":
            shell(*limit, "rumur", "--output", "rumur.c", name, cwd=home)
            shell(
                *limit, "cc", "-O3", "-march=native", "-mcx16", "rumur.c", "-o", "rumur",
                "-pthread", "-latomic", cwd=home,
            )  # fmt: skip
            return timed([*limit, "./rumur"], home, r"(\d+) states,")
        shell(*limit, "spin", "-a", name, cwd=home)
        shell(*limit, "cc", "-O2", "-DSAFETY", "-DMEMLIM=8000", "pan.c", "-o", "pan", cwd=home)
        return timed([*limit, "./pan", "-m1000000"], home, r"(\d+) states, stored")

    return with_children(run)


def measure_specs(repeat: int) -> bool:
    """Print seconds of CPU from text to verdict for the first check of each shipped spec."""
    print(f"\n## every spec, first check, text to verdict, seconds of CPU; {load()}\n")
    print("| spec | zdcheck | rumur | SPIN |")
    print("|---|---:|---:|---:|")
    for path in sorted((HERE.parent / "specs").rglob("*.zd")):
        spec = str(path.relative_to(HERE.parent))
        row = []
        with tempfile.TemporaryDirectory(prefix="zdcheck-bench-") as directory:
            home = Path(directory)
            try:
                text = subprocess.run(
                    [sys.executable, "-m", "zdcheck", "show", spec, "--ast"],
                    cwd=HERE.parent, capture_output=True, text=True, check=True,
                )  # fmt: skip
                first = re.search(r"""CheckItem\(name=(['"])(.*?)\1\)""", text.stdout)
                name = ("--check", first[2]) if first else ()
                ours = [uncached(home, spec, *name, "--no-progress") for _ in range(repeat)]
                row.append(f"{median(s.cpu_s for s in ours):.2f}")
            except (SystemExit, subprocess.CalledProcessError):
                row.append("-")
            for judge in ("rumur", "spin"):
                try:
                    row.append(f"{judged(spec, judge, home).cpu_s:.2f}")
                except SystemExit:
                    row.append("-")
        print(f"| {spec} | {' | '.join(row)} |", flush=True)
    return True


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", choices=["gup", "wide", "start", "specs", []])
    parser.add_argument("--size", choices=[*SIZES, "both"], default="small")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--without-peers", action="store_true")
    options = parser.parse_args()
    what = options.what or ["gup", "wide", "start"]
    sizes = list(SIZES) if options.size == "both" else [options.size]
    right = True
    if "start" in what:
        right &= measure_start(options.repeat)
    for size in sizes:
        if "gup" in what:
            right &= measure_gup(size, options.repeat, not options.without_peers)
        if "wide" in what:
            right &= measure_wide(size, options.repeat)
    if "specs" in what:
        right &= measure_specs(options.repeat)
    return 0 if right else 1


if __name__ == "__main__":
    raise SystemExit(main())
