"""A trace: a run that the reference interpreter confirmed, with everything a reader wants to see.

Self-contained plain data: strings, numbers and places, no reference to a system, so that it can
be written to a file and read back without the spec (`trace.document`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal


@dataclass(frozen=True, slots=True)
class Place:
    """A place in one of the trace's texts: line and columns from 1, `end_column` not included.

    A span of several lines ends, here, with its first line. `text` is that part of the line.
    """

    path: str
    line: int
    column: int
    end_column: int
    text: str


@dataclass(frozen=True, slots=True)
class Named:
    """A name with a printed value: a config, a choice, a first value, a quantified variable."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Size:
    """How many objects of a kind, or threads of a family, there are."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Text:
    """The whole text of one file that the trace has places in."""

    path: str
    text: str


ChangeKind = Literal["shared", "local", "ghost", "context"]
"""`context`: locks, sections, grace periods. `local`: of the thread that takes the step."""


@dataclass(frozen=True, slots=True)
class Change:
    """One variable's change, printed: `page[0].refcount`, `1`, `2`.

    `cleared` is true where the new value is null or what the variable started with.
    """

    variable: str
    before: str
    after: str
    kind: ChangeKind
    cleared: bool


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One object's count and who holds it: `page[0].refcount = 2 = pte[0].entry + gup[1].pin`.

    `before` is the count before the step; `bias` the part that needs no holder.
    """

    count: str
    before: int
    value: int
    bias: int
    holders: tuple[str, ...]

    @property
    def expected(self) -> int:
        """What the count should be."""
        return self.bias + len(self.holders)

    @property
    def terms(self) -> str:
        """`1 + pte[0].entry + gup[1].pin`; empty where nothing holds a count."""
        bias = (str(self.bias),) if self.bias else ()
        return " + ".join((*bias, *self.holders))

    @property
    def held(self) -> str:
        """`only gup[1].pin holds it`, `nothing holds it`, `1 of it is the bias and …`."""
        match self.holders:
            case ():
                return f"only {self.bias} of it is the bias" if self.bias else "nothing holds it"
            case (one,):
                held = f"{one} holds it"
            case (*most, last):
                held = f"{', '.join(most)} and {last} hold it"
        if self.bias:
            held = f"{self.bias} of it is the bias and {held}"
        return f"only {held}" if self.value > self.expected else held


@dataclass(frozen=True, slots=True)
class Step:
    """One step: who, where, which choices, what changed, the ledger lines that the step touched.

    `number` is from 1, `action` the step's number in the system. `place` is what ran, `calls` are
    the calls that led there, outermost first. `code` is the line of the spec to show for it, at
    `shown`: the innermost one that is in the spec's own file. Where that is a call which makes
    several steps, `detail` is what ran inside it, at `inside`. `failed` is true for a last step whose own
    check fails: it changes nothing.
    """

    number: int
    thread: int
    action: int
    place: Place
    calls: tuple[Place, ...]
    shown: Place
    code: str
    detail: str
    inside: Place | None
    choices: tuple[Named, ...]
    changes: tuple[Change, ...]
    ledger: tuple[LedgerLine, ...]
    failed: bool


@dataclass(frozen=True, slots=True)
class TraceThread:
    """One column."""

    name: str
    family: str
    daemon: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """One line that explains a fault. `step` is where it became so, None if it was so at the start."""

    text: str
    step: int | None


@dataclass(frozen=True, slots=True)
class Blame:
    """What exactly went wrong.

    `place` is the check, property or counted field that is violated, `property` the property's
    name. `conjunct` is the part of it that is false, and `bindings` the values for which it is
    (`e = pte[0]`). `facts` are further lines: the values in it and since when they are so, who
    dropped the last reference, who waits for what.
    """

    violation: str
    message: str
    place: Place | None
    property: str | None
    conjunct: Place | None
    bindings: tuple[Named, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class OtherRun:
    """A further run that a cycle of locks needs: its last step takes `taken` while `held` is held."""

    held: str
    taken: str
    start: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """A confirmed run. `initial` are the first values of all variables that have a name in the spec.

    `blame` is None for a witness of a cover or a simulated run without a fault. `culprit` is the
    family of the thread that took the last step ("" if there was none); for `stuck`, of a thread
    that does not get on. `start` is the number of the initial state. The steps from number `loop` on are
    repeated for ever; a `loop` after the last step means that the run stops there for ever, because no thread that
    has fairness can step. None: the run is no such run. `others` are the further runs that a cycle of locks
    needs: no single one is wrong.
    """

    spec: str
    check: str
    config: tuple[Named, ...]
    scope: tuple[Size, ...]
    threads: tuple[TraceThread, ...]
    start: int
    initial: tuple[Named, ...]
    steps: tuple[Step, ...]
    blame: Blame | None
    culprit: str
    texts: tuple[Text, ...]
    loop: int | None = None
    others: tuple[OtherRun, ...] = ()

    @property
    def switches(self) -> int:
        """How often the running thread changes."""
        return sum(a.thread != b.thread for a, b in pairwise(self.steps))

    @property
    def all_steps(self) -> tuple[Step, ...]:
        """Those of the other runs too."""
        return (*self.steps, *(step for run in self.others for step in run.steps))

    @property
    def moving(self) -> tuple[int, ...]:
        """The threads that have a column: those that step."""
        return tuple(sorted({step.thread for step in self.all_steps}))
