"""What the checked model of a spec is: symbols, types, names bound by patterns, defaults."""

from __future__ import annotations

import time

import pytest

from tests.support.messages import diagnose
from zdcheck.base.diagnostics import SpecError
from zdcheck.base.source import SourceFile
from zdcheck.lang import model as m
from zdcheck.lang.check import check
from zdcheck.lang.model import Model
from zdcheck.lang.modules import load_text
from zdcheck.lang.types import IntType, RefType, SetType, VariantType
from zdcheck.lang.walk import walk

OBJECTS = """
config on : bool = true;
object pgmap { counted users : 0..3; }
object page { lives in map : pgmap? = null; counted refcount : 0..3 = 0 bias 1; head : page?; }
variant entry { none, present(pg : page holds refcount when on && write, write : bool) }
object pte { entry_ : entry; }
"""


def checked(text: str) -> Model:
    return check(load_text(SourceFile("test.zd", text)))


def body(text: str) -> m.Block:
    """The body of the only thread."""
    return checked(OBJECTS + f"thread t {{ {text} }}").threads[0].body


def test_a_spec_without_checks_has_one_that_expects_holds() -> None:
    text = "\n\nvar n : 0..3;\n"
    (run,) = checked(text).checks
    assert (run.name, run.expect) == ("default", m.Expectation())
    assert run.span.text == "var"


def test_checks_of_modules_do_not_count_and_properties_do() -> None:
    model = checked("use mm.pgtable;")
    assert [run.name for run in model.checks] == ["default"]
    assert any(p.from_library and p.name == "refcount_zero_in_pte" for p in model.properties)


def test_the_specs_scope_wins_over_the_modules() -> None:
    model = checked("scope { page: 3 } object page {} object pte {}")
    assert {
        name: size.value for name, size in model.scope.items() if isinstance(size, m.Number)
    } == {"page": 3}


def test_holds_of_payload_speaks_of_other_payload_by_its_bound_name() -> None:
    model = checked(OBJECTS)
    pg, write = model.variants["entry"].cases[1].payload
    assert pg.holds is not None
    assert [f.name for f in pg.holds.path] == ["refcount"]
    assert pg.holds.subject is pg.bound
    assert pg.holds.when is not None
    bound = [n.symbol for n in walk(pg.holds.when) if isinstance(n, m.BoundRef)]
    assert bound == [write.bound]


def test_a_set_holds_for_each_member() -> None:
    model = checked(OBJECTS + "var all : set<page> holds refcount when all.head == null;")
    holds = model.variables[0].holds
    assert holds is not None and holds.subject is not None
    assert holds.subject.type == RefType("page")


def test_a_holds_may_lead_through_its_own_field() -> None:
    model = checked("object page { counted n : 0..3; next : page? holds next.n; }")
    n, following = model.kinds["page"].fields
    assert following.holds is not None
    assert following.holds.path == (following, n)


def test_pattern_names_are_locals_in_statements_and_bound_in_expressions() -> None:
    text = "if (pte[0].entry_ is present(a) && (exists p : pte . p.entry_ is present(b) && a == b)) touch(a);"
    binds = [
        bind
        for node in walk(body(text))
        if isinstance(node, m.IsCase)
        for bind in node.binds
        if bind is not None
    ]
    a, b = binds
    assert isinstance(a, m.LocalSymbol) and a.role == "pattern"
    assert isinstance(b, m.BoundSymbol)


def test_payload_without_a_name_is_not_bound() -> None:
    (test,) = (
        node
        for node in walk(body("if (pte[0].entry_ is present) return;"))
        if isinstance(node, m.IsCase)
    )
    assert test.binds == (None, None)


def test_null_and_the_empty_set_take_the_type_they_meet() -> None:
    found = body(
        "var a : set<page> = true ? {} : {} + {page[0]}; var b : bool = page[0].head == null;"
    )
    first, second = found.statements
    assert isinstance(first, m.Declare) and isinstance(second, m.Declare)
    sets = [n.type for n in walk(first) if isinstance(n, m.SetOf)]
    assert sets == [SetType("page")] * 3
    assert [n.type for n in walk(second) if isinstance(n, m.Null)] == [RefType("page", True)]


def test_a_member_added_to_a_set_is_wrapped() -> None:
    _, add = body("var s : set<page>; s += page[0];").statements
    assert isinstance(add, m.Assign) and isinstance(add.value, m.SetOf)


def test_types_of_locals_are_taken_from_their_values() -> None:
    found = body(
        "var e = pte[0].entry_; var p = any page; var n = page[0].refcount; var i = any 0..1;"
    )
    types = [symbol.type for symbol in found.locals]
    assert types[:2] == [VariantType("entry"), RefType("page")]
    assert isinstance(types[2], IntType) and str(types[2]) == "0..3"
    assert isinstance(types[3], IntType) and str(types[3]) == "0..1"


def test_several_binders_are_nested_quantifiers() -> None:
    model = checked("object page {} invariant i : forall a : page, b : page . a == b;")
    outer = model.properties[0].body
    assert isinstance(outer, m.Quantifier) and isinstance(outer.body, m.Quantifier)
    assert (outer.variable.name, outer.body.variable.name) == ("a", "b")


def test_self_is_the_family_in_a_thread_and_any_thread_in_a_function() -> None:
    model = checked(
        "var who : thread?; fn f() { who = self; } thread t[*] { var me : t? = self; f(); who = me; }"
    )
    (function,) = model.functions.values()
    selves = [n.type for n in walk(function.body) if isinstance(n, m.Self)]
    selves += [n.type for n in walk(model.threads[0].body) if isinstance(n, m.Self)]
    assert selves == [RefType("thread"), RefType("t")]


def test_ghost_code_may_read_a_local_of_a_thread_further_down() -> None:
    model = checked(
        """
        object page {}
        ghost var seen : bool;
        thread a { ghost seen = b.pin == null; }
        thread b { var pin : page? = null; }
        """
    )
    (read,) = (n for n in walk(model.threads[0].body) if isinstance(n, m.ThreadLocalRef))
    assert read.symbol is model.threads[1].body.locals[0]


def test_that_a_family_terminates_is_that_all_its_threads_end() -> None:
    model = checked(
        "thread a {} thread b[*] {} progress p : a terminates; progress q : b terminates;"
    )
    first, second = model.progress
    assert first.form == "terminates" and isinstance(first.goal, m.HasEnded)
    assert second.form == "terminates" and isinstance(second.goal, m.Quantifier)


def test_configs_keep_the_order_of_the_text() -> None:
    model = checked("config a : 0..3 = b; config b : 0..3 = 1;")
    assert [config.name for config in model.configs] == ["a", "b"]


def test_all_errors_are_reported_at_once_in_source_order() -> None:
    with pytest.raises(SpecError) as caught:
        checked("thread t { a = 1; }\nvar n : nothing;\ninvariant i : m;\n")
    assert [d.id for d in caught.value.diagnostics] == [
        "unknown_name",
        "unknown_type",
        "unknown_name",
    ]


def test_suggestions() -> None:
    (message,) = diagnose("object page { refcount : 0..3; } thread t { page[0].refcuont = 1; }")
    assert message.help == "did you mean `refcount`?"
    assert [label.text for label in message.also] == ["`page` declared here"]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"config c{i} : 0..3 = c{i + 1};" for i in range(2000))
        + "config c2000 : 0..3 = 1;",
        "\n".join(f"config c{i} : 0..3 = c{(i + 1) % 2000};" for i in range(2000)),
        "var n : 0..1;"
        + "\n".join(f"fn f{i}() {{ f{i + 1}(); }}" for i in range(2000))
        + "fn f2000() {}",
        "var n : 0..1;"
        + "\n".join(f"fn f{i}(ref x : 0..1) {{ f{i + 1}(x); }}" for i in range(2000))
        + "fn f2000(ref x : 0..1) { x = 1; } thread t { f0(n); }",
        "var n : 0..1;"
        + "\n".join(f"fn f{i}() -> bool = f{i + 1}() && f{i + 1}();" for i in range(2000))
        + "fn f2000() -> bool = n == 0; thread t { if (f0()) return; }",
        "thread t {" + "\n".join(f"x{i} = 1;" for i in range(5000)) + "}",
        "\n".join(f"object k{i} {{ lives in home : k{i + 1}?; }}" for i in range(2000))
        + "object k2000 {}",
        "\n".join(
            f"variant v{i} {{ n{i}, p{i}(x : 0..c{i}) }} config c{i} : bool = n{i + 1} == n{i + 1};"
            for i in range(500)
        ),
    ],
    ids=["chain", "cycle", "calls", "refs", "doubling", "errors", "homes", "variants"],
)
def test_absurd_specs_end_in_bounded_time(text: str) -> None:
    begin = time.monotonic()
    diagnose(text, linted=True)
    assert time.monotonic() - begin < 20
