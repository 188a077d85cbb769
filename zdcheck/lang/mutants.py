"""Mutants of a spec: each with one small mistake in its protocol.

A statement dropped or two neighbours swapped; a guard, a filter or a wait ignored; a lock or a section
left out with all that takes and releases it; a fence or a grace period dropped. What states the
properties (assertions, covers, ghost code, uses that may be forbidden) is no part of
the protocol and stays, and so does `init`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from zdcheck.base.source import Span
from zdcheck.lang import ast
from zdcheck.lang.ast_walk import ast_children, mentions, nodes_inside
from zdcheck.lang.modules import LIBRARY
from zdcheck.lang.primitives import Primitives
from zdcheck.lang.rewrite import rewritten

Kind = Literal[
    "statement", "order", "guard", "filter", "wait", "lock", "section", "fence", "grace period"
]

_LONGEST = 90
"""Characters of source text that a mutant is called by."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake. `owner` is the thread or function it is in, `text` says what is wrong there.

    `module`, `owner` and `text` together tell it from every other mutant. `item` is where the owner is
    (module and item by number), `edits` what to change in it.
    """

    kind: Kind
    module: tuple[str, ...]
    owner: str
    text: str
    span: Span
    item: tuple[int, int]
    edits: dict[int, tuple[Any, ...]]


def applied(bundle: ast.Bundle, mutant: Mutant) -> ast.Bundle:
    """The bundle that its mutant was made from, with the mistake in it."""
    at_module, at_item = mutant.item
    module = bundle.modules[at_module]
    items = list(module.spec.items)
    items[at_item] = rewritten(items[at_item], mutant.edits)
    modules = list(bundle.modules)
    modules[at_module] = replace(module, spec=replace(module.spec, items=tuple(items)))
    return ast.Bundle(tuple(modules))


def mutants(bundle: ast.Bundle, *, library: bool) -> Iterator[Mutant]:
    """Every mutant, the spec's own first, then those of the modules it uses.

    Only of code that some thread runs; of the shipped library's only with `library`. A mutant need
    not be a correct spec.
    """
    primitives = Primitives(bundle)
    called = _called(bundle, primitives)
    modules = sorted(enumerate(bundle.modules), key=lambda m: (bool(m[1].name), m[0]))
    for number, module in modules:
        if module.spec.span.file.path.startswith(f"{LIBRARY}/") and not library:
            continue
        names: Counter[tuple[str, str]] = Counter()
        for at, item in enumerate(module.spec.items):
            match item:
                case ast.ThreadItem(name=name, body=body):
                    pass
                case ast.FnItem(name=name, body=ast.Block() as body) if name.text in called:
                    pass
                case _:
                    continue
            owner = _Owner(module.name, name.text, (number, at), primitives)
            for mutant in owner.mutants(body):
                key = mutant.owner, mutant.text
                names[key] += 1
                nth = f" ({names[key]})" if names[key] > 1 else ""
                yield replace(mutant, text=mutant.text + nth)


def _called(bundle: ast.Bundle, primitives: Primitives) -> frozenset[str]:
    """The functions that threads call, directly or not."""
    pending: list[object] = [
        item.body
        for module in bundle.modules
        for item in module.spec.items
        if isinstance(item, ast.ThreadItem)
    ]
    found: set[str] = set()
    while pending:
        for name in mentions(pending.pop()):
            function = primitives.functions.get(name)
            if function is not None and name not in found:
                found.add(name)
                pending.append(function.body)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class _Owner:
    """One thread or function."""

    module: tuple[str, ...]
    name: str
    item: tuple[int, int]
    primitives: Primitives

    def mutants(self, body: ast.Block) -> Iterator[Mutant]:
        """All of its mutants, in the order of the text."""
        found = [*self._pairs(body), *self._inside(body)]
        yield from sorted(found, key=lambda m: m.span.start)

    def _mutant(
        self, kind: Kind, text: str, span: Span, edits: dict[int, tuple[Any, ...]]
    ) -> Mutant:
        return Mutant(kind, self.module, self.name, text, span, self.item, edits)

    def _inside(self, statement: ast.Stmt) -> Iterator[Mutant]:
        """The mutants of one statement and of all inside it."""
        if self.primitives.nature(statement) == "silent":
            return
        if isinstance(statement, ast.Block):
            yield from self._swaps(statement)
        else:
            yield from self._drop(statement)
            yield from self._guards(statement)
        for child in ast_children(statement):
            yield from self._inside(child)

    # --- statements ---------------------------------------------------------------------

    def _drop(self, statement: ast.Stmt) -> Iterator[Mutant]:
        if self.primitives.nature(statement) in ("look", "declare"):
            return
        kind: Kind = "statement"
        new: tuple[ast.Stmt, ...] = ()
        match statement:
            case ast.VarStmt(declaration=declaration):
                if declaration.type is None:
                    return
                # The variable stays, with its type's own first value.
                new = (replace(statement, declaration=replace(declaration, initial=None)),)
            case ast.WaitStmt():
                kind = "wait"
            case ast.CallStmt(call=call):
                primitive = self.primitives.of(call)
                if primitive is not None and primitive.role == "grace":
                    kind = "grace period"
                elif primitive is not None and primitive.role == "fence":
                    kind = "fence"
            case _:
                pass
        text = f"no `{_shown(statement)}`"
        yield self._mutant(kind, text, statement.span, {id(statement): new})

    def _swaps(self, block: ast.Block) -> Iterator[Mutant]:
        statements = block.statements
        units = list(self._units(block))
        for number, first in enumerate(units):
            for second in units[number + 1 :]:
                if first is None or second is None:
                    break
                a, b = statements[first[0]], statements[second[0]]
                if self._is_worth_swapping(a, b):
                    swapped = (
                        *statements[: first[0]],
                        *statements[second[0] : second[1]],
                        *statements[first[1] : second[0]],
                        *statements[first[0] : first[1]],
                        *statements[second[1] :],
                    )
                    text = f"`{_shown(b)}` before `{_shown(a)}`"
                    edits = {id(block): (replace(block, statements=swapped),)}
                    yield self._mutant("order", text, a.span, edits)
                if not self._may_be_absent(b):
                    break

    def _may_be_absent(self, statement: ast.Stmt) -> bool:
        """Whether the configuration decides if it is there: then the next one is a neighbour too."""
        match statement:
            case ast.IfStmt(condition=condition, otherwise=None):
                return self.primitives.is_constant(condition)
            case _:
                return False

    def _is_worth_swapping(self, first: ast.Stmt, second: ast.Stmt) -> bool:
        """Not if that only lets a lock or section reach further, or moves what touches locals only."""
        if self.primitives.is_local(first) or self.primitives.is_local(second):
            return False
        a, b = (self.primitives.primitive_of(s) for s in (first, second))
        if a is not None and a.role in ("release", "leave"):
            return False
        if b is not None and b.role in ("acquire", "enter"):
            return a is not None and a.role == b.role == "acquire"
        return True

    def _units(self, block: ast.Block) -> Iterator[tuple[int, int] | None]:
        """From where to where each statement goes with the ghost code of its step.

        None stands between two that are no neighbours: a jump or a label parts them.
        """
        at, statements = 0, block.statements
        while at < len(statements):
            nature = self.primitives.nature(statements[at])
            end = at + 1
            if nature in ("act", "look"):
                while end < len(statements) and _is_ghost(statements[end], self.primitives):
                    end += 1
                yield at, end
            elif nature == "jump" or isinstance(statements[at], ast.LabelStmt):
                yield None
            at = end

    # --- conditions ---------------------------------------------------------------------

    def _guards(self, statement: ast.Stmt) -> Iterator[Mutant]:
        match statement:
            case ast.IfStmt(condition=condition) if self.primitives.nature(statement) == "act":
                parts = list(_parts(condition))
                if len(parts) == 1 and not self.primitives.is_constant(condition):
                    yield self._guard("guard", condition, {id(condition): (_true(condition),)})
                yield from self._ignored("guard", parts)
            case ast.WhileStmt(condition=condition) if condition is not None:
                yield from self._ignored("guard", list(_parts(condition)))
            case ast.WaitStmt(condition=condition):
                yield from self._ignored("wait", list(_parts(condition)))
            case ast.AssignStmt(value=ast.AnyExpr() as choice):
                yield from self._filter(choice)
            case ast.VarStmt(declaration=ast.VarDecl(initial=ast.AnyExpr() as choice)):
                yield from self._filter(choice)
            case _:
                pass

    def _filter(self, choice: ast.AnyExpr) -> Iterator[Mutant]:
        if choice.where is None:
            return
        parts = list(_parts(choice.where))
        if len(parts) == 1:
            edits = {id(choice): (replace(choice, where=None),)}
            yield self._guard("filter", choice.where, edits)
        yield from self._ignored("filter", parts)

    def _ignored(self, kind: Kind, parts: list[_Part]) -> Iterator[Mutant]:
        """Each operand of `&&` and `||` left out."""
        if len(parts) == 1:
            return
        for part in parts:
            if part.around is not None and not self.primitives.is_constant(part.condition):
                yield self._guard(kind, part.condition, {id(part.around): (part.without,)})

    def _guard(self, kind: Kind, condition: ast.Expr, edits: dict[int, tuple[Any, ...]]) -> Mutant:
        return self._mutant(kind, f"no matter `{_one_line(condition.span)}`", condition.span, edits)

    # --- locks and sections -------------------------------------------------------------

    def _pairs(self, body: ast.Block) -> Iterator[Mutant]:
        """A lock or section that is taken and released in this body, left out altogether."""
        takes: dict[tuple[Kind, ast.Expr], Span] = {}
        gives: set[tuple[Kind, ast.Expr]] = set()
        edits: dict[tuple[Kind, ast.Expr], dict[int, tuple[Any, ...]]] = {}
        for node in nodes_inside(body):
            match node:
                case ast.CallStmt(call=call):
                    new: tuple[Any, ...] = ()
                case ast.CallExpr() as call:
                    new = (ast.BoolLit(True, call.span),)
                case _:
                    continue
            primitive = self.primitives.of(call)
            if primitive is None or primitive.place is None:
                continue
            if isinstance(node, ast.CallExpr) and primitive.role != "try":
                continue
            kind: Kind = "section" if primitive.role in ("enter", "leave") else "lock"
            key = kind, primitive.place
            if primitive.role in ("release", "leave"):
                gives.add(key)
            else:
                takes.setdefault(key, call.span)
            edits.setdefault(key, {})[id(node)] = new
        for key, span in takes.items():
            if key in gives:
                kind, place = key
                yield self._mutant(kind, f"no {kind} `{_place(place)}`", span, edits[key])


# --- conditions as lists of operands ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """An operand of `&&` or `||`; `without` it, `around` (None: it is all there is) becomes that."""

    condition: ast.Expr
    around: ast.Binary | None
    without: ast.Expr | None


def _parts(condition: ast.Expr) -> Iterator[_Part]:
    pending: list[_Part] = [_Part(condition, None, None)]
    while pending:
        part = pending.pop()
        match part.condition:
            case ast.Binary(op="&&" | "||", left=left, right=right) as both:
                pending += [_Part(right, both, left), _Part(left, both, right)]
            case _:
                yield part


def _true(condition: ast.Expr) -> ast.BoolLit:
    return ast.BoolLit(True, condition.span)


# --- how things are called ----------------------------------------------------------------


def _shown(statement: ast.Stmt) -> str:
    """A statement on one line: all of a simple one, the head of one that has others inside."""
    children = ast_children(statement)
    if not children:
        return _one_line(statement.span)
    inside = children[0].span
    head = _one_line(Span(inside.file, statement.span.start, inside.start))
    return f"{head} …"


def _one_line(span: Span) -> str:
    lines = (line.split("//")[0] for line in span.text.split("\n"))
    text = " ".join(" ".join(lines).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _place(place: ast.Expr) -> str:
    match place:
        case ast.FieldExpr(base=base, name=name):
            return f"{_place(base)}.{name.text}"
        case _:
            return _one_line(place.span)


def _is_ghost(statement: ast.Stmt, primitives: Primitives) -> bool:
    match statement:
        case ast.GhostStmt():
            return True
        case ast.CallStmt():
            return primitives.nature(statement) == "silent"
        case _:
            return False
