"""A pytest plugin: the cheapest tests first, near ones before wide ones, and what each of them cost.

    python -m pytest -p tests.mutants.judging --costs FILE --near N [--budget SECONDS] ...

Of the targets the first N are near. FILE has the CPU seconds of each test in earlier runs without mistakes, null
for those that failed: these do not run. `--measure` adds to the file instead.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest


def cpu() -> float:
    """CPU seconds of this process and of those that it waited for."""
    return sum(os.times()[:4])


def pytest_addoption(parser: pytest.Parser) -> None:
    """Its options."""
    parser.addoption("--costs", type=Path, required=True)
    parser.addoption("--measure", action="store_true")
    parser.addoption("--near", type=int, default=0)
    parser.addoption("--budget", type=float, default=float("inf"), help="CPU seconds in all")


def pytest_configure(config: pytest.Config) -> None:
    """It does either of two things."""
    chosen = Measurer(config) if config.getoption("--measure") else Chooser(config)
    config.pluginmanager.register(chosen)


def known_costs(path: Path) -> dict[str, float | None]:
    """What earlier runs found."""
    known: dict[str, float | None] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return known


class Measurer:
    """Writes down what each test that passes costs, with what it is the first to set up."""

    def __init__(self, config: pytest.Config) -> None:
        self.path: Path = config.getoption("--costs")
        self.costs = known_costs(self.path)
        self.failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Around one test."""
        before = cpu()
        result = yield
        cost = round(cpu() - before, 3)
        self.costs[item.nodeid] = None if item.nodeid in self.failed else cost
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remembers failures."""
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Writes the file."""
        self.path.write_text(json.dumps(self.costs, indent=0), encoding="utf-8")


class Chooser:
    """Puts the tests into order, and leaves out what is too dear. A test that it has never seen comes first."""

    def __init__(self, config: pytest.Config) -> None:
        self.costs = known_costs(config.getoption("--costs"))
        arguments = [argument.rstrip("/") for argument in config.args]
        self.near = tuple(arguments[: config.getoption("--near")])
        self.budget: float = config.getoption("--budget")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """See above."""
        chosen, total = [], 0.0
        for item in sorted(items, key=self._rank):
            cost = self._cost(item)
            if total + cost <= self.budget and cost < float("inf"):
                total += cost
                chosen.append(item)
        items[:] = chosen

    def _cost(self, item: pytest.Item) -> float:
        cost = self.costs.get(item.nodeid, 0.0)
        return float("inf") if cost is None else cost

    def _rank(self, item: pytest.Item) -> tuple[bool, float]:
        return not item.nodeid.startswith(self.near), self._cost(item)
