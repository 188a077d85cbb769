"""Who held what when, and which property was true when: what the page draws along the steps.

State number k, after k steps, takes the place from k to k+1 along the line, so a run of n steps is n+1 wide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from zdcheck.report.record import Count, Record, Truth
from zdcheck.trace.model import LedgerLine

Stretch = tuple[int, int]
"""From this state on, up to but not including that one."""

MOST_LABELS = 80
"""In a longer run the numbers would lie over each other."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One holder and when it held the count. `color` is the number of its thread's colour."""

    name: str
    held: tuple[Stretch, ...]
    color: int | None

    @property
    def path(self) -> str:
        """What to draw."""
        return bars(self.held)

    @property
    def words(self) -> str:
        """`page[0].pin held it after step 3 to after step 7, …`: what is drawn, for who cannot see it."""
        return f"{self.name} holds it {spelled(self.held)}"


@dataclass(frozen=True, slots=True)
class Lanes:
    """One count over the whole run. `levels` are its values; `wrong` is when it is not what its holders say.

    `dead` is when its object does not live.
    """

    number: int
    name: str
    length: int
    levels: tuple[tuple[int, int, int], ...]
    wrong: tuple[Stretch, ...]
    dead: tuple[Stretch, ...]
    lanes: tuple[Lane, ...]
    last: LedgerLine | None

    @property
    def idle(self) -> bool:
        """Whether it never changes and nothing ever holds it."""
        return len(self.levels) == 1 and not (self.wrong or self.dead or self.lanes)

    @property
    def highest(self) -> int:
        """The highest value; at least 1, to draw by."""
        return max((abs(value) for _, _, value in self.levels), default=0) or 1

    @property
    def path(self) -> str:
        """The value as an area over the line."""
        return "".join(
            f"M{start} {self.highest}V{self.highest - max(value, 0)}H{end}V{self.highest}z"
            for start, end, value in self.levels
            if value > 0
        )

    @property
    def wrong_path(self) -> str:
        """Where the value is wrong."""
        return bars(self.wrong, self.highest)

    @property
    def gone(self) -> tuple[tuple[str, str], ...]:
        """Begin and width, in per cent, of where its object does not live."""
        return tuple(
            (percent(start, self.length), percent(end - start, self.length))
            for start, end in self.dead
        )

    @property
    def labels(self) -> tuple[tuple[str, int], ...]:
        """Where to write which value, in per cent of the width; nothing in a long run."""
        if self.length > MOST_LABELS:
            return ()
        return tuple((percent(start, self.length), value) for start, _, value in self.levels)

    @property
    def words(self) -> str:
        """What is drawn, for who cannot see it."""
        said = "; ".join(
            f"{value} {spelled(((start, end),))}" for start, end, value in self.levels[:MOST_LABELS]
        )
        if self.dead:
            said = "; ".join(filter(None, (said, f"its object is gone {spelled(self.dead)}")))
        return f"{self.name}: {said}"


@dataclass(frozen=True, slots=True)
class Strip:
    """One property along the run."""

    name: str
    kind: str
    true: str
    false: str
    words: str


def lanes(number: int, count: Count, steps: int, owners: Mapping[str, int]) -> Lanes:
    """The count's lanes, holders in the order in which they first hold it."""
    length = steps + 1
    ends = [*(level.step for level in count.levels[1:]), length]
    held: dict[str, list[Stretch]] = {}
    levels: list[tuple[int, int, int]] = []
    wrong: list[Stretch] = []
    dead: list[Stretch] = []
    for level, end in zip(count.levels, ends, strict=True):
        if level.line is None:
            _extend(dead, (level.step, end))
            continue
        if levels and levels[-1][1:] == (level.step, level.line.value):
            levels[-1] = (levels[-1][0], end, level.line.value)
        else:
            levels.append((level.step, end, level.line.value))
        if level.line.value != level.line.expected:
            wrong.append((level.step, end))
        bias = ("the bias",) if level.line.bias else ()
        for name in dict.fromkeys((*bias, *level.line.holders)):
            _extend(held.setdefault(name, []), (level.step, end))
    return Lanes(
        number,
        count.name,
        length,
        tuple(levels),
        tuple(wrong),
        tuple(dead),
        tuple(
            Lane(name, tuple(stretches), owners.get(name.partition(".")[0]))
            for name, stretches in held.items()
        ),
        count.levels[-1].line,
    )


def _extend(stretches: list[Stretch], more: Stretch) -> None:
    if stretches and stretches[-1][1] == more[0]:
        stretches[-1] = (stretches[-1][0], more[1])
    else:
        stretches.append(more)


def strips(record: Record) -> tuple[Strip, ...]:
    """Each property along the run."""
    length = len(record.trace.steps) + 1
    found = []
    for judged in record.properties:
        ends = [*(step for step, _ in judged.truths[1:]), length]
        when: dict[Truth, list[Stretch]] = {"true": [], "false": [], "not yet": [], "never": []}
        for (start, truth), end in zip(judged.truths, ends, strict=True):
            when[truth].append((start, end))
        words = "; ".join(f"{truth} {spelled(where)}" for truth, where in when.items() if where)
        found.append(
            Strip(
                judged.name,
                judged.kind,
                bars(when["true"]),
                bars((*when["false"], *when["never"])),
                words,
            )
        )
    return tuple(found)


def bars(stretches: Iterable[Stretch], height: int = 1) -> str:
    """An SVG path with one bar for each stretch."""
    return "".join(f"M{start} 0H{end}V{height}H{start}z" for start, end in stretches)


def percent(part: int, whole: int) -> str:
    """`12.5%`."""
    return f"{100 * part / whole:.4g}%"


_MOST_SPELLED = 12


def spelled(stretches: Iterable[Stretch]) -> str:
    """`from the start to step 3, after step 5`."""
    said = []
    for start, end in stretches:
        since = "the start" if start == 0 else f"step {start}"
        if end - start == 1:
            said.append("at the start" if start == 0 else f"after {since}")
        else:
            said.append(f"from {since} to step {end - 1}")
    more = len(said) - _MOST_SPELLED
    return ", ".join(said[:_MOST_SPELLED]) + (f" and {more} times more" if more > 0 else "")
