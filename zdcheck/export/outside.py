"""Other people's checkers as judges: rumur and SPIN, run on an exported system.

They are run as they are installed, in a temporary directory, with every reduction off, so that
their states are the system's states and must be as many.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zdcheck.base.diagnostics import ToolError
from zdcheck.engines.explicit.build import find_compiler
from zdcheck.export.murphi import murphi
from zdcheck.export.promela import promela
from zdcheck.ir.system import System

Judge = Literal["rumur", "spin"]
JUDGES: tuple[Judge, ...] = ("rumur", "spin")
_OPTIMISED_ACTIONS = 1000
"""Of more, to optimise what the judges generate takes longer than they need to search it: minutes instead of seconds."""
_TRIAL_CPU_S = 20
"""What SPIN's checker may use when tcc has compiled it, before it is compiled again to be quicker."""
_SPIN_DEPTH = 10_000_000
"""Steps that SPIN's depth-first search remembers; each takes some 50 bytes of what it may use."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge says. `states` are all reachable ones, None unless it holds.

    `gave-up` says in `note` why: the time was up, or its own limits were reached.
    """

    judge: Judge
    verdict: Literal["holds", "violated", "gave-up"]
    states: int | None
    elapsed_s: float
    note: str = ""


def is_installed(judge: Judge) -> bool:
    """Whether the judge can be run here; it needs a C compiler too."""
    return shutil.which(judge) is not None and find_compiler() is not None


def ask(judge: Judge, system: System, timeout_s: float, max_memory: int) -> Judgement:
    """Let the judge check the system, for so many seconds and in so many bytes.

    Raises ToolError if the judge or the compiler refuses the model: an exporter is wrong then, or
    the judge too old.
    """
    asks = _ask_rumur if judge == "rumur" else _ask_spin
    return _in_court(judge, asks, system, timeout_s, max_memory)


def ask_about_progress(system: System, timeout_s: float, max_memory: int) -> Judgement:
    """Let SPIN look for a fair run that breaks the only progress property. It counts no states.

    The system has no other violation. Raises as `ask`.
    """
    assert len(system.progress) == 1
    return _in_court("spin", _ask_spin_about_progress, system, timeout_s, max_memory)


def _in_court(
    judge: Judge,
    asks: Callable[[_Court, System], Answer],
    system: System,
    timeout_s: float,
    max_memory: int,
) -> Judgement:
    started = time.monotonic()
    court = _Court(started + timeout_s, max_memory)
    with tempfile.TemporaryDirectory(prefix="zdcheck-") as directory:
        court.directory = Path(directory)
        try:
            found = asks(court, system)
        except subprocess.TimeoutExpired:
            found = ("gave-up", None, f"no answer in {timeout_s:.0f} s")
        except _OutOfMemory as error:
            found = ("gave-up", None, str(error))
    return Judgement(judge, found[0], found[1], time.monotonic() - started, found[2])


Answer = tuple[Literal["holds", "violated", "gave-up"], int | None, str]


_NO_MEMORY = (
    "out of memory",
    "memory exhausted",
    "bad_alloc",
    "Cannot allocate memory",
    "Killed signal",
)
"""What compilers and judges say when that is what they lack."""


class _OutOfMemory(Exception):
    pass


class _Court:
    """Runs commands in one directory until a deadline."""

    def __init__(self, deadline: float, max_memory: int) -> None:
        self.deadline = deadline
        self.max_memory = max_memory
        self.directory = Path()

    def prepare(self, *command: str) -> None:
        """Run what must succeed. Raises ToolError if it does not, _OutOfMemory if that is why."""
        done = self.run(*command)
        if done.returncode == 0:
            return
        said = self.why(done)
        raise ToolError(f"{Path(command[0]).name} refuses the exported model: {said}")

    def why(self, done: subprocess.CompletedProcess[str]) -> str:
        """The last that a command said. Raises _OutOfMemory if memory is what it lacked."""
        if any(sign in text for sign in _NO_MEMORY for text in (done.stdout, done.stderr)):
            name = Path(done.args[0]).name
            raise _OutOfMemory(f"{name} needs more memory than {self.max_memory >> 20:,} MiB")
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        return lines[-1].strip() if lines else f"ended with status {done.returncode}"

    def run(
        self, *command: str, cpu_s: int = resource.RLIM_INFINITY
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in its own process group, which does not outlive this call, nor so many CPU seconds."""

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_AS, (self.max_memory, self.max_memory))
            resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))

        process = subprocess.Popen(
            command,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=limit,
        )
        try:
            left = max(self.deadline - time.monotonic(), 0.0)
            out, err = process.communicate(timeout=left)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        return subprocess.CompletedProcess(command, process.returncode, out, err)


def _compile(court: _Court, system: System, *arguments: str) -> None:
    compiler = find_compiler()
    if compiler is None:
        raise ToolError("there is no C compiler (cc, gcc or clang) for the exported model")
    level = "-O1" if len(system.actions) <= _OPTIMISED_ACTIONS else "-O0"
    court.prepare(*compiler.command, "-w", level, *arguments)


def _ask_rumur(court: _Court, system: System) -> Answer:
    (court.directory / "model.m").write_text(murphi(system), encoding="utf-8")
    options = ("--deadlock-detection", "stuck", "--symmetry-reduction", "off", "--threads", "1")
    court.prepare("rumur", *options, "--output", "model.c", "model.m")
    _compile(court, system, "-march=native", "model.c", "-o", "model", "-lpthread")
    done = court.run(str(court.directory / "model"))
    found = re.search(r"^\s*(\d+) states, \d+ rules fired", done.stdout, re.MULTILINE)
    if found is None or "State Space Explored" not in done.stdout:
        return "gave-up", None, court.why(done)
    if "No error found" in done.stdout:
        return "holds", int(found[1]), ""
    return "violated", None, ""


def _ask_spin(court: _Court, system: System) -> Answer:
    (court.directory / "model.pml").write_text(promela(system), encoding="utf-8")
    court.prepare("spin", "-o2", "-a", "model.pml")
    done = _search_by_spin(court, system, ("-DBFS", "-DSAFETY"), ())
    found = re.search(r"^\s*(\d+) states, stored", done.stdout, re.MULTILINE)
    errors = re.search(r"errors: (\d+)", done.stdout)
    if errors and int(errors[1]) > 0:
        return "violated", None, ""
    if found is None or errors is None or "Search not completed" in done.stdout:
        return "gave-up", None, court.why(done)
    has_start = len(system.initial_states) > 1
    return "holds", int(found[1]) - has_start, ""


def _search_by_spin(
    court: _Court, system: System, defined: Sequence[str], options: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    """Compile SPIN's checker and run it.

    Where tcc is installed it compiles first: most searches take less than a better compiler would for a checker
    that is used once.
    """
    sources = (*defined, "-DNOREDUCE", "-DVECTORSZ=16384", "pan.c", "-o", "pan")
    command = (str(court.directory / "pan"), *options)
    if (tiny := shutil.which("tcc")) is not None:
        court.prepare(tiny, "-w", *sources)
        done = court.run(*command, cpu_s=_TRIAL_CPU_S)
        if done.returncode not in (-signal.SIGXCPU, -signal.SIGKILL):
            return done
    _compile(court, system, *sources)
    return court.run(*command)


def _ask_spin_about_progress(court: _Court, system: System) -> Answer:
    (court.directory / "model.pml").write_text(promela(system), encoding="utf-8")
    court.prepare("spin", "-o2", "-DPROGRESS", "-a", "model.pml")
    done = _search_by_spin(court, system, (), ("-a", f"-m{_SPIN_DEPTH}"))
    errors = re.search(r"errors: (\d+)", done.stdout)
    if "acceptance cycle" in done.stdout and errors and int(errors[1]) > 0:
        return "violated", None, ""
    if errors is None or int(errors[1]) > 0 or "Search not completed" in done.stdout:
        return "gave-up", None, court.why(done)
    return (
        ("gave-up", None, "its stack is full")
        if "too small" in done.stdout
        else ("holds", None, "")
    )
