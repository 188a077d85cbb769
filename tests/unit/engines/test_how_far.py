"""What is said of a search that a limit stopped."""

from __future__ import annotations

import pytest

from zdcheck.engines.how_far import Reached, how_far
from zdcheck.engines.protocol import IN_MEMORY, Limit, Storage


def test_levels_that_grow_promise_as_much_again() -> None:
    text = how_far(Reached(34, 404_346, 49_569, 30_000, 28_000), "states")
    assert text == (
        "nothing wrong in fewer than 34 steps; 49,569 states still to expand, "
        "probably more than 400,000 more to come; try more `--max-states` or a smaller `--scope`"
    )


def test_levels_that_shrink_are_a_series() -> None:
    """Half as many each time: as many again as in the last level, 50 of which are known."""
    text = how_far(Reached(9, 5_000, 50, 1_050, 2_100), "time")
    assert "perhaps 1,000 more to come" in text


def test_levels_that_keep_their_size_say_nothing_about_the_end() -> None:
    assert "probably more than 5,000" in how_far(Reached(9, 5_000, 50, 99, 100), "time")


def test_nothing_is_guessed_from_nothing() -> None:
    assert how_far(Reached(0, 1, 1), "interrupt") == "1 state still to expand"


@pytest.mark.parametrize(
    ("storage", "said", "unsaid"),
    [
        (IN_MEMORY, ["--max-memory", "--spill", "--compact"], []),
        (Storage(compact=True), ["--spill"], ["--compact"]),
        (Storage(spill="/tmp"), ["--compact"], ["--spill"]),
        (None, ["--max-memory"], ["--spill", "--compact"]),
    ],
)
def test_only_what_may_help_is_advised(
    storage: Storage | None, said: list[str], unsaid: list[str]
) -> None:
    text = how_far(Reached(3, 100, 10), "memory", storage)
    assert all(word in text for word in [*said, "--scope"])
    assert not any(word in text for word in unsaid)


@pytest.mark.parametrize("limit", ["states", "memory", "time", "disk"])
def test_every_limit_has_advice(limit: Limit) -> None:
    assert "; try " in how_far(Reached(3, 100, 10), limit, IN_MEMORY)
