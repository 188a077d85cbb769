"""What each check meant when it was last accepted, in a file that people read and git merges.

One line for each check, in the order of specs and names, so that two branches that touch
different checks merge without a conflict.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from zdcheck.base.diagnostics import ToolError
from zdcheck.base.files import write_whole
from zdcheck.base.plain import from_plain, to_plain
from zdcheck.gate.outcome import Change, ChangeWord, CheckOutcome, SpecOutcome, VerdictWord
from zdcheck.trace.model import Size

SCHEMA = "zdcheck-baseline/1"
_MUCH = 4
"""A state space that grew or shrank by less is not worth a word,"""
_MANY = 1000
"""nor is one that has fewer states before and after."""
_STRENGTH: Mapping[VerdictWord, int] = {"inconclusive": 0, "holds": 1, "proved": 2, "violated": 1}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line."""

    spec: str
    check: str
    verdict: VerdictWord
    violation: str
    engine: str
    scope: tuple[Size, ...]
    states: int
    depth: int
    meaning: str


Key = tuple[str, str]


def entry_of(spec: str, check: CheckOutcome) -> Entry:
    """What is kept of an outcome."""
    return Entry(
        spec,
        check.name,
        check.verdict,
        check.violation,
        check.engine,
        check.scope,
        check.states,
        check.depth,
        check.meaning,
    )


def load(path: Path) -> dict[Key, Entry] | None:
    """The entries of a file, None if there is none. Raises ToolError if it is damaged."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ToolError(f"the baseline {path} cannot be read: {error}") from None
    entries: dict[Key, Entry] = {}
    for number, line in enumerate(lines, 1):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            raise _damaged(path, number, "this line is no JSON (an unfinished merge?)") from None
        if number == 1:
            if not isinstance(value, dict) or value.get("schema") != SCHEMA:
                raise _damaged(path, number, f"the first line is not the schema {SCHEMA!r}")
            continue
        try:
            entry = from_plain(Entry, value, "entry")
        except ToolError as error:
            raise _damaged(path, number, str(error)) from None
        if entries.setdefault((entry.spec, entry.check), entry) is not entry:
            raise _damaged(path, number, f"{entry.spec}: {entry.check} stands here twice")
    if not lines:
        raise _damaged(path, 1, "the file is empty")
    return entries


def _damaged(path: Path, line: int, why: str) -> ToolError:
    return ToolError(
        f"the baseline is damaged: {path}:{line}: {why}; "
        "`zdcheck gate --update-baseline` writes it anew"
    )


def save(path: Path, entries: Iterable[Entry]) -> None:
    """Write the file whole or not at all."""
    lines = [json.dumps({"schema": SCHEMA})]
    lines += [
        json.dumps(to_plain(entry), ensure_ascii=False)
        for entry in sorted(entries, key=lambda e: (e.spec, e.check))
    ]
    write_whole(path, "\n".join(lines) + "\n")


Looked = Callable[[str], bool]
"""Whether a spec of that path would have been run if it were there."""


def updated(
    old: Mapping[Key, Entry] | None, specs: Iterable[SpecOutcome], looked: Looked
) -> list[Entry]:
    """The entries after this run. What it did not look at stays as it was."""
    entries = {key: entry for key, entry in (old or {}).items() if not looked(key[0])}
    for spec in specs:
        for key in [key for key in entries if key[0] == spec.path]:
            del entries[key]
        entries.update(((spec.path, c.name), entry_of(spec.path, c)) for c in spec.checks)
    return list(entries.values())


def changes(
    old: Mapping[Key, Entry],
    specs: Iterable[SpecOutcome],
    fail_on: frozenset[str],
    looked: Looked,
) -> Iterator[Change]:
    """What is not as in the baseline."""

    def change(kind: ChangeWord, key: Key, text: str) -> Change:
        return Change(kind, *key, text, kind in fail_on)

    seen = set()
    run = set()
    for spec in specs:
        run.add(spec.path)
        for check in spec.checks:
            key = (spec.path, check.name)
            seen.add(key)
            if key not in old:
                yield change("new", key, f"new: {_said(entry_of(spec.path, check))}")
                continue
            for kind, text in _differences(old[key], entry_of(spec.path, check)):
                yield change(kind, key, text)
        seen |= {(spec.path, name) for name in spec.skipped}
        if spec.error:
            seen |= {key for key in old if key[0] == spec.path}
    for key, entry in old.items():
        if key not in seen and (looked(key[0]) or key[0] in run):
            yield change("gone", key, f"gone: it was {_said(entry)}")


def _said(entry: Entry) -> str:
    return f"violation {entry.violation}" if entry.verdict == "violated" else entry.verdict


def _differences(old: Entry, new: Entry) -> Iterator[tuple[ChangeWord, str]]:
    was_now = f"{_said(old)} before, {_said(new)} now"
    match old.verdict, new.verdict:
        case "violated", "violated":
            if old.violation != new.violation:
                yield "other", f"another violation: {was_now}"
        case (("holds" | "proved" | "inconclusive"), "violated"):
            yield "violated", f"newly violated: {was_now}"
        case "violated", ("holds" | "proved"):
            yield "fixed", f"violated no more: {was_now}"
        case _:
            gain = _STRENGTH[new.verdict] - _STRENGTH[old.verdict]
            if gain < 0:
                yield "weaker", f"a weaker verdict: {was_now}"
            elif gain > 0:
                yield "stronger", f"a stronger verdict: {was_now}"
    if old.verdict == new.verdict and old.scope == new.scope and old.engine == new.engine:
        yield from _sizes(old, new)
    if old.scope != new.scope and _scope(new) != _scope(old):
        smaller = any(size < _scope(old).get(name, 0) for name, size in _scope(new).items())
        kind: ChangeWord = "weaker" if smaller and new.verdict != "violated" else "other"
        yield kind, f"another scope: {_sizes_text(old)} before, {_sizes_text(new)} now"


def _sizes(old: Entry, new: Entry) -> Iterator[tuple[ChangeWord, str]]:
    if max(old.states, new.states) < _MANY or old.verdict == "violated":
        return
    if 0 in (old.states, new.states):
        return  # a proof that did not count them
    if new.states >= _MUCH * old.states:
        yield "grew", f"the state space grew from {old.states:,} to {new.states:,} states"
    elif old.states >= _MUCH * new.states:
        yield "shrank", f"the state space shrank from {old.states:,} to {new.states:,} states"


def _scope(entry: Entry) -> dict[str, int]:
    return {size.name: size.size for size in entry.scope}


def _sizes_text(entry: Entry) -> str:
    return " ".join(f"{size.name}={size.size}" for size in entry.scope) or "nothing"
