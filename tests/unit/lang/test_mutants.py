"""Which mistakes are made in a spec, and that each is exactly that mistake."""

from __future__ import annotations

from zdcheck.base.source import SourceFile
from zdcheck.lang import ast
from zdcheck.lang.modules import load_text
from zdcheck.lang.mutants import Mutant, applied, mutants
from zdcheck.lang.parser import parse

ITEMS = """
use sync.lock, sync.context, mm.page;
config on : bool = true;
var l : spinlock;
var a : 0..3;
var b : 0..3;
fn used() { a = 1; }
fn unused() { a = 2; }
fn history() { ghost h = true; }
ghost var h : bool = false;
"""


def made(body: str, *, library: bool = False) -> dict[str, ast.Bundle]:
    """The mutants of a thread with that body, by what they are called."""
    bundle = load_text(SourceFile("test.zd", f"{ITEMS} thread t {{ {body} }}"))
    return {m.text: applied(bundle, m) for m in own(list(mutants(bundle, library=library)))}


def own(found: list[Mutant]) -> list[Mutant]:
    return [mutant for mutant in found if mutant.owner == "t"]


def thread(bundle: ast.Bundle) -> ast.Item:
    return bundle.modules[-1].spec.items[-1]


def as_if(body: str) -> ast.Item:
    return parse(SourceFile("x.zd", f"thread t {{ {body} }}")).items[-1]


def check(body: str, expected: dict[str, str]) -> None:
    found = made(body)
    assert list(found) == list(expected)
    for text, changed in expected.items():
        assert thread(found[text]) == as_if(changed), text


def test_statements_are_dropped_and_swapped() -> None:
    check(
        "a = 1; b = 2;",
        {
            "`b = 2;` before `a = 1;`": "b = 2; a = 1;",
            "no `a = 1;`": "b = 2;",
            "no `b = 2;`": "a = 1;",
        },
    )


def test_the_same_mistake_twice_has_two_names() -> None:
    assert list(made("a = 1; a = 1;")) == [
        "`a = 1;` before `a = 1;`",
        "no `a = 1;`",
        "no `a = 1;` (2)",
    ]


def test_a_typed_local_loses_its_value_and_an_untyped_one_cannot() -> None:
    check("var x : 0..3 = a; var y = b;", {
        "`var y = b;` before `var x : 0..3 = a;`": "var y = b; var x : 0..3 = a;",
        "no `var x : 0..3 = a;`": "var x : 0..3; var y = b;",
    })  # fmt: skip


def test_properties_are_no_part_of_the_protocol() -> None:
    check("assert a < 2; cover c; ghost h = true; history(); touch(page[0]); access(page[0]);", {
        "`access(page[0]);` before `touch(page[0]);`":
            "assert a < 2; cover c; ghost h = true; history(); access(page[0]); touch(page[0]);",
    })  # fmt: skip


def test_ghost_code_goes_with_the_step_that_it_belongs_to() -> None:
    found = made("a = 1; history(); ghost h = true; b = 2;")
    swapped = thread(found["`b = 2;` before `a = 1;`"])
    assert swapped == as_if("b = 2; a = 1; history(); ghost h = true;")


def test_guards_are_ignored_one_operand_at_a_time() -> None:
    found = made("if (a == 1) b = 1;")
    assert thread(found["no matter `a == 1`"]) == as_if("if (true) b = 1;")
    found = made("if (a == 1 && b == 2 && on) b = 1;")
    assert thread(found["no matter `a == 1`"]) == as_if("if (b == 2 && on) b = 1;")
    assert thread(found["no matter `b == 2`"]) == as_if("if (a == 1 && on) b = 1;")
    assert "no matter `on`" not in found
    assert not made("if (a == 1) cover c;")
    assert not [text for text in made("if (on) b = 1;") if "matter" in text]


def test_waits_and_filters() -> None:
    found = made("wait until a == 1 && b == 1; a = any x : 0..3 where x > b;")
    assert thread(found["no matter `a == 1`"]) == as_if(
        "wait until b == 1; a = any x : 0..3 where x > b;"
    )
    assert "no `wait until a == 1 && b == 1;`" in found
    assert thread(found["no matter `x > b`"]) == as_if(
        "wait until a == 1 && b == 1; a = any x : 0..3;"
    )


def test_a_lock_goes_with_all_that_takes_and_releases_it() -> None:
    body = "{} if (a == 1) {{ {} return; }} b = 1; {}"
    found = made(body.format("spin_lock(l);", "spin_unlock(l);", "spin_unlock(l);"))
    assert thread(found["no lock `l`"]) == as_if(body.format("", "", ""))
    found = made("if (spin_trylock(l)) { b = 1; spin_unlock(l); }")
    assert thread(found["no lock `l`"]) == as_if("if (true) { b = 1; }")
    found = made("rcu_read_lock(); b = 1; rcu_read_unlock();")
    assert thread(found["no section `rcu_read`"]) == as_if("b = 1;")
    assert "no lock `l`" not in made("spin_lock(l); b = 1;")


def test_a_longer_critical_section_is_no_mistake() -> None:
    found = made("a = 1; spin_lock(l); b = 1; spin_unlock(l); a = 2;")
    orders = [text for text in found if " before " in text]
    assert orders == ["`b = 1;` before `spin_lock(l);`", "`spin_unlock(l);` before `b = 1;`"]


def test_what_the_configuration_may_leave_out_parts_no_neighbours() -> None:
    orders = [text for text in made("a = 1; if (on) b = 1; b = 2;") if " before " in text]
    assert orders == [
        "`if (on) …` before `a = 1;`",
        "`b = 2;` before `a = 1;`",
        "`b = 2;` before `if (on) …`",
    ]


def test_kinds() -> None:
    bundle = load_text(
        SourceFile("test.zd", f"{ITEMS} thread t {{ synchronize_rcu(); smp_mb(); wait until on; }}")
    )
    kinds = {m.text: m.kind for m in mutants(bundle, library=False)}
    assert kinds["no `synchronize_rcu();`"] == "grace period"
    assert kinds["no `smp_mb();`"] == "fence"
    assert kinds["no `wait until on;`"] == "wait"


def test_only_code_that_runs_and_the_library_only_if_asked() -> None:
    bundle = load_text(SourceFile("test.zd", f"{ITEMS} thread t {{ used(); spin_lock(l); }}"))
    without = {(m.module, m.owner) for m in mutants(bundle, library=False)}
    assert without == {((), "used"), ((), "t")}
    both = {(m.module, m.owner) for m in mutants(bundle, library=True)}
    assert both == {*without, (("sync", "lock"), "spin_lock")}
