"""The LALR automaton of the grammar: a table, a stack, and questions about what may come next.

Lark makes the table (`make_table`); running it takes no Lark. The tree is built while reducing,
so nothing here recurses.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from zdcheck.base.resources import grammar_table_file
from zdcheck.base.source import SourceFile, Span
from zdcheck.lang.scan import Token

END = "$END"

MAX_STACK = 5_000
"""More open symbols than any tree of the greatest height allowed leaves."""

_KINDS = {"number": "NUMBER", "string": "STRING", "end": END}


@dataclass(frozen=True, slots=True)
class Rule:
    """How symbols on top of the stack become one."""

    origin: str
    length: int
    name: str
    collapse: bool
    children: tuple[tuple[int, bool, int], ...]
    nones: int

    @property
    def only_renames(self) -> bool:
        """Whether its one symbol becomes another, and nothing is built: most of an expression's grammar."""
        return (
            self.length == 1
            and self.children == ((0, False, 0),)
            and not self.nones
            and self.collapse
            and not self.origin.startswith("__")
        )


@dataclass(frozen=True)
class Table:
    """States as rows: a symbol to the next state, or to `-1 - rule`."""

    end: int
    terminals: dict[str, tuple[str, ...]]
    rules: tuple[Rule, ...]
    states: tuple[dict[str, int], ...]
    renaming: frozenset[int]
    """The numbers of the rules that do nothing else."""

    @property
    def words(self) -> frozenset[str]:
        """The words that mean something somewhere."""
        return frozenset(spelling for spelling in self.terminals if spelling.isalpha())

    def readings(self, token: Token) -> tuple[str, ...]:
        """The terminals that a token can be, the more special first."""
        match token.kind:
            case "word":
                return (*self.terminals.get(token.text, ()), "NAME")
            case "sign":
                return self.terminals.get(token.text, ())
            case "foreign":
                return ()
            case _:
                return (_KINDS[token.kind],)


@cache
def table() -> Table:
    """The grammar's table."""
    data = json.loads(grammar_table_file().read_text("utf-8"))
    rules = tuple(
        Rule(origin, length, name, collapse, tuple(map(tuple, children)), nones)
        for origin, length, name, collapse, children, nones in data["rules"]
    )
    terminals = {spelling: tuple(names) for spelling, names in data["terminals"].items()}
    renaming = frozenset(number for number, rule in enumerate(rules) if rule.only_renames)
    return Table(data["end"], terminals, rules, tuple(data["states"]), renaming)


class TooDeep(Exception):
    """The tree is deeper than allowed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A symbol on the stack, what it was built to, its characters (-1: none), its height."""

    symbol: str
    value: Any
    start: int
    end: int
    height: int


@dataclass(slots=True)
class Automaton:
    """A parse under way. `build(rule)` is what makes a node of the rule's children."""

    source: SourceFile
    build: Callable[[str], Callable[[Span, list[Any]], Any]]
    max_height: int
    states: list[int] = field(default_factory=lambda: [0])
    entries: list[Entry] = field(default_factory=list)
    table: Table = field(default_factory=table)

    # --- questions ----------------------------------------------------------------------

    def accepts(self, *terminals: str) -> bool:
        """Whether these terminals can come next, one after the other."""
        return self._follow(terminals) is not None

    def after(self, *terminals: str) -> Automaton | None:
        """A copy after these terminals, for questions only; None if they cannot come next."""
        found = self._follow(terminals)
        if found is None:
            return None
        base, top = found
        states = self.states[:base] + top
        return Automaton(self.source, self.build, 0, states, [], self.table)

    def _follow(self, terminals: tuple[str, ...]) -> tuple[int, list[int]] | None:
        """How many states are left of the stack after these terminals, and those on top of them."""
        base = len(self.states)
        top: list[int] = []
        for terminal in terminals:
            while True:
                row = self.table.states[top[-1] if top else self.states[base - 1]]
                action = row.get(terminal)
                if action is None:
                    return None
                if action >= 0:
                    top.append(action)
                    break
                rule = self.table.rules[-1 - action]
                length = rule.length
                if length <= len(top):
                    if length:
                        del top[-length:]
                else:
                    base -= length - len(top)
                    top.clear()
                under = self.table.states[top[-1] if top else self.states[base - 1]]
                state = under[rule.origin]
                top.append(state)
                if terminal == END and state == self.table.end:
                    return base, top
        return base, top

    def expected(self) -> frozenset[str]:
        """The terminals that can come next."""
        row = self.table.states[self.states[-1]]
        return frozenset(symbol for symbol in row if _is_terminal(symbol) and self.accepts(symbol))

    # --- moves --------------------------------------------------------------------------

    def feed(self, token: Token, terminal: str) -> None:
        """Take a token that `accepts`. Raises TooDeep."""
        states, rules, renaming = self.table.states, self.table.rules, self.table.renaming
        while True:
            action = states[self.states[-1]][terminal]
            if action >= 0:
                if len(self.states) > MAX_STACK:
                    raise TooDeep
                self.states.append(action)
                read = Token(token.kind, token.text, token.start, token.end, terminal)
                self.entries.append(Entry(terminal, read, token.start, token.end, 0))
                return
            number = -1 - action
            if number in renaming:
                origin, last = rules[number].origin, self.entries[-1]
                self.entries[-1] = Entry(origin, last.value, last.start, last.end, last.height)
                del self.states[-1]
                self.states.append(states[self.states[-1]][origin])
            else:
                self._reduce(rules[number])
            if terminal == END and self.states[-1] == self.table.end:
                return

    def _reduce(self, rule: Rule) -> None:
        length = rule.length
        parts = self.entries[-length:] if length else []
        if length:
            del self.entries[-length:]
            del self.states[-length:]
        start = next((part.start for part in parts if part.start >= 0), -1)
        end = next((part.end for part in reversed(parts) if part.end >= 0), -1)
        height = max((part.height for part in parts), default=0)
        children: list[Any] = []
        for index, is_list, nones in rule.children:
            if nones:
                children += [None] * nones
            value = parts[index].value
            if not is_list:
                children.append(value)
            elif children:
                children += value
            else:
                # The list of a left-recursive rule belongs to nobody else.
                children = value
        if rule.nones:
            children += [None] * rule.nones
        if rule.origin.startswith("__"):
            value = children
        elif rule.collapse and len(children) == 1:
            (value,) = children
        else:
            height += 1
            if height > self.max_height:
                raise TooDeep
            value = self.build(rule.name)(Span(self.source, max(start, 0), max(end, 0)), children)
        self.entries.append(Entry(rule.origin, value, start, end, height))
        self.states.append(self.table.states[self.states[-1]][rule.origin])

    def pop(self, count: int) -> None:
        """Forget the last symbols."""
        if count:
            del self.entries[-count:]
            del self.states[-count:]


def _is_terminal(symbol: str) -> bool:
    return symbol == END or symbol.lstrip("_").isupper()
