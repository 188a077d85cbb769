"""Functions are found in every form in which the kernel writes them, and say when they changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from zdcheck.gate.c_functions import functions_of

FORMS = (Path(__file__).parent / "forms.c").read_bytes()

NAMES = {
    "page_pin": "SYSCALL_DEFINE3",
    "sys_page_pin": "SYSCALL_DEFINE3",
    "page_drop": "COMPAT_SYSCALL_DEFINE1",
    "compat_sys_page_drop": "COMPAT_SYSCALL_DEFINE1",
    "page_sync": "SYSCALL_DEFINE0",
    "sys_page_sync": "SYSCALL_DEFINE0",
    "hold": "static __always_inline bool",
    "wait_for_users": "__visible noinline void __sched notrace",
    "map_init": "static int __init",
    "late": "int __must_check",
    "ops": "DEFINE_FOO_OPS",
    "thing": "DEFINE_SHOW_ATTRIBUTE",
    "lock": "DEFINE_MUTEX",
    "for_each_holder": "#define",
    "bpf_hold": "BPF_CALL_2",
    "exc_hold": "DEFINE_IDTENTRY",
    "funny": "asmlinkage long",
    "ptr_return": "static inline struct page *",
    "ptrptr": "struct page **",
    "twice": "int twice(void) { return 1; }",
    "split_head": "static int split_head(int a)",
    "put_thing": "DEFINE_FREE",
    "do_it": "static vm_fault_t",
    "broken_before": "int broken_before",
    "after_broken": "int after_broken",
    "after_macro_without_semicolon": "int after_macro",
    "down_read": "DECLARE_RWSEM_OP",
    "with_lockfunc": "void __lockfunc",
    "list_each": "static void list_each",
    "in_brackets": "void (in_brackets)",
    "says": "static __printf(1, 2) void says",
    "half_a_body": "static int half_a_body",
    "two_lines": "#define two_lines",
    "last": "int last",
}


def test_every_form_is_found() -> None:
    found = functions_of(FORMS)
    assert set(found) == set(NAMES)
    for name, head in NAMES.items():
        assert found[name].text.startswith(head), found[name].text


def test_both_branches_count() -> None:
    found = functions_of(FORMS)
    assert len(found["twice"].texts) == 2
    assert "int a, int b" in found["split_head"].text
    assert found["half_a_body"].text.rstrip().endswith("return a;\n}")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"return do_pin(start, len, flags)", b"return do_pin(start, flags, len)"),
        (b"return try_hold(page)", b"return !try_hold(page)"),
        (b"for (p = first(map); p;", b"for (p = first(map); !p;"),
        (b"{ return 0; }", b"{ return 2; }"),
        (b"static int split_head(int a)", b"static int split_head(long a)"),
        (b"if (_T) put(_T)", b"put(_T)"),
        (b"noinline void __sched", b"void __sched"),
        (b"if (!a) {", b"if (a > 1) {"),
        (b"#ifdef CONFIG_C", b"#ifdef CONFIG_D"),
        (b'and one in a string: {"', b'and one in a string: }"'),
        (b"scoped_guard(mutex, &m)", b"scoped_guard(mutex, &n)"),
    ],
)
def test_a_change_of_code_is_seen_in_its_function_alone(before: bytes, after: bytes) -> None:
    assert FORMS.count(before) == 1
    old, new = functions_of(FORMS), functions_of(FORMS.replace(before, after))
    assert set(old) == set(new)
    changed = {name for name in old if old[name].tokens != new[name].tokens}
    assert {old[name].called for name in changed} == {old[min(changed)].called}


def test_layout_and_comments_are_no_change() -> None:
    text = FORMS.replace(b"\n\t", b"\n        /* here */ ").replace(b"return a + b", b"return a+b")
    text = text.replace(b"\t\t\\\n", b" \\\n").replace(
        b"// a brace in", b"// nothing like a brace in"
    )
    text = text.replace(b"\n", b"\r\n")
    old, new = functions_of(FORMS), functions_of(text)
    assert {name: f.tokens for name, f in old.items()} == {
        name: f.tokens for name, f in new.items()
    }


def test_a_new_name_alone_is_a_rename() -> None:
    old = functions_of(FORMS)["hold"]
    new = functions_of(FORMS.replace(b"bool hold(", b"bool keep("))
    assert new["keep"].body == old.body
    assert new["keep"].tokens != old.tokens


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"}" * 1000,
        b"{" * 1000,
        b"(" * 100_000,
        b"int f(void) {",
        b"/* no end",
        b'"no end\nint f(void) { }',
        b"#if 1\n#if 1\nint f(void) {\n#else\n",
        b"#else\n#endif\n#endif\n",
        bytes(range(256)) * 40,
        b"#define x(a" * 1000,
    ],
)
def test_no_text_is_too_much(text: bytes) -> None:
    functions_of(text)
