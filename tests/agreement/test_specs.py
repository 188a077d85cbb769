"""The explorer and the reference interpreter agree on the repository's specs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agreement.compare import explored, interpreted, same
from zdcheck.engines.protocol import Stopped
from zdcheck.lang.check import check
from zdcheck.lang.modules import load
from zdcheck.lower import lower
from zdcheck.lower.instance import Instance

SPECS = Path(__file__).parents[2] / "specs"
SMALL = ("unplug/teardown.zd", "unplug/remap.zd")


def compare(path: Path, cache: Path, max_states: int) -> None:
    model = check(load(path))
    for its in model.checks:
        system = lower(Instance.of(model, its))
        wanted = interpreted(system, max_states)
        plain = explored(system, cache, workers=2)
        if not isinstance(wanted, Stopped):
            same(system, wanted, plain, reduced=False)
        same(system, plain, explored(system, cache, partial_order=True), reduced=False)
        symmetric = explored(system, cache, symmetry=True)
        same(system, plain, symmetric, reduced=True)
        for workers in (1, 2):
            both = explored(system, cache, symmetry=True, partial_order=True, workers=workers)
            same(system, plain, both, reduced=True)
            same(system, symmetric, both, reduced=False)


@pytest.mark.parametrize("name", SMALL)
def test_the_engines_agree(name: str, cache: Path) -> None:
    compare(SPECS / name, cache, 10_000)


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(SPECS.glob("*/*.zd")), ids=lambda path: path.stem)
def test_the_engines_agree_on_all(path: Path, cache: Path) -> None:
    compare(path, cache, 12_000)
