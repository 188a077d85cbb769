"""`scope` and `check` items, elaborated: sizes, settings and expected verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import assert_never

from zdcheck.base.source import Span
from zdcheck.lang import ast
from zdcheck.lang.constants import literal
from zdcheck.lang.elaborate_base import Context
from zdcheck.lang.elaborate_expr import ExpressionElaborator
from zdcheck.lang.elaborate_property import PropertyElaborator
from zdcheck.lang.elaborate_settings import Settings, SettingsElaborator, Sweep
from zdcheck.lang.model import Cell, Check, ConfigSymbol, Expectation, Expr
from zdcheck.lang.names import World
from zdcheck.lang.problems import with_article
from zdcheck.lang.types import IntType


@dataclass
class _Clauses:
    """What the clauses of a check say, for all its runs (None) or for the run of one value."""

    expect: dict[str | None, Expectation] = field(default_factory=dict)
    named: dict[tuple[str, str | None], set[str]] = field(default_factory=dict)

    def names(self, what: str, name: str, cells: Iterable[str]) -> None:
        """Note a name that a clause gives."""
        for cell in tuple(cells) or (None,):
            self.named.setdefault((what, cell), set()).add(name)

    def of(self, what: str, cell: str | None) -> frozenset[str]:
        """The names that hold for a run."""
        return frozenset(self.named.get((what, None), set()) | self.named.get((what, cell), set()))


def _run(
    item: ast.CheckItem,
    cell: Cell | None,
    settings: Settings,
    scope: tuple[tuple[str, Expr], ...],
    clauses: _Clauses,
) -> Check:
    value = cell.value if cell is not None else None
    expect = clauses.expect.get(value) or clauses.expect.get(None) or Expectation()
    return Check(
        item.name if cell is None else f"{cell.row}, {cell.config} = {cell.value}",
        cell,
        tuple(settings.items()),
        scope,
        expect,
        clauses.of("vacuous", value),
        clauses.of("uncovered", value),
        clauses.of("without", value),
        item.span,
    )


class CheckElaborator:
    """Elaborates what a spec says about its runs."""

    def __init__(
        self, world: World, properties: PropertyElaborator, violations: frozenset[str]
    ) -> None:
        self.world = world
        self.problems = world.problems
        self.properties = properties
        self.violations = violations
        self.expressions = ExpressionElaborator(world, Context())
        self.configs = SettingsElaborator(world)
        self._names: dict[str, Span] = {}

    # --- scopes -----------------------------------------------------------------------------

    def scope(self, entries: Iterable[ast.ScopeEntry]) -> dict[str, Expr]:
        """The sizes that one `scope` gives."""
        sizes: dict[str, Expr] = {}
        first: dict[str, Span] = {}
        for entry in entries:
            name = entry.name.text
            size = self.size(entry.size, "the size of a scope")
            if not self._may_be_scoped(entry.name):
                continue
            if name in sizes:
                self.problems.error(
                    "duplicate_name",
                    entry.name.span,
                    f"the scope gives `{name}` two sizes",
                    also=[(first[name], "first one here")],
                )
                continue
            sizes[name] = size
            first[name] = entry.name.span
        return sizes

    def size(self, e: ast.Expr, what: str) -> Expr:
        """A number of objects or threads."""
        size = self.expressions.require(self.expressions.constant(e, what), IntType())
        number = literal(size)
        if number is not None and number < 0:
            self.problems.error("bad_scope", e.span, "there cannot be fewer than none")
        return size

    def _may_be_scoped(self, name: ast.Name) -> bool:
        entry = self.world.entries.get(name.text)
        if entry is not None and isinstance(entry.item, ast.ObjectItem):
            return True
        if entry is not None and isinstance(entry.item, ast.ThreadItem):
            if entry.item.count == "*":
                return True
            self.problems.error(
                "bad_scope",
                name.span,
                f"the number of `{name.text}` threads is fixed where they are declared",
                also=[(entry.name.span, "declared here")],
                help=f"declare `thread {name.text}[*]` to let the scope say it",
            )
            return False
        if entry is not None:
            self.problems.error(
                "bad_scope",
                name.span,
                f"`{name.text}` is {with_article(entry.what)}: a scope counts objects and threads",
                also=[(entry.name.span, "declared here")],
                help=f"a config is set by `with {name.text} = …`"
                if entry.what == "config"
                else None,
            )
            return False
        self.problems.unknown(
            "bad_scope",
            name.span,
            f"there is no object kind and no thread family `{name.text}`",
            name.text,
            self.world.named("object kind", "thread"),
        )
        return False

    # --- checks ----------------------------------------------------------------------------

    def settings(self, items: Iterable[ast.SettingsItem]) -> dict[ConfigSymbol, Expr]:
        """What a file sets configs to, for all checks."""
        written = (setting for item in items for setting in item.settings)
        return self.configs.settings(written, "file")

    def check(self, item: ast.CheckItem, common: Settings) -> tuple[Check, ...]:
        """The runs that a check says, each with its expected verdict: one, or one for each value.

        `common` are the settings that hold unless the check has its own.
        """
        sweep = self.configs.sweep(item.over) if item.over is not None else None
        self._enter(item.name, item.span)
        settings = {**common, **self.configs.settings(item.settings, "check")}
        clauses = self._clauses(item, sweep)
        scope = tuple(self.scope(item.scope).items())
        if sweep is None:
            return (_run(item, None, settings, scope, clauses),)
        if any(setting.name.text == sweep.config.name for setting in item.settings):
            assert item.over is not None
            self.problems.error(
                "bad_for", item.over.span, f"the check sets `{sweep.config.name}` as well"
            )
        runs = []
        for text, value in sweep.values.items():
            cell = Cell(item.name, sweep.config.name, text)
            its = {**settings, sweep.config: value}
            runs.append(_run(item, cell, its, scope, clauses))
            self._enter(runs[-1].name, item.span)
        return tuple(runs)

    def _enter(self, name: str, span: Span) -> None:
        if name in self._names:
            self.problems.error(
                "duplicate_name",
                span,
                f'two checks are called "{name}"',
                also=[(self._names[name], "first one here")],
            )
        self._names.setdefault(name, span)

    def _clauses(self, item: ast.CheckItem, sweep: Sweep | None) -> _Clauses:
        clauses = _Clauses()
        first: dict[str | None, Span] = {}
        for clause in item.clauses:
            if isinstance(clause, ast.NoteStmt):
                continue
            cells = self.configs.cells(clause.cells, sweep)
            if clause.cells and not cells:
                continue  # complained about
            match clause:
                case ast.ExpectHolds() | ast.ExpectViolation():
                    expect = self._expectation(clause)
                    for cell in cells or (None,):
                        if cell in first:
                            self.problems.error(
                                "duplicate_expect",
                                clause.span if cell is None else cells[cell],
                                "a check expects one verdict"
                                if cell is None
                                else f"a second verdict is expected for `{cell}`",
                                also=[(first[cell], "first one here")],
                            )
                            continue
                        first[cell] = clause.span
                        clauses.expect[cell] = expect
                case ast.Allow():
                    self._allow(clause)
                    clauses.names(clause.what, clause.name.text, cells)
                case ast.Without():
                    self._known_property(clause.name)
                    clauses.names("without", clause.name.text, cells)
                case _:
                    assert_never(clause)
        return clauses

    def _expectation(self, clause: ast.ExpectHolds | ast.ExpectViolation) -> Expectation:
        if isinstance(clause, ast.ExpectHolds):
            return Expectation()
        violation = clause.violation.text
        if violation not in self.violations:
            help = "`zdcheck explain` lists them"
            if violation in self.properties.names:
                help = f"write `expect violation invariant of {violation}`"
            self.problems.unknown(
                "unknown_violation",
                clause.violation.span,
                f"there is no violation `{violation}`",
                violation,
                () if violation in self.properties.names else self.violations,
                help=help,
            )
        if clause.of is not None:
            self._known_property(clause.of)
        if clause.by is not None and not self.world.is_family(clause.by.text):
            self.problems.unknown(
                "unknown_thread",
                clause.by.span,
                f"there is no thread `{clause.by.text}`",
                clause.by.text,
                self.world.named("thread"),
            )
        return Expectation(
            violation,
            clause.of.text if clause.of is not None else None,
            clause.by.text if clause.by is not None else None,
        )

    def _allow(self, clause: ast.Allow) -> None:
        self._known_property(
            clause.name,
            self.properties.covers if clause.what == "uncovered" else self.properties.invariants,
            "`cover`" if clause.what == "uncovered" else "invariant",
        )

    def _known_property(
        self, name: ast.Name, known: Iterable[str] | None = None, what: str = "property"
    ) -> None:
        names = self.properties.names if known is None else set(known)
        if name.text in names:
            return
        other = self.properties.names.get(name.text)
        self.problems.unknown(
            "unknown_property",
            name.span,
            f"there is no {what} `{name.text}`",
            name.text,
            names,
            also=[(other, f"this is no {what}")] if other is not None else [],
        )
