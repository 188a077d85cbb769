"""`check`: what a spec and its modules say, as a checked model.

The order: names of all items, symbols of what they declare, bodies and properties, and then
the rules that need whole bodies (ghost state, purity, recursion, missing returns). Every error
is collected; `SpecError` is raised once, at the end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from zdcheck.base.catalogue import violation_ids
from zdcheck.base.source import Span
from zdcheck.lang import ast, model
from zdcheck.lang.ast_walk import ast_children
from zdcheck.lang.declare import declare
from zdcheck.lang.elaborate_base import Context
from zdcheck.lang.elaborate_check import CheckElaborator
from zdcheck.lang.elaborate_expr import ExpressionElaborator
from zdcheck.lang.elaborate_property import PropertyElaborator
from zdcheck.lang.elaborate_stmt import BodyElaborator
from zdcheck.lang.granularity import granularity
from zdcheck.lang.names import Scope, World, collect, declare_local
from zdcheck.lang.problems import Problems
from zdcheck.lang.rules import check_rules
from zdcheck.lang.types import RefType, Type, UnknownType, VoidType


def check(bundle: ast.Bundle) -> model.Model:
    """The model of a spec with all its modules.

    Raises SpecError with every error that was found. Granularity warnings are in
    `Model.warnings`; other warnings are `lang.lint`'s.
    """
    problems = Problems()
    checked = _Checker(bundle, problems).result()
    check_rules(checked, problems)
    problems.raise_if_any()
    return replace(checked, warnings=granularity(checked))


class _Checker:
    def __init__(self, bundle: ast.Bundle, problems: Problems) -> None:
        self.bundle = bundle
        self.world: World = collect(bundle, problems)
        self.properties = PropertyElaborator(self.world)
        self.checks = CheckElaborator(self.world, self.properties, violation_ids())
        self.notes: list[model.Note] = []

    def result(self) -> model.Model:
        """The model, as far as it could be made."""
        world = self.world
        declare(world)
        threads: list[model.Thread] = []
        functions: dict[model.FunctionSymbol, model.Function] = {}
        inits: list[model.Block] = []
        # Threads first: properties, and ghost code of functions, may read their locals.
        for module in self.bundle.modules:
            for item in module.spec.items:
                if isinstance(item, ast.ThreadItem) and self._is_first(item):
                    threads.append(self._thread(item))
        for module in self.bundle.modules:
            for item in module.spec.items:
                if isinstance(item, ast.FnItem) and self._is_first(item):
                    function = self._function(item, from_library=module.name != ())
                    functions[function.symbol] = function
                elif isinstance(item, ast.InitItem):
                    inits.append(self._body("init", None).body(item.body, Scope()))
                    self._body_notes(item.body)
                elif isinstance(item, ast.NoteItem):
                    self.notes.append(model.Note(item.kind, item.text, item.span))
        properties, progress = self._properties()
        scope = self._scope()
        return model.Model(
            # In source order; they were made in the order in which they need each other.
            configs=tuple(
                c for n in world.named("config") if (c := world.configs.get(n)) is not None
            ),
            variants=world.variants,
            kinds=world.kinds,
            sections=tuple(world.sections.values()),
            variables=tuple(world.variables.values()),
            functions=functions,
            inits=tuple(inits),
            threads=tuple(threads),
            properties=properties,
            progress=progress,
            scope=scope,
            checks=self._checks(),
            notes=tuple(self.notes),
            warnings=(),
        )

    def _is_first(self, item: ast.FnItem | ast.ThreadItem) -> bool:
        # The second item of a name was complained about, and has no symbol.
        entry = self.world.entries.get(item.name.text)
        return entry is not None and entry.item is item

    def _body(
        self,
        owner: Literal["thread", "function", "init"],
        self_type: RefType | None,
        result: Type | None = None,
    ) -> BodyElaborator:
        return BodyElaborator(self.world, owner, self_type, result or VoidType(), violation_ids())

    def _thread(self, item: ast.ThreadItem) -> model.Thread:
        count: model.Expr | Literal["*"] | None
        if item.count is None or item.count == "*":
            count = item.count
        else:
            count = self.checks.size(item.count, "the number of threads")
        body = self._body("thread", RefType(item.name.text)).body(item.body, Scope())
        self._body_notes(item.body)
        return model.Thread(item.name.text, count, item.daemon, item.fairness, body, item.name.span)

    def _function(self, item: ast.FnItem, *, from_library: bool) -> model.Function:
        symbol = self.world.functions[item.name.text]
        scope = Scope()
        for written, param in zip(item.params, symbol.params, strict=True):
            declare_local(written.name, param, scope, self.world, self.world.problems)
        body: model.Block | model.Expr
        if isinstance(item.body, ast.Block):
            body = self._body("function", RefType("thread"), symbol.result).body(item.body, scope)
            self._body_notes(item.body)
        else:
            context = Context(self_type=RefType("thread"))
            expressions = ExpressionElaborator(self.world, context)
            value = expressions.value(item.body, scope, symbol.result)
            if not isinstance(symbol.result, UnknownType):
                value = expressions.require(value, symbol.result)
            body = value
        return model.Function(symbol, body, from_library, item.name.span)

    def _body_notes(self, body: ast.Block) -> None:
        """Collect `models` and `cite`, and the names of `cover` statements."""
        pending: list[ast.Stmt] = [body]
        while pending:
            statement = pending.pop()
            if isinstance(statement, ast.NoteStmt):
                self.notes.append(model.Note(statement.kind, statement.text, statement.span))
            elif isinstance(statement, ast.CoverStmt):
                self.properties.enter(statement.name)
                self.properties.covers.add(statement.name.text)
            pending.extend(reversed(ast_children(statement)))

    def _properties(self) -> tuple[tuple[model.Property, ...], tuple[model.Progress, ...]]:
        properties: list[model.Property] = []
        progress: list[model.Progress] = []
        for module in self.bundle.modules:
            for item in module.spec.items:
                if isinstance(item, ast.PropertyItem):
                    found = self.properties.property(item, from_library=module.name != ())
                    properties.append(found)
                elif isinstance(item, ast.ProgressItem):
                    promised = self.properties.progress(item)
                    if promised is not None:
                        progress.append(promised)
        return tuple(properties), tuple(progress)

    def _scope(self) -> dict[str, model.Expr]:
        """The merged scope: what uses a module wins over the module."""
        scope: dict[str, model.Expr] = {}
        for module in self.bundle.modules:
            entries = [
                entry
                for item in module.spec.items
                if isinstance(item, ast.ScopeItem)
                for entry in item.entries
            ]
            scope.update(self.checks.scope(entries))
        return scope

    def _settings(self) -> dict[model.ConfigSymbol, model.Expr]:
        """What the files set configs to: what uses a module wins over the module."""
        settings: dict[model.ConfigSymbol, model.Expr] = {}
        for module in self.bundle.modules:
            items = (i for i in module.spec.items if isinstance(i, ast.SettingsItem))
            settings.update(self.checks.settings(items))
        return settings

    def _checks(self) -> tuple[model.Check, ...]:
        """The spec's own checks; those of modules concern the modules alone."""
        spec = self.bundle.modules[-1].spec
        common = self._settings()
        checks: list[model.Check] = []
        for item in spec.items:
            if isinstance(item, ast.CheckItem):
                checks += self.checks.check(item, common)
                for clause in item.clauses:
                    if isinstance(clause, ast.NoteStmt):
                        self.notes.append(model.Note(clause.kind, clause.text, clause.span))
        if checks:
            return tuple(checks)
        empty: frozenset[str] = frozenset()
        where = _first_word(spec)
        settings = tuple(common.items())
        alone = model.Expectation()
        return (model.Check("default", None, settings, (), alone, empty, empty, empty, where),)


def _first_word(spec: ast.Spec) -> Span:
    span = spec.items[0].span if spec.items else spec.span
    words = span.text.split(maxsplit=1)
    return Span(span.file, span.start, span.start + (len(words[0]) if words else 0))
