"""The tables of surviving mutants in the specs' READMEs are what `zdcheck mutate` finds today."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.compilers import quick_compiler
from zdcheck.cli.explanations import explanations
from zdcheck.render.mutation import HEADING

ROOT = Path(__file__).parents[2]
FOLDERS = [
    readme.parent
    for readme in sorted((ROOT / "specs").glob("*/README.md"))
    if HEADING in readme.read_text("utf-8")
]
# Each has a check that holds, and those without a row are asked as well: a table is never short of one.
SPECS = sorted((ROOT / "specs").glob("**/*.zd"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_table_names_specs_of_its_folder(folder: Path) -> None:
    table = explanations(str(folder / "x.zd"), None)
    assert table
    assert {name.spec for name in table} <= {path.name for path in folder.glob("*.zd")}


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.parent.name}/{spec.name}")
def test_every_survivor_is_explained_and_no_other_mutant(
    spec: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    compiler = quick_compiler(tmp_path_factory.getbasetemp() / "compiler")
    done = subprocess.run(
        [sys.executable, "-m", "zdcheck", "mutate", "--quick", str(spec.relative_to(ROOT))],
        cwd=ROOT,
        env={**os.environ, **({"CC": str(compiler)} if compiler else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
