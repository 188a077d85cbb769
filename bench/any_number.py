"""How long proofs for any number of threads take on the shipped specs; writes bench/any_number.md.

Times are CPU seconds of the whole command, with the explicit search at the check's own scope and the C compiler.

    bench/any_number.py [TEXT] [--cpu 240]      only rows with TEXT in their spec or families; the others stay
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from symbolic import PATIENCE, run

from zdcheck.pipeline import load_spec

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "any_number.json"
PAGE = ROOT / "bench" / "any_number.md"

FAMILIES = [
    ("unplug/teardown", "walker"),
    ("unplug/mappings", "fault"),
    ("unplug/pins", "gup"),
    ("gup-fast/page_tables", "gup"),
    ("gup-fast/gup_truncate", "gup"),
    ("gup-fast/punch_hole", "gup"),
    ("hmm-walk/retry", "walk"),
    ("hmm-walk/pgmap", "walk"),
    ("hmm-walk/errors", "walk"),
    ("zone-device/folio_put", "gup"),
    ("zone-device/generic", "gup"),
    ("zone-device/fsdax", "gup"),
    ("zone-device/private", "pin"),
    ("tlb/zap", "gup"),
    ("longterm/fsdax", "gup"),
    ("p2pdma/mmap", "gup"),
    ("coherent/pin", "gup"),
    ("dax-huge/compound", "gup"),
    ("filemap-map/fault_around", "fault"),
    ("unplug/teardown", "walker,page"),
    ("unplug/mappings", "fault,page,pte"),
    ("unplug/pins", "gup,page,page_owner"),
    ("unplug/progress", "pte"),
    ("gup-fast/page_tables", "gup,page"),
    ("gup-fast/gup_truncate", "gup,page"),
    ("gup-fast/gup_truncate", "gup,page,pte"),
    ("gup-fast/punch_hole", "gup,page"),
    ("gup-fast/punch_hole", "gup,page,pte"),
    ("hmm-walk/errors", "walk,page"),
    ("fsdax-map/mappings", "page,pte"),
    ("fsdax-map/unplug", "page"),
    ("longterm/fsdax", "gup,page"),
    ("zone-device/fsdax", "gup,page"),
    ("zone-device/folio_put", "gup,page"),
    ("hand-off/owners", "page"),
    ("nouveau/svm", "page"),
    ("p2pdma/mmap", "page"),
    ("pagewalk/gup_split", "table"),
]
"""Specs with the families and kinds that are any number."""


def measured(spec: str, families: str, check: str, budget_s: float) -> list[str]:
    """One line of the table."""
    path = f"specs/{spec}.zd"
    arguments = ["prove", path, "--check", check, "--any", families, "--timeout", PATIENCE]
    report, cpu = run(arguments, budget_s)
    row = [spec, families, check]
    if not report["checks"]:
        return [*row, "refused", f"{cpu:.1f}", report["errors"][0]["message"].rpartition(": ")[2]]
    (found,) = report["checks"]
    extra = found["statistics"]["extra"]
    note = f"{extra.get('abstract system', '')}, {extra.get('rounds', '?')} rounds"
    if found["verdict"] == "inconclusive":
        stuck = found["stuck"] or {"goal": f"{found['limit']} limit", "code": ""}
        note = f"stops at {stuck['goal']}: `{stuck['code'][:60]}`"
    return [*row, found["verdict"], f"{cpu:.1f}", note]


def page(rows: list[list[str]]) -> str:
    """The whole page."""
    proved = [float(row[4]) for row in rows if row[3] == "proved"]
    lines = [
        "# Proofs for any number of threads and objects",
        "",
        "Written by `bench/any_number.py`: checks that expect `holds`, at their own scope of all else. CPU seconds of a whole",
        "command on a machine that had other work to do; programs that were compiled before come from a cache. What these proofs cover is in",
        "[docs/proofs-any-number.md](../docs/proofs-any-number.md); what is not listed was not run.",
        "",
        f"{len(rows)} were run, {len(proved)} proved; the longest proof took {max(proved, default=0):.1f} s.",
        "",
        "| spec | any number of | check | verdict | CPU s | |",
        "|---|---|---|---|---:|---|",
    ]
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in escaped)]) + "\n"


def main() -> None:
    """Measure, and write the page after each spec."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", nargs="?", default="")
    parser.add_argument("--cpu", type=float, default=240.0)
    chosen = parser.parse_args()
    known: dict[str, list[list[str]]] = {}
    if RESULTS.exists():
        known = json.loads(RESULTS.read_text("utf-8"))
    for spec, families in FAMILIES:
        if chosen.text not in f"{spec} {families}":
            continue
        checks = load_spec(str(ROOT / "specs" / f"{spec}.zd")).model.checks
        rows: list[list[str]] = []
        for check in checks:
            if check.expect.violation is None:
                rows.append(measured(spec, families, check.name, chosen.cpu))
                print(*rows[-1], sep=" | ", flush=True)
        known[f"{spec} {families}"] = rows
        RESULTS.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        rows = [row for name, any in FAMILIES for row in known.get(f"{name} {any}", [])]
        PAGE.write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
