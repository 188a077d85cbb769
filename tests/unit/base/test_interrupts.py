"""An interrupt is not lost, whenever it comes."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import os, signal, sys, time
from zdcheck.base.interrupts import keep_interrupts

signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.argv[1] == "kept":
    keep_interrupts()


class Finalised:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.001)


class Fails:
    def __del__(self):
        raise ValueError("of the finaliser")


if sys.argv[1] == "other":
    keep_interrupts()
    Fails()
else:
    try:
        Finalised()
        time.sleep(2)
        print("lost")
    except KeyboardInterrupt:
        print("came")
"""


def run(what: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, what], capture_output=True, text=True, timeout=60, check=True
    )


def test_it_comes_again_after_a_finaliser() -> None:
    kept = run("kept")
    assert (kept.stdout, kept.stderr) == ("came\n", "")


def test_python_alone_would_lose_it() -> None:
    assert run("as it is").stdout == "lost\n"


def test_what_else_a_finaliser_raises_is_printed() -> None:
    assert "of the finaliser" in run("other").stderr
