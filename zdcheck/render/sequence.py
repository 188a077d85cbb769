"""A trace as a sequence diagram: Mermaid and PlantUML text, and SVG drawn here.

A lifeline for each thread that moves, a note for each step.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterator, Sequence

from zdcheck.render.columns import goes_on
from zdcheck.render.escape import printable
from zdcheck.trace.model import Step, Trace

_WIDTH = 42
_COLUMN = 340
_LINE = 15
_MARGIN = 16


def mermaid(trace: Trace) -> str:
    """Mermaid's `sequenceDiagram`."""
    lines = ["sequenceDiagram"]
    shown = list(trace.moving)
    for number in shown:
        lines.append(
            f"    participant t{number} as CPU{shown.index(number)} ({_mermaid(trace.threads[number].name)})"
        )
    if not shown:
        lines.append("    participant t0 as the initial state")
    over = f"t{shown[0]},t{shown[-1]}" if len(shown) > 1 else f"t{shown[0] if shown else 0}"
    for heading, steps in _runs(trace):
        if heading:
            lines.append(f"    Note over {over}: {_mermaid(heading)}")
        for step, before in zip(steps, (None, *steps), strict=False):
            text = "<br/>".join(_mermaid(line) for line in _about(step, before))
            lines.append(f"    Note over t{step.thread}: {step.number}. {text}")
    if trace.blame is not None:
        lines.append(f"    Note over {over}: {_mermaid(_end(trace))}")
    return "\n".join(lines) + "\n"


def plantuml(trace: Trace) -> str:
    """PlantUML's sequence diagram."""
    lines = ["@startuml"]
    shown = list(trace.moving)
    for number in shown:
        name = _plant(f"CPU{shown.index(number)} ({trace.threads[number].name})")
        lines.append(f'participant "{name}" as t{number}')
    for heading, steps in _runs(trace):
        if heading:
            lines.append(f"== {_plant(heading)} ==")
        for step, before in zip(steps, (None, *steps), strict=False):
            text = "\\n".join(_plant(line) for line in _about(step, before))
            lines.append(f"rnote over t{step.thread} : {step.number}. {text}")
    if not shown:
        lines.append('participant "the initial state"')
    if trace.blame is not None:
        lines.append(f"== {_plant(_end(trace))} ==")
    return "\n".join([*lines, "@enduml"]) + "\n"


def svg(trace: Trace) -> str:
    """A picture that needs nothing else."""
    shown = list(trace.moving)
    boxes = []
    y = 50
    for heading, steps in _runs(trace):
        if heading:
            boxes.append(f'<text class="head" x="{_MARGIN}" y="{y + 16}">{_xml(heading)}</text>')
            y += 26
        for step, before in zip(steps, (None, *steps), strict=False):
            about = _about(step, before)
            boxes += _drawn(trace, step, about, shown, y)
            y += _LINE * len(about) + 16
    end = ""
    if trace.blame is not None:
        end = f'<text class="end" x="{_MARGIN}" y="{y + 22}">{_xml(_end(trace))}</text>'
    width = 2 * _MARGIN + 30 + max(len(shown), 1) * _COLUMN
    heads = "".join(
        f'<text class="head" x="{_MARGIN + 38 + n * _COLUMN}" y="30">'
        f"CPU{n} ({_xml(trace.threads[number].name)})</text>"
        f'<line x1="{_MARGIN + 30 + n * _COLUMN + (_COLUMN - 20) // 2}" x2="{_MARGIN + 30 + n * _COLUMN + (_COLUMN - 20) // 2}" y1="40" y2="{y}"/>'
        for n, number in enumerate(shown)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y + 40}" role="img">'
        f"<title>{_xml(trace.check)}</title><style>{_STYLE}</style>{heads}{''.join(boxes)}{end}</svg>\n"
    )


def _drawn(
    trace: Trace, step: Step, about: Sequence[str], shown: Sequence[int], y: int
) -> Iterator[str]:
    """One step's box with its number."""
    x = _MARGIN + 30 + shown.index(step.thread) * _COLUMN
    kind = "fault" if step is trace.steps[-1] and trace.blame is not None else "step"
    yield (
        f'<rect class="{kind}" x="{x}" y="{y}" width="{_COLUMN - 20}" height="{_LINE * len(about) + 10}" rx="4"/>'
    )
    yield f'<text class="number" x="{_MARGIN}" y="{y + 16}">{step.number}</text>'
    code = _lines(step.code) + _lines(f"> {step.detail}")
    for row, line in enumerate(about):
        style = "code" if line in code else "change"
        yield f'<text class="{style}" x="{x + 8}" y="{y + 16 + row * _LINE}">{_xml(line)}</text>'


_STYLE = (
    "text{font:12px ui-monospace,monospace;fill:#1b1b1b}.head{font-weight:bold}"
    ".number{fill:#595959}line{stroke:#c8c8c8}rect{fill:#f4f6fb;stroke:#b6c2dd}"
    ".fault{fill:#fdecec;stroke:#c62828}.change{fill:#0b5394}.end{fill:#b00020;font-weight:bold}"
    "svg{background:#fff}"
)


def _runs(trace: Trace) -> Iterator[tuple[str, Sequence[Step]]]:
    """The steps in parts, each with the words that stand above it."""
    loop = len(trace.steps) if trace.loop is None else trace.loop - 1
    yield "", trace.steps[:loop]
    if trace.loop is not None:
        ever = (
            "from here the steps repeat for ever"
            if trace.steps[loop:]
            else "here it stops for ever"
        )
        yield ever, trace.steps[loop:]
    for run in trace.others:
        yield f"in another run: {run.taken} while {run.held} is held", run.steps


def _about(step: Step, before: Step | None) -> list[str]:
    """The step's code, what ran inside it, what it changed; a call that goes on is not said again."""
    lines = [] if goes_on(before, step) else _lines(step.code)
    if step.detail:
        lines += _lines(f"> {step.detail}")
    for change in step.changes:
        if not change.cleared:
            lines += _lines(f"{change.variable}: {change.before} -> {change.after}")
    return lines or [""]


def _lines(text: str) -> list[str]:
    """At most two lines of a box."""
    return textwrap.wrap(
        printable(" ".join(text.split())),
        _WIDTH,
        subsequent_indent="  ",
        max_lines=2,
        placeholder=" ...",
    )


def _end(trace: Trace) -> str:
    assert trace.blame is not None
    return printable(f"{trace.blame.violation}: {trace.blame.message}")


def _mermaid(text: str) -> str:
    """Mermaid has entities of its own, and gives `;`, `#` and `:` a meaning."""
    return "".join(c if c.isalnum() or c in " _.,()[]=+-*/|?!" else f"#{ord(c)};" for c in text)


def _plant(text: str) -> str:
    return "".join(c if c.isalnum() or c in " _.,()[]=:;" else f"<U+{ord(c):04X}>" for c in text)


def _xml(text: str) -> str:
    return html.escape(printable(text))
