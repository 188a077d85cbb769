"""`use`: finding, reading and ordering the files of a spec."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePath

from zdcheck.base.diagnostics import Diagnostic, Label, Severity, SpecError, UsageError
from zdcheck.base.files import real
from zdcheck.base.resources import library_root
from zdcheck.base.source import SourceFile
from zdcheck.base.suggest import closest
from zdcheck.lang import ast
from zdcheck.lang.parser import parse

MAX_BYTES = 2_000_000
"""A spec is a few hundred lines; anything this large is no spec."""

LIBRARY = "<library>"
"""The folder under which library modules are shown."""

_MOST_NEIGHBOURS = 1000
"""How many files beside a spec are looked at for a suggestion."""

_MOST_OF_A_CYCLE = 8
"""How many modules of a cycle a message names."""

ModuleName = tuple[str, ...]


def load(path: Path) -> ast.Bundle:
    """A spec with everything it uses. Raises UsageError (the file) or SpecError (what is in it)."""
    return load_text(read(path, str(path)), path.parent)


def load_text(source: SourceFile, folder: Path | None = None) -> ast.Bundle:
    """The same for a text; modules are looked for in `folder` (if given) and in the library."""
    loader = _Loader(folder)
    loader.visit((), parse(source))
    if loader.problems:
        raise SpecError(loader.problems)
    return ast.Bundle(tuple(loader.done.values()))


def load_saved(source: SourceFile, others: Iterable[SourceFile]) -> ast.Bundle:
    """A spec whose modules are among `others`, known by their paths; nothing is read from disk.

    Raises SpecError, also where a module is missing.
    """
    folder = PurePath(source.path).parent
    saved: dict[ModuleName, SourceFile] = {}
    for file in others:
        path = PurePath(file.path)
        for root in (PurePath(LIBRARY), folder):
            if path.is_relative_to(root):
                saved.setdefault(path.relative_to(root).with_suffix("").parts, file)
                break
    loader = _Loader(None, saved)
    loader.visit((), parse(source))
    if loader.problems:
        raise SpecError(loader.problems)
    return ast.Bundle(tuple(loader.done.values()))


def read(path: Path, shown: str) -> SourceFile:
    """A file's text. Raises UsageError where there is none to be had."""
    try:
        if path.is_dir():
            raise UsageError(f"{shown} is a directory, not a spec")
        if not path.is_file() and path.exists():
            raise UsageError(f"{shown} is not a regular file")
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{shown} is larger than {MAX_BYTES} bytes; that is no spec")
        return SourceFile(shown, path.read_text("utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{shown}: there is no such file") from None
    except UnicodeDecodeError:
        raise UsageError(f"{shown} is not UTF-8 text") from None
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}") from None
    except ValueError:
        raise UsageError(f"{shown!r} is no path") from None


@dataclass
class _Visit:
    """A module under way: what it is used by, and the uses in it still to be followed."""

    name: ModuleName
    spec: ast.Spec
    pending: Iterator[ast.Use]


@dataclass
class _Loader:
    """Visits modules depth first, so that each comes after those it uses."""

    folder: Path | None
    saved: Mapping[ModuleName, SourceFile] | None = None
    done: dict[ModuleName, ast.Module] = field(default_factory=dict)
    path: list[_Visit] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)

    def visit(self, name: ModuleName, spec: ast.Spec) -> None:
        """A module and all that it uses. A loop, because a chain of modules may be long."""
        self._enter(name, spec)
        while self.path:
            visit = self.path[-1]
            use = next(visit.pending, None)
            if use is not None:
                self._use(use)
            else:
                self.path.pop()
                self.done[visit.name] = ast.Module(visit.name, visit.spec)

    def _enter(self, name: ModuleName, spec: ast.Spec) -> None:
        uses = [u for item in spec.items if isinstance(item, ast.UseItem) for u in item.modules]
        self.path.append(_Visit(name, spec, iter(uses)))

    def _use(self, use: ast.Use) -> None:
        name = tuple(part.text for part in use.path)
        if name in self.done:
            return
        under_way = [visit.name for visit in self.path]
        if name in under_way:
            cycle = [*under_way[under_way.index(name) :], name]
            if len(cycle) > _MOST_OF_A_CYCLE:
                cycle[_MOST_OF_A_CYCLE - 2 : -1] = [("…",)]
            self._error(
                "import_cycle",
                use,
                "these modules use each other: " + " → ".join(map(_dotted, cycle)),
            )
            return
        source = self._find(name, use) if self.saved is None else self._saved(name, use)
        if source is None:
            return
        try:
            spec = parse(source)
        except SpecError as error:
            self.problems += error.diagnostics
            self.done[name] = ast.Module(name, ast.Spec((), use.span))
        except UsageError as error:
            self._error("unknown_module", use, str(error))
            self.done[name] = ast.Module(name, ast.Spec((), use.span))
        else:
            self._enter(name, spec)

    def _find(self, name: ModuleName, use: ast.Use) -> SourceFile | None:
        relative = Path(*name).with_suffix(".zd")
        beside = self.folder / relative if self.folder else None
        shipped = library_root() / relative
        found = [path for path in (beside, shipped) if path is not None and path.is_file()]
        if len({real(path) for path in found}) > 1:
            self._error(
                "ambiguous_module",
                use,
                f"`{_dotted(name)}` is both beside the spec and in the library",
                "rename your module",
            )
        elif not found:
            near = closest(_dotted(name), self._known(name))
            help = (
                f"did you mean `{near}`?"
                if near
                else f"expected a file `{relative}` beside the spec"
            )
            self._error("unknown_module", use, f"there is no module `{_dotted(name)}`", help)
        else:
            try:
                shown = f"{LIBRARY}/{relative}" if found[0] == shipped else str(found[0])
                return read(found[0], shown)
            except UsageError as error:
                self._error("unknown_module", use, str(error))
        self.done[name] = ast.Module(name, ast.Spec((), use.span))
        return None

    def _saved(self, name: ModuleName, use: ast.Use) -> SourceFile | None:
        assert self.saved is not None
        if name not in self.saved:
            self._error(
                "unknown_module", use, f"the text of module `{_dotted(name)}` is not in here"
            )
            self.done[name] = ast.Module(name, ast.Spec((), use.span))
        return self.saved.get(name)

    def _known(self, wanted: ModuleName) -> list[str]:
        """The names of all modules in the library, and of those beside the spec where it looked."""
        found = [(library_root(), path) for path in library_root().rglob("*.zd")]
        if self.folder is not None:
            places = dict.fromkeys((self.folder, self.folder.joinpath(*wanted[:-1])))
            for place in places:
                found += [(self.folder, p) for p in islice(place.glob("*.zd"), _MOST_NEIGHBOURS)]
        return [_dotted(path.relative_to(root).with_suffix("").parts) for root, path in found]

    def _error(self, id: str, use: ast.Use, message: str, help: str | None = None) -> None:
        self.problems.append(Diagnostic(id, Severity.ERROR, message, Label(use.span), help=help))


def _dotted(name: ModuleName) -> str:
    return ".".join(name) or "this spec"
