"""The page: a record put into a template, with its script, its style and its data in one file.

Everything in a spec or a trace is somebody else's text. It reaches the page in two ways only: through
the template, which escapes it, and as JSON in a block that is no script. A policy in the page's head
forbids whatever is not named there by its hash, so that a mistake here would still run nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from zdcheck.base.catalogue import VIOLATIONS
from zdcheck.inspect.explain import Relevance
from zdcheck.render.columns import Effect, effects, goes_on, loop_begins, place_label
from zdcheck.render.drawing import Drawing
from zdcheck.render.drawing_svg import svg
from zdcheck.render.escape import printable
from zdcheck.report.payload import payload
from zdcheck.report.record import Record
from zdcheck.report.source import Shown, functions, pieces
from zdcheck.report.timeline import Lanes, lanes, percent, strips
from zdcheck.trace.model import Blame, OtherRun, Place, Step, Trace

CHUNK = 50
"""So many steps are laid out together, or skipped together while they are out of sight."""

COLORS = 8
"""Threads beyond take the first one's colour again."""

MOST_COLUMNS = 12
"""Threads beyond share the last column; each row names its thread too."""


@dataclass(frozen=True, slots=True)
class Column:
    """A thread that moves."""

    thread: int
    number: int
    name: str

    @property
    def at(self) -> int:
        """Which column it is drawn in."""
        return min(self.number, MOST_COLUMNS - 1)

    @property
    def color(self) -> int:
        """Which colour it has."""
        return self.number % COLORS


@dataclass(frozen=True, slots=True)
class Row:
    """One step as it is drawn. `call` is "" where it is the same as above, `inside` where nothing ran inside."""

    number: int
    column: Column
    call: str
    call_place: str
    inside: str
    inside_place: str
    function: str
    effects: tuple[tuple[Effect, bool], ...]
    pale: bool
    fault: bool
    looped: bool
    switch: bool
    before: str


@dataclass(frozen=True, slots=True)
class Words:
    """Part of a sentence; a step's number where the part names that step."""

    text: str
    step: int | None = None
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class Extras:
    """What is known beside the run: how to see it again, and a graph of it, if that is small."""

    reproduce: str = ""
    version: str = ""
    graph: Drawing | None = None


def page(record: Record, extras: Extras) -> str:
    """The whole file."""
    trace = record.trace
    columns = _columns(trace)
    texts = _texts(record)
    script, style = _part("report.js"), _part("report.css")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            record=record,
            trace=trace,
            extras=extras,
            title=f"{trace.blame.violation if trace.blame else 'a run'}: {trace.check}",
            blame=trace.blame,
            meaning=_words(_meaning(trace.blame)),
            race=_words(record.race),
            columns=columns,
            rows=_rows(record, columns, texts, trace),
            others=_others(record, columns, texts),
            graph=None if extras.graph is None else Markup(svg(extras.graph)),
            chunk=CHUNK,
            again=_again(trace),
            lanes=_lanes(record, columns),
            strips=strips(record),
            groups=_groups(record),
            texts=texts,
            data=Markup(_json(payload(record, texts))),
            script=Markup(script),
            style=Markup(style),
            policy=_policy(script, style),
            last=len(trace.steps),
            percent=percent,
            words=_words,
        )
    )


@cache
def _part(name: str) -> str:
    return (files("zdcheck.report") / "page" / name).read_text("utf-8")


def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_part),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["place"] = place_label
    return environment


def _shown(value: Any) -> Any:
    """Text without hidden characters: none may turn what is around it around."""
    return printable(value) if type(value) is str else value


_UNSAFE = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def _json(data: object) -> str:
    """JSON that is no markup, whatever is in it."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_UNSAFE)


def _policy(script: str, style: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# --- what is shown ----------------------------------------------------------------------


def _columns(trace: Trace) -> dict[int, Column]:
    return {
        thread: Column(thread, n, trace.threads[thread].name)
        for n, thread in enumerate(trace.moving)
    }


def _rows(
    record: Record, columns: dict[int, Column], texts: tuple[Shown, ...], run: Trace | OtherRun
) -> list[Row]:
    """The rows of the run, or of another one that it needs; in those nothing is greyed."""
    trace = record.trace
    relevant = record.relevant if run is trace else None
    loop = trace.loop if run is trace else None
    by_path = {text.path: text for text in texts}
    rows = []
    before: Step | None = None
    for step in run.steps:
        if step.number == loop:
            before = None
        same = goes_on(before, step)
        rows.append(
            Row(
                number=step.number,
                column=columns[step.thread],
                call="" if same else step.code,
                call_place="" if same else place_label(trace, step.shown),
                inside=step.detail,
                inside_place="" if step.inside is None else place_label(trace, step.inside),
                function=_function(by_path, step.inside),
                effects=tuple(
                    (effect, _is_dull(effect, relevant)) for effect in effects(trace, step)
                ),
                pale=relevant is not None and step.number not in relevant.steps,
                fault=step is run.steps[-1] and trace.blame is not None and trace.loop is None,
                looped=loop is not None and step.number >= loop,
                switch=before is None or before.thread != step.thread,
                before=loop_begins(trace) if step.number == loop else "",
            )
        )
        before = step
    return rows


def _is_dull(effect: Effect, relevant: Relevance | None) -> bool:
    """Whether it is about a variable that the violation does not depend on."""
    return relevant is not None and effect.variable not in (*relevant.variables, "")


def _function(texts: dict[str, Shown], place: Place | None) -> str:
    text = None if place is None else texts.get(place.path)
    return "" if text is None or place is None else text.function(place.line)


def _others(
    record: Record, columns: dict[int, Column], texts: tuple[Shown, ...]
) -> tuple[tuple[OtherRun, list[Row]], ...]:
    return tuple((run, _rows(record, columns, texts, run)) for run in record.trace.others)


def _again(trace: Trace) -> tuple[Words, ...]:
    if trace.loop is None:
        return ()
    if trace.loop > len(trace.steps):
        return (Words("and here the run stops for ever"),)
    return (Words("again from "), Words(f"step {trace.loop}", trace.loop))


def _meaning(blame: Blame | None) -> str:
    """What went wrong, in a sentence that does not begin with its id."""
    if blame is None:
        return ""
    known = VIOLATIONS.get(blame.violation)
    if blame.property is not None and blame.violation == blame.property and known:
        return known.meaning
    return blame.message.removeprefix(f"{blame.violation} ")


_MARKED = re.compile(r"\(step (?P<step>\d+)\)|`(?P<code>[^`]+)`")


def _words(sentence: str) -> tuple[Words, ...]:
    """The sentence with each `(step 12)`, and what stands in back quotes, apart."""
    words = []
    at = 0
    for match in _MARKED.finditer(sentence):
        words.append(Words(sentence[at : match.start()]))
        if match["step"]:
            words.append(Words(match[0], int(match["step"])))
        else:
            words.append(Words(match["code"], is_code=True))
        at = match.end()
    return (*words, Words(sentence[at:]))


def _lanes(record: Record, columns: dict[int, Column]) -> tuple[Lanes, ...]:
    owners = {column.name: column.color for column in columns.values()}
    return tuple(
        lanes(number, count, len(record.trace.steps), owners)
        for number, count in enumerate(record.counts)
    )


def _groups(record: Record) -> dict[str, list[int]]:
    """The variables' numbers by the object or thread that they belong to."""
    groups: dict[str, list[int]] = {}
    for number, variable in enumerate(record.variables):
        head, dot, _ = variable.name.partition(".")
        groups.setdefault(head if dot else "", []).append(number)
    return groups


def _texts(record: Record) -> tuple[Shown, ...]:
    """The spec, and every other text in which something happens."""
    trace = record.trace
    used = {spot.path for walk in record.walks for stand in walk.stands for spot in stand.spots}
    for step in trace.all_steps:
        used.update(place.path for place in (step.place, *step.calls))
    blame = trace.blame
    used.update(p.path for p in (blame.place, blame.conjunct) if p) if blame else None
    texts = sorted(
        (text for text in trace.texts if text.path in used or text.path == trace.spec),
        key=lambda text: text.path != trace.spec,
    )
    return tuple(
        Shown(number, text.path, pieces(text.path, text.text), functions(text.text))
        for number, text in enumerate(texts)
    )
