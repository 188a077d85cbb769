"""Symbols for what the items declare: configs, variants, kinds and their fields, variables, signatures."""

from __future__ import annotations

from zdcheck.base.source import Span
from zdcheck.lang import ast
from zdcheck.lang.ast_walk import mentions
from zdcheck.lang.elaborate_base import Context
from zdcheck.lang.elaborate_expr import ExpressionElaborator
from zdcheck.lang.model import (
    AnyValue,
    BoundSymbol,
    Expr,
    FieldSymbol,
    FunctionSymbol,
    GlobalSymbol,
    Holding,
    KindSymbol,
    LocalSymbol,
    RefParamSymbol,
)
from zdcheck.lang.names import World
from zdcheck.lang.types import (
    IntType,
    LockType,
    RefType,
    Type,
    UnknownType,
    VariantType,
    VoidType,
)


def declare(world: World) -> None:
    """Make every symbol but those of locals. Afterwards any body can be elaborated."""
    items = [entry.item for entry in world.entries.values()]
    declarer = _Declarer(world)
    for config in _in_order_of_need([i for i in items if isinstance(i, ast.ConfigItem)]):
        declarer.expressions.config_symbol(config)
    for item in items:
        if isinstance(item, ast.VariantItem):
            declarer.expressions.variant_symbol(item.name.text)
    objects = [item for item in items if isinstance(item, ast.ObjectItem)]
    for kind in objects:
        declarer.kind(kind)
    # Fields exist now, so `holds` and initial values can be resolved.
    for item in items:
        if isinstance(item, ast.VariantItem):
            declarer.payload(item)
    for kind in objects:
        declarer.complete(kind)
    _lives_in_cycles(world)
    for item in items:
        if isinstance(item, ast.GlobalItem):
            declarer.variable(item)
    for item in items:
        if isinstance(item, ast.FnItem):
            declarer.signature(item)


def _in_order_of_need(configs: list[ast.ConfigItem]) -> list[ast.ConfigItem]:
    """Each config after those that it mentions (but for cycles, which are found later)."""
    by_name = {config.name.text: config for config in configs}
    order: dict[str, ast.ConfigItem] = {}
    seen: set[str] = set()
    for config in configs:
        pending = [(config, False)]
        while pending:
            current, ready = pending.pop()
            name = current.name.text
            if ready:
                order[name] = current
            elif name not in seen:
                seen.add(name)
                pending.append((current, True))
                pending.extend(
                    (by_name[other], False)
                    for other in mentions(current.type, current.value)
                    if other in by_name
                )
    return list(order.values())


class _Declarer:
    def __init__(self, world: World) -> None:
        self.world = world
        self.problems = world.problems
        self.expressions = ExpressionElaborator(world, Context())

    # --- object kinds ---------------------------------------------------------------------

    def kind(self, item: ast.ObjectItem) -> None:
        """The kind with its fields, as yet without `holds`, initial values and biases."""
        kind = item.name.text
        fields: list[FieldSymbol] = []
        for declared in item.fields:
            name = declared.variable.name
            first = self.world.fields.get((kind, name.text))
            if first is not None:
                self.problems.error(
                    "duplicate_name",
                    name.span,
                    f"`{kind}` has two fields `{name.text}`",
                    also=[(first.span, "first declared here")],
                )
                continue
            field = self._field(kind, declared)
            self.world.fields[kind, name.text] = field
            fields.append(field)
        self.world.kinds[kind] = KindSymbol(kind, tuple(fields), item.name.span)
        self._one_home(kind, fields)

    def _field(self, kind: str, declared: ast.FieldDecl) -> FieldSymbol:
        decl = declared.variable
        type, dimensions = self._type(decl)
        self._check_ghost(decl, type)
        lives_in = declared.lives_in
        if declared.counted and (not isinstance(type, IntType | UnknownType) or dimensions):
            self.problems.error(
                "bad_counted",
                decl.name.span,
                f"a count is one number, and `{decl.name.text}` is not",
                help=f"write `counted {decl.name.text} : 0..3`",
            )
        if lives_in and (
            not isinstance(type, RefType | UnknownType)
            or (isinstance(type, RefType) and not self.world.is_kind(type.kind))
            or dimensions
        ):
            self.problems.error(
                "bad_lives_in",
                decl.name.span,
                f"an object lives in an object, and `{decl.name.text}` is not a reference to one",
            )
            lives_in = False
        return FieldSymbol(
            kind,
            decl.name.text,
            type,
            dimensions,
            None,
            declared.counted,
            None,
            lives_in,
            decl.ghost,
            None,
            decl.name.span,
        )

    def _one_home(self, kind: str, fields: list[FieldSymbol]) -> None:
        homes = [field for field in fields if field.lives_in]
        for other in homes[1:]:
            self.problems.error(
                "bad_lives_in",
                other.span,
                f"a `{kind}` can live in one object only",
                also=[(homes[0].span, "it lives in this one")],
            )

    def complete(self, item: ast.ObjectItem) -> None:
        """Give the fields of a kind their `holds`, initial values and biases."""
        kind = item.name.text
        done: set[str] = set()
        for declared in item.fields:
            name = declared.variable.name.text
            if name in done:
                continue
            done.add(name)
            field = self.world.fields[kind, name]
            holds, initial = self._holds_and_initial(declared.variable, field.type)
            bias: Expr | None = None
            if declared.bias is not None:
                bias = self.expressions.constant(declared.bias, "a bias")
                bias = self.expressions.require(bias, IntType())
            # A `holds` may lead through this very field, so the symbol had to exist before it.
            object.__setattr__(field, "holds", holds)
            object.__setattr__(field, "initial", initial)
            object.__setattr__(field, "bias", bias)

    # --- variants -----------------------------------------------------------------------

    def payload(self, item: ast.VariantItem) -> None:
        """Give the payload of a variant its `holds`, and check the cases."""
        variant = self.world.variants[item.name.text]
        if variant.cases and variant.cases[0].payload:
            first = variant.cases[0]
            self.problems.error(
                "bad_variant",
                first.span,
                f"the first case of a variant is its initial value, and `{first.name}` has payload",
                help="put a case without payload first, as `none`",
            )
        for declared, case in zip(item.cases, variant.cases, strict=True):
            seen: dict[str, Span] = {}
            for part in declared.payload:
                if part.name.text in seen:
                    self.problems.error(
                        "duplicate_name",
                        part.name.span,
                        f"`{case.name}` has two payloads `{part.name.text}`",
                        also=[(seen[part.name.text], "first declared here")],
                    )
                seen.setdefault(part.name.text, part.name.span)
            bounds = tuple(payload.bound for payload in case.payload)
            for part, payload in zip(declared.payload, case.payload, strict=True):
                self._payload_type(part, payload.type)
                if part.holds is not None:
                    holds = self._payload_holds(part, payload.type, bounds)
                    object.__setattr__(payload, "holds", holds)

    def _payload_type(self, part: ast.Payload, type: Type) -> None:
        if isinstance(type, LockType):
            self.problems.error("bad_lock", part.type.span, "a lock cannot be payload")
        elif isinstance(type, VariantType):
            self.problems.error(
                "bad_variant",
                part.type.span,
                f"payload cannot be a variant itself, as `{type}` is",
                help=f"refer to an object that has a field of type `{type}`",
            )

    def _payload_holds(
        self, part: ast.Payload, type: Type, bounds: tuple[BoundSymbol, ...]
    ) -> Holding | None:
        assert part.holds is not None
        if isinstance(type, VariantType):
            return None  # complained about already
        return self.expressions.holding(part.holds, part.name.text, type, others=bounds)

    # --- variables ------------------------------------------------------------------------

    def variable(self, item: ast.GlobalItem) -> None:
        """A shared or ghost variable."""
        decl = item.declaration
        type, dimensions = self._type(decl)
        self._check_ghost(decl, type)
        holds, initial = self._holds_and_initial(decl, type)
        self.world.variables[decl.name.text] = GlobalSymbol(
            decl.name.text, type, dimensions, initial, decl.ghost, holds, decl.name.span
        )

    def _type(self, decl: ast.VarDecl) -> tuple[Type, tuple[IntType | RefType, ...]]:
        if decl.type is None:
            self.problems.error(
                "needs_type",
                decl.name.span,
                f"the type of `{decl.name.text}` is missing",
                help=f"write `{decl.name.text} : TYPE`",
            )
            return UnknownType(), ()
        dimensions = [self.expressions.dimension(t) for t in decl.dimensions]
        type = self.expressions.resolve(decl.type)
        if None in dimensions:
            return UnknownType(), ()
        return type, tuple(d for d in dimensions if d is not None)

    def _check_ghost(self, decl: ast.VarDecl, type: Type) -> None:
        if not decl.ghost:
            return
        if isinstance(type, LockType):
            self.problems.error("bad_lock", decl.name.span, "ghost state has no locks")
        if decl.holds is not None:
            self.problems.error(
                "bad_holds", decl.holds.span, "ghost state holds no count: it only records"
            )

    def _holds_and_initial(
        self, decl: ast.VarDecl, type: Type
    ) -> tuple[Holding | None, Expr | AnyValue | None]:
        holds = None
        if decl.holds is not None and not decl.ghost:
            holds = self.expressions.holding(decl.holds, decl.name.text, type)
        return holds, self._initial(decl, type)

    def _initial(self, decl: ast.VarDecl, type: Type) -> Expr | AnyValue | None:
        if isinstance(type, LockType):
            if decl.initial is not None:
                self.problems.error(
                    "bad_lock", decl.initial.span, "a lock starts unlocked; it has no initial value"
                )
            return None
        if decl.initial is None:
            check_initial(self.world, decl.name, type)
            return None
        if isinstance(decl.initial, ast.AnyExpr):
            if decl.initial.domain is not None or decl.initial.where is not None:
                self.problems.error(
                    "bad_any",
                    decl.initial.span,
                    "`any` as an initial value already means every value of the type",
                    help="write `any` alone; choose in `init { … }` to leave some out",
                )
            return AnyValue(None, None, None, decl.initial.span)
        value = self.expressions.constant(decl.initial, "an initial value", type)
        where = decl.type.span if decl.type is not None else decl.name.span
        return self.expressions.require(
            value, type, (where, f"`{decl.name.text}` has the type `{type}`")
        )

    # --- functions ------------------------------------------------------------------------

    def signature(self, item: ast.FnItem) -> None:
        """A function's parameters and result."""
        params: list[LocalSymbol | RefParamSymbol] = []
        for param in item.params:
            type = self.expressions.resolve(param.type)
            if param.by_reference:
                params.append(RefParamSymbol(param.name.text, type, param.name.span))
                continue
            if isinstance(type, LockType):
                self.problems.error(
                    "bad_lock",
                    param.type.span,
                    "a lock cannot be copied",
                    help=f"write `ref {param.name.text} : {type}`",
                )
                type = UnknownType()
            params.append(
                LocalSymbol(param.name.text, type, (), False, None, "parameter", param.name.span)
            )
        is_expression = not isinstance(item.body, ast.Block)
        result: Type = VoidType()
        if item.result is not None:
            result = self.expressions.resolve(item.result)
            if isinstance(result, LockType):
                self.problems.error("bad_lock", item.result.span, "a lock cannot be returned")
                result = UnknownType()
        elif is_expression:
            self.problems.error(
                "needs_type",
                item.name.span,
                f"the type of `{item.name.text}` is missing",
                help="write `-> bool` after the parameters",
            )
            result = UnknownType()
        self.world.functions[item.name.text] = FunctionSymbol(
            item.name.text, tuple(params), result, is_expression, item.name.span
        )


def check_initial(world: World, name: ast.Name, type: Type) -> None:
    """Complain if a place of that type cannot start without being given a value."""
    if isinstance(type, RefType) and not type.nullable:
        world.problems.error(
            "missing_initial",
            name.span,
            f"`{name.text}` is never null, so it needs an initial value",
            help=f"write `{name.text} : {type} = …`, or `{name.text} : {type}?` if it may be null",
        )


def _lives_in_cycles(world: World) -> None:
    home: dict[str, FieldSymbol] = {}
    for (kind, _), field in world.fields.items():
        if field.lives_in and isinstance(field.type, RefType):
            home.setdefault(kind, field)
    reported: set[str] = set()
    for start in home:
        path: list[str] = []
        kind = start
        while kind in home and kind not in path and kind not in reported:
            path.append(kind)
            type = home[kind].type
            assert isinstance(type, RefType)
            kind = type.kind
        if kind in path:
            cycle = path[path.index(kind) :]
            world.problems.error(
                "lives_in_cycle",
                home[cycle[0]].span,
                "these kinds live in each other: "
                + " in ".join(f"`{k}`" for k in (*cycle, cycle[0])),
                also=[(home[k].span, f"`{k}` lives in this") for k in cycle[1:]],
                help="one of them must live by itself",
            )
        reported.update(path)
