"""Writes the parser's table, `grammar.json`, from `grammar.lark`: `python -m zdcheck.lang.make_table`.

Run after every change of the grammar; a test compares. Building the table takes Lark and 0.2 s,
which no run of zdcheck should have to pay for; reading it takes a few milliseconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

from lark import Lark
from lark.grammar import Rule
from lark.lexer import PatternStr, TerminalDef
from lark.parse_tree_builder import maybe_create_child_filter
from lark.parsers.lalr_analysis import Shift

from zdcheck.base.resources import grammar_file, grammar_table_file

_SIGNS = re.compile(r"[^A-Za-z0-9_\s]+")
_KINDS = {"NAME": "word", "NUMBER": "number", "STRING": "string"}


def build(grammar: str) -> dict[str, Any]:
    """The table of a grammar: rules, states, and which terminals a word or sign can be."""
    lark = Lark(grammar, parser="lalr", lexer="contextual", maybe_placeholders=True)
    table = lark.parser.parser._parse_table
    rules: list[Rule] = lark.rules
    number = {rule: index for index, rule in enumerate(rules)}
    # Lark's own numbers depend on the order of its sets.
    start = table.start_states["start"]
    order = {start: 0}
    for state in (queue := [start]):
        for _, (action, target) in sorted(table.states[state].items()):
            if action is Shift and target not in order:
                order[target] = len(order)
                queue.append(target)
    states = [
        {
            str(symbol): order[arg] if action is Shift else -1 - number[arg]
            for symbol, (action, arg) in sorted(table.states[state].items())
        }
        for state in order
    ]
    return {
        "end": order[table.end_states["start"]],
        "terminals": _spellings(lark.terminals),
        "rules": [_rule(rule) for rule in rules],
        "states": states,
    }


def _rule(rule: Rule) -> list[Any]:
    """Origin, length, what the tree builder calls it, which children it gets.

    A child is `[index, expand, nones before it]`; `nones` more follow at the end.
    """
    origin = str(rule.origin.name)
    name = str(rule.alias or origin)
    collapse = bool(rule.options.expand1 and not rule.alias)
    chosen = maybe_create_child_filter(
        rule.expansion, False, False, list(rule.options.empty_indices)
    )
    if chosen is None:
        children = [[i, False, 0] for i in range(len(rule.expansion))]
        nones = 0
    else:
        (kept, *rest) = chosen.args
        children = [[*entry, 0][:3] for entry in kept]
        nones = rest[0] if rest else 0
    return [origin, len(rule.expansion), name, collapse, children, nones]


def _spellings(terminals: Collection[TerminalDef]) -> dict[str, list[str]]:
    """For each word and sign of the grammar the terminals it can be, and the kinds of the rest."""
    words: set[str] = set()
    for terminal in terminals:
        pattern = terminal.pattern
        if isinstance(pattern, PatternStr):
            words.add(pattern.value)
        elif terminal.name not in _KINDS:
            plain = pattern.value.replace("\\b", "").replace("(?:", "(").replace("\\", "")
            words.update(re.findall(r"[a-z]+", plain))
            words.update(part for part in re.split(r"[|()]", plain) if _SIGNS.fullmatch(part))
    words.add("||")
    found: dict[str, list[str]] = {}
    for word in sorted(words):
        fits = [
            t.name
            for t in terminals
            if t.name not in _KINDS
            and t.name != "WS"
            and not t.name.startswith("__IGNORE")
            and re.fullmatch(t.pattern.to_regexp(), word)
        ]
        if fits:
            found[word] = fits
    return found


def text(table: dict[str, Any]) -> str:
    """The table as JSON, a line for each rule and state, so that a change of it can be read."""
    parts = []
    for key, value in table.items():
        if isinstance(value, dict):
            rows = ",\n".join(f"{json.dumps(k)}:{_dumps(v)}" for k, v in value.items())
            parts.append(f"{json.dumps(key)}:{{\n{rows}\n}}")
        elif isinstance(value, list):
            rows = ",\n".join(_dumps(v) for v in value)
            parts.append(f"{json.dumps(key)}:[\n{rows}\n]")
        else:
            parts.append(f"{json.dumps(key)}:{_dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


if __name__ == "__main__":
    grammar_table_file().write_text(text(build(grammar_file().read_text("utf-8"))), "utf-8")
