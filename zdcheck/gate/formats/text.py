"""The log of a gate: what a person reads in CI, with the columns picture of whatever is red."""

from __future__ import annotations

from collections.abc import Iterator

from zdcheck.gate.outcome import Change, CheckOutcome, GateOutcome, SpecOutcome
from zdcheck.render.columns import columns
from zdcheck.render.escape import inert, printable
from zdcheck.render.terminal import lines_text, painted, seconds


def dumps(outcome: GateOutcome) -> str:
    """The whole log without colour."""
    parts = [spec_text(spec, False) for spec in outcome.specs]
    return "".join(parts) + end_text(outcome, False)


def spec_text(spec: SpecOutcome, color: bool) -> str:
    """One spec: a line if all is well, else a line for each check that is not, with its picture."""
    return _log("\n".join(_spec_lines(spec, color)))


def _spec_lines(spec: SpecOutcome, color: bool) -> Iterator[str]:
    good = [check for check in spec.checks if check.exit_code == 0]
    count = _count(len(spec.checks), "check")
    reused = f", {spec.reused} from the cache" if spec.reused else ""
    if spec.reused < len(spec.checks):
        reused += f", {seconds(sum(check.elapsed_s for check in spec.checks))}"
    proved = sum(check.verdict == "proved" for check in good)
    reused = f", {proved} proved{reused}" if proved else reused
    if spec.exit_code == 0:
        yield f"{painted('ok  ', 'good', color)}  {printable(spec.path)}  ({count}{reused})"
        yield from _remarks(good)
        return
    word = painted("FAIL", "bad", color)
    met = f"{len(good)} of {count} as expected{reused}" if spec.checks else "nothing was checked"
    yield f"{word}  {printable(spec.path)}  ({met})"
    if spec.error and not spec.findings:
        yield f"      {painted(printable(spec.error), 'bad', color)}"
    for check in spec.checks:
        if check.exit_code != 0:
            yield from _check_lines(check, color)
    yield from _remarks(good)
    for finding in spec.findings:
        yield ""
        # Made safe where it was made: it has the spec's lines in it.
        yield from (f"      {line}".rstrip() for line in finding.shown.splitlines())
        yield ""
    for name in spec.skipped:
        yield f"      not run: {printable(name) or 'any check'}"


def _remarks(checks: list[CheckOutcome]) -> Iterator[str]:
    for check in checks:
        if check.remarks:
            yield f"      note: {printable(check.name)}: {printable(check.in_full)}"


def _check_lines(check: CheckOutcome, color: bool) -> Iterator[str]:
    yield f"      {printable(check.name)}: {painted(printable(check.in_full), 'bad', color)}"
    if check.trace is not None:
        yield ""
        yield lines_text(columns(check.trace, check.reproduce), color).rstrip("\n")
        yield ""
    else:
        yield f"        reproduce: {printable(check.reproduce)}"


def end_text(outcome: GateOutcome, color: bool) -> str:
    """What changed since the baseline, which anchors moved, notes, and the summary."""
    lines: list[str] = []
    if outcome.changes:
        lines += ["", painted("Since the baseline:", "head", color)]
        lines += [_change_line(change, color) for change in outcome.changes]
    if outcome.anchors:
        lines += ["", painted("Kernel functions that specs model:", "head", color)]
        for anchor in outcome.anchors:
            # The message may have a diff below its first line.
            first, *rest = (printable(line) for line in anchor.message.splitlines())
            lines += [
                f"  {printable(anchor.path)}:{anchor.line}: {first}",
                *(f"    {r}" for r in rest),
            ]
    lines += [f"note: {printable(note)}" for note in outcome.notes]
    lines += ["", summary(outcome)]
    return _log("\n".join(lines))


def _log(text: str) -> str:
    return "".join(f"{inert(line)}\n" for line in text.split("\n"))


def _change_line(change: Change, color: bool) -> str:
    text = f"  {printable(change.spec)}: {printable(change.check)}: {printable(change.text)}"
    return painted(text, "bad", color) if change.fails else text


def summary(outcome: GateOutcome) -> str:
    """`77 checks in 12 specs: 77 as expected (3 proved); 65 from the cache; 3.1 s`."""
    checks = [check for spec in outcome.specs for check in spec.checks]
    good = sum(check.exit_code == 0 for check in checks)
    parts = [f"{good} as expected"]
    if proved := sum(check.verdict == "proved" and check.exit_code == 0 for check in checks):
        parts[0] += f" ({proved} proved)"
    if wrong := sum(check.surprise is not None for check in checks):
        parts.append(f"{wrong} unexpected")
    if open_ := sum(c.verdict == "inconclusive" for c in checks):
        parts.append(f"{open_} inconclusive")
    if dead := sum(f.id == "dead_statement" for spec in outcome.specs for f in spec.findings):
        parts.append(_count(dead, "dead statement"))
    if broken := sum(bool(spec.error) for spec in outcome.specs):
        parts.append(f"{_count(broken, 'spec')} with errors")
    if skipped := sum(len(spec.skipped) for spec in outcome.specs):
        parts.append(f"{skipped} not run")
    text = f"{_count(len(checks), 'check')} in {_count(len(outcome.specs), 'spec')}: {', '.join(parts)}"
    if reused := sum(spec.reused for spec in outcome.specs):
        text += f"; {reused} from the cache"
    if failing := sum(change.fails for change in outcome.changes):
        text += f"; {_count(failing, 'change')} since the baseline not accepted"
    return f"{text}; {seconds(outcome.elapsed_s)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
