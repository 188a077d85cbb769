"""`make mutants`: put each mistake of the sample into a copy of zdcheck, and see which test notices.

What came of each is kept in a file with a line of JSON for each, known by the whole text of the mutated file, so
that a second run goes on where the first one ended and repeats what has changed. The exit status is 1 if one
survived that `explained.toml` does not explain.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from tests.mutants.judge import court
from tests.mutants.mutant import Mutant
from tests.mutants.sample import REDUCING, judges_of, sample

HERE = Path(__file__).parent
RESULTS = HERE / "results.jsonl"
EXPLAINED = HERE / "explained.toml"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a mistake. `context` is the line that it is made in."""

    key: str
    file: str
    line: int
    kind: str
    context: str
    was: str
    now: str
    verdict: str
    by: str
    cpu_s: float


def results(path: Path = RESULTS) -> dict[str, Result]:
    """What is known, by key; what was found later counts."""
    if not path.exists():
        return {}
    lines = path.read_text("utf-8").splitlines()
    return {result.key: result for result in (Result(**json.loads(line)) for line in lines)}


def line_of(result: Result) -> str:
    """As it is kept."""
    return json.dumps(asdict(result)) + "\n"


def explanations(path: Path = EXPLAINED) -> dict[tuple[str, str, str], str]:
    """Why a survivor may survive, by file, line of the source and what stands there instead."""
    entries = tomllib.loads(path.read_text("utf-8"))["survivor"]
    return {(e["file"], e["context"], e["now"]): e["why"] for e in entries}


def table(found: dict[str, Result]) -> Iterator[str]:
    """Figures by part of the code, as Markdown."""
    yield "| | tried | caught by a test | by its time running out | survived |"
    yield "|---|---|---|---|---|"
    parts: dict[str, Counter[str]] = {}
    for result in found.values():
        parts.setdefault(_part(result.file), Counter())[result.verdict] += 1
    for part, count in [*sorted(parts.items()), ("all", sum(parts.values(), Counter()))]:
        verdicts = " | ".join(str(count[v]) for v in ("caught", "timeout", "survived"))
        yield f"| {part} | {count.total()} | {verdicts} |"


def _part(file: str) -> str:
    return f"`{Path(file).parent}`"


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--list", action="store_true", help="say what would be tried")
    parser.add_argument("--table", action="store_true", help="the figures of what was tried")
    parser.add_argument("--again", action="store_true", help="judge survivors again")
    parser.add_argument("--only", default="", help="files whose name has this in it")
    parser.add_argument("--leave", default=None, help="no files whose name has this in it")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin none later")
    parser.add_argument("--budget", type=float, default=40.0, help="CPU seconds of tests for one")
    parser.add_argument("--root", type=Path, default=None, help="where the copy and its costs stay")
    options = parser.parse_args()
    known = results()
    mutants = [
        mutant
        for mutant in sample()
        if options.only in mutant.file
        and (options.leave is None or options.leave not in mutant.file)
    ]
    if options.list:
        print(*mutants, sep="\n")
        return 0
    if options.table:
        print(*table({m.key: known[m.key] for m in mutants if m.key in known}), sep="\n")
        return 0
    todo = [
        mutant
        for mutant in mutants
        if mutant.key not in known or (options.again and known[mutant.key].verdict == "survived")
    ]
    try_all(todo, options)
    known = results()
    why = explanations()
    open_ = [
        r
        for m in mutants
        if (r := known.get(m.key)) is not None
        and r.verdict == "survived"
        and (r.file, r.context, r.now) not in why
    ]
    for result in open_:
        print(f"survived: {result.file}:{result.line}: {result.kind}: {result.context}")
    return 1 if open_ else 0


def try_all(mutants: list[Mutant], options: argparse.Namespace) -> None:
    """The most dangerous ones first; else in an order that mixes files and is the same for the same list."""
    Random(0).shuffle(mutants)
    mutants.sort(key=lambda mutant: mutant.file not in REDUCING)
    until = time.monotonic() + options.seconds
    with court(options.root) as place:
        place.prepare()
        for number, mutant in enumerate(mutants, 1):
            if time.monotonic() > until:
                return
            judgement = place.judge(mutant, judges_of(mutant.file), options.budget)
            result = Result(
                mutant.key,
                mutant.file,
                mutant.line,
                mutant.kind,
                mutant.context,
                mutant.was,
                mutant.now,
                **asdict(judgement),
            )
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(line_of(result))
            said = f"{judgement.verdict} {judgement.by} ({judgement.cpu_s} s)"
            print(f"{number}/{len(mutants)} {mutant}\n    {said}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
