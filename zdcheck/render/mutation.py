"""What became of a spec's mutants, for people: a table for each check, a summary, the README's table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from zdcheck.render.escape import printable
from zdcheck.render.terminal import painted
from zdcheck.trace.mutation import MutantReport, MutationReport, Outcome

HEADING = "Mutants that survive"
"""The heading of the README's table."""

COLUMNS = ("spec", "in", "mistake", "why it survives")


def tables(report: MutationReport, *, every: bool, color: bool) -> Iterator[str]:
    """A block for each check; `every` lists the killed ones as well."""
    for baseline in report.baselines:
        name = printable(baseline.check)
        if baseline.trouble is not None:
            trouble = painted(printable(baseline.trouble), "bad", color)
            yield f"  {name}: not tried: {trouble}"
            continue
        outcomes = [
            (mutant, outcome)
            for mutant in report.mutants
            for outcome in mutant.outcomes
            if outcome.check == baseline.check
        ]
        yield f"  {name}: {_counts([outcome for _, outcome in outcomes])}"
        shown = {"survives", "inconclusive", *(("killed", "empty") if every else ())}
        rows = [
            (*_place(mutant, report.spec), *_said(report, mutant, outcome))
            for mutant, outcome in outcomes
            if outcome.result in shown
        ]
        if rows:
            yield _table(rows, color)


def _counts(outcomes: Sequence[Outcome]) -> str:
    found = Counter(outcome.result for outcome in outcomes)
    ids = Counter(o.violation for o in outcomes if o.result == "killed")
    each = ", ".join(f"{id} {count}" for id, count in ids.most_common())
    tried = len(outcomes) - found["unchanged"] - found["refused"] - found["skipped"]
    parts = [f"{found['killed']} killed ({each})" if each else "0 killed"]
    if found["empty"]:
        parts.append(f"{found['empty']} held vacuously")
    if found["inconclusive"]:
        parts.append(f"{found['inconclusive']} inconclusive")
    parts.append(f"{found['survives']} survived")
    return f"{tried} mutants: {', '.join(parts)}"


def _place(mutant: MutantReport, spec: str) -> tuple[str, str, str]:
    where = f":{mutant.line}" if mutant.path == spec else f"{mutant.path}:{mutant.line}"
    return printable(where), mutant.name.owner, printable(mutant.name.change)


_Style = Literal["good", "bad", "open"]


def _said(report: MutationReport, mutant: MutantReport, outcome: Outcome) -> tuple[str, _Style]:
    match outcome.result:
        case "survives" if not mutant.survives:
            other = next(iter(mutant.by("killed", "empty", "inconclusive")))
            return f"survives; {_elsewhere(other)} in `{printable(other.check)}`", "open"
        case "survives" if mutant.name in report.explained:
            return "survives, explained", "open"
        case "survives":
            return "SURVIVES", "bad"
        case "inconclusive":
            return f"inconclusive: {outcome.why}", "open"
        case _:
            return printable(outcome.why), "good"


def _elsewhere(outcome: Outcome) -> str:
    return "inconclusive" if outcome.result == "inconclusive" else "killed"


def _table(rows: Iterable[tuple[str, str, str, str, _Style]], color: bool) -> str:
    # rich takes long to import, and a spec without survivors has no table
    from io import StringIO

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("place", "in", "mistake", "outcome"):
        table.add_column(name, overflow="fold")
    styles: Mapping[_Style, str] = {"good": "green", "bad": "bold red", "open": "yellow"}
    for place, owner, change, said, style in rows:
        table.add_row(f"    {place}", Text(owner), Text(change), Text(said, styles[style]))
    stream = StringIO()
    console = Console(file=stream, width=160, color_system="standard" if color else None,
                      force_terminal=color)  # fmt: skip
    console.print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def summary(report: MutationReport) -> str:
    """The last lines of a spec: how many were tried, how many survive all checks."""
    survivors = [mutant for mutant in report.mutants if mutant.survives]
    explained = sum(mutant.name in report.explained for mutant in survivors)
    text = f"{len(report.mutants)} mutants: {len(survivors)} survived every check"
    if survivors:
        text += f", {explained} of them explained"
    apart = [
        (report.unchanged, "that change no check"),
        (report.same, "the same as another"),
        (report.ill_formed, "no correct spec"),
        (report.untried, "not tried"),
    ]
    left = ", ".join(f"{count} {what}" for count, what in apart if count)
    return text + (f"; left out: {left}" if left else "")


def outdated_lines(report: MutationReport) -> Iterator[str]:
    """Explanations of what is no survivor (any more)."""
    for name in report.outdated:
        yield f"  explained, but no survivor: {printable(str(name))}"


# --- the README's table -----------------------------------------------------------------


def markdown(reports: Iterable[MutationReport]) -> str:
    """The table of all survivors, with the explanations that there are; `?` for the others."""
    lines = [
        f"## {HEADING}",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{'---|' * len(COLUMNS)}",
    ]
    rows: dict[tuple[str, str, str], list[str]] = {}
    for report in reports:
        for mutant in report.mutants:
            if mutant.survives:
                name, why = mutant.name, report.explained.get(mutant.name, "?")
                rows.setdefault((name.spec, name.owner, why), []).append(_cell(name.change))
    for (spec, owner, why), changes in rows.items():
        lines.append(f"| {spec} | {owner} | {'<br>'.join(changes)} | {_cell(why)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
