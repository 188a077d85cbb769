"""Interrupts that come at a bad moment."""

from __future__ import annotations

import signal
import sys
from types import FrameType

_AGAIN_S = 0.01


def keep_interrupts() -> None:
    """From now on an interrupt that comes while an object is finalised comes again a moment later.

    What a finaliser raises, Python prints and forgets. Z3's objects have finalisers, thousands in a second,
    so without this an interrupt can be lost there. Only for the main thread, as interrupts are.
    """
    usual = sys.unraisablehook

    def look_at(what: sys.UnraisableHookArgs) -> None:
        if issubclass(what.exc_type, KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        else:
            usual(what)

    signal.signal(signal.SIGALRM, _interrupt)
    sys.unraisablehook = look_at


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
