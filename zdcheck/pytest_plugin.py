"""`pytest specs/`: every `.zd` file is collected, each check is a test.

A failure's text is the counterexample. Budgets are those of the tier `full` in zdcheck.toml, and
what that proves is proved.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from zdcheck.base.diagnostics import SpecError, ZdcheckError


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A collector for a spec."""
    if file_path.suffix == ".zd":
        collector: ZdFile = ZdFile.from_parent(parent, path=file_path)
        return collector
    return None


class NotAsExpected(Exception):
    """A check did not give its expected verdict; the text says what it gave."""


class ZdFile(pytest.File):
    """A spec: its checks are the tests. A module has none."""

    def collect(self) -> Iterator[pytest.Item]:
        """The checks, and that every statement runs in one of them."""
        from zdcheck.pipeline import load_spec
        from zdcheck.render.diagnostics import render
        from zdcheck.trace.coverage import Coverage

        try:
            self.spec = load_spec(os.path.relpath(self.path))
        except SpecError as error:
            raise self.CollectError(render(error.diagnostics, color=False)) from None
        except ZdcheckError as error:
            raise self.CollectError(str(error)) from None
        self.coverage = Coverage()
        self.covered: set[str] = set()
        if not self.spec.model.threads:
            return
        for check in self.spec.model.checks:
            yield ZdCheck.from_parent(self, name=check.name)
        yield DeadStatements.from_parent(self, name="every statement runs")


class ZdCheck(pytest.Item):
    """One check."""

    def runtest(self) -> None:
        """Run it. Raises NotAsExpected with the counterexample."""
        from zdcheck.engines.protocol import Limits
        from zdcheck.gate.answer import answer
        from zdcheck.gate.settings import find_settings
        from zdcheck.pipeline import Options, lower_check
        from zdcheck.render.columns import columns
        from zdcheck.render.terminal import lines_text, result_line
        from zdcheck.trace.verdict import Violated

        file = self._file
        tier = find_settings(self.path.parent).tier(None)
        limits = Limits(tier.max_states, tier.max_memory, tier.timeout_s)
        engine = tier.engine_of(os.path.relpath(self.path), self.name)
        options = Options(limits=limits)
        lowered = lower_check(file.spec, file.spec.check(self.name), options)
        given = answer(lowered, options, engine)
        report = given.report
        if report.exit_code != 0:
            text = result_line(report, 0, False).strip() + "\n"
            if isinstance(report.verdict, Violated):
                text += "\n" + lines_text(columns(report.verdict.trace, report.reproduce), False)
            else:
                text += f"\nreproduce: {report.reproduce}\n"
            raise NotAsExpected(text)
        file.coverage.add(lowered.system, given.claim.statistics, is_complete=given.is_complete)
        file.covered.add(self.name)

    @property
    def _file(self) -> ZdFile:
        assert isinstance(self.parent, ZdFile)
        return self.parent

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The counterexample, and no Python."""
        if isinstance(excinfo.value, NotAsExpected | ZdcheckError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the check stands in the spec."""
        return self.path, self._file.spec.check(self.name).span.line - 1, self.name


class DeadStatements(pytest.Item):
    """Every statement of the spec runs in some check."""

    def runtest(self) -> None:
        """Judge what the checks ran. Raises NotAsExpected; skips where not all of them passed here."""
        from zdcheck.pipeline import Options, dead_statements
        from zdcheck.render.diagnostics import render

        assert isinstance(self.parent, ZdFile)
        file = self.parent
        if len(file.covered) < len(file.spec.model.checks):
            pytest.skip("not every check of this spec passed in this process")
        if dead := dead_statements(file.spec, file.coverage, Options()):
            raise NotAsExpected(render(dead, color=False))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The statements, and no Python."""
        if isinstance(excinfo.value, NotAsExpected | ZdcheckError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The spec itself."""
        return self.path, 0, self.name
