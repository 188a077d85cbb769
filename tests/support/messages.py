"""What zdcheck says about a spec, and what a spec says that zdcheck should say (`//~`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from zdcheck.base.diagnostics import Diagnostic, SpecError
from zdcheck.base.source import SourceFile
from zdcheck.lang.check import check
from zdcheck.lang.lint import lint
from zdcheck.lang.modules import load_text
from zdcheck.lower import Instance, lower

_EXPECTED = re.compile(r"//~ *(error|warning)\[(\w+)\](?:: *([^\n]*?))? *(?=$|//~)", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Expected:
    """One `//~ error[id]: part of the message`, and the line it stands on."""

    line: int
    severity: str
    id: str
    part: str = ""


def diagnose(
    text: str, *, linted: bool = False, lowered: bool = False, folder: Path | None = None
) -> tuple[Diagnostic, ...]:
    """The messages about a text: errors, or else warnings (with `linted` those of `zdcheck lint`).

    With `lowered`, also the errors of lowering each of its checks.
    """
    try:
        bundle = load_text(SourceFile("test.zd", text), folder)
        model = check(bundle)
        if lowered:
            for run in model.checks:
                lower(Instance.of(model, run))
    except SpecError as error:
        return error.diagnostics
    return model.warnings + (lint(model, bundle) if linted else ())


def expectations(text: str) -> list[Expected]:
    """The `//~` comments of a text."""
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        marks = [Expected(number, m[1], m[2], m[3] or "") for m in _EXPECTED.finditer(line)]
        assert len(marks) == line.count("//~"), f"line {number}: this `//~` cannot be read"
        found.extend(marks)
    return found


def differences(text: str, messages: tuple[Diagnostic, ...]) -> list[str]:
    """Expectations that nothing meets, and messages that nobody expected."""
    wanted = expectations(text)
    wrong = []
    for message in messages:
        line = message.at.span.line
        for expected in wanted:
            if (expected.line, expected.severity, expected.id) == (
                line,
                message.severity.value,
                message.id,
            ) and expected.part in message.message:
                wanted.remove(expected)
                break
        else:
            wrong.append(
                f"line {line}: not expected: {message.severity.value}[{message.id}]: "
                f"{message.message}"
            )
    wrong += [f"line {e.line}: missing: {e.severity}[{e.id}]: {e.part}" for e in wanted]
    return sorted(wrong)
