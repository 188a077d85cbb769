"""Compiled searches are kept between the tests of one run."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of compiled searches, empty at first."""
    return tmp_path_factory.mktemp("compiled")
