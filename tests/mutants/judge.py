"""What the tests say of a mistake: they run on a copy of the repository, in a process of their own."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.mutants.judging import cpu, known_costs
from tests.mutants.mutant import Mutant
from tests.mutants.sample import JUDGES, ROOT, Judges
from tests.support.compilers import quick_compiler

Verdict = Literal["caught", "timeout", "survived"]

_COPIED = ("zdcheck", "models", "specs", "tests", "docs", "bench", "pyproject.toml", "README.md")
_NOT_COPIED = shutil.ignore_patterns("found", "*.png", "results")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_SECONDS = 40.0
"""CPU seconds beyond what the tests take when nothing is wrong."""
_IDLE = 12.0
"""Seconds without work after which something waits for ever; other work on the machine is no excuse."""
_MEMORY = 8 << 30


@dataclass(frozen=True, slots=True)
class Judgement:
    """`by` is the test that noticed; `cpu_s` what all tests that ran cost, in CPU seconds."""

    verdict: Verdict
    by: str
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Court:
    """A copy of the repository, with what its tests cost when nothing is wrong."""

    root: Path

    @property
    def copy(self) -> Path:
        """The copied repository."""
        return self.root / "copy"

    def prepare(self) -> None:
        """Run the judges on what is right, those that are new here, and remember what they cost."""
        known = known_costs(self.costs)
        targets = {target for judges in JUDGES for target in (*judges.near, *judges.wide)}
        missing = sorted(t for t in targets if not any(test.startswith(t) for test in known))
        if missing:
            said = self._tests(missing, ("--measure",), 3600.0, self.root / "cache").stdout
            print(said[-2000:])

    def judge(self, mutant: Mutant, judges: Judges, budget: float) -> Judgement:
        """Put the mistake in, ask the judges until one notices, and put it right again."""
        path = self.copy / mutant.file
        _put(path, mutant.mutated)
        before = cpu()
        try:
            with tempfile.TemporaryDirectory(dir=self.root) as own:
                # Compiled searches are known by their content, but a mistake may be in what makes them known.
                cache = Path(own) / "cache"
                shutil.copytree(self.root / "cache", cache, copy_function=os.link)
                options = ("-x", "--near", str(len(judges.near)), "--budget", str(budget))
                targets = (*judges.near, *judges.wide)
                done = self._tests(targets, options, budget + _SECONDS, cache)
        except subprocess.TimeoutExpired:
            return Judgement("timeout", "", round(cpu() - before, 1))
        finally:
            _put(path, mutant.text)
        took = round(cpu() - before, 1)
        if done.returncode == 0:
            return Judgement("survived", "", took)
        found = _FAILED.search(done.stdout)
        return Judgement("caught", found[1] if found else f"status {done.returncode}", took)

    @property
    def _quick(self) -> dict[str, str]:
        script = quick_compiler(self.root)
        return {} if script is None else {"CC": str(script)}

    @property
    def costs(self) -> Path:
        """What each test costs."""
        return self.root / "costs.json"

    def _tests(
        self, targets: Sequence[str], options: tuple[str, ...], seconds: float, cache: Path
    ) -> subprocess.CompletedProcess[str]:
        command = [
            *(
                sys.executable,
                "-m",
                "pytest",
                "-m",
                "not slow",
                "-q",
                "--no-header",
                "--tb=no",
                "-rfE",
            ),
            *("-p", "no:cacheprovider", "-p", "tests.mutants.judging", "--costs", str(self.costs)),
            *("--basetemp", str(self.root / "tmp"), *options, *targets),
        ]
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.copy),
            "ZDCHECK_CACHE_DIR": str(cache),
            "PYTHONHASHSEED": "0",
            # Half of a short run would be compiling what never changes.
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(self.root / "bytecode"),
            **self._quick,
        }
        with (
            tempfile.TemporaryFile("w+", errors="replace") as said,
            subprocess.Popen(
                command,
                cwd=self.copy,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_bounded,
            ) as process,
        ):
            try:
                _watch(process, seconds)
            finally:
                _end(process)
            said.seek(0)
            return subprocess.CompletedProcess(command, process.returncode, said.read())


def _watch(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for its end. Raises TimeoutExpired after so many CPU seconds, or if for a while it used none."""
    used, since = 0.0, time.monotonic()
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
            return
        now = session_cpu(process.pid)
        if now > used + 0.2:
            used, since = now, time.monotonic()
        if now > seconds or time.monotonic() - since > _IDLE:
            raise subprocess.TimeoutExpired(process.args, seconds)


def session_cpu(session: int) -> float:
    """CPU seconds of the processes of a session and of those that they waited for."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # What follows the name, which may have spaces in it: state, parent, group, session, ...
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _put(path: Path, text: str) -> None:
    """Bytecode is known by the second in which its source was written, so no two may be the same."""
    before = int(path.stat().st_mtime)
    path.write_text(text, encoding="utf-8")
    now = max(int(time.time()), before + 1)
    os.utime(path, (now, now))


def _bounded() -> None:
    """A mistake may want all memory there is."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def _end(process: subprocess.Popen[str]) -> None:
    """Nothing that the tests started goes on."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def court(root: Path | None = None) -> Iterator[Court]:
    """A fresh copy, in a directory that is kept if it is named."""
    with tempfile.TemporaryDirectory(prefix="zdcheck-mutants-") as own:
        place = Court(root or Path(own))
        (place.root / "cache").mkdir(parents=True, exist_ok=True)
        shutil.rmtree(place.copy, ignore_errors=True)
        place.copy.mkdir()
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, place.copy / name, ignore=_NOT_COPIED)
            else:
                shutil.copy2(source, place.copy / name)
        yield place
