"""Interrupts that come at a bad moment."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Any

UNSAFE = "z3"
"""A library whose own Python code must not be interrupted.

It makes objects in steps, so an interrupt can leave one half made, whose finaliser then fails; and ctypes turns what is
raised while it converts an argument into an error of its own.
"""


def keep_interrupts() -> None:
    """From now on an interrupt is raised where it is heard, or as soon as the library has returned.

    What a finaliser raises Python prints and forgets, so an interrupt is raised after it again. Where interrupts are
    ignored, as in the background jobs of a shell, they stay so. Only for the main thread, as interrupts are.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    usual = sys.unraisablehook

    def look_at(what: sys.UnraisableHookArgs) -> None:
        if issubclass(what.exc_type, KeyboardInterrupt):
            _raise_in(_safe(sys._getframe(1)))
        else:
            usual(what)

    sys.unraisablehook = look_at


def interrupt(number: int, frame: FrameType | None) -> None:
    """A handler of signals: raises KeyboardInterrupt, if need be a moment later."""
    if frame is None or (safe := _safe(frame)) is frame:
        raise KeyboardInterrupt
    _raise_in(safe)


def _safe(frame: FrameType) -> FrameType:
    """The innermost frame that is not the library's, from this one outwards."""
    while frame.f_globals.get("__name__", "").partition(".")[0] == UNSAFE and frame.f_back:
        frame = frame.f_back
    return frame


def _raise_in(frame: FrameType) -> None:
    """The next thing that happens in this frame is an interrupt."""
    frame.f_trace = _raise
    frame.f_trace_opcodes = True
    sys.settrace(_no_trace)


def _raise(frame: FrameType, event: str, value: Any) -> None:
    frame.f_trace_opcodes = False
    sys.settrace(None)
    raise KeyboardInterrupt


def _no_trace(frame: FrameType, event: str, value: Any) -> None:
    """Nothing is traced in frames that begin later."""
