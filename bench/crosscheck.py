"""What rumur and SPIN say of every check of the shipped specs; writes bench/crosscheck.md.

What was asked is kept in bench/crosscheck.json; a run asks what has no answer there yet (`--again`: everything that it is
asked for). Times are CPU seconds of zdcheck, the judge, and the compilers between them.

    bench/crosscheck.py [SPEC…] [--judge spin] [--judge rumur] [--timeout 300] [--again] [--page]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from zdcheck.base.diagnostics import ZdcheckError
from zdcheck.crosscheck import Crosschecked, crosscheck
from zdcheck.engines.protocol import Limits
from zdcheck.export.outside import JUDGES, Judge
from zdcheck.pipeline import Options, load_spec

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "crosscheck.json"
PAGE = ROOT / "bench" / "crosscheck.md"
MEMORY = 8 << 30


@dataclass(frozen=True)
class Row:
    """What a judge said of a spec. `agreed` is about checks, `promises` about progress properties of them.

    `states` are those of the largest check that holds. `open` says of questions without an answer why there is none.
    """

    spec: str
    judge: str
    agreed: int = 0
    violated: int = 0
    promises: int = 0
    states: int = 0
    open: tuple[str, ...] = ()
    differ: tuple[str, ...] = ()
    cpu_s: float = 0.0
    commit: str = ""

    def with_answer(self, found: Crosschecked) -> Row:
        """With one more question."""
        about = found.check if found.promise is None else f"{found.check}, {found.promise}"
        if found.differences:
            return replace(self, differ=(*self.differ, f"{about}: {'; '.join(found.differences)}"))
        for judgement in found.judgements:
            if judgement.verdict == "gave-up":
                return self.without_answer(f"{about}: {judgement.note}")
        if found.ours.verdict == "gave-up":
            return self.without_answer(f"{about}: zdcheck gave up")
        if found.promise is not None:
            return replace(self, promises=self.promises + 1)
        return replace(
            self,
            agreed=self.agreed + 1,
            violated=self.violated + (found.ours.verdict == "violated"),
            states=max(self.states, found.ours.states or 0),
        )

    def without_answer(self, why: str) -> Row:
        """With a question that has none."""
        return replace(self, open=(*self.open, why))


def asked(spec: str, judge: Judge, timeout_s: float, commit: str) -> Row:
    """Every check of a spec."""
    before = _cpu_s()
    row = Row(spec, judge, commit=commit)
    loaded = load_spec(str(ROOT / spec))
    options = Options(limits=Limits(None, MEMORY, timeout_s, 2), progress=judge == "spin")
    for check in loaded.model.checks:
        try:
            for found in crosscheck(loaded, check, options, (judge,), timeout_s, MEMORY):
                row = row.with_answer(found)
        except ZdcheckError as error:
            row = row.without_answer(f"{check.name}: {error}")
    return replace(row, cpu_s=round(_cpu_s() - before, 1))


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def known() -> dict[tuple[str, str], Row]:
    """What was asked before."""
    if not RESULTS.exists():
        return {}
    rows = (
        Row(**{**row, "open": tuple(row["open"]), "differ": tuple(row["differ"])})
        for row in json.loads(RESULTS.read_text("utf-8"))
    )
    return {(row.spec, row.judge): row for row in rows}


def keep(rows: dict[tuple[str, str], Row]) -> None:
    """Write both files."""
    ordered = [asdict(rows[key]) for key in sorted(rows)]
    RESULTS.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(rows), encoding="utf-8")


def specs() -> list[str]:
    """All shipped specs."""
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / "specs").glob("*/*.zd"))


def page(rows: dict[tuple[str, str], Row]) -> str:
    """The tables."""
    all_specs = specs()
    lines = [
        "# What other checkers say of the shipped specs",
        "",
        "`python bench/crosscheck.py` asks, and makes this page of [crosscheck.json](crosscheck.json). Reductions are off, so states must be",
        "as many. *Agreed* counts checks: the verdict, and where it holds the number of states; *promises* are progress properties, each a",
        "question of its own; *states* are those of the largest check that holds; CPU seconds are those of zdcheck, the judge and the",
        "compilers. A dash: not asked.",
        "",
    ]
    for judge in reversed(JUDGES):
        mine = [row for (spec, by), row in rows.items() if by == judge and spec in all_specs]
        lines.append(
            f"**{'SPIN' if judge == 'spin' else judge}**: {len(mine)} of {len(all_specs)} specs, "
            f"{sum(row.agreed for row in mine):,} checks agreed ({sum(row.violated for row in mine)} of them violated), "
            f"{sum(row.promises for row in mine)} promises, {sum(len(row.open) for row in mine)} questions without an answer, "
            f"**{sum(len(row.differ) for row in mine)} differences**; {sum(row.cpu_s for row in mine):,.0f} CPU s.\n"
        )
    lines += [
        "| spec | SPIN: agreed | promises | open | states | CPU s | rumur: agreed | open | states | CPU s |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for spec in all_specs:
        cells = [spec.removeprefix("specs/").removesuffix(".zd")]
        for judge in reversed(JUDGES):
            row = rows.get((spec, judge))
            if row is None:
                cells += ["–"] * (5 if judge == "spin" else 4)
                continue
            promises = [str(row.promises)] if judge == "spin" else []
            cells += [str(row.agreed), *promises, str(len(row.open))]
            cells += [f"{row.states:,}", f"{row.cpu_s:,.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    for title, field in (("Without an answer", "open"), ("Differences", "differ")):
        said = [
            f"- {row.spec.removeprefix('specs/')}, {row.judge}, {words}"
            for row in (rows[key] for key in sorted(rows))
            for words in getattr(row, field)
        ]
        if said:
            lines += ["", f"## {title}", "", *said]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Ask; 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("specs", nargs="*")
    parser.add_argument("--judge", choices=JUDGES, action="append")
    parser.add_argument("--timeout", type=float, default=300.0)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--page", action="store_true", help="only make the page")
    options = parser.parse_args()
    rows = known()
    commit = subprocess.run(
        ["git", "describe", "--always"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    for spec in [] if options.page else options.specs or specs():
        for judge in options.judge or JUDGES:
            if (spec, judge) not in rows or options.again:
                rows[spec, judge] = asked(spec, judge, options.timeout, commit)
                keep(rows)
                print(rows[spec, judge], flush=True)
    keep(rows)
    return 1 if any(row.differ for row in rows.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
