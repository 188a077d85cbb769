"""What a name refers to: the items of all modules, and the scopes of locals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from zdcheck.base.source import Span
from zdcheck.lang import ast, model
from zdcheck.lang.ast_walk import thread_declarations
from zdcheck.lang.operations import OPERATIONS, TYPE_NAMES
from zdcheck.lang.problems import Problems, with_article
from zdcheck.lang.types import EnumType, VariantType

What = Literal[
    "config", "enum", "variant", "object kind", "section", "variable", "function", "thread"
]

NamedItem = (
    ast.ConfigItem
    | ast.EnumItem
    | ast.VariantItem
    | ast.ObjectItem
    | ast.SectionItem
    | ast.GlobalItem
    | ast.FnItem
    | ast.ThreadItem
)

Symbol = model.LocalSymbol | model.RefParamSymbol | model.BoundSymbol


@dataclass(frozen=True, slots=True)
class Entry:
    """One named item of some module."""

    what: What
    name: ast.Name
    item: NamedItem
    from_library: bool


@dataclass(frozen=True, slots=True)
class EnumMember:
    """What the name of an enum's member means."""

    type: EnumType
    index: int
    span: Span


@dataclass(frozen=True, slots=True)
class VariantCase:
    """What the name of a variant's case means."""

    type: VariantType
    index: int
    has_payload: bool
    span: Span


Alternative = EnumMember | VariantCase


class Scope:
    """Names that are visible at a place in a body; the innermost first."""

    def __init__(self, parent: Scope | None = None) -> None:
        self._parent = parent
        self._names: dict[str, Symbol] = {}

    def __iter__(self) -> Iterator[str]:
        scope: Scope | None = self
        while scope is not None:
            yield from scope._names
            scope = scope._parent

    def add(self, symbol: Symbol) -> None:
        """Make a symbol visible from here on."""
        self._names[symbol.name] = symbol

    def lookup(self, name: str) -> Symbol | None:
        """What `name` means here, or None if no local has it."""
        scope: Scope | None = self
        while scope is not None:
            found = scope._names.get(name)
            if found is not None:
                return found
            scope = scope._parent
        return None


def declare_local(
    name: ast.Name, symbol: Symbol, scope: Scope, world: World, problems: Problems
) -> None:
    """Make a local visible; an error if its name is already that of another, or of a type."""
    earlier = scope.lookup(name.text)
    if earlier is not None:
        problems.error(
            "duplicate_name",
            name.span,
            f"`{name.text}` is already the name of a local here",
            also=[(earlier.span, "first declared here")],
            help="give it another name",
        )
        return
    entry = world.entries.get(name.text)
    if entry is not None and entry.what in ("object kind", "thread", "enum", "variant"):
        problems.error(
            "duplicate_name",
            name.span,
            f"a local cannot be called `{name.text}`: that is {with_article(entry.what)}, "
            f"and `{name.text}[0]` would have two meanings",
            also=[(entry.name.span, "declared here")],
            help="give the local a shorter name, as `pg` for a `page`",
        )
    elif name.text in TYPE_NAMES:
        problems.error(
            "reserved_name",
            name.span,
            f"`{name.text}` is a type of the language",
            help="give the local another name",
        )
    scope.add(symbol)


class World:
    """Everything that has a global name, and the symbols made for it so far."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.entries: dict[str, Entry] = {}
        self.members: dict[str, list[Alternative]] = {}
        self.enums: dict[str, EnumType] = {}
        self.sections: dict[str, model.SectionSymbol] = {}
        self.configs: dict[str, model.ConfigSymbol | None] = {}
        """None while its value is being worked out: whoever meets it then has found a cycle."""
        self.variants: dict[str, model.VariantSymbol] = {}
        self.kinds: dict[str, model.KindSymbol] = {}
        self.fields: dict[tuple[str, str], model.FieldSymbol] = {}
        self.variables: dict[str, model.GlobalSymbol] = {}
        self.functions: dict[str, model.FunctionSymbol] = {}
        self.locals: dict[int, model.LocalSymbol] = {}
        """By the identity of the `VarDecl`: other threads' ghost code may meet it first."""
        self._thread_locals: dict[str, dict[str, list[ast.VarDecl]]] = {}

    def entry(self, name: str, *what: What) -> Entry | None:
        """The item of that name, if it is one of `what`."""
        entry = self.entries.get(name)
        return entry if entry is not None and entry.what in what else None

    def named(self, *what: What) -> list[str]:
        """The names of all items of some sorts."""
        return [name for name, entry in self.entries.items() if entry.what in what]

    def is_kind(self, name: str) -> bool:
        """Whether it names objects."""
        return self.entry(name, "object kind") is not None

    def is_family(self, name: str) -> bool:
        """Whether it names threads."""
        return self.entry(name, "thread") is not None

    def thread(self, name: str) -> ast.ThreadItem | None:
        """The thread item of that name."""
        entry = self.entries.get(name)
        if entry is not None and isinstance(entry.item, ast.ThreadItem):
            return entry.item
        return None

    def kind_field_names(self, kind: str) -> Iterator[str]:
        """The fields that an object kind has."""
        return (field for owner, field in self.fields if owner == kind)

    def thread_locals(self, thread: ast.ThreadItem) -> dict[str, list[ast.VarDecl]]:
        """The locals declared anywhere in a thread's body, by name."""
        name = thread.name.text
        if name not in self._thread_locals:
            by_name = self._thread_locals[name] = {}
            for declaration in thread_declarations(thread):
                by_name.setdefault(declaration.name.text, []).append(declaration)
        return self._thread_locals[name]


def collect(bundle: ast.Bundle, problems: Problems) -> World:
    """All items by name. Two of one name, and names of the language, are errors."""
    world = World(problems)
    for module in bundle.modules:
        for item in module.spec.items:
            _collect_item(world, item, from_library=module.name != ())
    _members_against_items(world)
    return world


def _members_against_items(world: World) -> None:
    """A bare name means a variable or a member, never maybe one and maybe the other."""
    for name, alternatives in world.members.items():
        entry = world.entry(name, "variable", "config", "thread", "object kind", "function")
        if entry is None:
            continue
        for alternative in alternatives:
            world.problems.error(
                "duplicate_name",
                alternative.span,
                f"`{name}` of `{alternative.type}` is also the name of {with_article(entry.what)}",
                also=[(entry.name.span, "declared here")],
            )


def _collect_item(world: World, item: ast.Item, *, from_library: bool) -> None:
    match item:
        case ast.ConfigItem():
            _enter(world, Entry("config", item.name, item, from_library))
        case ast.EnumItem():
            if _enter(world, Entry("enum", item.name, item, from_library)):
                _collect_enum(world, item)
        case ast.VariantItem():
            if _enter(world, Entry("variant", item.name, item, from_library)):
                _collect_variant(world, item)
        case ast.ObjectItem():
            _enter(world, Entry("object kind", item.name, item, from_library))
        case ast.SectionItem():
            if _enter(world, Entry("section", item.name, item, from_library)):
                name = item.name.text
                world.sections[name] = model.SectionSymbol(name, item.atomic, item.name.span)
        case ast.GlobalItem():
            _enter(world, Entry("variable", item.declaration.name, item, from_library))
        case ast.FnItem():
            _enter(world, Entry("function", item.name, item, from_library))
        case ast.ThreadItem():
            _enter(world, Entry("thread", item.name, item, from_library))
        case (
            ast.UseItem()
            | ast.NoteItem()
            | ast.SettingsItem()
            | ast.ScopeItem()
            | ast.InitItem()
            | ast.PropertyItem()
            | ast.ProgressItem()
            | ast.CheckItem()
        ):
            pass


def _enter(world: World, entry: Entry) -> bool:
    name = entry.name.text
    if name in TYPE_NAMES:
        world.problems.error(
            "reserved_name", entry.name.span, f"`{name}` is a type of the language"
        )
        return False
    if entry.what == "function" and name in OPERATIONS:
        world.problems.error(
            "reserved_name",
            entry.name.span,
            f"`{name}` is an operation of the language",
            help="give the function another name",
        )
        return False
    first = world.entries.get(name)
    if first is not None:
        where = (
            ""
            if first.name.span.file == entry.name.span.file
            else f" in {first.name.span.file.path}"
        )
        world.problems.error(
            "duplicate_name",
            entry.name.span,
            f"`{name}` is already the name of {with_article(first.what)}{where}",
            also=[(first.name.span, "first declared here")],
        )
        return False
    world.entries[name] = entry
    return True


def _unique(names: list[ast.Name], what: str, problems: Problems) -> list[ast.Name]:
    first: dict[str, ast.Name] = {}
    for name in names:
        if name.text in first:
            problems.error(
                "duplicate_name",
                name.span,
                f"two {what} are called `{name.text}`",
                also=[(first[name.text].span, "first declared here")],
            )
        else:
            first[name.text] = name
    return list(first.values())


def _collect_enum(world: World, item: ast.EnumItem) -> None:
    members = _unique(list(item.members), "members", world.problems)
    type = EnumType(item.name.text, tuple(name.text for name in members))
    world.enums[type.name] = type
    for index, name in enumerate(members):
        world.members.setdefault(name.text, []).append(EnumMember(type, index, name.span))


def _collect_variant(world: World, item: ast.VariantItem) -> None:
    _unique([case.name for case in item.cases], "cases", world.problems)
    type = VariantType(item.name.text)
    seen: set[str] = set()
    for index, case in enumerate(item.cases):
        if case.payload and case.name.text in OPERATIONS:
            world.problems.error(
                "reserved_name",
                case.name.span,
                f"`{case.name.text}` is an operation of the language",
                help="give the case another name",
            )
        if case.name.text not in seen:
            seen.add(case.name.text)
            world.members.setdefault(case.name.text, []).append(
                VariantCase(type, index, bool(case.payload), case.name.span)
            )
