"""Every engine says the same of random specs over the whole language; `make fuzz` asks about many more."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.agreement.compare import interpreted
from tests.generator.opinions import OPINIONS, Disagreement, Opinion, cases, consult
from tests.generator.shrink import shrunk
from tests.generator.spec import random_spec
from zdcheck.base.source import SourceFile
from zdcheck.engines.protocol import Found, Stopped
from zdcheck.lang import ast
from zdcheck.lang.parser import parse

EVERYDAY = range(20)
MANY = range(1000, 2000)

CLOSER = 5
"""The dear opinions are asked so many times more often than in the campaign."""

CHEAP = tuple(o for o in OPINIONS if o.name in ("layout", "as written"))
"""Opinions that compile nothing."""


@pytest.mark.parametrize("seed", EVERYDAY)
def test_random_specs(seed: int, cache: Path) -> None:
    consult(CLOSER * seed, random_spec(Random(seed)), cache)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(MANY.start, MANY.stop, 50))
def test_many_random_specs(first: int, cache: Path) -> None:
    asked = Counter[str]()
    for seed in range(first, first + 50):
        try:
            asked += consult(CLOSER * seed, random_spec(Random(seed)), cache)
        except Exception as error:
            error.add_note(f"random_spec(Random({seed}))")
            raise
    assert asked["explorer, each reduction"] > 40


@pytest.mark.slow  # what hypothesis draws changes with every module it can see, and everyday tests change only with the code
# Shrinking choices takes minutes and shortens little; the campaign shortens the text of a spec instead.
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
@given(st.randoms(use_true_random=False))
def test_hypothesis_finds_no_spec_that_lowering_gets_wrong(chance: Random) -> None:
    text = random_spec(chance)
    try:
        consult(0, text, Path("/nonexistent"), CHEAP)
    except Exception as error:
        error.add_note(text)
        raise


def _nodes(node: object) -> Iterator[str]:
    if is_dataclass(node):
        yield type(node).__name__
        for one in fields(node):
            yield from _nodes(getattr(node, one.name))
    elif isinstance(node, tuple):
        for item in node:
            yield from _nodes(item)


def test_the_generator_covers_the_language() -> None:
    """Every construct that can be parsed occurs, and the language refuses next to nothing."""
    seen = set[str]()
    for seed in range(250):
        seen.update(_nodes(parse(SourceFile("random.zd", random_spec(Random(seed))))))
    everything = {
        name
        for name, node in inspect.getmembers(ast, inspect.isclass)
        if node.__module__ == ast.__name__
    }
    assert everything - seen == {"Bundle", "Module"}


def test_the_specs_are_worth_it() -> None:
    """Most have more than a handful of states, and every kind of fault occurs."""
    sizes = []
    seen: Counter[str] = Counter()
    for seed in range(150):
        for case in cases(random_spec(Random(seed)), Path("/nonexistent")):
            claim = interpreted(case.system, 1000)
            if isinstance(claim, Found):
                seen[type(claim.fault).__name__] += 1
            else:
                seen["holds"] += not isinstance(claim, Stopped)
                sizes.append(claim.statistics.states)
    assert sorted(sizes)[len(sizes) // 2] > 20
    assert seen["holds"] > 50
    for wanted in ("Deadlock", "FailedCheck", "Imbalance", "BrokenProperty", "Stuck"):
        assert seen[wanted] > 0, wanted


def test_what_disagrees_is_made_small(tmp_path: Path) -> None:
    """An opinion that dislikes one statement leaves little but that statement."""

    def dislike(case: object) -> bool:
        assert "might_sleep" not in case.text  # type: ignore[attr-defined]
        return True

    opinions = (Opinion("dislike", 1, dislike),)

    def shows(text: str) -> bool:
        try:
            consult(0, text, tmp_path, opinions)
        except Disagreement:
            return True
        except Exception:
            return False
        return False

    seed = next(s for s in range(1000) if "might_sleep" in random_spec(Random(s)))
    text = random_spec(Random(seed))
    small = shrunk(text, shows)
    assert shows(small)
    assert "might_sleep" in small
    assert len(small.splitlines()) <= 8 < len(text.splitlines())
