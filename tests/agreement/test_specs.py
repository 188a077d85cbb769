"""The explorer and the reference interpreter agree on the repository's specs."""

from __future__ import annotations

from collections.abc import Callable
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


def compare(path: Path, cache: Path, max_states: int) -> str:
    """Compare every check with each reduction, with all, and with none; says how many were interpreted whole."""
    model = check(load(path))
    interpreted_too = 0
    for its in model.checks:
        system = lower(Instance.of(model, its))
        wanted = interpreted(system, max_states)
        plain = explored(system, cache)
        symmetric = explored(system, cache, symmetry=True)
        if not isinstance(wanted, Stopped):
            interpreted_too += 1
            same(system, wanted, plain, reduced=False)
        same(system, plain, symmetric, reduced=True)
        for workers in (1, 2):
            if workers > 1:
                same(system, plain, explored(system, cache, workers=workers), reduced=False)
                got = explored(system, cache, symmetry=True, workers=workers)
                same(system, symmetric, got, reduced=False)
            ordered = explored(system, cache, partial_order=True, workers=workers)
            same(system, plain, ordered, reduced=False)
            both = explored(system, cache, symmetry=True, partial_order=True, workers=workers)
            same(system, symmetric, both, reduced=False)
    return f"{interpreted_too} of {len(model.checks)}"


@pytest.mark.parametrize("name", SMALL)
def test_the_engines_agree(name: str, cache: Path) -> None:
    compare(SPECS / name, cache, 10_000)


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(SPECS.glob("*/*.zd")), ids=lambda path: path.stem)
def test_the_engines_agree_on_all(
    path: Path, cache: Path, record_property: Callable[[str, object], None]
) -> None:
    """The interpreter takes a minute for so many states; what is larger, the explorers compare among themselves."""
    record_property("interpreted whole", compare(path, cache, 60_000))
