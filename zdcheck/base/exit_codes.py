"""The process's exit status: one table for every command."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What each status means; docs/reference/cli.md has the same table."""

    OK = 0
    """Every check gave its expected verdict."""
    UNEXPECTED = 1
    """Some check did not; vacuous ones, and specs with dead statements, included."""
    WRONG_INPUT = 2
    """The spec or the command line is wrong, or there was nothing to check."""
    INCONCLUSIVE = 3
    """A limit was reached first."""
    INTERNAL = 70
    """zdcheck itself is wrong: engines disagree, a counterexample does not replay, a crash."""
    INTERRUPTED = 130
    """Ctrl-C; what was found so far was reported."""


SEVERITY = (
    ExitCode.OK,
    ExitCode.INTERRUPTED,
    ExitCode.INCONCLUSIVE,
    ExitCode.UNEXPECTED,
    ExitCode.WRONG_INPUT,
    ExitCode.INTERNAL,
)
"""Where several apply the last one wins: an interrupted run that already found something says so."""


def worst(*codes: ExitCode) -> ExitCode:
    """The one that the process ends with; OK of nothing."""
    return max(codes, key=SEVERITY.index, default=ExitCode.OK)
