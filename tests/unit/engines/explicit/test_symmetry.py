"""Symmetry: what is found, what is refused, and that one state of each orbit is enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import pytest

from tests.agreement.compare import agree, explored, ignore
from tests.agreement.generate import random_system
from tests.support.systems import Builder
from tests.support.texts import lowered
from zdcheck.base.diagnostics import UsageError
from zdcheck.engines.explicit.canonical import is_unique
from zdcheck.engines.explicit.engine import ExplicitEngine
from zdcheck.engines.explicit.layout import layout_of
from zdcheck.engines.explicit.symmetry import (
    MAX_MEMBERS,
    MAX_OBJECTS,
    Orbit,
    records,
    symmetry_of,
)
from zdcheck.engines.interpreter import Search
from zdcheck.engines.protocol import Found, Limits, NoneFound
from zdcheck.ir.expr import (
    NULL,
    Const,
    Expr,
    Op,
    Select,
    Type,
    Var,
    VarId,
    add,
    and_,
    eq,
    lt,
    ne,
    not_,
    or_,
)
from zdcheck.ir.system import Guard, Kind, Property, State, System

THREADS = "thread a { wait until go; lock(mm); }"


def walkers(
    count: int,
    pages: int,
    *,
    tests: Callable[[list[VarId], VarId], Expr] | None = None,
    initial_targets: bool = True,
) -> System:
    """Threads that each take any page nobody has, and count in it; symmetric in both.

    Without `initial_targets`, what a lowering makes of references that nothing writes: constants.
    """
    b = Builder(THREADS, "specs/walkers.zd")
    target = Type("ref", NULL, pages - 1, "page")
    uses = [b.var(f"page[{n}].uses", Type("int", 0, count)) for n in range(pages)]
    seen = [b.var(f"walk[{n}].seen", target, NULL, "local", n) for n in range(count)]
    for n in range(count):
        me = b.thread(f"walk[{n}]", "walk", ["wait until go;", "lock(mm);"], number=n, daemon=True)
        for page in range(pages) if initial_targets else [n % pages]:
            own = tests(uses, uses[page]) if tests else eq(Var(uses[page]), Const(0))
            b.step(me, 0, "wait until go;", (seen[n], Const(page)), tests=(Guard(own),))
        used = Select(tuple(uses), 0, Var(seen[n]))
        updates = [
            (id, Op("ite", (eq(Var(seen[n]), Const(page)), add(used, Const(1)), Var(id))))
            for page, id in enumerate(uses)
        ]
        b.step(me, 1, "lock(mm);", *updates, tests=(Guard(lt(used, Const(count))),))
    system = b.system(
        kinds=(
            Kind("page", pages, 0, False, None),
            Kind("walk", count, 0, True, None),
        )
    )
    variables = []
    for variable in system.variables:
        name, _, rest = variable.name.partition("[")
        number, _, field = rest.partition("].")
        variables.append(replace(variable, family=f"{name}.{field}", index=((name, int(number)),)))
    return replace(system, variables=tuple(variables))


def names(system: System) -> list[str]:
    return [orbit.kind.name for orbit in symmetry_of(system).orbits]


# --- what is found ----------------------------------------------------------------------


def test_threads_and_objects() -> None:
    assert names(walkers(3, 2)) == ["walk", "page"]
    assert symmetry_of(walkers(3, 2)).order == 12


def test_a_kind_that_the_code_tells_apart_is_left() -> None:
    system = walkers(2, 2)
    kinds = (replace(system.kinds[0], asymmetry="they are walked in order"), system.kinds[1])
    found = symmetry_of(replace(system, kinds=kinds))
    assert [orbit.kind.name for orbit in found.orbits] == ["walk"]
    assert found.reasons == {"page": "they are walked in order"}


def test_constants_may_hide_an_asymmetry() -> None:
    """Thread n always takes page n: neither can be exchanged, whatever the kinds say."""
    found = symmetry_of(walkers(2, 2, initial_targets=False))
    assert found.orbits == ()
    assert found.reasons.keys() == {"walk", "page"}
    assert "wait until go;" in found.reasons["page"]


def test_the_order_of_arguments_is_no_asymmetry() -> None:
    def others_first(uses: list[VarId], own: VarId) -> Expr:
        others = [eq(Var(id), Const(0)) for id in uses if id != own]
        return and_(or_(*others), lt(Var(own), Const(1)))

    assert names(walkers(2, 3, tests=others_first)) == ["walk", "page"]


def test_a_reference_used_as_a_number_is_one() -> None:
    system = walkers(2, 2)
    first = system.actions[0]
    odd = Guard(lt(Var(VarId(2)), Const(1)))
    changed = (replace(first, tests=(*first.tests, odd)), *system.actions[1:])
    found = symmetry_of(replace(system, actions=changed))
    assert found.orbits == ()
    assert "numbers" in found.reasons["page"]


def test_null_is_no_number() -> None:
    def not_null(id: VarId) -> Guard:
        return Guard(lt(Const(NULL), Var(id)))

    system = walkers(2, 2)
    changed = tuple(
        replace(a, tests=(*a.tests, not_null(VarId(2 + a.thread)))) if a.location else a
        for a in system.actions
    )
    assert names(replace(system, actions=changed)) == ["walk", "page"]


def test_threads_that_differ_in_their_fates_are_not_exchanged() -> None:
    system = walkers(2, 2)
    threads = (replace(system.threads[0], daemon=False), system.threads[1])
    assert names(replace(system, threads=threads)) == ["page"]


def test_unlike_variables_are_an_asymmetry() -> None:
    system = walkers(2, 2)
    wide = replace(system.variables[0], type=Type("int", 0, 7))
    assert names(replace(system, variables=(wide, *system.variables[1:]))) == ["walk"]


def test_locations_that_do_not_move_along_are_an_asymmetry() -> None:
    """Each thread's location is kept by the other's variable."""
    system = walkers(2, 2)
    a, b = system.threads
    found = symmetry_of(replace(system, threads=(replace(a, pc=b.pc), replace(b, pc=a.pc))))
    assert "walk" not in [orbit.kind.name for orbit in found.orbits]
    assert "locations" in found.reasons["walk"]


def test_only_so_many_objects_are_exchanged() -> None:
    """Their kinds are taken together; threads have a limit of their own."""
    kinds = [f"k{number}" for number in range(MAX_OBJECTS // MAX_MEMBERS + 1)]
    sizes = ", ".join(f"{kind}: {MAX_MEMBERS}" for kind in kinds)
    objects = "".join(f"object {kind} {{ on : bool; }} " for kind in kinds)
    marks = "".join(f"{{ var one : {kind} = any {kind}; one.on = true; }} " for kind in kinds)
    system = lowered(f"{objects} scope {{ {sizes}, a: 3 }} daemon thread a[*] {{ {marks} }}")
    symmetry = symmetry_of(system)
    assert {orbit.kind.name for orbit in symmetry.orbits} == {"a", *kinds[:-1]}
    assert symmetry.reasons[kinds[-1]] == f"more than {MAX_OBJECTS} objects are not exchanged"


# --- that it is right -------------------------------------------------------------------


@pytest.mark.parametrize(("count", "pages"), [(2, 2), (3, 2), (2, 3), (3, 3)])
def test_the_engines_agree(count: int, pages: int, cache: Path) -> None:
    assert isinstance(agree(walkers(count, pages), cache), NoneFound)


def test_there_are_fewer_states(cache: Path) -> None:
    system = walkers(4, 3)
    plain = explored(system, cache).statistics.states
    reduced = explored(system, cache, symmetry=True).statistics
    assert reduced.states * 20 < plain
    assert "walk (4), page (3)" in reduced.extra["symmetry"]


def test_it_can_be_left_out(cache: Path) -> None:
    system = walkers(3, 3)
    claim = explored(system, cache, symmetry=False)
    assert claim.statistics.extra["symmetry"] == "off"
    off = ExplicitEngine(without=frozenset({"symmetry"}))
    assert off.options.symmetry is False
    with pytest.raises(UsageError, match="no such reduction"):
        ExplicitEngine(without=frozenset({"magic"}))


def test_why_not_is_told(cache: Path) -> None:
    claim = explored(walkers(2, 2, initial_targets=False), cache, symmetry=True)
    assert "is not the same for all" in claim.statistics.extra["no symmetry of page"]


def image(state: State, orbit: Orbit, order: tuple[int, ...]) -> State:
    """The state with member n renamed to order[n]."""
    after = list(state)
    for column in orbit.columns:
        for n, id in enumerate(column.variables):
            after[column.variables[order[n]]] = state[id]
    for square in orbit.squares:
        for a, row in enumerate(square):
            for b, id in enumerate(row):
                after[square[order[a]][order[b]]] = state[id]
    first = orbit.kind.first
    for id in orbit.references:
        if 0 <= after[id] - first < orbit.kind.size:
            after[id] = first + order[after[id] - first]
    return tuple(after)


def orbits_of(system: System, states: list[State]) -> int:
    """How many states are left if all images of a state count as one."""
    orbits = symmetry_of(system).orbits
    orders = [list(permutations(range(orbit.kind.size))) for orbit in orbits]

    def smallest(state: State) -> State:
        images = []
        for choice in product(*orders):
            renamed = state
            for orbit, order in zip(orbits, choice, strict=True):
                renamed = image(renamed, orbit, order)
            images.append(renamed)
        return min(images)

    return len({smallest(state) for state in states})


def test_every_orbit_has_a_state_and_hardly_one_has_two(cache: Path) -> None:
    states = wanted = unique = 0
    for seed in range(120):
        system = random_system(seed)
        if not symmetry_of(system).orbits or ExplicitEngine().refuses(system):
            continue
        search = Search(system, Limits(2000), ignore)
        if not isinstance(search.run(), NoneFound) or len(search.arrivals) < 60:
            continue
        orbits = orbits_of(system, list(search.arrivals))
        reduced = explored(system, cache, symmetry=True).statistics.states
        assert reduced >= orbits
        symmetry = symmetry_of(system)
        if is_unique(system, layout_of(system, records(system, symmetry)), symmetry):
            unique += 1
            assert reduced == orbits
        states += reduced
        wanted += orbits
    assert wanted > 500
    assert unique > 3
    assert states < 1.1 * wanted


def chains(linked: tuple[tuple[int, int], ...], size: int = 3) -> System:
    """Nodes in lists. A thread links the end of a list to a lonely node; two links in a row are a fault.

    The keys of nodes say whether they have a successor, not which: representatives are not unique.
    """
    b = Builder(THREADS, "specs/chains.zd")
    to = Type("ref", NULL, size - 1, "node")
    start = dict(linked)
    next_of = [b.var(f"node[{n}].next", to, start.get(n, NULL)) for n in range(size)]
    me = b.thread("link", "link", ["wait until go;"])
    for end, new in permutations(range(size), 2):
        is_end = [eq(Var(next_of[n]), Const(end)) for n in range(size) if n != end]
        lonely = [ne(Var(next_of[n]), Const(new)) for n in range(size) if n != new]
        lonely += [eq(Var(next_of[new]), Const(NULL)), eq(Var(next_of[end]), Const(NULL))]
        test = Guard(and_(or_(*is_end), *lonely))
        b.step(me, 0, "wait until go;", (next_of[end], Const(new)), tests=(test,), to=0)
    rows = [
        and_(eq(Var(next_of[a]), Const(m)), ne(Var(next_of[m]), Const(NULL)))
        for a, m in permutations(range(size), 2)
    ]
    fault = Property("invariant", "short", "invariant", not_(or_(*rows)), None, (), b.span("go"))
    system = b.system(kinds=(Kind("node", size, 0, False, None),), properties=(fault,))
    variables = tuple(
        replace(v, family="node.next", index=(("node", next_of.index(v.id)),))
        if v.id in next_of
        else v
        for v in system.variables
    )
    return replace(system, variables=variables)


@pytest.mark.parametrize("linked", list(permutations(range(3), 2)))
def test_a_run_is_followed_where_representatives_are_not_unique(
    linked: tuple[int, int], cache: Path
) -> None:
    """The real state's successor may have another representative than the one that was met."""
    system = chains((linked,))
    symmetry = symmetry_of(system)
    assert [orbit.kind.name for orbit in symmetry.orbits] == ["node"]
    assert not is_unique(system, layout_of(system, records(system, symmetry)), symmetry)
    claim = agree(system, cache)
    assert isinstance(claim, Found)
    assert len(claim.run.actions) == 1


SQUARES = """
object page {{ }}
scope {{ page: {size} }}
var linked[page][page] : 0..{top};
var last : page?;
daemon thread links {{
    forever {{
        atomic {{
            var x : page = any page;
            var y : page = any other : page where other != x;
            if (linked[x][y] < {top}) {{
                linked[x][y] += 1;
                linked[x][x] = linked[x][y];
                last = y;
            }}
        }}
        atomic {{
            var z : page = any page;
            if (linked[z][z] == {top} && last == z) {{
                linked[z][z] = 0;
                last = null;
            }}
        }}
    }}
}}
{wrong}
"""
NEVER = "invariant one_way: forall x : page . linked[x][x] == 0 || last != x;"


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("wrong", ["", NEVER])
def test_what_has_two_indices_of_a_kind_moves_with_it(size: int, wrong: str, cache: Path) -> None:
    """A relation among members is a square: its rows and its columns change names together."""
    system = lowered(SQUARES.format(size=size, top=4 - size, wrong=wrong))
    (orbit,) = symmetry_of(system).orbits
    assert len(orbit.squares) == 1
    claim = agree(system, cache)
    assert isinstance(claim, Found if wrong else NoneFound)
    if not wrong:
        reduced = explored(system, cache, symmetry=True).statistics.states
        assert claim.statistics.states > 1.5 * reduced > 25


def test_walkers_have_one_state_for_each_orbit(cache: Path) -> None:
    system = walkers(3, 3)
    search = Search(system, Limits(), ignore)
    search.run()
    reduced = explored(system, cache, symmetry=True).statistics.states
    assert reduced <= 1.2 * orbits_of(system, list(search.arrivals))
