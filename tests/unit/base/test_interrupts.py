"""An interrupt is not lost, whenever it comes."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, os, signal, sys, time, types
from zdcheck.base import interrupts

signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.argv[1] == "kept":
    interrupts.keep_interrupts()


class Finalised:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.001)


class Raises:
    def __del__(self):
        raise KeyboardInterrupt


class Fails:
    def __del__(self):
        raise ValueError("of the finaliser")


library = types.ModuleType(interrupts.UNSAFE + ".part")
exec('''
import ctypes, os, signal, time

made = 0

class Converted:
    @classmethod
    def from_param(cls, value):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.001)
        return value

function = ctypes.CDLL(None).abs
function.argtypes = [Converted]

class Made:
    def __init__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.001)
        global made
        made = 1

def fails():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.001)
    raise ValueError
''', library.__dict__)


def many():
    for _ in range(1000):
        library.Made()


try:
    match sys.argv[2]:
        case "finalise":
            Finalised()
        case "raise":
            Raises()
        case "fail":
            Fails()
        case "convert":
            library.function(1)
        case "make":
            library.Made()
        case "make many":
            many()
        case "fail in it":
            library.fails()
    # The interrupt has come before this line.
    print("lost")
except KeyboardInterrupt:
    print("came, made", library.made)
except ctypes.ArgumentError:
    print("an error of its own")
"""


def run(kept: str, moment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, kept, moment],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


@pytest.mark.parametrize(
    ("moment", "made"),
    [
        ("finalise", 0),
        ("raise", 0),
        ("convert", 0),
        ("make", 1),
        ("make many", 1),
        ("fail in it", 0),
    ],
)
def test_it_comes_as_soon_as_it_can(moment: str, made: int) -> None:
    kept = run("kept", moment)
    assert (kept.stdout, kept.stderr) == (f"came, made {made}\n", "")


def test_python_alone_would_lose_it() -> None:
    assert run("as it is", "finalise").stdout == "lost\n"


def test_ctypes_would_make_an_error_of_it() -> None:
    assert run("as it is", "convert").stdout == "an error of its own\n"


def test_an_object_would_be_half_made() -> None:
    assert run("as it is", "make").stdout == "came, made 0\n"


def test_what_else_a_finaliser_raises_is_printed() -> None:
    assert "of the finaliser" in run("kept", "fail").stderr
