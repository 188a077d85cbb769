"""One compiled search as a subprocess: framed, versioned records on its pipes.

The records are described in `runtime/wire.h`. The process dies with this one, and is killed if it
outlives its time limit. What it says is checked for form; if it ends without a result, that is a
ToolError and never a verdict.
"""

from __future__ import annotations

import os
import select
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Literal

from zdcheck.base.diagnostics import ToolError
from zdcheck.engines.how_far import Reached
from zdcheck.engines.protocol import Limits, Progress, Watcher
from zdcheck.ir.run import Run
from zdcheck.ir.system import ActionId

WIRE_VERSION = 7
NEVER = 0xFFFFFFFF

_HELLO, _PROGRESS, _RESULT, _RUN, _ERROR, _PROMISED, _STATES, _COMPARED = range(1, 9)
_START, _WITNESS, _PROMISE, _SAMPLE, _COMPARE = range(64, 69)
_RESULT_HEAD = struct.Struct("=6I10Qd")
_PROMISED_HEAD = struct.Struct("=6I4Qd")
_COMPARED_HEAD = struct.Struct("=4I7Qd")
_GRACE_S = 10.0
"""How long after its time limit a search may take to say so."""


class Outcome(IntEnum):
    """How a search ended, as in search.h."""

    COMPLETE = 0
    FAULT = 1
    STOPPED = 2


class FaultKind(IntEnum):
    """What a search found, as in search.h."""

    NONE = 0
    STATE = 1
    DEADLOCK = 2
    CHECK = 3


class PromiseEnd(IntEnum):
    """What became of a promise, as in promise.h."""

    KEPT = 0
    BROKEN = 1
    STOPPED = 2


class ComparedEnd(IntEnum):
    """What became of a comparison, as in compare.h."""

    INCLUDED = 0
    EXCESS = 1
    STOPPED = 2


class TargetKind(IntEnum):
    """Where a run is to lead, as in witness.h."""

    STATE = 0
    DEADLOCK = 1
    WATCH = 2
    CHECK = 3
    EDGE = 4
    ACTIONS = 5


StopReason = Literal["", "states", "memory", "time", "interrupt", "depth", "disk"]
_LIMITS: tuple[StopReason, ...] = (
    "", "states", "memory", "time", "interrupt", "depth", "disk",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """A run of exactly `depth` steps is wanted that ends in this."""

    kind: TargetKind
    number: int
    depth: int
    actions: tuple[ActionId, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What a search says at its end. Depths are NEVER where nothing was seen; `memory` is the most that was resident, in bytes."""

    outcome: Outcome
    limit: StopReason
    fault: FaultKind
    fault_number: int
    fault_depth: int
    depth: int
    states: int
    transitions: int
    frontier: int
    asleep: int
    memory: int
    slots: int
    disk: int
    sweeps: int
    level: int
    before: int
    seconds: float
    fired: tuple[int, ...]
    first_fired: tuple[int, ...]
    watch_depths: tuple[int, ...]
    edge_depths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Promised:
    """What became of a promise. `run` breaks it; after `stem` steps it repeats the others for ever.

    `states`, `steps` and `components` are those looked at in detail; `everywhere` says whether these are
    all states without the goal, or only those that a fair loop can have.
    """

    end: PromiseEnd
    limit: StopReason
    run: Run
    stem: int
    everywhere: bool
    states: int
    steps: int
    components: int
    memory: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Compared:
    """What became of a comparison. The last step of `run` is one that the other side cannot follow.

    `states` and `steps` are those of both sides, `blocks` the states that can be told apart (found in so
    many `rounds`), `pairs` and `sets` those of the subset construction; `memory` in bytes.
    """

    end: ComparedEnd
    limit: StopReason
    run: Run
    states: int
    steps: int
    blocks: int
    rounds: int
    pairs: int
    sets: int
    memory: int
    seconds: float


@dataclass(frozen=True, slots=True)
class How:
    """How to search: with sleeping threads, in which directory when memory ends.

    A compact program wants its random `coefficients`, of 64 bits each.
    """

    partial_order: bool = False
    spill: str | None = None
    coefficients: tuple[int, ...] = ()


SIMPLY = How()


@dataclass(frozen=True, slots=True)
class Expected:
    """What the program must say of itself, and how long its answer is."""

    key: int
    words: int
    actions: int
    watches: int
    edges: int


class BadStart(Exception):
    """The program does not run, or is not the one that was built: build it again."""


class SearchTimeout(Exception):
    """The process did not keep its time limit."""


class NoRun(Exception):
    """A limit was reached before a run was rebuilt."""

    def __init__(self, limit: StopReason) -> None:
        super().__init__(limit)
        self.limit = limit


class SearchProcess:
    """A running search. Use it in a `with` block; leaving that kills the process."""

    def __init__(self, path: Path, expected: Expected, watch: Watcher) -> None:
        """Start it. Raises BadStart if it is not what was expected."""
        self.expected = expected
        self.watch = watch
        self.last_progress: Progress | None = None
        self.reached = Reached(0, 0, 0)
        self._deadline: float | None = None
        # Only a sanitizer or a crash writes there.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed in `close`)
        try:
            self._process = subprocess.Popen(
                [str(path), str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
            )
        except OSError as error:
            self._errors.close()
            raise BadStart(str(error)) from None
        try:
            self._hello()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> SearchProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill the process if it still runs, and wait for its end."""
        process = self._process
        # It has nothing to tidy up, and it may be busy.
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()
        self._errors.close()

    # --- the conversation ---------------------------------------------------------------

    def _hello(self) -> None:
        self._deadline = time.monotonic() + 30.0
        try:
            type, body = self._receive()
            version, words, actions, _, key = struct.unpack("=4IQ", body)
        except (ToolError, SearchTimeout, struct.error) as error:
            raise BadStart(str(error)) from None
        said = (type, version, words, actions, key)
        wanted = (
            _HELLO, WIRE_VERSION, self.expected.words, self.expected.actions, self.expected.key
        )  # fmt: skip
        if said != wanted:
            raise BadStart("it is another program")

    def search(
        self, limits: Limits, initial_states: Sequence[tuple[int, ...]], how: How = SIMPLY
    ) -> Result:
        """Search from these packed states. Raises ToolError, SearchTimeout, KeyboardInterrupt."""
        spill = os.fsencode(how.spill or "")
        body = struct.pack(
            "=QQdIIII",
            limits.max_states or 0,
            limits.max_memory or 0,
            limits.timeout_s or 0.0,
            limits.workers,
            len(initial_states),
            how.partial_order,
            len(spill),
        )
        words = [word for state in initial_states for word in state]
        words += how.coefficients
        self._deadline = None
        if limits.timeout_s is not None:
            self._deadline = time.monotonic() + limits.timeout_s + _GRACE_S
        self._send(_START, body + struct.pack(f"={len(words)}Q", *words) + spill)
        return self._result(self._await(_RESULT))

    def run_to(self, target: Target) -> Run | None:
        """A run to the target; None if none is that short.

        Raises NoRun; ToolError; SearchTimeout if the search had a time limit and does not keep it.
        """
        actions = target.actions
        self._send(
            _WITNESS,
            struct.pack(
                f"={4 + len(actions)}I",
                target.kind,
                target.number,
                target.depth,
                len(actions),
                *actions,
            ),
        )
        body = self._await(_RUN)
        limit, initial, length = struct.unpack_from("=3I", body)
        if limit:
            raise NoRun(_LIMITS[limit])
        if length == NEVER:
            return None
        return Run(initial, tuple(ActionId(a) for a in struct.unpack_from(f"={length}I", body, 12)))

    def judge(self, promise: int, timeout_s: float | None) -> Promised:
        """Whether some fair run breaks the promise. Raises ToolError, SearchTimeout, KeyboardInterrupt."""
        if timeout_s is not None:
            self._deadline = time.monotonic() + timeout_s + _GRACE_S
        self._send(_PROMISE, struct.pack("=I", promise))
        body = self._await(_PROMISED)
        self._deadline = None
        (
            end, limit, initial, stem, loop, everywhere, states, steps, components, memory, seconds
        ) = _PROMISED_HEAD.unpack_from(body)  # fmt: skip
        actions = struct.unpack_from(f"={stem + loop}I", body, _PROMISED_HEAD.size)
        return Promised(
            PromiseEnd(end), _LIMITS[limit], Run(initial, tuple(map(ActionId, actions))), stem,
            bool(everywhere), states, steps, components, memory, seconds,
        )  # fmt: skip

    def sample(self, count: int) -> list[tuple[int, ...]]:
        """So many visited states, packed, evenly from all depths; all if there are fewer. Raises ToolError."""
        self._send(_SAMPLE, struct.pack("=I", count))
        body = self._await(_STATES)
        return list(struct.iter_unpack(f"={self.expected.words}Q", body))

    def compare(
        self, split: int, reversed: bool, mask: Sequence[int], timeout_s: float | None
    ) -> Compared:
        """Whether runs from the initial states before number `split` show what the others cannot.

        `reversed`: whether the others show what those cannot. `mask` are the bits that are seen. Only
        after a complete search without symmetry. Raises ToolError, SearchTimeout, KeyboardInterrupt.
        """
        if timeout_s is not None:
            self._deadline = time.monotonic() + timeout_s + _GRACE_S
        self._send(_COMPARE, struct.pack(f"=2I{len(mask)}Q", split, reversed, *mask))
        body = self._await(_COMPARED)
        self._deadline = None
        end, limit, initial, length, *figures = _COMPARED_HEAD.unpack_from(body)
        states, steps, blocks, rounds, pairs, sets, memory, seconds = figures
        actions = struct.unpack_from(f"={length}I", body, _COMPARED_HEAD.size)
        return Compared(
            ComparedEnd(end), _LIMITS[limit], Run(initial, tuple(map(ActionId, actions))),
            states, steps, blocks, rounds, pairs, sets, memory, seconds,
        )  # fmt: skip

    def _result(self, body: bytes) -> Result:
        actions, watches, edges = (
            self.expected.actions, self.expected.watches, self.expected.edges
        )  # fmt: skip
        (
            outcome, limit, fault, number, fault_depth, depth,
            states, transitions, frontier, asleep, memory, slots, disk, sweeps,
            level, before, seconds,
        ) = _RESULT_HEAD.unpack_from(body)  # fmt: skip
        at = _RESULT_HEAD.size
        fired = struct.unpack_from(f"={actions}Q", body, at)
        rest = struct.unpack_from(f"={actions + watches + edges}I", body, at + 8 * actions)
        return Result(
            Outcome(outcome), _LIMITS[limit], FaultKind(fault), number, fault_depth, depth,
            states, transitions, frontier, asleep, memory, slots, disk, sweeps,
            level, before, seconds,
            fired, rest[:actions], rest[actions : actions + watches], rest[actions + watches :],
        )  # fmt: skip

    # --- records ------------------------------------------------------------------------

    def _send(self, type: int, body: bytes) -> None:
        assert self._process.stdin is not None
        data = memoryview(struct.pack("=2I", type, len(body)) + body)
        try:
            while data:
                data = data[self._process.stdin.write(data) or 0 :]
        except BrokenPipeError:
            raise self._died() from None

    def _await(self, wanted: int) -> bytes:
        while True:
            type, body = self._receive()
            if type == wanted:
                return body
            if type == _PROGRESS:
                depth, states, frontier, level, before, elapsed = struct.unpack("=5Qd", body)
                self.reached = Reached(depth, states, frontier, level, before)
                self.last_progress = Progress(depth, states, frontier, elapsed)
                self.watch(self.last_progress)
            elif type == _ERROR:
                raise ToolError(f"the search: {body.decode('utf-8', 'replace')}")
            else:
                raise ToolError(f"the search sent an unknown record ({type})")

    def _receive(self) -> tuple[int, bytes]:
        type, length = struct.unpack("=2I", self._read(8))
        return type, self._read(length)

    def _read(self, count: int) -> bytes:
        assert self._process.stdout is not None
        data = bytearray()
        while len(data) < count:
            if self._deadline is not None:
                left = self._deadline - time.monotonic()
                ready, _, _ = select.select([self._process.stdout], [], [], max(left, 0.0))
                if not ready:
                    raise SearchTimeout("it does not answer")
            part = self._process.stdout.read(count - len(data))
            if not part:
                raise self._died()
            data += part
        return bytes(data)

    def _died(self) -> ToolError:
        """Why the process went away, in words."""
        status = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read(4000).decode("utf-8", "replace").strip()
        detail = f":\n  {said}" if said else ""
        if status >= 0:
            return ToolError(f"the search ended early with status {status}{detail}")
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        if -status == signal.SIGKILL:
            detail = "; the system does that when memory runs out: --max-memory keeps the search below it"
        return ToolError(f"the search was killed by {name}{detail}")
