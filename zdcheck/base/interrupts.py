"""Interrupts that come at a bad moment."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

UNSAFE = "z3"
"""A library whose own Python code must not be interrupted.

It makes objects in steps, so an interrupt can leave one half made, whose finaliser then fails; and ctypes turns what is
raised while it converts an argument into an error of its own.
"""


_AGAIN_S = 0.02


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


def on_interrupt(end: Callable[[], bool]) -> None:
    """From now on an interrupt also calls `end`, in a thread of its own, while the main thread may be in C.

    `end` makes that C return; it is called again and again until it says that there is nothing to end. A forked process
    must call `stop_listening` first; elsewhere than in the main thread this does nothing, as interrupts are not heard there.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    hears, tells = os.pipe()
    os.set_blocking(tells, False)
    signal.set_wakeup_fd(tells, warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=(hears, end), daemon=True).start()


def stop_listening() -> None:
    """For a forked process: its signals are not those of the one it was forked from."""
    signal.set_wakeup_fd(-1)


def _listen(hears: int, end: Callable[[], bool]) -> None:
    while numbers := os.read(hears, 64):
        if signal.SIGINT in numbers or signal.SIGTERM in numbers:
            # The C function may be entered only now, and then has not heard it.
            while end():
                time.sleep(_AGAIN_S)


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
