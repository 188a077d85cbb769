"""One line on the terminal while something runs; gone when it ends."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from zdcheck.engines.protocol import Progress
from zdcheck.render.escape import printable

if TYPE_CHECKING:
    import rich.progress


class _Line:
    """A bar on a terminal; nothing elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._bar: rich.progress.Progress | None = None
        self._task: rich.progress.TaskID | None = None
        if not stream.isatty():
            return
        # rich takes longer to import than a small check takes to run
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[figures]}", markup=False),
            TimeElapsedColumn(),
            console=Console(file=stream),
            transient=True,
        )

    def _start(self, name: str, total: int | None) -> None:
        if self._bar is not None:
            self.stop()
            self._bar.start()
            self._task = self._bar.add_task(printable(name), total=total, figures="")

    def _update(self, completed: int, figures: str) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=completed, figures=figures)

    def stop(self) -> None:
        """Take the line away, so that something else can be printed."""
        if self._bar is not None:
            self._bar.stop()
            if self._task is not None:
                self._bar.remove_task(self._task)
                self._task = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class ProgressLine(_Line):
    """Depth, states and speed of the search that runs now."""

    def __init__(self, stream: TextIO, max_states: int | None) -> None:
        super().__init__(stream)
        self._max_states = max_states

    def start(self, name: str) -> None:
        """A search begins."""
        self._start(name, self._max_states)

    def watch(self, progress: Progress) -> None:
        """The search has come this far."""
        rate = progress.states / progress.elapsed_s if progress.elapsed_s > 0.1 else 0.0
        figures = (
            progress.figures or f"depth {progress.depth}, {progress.states:,} states, {rate:,.0f}/s"
        )
        self._update(progress.states, figures)


class CountLine(_Line):
    """How much of something is done."""

    def start(self, name: str, total: int) -> None:
        """It begins."""
        self._start(name, total)

    def watch(self, done: int, of: int) -> None:
        """So many are done."""
        self._update(done, f"{done} of {of}")
