"""What could stand at a place, in the reader's words: never the names of terminals."""

from __future__ import annotations

from zdcheck.lang.automaton import END, Automaton
from zdcheck.lang.scan import Token

_CONTINUE = frozenset(
    "COMPARE ADDOP STAR AND OR IMPLIES IN IS QUESTION DOT LSQB LPAR ASSIGN INCDEC".split()  # noqa: SIM905
)
"""What can go on after nearly every expression; not worth saying if anything else can come."""

_FIRST = ("SEMICOLON", "RPAR", "RSQB", "COMMA", "RBRACE", "COLON", "LBRACE", "EQUAL", "ASSIGN")
"""What a reader most likely forgot, in this order."""

_LONGEST = 60

_MOST = 4
"""More alternatives than this are no help."""


def in_words(automaton: Automaton) -> str:
    """What can come next: ``a statement or `}` ``."""
    found = automaton.expected()
    kinds: list[str] = []
    if "OBJECT" in found:
        kinds.append("an item such as `thread`, `object` or `var`")
    elif "COUNTED" in found:
        kinds.append("a field")
    elif "EXPECT" in found:
        kinds.append("`expect`, `allow` or `without`")
    elif "WHILE" in found:
        kinds.append("a statement")
    elif {"NUMBER", "NOT"} <= found:
        kinds.append("an expression")
    elif "SET" in found:
        kinds.append("a type")
    elif {"NUMBER", "LPAR"} <= found:
        kinds.append("a number or a name")
    if kinds:
        closers = [t for t in ("RPAR", "RBRACE", "RSQB") if t in found]
        return _listed([*kinds, *(f"`{spelling(automaton, t)}`" for t in closers)])
    if {"ASSIGN", "COLON"} <= found:
        return "an assignment or a call" if "LPAR" in found else "an assignment"
    rest = found - _CONTINUE or found
    if "SEMICOLON" in rest and found & {"STAR", "ADDOP"}:
        return "an operator or `;`"
    order = [t for t in _FIRST if t in rest] + sorted(rest.difference(_FIRST, {END}))
    shown = list(dict.fromkeys(_shown(automaton, t) for t in order))
    return _listed(shown[:_MOST])


def spelling(automaton: Automaton, terminal: str) -> str:
    """How a terminal is written: `;`; the first way if there are several."""
    table = automaton.table.terminals
    if terminal in ("ASSIGN", "EQUAL"):
        return "="
    return next((text for text, names in table.items() if terminal in names), terminal.lower())


def _shown(automaton: Automaton, terminal: str) -> str:
    match terminal:
        case "NAME":
            return "a name"
        case "STRING":
            return 'a text in `"`'
        case "NUMBER":
            return "a number"
        case _:
            return f"`{spelling(automaton, terminal)}`"


def _listed(words: list[str]) -> str:
    if len(words) < 2:
        return "".join(words) or "the end of the file"
    return f"{', '.join(words[:-1])} or {words[-1]}"


def found_in_words(token: Token) -> str:
    """The token that stands there instead."""
    match token.kind:
        case "end":
            return "the end of the file"
        case "string":
            return "a text"
        case _:
            return f"`{shortened(token.text)}`"


def shortened(word: str) -> str:
    """A word of the text, cut if nobody would read all of it."""
    return word if len(word) <= _LONGEST else f"{word[:_LONGEST]}..."
