"""`scope` and `check` items, elaborated: sizes, settings and expected verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from zdcheck.base.source import Span
from zdcheck.lang import ast
from zdcheck.lang.constants import literal
from zdcheck.lang.elaborate_base import Context
from zdcheck.lang.elaborate_expr import ExpressionElaborator
from zdcheck.lang.elaborate_property import PropertyElaborator
from zdcheck.lang.model import Check, ConfigSymbol, Expectation, Expr
from zdcheck.lang.names import World
from zdcheck.lang.problems import with_article
from zdcheck.lang.types import IntType


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

    def check(self, item: ast.CheckItem) -> Check:
        """One run with its expected verdict."""
        if item.name in self._names:
            self.problems.error(
                "duplicate_name",
                item.span,
                f'two checks are called "{item.name}"',
                also=[(self._names[item.name], "first one here")],
            )
        self._names.setdefault(item.name, item.span)
        expect: Expectation | None = None
        first: Span | None = None
        vacuous: set[str] = set()
        uncovered: set[str] = set()
        without: set[str] = set()
        for clause in item.clauses:
            match clause:
                case ast.ExpectHolds() | ast.ExpectViolation():
                    if first is not None:
                        self.problems.error(
                            "duplicate_expect",
                            clause.span,
                            "a check expects one verdict",
                            also=[(first, "first one here")],
                        )
                        continue
                    first = clause.span
                    expect = self._expectation(clause)
                case ast.Allow():
                    self._allow(clause)
                    (vacuous if clause.what == "vacuous" else uncovered).add(clause.name.text)
                case ast.Without():
                    self._known_property(clause.name)
                    without.add(clause.name.text)
                case ast.NoteStmt():
                    pass
                case _:
                    assert_never(clause)
        return Check(
            item.name,
            self._settings(item),
            tuple(self.scope(item.scope).items()),
            expect or Expectation(),
            frozenset(vacuous),
            frozenset(uncovered),
            frozenset(without),
            item.span,
        )

    def _settings(self, item: ast.CheckItem) -> tuple[tuple[ConfigSymbol, Expr], ...]:
        settings: dict[ConfigSymbol, Expr] = {}
        for setting in item.settings:
            name = setting.name.text
            config = self.world.configs.get(name)
            if config is None:
                if name in self.world.configs:
                    continue  # its own declaration was complained about
                entry = self.world.entries.get(name)
                self.problems.unknown(
                    "unknown_config",
                    setting.name.span,
                    f"`{name}` is {with_article(entry.what)}, not a config"
                    if entry is not None
                    else f"there is no config `{name}`",
                    name,
                    self.world.configs,
                    also=[(entry.name.span, "declared here")] if entry is not None else [],
                )
                continue
            value = self.expressions.constant(setting.value, "a setting", config.type)
            value = self.expressions.require(
                value, config.type, (config.span, f"`{name}` has the type `{config.type}`")
            )
            if config in settings:
                self.problems.error(
                    "duplicate_name", setting.name.span, f"`{name}` is set twice in this check"
                )
                continue
            settings[config] = value
        return tuple(settings.items())

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
