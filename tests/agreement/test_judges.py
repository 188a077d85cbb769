"""rumur and SPIN say what the reference interpreter says, and so does the exported SMT-LIB."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tests.agreement.compare import ignore, interpreted
from tests.agreement.generate import random_system
from zdcheck.engines.interpreter import InterpreterEngine
from zdcheck.engines.protocol import Limits, NoneFound, Stopped
from zdcheck.export.compare import differences, ours
from zdcheck.export.outside import JUDGES, Judge, ask, is_installed
from zdcheck.export.smtlib import smtlib
from zdcheck.ir.step import Fails, Goes, attempt, state_faults
from zdcheck.ir.system import State, System
from zdcheck.pipeline import Options, load_spec, lower_check

SPECS = Path(__file__).parents[2] / "specs"
GIBI = 1 << 30


def judged(judge: Judge, system: System) -> bool:
    """Compare one system; False if it is too large to be compared here."""
    system = replace(system, covers=())
    claim = interpreted(system, 3000)
    if isinstance(claim, Stopped):
        return False
    judgement = ask(judge, system, 120, 4 * GIBI)
    assert judgement.verdict != "gave-up", judgement.note
    assert not differences(ours(claim), [judgement])
    return True


@pytest.fixture(params=JUDGES)
def judge(request: pytest.FixtureRequest) -> Judge:
    found: Judge = request.param
    if not is_installed(found):
        pytest.skip(f"{found} is not installed")
    return found


@pytest.mark.parametrize("seed", range(6))
def test_random_systems(judge: Judge, seed: int) -> None:
    judged(judge, random_system(seed))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(2000, 2300, 20))
def test_many_random_systems(judge: Judge, first: int) -> None:
    compared = 0
    for seed in range(first, first + 20):
        try:
            compared += judged(judge, random_system(seed))
        except BaseException as error:
            error.add_note(f"random_system({seed})")
            raise
    assert compared > 15


def test_an_unplug(judge: Judge) -> None:
    spec = load_spec(str(SPECS / "unplug" / "teardown.zd"))
    verdicts = Counter[str]()
    for check in spec.model.checks[:2]:
        system = lower_check(spec, check, Options()).system
        assert judged(judge, system)
        verdicts[ours(interpreted(replace(system, covers=()))).verdict] += 1
    assert verdicts == {"holds": 1, "violated": 1}


COMPARISONS = """
var a : 0..3 = 0;
var low : bool = true;
var even : bool = true;
daemon thread counts {
    atomic { a = a < 3 ? a + 1 : 0; low = a < 2; even = (a == 0) != (a == 2); }
    assert (a < 2) == low;
}
invariant compared : ((a < 2) == low) == ((a <= 1) == !(!low));
invariant negated : (!low) == (a > 1) && (!even) != (a == 0 || a == 2);
invariant added : (low == (a < 2)) != even || a + 1 < 4;
check "of truths" { expect holds; }
"""


def test_comparisons_of_comparisons(judge: Judge, tmp_path: Path) -> None:
    """Murphi has no order between them, and C another one than people expect."""
    path = tmp_path / "comparisons.zd"
    path.write_text(COMPARISONS, encoding="utf-8")
    spec = load_spec(str(path))
    system = lower_check(spec, spec.check("of truths"), Options()).system
    assert ours(interpreted(system)).verdict == "holds"
    assert judged(judge, system)


def test_a_wrong_export_is_noticed(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judges look at what they are given: without the guards they see other states."""
    spec = load_spec(str(SPECS / "unplug" / "teardown.zd"))
    system = lower_check(spec, spec.model.checks[0], Options()).system
    system = replace(system, covers=())
    wrong = replace(system, actions=tuple(replace(a, tests=()) for a in system.actions))
    assert differences(ours(interpreted(system)), [ask(judge, wrong, 120, 4 * GIBI)])


# --- SMT-LIB ----------------------------------------------------------------------------


class Formulas:
    """The exported formulas, to be evaluated at states."""

    def __init__(self, system: System) -> None:
        import z3

        self.z3 = z3
        probes = [f"(declare-fun probe.{i} () Bool)" for i in range(3)]
        asserts = [
            f"(assert (= probe.{i} {name}))" for i, name in enumerate(["init", "trans", "safe"])
        ]
        text = smtlib(system)
        parsed = z3.parse_smt2_string("\n".join([text, *probes, *asserts]))
        self.init, self.trans, self.safe = (f.arg(1) for f in parsed)
        self.system = system
        names = [line.split()[1] for line in text.splitlines() if line.startswith("(declare-fun")]
        self.now, self.next = names[0::2], names[1::2]

    def holds(self, formula: object, now: State, after: State | None = None) -> bool:
        z3 = self.z3
        pairs = [*zip(self.now, now, strict=True)]
        pairs += zip(self.next, after or now, strict=True)
        where = []
        for (name, value), variable in zip(pairs, 2 * self.system.variables, strict=True):
            if variable.type.kind == "bool":
                where.append((z3.Bool(name), z3.BoolVal(bool(value))))
            else:
                where.append((z3.Int(name), z3.IntVal(value)))
        result = z3.simplify(z3.substitute(formula, *where))
        assert z3.is_true(result) or z3.is_false(result)
        return bool(z3.is_true(result))


@cache
def states_of(system: System) -> list[State]:
    """Some reachable states, the initial ones first."""
    found = dict.fromkeys(system.initial_states)
    queue = list(found)
    while queue and len(found) < 60:
        state = queue.pop(0)
        for action in system.actions:
            outcome = attempt(system, action, state)
            if isinstance(outcome, Goes) and outcome.state not in found:
                found[outcome.state] = None
                queue.append(outcome.state)
    return list(found)


@pytest.mark.parametrize("seed", range(12))
def test_the_formulas_mean_the_steps(seed: int) -> None:
    system = random_system(seed)
    formulas = Formulas(system)
    states = states_of(system)
    rng = random.Random(seed)
    for state in rng.sample(states, min(8, len(states))):
        assert formulas.holds(formulas.init, state) == (state in system.initial_states)
        outcomes = [attempt(system, action, state) for action in system.actions]
        after = {outcome.state for outcome in outcomes if isinstance(outcome, Goes)}
        fails = any(isinstance(outcome, Fails) for outcome in outcomes)
        faults = not fails and not list(state_faults(system, state))
        assert formulas.holds(formulas.safe, state) == faults
        for other in {*rng.sample(states, min(6, len(states))), *list(after)[:3]}:
            assert formulas.holds(formulas.trans, state, other) == (other in after)


def test_the_interpreter_counts_what_the_states_say() -> None:
    """`ours` has all states where a search ended."""
    claim = InterpreterEngine().solve(random_system(0), Limits(), ignore)
    assert ours(claim).states == (claim.statistics.states if isinstance(claim, NoneFound) else None)
