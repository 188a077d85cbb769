"""The abstraction for any number of threads: every concrete step has an image, and no broken spec is ever proved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from tests.agreement.compare import ignore
from tests.support.crowds import Concrete, concrete, seen_in, unmatched, without_trails
from tests.support.parametric import random_spec
from tests.support.parametric_objects import random_spec as random_objects
from zdcheck.base.diagnostics import SpecError, UsageError
from zdcheck.engines.protocol import Limits
from zdcheck.engines.symbolic import crowd as crowds
from zdcheck.engines.symbolic.closure import closure
from zdcheck.engines.symbolic.crowd import OpenForAll, ProvedForAll, prove_for_all
from zdcheck.engines.symbolic.facts import Invariant
from zdcheck.engines.symbolic.proof import Proved, prove
from zdcheck.engines.symbolic.samples import Samples
from zdcheck.export.solvers import answers
from zdcheck.ir.crowd import LocalState, View
from zdcheck.ir.expr import Const, Var, VarId, eq
from zdcheck.ir.step import Fails, Stepper, state_faults
from zdcheck.ir.system import Action, ActionId, Check, Guard, System
from zdcheck.lower.crowd.abstraction import Crowd
from zdcheck.lower.symmetry import told_apart
from zdcheck.pipeline import Options, load_spec
from zdcheck.proving import crowd_of_check

ROOT = Path(__file__).parent.parent.parent
SPECS = ROOT / "specs"

MOST = 600
"""Concrete states of one size that are looked at."""


def crowd_and_systems(
    path: Path, name: str, open: tuple[str, ...], sizes: tuple[int, ...]
) -> tuple[Crowd, list[Concrete]]:
    """A check's abstraction, and its systems at some sizes with the first states of each."""
    spec = load_spec(str(path))
    check = spec.check(name)
    crowd = crowd_of_check(spec, check, Options(), open)
    scopes = [dict(zip(open, each, strict=True)) for each in product(sizes, repeat=len(open))]
    return crowd, [concrete(spec, check, scope, MOST) for scope in scopes]


def misses(path: Path, name: str, open: tuple[str, ...], sizes: tuple[int, ...]) -> list[str]:
    """The concrete steps without an image, where the others are assumed to do what they are seen to do here."""
    crowd, systems = crowd_and_systems(path, name, open, sizes)
    abstract = crowd.abstraction(seen_in(crowd, systems)).system
    found = []
    for real in systems:
        for action, followed, _ in unmatched(crowd, real, abstract):
            found.append(f"{len(real.system.threads)} threads, {followed} followed: {action.text}")
    return found


CHECKS = [
    ("unplug/teardown.zd", "walker"),
    ("unplug/pins.zd", "gup"),
    ("hmm-walk/retry.zd", "walk"),
    ("gup-fast/gup_truncate.zd", "gup"),
    ("gup-fast/page_tables.zd", "gup"),
]


def every(path: str) -> list[str]:
    return [check.name for check in load_spec(str(SPECS / path)).model.checks]


@pytest.mark.parametrize(
    ("path", "open", "name"),
    [
        ("unplug/teardown.zd", "walker", "today's order"),
        ("unplug/teardown.zd", "walker", "U1: remove without waiting"),
        ("gup-fast/page_tables.zd", "gup", "munmap"),
        ("hmm-walk/errors.zd", "walk", "put on every return"),
        ("unplug/teardown.zd", "walker page", "U4: look up outside RCU"),
        ("unplug/mappings.zd", "page pte", "U7: do not wait for faults in flight"),
    ],
)
def test_every_step_has_an_image(path: str, open: str, name: str) -> None:
    assert misses(SPECS / path, name, tuple(open.split()), (1, 2)) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "open", "name"), [(path, open, name) for path, open in CHECKS for name in every(path)]
)
def test_every_step_of_every_check_has_an_image(path: str, open: str, name: str) -> None:
    assert misses(SPECS / path, name, (open,), (1, 2, 3)) == []


# --- mistakes that must be noticed ------------------------------------------------------


def changed(crowd: Crowd, change: Callable[[System], System], path: Path, name: str) -> bool:
    """Whether a change of the abstract system is noticed, by a step or a fault that has no image any more."""
    spec = load_spec(str(path))
    sizes = [dict.fromkeys(crowd.open, size) for size in (1, 2)]
    systems = [concrete(spec, spec.check(name), scope, MOST) for scope in sizes]
    abstract = change(crowd.abstraction(seen_in(crowd, systems)).system)
    return any(next(unmatched(crowd, real, abstract), None) for real in systems)


def renumbered(system: System, actions: list[Action]) -> System:
    return replace(system, actions=tuple(replace(a, id=ActionId(n)) for n, a in enumerate(actions)))


def test_a_forgotten_step_of_the_others_is_noticed() -> None:
    path, name = SPECS / "unplug/teardown.zd", "today's order"
    crowd, _ = crowd_and_systems(path, name, ("walker",), ())
    assert not changed(crowd, lambda system: system, path, name)

    def what(system: System) -> set[str]:
        return {a.text for a in system.actions if a.thread == crowd.crowd and a.updates}

    _, systems = crowd_and_systems(path, name, ("walker",), (1, 2))
    forgettable = what(crowd.abstraction(seen_in(crowd, systems)).system)
    assert len(forgettable) > 1
    for text in forgettable:

        def forget(system: System, text: str = text) -> System:
            mine = [a for a in system.actions if a.thread != crowd.crowd or a.text != text]
            return renumbered(system, mine)

        assert changed(crowd, forget, path, name), text


def test_a_guard_too_much_is_noticed() -> None:
    path, name = SPECS / "unplug/teardown.zd", "today's order"
    crowd, _ = crowd_and_systems(path, name, ("walker",), ())
    (tokens,) = crowd.tokens.values()

    def only_the_first(system: System) -> System:
        """The others take a count only while none of them has one."""
        actions = []
        for action in system.actions:
            if action.thread == crowd.crowd and tokens in action.writes:
                more = (Guard(eq(Var(tokens), Const(0))),)
                action = replace(action, tests=(*more, *action.tests))
            actions.append(action)
        return renumbered(system, actions)

    assert changed(crowd, only_the_first, path, name)


def test_a_count_of_the_others_that_is_forgotten_is_noticed() -> None:
    path, name = SPECS / "unplug/teardown.zd", "today's order"
    crowd, _ = crowd_and_systems(path, name, ("walker",), ())
    (tokens,) = crowd.tokens.values()

    def forget(system: System) -> System:
        return renumbered(
            system,
            [
                replace(a, updates=tuple(pair for pair in a.updates if pair[0] != tokens))
                for a in system.actions
            ],
        )

    assert changed(crowd, forget, path, name)


@pytest.mark.parametrize(
    ("path", "open", "name", "id"),
    [
        ("unplug/teardown.zd", "walker", "U5: plain get", "get_on_zero"),
        ("unplug/teardown.zd", "walker", "U1: remove without waiting", "use_after_unplug"),
        ("hmm-walk/errors.zd", "walk", "1.D: local variable", "reference_leak"),
    ],
)
def test_a_check_that_is_assumed_is_noticed(path: str, open: str, name: str, id: str) -> None:
    crowd, _ = crowd_and_systems(SPECS / path, name, (open,), ())

    def assume(system: System) -> System:
        """The checks of one violation become guards, as if nobody ever failed them."""
        actions = []
        for action in system.actions:
            tests = tuple(
                Guard(t.condition) if isinstance(t, Check) and t.violation.id == id else t
                for t in action.tests
            )
            actions.append(replace(action, tests=tests))
        return renumbered(system, actions)

    assert not changed(crowd, lambda system: system, SPECS / path, name)
    assert changed(crowd, assume, SPECS / path, name)


TWICE = """
object page { counted refcount : 0..7 = 0; }
var base : page? holds refcount = null;
init { base = page[0]; page[0].refcount += 1; }
thread putter[*] {
    atomic { page[0].refcount -= 1; }
    atomic { page[0].refcount += 1; }
}
check "puts what it has not" { expect violation unbalanced_put; }
"""


def test_that_counts_are_not_negative_is_not_assumed(tmp_path: Path) -> None:
    path = tmp_path / "twice.zd"
    path.write_text(TWICE, encoding="utf-8")
    crowd, systems = crowd_and_systems(path, "puts what it has not", ("putter",), (1, 2))
    abstract = crowd.abstraction(seen_in(crowd, systems)).system
    assert not any(next(unmatched(crowd, real, abstract), None) for real in systems)
    claim = prove_for_all(crowd.abstraction, 1, Limits(timeout_s=60), ignore)
    assert isinstance(claim, OpenForAll)
    assert claim.obstacle is not None


# --- verdicts ---------------------------------------------------------------------------


def families_of(path: Path) -> list[str]:
    return [t.name for t in load_spec(str(path)).model.threads if t.count == "*"]


def judge(path: Path, name: str, open: tuple[str, ...], seconds: float) -> bool:
    """Try a proof; whether there is one. If so, what is true of it is true of every concrete state."""
    spec = load_spec(str(path))
    check = spec.check(name)
    try:
        crowd = crowd_of_check(spec, check, Options(), open)
    except UsageError:
        return False
    claim = prove_for_all(crowd.abstraction, len(crowd.views), Limits(timeout_s=seconds), ignore)
    if isinstance(claim, OpenForAll):
        return False
    assert isinstance(claim, ProvedForAll)
    assert check.expect.violation is None, f"{path.name}: {name} is broken, and proved"
    abstract = claim.abstraction.system
    proved = [without_trails(crowd, number, seen) for number, seen in enumerate(claim.seen)]
    for sizes in product((1, 2), repeat=len(open)):
        real = concrete(spec, check, dict(zip(open, sizes, strict=True)), MOST)
        for mine, known in zip(seen_in(crowd, [real]), proved, strict=True):
            for local, company in mine.items():
                assert local in known
                for variable, values in company.items():
                    assert values <= known[local][variable]
        assert next(unmatched(crowd, real, abstract), None) is None
    return True


@pytest.mark.parametrize(
    ("path", "open", "name"),
    [
        ("unplug/teardown.zd", "walker", "today's order"),
        ("unplug/teardown.zd", "walker", "U6: a get that a killed reference still grants"),
        ("hmm-walk/errors.zd", "walk", "put on every return"),
        ("gup-fast/page_tables.zd", "gup", "munmap"),
        ("unplug/teardown.zd", "walker page", "today's order"),
        ("unplug/mappings.zd", "fault page pte", "device-dax: where flushes wait for nobody"),
    ],
)
def test_proofs_are_true_of_every_state(path: str, open: str, name: str) -> None:
    assert judge(SPECS / path, name, tuple(open.split()), 100)


BROKEN = [
    (path, open, check.name)
    for path, open in CHECKS
    for check in load_spec(str(SPECS / path)).model.checks
    if check.expect.violation is not None
]


@pytest.mark.parametrize(("path", "open", "name"), [row for row in BROKEN if "teardown" in row[0]])
def test_no_broken_variant_is_proved(path: str, open: str, name: str) -> None:
    assert not judge(SPECS / path, name, (open,), 60)


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.zd")), ids=lambda p: p.stem)
def test_no_broken_variant_of_any_family_is_proved(path: Path) -> None:
    for open in families_of(path):
        for check in load_spec(str(path)).model.checks:
            if check.expect.violation is not None:
                assert not judge(path, check.name, (open,), 30)


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.zd")), ids=lambda p: p.stem)
def test_no_broken_variant_of_any_kind_is_proved(path: Path) -> None:
    """With everything open at once that can be: what breaks with more objects is broken with these."""
    model = load_spec(str(path)).model
    kinds = [kind for kind in model.kinds if kind not in told_apart(model)]
    for check in model.checks:
        if kinds and check.expect.violation not in (None, "stuck", "deadlock"):
            for open in ((kind,) for kind in kinds):
                assert not judge(path, check.name, (*families_of(path), *open), 20)


# --- certificates -----------------------------------------------------------------------


def certified(claim: ProvedForAll) -> Invariant | None:
    """An invariant of the abstraction in which nothing is seen but what the claim says; None if there is none."""
    system, owed = claim.abstraction.system, closure(claim.abstraction, claim.seen)
    found = prove(system, Limits(timeout_s=100), ignore, owed=owed)
    if not isinstance(found, Proved):
        return None
    assert set(owed) <= set(found.invariant.facts)
    return found.invariant


def is_refused(system: System, invariant: Invariant) -> bool:
    return any(answer.text == "sat" for answer in answers("z3", system, invariant, None))


@pytest.mark.parametrize(
    ("path", "open", "name"),
    [
        ("unplug/teardown.zd", "walker", "today's order"),
        ("unplug/teardown.zd", "walker", "U6: a get that a killed reference still grants"),
        ("hmm-walk/errors.zd", "walk", "put on every return"),
    ],
)
def test_proofs_have_certificates(path: str, open: str, name: str) -> None:
    spec = load_spec(str(SPECS / path))
    crowd = crowd_of_check(spec, spec.check(name), Options(), (open,))
    claim = prove_for_all(crowd.abstraction, 1, Limits(timeout_s=60), ignore)
    assert isinstance(claim, ProvedForAll)
    invariant = certified(claim)
    assert invariant is not None
    assert not is_refused(claim.abstraction.system, invariant)


RACE = """
var taken : bool = false;
var inside : bool = false;
thread worker[*] {
    wait until !taken;
    taken = true;
    atomic { assert !inside; inside = true; }
    inside = false;
    taken = false;
}
check "it" { expect violation assertion; }
"""
"""One worker does no harm: only what the others do makes it fail."""


def _nothing(samples: Samples, view: View) -> dict[LocalState, dict[VarId, frozenset[int]]]:
    return {}


def _only_the_first_places(
    samples: Samples, view: View
) -> dict[LocalState, dict[VarId, frozenset[int]]]:
    return {local: company for local, company in seen(samples, view).items() if local[0] < 2}


def _never_together(samples: Samples, view: View) -> dict[LocalState, dict[VarId, frozenset[int]]]:
    """As if nothing were ever true around a thread."""
    return {
        local: {v: values & {0} for v, values in company.items()}
        for local, company in seen(samples, view).items()
    }


def workers(text: str, folder: Path) -> Crowd:
    """Any number of the spec's workers, in its check `it`."""
    path = folder / "spec.zd"
    path.write_text(text, encoding="utf-8")
    spec = load_spec(str(path))
    return crowd_of_check(spec, spec.check("it"), Options(), ("worker",))


seen = crowds._seen


@pytest.mark.parametrize("mistake", [_nothing, _only_the_first_places, _never_together])
def test_what_is_not_seen_by_mistake_has_no_certificate(
    mistake: Callable[[Samples, View], dict[LocalState, dict[VarId, frozenset[int]]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crowd = workers(RACE, tmp_path)
    claim = prove_for_all(crowd.abstraction, 1, Limits(timeout_s=60), ignore)
    assert isinstance(claim, OpenForAll)
    monkeypatch.setattr(crowds, "_seen", mistake)
    claim = prove_for_all(crowd.abstraction, 1, Limits(timeout_s=60), ignore)
    assert isinstance(claim, ProvedForAll), (
        "the mistake makes no difference: the test is worth nothing"
    )
    assert certified(claim) is None
    facts = closure(claim.abstraction, claim.seen)
    assert is_refused(claim.abstraction.system, Invariant(facts, ()))


ENDED = """
var opened : bool = false;
thread worker[*] {{ wait until opened; }}
thread admin {{ opened = true; }}
invariant it : {};
check "it" {{ expect holds; }}
"""


@pytest.mark.parametrize(
    ("invariant", "is_proved"),
    [
        ("ended(admin[0]) implies opened", True),
        ("forall w : worker. ended(w) implies opened", True),
        ("ended(admin[0]) implies !opened", False),
        ("forall w : worker. !ended(w)", False),
    ],
)
def test_whether_a_thread_has_ended(invariant: str, is_proved: bool, tmp_path: Path) -> None:
    path = tmp_path / "ended.zd"
    path.write_text(ENDED.format(invariant), encoding="utf-8")
    spec = load_spec(str(path))
    crowd = crowd_of_check(spec, spec.check("it"), Options(), ("worker",))
    claim = prove_for_all(crowd.abstraction, 1, Limits(timeout_s=60), ignore)
    assert isinstance(claim, ProvedForAll) == is_proved


LEAVES = """
object page {{ counted refcount : 0..7 = 0; }}
var n : 0..2 = 1;
scope {{ page: 1 }}
thread worker[*] {{ atomic {{ {} }} }}
check "it" {{ expect violation {}; }}
"""


@pytest.mark.parametrize(
    ("step", "violation"),
    [
        ("n = n + 1;", "range"),
        ("n = n - 1;", "range"),
        ("if (n == 2) n = n + 1; else n = 2;", "range"),
        ("page[0].refcount -= 1;", "refcount_underflow"),
    ],
)
def test_a_value_that_leaves_its_type_is_not_proved(
    step: str, violation: str, tmp_path: Path
) -> None:
    """Of counts only that they are not too large is left out, for any number of threads needs any number."""
    path = tmp_path / "leaves.zd"
    path.write_text(LEAVES.format(step, violation), encoding="utf-8")
    spec = load_spec(str(path))
    crowd = crowd_of_check(spec, spec.check("it"), Options(), ("worker",))
    claim = prove_for_all(crowd.abstraction, 1, Limits(timeout_s=60), ignore)
    assert isinstance(claim, OpenForAll)


BLOCKED = """
var n : 0..1 = 0;
thread worker[*] {
    var k : 0..1 = any 0..1;
    n = k;
    var other : 0..1 = any 0..1;
    assert k == 0;
    wait until false;
}
check "it" { expect violation assertion; }
"""


def test_a_step_that_nobody_can_end_may_fail_before(tmp_path: Path) -> None:
    crowd = workers(BLOCKED, tmp_path)
    claim = prove_for_all(crowd.abstraction, 1, Limits(timeout_s=60), ignore)
    assert isinstance(claim, OpenForAll)


# --- random specs -----------------------------------------------------------------------


def has_fault(real: Concrete) -> bool:
    """Whether something is wrong in one of the first states, or with a step from it; not deadlock."""
    system = real.system
    stepper = Stepper(system)
    for state in real.states:
        if next(state_faults(system, state), None) is not None:
            return True
        for action, outcome in stepper.outcomes(state):
            if isinstance(outcome, Fails):
                test = action.tests[outcome.test]
                assert isinstance(test, Check)
                if test.violation.id != "refcount_overflow":
                    return True
    return False


def proves_only_what_is_true(
    path: Path, text: str, sizes: list[dict[str, int]], most: int
) -> tuple[bool, bool]:
    """Compare the abstraction with some sizes; whether there was a proof, and whether there was a fault."""
    path.write_text(text, encoding="utf-8")
    spec = load_spec(str(path))
    check = spec.check("it")
    crowd = crowd_of_check(spec, check, Options(), tuple(sizes[0]))
    systems = [concrete(spec, check, scope, most) for scope in sizes]
    broken = any(has_fault(real) for real in systems)
    claim = prove_for_all(crowd.abstraction, 1, Limits(timeout_s=60), ignore)
    is_proved = isinstance(claim, ProvedForAll)
    assert not (is_proved and broken), "this is broken, and proved"
    abstract = crowd.abstraction(seen_in(crowd, systems)).system
    for real in systems:
        missed = next(unmatched(crowd, real, abstract), None)
        assert missed is None, missed
    return is_proved, broken


SIZES = [{"worker": size} for size in (1, 2, 3)]


@pytest.mark.parametrize("seed", range(6))
def test_random_specs(seed: int, tmp_path: Path) -> None:
    proves_only_what_is_true(tmp_path / "random.zd", random_spec(seed), SIZES, 300)


@pytest.mark.slow
def test_many_random_specs(tmp_path: Path) -> None:
    path = tmp_path / "random.zd"
    outcomes = [
        proves_only_what_is_true(path, random_spec(seed), SIZES, 1500) for seed in range(100, 400)
    ]
    assert sum(is_proved for is_proved, _ in outcomes) > 30
    assert sum(broken for _, broken in outcomes) > 30


# --- objects ----------------------------------------------------------------------------

OBJECT_SIZES = [
    {"worker": worker, "page": page, "slot": slot}
    for worker, page, slot in ((1, 1, 1), (1, 2, 1), (1, 1, 2), (1, 2, 2), (2, 2, 2))
]

OFTEN_FOUND = (1012, 1100)
"""Seeds that found mistakes: that all who hold a count end; that two unknown objects are the same one."""


@pytest.mark.parametrize("seed", [*OFTEN_FOUND, 3, 4])
def test_random_specs_with_any_number_of_objects(seed: int, tmp_path: Path) -> None:
    text = random_objects(seed)
    proves_only_what_is_true(tmp_path / "random.zd", text, OBJECT_SIZES, 120)


@pytest.mark.slow
def test_many_random_specs_with_any_number_of_objects(tmp_path: Path) -> None:
    path = tmp_path / "random.zd"
    outcomes = [
        proves_only_what_is_true(path, random_objects(seed), OBJECT_SIZES, 400)
        for seed in range(2000, 2100)
    ]
    assert sum(is_proved for is_proved, _ in outcomes) > 20
    assert sum(broken for _, broken in outcomes) > 5


OBJECTS = """
object page {{ counted refcount : 0..7 = 0; backed : bool = true; }}
object slot {{ entry : page? holds refcount = null; }}
var done : bool = false;
scope {{ page: 2, slot: 2 }}
{init}
thread worker[*] {{
    var at = any slot;
    {work}
}}
{more}
check "it" {{ expect holds; }}
"""

MAPPED = "init { for (s in slot) { s.entry = page[index(s)]; page[index(s)].refcount += 1; } }"


def of_objects(
    folder: Path, open: tuple[str, ...], work: str, init: str = "", more: str = ""
) -> ProvedForAll | OpenForAll:
    path = folder / "spec.zd"
    path.write_text(OBJECTS.format(init=init, work=work, more=more), encoding="utf-8")
    spec = load_spec(str(path))
    crowd = crowd_of_check(spec, spec.check("it"), Options(), open)
    return prove_for_all(crowd.abstraction, len(crowd.views), Limits(timeout_s=60), ignore)


ALL = ("worker", "page", "slot")

TAKES = "atomic { if (at.entry != null) { at.entry.refcount -= 1; drop(at.entry); } }"
"""Whoever finds a page in an entry has its reference, and puts it."""


LINKED = "atomic { if (map[0].to != null) { map[0].to = null; pool[0].users = 0; } }"
POOL = "init { map[0].to = pool[0]; for (p in page) { tied[p] = map[0]; pool[0].users += 1; } }"
POOLS = """
object pool { counted users : 0..7 = 0; }
object map { to : pool? = null; }
var tied[page] : map? holds to.users = null;
"""
MARKS = "var marks : set<slot>; daemon thread marker { forever { var s = any slot; marks += s; } } invariant never : !done;"


@pytest.mark.parametrize(
    ("work", "init", "more", "is_proved"),
    [
        (TAKES, MAPPED, "", True),
        ("atomic { assert at.entry != null; }", MAPPED, "", True),
        ("atomic { assert at.entry == null; }", MAPPED, "", False),
        # Only the entry of another page, or another entry, breaks it.
        ("atomic { if (at.entry != null) assert at.entry.refcount > 1; }", MAPPED, "", False),
        (TAKES, MAPPED, "invariant it : forall s : slot . s.entry != null;", False),
        # A walk comes to every one, and to each only once.
        (
            "wait until done; atomic { assert at.entry == null; }",
            MAPPED,
            "thread admin { wait until true; for (s in slot) { atomic { s.entry.refcount -= 1; drop(s.entry); } }"
            " done = true; }",
            True,
        ),
        (
            "wait until done; atomic { assert at.entry == null; }",
            MAPPED,
            "thread admin { wait until true; for (s in slot) { if (s.entry.refcount > 1) break;"
            " atomic { s.entry.refcount -= 1; drop(s.entry); } done = true; } }",
            False,
        ),
        (
            "",
            MAPPED,
            "thread admin { wait until true; for (s in slot) { atomic { s.entry.refcount -= 1; drop(s.entry); } } }",
            True,
        ),
        (
            "",
            MAPPED,
            "thread admin { wait until true; for (s in slot) { atomic { s.entry.refcount -= 1; drop(s.entry); }"
            " if (s.entry == null) break; } }\n finally gone : forall p : page . p.refcount == 0;",
            False,
        ),
        # Two references may lead to the same object or not.
        (
            "var to = any slot; atomic { assert at == to || at.entry != to.entry; }",
            MAPPED,
            "",
            False,
        ),
        (
            "var to = any slot; atomic { assert at != to || at.entry == to.entry; }",
            MAPPED,
            "",
            True,
        ),
        ("var to = any slot; atomic { assert at != to; }", "", "", False),
        ("var to = any slot; atomic { assert at == to; }", "", "", False),
        (
            "var to = any slot; var x = any slot; done = true;"
            " atomic { if (at == to && at != x) assert x.entry == null; }",
            MAPPED,
            "thread admin { var s = any slot; atomic { if (s.entry != null) { s.entry.refcount -= 1; drop(s.entry); } } }",
            False,
        ),
        # Two exceptions may be two objects.
        (
            TAKES,
            MAPPED,
            "invariant it : (forall s : slot . s.entry != null) || (forall s : slot . s.entry == null);",
            False,
        ),
        # What is done to all is done to those that are forgotten, and to one that is looked at later.
        (LINKED, POOL, POOLS, True),
        ("done = false; atomic { marks = {}; if (at in marks) done = true; }", "", MARKS, True),
    ],
)
def test_what_is_proved_of_objects(
    work: str, init: str, more: str, is_proved: bool, tmp_path: Path
) -> None:
    claim = of_objects(tmp_path, ALL, work, init, more)
    assert isinstance(claim, ProvedForAll) == is_proved, claim


@pytest.mark.parametrize(
    ("work", "init", "why"),
    [
        ("atomic { assert page[0].backed; }", "", "told apart"),
        ("atomic { assert index(at) < 2; }", "", "told apart"),
        ("atomic { assert count(page) == 2; }", "", "their number is used"),
        ("atomic { for (p in page) p.backed = false; }", "", "walked in one step"),
        ("", "init { for (p in page) { if (index(p) + 1 == 2) p.backed = false; } }", "computes"),
        ("", "init { var n : 0..3 = 0; for (p in page) { n = n + 1; } }", "in a local"),
        ("", "var n : 0..7 = 0; init { for (p in page) { n = n + 1; } }", "look different"),
    ],
)
def test_what_is_refused_of_objects(work: str, init: str, why: str, tmp_path: Path) -> None:
    with pytest.raises((UsageError, SpecError), match=why):
        of_objects(tmp_path, ALL, work, init)
