"""The explorer's figures: speed beside C by hand, SPIN and rumur; memory; start-up; promises; every spec.

    python bench/run.py [gup] [unplug] [wide] [start] [progress] [specs] [--size small|large|both]
                        [--repeat N] [--without-peers] [--seconds N] [--only TEXT]

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
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from zdcheck.pipeline import load_spec

HERE = Path(__file__).parent
GUP = str(HERE / "gup" / "gup.zd")
WIDE = str(HERE / "wide" / "wide.zd")
TOPS = {"small": 143, "large": 310}
PADS = {8: 1, 16: 5, 24: 9, 32: 13}
"""By bytes of a packed state: how many pads make it that wide."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """One protocol, written by hand as `NAME/NAME.zd`, `.pml` and `.m`.

    `sizes` are numbers of objects and threads by kind, `macros` the kinds by their names in Promela
    and Murphi, `tables` SPIN's option for a table that is large enough.
    """

    name: str
    sizes: Mapping[str, Mapping[str, int]]
    macros: Mapping[str, str]
    tables: Mapping[str, str]

    def source(self, suffix: str) -> Path:
        """The protocol in one of the languages."""
        return HERE / self.name / f"{self.name}.{suffix}"

    def defines(self, size: str) -> list[str]:
        """The size as options of the preprocessor."""
        return [f"-D{macro}={self.sizes[size][kind]}" for macro, kind in self.macros.items()]


GUP_PROTOCOL = Protocol(
    "gup",
    {
        "small": {"gup": 3, "page": 2, "pte": 3, "unmapper": 2},
        "large": {"gup": 3, "page": 3, "pte": 3, "unmapper": 2},
    },
    {"GUPS": "gup", "PAGES": "page", "UNMAPPERS": "unmapper"},
    {"small": "-w22", "large": "-w25"},
)
UNPLUG_PROTOCOL = Protocol(
    "unplug",
    {"small": {"walker": 6}, "large": {"walker": 7}},
    {"WALKERS": "walker"},
    {"small": "-w19", "large": "-w22"},
)


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


def by_hand(protocol: Protocol, size: str, home: Path) -> list[Contender]:
    """The limit: C for this protocol alone, where there is such."""
    source = HERE / "limit" / f"{protocol.name}.c"
    if not source.exists():
        return []
    defines = [*protocol.defines(size), f"-DPTES={protocol.sizes[size]['pte']}"]
    shell("cc", "-O3", "-march=native", "-pthread", *defines, str(source), "-o", "limit", cwd=home)
    return [
        Contender(
            f"C by hand, {workers} thread{'s' * (workers > 1)}",
            True,
            partial(timed, ["./limit", str(workers)], home, r"states (\d+)"),
        )
        for workers in (1, 2)
    ]


def zdcheck_plain(protocol: Protocol, size: str, home: Path) -> list[Contender]:
    """The explorer without reductions; the process of the search alone is measured."""
    spec = str(protocol.source("zd"))
    return [
        Contender(
            f"zdcheck, plain, {workers} worker{'s' * (workers > 1)}",
            True,
            partial(plain, spec, workers, home, **protocol.sizes[size]),
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


def zdcheck_reduced(protocol: Protocol, size: str, home: Path) -> list[Contender]:
    """From the spec to the verdict, with nothing cached, then with everything cached."""
    # The peers answer one question too: the first check, which has the protocol's name.
    words = [str(protocol.source("zd")), "--check", protocol.name, "--no-progress"]
    words += scope_words(protocol.sizes[size])
    return [
        Contender("zdcheck, reduced, spec to verdict", False, lambda: uncached(home, *words)),
        Contender("zdcheck, the same from the cache", False, lambda: check(home / "cache", *words)),
    ]


def scope_words(size: Mapping[str, int]) -> list[str]:
    """The size as options of zdcheck."""
    return [word for kind, n in size.items() for word in ("--scope", f"{kind}={n}")]


def check(cache: Path, *arguments: str) -> Sample:
    """`zdcheck check`, from the prompt to its end."""
    command = [sys.executable, "-m", "zdcheck", "check", *arguments]
    return timed(command, HERE.parent, r"([\d,]+) states", ZDCHECK_CACHE_DIR=str(cache))


def uncached(home: Path, *arguments: str) -> Sample:
    """The same, the searched program not yet compiled; the runtime, the same for all specs, is."""
    for program in (home / "cache").glob("*.search"):
        program.unlink()
    return check(home / "cache", *arguments)


def spin(protocol: Protocol, size: str, home: Path) -> list[Contender]:
    """SPIN, exact: its fastest setting, and with its partial-order reduction."""
    if shutil.which("spin") is None:
        print("spin is not installed: left out", file=sys.stderr)
        return []
    contenders = []
    for name, options, is_plain in (
        ("SPIN -O3 -DSAFETY -DNOREDUCE", ["-DNOREDUCE"], True),
        ("SPIN -O3 -DSAFETY, partial order", [], False),
    ):
        program = "pan-plain" if is_plain else "pan-reduced"
        shell("spin", "-a", *protocol.defines(size), str(protocol.source("pml")), cwd=home)
        flags = ["-O3", "-DSAFETY", "-DMEMLIM=16000", *options]
        shell("cc", *flags, "pan.c", "-o", program, cwd=home)
        command = [f"./{program}", "-m30000000", protocol.tables[size]]
        contenders.append(
            Contender(
                name,
                is_plain,
                partial(timed, command, home, r"(\d+) states, stored"),
            )
        )
    return contenders


def rumur(protocol: Protocol, size: str, home: Path) -> list[Contender]:
    """rumur, plain on one thread, and with its symmetry from model to verdict."""
    if shutil.which("rumur") is None:
        print("rumur is not installed: left out", file=sys.stderr)
        return []
    text = protocol.source("m").read_text(encoding="utf-8")
    for constant, kind in protocol.macros.items():
        text = re.sub(rf"\b{constant}: \d+", f"{constant}: {protocol.sizes[size][kind]}", text)
    (home / "model.m").write_text(text, encoding="utf-8")

    def build(symmetry: str) -> str:
        program = f"rumur-{symmetry}"
        shell(
            "rumur", "--symmetry-reduction", symmetry, "--deadlock-detection", "off",
            "--output", f"{program}.c", "model.m", cwd=home,
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


def measure_protocol(protocol: Protocol, size: str, repeat: int, peers: bool) -> bool:
    """Print the table for one size; False if the numbers of states disagree."""
    with tempfile.TemporaryDirectory(prefix="zdcheck-bench-") as directory:
        home = Path(directory)
        makers = [by_hand, zdcheck_plain, zdcheck_reduced, *((spin, rumur) if peers else ())]
        contenders = [c for make in makers for c in make(protocol, size, home)]
        samples = {name: middle(found) for name, found in rounds(contenders, repeat).items()}
    ours = samples["zdcheck, plain, 1 worker"]
    print(f"\n## {protocol.name}, {size}: {protocol.sizes[size]}; {load()}\n")
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


# --- promises ---------------------------------------------------------------------------


def measure_progress(size: str, repeat: int, peers: bool) -> bool:
    """Print what a promise costs, whole commands, beside SPIN's search for acceptance cycles."""
    protocol = UNPLUG_PROTOCOL
    words = [str(protocol.source("zd")), "--check", "unplug", *scope_words(protocol.sizes[size])]
    with tempfile.TemporaryDirectory(prefix="zdcheck-bench-") as directory:
        home = Path(directory)
        cache = home / "cache"
        contenders = [
            Contender(
                "zdcheck, the promise left out",
                False,
                # With a promise there is no symmetry.
                lambda: check(cache, *words, "--no-progress", "--without", "symmetry"),
            ),
            Contender("zdcheck", False, lambda: check(cache, *words)),
        ]
        if peers and shutil.which("spin") is not None:
            shell("spin", "-a", *protocol.defines(size), "-DPROMISE",
                  str(protocol.source("pml")), cwd=home)  # fmt: skip
            for program, flags in (("safe", ["-DSAFETY", "-DNOCLAIM"]), ("fair", ["-DNFAIR=4"])):
                shell("cc", "-O3", "-DMEMLIM=16000", *flags, "pan.c", "-o", program, cwd=home)
            run = ["-m30000000", protocol.tables[size]]
            stored = r"errors: 0\s+(\d+) states, stored"
            contenders += [
                Contender(
                    "SPIN, the promise left out",
                    False,
                    lambda: timed(["./safe", *run], home, stored),
                ),
                Contender(
                    "SPIN, `pan -a -f`",
                    False,
                    lambda: timed(["./fair", "-a", "-f", *run], home, stored),
                ),
            ]
        for contender in contenders[:2]:
            contender.run()  # into the cache
        samples = [middle(found) for found in rounds(contenders, repeat).values()]
    print(f"\n## promises, {size}: unplug, {protocol.sizes[size]}; {load()}\n")
    print("| | states | wall s | cpu s |")
    print("|---|---:|---:|---:|")
    for contender, s in zip(contenders, samples, strict=True):
        print(f"| {contender.name} | {s.states:,} | {s.wall_s:.2f} | {s.cpu_s:.2f} |")
    return True


# --- every spec -------------------------------------------------------------------------


class Unable(Exception):
    """Why a peer has no figure for a spec, in a word or two."""


class TooSlow(Exception):
    """A step of a peer was ended: its time was up."""


def spent() -> float:
    """Seconds of CPU of all programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def step(seconds: int, *command: str, cwd: Path) -> str:
    """What a step of a peer prints, on either stream; its status does not matter. Raises Unable, TooSlow.

    Each of its processes may use so many seconds of CPU.
    """
    before = spent()
    done = subprocess.run(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds)),
    )  # fmt: skip
    # The kernel ends a process by its own count of CPU time, and a compiler whose part was ended says so.
    ended = done.returncode == -signal.SIGKILL or "Killed signal" in done.stdout
    if ended or spent() - before >= 0.95 * seconds:
        raise TooSlow
    if done.returncode < 0:
        raise Unable(f"signal {-done.returncode}")
    return done.stdout


def judged(judge: str, home: Path, seconds: int) -> None:
    """A peer, from what `zdcheck export` wrote to its verdict. Raises Unable, TooSlow.

    No process of its may use more seconds of CPU.
    """
    if judge == "rumur":
        step(
            seconds,
            "rumur",
            "--symmetry-reduction",
            "heuristic",
            "--output",
            "r.c",
            "x.m",
            cwd=home,
        )
        flags = ["-O3", "-march=native", "-mcx16", "-w"]
        step(seconds, "cc", *flags, "r.c", "-o", "r", "-pthread", "-latomic", cwd=home)
        program, pattern = ["./r"], r"(\d+) states,"
    else:
        step(seconds, "spin", "-a", "x.pml", cwd=home)
        flags = ["-O2", "-w", "-DSAFETY", "-DMEMLIM=8000", "-DVECTORSZ=4096"]
        step(seconds, "cc", *flags, "pan.c", "-o", "pan", cwd=home)
        program, pattern = ["./pan", "-m10000000", "-w22"], r"(\d+) states, stored"
    if not (home / program[0]).exists():
        raise Unable("not compiled")
    text = step(seconds, *program, cwd=home)
    if re.search(pattern, text) is None:
        raise Unable("no verdict")
    if "too small" in text or "out of memory" in text or "MEMLIM" in text:
        raise Unable("memory")


def exported(spec: str, check: str, home: Path) -> None:
    """Write the check as the peers read it, x.m and x.pml; raises Unable."""
    for language, name in (("murphi", "x.m"), ("promela", "x.pml")):
        command = [sys.executable, "-m", "zdcheck", "export", spec, "--check", check]
        done = subprocess.run(
            [*command, "--to", language, "-o", str(home / name)],
            cwd=HERE.parent, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise Unable("no export")


def measure_specs(repeat: int, seconds: int, only: str) -> bool:
    """Print seconds of CPU from text to verdict for the first check of each shipped spec."""
    print(f"\n## every spec, first check, text to verdict, seconds of CPU; {load()}\n")
    print("| spec | states | zdcheck | compiled before | rumur | SPIN | best peer, zdcheck = 1 |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    faster = slower = unknown = 0
    for path in sorted((HERE.parent / "specs").rglob("*.zd")):
        spec = str(path.relative_to(HERE.parent))
        if only not in spec:
            continue
        checks = load_spec(str(path)).model.checks
        name = checks[0].name
        with tempfile.TemporaryDirectory(prefix="zdcheck-bench-") as directory:
            home = Path(directory)
            words = (spec, "--check", name, "--no-progress")
            # The first run also compiles the runtime for this width of a state.
            check(home / "cache", *words)
            fresh = middle([uncached(home, *words) for _ in range(repeat)])
            warm = middle([check(home / "cache", *words) for _ in range(repeat)])
            ended: list[float] = []
            least: list[float] = []
            cells = []
            for judge in ("rumur", "spin"):
                try:
                    exported(spec, name, home)
                    before = spent()
                    judged(judge, home, seconds)
                    ended.append(spent() - before)
                    cells.append(f"{ended[-1]:.2f}")
                except TooSlow:
                    least.append(spent() - before)
                    cells.append(f"> {least[-1]:.0f}")
                except Unable as why:
                    cells.append(str(why))
        best = min((*ended, *least), default=None)
        ratio = "" if best is None else f"{best / fresh.cpu_s:.1f}"
        if best is not None and best >= fresh.cpu_s:
            faster += 1
        elif ended and min(ended) < fresh.cpu_s:
            slower += 1
        else:
            unknown += 1
        print(
            f"| {spec.removeprefix('specs/').removesuffix('.zd')} | {fresh.states:,} "
            f"| {fresh.cpu_s:.2f} | {warm.cpu_s:.2f} | {' | '.join(cells)} | {ratio} |",
            flush=True,
        )
    print(f"\nzdcheck is faster {faster} times and slower {slower} times; "
          f"{unknown} times no peer came to its end, nor used more than zdcheck.")  # fmt: skip
    return True


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    known = ["gup", "unplug", "wide", "start", "progress", "specs"]
    parser.add_argument("what", nargs="*", choices=[*known, []])
    parser.add_argument("--size", choices=[*TOPS, "both"], default="small")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument(
        "--seconds",
        type=int,
        default=60,
        help="of CPU for each process of a peer on a shipped spec",
    )
    parser.add_argument("--only", default="", help="shipped specs with this in their path")
    options = parser.parse_args()
    what = options.what or ["gup", "unplug", "wide", "start", "progress"]
    sizes = list(TOPS) if options.size == "both" else [options.size]
    right = True
    if "start" in what:
        right &= measure_start(options.repeat)
    for size in sizes:
        for protocol in (GUP_PROTOCOL, UNPLUG_PROTOCOL):
            if protocol.name in what:
                right &= measure_protocol(protocol, size, options.repeat, not options.without_peers)
        if "wide" in what:
            right &= measure_wide(size, options.repeat)
        if "progress" in what:
            right &= measure_progress(size, options.repeat, not options.without_peers)
    if "specs" in what:
        right &= measure_specs(options.repeat, options.seconds, options.only)
    return 0 if right else 1


if __name__ == "__main__":
    raise SystemExit(main())
