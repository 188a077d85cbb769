"""Partial order: what commutes, that nothing is missed, and that a wrong reduction would be noticed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.agreement.compare import agree, explored, interpreted, same
from tests.agreement.generate import random_system
from tests.support.systems import Builder
from tests.unit.engines.explicit.counters import counters
from tests.unit.engines.explicit.test_symmetry import walkers
from zdcheck.engines.explicit import engine as engine_module
from zdcheck.engines.explicit.engine import ExplicitEngine
from zdcheck.engines.explicit.independence import Independence, independence_of
from zdcheck.engines.explicit.symmetry import Orbit, symmetry_of
from zdcheck.engines.protocol import NoneFound, Stopped
from zdcheck.ir.expr import Const, Type, Var, add, eq, lt
from zdcheck.ir.system import ActionId, Guard, System

Tables = Callable[[System, tuple[Orbit, ...]], Independence]


def two_pages(*, same_page: bool) -> System:
    """Two threads that count in a page each, or in one; the second may begin when a flag is set."""
    b = Builder("wait until go;\nlock(mm);\n", "specs/pages.zd")
    count = Type("int", 0, 9)
    pages = [b.var("page[0].uses", count), b.var("page[1].uses", count)]
    flag = b.var("go", Type("bool", 0, 1))
    own = [b.var(f"t[{n}].own", count, 0, "local", n) for n in range(2)]
    for n in range(2):
        me = b.thread(f"t[{n}]", f"t{n}", ["wait until go;", "lock(mm);"], daemon=True)
        page = pages[0 if same_page else n]
        less = Guard(lt(Var(page), Const(9)))
        b.step(
            me, 0, "lock(mm);", (page, add(Var(page), Const(1))), (own[n], Var(page)), tests=(less,)
        )
        if n == 0:
            b.step(me, 1, "lock(mm);", (flag, Const(1)))
        else:
            b.step(me, 1, "wait until go;", tests=(Guard(eq(Var(flag), Const(1))),))
    return b.system()


def saved(claim_extra: str) -> int:
    """The share of look-ups that were saved, in percent."""
    return int(claim_extra.split(" %")[0])


# --- what commutes ----------------------------------------------------------------------


def commute(system: System, a: int, b: int) -> bool:
    tables = independence_of(system, ())
    return not (tables.written[a] & tables.touched[b] or tables.written[b] & tables.touched[a])


def test_steps_on_different_objects_commute() -> None:
    assert commute(two_pages(same_page=False), 0, 2)
    assert not commute(two_pages(same_page=True), 0, 2)


def test_a_step_that_enables_another_does_not_commute_with_it() -> None:
    assert not commute(two_pages(same_page=False), 1, 3)
    assert commute(two_pages(same_page=False), 1, 2)


def test_what_only_one_thread_uses_has_no_place() -> None:
    system = two_pages(same_page=False)
    tables = independence_of(system, ())
    assert tables.touched[0] == tables.written[0] == 0


def test_a_test_of_another_action_at_the_location_counts() -> None:
    """What is not possible yet may become so: its tests are read too."""
    system = two_pages(same_page=False)
    # The second thread's first step could also be one that waits for the flag.
    other = replace(system.actions[3], id=ActionId(len(system.actions)), location=0)
    system = replace(system, actions=(*system.actions, other))
    assert not commute(system, 1, 2)


def test_variables_share_places_if_there_are_many() -> None:
    system = counters(3, 31)
    wide = Builder("lock(mm);\n", "specs/wide.zd")
    cells = [wide.var(f"c[{n}]", Type("bool", 0, 1)) for n in range(70)]
    for n in range(2):
        me = wide.thread(f"t[{n}]", f"t{n}", ["lock(mm);"], daemon=True)
        for id in cells[n * 5 :]:
            wide.step(me, 0, "lock(mm);", (id, Const(1)))
    tables = independence_of(wide.system(), ())
    assert all(bits < 1 << 64 for bits in tables.touched)
    assert all(bits.bit_count() <= 1 for bits in tables.written)
    assert len(independence_of(system, ()).ranks) == len(system.actions)


def test_images_have_one_rank() -> None:
    for seed in range(60):
        system = random_system(seed)
        orbits = symmetry_of(system).orbits
        ranks = independence_of(system, orbits).ranks
        for orbit in orbits:
            if orbit.kind.is_thread:
                members = range(orbit.kind.first, orbit.kind.first + orbit.kind.size)
                found = {(a.location, ranks[a.id]) for a in system.actions if a.thread in members}
                assert len(found) == len({location for location, _ in found})


# --- that it is right -------------------------------------------------------------------


def test_the_engines_agree(cache: Path) -> None:
    for same_page in (False, True):
        assert isinstance(agree(two_pages(same_page=same_page), cache), NoneFound)


def test_many_look_ups_are_saved(cache: Path) -> None:
    system = counters(4, 15)
    plain = explored(system, cache)
    got = explored(system, cache, partial_order=True)
    same(system, plain, got, reduced=False)
    # Of the four ways into a state one is needed.
    assert saved(got.statistics.extra["partial order"]) > 65
    assert plain.statistics.extra["partial order"] == "off"


def test_it_says_why_it_is_off(cache: Path) -> None:
    alone = counters(1, 3)
    claim = explored(alone, cache, partial_order=True)
    assert claim.statistics.extra["partial order"] == "off: there is only one thread"
    off = ExplicitEngine(without=frozenset({"partial-order"}))
    assert off.options.partial_order is False
    assert off.options.symmetry is True


def _everything_commutes(system: System, orbits: tuple[Orbit, ...]) -> Independence:
    tables = independence_of(system, orbits)
    return replace(tables, touched=(0,) * len(tables.touched))


def _only_updates_count(system: System, orbits: tuple[Orbit, ...]) -> Independence:
    tables = independence_of(system, orbits)
    return replace(tables, touched=tables.written)


def _own_tests_only(system: System, orbits: tuple[Orbit, ...]) -> Independence:
    """Forgets the tests of the other actions at a location."""
    alone = replace(
        system,
        actions=tuple(replace(a, location=n) for n, a in enumerate(system.actions)),
    )
    return replace(independence_of(alone, orbits), ranks=independence_of(system, orbits).ranks)


@pytest.mark.parametrize(
    "wrong", [_everything_commutes, _only_updates_count, _own_tests_only], ids=lambda f: f.__name__
)
def test_a_wrong_reduction_is_noticed(
    wrong: Tables, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "independence_of", wrong)
    for seed in range(200):
        system = random_system(seed)
        wanted = interpreted(system, 2000)
        if isinstance(wanted, Stopped) or ExplicitEngine().refuses(system):
            continue
        try:
            same(system, wanted, explored(system, cache, partial_order=True), reduced=False)
        except AssertionError:
            return
    raise AssertionError("nothing differs")


def test_symmetric_kinds_that_are_entangled_leave_it_out(cache: Path) -> None:
    """Threads that refer to pages: which of several representatives is met depends on the order."""
    claim = explored(walkers(3, 2), cache, symmetry=True, partial_order=True)
    assert claim.statistics.extra["partial order"].startswith("off: symmetric states have several")


def test_symmetric_threads_keep_it(cache: Path) -> None:
    system = walkers(3, 1)
    claim = explored(system, cache, symmetry=True, partial_order=True)
    assert claim.statistics.extra["symmetry"].startswith("walk (3)")
    assert saved(claim.statistics.extra["partial order"]) >= 0
    assert isinstance(agree(system, cache), NoneFound)
