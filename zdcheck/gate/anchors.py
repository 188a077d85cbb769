"""Whether the kernel functions that specs model are still what they were when they were modelled.

`models "mm/gup.c:gup_fast_pte_range"` in a spec is an anchor. `record` keeps a digest of each
function's tokens; `compare` says which functions changed, were renamed or moved, or are gone.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from zdcheck.base.diagnostics import ToolError, UsageError
from zdcheck.base.files import real, write_whole
from zdcheck.base.plain import from_plain, to_plain
from zdcheck.gate.c_functions import Function, functions_of
from zdcheck.gate.git import QUIET
from zdcheck.gate.outcome import Finding

SCHEMA = "zdcheck-anchors/2"
_MODELS = re.compile(r'\bmodels\s+"([^"\n]+)"')
_MOST_DIFF_LINES = 40
_ALIKE = 0.7
"""Share of equal tokens from which a new function is taken for an old one with another name."""
_GIT_S = 60


@dataclass(frozen=True, slots=True)
class Anchor:
    """A function that some spec models; `function` is "" where the whole file is meant."""

    file: str
    function: str


@dataclass(frozen=True, slots=True)
class Use:
    """Where an anchor stands: a spec or module, and the line from 1."""

    anchor: Anchor
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """An anchor as it was: digests of the file and of the function, and the kernel's commit.

    `tokens` and `body` are "" for a whole file, `commit` where the tree was no git repository.
    All digests are "" where there was no such thing: specs model kernels of many years.
    """

    file: str
    function: str
    content: str
    tokens: str
    body: str
    commit: str

    @property
    def anchor(self) -> Anchor:
        """What it is a record of."""
        return Anchor(self.file, self.function)

    @property
    def was_there(self) -> bool:
        """Whether the tree had it."""
        return bool(self.content)


def anchors_in(paths: Iterable[Path], shown: Mapping[Path, str]) -> list[Use]:
    """The anchors in specs and modules, by their text. Raises UsageError for one that leaves the tree."""
    uses = []
    for path in paths:
        text = path.read_text("utf-8", "replace")
        for match in _MODELS.finditer(text):
            file, _, function = match[1].partition(":")
            line = text.count("\n", 0, match.start()) + 1
            parts = PurePosixPath(file).parts
            if file.startswith("/") or ".." in parts:
                raise UsageError(f"{shown[path]}:{line}: {file!r} is no path inside a kernel tree")
            uses.append(Use(Anchor(file, function), shown[path], line))
    return uses


class Kernel:
    """A kernel source tree; `since` reads what files were at that revision instead of from disk."""

    def __init__(self, folder: Path) -> None:
        """Raises UsageError if the folder is no kernel tree."""
        if not (folder / "Kbuild").is_file() and not (folder / "mm").is_dir():
            raise UsageError(f"--kernel {folder}: this is no kernel source tree")
        self.folder = folder
        self._functions: dict[tuple[str, str], dict[str, Function]] = {}

    @property
    def commit(self) -> str:
        """The commit that is checked out; "" if the tree is no git repository."""
        done = self._git("rev-parse", "HEAD")
        return done.strip().decode("ascii", "replace") if done is not None else ""

    def resolve(self, revision: str) -> str:
        """A revision's commit. Raises UsageError if there is none."""
        done = self._git(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
        )
        if done is None:
            raise UsageError(f"--since {revision}: no such revision in {self.folder}")
        return done.strip().decode("ascii", "replace")

    def content(self, file: str, commit: str = "") -> bytes | None:
        """A file's bytes, on disk or at a commit; None if it is not there."""
        if commit:
            return self._git("cat-file", "blob", f"{commit}:{file}")
        path = self.folder / file
        try:
            inside = real(path).is_relative_to(real(self.folder))
            return path.read_bytes() if inside and path.is_file() else None
        except OSError as error:
            raise ToolError(f"{path}: {error.strerror}") from None

    def functions(self, file: str, commit: str = "") -> dict[str, Function]:
        """The functions that a file defines; none if it is not there."""
        key = (file, commit)
        if key not in self._functions:
            text = self.content(file, commit)
            self._functions[key] = {} if text is None else functions_of(text)
        return self._functions[key]

    def holders_of(self, function: str, near: str) -> list[str]:
        """C files that name the function: below the same top folder, without git beside that file."""
        top = str(PurePosixPath(near).parts[0])
        found = self._git(
            "grep", "-l", "-z", "-w", "-e", function, "--", f"{top}/*.c", f"{top}/*.h"
        )
        if found is not None:
            return [name for name in found.decode("utf-8", "replace").split("\0") if name]
        if self.commit:
            return []  # git looked, and there is none
        word = re.compile(rb"\b" + re.escape(function.encode()) + rb"\b")
        beside = PurePosixPath(near).parent
        names = sorted(p.name for p in (self.folder / beside).glob("*.[ch]"))
        return [
            str(beside / name)
            for name in names
            if word.search(self.content(str(beside / name)) or b"")
        ]

    def _git(self, *words: str) -> bytes | None:
        try:
            done = subprocess.run(
                ["git", *QUIET, "-C", str(self.folder), *words],
                capture_output=True,
                check=False,
                timeout=_GIT_S,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout if done.returncode == 0 else None


def record(kernel: Kernel, anchors: Iterable[Anchor], commit: str = "") -> list[Recorded]:
    """The anchors as they are now (or were at a commit), those that are not in the tree included."""
    head = commit or kernel.commit
    recorded = []
    for anchor in sorted(set(anchors), key=lambda a: (a.file, a.function)):
        content = kernel.content(anchor.file, commit)
        function = (
            kernel.functions(anchor.file, commit).get(anchor.function) if anchor.function else None
        )
        if content is None or (anchor.function and function is None):
            recorded.append(Recorded(anchor.file, anchor.function, "", "", "", head))
            continue
        recorded.append(
            Recorded(
                anchor.file,
                anchor.function,
                hashlib.sha256(content).hexdigest()[:32],
                function.tokens if function else "",
                function.body if function else "",
                head,
            )
        )
    return recorded


def compare(kernel: Kernel, uses: Iterable[Use], recorded: Iterable[Recorded]) -> Iterator[Finding]:
    """A warning at each place that models a function which is not what it was."""
    known = {record.anchor: record for record in recorded}
    places: defaultdict[Anchor, list[Use]] = defaultdict(list)
    for use in uses:
        places[use.anchor].append(use)
    for anchor, at in places.items():
        if anchor not in known:
            id, text = (
                "anchor_unknown",
                f"{_name(anchor)} was never recorded: zdcheck anchors record",
            )
        else:
            found = _difference(kernel, known[anchor])
            if found is None:
                continue
            id, text = found
        for use in at:
            yield Finding(id, "warning", use.path, use.line, 1, text)


def _name(anchor: Anchor) -> str:
    return f"{anchor.function} in {anchor.file}" if anchor.function else anchor.file


def _difference(kernel: Kernel, was: Recorded) -> tuple[str, str] | None:
    content = kernel.content(was.file)
    name = _name(was.anchor)
    if not was.was_there:
        is_there = (
            was.function in kernel.functions(was.file) if was.function else content is not None
        )
        return ("anchor_new", f"{name} is in the tree now, and was not") if is_there else None
    if content is None:
        return "anchor_gone", f"{was.file} is gone{_elsewhere(kernel, was)}"
    if hashlib.sha256(content).hexdigest()[:32] == was.content:
        return None
    if not was.function:
        return None
    functions = kernel.functions(was.file)
    now = functions.get(was.function)
    if now is None:
        for function in functions.values():
            if function.body == was.body:
                return "anchor_renamed", f"{name} is called {function.name} now"
        elsewhere = _elsewhere(kernel, was)
        if not elsewhere and (found := _alike(kernel, was)) is not None:
            message = f"{name} is gone; {found.name} is new and much like it"
            return "anchor_renamed", f"{message}{_diff(kernel, was, found)}"
        return "anchor_gone", f"{name} is gone{elsewhere}"
    if now.tokens == was.tokens:
        return None
    return "anchor_changed", f"{name} changed{_diff(kernel, was, now)}"


def home_of(kernel: Kernel, anchor: Anchor) -> str | None:
    """Another file of the tree that defines the function; None if none does."""
    if not anchor.function:
        return None
    holders = kernel.holders_of(anchor.function, anchor.file)
    return next((f for f in holders if anchor.function in kernel.functions(f)), None)


def _elsewhere(kernel: Kernel, was: Recorded) -> str:
    home = home_of(kernel, was.anchor)
    return "" if home is None else f"; {home} defines it now"


def _alike(kernel: Kernel, was: Recorded) -> Function | None:
    """A function that came into the file since, and says nearly what the one that is gone did."""
    before = kernel.functions(was.file, was.commit) if was.commit else {}
    if was.function not in before:
        return None
    old = list(before[was.function].words)
    found = None
    best = _ALIKE
    for function in kernel.functions(was.file).values():
        if function.name not in before:
            matcher = difflib.SequenceMatcher(None, old, list(function.words), autojunk=False)
            if matcher.real_quick_ratio() >= best and matcher.quick_ratio() >= best:
                ratio = matcher.ratio()
                if ratio >= best:
                    found, best = function, ratio
    return found


def _diff(kernel: Kernel, was: Recorded, now: Function) -> str:
    """What changed, where git still has what was recorded."""
    before = kernel.functions(was.file, was.commit).get(was.function) if was.commit else None
    if before is None:
        return ""
    lines = list(
        difflib.unified_diff(
            before.text.splitlines(),
            now.text.splitlines(),
            f"{was.file} at {was.commit[:12]}",
            f"{was.file} now",
            lineterm="",
        )
    )
    if len(lines) > _MOST_DIFF_LINES:
        lines = [*lines[:_MOST_DIFF_LINES], f"… {len(lines) - _MOST_DIFF_LINES} more lines"]
    return ":\n" + "\n".join(line.expandtabs() for line in lines)


def load(path: Path) -> list[Recorded]:
    """What was recorded. Raises ToolError if there is no such file or it is damaged."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        raise ToolError(f"{path} does not exist: zdcheck anchors record writes it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ToolError(f"{path} cannot be read: {error}") from None
    if not lines:
        raise _damaged(path, 1, "the file is empty")
    recorded = []
    for number, line in enumerate(lines, 1):
        try:
            value = json.loads(line)
            if number == 1:
                if value != {"schema": SCHEMA}:
                    raise ToolError(f"the first line is not the schema {SCHEMA!r}")
                continue
            recorded.append(from_plain(Recorded, value, "anchor"))
        except (ValueError, RecursionError, ToolError) as error:
            raise _damaged(path, number, str(error)) from None
    return recorded


def _damaged(path: Path, line: int, why: str) -> ToolError:
    return ToolError(f"{path}:{line} is damaged: {why}; `zdcheck anchors record` writes it anew")


def save(path: Path, recorded: Iterable[Recorded]) -> None:
    """Write the file whole or not at all."""
    lines = [json.dumps({"schema": SCHEMA}), *(json.dumps(to_plain(r)) for r in recorded)]
    write_whole(path, "\n".join(lines) + "\n")
