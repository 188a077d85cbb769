"""What all tests share: golden files."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Nearly the same examples in every run (constants of the modules that are loaded are among them): what passed yesterday
# fails today only for a change. `make fuzz` looks for new ones.
settings.register_profile("everyday", derandomize=True)
settings.load_profile("everyday")

# Begun in the background of a script, this process ignores interrupts, and so would every command it tries.
signal.signal(signal.SIGINT, signal.default_int_handler)

Golden = Callable[[str, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the golden files instead of comparing with them; then read the diff",
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """`golden(name, text)`: `text` must be what `golden/name` beside the test says."""
    update = bool(request.config.getoption("--update-golden"))
    folder = Path(request.path).parent / "golden"

    def compare(name: str, text: str) -> None:
        path = folder / name
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"no golden file {path}; write it with --update-golden"
        assert text == path.read_text(encoding="utf-8")

    return compare
