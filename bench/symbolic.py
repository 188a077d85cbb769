"""How long proofs and bounded model checking take on the shipped specs; writes bench/symbolic.md.

Each check runs in a process of its own. Times are CPU seconds of it and of what it starts (Z3, the explorer,
the C compiler), because other work on the machine changes those least.

    bench/symbolic.py [SPEC…] [--timeout 300] [--jobs 1]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from zdcheck.pipeline import load_spec

ROOT = Path(__file__).parents[1]
DEEPEST = 12
"""Steps of the longest counterexample that bounded model checking must find."""


@dataclass(frozen=True)
class Row:
    """One run."""

    spec: str
    check: str
    verdict: str
    cpu_s: float
    note: str


def run(arguments: list[str], timeout_s: float) -> tuple[dict[str, object], float]:
    """A command's JSON report, and its CPU seconds."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        measured = (
            "import os, resource, subprocess, sys\n"
            "subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
            "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
            "open(sys.argv[1], 'w').write(str(used.ru_utime + used.ru_stime))\n"
        )
        cpu = Path(folder) / "cpu"
        subprocess.run(
            [
                *(sys.executable, "-c", measured, str(cpu)),
                *(sys.executable, "-m", "zdcheck", *arguments, "--json", str(report)),
            ],
            cwd=ROOT,
            timeout=timeout_s,
            check=True,
        )
        return json.loads(report.read_text()), float(cpu.read_text())


def proved(spec: str, check: str, timeout: int) -> Row:
    """One proof."""
    arguments = ["prove", spec, "--check", check, "--timeout", str(timeout)]
    report, cpu = run(arguments, 4 * timeout + 60)
    (found,) = report["checks"]
    extra = found["statistics"]["extra"]
    match found["verdict"]:
        case "proved":
            note = f"{len(found['facts']):,} facts; {extra['sample']}"
        case "violated":
            note = f"violation {found['violation']}"
        case _:
            missing = ", ".join(f"`{name}`" for name in found["missing"])
            note = f"{found['limit']} limit; missing about {missing}; {extra.get('sample', '')}"
    return Row(spec, check, found["verdict"], cpu, note)


def searched(spec: str, check: str, timeout: int) -> Row | None:
    """One violation, by explicit search and by layers; None if it is deeper than `DEEPEST`."""
    exact, _ = run(["check", spec, "--check", check, "--no-progress"], 4 * timeout + 60)
    (wanted,) = exact["specs"][0]["checks"]
    if wanted["verdict"] != "violated" or len(wanted["trace"]["steps"]) > DEEPEST:
        return None
    steps = len(wanted["trace"]["steps"])
    arguments = ["check", spec, "--check", check, "--engine", "bmc", "--timeout", str(timeout)]
    report, cpu = run([*arguments, "--no-progress"], 4 * timeout + 60)
    (found,) = report["specs"][0]["checks"]
    if found["verdict"] != "violated":
        return Row(spec, check, found["verdict"], cpu, f"explicit search: {steps} steps")
    same = found["violation"] == wanted["violation"] and len(found["trace"]["steps"]) == steps
    note = f"{found['violation']}, {steps} steps in {found['statistics']['depth']} layers"
    return Row(spec, check, "violated" if same else "differs", cpu, note)


def table(rows: list[Row]) -> list[str]:
    """Markdown."""
    lines = ["| spec | check | verdict | CPU s | |", "|---|---|---|---:|---|"]
    for row in rows:
        spec = row.spec.removeprefix("specs/").removesuffix(".zd")
        lines.append(f"| {spec} | {row.check} | {row.verdict} | {row.cpu_s:.1f} | {row.note} |")
    return lines


def main() -> None:
    """Run everything, write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("specs", nargs="*")
    parser.add_argument("--timeout", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    paths = options.specs or sorted(
        str(p.relative_to(ROOT)) for p in (ROOT / "specs").rglob("*.zd")
    )
    fixed: list[tuple[str, str]] = []
    broken: list[tuple[str, str]] = []
    for path in paths:
        for check in load_spec(str(ROOT / path)).model.checks:
            (fixed if check.expect.violation is None else broken).append((path, check.name))

    page = Page(options.timeout, [], [], len(fixed), len(broken))
    with ThreadPoolExecutor(options.jobs) as pool:
        for row in pool.map(lambda c: proved(*c, options.timeout), fixed):
            page.proofs.append(row)
            page.write(row)
        for found in pool.map(lambda c: searched(*c, options.timeout), broken):
            if found is not None:
                page.layers.append(found)
                page.write(found)


@dataclass
class Page:
    """What is known so far; it is written after each run, because all of them take hours."""

    timeout: int
    proofs: list[Row]
    layers: list[Row]
    fixed: int
    broken: int

    def write(self, row: Row) -> None:
        """The page with everything so far; `row` is new."""
        print(f"{row.spec}: {row.check}: {row.verdict} {row.cpu_s:.1f} s, {row.note}", flush=True)
        done = [row for row in self.proofs if row.verdict == "proved"]
        open_ = [row for row in self.proofs if row.verdict != "proved"]
        times = [row.cpu_s for row in done] or [0.0]
        load = os.getloadavg()[2]
        lines = [
            "# The symbolic engines on the shipped specs",
            "",
            "Written by `bench/symbolic.py`. CPU seconds of a whole command, compiling the explorer for the sample",
            f"included; limit {self.timeout} s of wall time each; load {load:.0f} on {os.cpu_count()} cores.",
            "",
            "## Proofs",
            "",
            "Checks that expect `holds`, at their own scope, any depth. Of "
            f"{self.fixed} such checks {len(self.proofs)} were run: {len(done)} proved, "
            f"median {statistics.median(times):.1f} s, longest {max(times):.1f} s.",
            "",
            *table(done),
            "",
        ]
        if open_:
            lines += ["Not proved:", "", *table(open_), ""]
        if self.layers:
            same = sum(row.verdict == "violated" for row in self.layers)
            lines += [
                "## Bounded model checking",
                "",
                f"Violations that explicit search finds within {DEEPEST} steps: {same} of {len(self.layers)} "
                "that were run found, each with the same id and as many steps.",
                "",
                *table(self.layers),
            ]
        text = "\n".join(lines).rstrip() + "\n"
        (ROOT / "bench" / "symbolic.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
