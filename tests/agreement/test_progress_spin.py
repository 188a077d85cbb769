"""Progress properties against SPIN's search for acceptance cycles.

On models written by hand for both first, and then on exported ones, whose claims have to say themselves what is fair.

Each protocol is asked with weak fairness of every thread (`pan -a -f`) and with none (`pan -a`). In
SPIN some process moves as long as one can; here a run may stop where fairness allows it. So
the models without fairness get a process that idles.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.agreement.compare import confirm, explored, interpreted
from tests.agreement.promises import promising_system
from tests.support.compilers import compiling_quickly
from zdcheck.base.diagnostics import UsageError
from zdcheck.base.source import SourceFile
from zdcheck.engines.protocol import Found, NoneFound
from zdcheck.export import never
from zdcheck.export.outside import ask_about_progress, is_installed
from zdcheck.export.promela import promela
from zdcheck.ir.run import Stuck
from zdcheck.ir.system import System
from zdcheck.lang.check import check
from zdcheck.lang.modules import load_text
from zdcheck.lower import Instance, lower

IDLE = "bool tick; active proctype idle() { do :: tick = !tick od }\n"


@dataclass(frozen=True)
class Case:
    """A protocol in both languages (`@` is where `unfair` goes), and whether its promise is kept."""

    spec: str
    promela: str
    fair: bool
    unfair: bool = False


CASES = {
    "a flag is set": Case(
        """var a : bool; @thread sets { a = true; } @thread waits { spin until a; }
        progress p : waits terminates;""",
        """bool a, done; active proctype sets() { a = true }
        active proctype waits() { a; done = true }
        ltl p { <> done }""",
        fair=True,
    ),
    "a flag that goes up and down": Case(
        """var a : bool; @thread flips { forever { a = true; a = false; } }
        @thread waits { spin until a; }
        progress p : waits terminates;""",
        """bool a, done; active proctype flips() { do :: a = true; a = false od }
        active proctype waits() { a; done = true }
        ltl p { <> done }""",
        fair=False,
    ),
    "a flag that goes up and down, strong": Case(
        """var a : bool; @thread flips { forever { a = true; a = false; } }
        fair strong thread waits { spin until a; }
        progress p : waits terminates;""",
        """bool a, done; active proctype flips() { do :: a = true; a = false od }
        active proctype waits() { d_step { a; done = true } }
        ltl p { ([] <> (a && !done) -> <> done) -> <> done }""",
        fair=True,
    ),
    "Peterson": Case(
        """var f0 : bool; var f1 : bool; var turn : 0..1; var crit : bool;
        @thread one { forever { f0 = true; turn = 1; spin until !f1 || turn == 0;
            crit = true; crit = false; f0 = false; } }
        @thread two { forever { f1 = true; turn = 0; spin until !f0 || turn == 1; f1 = false; } }
        progress p : f0 leads to crit;""",
        """bool f0, f1, crit; bit turn;
        active proctype one() { do :: f0 = true; turn = 1; (!f1 || turn == 0);
            crit = true; crit = false; f0 = false od }
        active proctype two() { do :: f1 = true; turn = 0; (!f0 || turn == 1); f1 = false od }
        ltl p { [] (f0 -> <> crit) }""",
        fair=True,
    ),
    "test and set": Case(
        """var want : bool; var l : bool; var crit : bool;
        @thread one { forever { want = true; atomic { spin until !l; l = true; }
            crit = true; crit = false; want = false; l = false; } }
        @thread two { forever { atomic { spin until !l; l = true; } l = false; } }
        progress p : want leads to crit;""",
        """bool want, l, crit;
        active proctype one() { do :: want = true; atomic { !l; l = true };
            crit = true; crit = false; want = false; l = false od }
        active proctype two() { do :: atomic { !l; l = true }; l = false od }
        ltl p { [] (want -> <> crit) }""",
        fair=False,
    ),
    "tickets": Case(
        """var next : 0..2; var now : 0..2; var want : bool; var crit : bool;
        @thread one { forever { var mine : 0..2;
            atomic { mine = next; next = next == 2 ? 0 : next + 1; want = true; }
            spin until now == mine; atomic { crit = true; want = false; } crit = false;
            atomic { now = now == 2 ? 0 : now + 1; } } }
        @thread two { forever { var mine : 0..2;
            atomic { mine = next; next = next == 2 ? 0 : next + 1; }
            spin until now == mine;
            atomic { now = now == 2 ? 0 : now + 1; } } }
        progress p : want leads to crit;""",
        """byte next, now; bool want, crit;
        active proctype one() { byte mine; do ::
            d_step { mine = next; next = (next + 1) % 3; want = true };
            now == mine; d_step { crit = true; want = false }; crit = false;
            now = (now + 1) % 3 od }
        active proctype two() { byte mine; do ::
            d_step { mine = next; next = (next + 1) % 3 };
            now == mine; now = (now + 1) % 3 od }
        ltl p { [] (want -> <> crit) }""",
        fair=True,
    ),
    "a choice is not fair": Case(
        """var a : bool; var b : bool;
        @thread chooses { forever { either { a = true; } or { b = !b; } } }
        progress p : eventually a;""",
        """bool a, b; active proctype chooses() { do :: a = true :: b = !b od }
        ltl p { <> a }""",
        fair=False,
    ),
    "again and again": Case(
        """var a : bool; @thread flips { forever { a = true; a = false; } }
        @thread other { forever { spin until a; spin until !a; } }
        progress p : infinitely often a;""",
        """bool a; active proctype flips() { do :: a = true; a = false od }
        active proctype other() { do :: a; !a od }
        ltl p { [] <> a }""",
        fair=True,
    ),
    "requests and answers": Case(
        """var req : bool; var ack : bool;
        @thread client { forever { req = true; spin until ack; req = false; spin until !ack; } }
        @thread server { forever { spin until req; ack = true; spin until !req; ack = false; } }
        progress p : req leads to ack;""",
        """bool req, ack;
        active proctype client() { do :: req = true; ack; req = false; !ack od }
        active proctype server() { do :: req; ack = true; !req; ack = false od }
        ltl p { [] (req -> <> ack) }""",
        fair=True,
    ),
    "a walk and three changes": Case(
        """var seq : 0..3; @thread walk { var seen = seq; while (seen != seq) seen = seq; }
        @thread changes { for (i in 1..3) seq = i; }
        progress p : walk terminates;""",
        """byte seq; bool done;
        active proctype walk() { byte seen; seen = seq;
            do :: d_step { seen != seq -> skip }; seen = seq :: d_step { seen == seq -> done = true }; break od }
        active proctype changes() { seq = 1; seq = 2; seq = 3 }
        ltl p { <> done }""",
        fair=True,
    ),
    "a walk and changes without end": Case(
        """var seq : 0..1; @thread walk { var seen = seq; while (seen != seq) seen = seq; }
        @thread changes { forever { seq = 1; seq = 0; } }
        progress p : walk terminates;""",
        """byte seq; bool done;
        active proctype walk() { byte seen; seen = seq;
            do :: d_step { seen != seq -> skip }; seen = seq :: d_step { seen == seq -> done = true }; break od }
        active proctype changes() { do :: seq = 1; seq = 0 od }
        ltl p { <> done }""",
        fair=False,
    ),
    "passing by": Case(
        """var x : 0..2; @thread steps { x = 1; x = 2; } @thread idles { spin until x == 2; }
        progress p : eventually x == 1;""",
        """byte x; active proctype steps() { x = 1; x = 2 } active proctype idles() { x == 2 }
        ltl p { <> (x == 1) }""",
        fair=True,
    ),
    "the end lasts": Case(
        """var x : 0..2; @thread steps { x = 1; x = 0; }
        progress p : infinitely often x == 1;""",
        """byte x; active proctype steps() { x = 1; x = 0 }
        ltl p { [] <> (x == 1) }""",
        fair=False,
    ),
    "true at the end": Case(
        """var x : 0..2; @thread steps { x = 1; x = 2; } @thread more { spin until x > 0; }
        progress p : infinitely often x == 2;""",
        """byte x; active proctype steps() { x = 1; x = 2 } active proctype more() { x > 0 }
        ltl p { [] <> (x == 2) }""",
        fair=True,
    ),
}


needs_spin = pytest.mark.skipif(not is_installed("spin"), reason="spin is not installed")

MORE = {
    "a strong thread that never can": """var n : 0..2;
        thread flips { forever { n = 1; n = 0; } }
        fair strong thread waits { spin until n == 2; }
        progress p : waits terminates;""",
    "a strong thread beside another": """var a : bool; var b : bool; var c : bool;
        thread flips { forever { a = true; a = false; b = true; b = false; } }
        fair strong thread one { spin until a && b; }
        fair strong thread other { spin until b; c = true; }
        progress p : eventually c;""",
    "threads that never step": """var a : bool; var b : bool;
        unfair thread nothing { } thread sets { a = true; }
        thread waits { spin until a; b = true; }
        progress p : eventually b;""",
    "one after another, from several beginnings": """var a : 0..2; var b : bool;
        init { a = any x : 0..2; }
        unfair thread lazy { b = true; }
        thread counts { while (a < 2) { a = a + 1; } }
        progress p : a == 1 leads to a == 2;""",
    "the first state counts": """var a : 0..2; var b : bool;
        init { a = any x : 0..1; }
        thread counts { a = 2; }
        progress p : eventually a < 2;""",
    "some beginnings are not it": """var a : 0..2;
        init { a = any x : 0..1; }
        thread counts { a = 2; }
        progress p : eventually a == 0;""",
    "nobody is fair": """var a : bool; unfair thread sets { a = true; }
        progress p : infinitely often a;""",
}


def lowered(text: str) -> System:
    model = check(load_text(SourceFile("case.zd", text)))
    return lower(Instance.of(model, model.checks[0]))


def spin_agrees(system: System, cache: Path) -> list[bool]:
    """Which promises are kept; SPIN says so too, of the exported system."""
    kept = []
    for promise in system.progress:
        asked = replace(system, progress=(promise,))
        claim = interpreted(asked)
        assert isinstance(claim, NoneFound) or isinstance(claim.fault, Stuck)
        with compiling_quickly(cache / "compiler"):
            judgement = ask_about_progress(asked, 120, 1 << 32)
        assert judgement.verdict == ("holds" if isinstance(claim, NoneFound) else "violated"), (
            promise.name,
            judgement.note,
        )
        kept.append(isinstance(claim, NoneFound))
    return kept


def spin_keeps(promela: str, folder: Path, *, fair: bool) -> bool:
    """Whether SPIN finds no acceptance cycle."""
    (folder / "model.pml").write_text(promela)

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=120, check=True
        )
        return done.stdout

    run("spin", "-a", "model.pml")
    run("cc", "-w", "-O1", "-DNOREDUCE", "-o", "pan", "pan.c")
    said = run("./pan", "-a", "-m100000", *(["-f"] if fair else []))
    assert "max search depth too small" not in said
    found = re.search(r"errors: (\d+)", said)
    assert found is not None
    return found[1] == "0"


@pytest.mark.parametrize("fair", [True, False], ids=["fair", "unfair"])
@pytest.mark.parametrize("name", CASES)
def test_spin_says_the_same(name: str, fair: bool, tmp_path: Path, cache: Path) -> None:
    case = CASES[name]
    wanted = case.fair if fair else case.unfair
    system = lowered(case.spec.replace("@", "" if fair else "unfair "))
    for claim in (interpreted(system), explored(system, cache)):
        assert isinstance(claim, NoneFound if wanted else Found)
        if isinstance(claim, Found):
            assert isinstance(claim.fault, Stuck)
            confirm(system, claim)
    if shutil.which("spin") is None:
        pytest.skip("spin is not installed")
    assert spin_keeps(case.promela + "\n" + ("" if fair else IDLE), tmp_path, fair=fair) is wanted


EXPORTED = {
    **{f"{name}, fair": case.spec.replace("@", "") for name, case in CASES.items()},
    **{f"{name}, unfair": case.spec.replace("@", "unfair ") for name, case in CASES.items()},
    **MORE,
}


@needs_spin
@pytest.mark.parametrize("name", EXPORTED)
def test_spin_says_the_same_of_the_export(name: str, cache: Path) -> None:
    assert len(spin_agrees(lowered(EXPORTED[name]), cache)) == 1


@needs_spin
@pytest.mark.parametrize("seed", range(4))
def test_random_promises(seed: int, cache: Path) -> None:
    spin_agrees(promising_system(seed), cache)


@needs_spin
@pytest.mark.slow
@pytest.mark.parametrize("first", range(100, 400, 25))
def test_many_random_promises(first: int, cache: Path) -> None:
    kept: list[bool] = []
    for seed in range(first, first + 25):
        try:
            kept += spin_agrees(promising_system(seed), cache)
        except BaseException as error:
            error.add_note(f"promising_system({seed})")
            raise
    assert True in kept and False in kept


@needs_spin
def test_a_claim_that_never_guesses_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A strong thread that can never step need not."""
    system = lowered(MORE["a strong thread that never can"])
    assert ask_about_progress(system, 120, 1 << 32).verdict == "violated"
    monkeypatch.setattr(never, "_subsets", lambda processes: iter([()]))
    assert ask_about_progress(system, 120, 1 << 32).verdict == "holds"


def test_too_many_strong_threads() -> None:
    threads = "\n".join(f"fair strong thread t{n} {{ a = true; }}" for n in range(7))
    system = lowered(f"var a : bool;\n{threads}\nprogress p : eventually a;")
    with pytest.raises(UsageError, match="7 threads have strong fairness"):
        promela(system)
