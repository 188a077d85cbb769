"""The lowered system reaches, step by step, the shared states that the spec as written reaches.

`tests/support/surface.py` runs the checked model directly. A bug of inlining, of steps, of liveness or of
path splitting shows as a level of the search in which the two differ.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from tests.support.levels import disagreement
from zdcheck.base.diagnostics import ZdcheckError
from zdcheck.base.source import SourceFile
from zdcheck.lang import model as m
from zdcheck.lang.check import check
from zdcheck.lang.modules import load, load_text
from zdcheck.lower import Instance

ROOT = Path(__file__).resolve().parents[2]
SPECS = sorted((ROOT / "specs").rglob("*.zd")) + sorted((ROOT / "docs/tutorial").glob("*.zd"))
CORNERS = sorted(
    set((ROOT / "tests/spec/steps").glob("*.zd")) - {ROOT / "tests/spec/steps/local_loop.zd"}
)
"""Where a loop that touches nothing stops each time round is a choice of lowering, and no meaning of the language."""
TOKEN = re.compile(r"\w+|\s+|//[^\n]*|.", re.DOTALL)


def checks(path: Path) -> list[tuple[m.Model, m.Check]]:
    model = check(load(path))
    return [(model, one) for one in model.checks]


def compare(model: m.Model, one: m.Check, budget: int) -> str | None:
    try:
        return disagreement(Instance.of(model, one), budget)
    except NotImplementedError:
        return None  # beyond the second meaning: `any` as an initial value, endless local loops


@pytest.mark.parametrize("path", [*SPECS, *CORNERS], ids=lambda p: p.stem)
def test_specs(path: Path) -> None:
    model, one = checks(path)[0]
    assert compare(model, one, 40) is None


@pytest.mark.slow
@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_every_check(path: Path) -> None:
    for model, one in checks(path):
        assert (one.name, compare(model, one, 150)) == (one.name, None)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_mutants(seed: int) -> None:
    """Specs with a token changed that still are specs: odd protocols, not only sensible ones."""
    rng = random.Random(seed)
    compared = 0
    for _ in range(400):
        path = rng.choice(SPECS)
        tokens = TOKEN.findall(path.read_text("utf-8"))
        words = [i for i, token in enumerate(tokens) if re.match(r"\w", token)]
        where, source = rng.choice(words), rng.choice(words)
        tokens[where] = tokens[source]
        try:
            model = check(load_text(SourceFile("mutant.zd", "".join(tokens)), path.parent))
            one = rng.choice(model.checks)
            found = compare(model, one, 25)
        except ZdcheckError:
            continue
        compared += 1
        assert found is None, (
            f"{path.name}, token {where} := {tokens[source]!r}, {one.name}: {found}"
        )
    assert compared > 5
