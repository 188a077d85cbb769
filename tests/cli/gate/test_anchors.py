"""`zdcheck anchors`, on small kernel trees."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.gate.support import (
    GOOD,
    Gate,
    git,
    write,
)

GUP = """\
/* a comment */
static int helper(int x) { return x; }

int gup_fast(unsigned long start)
{
\tint i = helper(start); // one
#ifdef CONFIG_X
\ti++;
#endif
\treturn i;
}

void old_name(void) { helper(7); }
"""


@pytest.fixture
def kernel(repo: Path, tmp_path: Path) -> Path:
    """A kernel tree of one file, under git, and a spec with anchors into it."""
    tree = tmp_path / "linux"
    (tree / "mm").mkdir(parents=True)
    (tree / "mm" / "gup.c").write_text(GUP)
    git(tree, "init", "-q")
    git(tree, "add", ".")
    git(tree, "commit", "-qm", "one")
    text = GOOD.replace(
        "    atomic {",
        '    models "mm/gup.c:gup_fast";\n    models "mm/gup.c:old_name";\n    atomic {',
    )
    write(repo, "good.zd", text)
    return tree


def test_anchors(gate: Gate, repo: Path, kernel: Path) -> None:
    tree = f"--kernel={kernel}"
    assert gate("check", tree, command="anchors").code == 2
    assert gate("record", tree, command="anchors").code == 0
    result = gate("check", tree, command="anchors")
    assert result.code == 0
    assert "2 anchors, 0 warnings" in result.out
    file = kernel / "mm" / "gup.c"
    file.write_text("\n\n" + GUP.replace("// one", "/* two */").replace("int i =", "int  i  ="))
    assert gate("check", tree, command="anchors").code == 0
    file.write_text(GUP.replace("i++", "i--").replace("old_name", "new_name"))
    result = gate("check", tree, command="anchors")
    assert result.code == 1
    assert "specs/good.zd:8: warning: gup_fast in mm/gup.c changed" in result.out
    assert "-       i++;" in result.out
    assert "+       i--;" in result.out
    assert "old_name in mm/gup.c is called new_name now" in result.out
    result = gate("check", tree, "--since", "HEAD", command="anchors")
    assert result.code == 1
    result = gate(tree)
    assert result.code == 0
    assert "Kernel functions that specs model:" in result.out
    assert "\n    -       i++;\n" in result.out


def test_every_definition_of_a_function_counts(gate: Gate, repo: Path, kernel: Path) -> None:
    file = kernel / "mm" / "gup.c"
    both = "#ifdef A\nint gup_fast(void) { return 1; }\n#else\nint gup_fast(void) { return 0; }\n#endif\n"
    file.write_text(both + "void old_name(void) { }\n")
    tree = f"--kernel={kernel}"
    assert gate("record", tree, command="anchors").code == 0
    file.write_text(file.read_text().replace("return 1", "return 2"))
    assert "gup_fast in mm/gup.c changed" in gate("check", tree, command="anchors").out


def test_anchors_that_moved_or_are_gone(gate: Gate, repo: Path, kernel: Path) -> None:
    tree = f"--kernel={kernel}"
    gate("record", tree, command="anchors")
    (kernel / "mm" / "walk.c").write_text("void old_name(void) { helper(7); }\n")
    (kernel / "mm" / "gup.c").write_text("static int helper(int x) { return x; }\n")
    git(kernel, "add", ".")
    result = gate("check", tree, command="anchors")
    assert "old_name in mm/gup.c is gone; mm/walk.c defines it now" in result.out
    assert "gup_fast in mm/gup.c is gone" in result.out


def test_renamed_and_rewritten_a_little(gate: Gate, repo: Path, kernel: Path) -> None:
    tree = f"--kernel={kernel}"
    assert gate("record", tree, command="anchors").code == 0
    file = kernel / "mm" / "gup.c"
    file.write_text(GUP.replace("int gup_fast(", "long gup_quickly(").replace("i++;", "i += 2;"))
    result = gate("check", tree, command="anchors")
    assert "gup_fast in mm/gup.c is gone; gup_quickly is new and much like it" in result.out
    assert "+long gup_quickly(unsigned long start)" in result.out
    file.write_text(
        GUP.replace("int gup_fast(unsigned long start)", "int other(void)\n{ }\nint g(int a)")
    )
    git(kernel, "commit", "-qam", "two")
    file.write_text("int other(char *text) { while (*text) say(*text++); return 0; }\n")
    result = gate("check", tree, command="anchors")
    assert "gup_fast in mm/gup.c is gone [anchor_gone]" in result.out


def test_a_tree_without_git(gate: Gate, repo: Path, kernel: Path) -> None:
    shutil.rmtree(kernel / ".git")
    tree = f"--kernel={kernel}"
    assert gate("record", tree, command="anchors").code == 0
    (kernel / "mm" / "walk.c").write_text("void old_name(void) { helper(7); }\n")
    (kernel / "mm" / "gup.c").write_text(
        GUP.replace("gup_fast", "gup_quickly").replace("old_", "ol")
    )
    result = gate("check", tree, command="anchors")
    assert "gup_fast in mm/gup.c is called gup_quickly now" in result.out
    assert gate("check", tree, "--since", "HEAD", command="anchors").code == 2
    (kernel / "mm" / "gup.c").unlink()
    result = gate("check", tree, command="anchors")
    assert "mm/gup.c is gone; mm/walk.c defines it now" in result.out
    assert "mm/gup.c is gone [anchor_gone]" in result.out


def test_a_system_call_is_a_function(gate: Gate, repo: Path, kernel: Path) -> None:
    file = kernel / "mm" / "gup.c"
    file.write_text(
        "SYSCALL_DEFINE1(old_name, int, x)\n{\n\treturn x;\n}\n" + GUP.partition("void")[0]
    )
    path = repo / "specs" / "good.zd"
    path.write_text(path.read_text().replace("mm/gup.c:old_name", "mm/gup.c:sys_old_name"))
    tree = f"--kernel={kernel}"
    assert gate("record", tree, command="anchors").code == 0
    file.write_text(file.read_text().replace("return x;", "return -x;"))
    result = gate("check", tree, command="anchors")
    assert "sys_old_name in mm/gup.c changed" in result.out


def test_what_this_kernel_does_not_have_is_no_news(gate: Gate, repo: Path, kernel: Path) -> None:
    file = kernel / "mm" / "gup.c"
    file.write_text(GUP.replace("old_name", "new_name"))
    tree = f"--kernel={kernel}"
    result = gate("record", tree, command="anchors")
    assert result.code == 0
    assert "specs/good.zd:9: mm/gup.c:old_name is not in this tree" in result.err
    assert "2 anchors, 0 warnings" in gate("check", tree, command="anchors").out
    file.write_text(GUP)
    result = gate("check", tree, command="anchors")
    assert result.code == 1
    assert "old_name in mm/gup.c is in the tree now, and was not" in result.out


def test_what_another_era_has_in_another_file(gate: Gate, repo: Path, kernel: Path) -> None:
    file = kernel / "mm" / "gup.c"
    (kernel / "mm" / "walk.c").write_text(file.read_text())
    file.write_text(GUP.replace("old_name", "new_name"))
    git(kernel, "add", "-A")
    result = gate("record", f"--kernel={kernel}", command="anchors")
    assert result.code == 0
    says = "mm/gup.c:old_name is not in this tree; mm/walk.c defines it here"
    assert f"specs/good.zd:9: {says}" in result.err


@pytest.mark.parametrize("damage", ["", "{", '{"schema": "zdcheck-anchors/1"}\n', "\0\xff"])
def test_a_damaged_record_of_anchors(gate: Gate, repo: Path, kernel: Path, damage: str) -> None:
    tree = f"--kernel={kernel}"
    assert gate("record", tree, command="anchors").code == 0
    (repo / "zdcheck-anchors.jsonl").write_bytes(damage.encode("latin-1"))
    result = gate("check", tree, command="anchors")
    assert result.code == 2
    assert "zdcheck-anchors.jsonl" in result.err
    result = gate(tree)
    assert result.code == 0
    assert "source anchors were not compared: " in result.out


def test_anchors_stay_inside_the_tree(gate: Gate, repo: Path, kernel: Path) -> None:
    path = repo / "specs" / "good.zd"
    path.write_text(path.read_text().replace("mm/gup.c:old_name", "../secret.c:old_name"))
    result = gate("record", f"--kernel={kernel}", command="anchors")
    assert result.code == 2
    assert "is no path inside a kernel tree" in result.err
    assert gate("record", "--kernel=.", command="anchors").code == 2
