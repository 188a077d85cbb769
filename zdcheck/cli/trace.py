"""`zdcheck trace`: print, replay, evaluate, pin and convert saved counterexamples."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from zdcheck.base.diagnostics import ToolError, UsageError
from zdcheck.cli import options as opt
from zdcheck.inspect.explain import race, relevance
from zdcheck.inspect.opened import Opened, open_trace
from zdcheck.inspect.pin import pinned
from zdcheck.inspect.watch import values_along
from zdcheck.ir.step import states_along
from zdcheck.lang.modules import read
from zdcheck.render import itf, sequence
from zdcheck.render.columns import columns
from zdcheck.render.escape import printable
from zdcheck.render.terminal import ColorOption, lines_text
from zdcheck.trace import document
from zdcheck.trace.model import Trace


@click.group("trace")
def command() -> None:
    """Work with traces that `zdcheck check --trace-dir DIR` wrote.

    A trace has the texts of its spec in it, so it needs nothing else.
    """


def load(path: str) -> Trace:
    """The trace in a file. Raises ToolError if there is none or it is damaged."""
    try:
        with Path(path).open("rb") as file:  # its size says nothing of a pipe or a device
            raw = file.read(document.MAX_BYTES + 1)
        if len(raw) > document.MAX_BYTES:
            raise ToolError(f"{path}: this is no trace: the file is too large")
        text = raw.decode("utf-8")
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ToolError(f"{path}: this is no trace: it is not UTF-8 text") from None
    try:
        return document.loads(text)
    except ToolError as error:
        raise ToolError(f"{path}: {error}") from None


def opened(path: str) -> Opened:
    """The trace in a file, replayed. Raises ToolError."""
    try:
        return open_trace(load(path))
    except ToolError as error:
        text = str(error)
        raise ToolError(text if text.startswith(path) else f"{path}: {text}") from None


@command.command("show")
@click.argument("trace")
@opt.color_option
def show(trace: str, color: ColorOption) -> None:
    """Print TRACE as columns, as it was written."""
    paint, _ = opt.colored(color)
    click.echo(lines_text(columns(load(trace)), paint), nl=False, color=True)


@command.command("replay")
@click.argument("trace")
def replay(trace: str) -> None:
    """Replay TRACE by the reference semantics, and say which race it is."""
    found = opened(trace)
    blame = found.trace.blame
    end = f"ends in {blame.violation}" if blame else "nothing is wrong"
    if found.trace.others:
        lengths = " and ".join(
            str(len(steps))
            for steps in (found.trace.steps, *(run.steps for run in found.trace.others))
        )
        click.echo(f"{len(found.trace.others) + 1} runs of {lengths} steps replay; {end}")
        return
    click.echo(f"{len(found.trace.steps)} steps replay; {end}")
    if found.fault is not None:
        system = found.lowered.system
        states = states_along(system, found.run)
        actions = tuple(system.actions[id] for id in found.run.actions)
        sentence = race(found.trace, relevance(system, states, actions, found.fault))
        if sentence:
            click.echo(printable(sentence))


@command.command("eval")
@click.argument("trace")
@click.argument("expressions", nargs=-1, required=True, metavar="EXPRESSION…")
def evaluate(trace: str, expressions: tuple[str, ...]) -> None:
    """Print the value of each EXPRESSION after every step of TRACE.

    An expression is a variable's name (`page[0].refcount`) or a condition (`page[0].refcount > 1`).
    """
    found = opened(trace)
    rows = [values_along(found.lowered, found.run, text) for text in expressions]
    widths = [
        max(len(printable(cell)) for cell in (text, *row))
        for text, row in zip(expressions, rows, strict=True)
    ]
    head = "  ".join(printable(t).ljust(w) for t, w in zip(expressions, widths, strict=True))
    click.echo(f"step  {head}".rstrip())
    for number in range(len(found.trace.steps) + 1):
        cells = (printable(row[number]).ljust(w) for row, w in zip(rows, widths, strict=True))
        code = "" if number == 0 else printable(_about(found.trace, number))
        click.echo(f"{number:>4}  {'  '.join(cells)}  {code}".rstrip())


def _about(trace: Trace, number: int) -> str:
    step = trace.steps[number - 1]
    return f"{trace.threads[step.thread].name}: {' '.join(step.code.split())}"


@command.command("pin")
@click.argument("trace")
@click.option("--append", is_flag=True, help="Write it at the end of the spec.")
def pin(trace: str, append: bool) -> None:
    """Print a check that expects TRACE's violation again, for the end of its spec."""
    found = opened(trace)
    block = pinned(found)
    if not append:
        click.echo(block.lstrip("\n"), nl=False)
        return
    path = found.trace.spec
    there = read(Path(path), path).text
    saved = next(text.text for text in found.trace.texts if text.path == path)
    if there != saved:
        raise UsageError(
            f"{path} is not what it was when this trace was made; check it again first"
        )
    Path(path).write_text(there.rstrip("\n") + "\n" + block, encoding="utf-8")
    click.echo(f"added to {printable(path)}:\n{block}", nl=False)


@command.command("convert")
@click.argument("trace")
@click.option(
    "--to",
    "format_",
    type=click.Choice(["itf", "mermaid", "plantuml", "svg"]),
    required=True,
    help="ITF (Apalache, Quint), a sequence diagram as text, or a picture.",
)
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to stdout.")
def convert(
    trace: str, format_: Literal["itf", "mermaid", "plantuml", "svg"], output: str | None
) -> None:
    """Print TRACE in another format."""
    writers = {
        "itf": itf.dumps,
        "mermaid": sequence.mermaid,
        "plantuml": sequence.plantuml,
        "svg": sequence.svg,
    }
    text = writers[format_](load(trace))
    if output is None:
        click.echo(text, nl=False)
    else:
        Path(output).write_text(text, encoding="utf-8")
