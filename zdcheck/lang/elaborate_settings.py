"""What a spec sets its configs to: the settings of a file, of a check, and of a check `for` several values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from zdcheck.base.source import Span
from zdcheck.lang import ast
from zdcheck.lang.constants import bounds_of, literal
from zdcheck.lang.elaborate_base import Context
from zdcheck.lang.elaborate_expr import ExpressionElaborator
from zdcheck.lang.model import ConfigSymbol, Expr, Member, Number, Truth
from zdcheck.lang.names import World
from zdcheck.lang.problems import with_article
from zdcheck.lang.types import BoolType, EnumType, IntType, UnknownType

Settings = Mapping[ConfigSymbol, Expr]

MOST_VALUES = 64
"""More runs of one check than this are no table that anybody reads."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """The values of a config that a check is run for, by how they are written, in order."""

    config: ConfigSymbol
    values: Mapping[str, Expr]


class SettingsElaborator:
    """Elaborates `with` and `for`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.problems = world.problems
        self.expressions = ExpressionElaborator(world, Context())

    def settings(self, written: Iterable[ast.Setting], where: str) -> dict[ConfigSymbol, Expr]:
        """The values that one `with` gives; `where` is for complaints about a second value."""
        settings: dict[ConfigSymbol, Expr] = {}
        for setting in written:
            config = self._config(setting.name)
            if config is None:
                continue
            value = self._value(config, setting.value)
            if config in settings:
                self.problems.error(
                    "duplicate_name",
                    setting.name.span,
                    f"`{config.name}` is set twice in this {where}",
                )
                continue
            settings[config] = value
        return settings

    def sweep(self, over: ast.Over) -> Sweep | None:
        """What a check goes over; None after a complaint."""
        config = self._config(over.config)
        if config is None:
            return None
        if over.values is None:
            every = _every(config, over.span)
            if every is None:
                self.problems.error(
                    "bad_for",
                    over.span,
                    f"the values of `{config.name}` are not known here, or too many",
                    help=f"write those that are meant, as `for {config.name} in {{1, 2}}`",
                )
                return None
            return Sweep(config, every)
        values: dict[str, Expr] = {}
        for written in over.values:
            found = self._named(config, written)
            if found is None:
                continue
            text, value = found
            if text in values:
                self.problems.error(
                    "duplicate_name", written.span, f"`{text}` stands twice in this check's `for`"
                )
            values[text] = value
        return Sweep(config, values)

    def cells(self, written: Iterable[ast.Expr], sweep: Sweep | None) -> dict[str, Span]:
        """The values that a clause is for, each with its place."""
        found: dict[str, Span] = {}
        for value in written:
            if sweep is None:
                self.problems.error(
                    "bad_for",
                    value.span,
                    "this check is one run, and has no values to tell apart",
                    help='write `check "…" for CONFIG { … }` to run it for each value',
                )
                break
            named = self._named(sweep.config, value)
            if named is None:
                continue
            if named[0] not in sweep.values:
                known = ", ".join(f"`{text}`" for text in sweep.values)
                self.problems.error(
                    "bad_for",
                    value.span,
                    f"the check is not run for `{named[0]}`",
                    help=f"it is run for {known}",
                )
                continue
            found.setdefault(named[0], value.span)
        return found

    # --- one config, one value ---------------------------------------------------------------

    def _config(self, name: ast.Name) -> ConfigSymbol | None:
        config = self.world.configs.get(name.text)
        # One whose own declaration was complained about is no second mistake.
        if config is None and name.text not in self.world.configs:
            entry = self.world.entries.get(name.text)
            self.problems.unknown(
                "unknown_config",
                name.span,
                f"`{name.text}` is {with_article(entry.what)}, not a config"
                if entry is not None
                else f"there is no config `{name.text}`",
                name.text,
                self.world.configs,
                also=[(entry.name.span, "declared here")] if entry is not None else [],
            )
        return config

    def _value(self, config: ConfigSymbol, written: ast.Expr) -> Expr:
        value = self.expressions.constant(written, "a setting", config.type)
        return self.expressions.require(
            value, config.type, (config.span, f"`{config.name}` has the type `{config.type}`")
        )

    def _named(self, config: ConfigSymbol, written: ast.Expr) -> tuple[str, Expr] | None:
        """A value that is known now, with how it is written; None after a complaint."""
        value = self._value(config, written)
        match value:
            case Member(type=EnumType(members=members), index=index):
                return members[index], value
            case Truth(value=truth):
                return str(truth).lower(), value
            case _ if (number := literal(value)) is not None:
                return str(number), value
            case _ if not isinstance(value.type, UnknownType):
                self.problems.error(
                    "bad_for",
                    written.span,
                    "a check is run for values that are written out",
                    help="write a number, `true` or `false`, or a member of the enum",
                )
        return None


def _every(config: ConfigSymbol, span: Span) -> dict[str, Expr] | None:
    match config.type:
        case BoolType() as type:
            return {str(b).lower(): Truth(b, type, span) for b in (False, True)}
        case EnumType(members=members) as type:
            return {member: Member(i, type, span) for i, member in enumerate(members)}
        case IntType() as type if (bounds := bounds_of(type)) is not None:
            low, high = bounds
            if high - low < MOST_VALUES:
                return {str(n): Number(n, type, span) for n in range(low, high + 1)}
        case _:
            pass
    return None
