"""One mistake: a piece of a source file and what stands there instead."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """`text[begin:end]` of `file` becomes `now`. `file` is relative to the repository."""

    file: str
    text: str
    begin: int
    end: int
    kind: str
    now: str

    @property
    def was(self) -> str:
        """What stood there."""
        return self.text[self.begin : self.end]

    @property
    def line(self) -> int:
        """Where it begins, from 1."""
        return self.text.count("\n", 0, self.begin) + 1

    @property
    def mutated(self) -> str:
        """The whole file with the mistake."""
        return self.text[: self.begin] + self.now + self.text[self.end :]

    @property
    def key(self) -> str:
        """Another one if anything in the file changes."""
        return hashlib.sha256(f"{self.file}\n{self.mutated}".encode()).hexdigest()[:16]

    @property
    def context(self) -> str:
        """The line that it begins in, to be recognised when lines move."""
        first = self.text.rfind("\n", 0, self.begin) + 1
        last = self.text.find("\n", self.begin)
        return self.text[first : last if last >= 0 else None].strip()

    def __str__(self) -> str:
        was, now = (" ".join(part.split()) for part in (self.was, self.now))
        return f"{self.file}:{self.line}: {self.kind}: {was} -> {now or '(nothing)'}"
