"""How long proofs and bounded model checking take on the shipped specs; writes bench/symbolic.md.

Each check runs in a process of its own. What was measured is kept in bench/symbolic.json, and a run measures what
has no answer there yet (`--again`: everything that it is asked for). Times are CPU seconds of the command and of what it
starts (Z3, the explorer, the C compiler), because other work on the machine changes those least.

    bench/symbolic.py [SPEC…] [--only proofs|spacer|layers|broken|beyond] [--again] [--cpu 120] [--jobs 1]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from zdcheck.pipeline import load_spec

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "symbolic.json"
PAGE = ROOT / "bench" / "symbolic.md"
PATIENCE = "2h"
"""What commands are given by the clock: their CPU time is limited instead."""
OPEN = ("inconclusive", "error")
"""Verdicts that another run, on a quieter machine, may better."""
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


def run(arguments: list[str], budget_s: float) -> tuple[dict[str, Any], float]:
    """A command's JSON report, and its CPU seconds. It is interrupted when it has used so many."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "zdcheck", *arguments, "--json", str(report)]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, cwd=ROOT, stdout=quiet, stderr=quiet) as process:
            while True:
                used = cpu_seconds(process.pid)
                ended, _, usage = os.wait4(process.pid, os.WNOHANG)
                if ended:
                    process.returncode = 0
                    break
                if used > budget_s:
                    process.send_signal(signal.SIGINT)
                    budget_s = used + 30
                time.sleep(0.2)
        return json.loads(report.read_text()), usage.ru_utime + usage.ru_stime


def cpu_seconds(pid: int) -> float:
    """What a process has used so far, with its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def proved(spec: str, check: str, budget_s: float) -> Row:
    """One proof."""
    arguments = ["prove", spec, "--check", check, "--timeout", PATIENCE]
    report, cpu = run(arguments, budget_s)
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


def alone(spec: str, check: str, budget_s: float) -> Row:
    """One proof that only Spacer looks for, with the ledger and the properties to begin with."""
    arguments = ["prove", spec, "--check", check, "--engine", "spacer", "--timeout", PATIENCE]
    report, cpu = run(arguments, budget_s)
    (found,) = report["checks"]
    extra = found["statistics"]["extra"]
    return Row(spec, check, found["verdict"], cpu, extra.get("Spacer", f"not in {budget_s:.0f} s"))


def is_violated(spec: str, check: str, budget_s: float) -> int | None:
    """Steps of the shortest counterexample, by explicit search; None if there is none but to a progress property."""
    exact, _ = run(["check", spec, "--check", check, "--no-progress"], budget_s)
    (wanted,) = exact["specs"][0]["checks"]
    return len(wanted["trace"]["steps"]) if wanted["verdict"] == "violated" else None


def tried(spec: str, check: str, budget_s: float) -> Row:
    """The proof of a check that is violated: there must be none."""
    steps = is_violated(spec, check, budget_s)
    if steps is None:
        return Row(spec, check, "skipped", 0.0, "only a progress property is violated")
    row = proved(spec, check, budget_s)
    return replace(row, note=f"{row.note}; explicit search: {steps} steps")


def searched(spec: str, check: str, budget_s: float) -> Row:
    """One violation, by explicit search and by layers."""
    exact, _ = run(["check", spec, "--check", check, "--no-progress"], budget_s)
    (wanted,) = exact["specs"][0]["checks"]
    if wanted["verdict"] != "violated":
        return Row(spec, check, "skipped", 0.0, "only a progress property is violated")
    steps = len(wanted["trace"]["steps"])
    if steps > DEEPEST:
        return Row(spec, check, "skipped", 0.0, f"{steps} steps")
    arguments = ["check", spec, "--check", check, "--engine", "bmc", "--timeout", PATIENCE]
    report, cpu = run([*arguments, "--no-progress"], budget_s)
    (found,) = report["specs"][0]["checks"]
    if found["verdict"] != "violated":
        return Row(spec, check, found["verdict"], cpu, f"explicit search: {steps} steps")
    same = found["violation"] == wanted["violation"] and len(found["trace"]["steps"]) == steps
    note = f"{found['violation']}, {steps} steps in {found['statistics']['depth']} layers"
    return Row(spec, check, "violated" if same else "differs", cpu, note)


def beyond(spec: str, check: str, budget_s: float) -> Row:
    """One violation at a scope that explicit search with 4 GiB gives up; `check` ends with the scope."""
    name, _, scope = check.rpartition(" --scope ")
    sizes = [word for size in scope.split(",") for word in ("--scope", size)]
    common = ["check", spec, "--check", name, *sizes, "--no-progress", "--timeout", PATIENCE]
    few = ["--max-memory", "4GiB", "--workers", "1"]
    exact, exact_s = run([*common, "--engine", "explicit", *few], 10 * budget_s)
    (searched_,) = exact["specs"][0]["checks"]
    states, depth = searched_["statistics"]["states"], searched_["statistics"]["depth"]
    gave_up = searched_["verdict"] == "inconclusive" and searched_["limit"] == "memory"
    by = f"{states:,} states, depth {depth}, {exact_s:.1f} s"
    explicit = f"explicit search: {searched_['verdict']}, {by}"
    report, cpu = run([*common, "--engine", "bmc"], budget_s)
    (found,) = report["specs"][0]["checks"]
    verdict = found["verdict"]
    if verdict == "violated":
        steps, layers = len(found["trace"]["steps"]), found["statistics"]["depth"]
        explicit += f"; {found['violation']}, {steps} steps in {layers} layers"
    if not gave_up:
        verdict = "searched"
    return Row(spec, check, verdict, cpu, explicit)


def table(rows: list[Row]) -> list[str]:
    """Markdown."""
    lines = ["| spec | check | verdict | CPU s | |", "|---|---|---|---:|---|"]
    for row in rows:
        spec = row.spec.removeprefix("specs/").removesuffix(".zd")
        lines.append(f"| {spec} | {row.check} | {row.verdict} | {row.cpu_s:.1f} | {row.note} |")
    return lines


def main() -> None:
    """Run what is asked for, and write the page after each check."""
    parser = argparse.ArgumentParser()
    parser.add_argument("specs", nargs="*")
    parser.add_argument("--cpu", type=float, default=120.0, metavar="SECONDS")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", choices=[part.name for part in PARTS])
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    paths = options.specs or sorted(
        str(p.relative_to(ROOT)) for p in (ROOT / "specs").rglob("*.zd")
    )
    with ThreadPoolExecutor(options.jobs) as pool:
        for part in PARTS:
            if options.only not in (None, part.name):
                continue
            wanted = [one for path in paths for one in part.checks(path)]
            answered = [row for row in kept(part.name) if row.verdict not in OPEN]
            known = set() if options.again else {(row.spec, row.check) for row in answered}
            missing = [one for one in wanted if one not in known]
            measure = partial(measured, part, budget_s=options.cpu)
            for row in pool.map(measure, missing):
                keep(part.name, row)


@dataclass(frozen=True)
class Part:
    """One table: which checks of a spec are in it, and how a row is made."""

    name: str
    checks: Callable[[str], Iterable[tuple[str, str]]]
    measure: Callable[[str, str, float], Row]


def fixed(path: str) -> Iterator[tuple[str, str]]:
    """The checks of a spec that hold."""
    for check in load_spec(str(ROOT / path)).model.checks:
        if check.expect.violation is None:
            yield path, check.name


def broken(path: str) -> Iterator[tuple[str, str]]:
    """Its checks that are violated."""
    for check in load_spec(str(ROOT / path)).model.checks:
        if check.expect.violation is not None:
            yield path, check.name


def large(path: str) -> Iterator[tuple[str, str]]:
    """Its checks at a scope that is too large to search."""
    return ((spec, f"{check} --scope {scope}") for spec, check, scope in LARGE if spec == path)


LARGE = (
    ("specs/tlb/zap.zd", "no flush", "page=4,pte=4,user=6,cpu=6"),
    ("specs/tlb/zap.zd", "one CPU is forgotten", "page=4,pte=4,user=6,cpu=6"),
    ("specs/zone-device/fsdax.zd", "unplug, mapped, era = v5_18", "page=6,pte=6,fault=6"),
)
"""Scopes to be tried beyond explicit search; rows that it could search after all say so."""

PARTS = (
    Part("proofs", fixed, proved),
    Part("spacer", fixed, alone),
    Part("layers", broken, searched),
    Part("broken", broken, tried),
    Part("beyond", large, beyond),
)


def measured(part: Part, check: tuple[str, str], *, budget_s: float) -> Row:
    """One row; what stops the measuring of it is its verdict."""
    try:
        return part.measure(*check, budget_s)
    except (subprocess.SubprocessError, OSError, ValueError, KeyError, TypeError) as error:
        return Row(*check, "error", 0.0, f"{type(error).__name__}: {error}")


GIVEN = (
    "None of the proofs above needed Spacer, and no check is known that `specs/` has and only Spacer proves. Alone it gave",
    "no answer for `unplug/teardown` (U6; today's order) and `unplug/remap` within 60 to 140 s by the clock, on two cores with a",
    "load of 17, and none for today's order in 20 CPU s. Given a part of what induction had learned there, drawn at random, it",
    "found the rest: with all 85 facts 0.07 CPU s, with 78 of them 0.7 s, with 60 of them 4.7 s (the query alone; one run each).",
    "150 random systems, with their ledger and properties: an answer for 143 of them, and 11.6 CPU s for all.",
    "The figures in CPU s are of Z3's default for `spacer.keep_proxy`, which is off here by now.",
)
"""What was measured once, by hand."""


AT_MOST_S = 60
"""CPU seconds within which a proof should be there."""

WHEN = (
    "Most rows are older than what made these proofs two to four times as fast: facts that are guessed about a thread's own variables, facts",
    "about all locations of long functions, eight steps to a question, and a question that is read once and not after each new fact.",
    "Before and after, CPU s: p2pdma/mmap `map, pin, unmap, era = v6_17` more than 60 and 22; hypotheses/hmm_restore_start `only one page is",
    "pinned` 30 and 10. hypotheses/hmm_restore_clears 216 and 24, hmm_maps_failed_copy 71 and 9. Not all slow or open rows were measured again.",
)
WHY = (
    "Why not, as far as these were looked at: no kind of fact is missing; they were still learning when their time was up. Where there are",
    "thousands of actions (migration) most of the time goes into making terms, not into Z3: device_fault `6.1: a reference`, 2,766 actions,",
    "has its invariant of 1,337 facts by now after 29 CPU s, of which Z3 had 10; the second look, which makes the terms of each step anew,",
    "took more than 15 and had not ended. In p2pdma/mmap a good part of the facts is about the places of three threads at once, and each such fact",
    "takes a question of its own. dax-entry/lock, fsdax_busy_two_reads and the rows of zone-device/fsdax were not looked at.",
)


@cache
def wanted_proofs() -> frozenset[tuple[str, str]]:
    """Every check that is to be proved."""
    paths = (str(p.relative_to(ROOT)) for p in (ROOT / "specs").rglob("*.zd"))
    return frozenset(one for path in paths for one in fixed(path))


def document() -> dict[str, list[dict[str, Any]]]:
    """Everything that was measured, by part."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def kept(part: str) -> list[Row]:
    """What was measured for one table."""
    return [Row(**row) for row in document().get(part, [])]


def keep(part: str, row: Row) -> None:
    """Note a new row, and write the page: a run of everything takes hours."""
    print(f"{row.spec}: {row.check}: {row.verdict} {row.cpu_s:.1f} s, {row.note}", flush=True)
    known = document()
    rows = [old for old in kept(part) if (old.spec, old.check) != (row.spec, row.check)]
    ordered = sorted((*rows, row), key=lambda r: (r.spec, r.check))
    known[part] = [asdict(one) for one in ordered]
    RESULTS.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The page with everything that was measured."""
    proofs = kept("proofs")
    layers = [row for row in kept("layers") if row.verdict != "skipped"]
    tried_ = [row for row in kept("broken") if row.verdict != "skipped"]
    done = [row for row in proofs if row.verdict == "proved"]
    open_ = [row for row in proofs if row.verdict != "proved"]
    times = [row.cpu_s for row in done] or [0.0]
    slow = [row for row in done if row.cpu_s > AT_MOST_S]
    all_of_them = wanted_proofs()
    left = sorted(all_of_them - {(row.spec, row.check) for row in proofs})
    lines = [
        "# The symbolic engines on the shipped specs",
        "",
        "Written by `bench/symbolic.py`. CPU seconds of a whole command, compiling the explorer for the sample",
        "included, on a machine that had other work to do.",
        "",
        "## Proofs",
        "",
        f"Checks that expect `holds`, at their own scope, any depth: {len(all_of_them)}. {len(proofs)} were run: {len(done)} "
        f"proved, {len(done) - len(slow)} of them within {AT_MOST_S} s, median {statistics.median(times):.1f} s, "
        f"longest {max(times):.1f} s.",
        "",
        *WHEN,
        "",
        *table(done),
        "",
    ]
    if open_:
        lines += [
            "Not proved (`interrupt limit`: their CPU seconds were up):",
            "",
            *table(open_),
            "",
            *WHY,
            "",
        ]
    if left:
        lines += ["Not run:", ""]
        for spec in sorted({spec for spec, _ in left}):
            names = "; ".join(check for other, check in left if other == spec)
            lines.append(f"- {spec.removeprefix('specs/').removesuffix('.zd')}: {names}")
        lines.append("")
    if spacer := kept("spacer"):
        lines += [
            "## Spacer alone",
            "",
            "`--engine spacer`, which has the ledger and the properties and no other fact to begin with.",
            "",
            *table(spacer),
            "",
            *GIVEN,
            "",
        ]
    if layers:
        same = sum(row.verdict == "violated" for row in layers)
        lines += [
            "## Bounded model checking",
            "",
            f"Violations that explicit search finds within {DEEPEST} steps. {len(layers)} were run: {same} found, "
            "with the same id and as many steps.",
            "",
            *table(layers),
            "",
        ]
    if large_ := kept("beyond"):
        lines += [
            "## Beyond explicit search",
            "",
            "Violations at scopes that explicit search with 4 GiB, on one worker and with its reductions, gives up. `searched`: it did",
            "not need so much. Depths are steps in explicit search, and layers in bounded search.",
            "",
            *table(large_),
            "",
        ]
    if tried_:
        counts = Counter(row.verdict for row in tried_)
        lines += [
            "## Proofs of what is broken",
            "",
            f"Violated checks, given to `prove`. {len(tried_)} were run: "
            + ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
            + ". None may be proved.",
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    main()
