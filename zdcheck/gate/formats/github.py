"""GitHub Actions workflow commands: an annotation at the line of each check that is not as expected."""

from __future__ import annotations

from collections.abc import Iterator

from zdcheck.gate.formats.text import summary
from zdcheck.gate.outcome import Finding, GateOutcome, SpecOutcome
from zdcheck.render.columns import columns
from zdcheck.render.escape import printable
from zdcheck.render.terminal import lines_text


def dumps(outcome: GateOutcome) -> str:
    """The commands, one on each line."""
    lines = [line for spec in outcome.specs for line in _spec(spec)]
    lines += [
        _command("error" if change.fails else "notice", change.spec, 0, change.check, change.text)
        for change in outcome.changes
    ]
    lines += [_finding(finding) for finding in outcome.anchors]
    lines += [_command("notice", "", 0, "zdcheck", note) for note in outcome.notes]
    lines.append(_command("notice", "", 0, "zdcheck", summary(outcome)))
    return "".join(f"{line}\n" for line in lines)


def _spec(spec: SpecOutcome) -> Iterator[str]:
    for check in spec.checks:
        if check.surprise is not None:
            text = check.in_full
            if check.trace is not None:
                text += "\n\n" + lines_text(columns(check.trace, check.reproduce), False)
            yield _command("error", spec.path, check.line, check.name, text)
        elif check.exit_code != 0:
            yield _command("warning", spec.path, check.line, check.name, check.in_full)
    for name in spec.skipped:
        yield _command("warning", spec.path, 0, name or spec.path, "interrupted: not run")
    for finding in spec.findings:
        yield _finding(finding)
    if spec.error and not spec.findings:
        yield _command("error", spec.path, 0, spec.path, spec.error)


def _finding(finding: Finding) -> str:
    return _command(finding.severity, finding.path, finding.line, finding.id, finding.advice)


def _command(level: str, path: str, line: int, title: str, message: str) -> str:
    properties = []
    if path and not path.startswith("<"):
        properties.append(f"file={_property(path)}")
        if line:
            properties.append(f"line={line}")
    properties.append(f"title={_property(title)}")
    return f"::{level} {','.join(properties)}::{_data(message)}"


def _data(text: str) -> str:
    text = "\n".join(printable(line) for line in text.split("\n"))
    return text.replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
