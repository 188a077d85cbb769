"""A trace: a run that the reference interpreter confirmed, with everything a reader wants to see.

Self-contained plain data: strings, numbers and places, no reference to a system, so that it can
be written to a file and read back without the spec.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Place:
    """A place in one of the trace's texts: line and columns from 1, `end_column` not included."""

    path: str
    line: int
    column: int
    end_column: int
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """One variable's change, printed: `page[0].refcount`, `1`, `2`."""

    variable: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One object's count and who holds it: `page[0].refcount = 2 = pte[0].entry + gup[1].pin`.

    `bias` is the part of the count that needs no holder.
    """

    count: str
    value: int
    bias: int
    holders: tuple[str, ...]

    @property
    def expected(self) -> int:
        """What the count should be."""
        return self.bias + len(self.holders)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: who, where, which choices, what changed, the ledger lines that the step touched.

    `number` is from 1. `failed` is true for a last step whose own check fails: it changes nothing.
    """

    number: int
    thread: int
    place: Place
    choices: tuple[tuple[str, str], ...]
    changes: tuple[Change, ...]
    ledger: tuple[LedgerLine, ...]
    failed: bool = False


@dataclass(frozen=True, slots=True)
class TraceThread:
    """One column."""

    name: str
    family: str
    daemon: bool


@dataclass(frozen=True, slots=True)
class Blame:
    """What exactly went wrong.

    `place` is the check, property or field that is violated. `conjunct` is the part of a
    property that is false (its text) and `bindings` the values for which it is
    (`e = pte[0]`). `facts` are further lines: values in it, who dropped the last reference at
    which step, who waits for what.
    """

    violation: str
    message: str
    place: Place | None
    property: str | None
    conjunct: Place | None
    bindings: tuple[tuple[str, str], ...]
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """A confirmed run. `initial` are all variables' first values; `blame` is None for a witness.

    `culprit` is the family of the thread that took the last step ("" if there was none).
    """

    spec: str
    check: str
    config: tuple[tuple[str, str], ...]
    scope: tuple[tuple[str, int], ...]
    threads: tuple[TraceThread, ...]
    initial: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    blame: Blame | None
    culprit: str
    texts: tuple[tuple[str, str], ...]

    @property
    def switches(self) -> int:
        """How often the running thread changes."""
        return sum(a.thread != b.thread for a, b in pairwise(self.steps))
