"""The report of `zdcheck check` for people: a line for each check, counterexamples, a summary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, assert_never

from zdcheck.base.probability import at_most
from zdcheck.render.columns import Line, Style
from zdcheck.render.escape import printable
from zdcheck.trace.model import Trace
from zdcheck.trace.verdict import CheckReport, Holds, Inconclusive, SpecReport, Violated

ColorOption = Literal["auto", "always", "never"]

_SGR: Mapping[Style | Literal["good", "bad", "open"], str] = {
    "head": "1",
    "change": "36",
    "ledger": "33",
    "fault": "1;31",
    "note": "2",
    "good": "32",
    "bad": "1;31",
    "open": "33",
}


def use_color(option: ColorOption, is_terminal: bool, environ: Mapping[str, str]) -> bool:
    """Whether to colour; the option wins, then NO_COLOR, then CLICOLOR_FORCE, then the terminal."""
    if option != "auto":
        return option == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return is_terminal and environ.get("TERM") != "dumb"


def painted(text: str, style: Style | Literal["good", "bad", "open"], color: bool) -> str:
    """`text` in the style's colour; never the only carrier of a meaning."""
    code = _SGR.get(style)
    return f"\x1b[{code}m{text}\x1b[0m" if color and code and text else text


def lines_text(lines: Iterable[Line], color: bool) -> str:
    """Lines of a counterexample as one text."""
    return "".join(f"{painted(line.text, line.style, color)}\n" for line in lines)


def spec_head(path: str, color: bool) -> str:
    """The line above a spec's checks."""
    return painted(printable(path), "head", color)


def result_line(report: CheckReport, name_width: int, color: bool) -> str:
    """`ok    no recheck  violation wrong_page by gup, 9 steps  (801 states, depth 9, 0.2 s)`."""
    match report.verdict:
        case Inconclusive():
            word = painted("????", "open", color)
        case Holds() | Violated():
            good = report.surprise is None
            word = painted("ok  " if good else "FAIL", "good" if good else "bad", color)
        case _:
            assert_never(report.verdict)
    name = printable(report.check).ljust(name_width)
    remarks = "".join(f", {remark}" for remark in report.remarks if remark == "without progress")
    said = f"{_said(report)}{_reservation(report)}{remarks}"
    return f"  {word}  {name}  {said}  ({_figures(report)})".rstrip()


def _reservation(report: CheckReport) -> str:
    """A state that was taken for another makes a `holds` worth less; whoever reads one must know."""
    match report.verdict:
        case Holds(missed=missed) if missed > 0:
            return f", unless hashes collided (p < {at_most(missed)})"
        case _:
            return ""


def _said(report: CheckReport) -> str:
    match report.verdict:
        case Inconclusive(_, limit, note):
            why = "interrupted" if limit == "interrupt" else f"inconclusive: {limit} limit reached"
            return f"{why}, {printable(note)}" if note else f"{why}, expected {report.expected}"
        case Violated(_, trace):
            if report.surprise is not None:
                return f"{printable(report.surprise)}, {_steps(trace)}"
            assert trace.blame is not None
            by = f" by {trace.culprit}" if trace.culprit else ""
            return f"violation {trace.blame.violation}{printable(by)}, {_steps(trace)}"
        case Holds() as verdict:
            if report.surprise is not None:
                return printable(report.surprise)
            expected = report.expected
            if expected.violation is not None:
                return printable(str(expected))
            return f"holds, proved for {verdict.proved}" if verdict.proved else "holds"
        case _:
            assert_never(report.verdict)


def _steps(trace: Trace) -> str:
    return "1 step" if len(trace.steps) == 1 else f"{len(trace.steps)} steps"


def _figures(report: CheckReport) -> str:
    statistics = report.verdict.statistics
    if statistics.figures:
        return f"{statistics.figures}, {seconds(statistics.elapsed_s)}"
    states = f"{statistics.states:,} state{'' if statistics.states == 1 else 's'}"
    return f"{states}, depth {statistics.depth}, {seconds(statistics.elapsed_s)}"


def seconds(duration: float) -> str:
    """A duration as read: `0.2 s`, `3 min 20 s`."""
    if duration < 60:
        return f"{duration:.1f} s"
    return f"{int(duration) // 60} min {int(duration) % 60} s"


def statistics_lines(report: CheckReport) -> Sequence[str]:
    """The further figures of `--stats`."""
    statistics = report.verdict.statistics
    lines = [f"engine {report.engine}; {statistics.transitions:,} transitions"]
    if isinstance(report.verdict, Holds):
        fired, actions = report.verdict.actions
        reached, antecedents = report.verdict.antecedents
        lines.append(
            f"{fired}/{actions} actions fired; {reached}/{antecedents} antecedents reached"
        )
    lines += [f"{printable(name)}: {printable(value)}" for name, value in statistics.extra.items()]
    return [f"          {line}" for line in lines]


def summary(reports: Sequence[SpecReport], failed_specs: int) -> str:
    """The last line: how many checks, and how many of them were as expected."""
    checks = [check for report in reports for check in report.checks]
    open_ = [c for c in checks if isinstance(c.verdict, Inconclusive)]
    bad = [c for c in checks if c.surprise is not None]
    good = len(checks) - len(open_) - len(bad)
    parts = [f"{good} as expected"]
    if bad:
        parts.append(f"{len(bad)} unexpected")
    if open_:
        parts.append(f"{len(open_)} inconclusive")
    if dead := sum(len(report.dead) for report in reports):
        parts.append(f"{dead} dead statement{'' if dead == 1 else 's'}")
    if skipped := sum(len(report.skipped) for report in reports):
        parts.append(f"{skipped} not run")
    if failed_specs:
        parts.append(f"{failed_specs} spec{'' if failed_specs == 1 else 's'} with errors")
    files = f"{len(reports)} spec{'' if len(reports) == 1 else 's'}"
    return f"{len(checks)} check{'' if len(checks) == 1 else 's'} in {files}: {', '.join(parts)}"
