"""How long proofs and bounded model checking take on the shipped specs; writes bench/symbolic.md.

Each check runs in a process of its own. What was measured is kept in bench/symbolic.json, and a run of some specs
replaces their figures only. Times are CPU seconds of it and of what it starts (Z3, the explorer,
the C compiler), because other work on the machine changes those least.

    bench/symbolic.py [SPEC…] [--only proofs|layers] [--timeout 300] [--jobs 1]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from zdcheck.pipeline import load_spec

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "symbolic.json"
PAGE = ROOT / "bench" / "symbolic.md"
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
    if not report["checks"]:
        return Row(spec, check, "error", cpu, str(report["errors"]))
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
    parser.add_argument("--only", choices=["proofs", "layers"])
    options = parser.parse_args()
    paths = options.specs or sorted(
        str(p.relative_to(ROOT)) for p in (ROOT / "specs").rglob("*.zd")
    )
    fixed: list[tuple[str, str]] = []
    broken: list[tuple[str, str]] = []
    for path in paths:
        for check in load_spec(str(ROOT / path)).model.checks:
            (fixed if check.expect.violation is None else broken).append((path, check.name))

    with ThreadPoolExecutor(options.jobs) as pool:
        if options.only != "layers":
            for row in pool.map(lambda c: proved(*c, options.timeout), fixed):
                keep("proofs", row)
        if options.only != "proofs":
            for found in pool.map(lambda c: searched(*c, options.timeout), broken):
                if found is not None:
                    keep("layers", found)


def keep(part: str, row: Row) -> None:
    """Note a new row, and write the page: a run of everything takes hours."""
    print(f"{row.spec}: {row.check}: {row.verdict} {row.cpu_s:.1f} s, {row.note}", flush=True)
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"proofs": [], "layers": []}
    rows = [old for old in known[part] if (old["spec"], old["check"]) != (row.spec, row.check)]
    known[part] = sorted((*rows, asdict(row)), key=lambda r: (r["spec"], r["check"]))
    RESULTS.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(known), encoding="utf-8")


def page(known: dict[str, list[dict[str, object]]]) -> str:
    """The page with everything that was measured."""
    proofs = [Row(**row) for row in known["proofs"]]  # type: ignore[arg-type]
    layers = [Row(**row) for row in known["layers"]]  # type: ignore[arg-type]
    done = [row for row in proofs if row.verdict == "proved"]
    open_ = [row for row in proofs if row.verdict != "proved"]
    times = [row.cpu_s for row in done] or [0.0]
    lines = [
        "# The symbolic engines on the shipped specs",
        "",
        "Written by `bench/symbolic.py`. CPU seconds of a whole command, compiling the explorer for the sample",
        "included, on a machine that had other work to do.",
        "",
        "## Proofs",
        "",
        f"Checks that expect `holds`, at their own scope, any depth. {len(proofs)} were run: {len(done)} proved, "
        f"median {statistics.median(times):.1f} s, longest {max(times):.1f} s. What is not listed was not run.",
        "",
        *table(done),
        "",
    ]
    if open_:
        lines += ["Not proved:", "", *table(open_), ""]
    if layers:
        same = sum(row.verdict == "violated" for row in layers)
        lines += [
            "## Bounded model checking",
            "",
            f"Violations that explicit search finds within {DEEPEST} steps. {len(layers)} were run: {same} found, "
            "with the same id and as many steps.",
            "",
            *table(layers),
        ]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    main()
