"""Compiling generated C, and the cache of what was compiled.

What is cached is known by the content of everything it was made from. A file of the cache ends
with the checksum of the rest, so that a damaged one is noticed and made again, and comes to its
place by an atomic rename, so that several processes can build the same at once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from zdcheck.base.diagnostics import ToolError

Sanitizer = Literal["", "address,undefined", "thread"]
Optimisation = Literal["-O0", "-Og", "-O2"]

RUNTIME = Path(__file__).parent / "runtime"
_CHECKSUM = 32
_KEEP = 1024
"""Files that the cache holds at most; the ones unused for longest go."""
_SCRATCH = "build-"
_STALE_S = 24 * 3600.0
"""No compiler takes so long: a directory that old belongs to a process that was killed."""

_PROBE = """\
#include <pthread.h>
#include <stdatomic.h>

int main(void)
{
    return 0;
}
"""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C compiler: the words that call it, and what tells it from others."""

    command: tuple[str, ...]
    identity: str


@dataclass(frozen=True, slots=True)
class Runtime:
    """The fixed part of a search, for states of so many words; `compact` keeps 64 bits of hash of each."""

    words: int
    compact: bool = False


@dataclass(frozen=True)
class Built:
    """A program that can be run until its `Workshop` is closed."""

    path: Path
    compile_s: float
    from_cache: bool


def find_compiler(environment: Mapping[str, str] = os.environ) -> Compiler | None:
    """`$CC`, else the first of cc, gcc and clang; None if there is none."""
    named = environment.get("CC", "").split()
    for command in [named] if named else [["cc"], ["gcc"], ["clang"]]:
        path = shutil.which(command[0], path=environment.get("PATH"))
        if path is None:
            continue
        real = Path(path).resolve()
        about = real.stat()
        identity = f"{real} {about.st_size} {about.st_mtime_ns} {' '.join(command[1:])}"
        return Compiler((path, *command[1:]), identity)
    return None


@cache
def _runtime_files() -> Mapping[str, str]:
    """The runtime's sources, read once: a process may build for hundreds of systems."""
    files = sorted(RUNTIME.glob("*.[ch]"))
    return {path.name: path.read_text(encoding="utf-8") for path in files}


@cache
def _runtime_text() -> str:
    return "".join(f"{name}\n{text}" for name, text in _runtime_files().items())


def cache_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Where compiled searches are kept; it need not exist."""
    if own := environment.get("ZDCHECK_CACHE_DIR"):
        return Path(own)
    if base := environment.get("XDG_CACHE_HOME"):
        return Path(base) / "zdcheck"
    return Path(environment.get("HOME", "/nonexistent")) / ".cache" / "zdcheck"


@dataclass
class Workshop:
    """Builds programs. What cannot be kept in the cache lives in a temporary directory until the end."""

    compiler: Compiler
    cache: Path
    sanitizer: Sanitizer = ""
    _temporary: tempfile.TemporaryDirectory[str] | None = field(default=None, init=False)

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, *_: object) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()

    # --- what is built ------------------------------------------------------------------

    def refuses(self) -> str | None:
        """Why the compiler cannot make programs that run here, in words; None if it can.

        Tried once for each compiler; the cache remembers that it could.
        """
        command = self.compiler.command[0]
        name = f"{self._key(_PROBE, *self._link_flags())}.probe"
        if self._cached(name) is not None:
            return None

        def make(directory: Path) -> Path:
            (directory / "probe.c").write_text(_PROBE, encoding="utf-8")
            flags = ("-std=gnu11", *self._link_flags())
            self._wait(self._start(directory, *flags, "probe.c", "-o", "probe"))
            return directory / "probe"

        try:
            made = self._built(name, make)
            runs = subprocess.run([made], check=False, stdin=subprocess.DEVNULL).returncode == 0
        except ToolError as error:
            return str(error)
        except OSError:
            runs = False
        if not runs:
            made.unlink(missing_ok=True)
        return None if runs else f"what the C compiler `{command}` makes does not run here"

    def has(self, text: str, runtime: Runtime, level: Optimisation) -> bool:
        """Whether the search for one system need not be compiled."""
        return self._cached(self._search_name(text, runtime, level)) is not None

    def program(
        self, text: str, runtime: Runtime, level: Optimisation, *, afresh: bool = False
    ) -> Built:
        """The search for one system. `afresh` ignores what the cache has.

        Raises ToolError if it cannot be compiled.
        """
        started = time.monotonic()
        flags = (*self._flags(runtime), "-w", level)  # a spec may ask what is always true
        name = self._search_name(text, runtime, level)
        if not afresh and (found := self._cached(name)) is not None:
            return Built(found, time.monotonic() - started, True)

        def make(directory: Path) -> Path:
            (directory / "model.c").write_text(text, encoding="utf-8")
            (directory / "model.h").write_text(_runtime_files()["model.h"], encoding="utf-8")
            model = self._start(directory, *flags, "-c", "model.c", "-o", "model.o")
            try:
                self._put_runtime(directory / "runtime.o", runtime)
            except BaseException:
                _abandon(model)
                raise
            self._wait(model)
            link = ("model.o", "runtime.o", "-o", "search", *self._link_flags())
            self._wait(self._start(directory, *link))
            return directory / "search"

        path = self._built(name, make)
        return Built(path, time.monotonic() - started, False)

    def _search_name(self, text: str, runtime: Runtime, level: Optimisation) -> str:
        return f"{self._key(_runtime_text(), text, *self._flags(runtime), level)}.search"

    def _put_runtime(self, target: Path, runtime: Runtime) -> None:
        def make(inner: Path) -> Path:
            # Not from where the package lies: what is compiled must be what the key was made of.
            for name, text in _runtime_files().items():
                (inner / name).write_text(text, encoding="utf-8")
            sources = [name for name in _runtime_files() if name.endswith(".c")]
            flags = (*self._flags(runtime), "-w", "-O2", "-c")
            other = self._start(inner, *flags, *sources[1::2])
            try:
                self._wait(self._start(inner, *flags, *sources[::2]))
            except BaseException:
                _abandon(other)
                raise
            self._wait(other)
            objects = sorted(path.name for path in inner.glob("*.o"))
            self._wait(self._start(inner, "-r", "-nostdlib", "-o", "runtime", *objects))
            return inner / "runtime"

        name = f"{self._runtime_key(runtime)}.runtime"
        shutil.copyfile(self._cached(name) or self._built(name, make), target)

    def _flags(self, runtime: Runtime) -> tuple[str, ...]:
        flags = ["-std=gnu11", "-pipe", "-pthread", f"-DZD_WORDS={runtime.words}"]
        if runtime.compact:
            flags.append("-DZD_COMPACT")
        if self.sanitizer:
            flags += [f"-fsanitize={self.sanitizer}", "-fno-sanitize-recover=all", "-g"]
            flags.append("-DZD_SANITIZED")
        return tuple(flags)

    def _link_flags(self) -> tuple[str, ...]:
        if self.sanitizer:
            return ("-pthread", f"-fsanitize={self.sanitizer}")
        return ("-pthread", "-s")

    # --- keys ---------------------------------------------------------------------------

    def _key(self, *parts: str) -> str:
        digest = hashlib.sha256(self.compiler.identity.encode())
        for part in parts:
            data = part.encode()
            digest.update(len(data).to_bytes(8, "little"))
            digest.update(data)
        return digest.hexdigest()[:40]

    def _runtime_key(self, runtime: Runtime) -> str:
        return self._key(_runtime_text(), *self._flags(runtime))

    # --- the cache ----------------------------------------------------------------------

    def _cached(self, name: str) -> Path | None:
        path = self.cache / name
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if hashlib.sha256(data[:-_CHECKSUM]).digest() != data[-_CHECKSUM:]:
            return None
        with suppress(OSError):
            os.utime(path)
        return path

    def _built(self, name: str, make: Callable[[Path], Path]) -> Path:
        """Make a file and put it into the cache, or where that cannot be, into the temporary directory."""
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            target = _made(self.cache / name, make)
            self._prune()
            return target
        except OSError:
            pass  # read-only, full, or no directory at all
        except _CompilerFailed as failed:
            if not failed.may_be_the_disk:
                raise ToolError(str(failed)) from None
        try:
            return _made(Path(self._temporary_directory()) / name, make)
        except OSError as error:
            raise ToolError(f"cannot write the compiled search: {error}") from None
        except _CompilerFailed as failed:
            raise ToolError(str(failed)) from None

    def _temporary_directory(self) -> str:
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="zdcheck-")
        return self._temporary.name

    def _prune(self) -> None:
        """Forget the programs that were not used for the longest time, and what killed processes left behind."""
        with suppress(OSError):
            entries = list(os.scandir(self.cache))
            for entry in entries:
                if (
                    entry.name.startswith(_SCRATCH)
                    and entry.stat().st_mtime < time.time() - _STALE_S
                ):
                    shutil.rmtree(entry.path, ignore_errors=True)
            files = [entry for entry in entries if entry.is_file()]
            if len(files) <= _KEEP:
                return
            files.sort(key=lambda entry: entry.stat().st_mtime)
            for entry in files[: len(files) - 3 * _KEEP // 4]:
                with suppress(OSError):
                    Path(entry.path).unlink()

    # --- the compiler -------------------------------------------------------------------

    def _start(self, directory: Path, *arguments: str) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                [*self.compiler.command, *arguments],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, "TMPDIR": str(directory), "LC_ALL": "C"},
            )
        except OSError as error:
            raise _CompilerFailed(
                f"the C compiler `{self.compiler.command[0]}` cannot be run: {error.strerror}"
            ) from None

    def _wait(self, job: subprocess.Popen[bytes]) -> None:
        try:
            _, errors = job.communicate()
        except BaseException:
            _abandon(job)
            raise
        if job.returncode != 0:
            raise _what_it_said(self.compiler.command[0], job.returncode, errors)


def _abandon(job: subprocess.Popen[bytes]) -> None:
    job.kill()
    job.communicate()


class _CompilerFailed(Exception):
    def __init__(self, message: str, *, may_be_the_disk: bool = False) -> None:
        super().__init__(message)
        self.may_be_the_disk = may_be_the_disk


def _what_it_said(command: str, status: int, errors: bytes) -> _CompilerFailed:
    text = errors.decode("utf-8", "replace").strip()
    how = f"was killed by signal {-status}" if status < 0 else f"failed with status {status}"
    # A compiler says what is wrong first, and later what follows from it.
    message = "\n  ".join([f"the C compiler `{command}` {how}", *text.splitlines()[:6]])
    signs = ("No space left", "Read-only file system", "file too large")
    return _CompilerFailed(message, may_be_the_disk=any(sign in text for sign in signs))


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _made(target: Path, make: Callable[[Path], Path]) -> Path:
    with _scratch(target.parent) as directory:
        _sealed(make(directory)).replace(target)
    return target


def _sealed(path: Path) -> Path:
    """Append the checksum to a finished file."""
    data = path.read_bytes()
    with path.open("ab") as file:
        file.write(hashlib.sha256(data).digest())
    return path
