"""Common mistakes, most of them C: each recognised where the parser stops, with what to do.

A row is a sample, a message and a function that says whether this is it. The function gives the
repair too, so that the parser goes on as if the right thing stood there; the tests run each
sample through the parser and expect this one message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zdcheck.lang.automaton import Automaton
from zdcheck.lang.scan import Token


@dataclass(frozen=True, slots=True)
class Situation:
    """The parser has stopped before token `i`."""

    automaton: Automaton
    tokens: list[Token]
    i: int

    def at(self, offset: int = 0) -> Token:
        """The token so far from where the parser stopped."""
        k = self.i + offset
        return self.tokens[k] if 0 <= k < len(self.tokens) else Token("end", "", 0, 0)

    def text(self, offset: int = 0) -> str:
        """Its text."""
        return self.at(offset).text

    def accepts(self, *terminals: str) -> bool:
        """Whether these terminals could come here."""
        return self.automaton.accepts(*terminals)

    def top(self, depth: int = 0) -> str:
        """The last symbol read; the one before it."""
        entries = self.automaton.entries
        return entries[-1 - depth].symbol if depth < len(entries) else ""

    def touches(self, offset: int) -> bool:
        """Whether no space stands before that token."""
        return self.at(offset - 1).end == self.at(offset).start

    def same_line(self, offset: int) -> bool:
        """Whether that token stands on the line of the one before it."""
        between = self.automaton.source.text[self.at(offset - 1).end : self.at(offset).start]
        return "\n" not in between

    @property
    def wants_statement(self) -> bool:
        return self.accepts("WHILE") or self.accepts("OBJECT")

    @property
    def wants_operand(self) -> bool:
        """Whether an expression must begin here."""
        return self.accepts("NOT") and self.accepts("NUMBER")

    @property
    def after_operand(self) -> bool:
        """Whether an expression may go on here."""
        return self.accepts("AND")


@dataclass(frozen=True, slots=True)
class Fix:
    """How to go on: `drop` tokens from `first` (counted from the stop) are replaced by `insert`.

    `undo` symbols are taken back first; without `goes_on` the parser skips the statement.
    """

    first: int = 0
    last: int = 0
    drop: int = 0
    insert: tuple[str, ...] = ()
    undo: int = 0
    goes_on: bool = True
    help: str | None = None


Match = Callable[[Situation], Fix | None]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A row. `{0}` in the message is the first token that is marked."""

    sample: str
    message: str
    help: str | None
    match: Match


def skip(first: int = 0, last: int = 0, help: str | None = None) -> Fix:
    """Mark these tokens and skip the statement."""
    return Fix(first, last, goes_on=False, help=help)


def replace(*texts: str, drop: int = 1, help: str | None = None) -> Fix:
    """Go on as if these stood here."""
    return Fix(drop=drop, last=drop - 1 if drop else 0, insert=texts, help=help)


_INTS = frozenset(
    "int long short unsigned signed char size_t u8 u16 u32 u64 s32 s64 atomic_t".split()  # noqa: SIM905
)
_C_TYPES = _INTS | {"struct", "union", "void", "const", "static", "volatile", "inline", "extern"}
_NO_STATEMENTS = {
    "switch": "write `if` and `else if`",
    "do": "write `forever` with a `break`, or `while`",
    "try": "a call gives a result; test it",
    "case": "write `if` and `else if`",
    "default": "write `else`",
    "let": "write `var x = e;`",
    "auto": "write `var x = e;`",
    "type": "there are `enum`, `variant` and `object`",
    "typedef": "there are `enum`, `variant` and `object`",
    "import": "write `use mm.page;`",
    "include": "write `use mm.page;`",
    "function": "write `fn`",
    "def": "write `fn`",
    "proc": "write `thread`",
    "process": "write `thread`",
}


# --- expressions ------------------------------------------------------------------------


def _assign_in_expression(s: Situation) -> Fix | None:
    if s.text() not in ("=", "+=", "-=") or not s.after_operand or s.accepts("ASSIGN"):
        return None
    return replace("==") if s.text() == "=" else skip()


def _arrow_as_field(s: Situation) -> Fix | None:
    if s.text() != "->" or s.at(1).kind != "word" or not (s.touches(0) and s.touches(1)):
        return None
    return replace(".") if s.accepts("DOT") else None


def _arrow_as_implies(s: Situation) -> Fix | None:
    return replace("implies") if s.text() in ("->", "=>") and s.accepts("IMPLIES") else None


def _bitwise(s: Situation) -> Fix | None:
    if s.text() in ("&", "|") and s.after_operand:
        return replace(s.text() * 2, help=f"write `{s.text() * 2}`")
    return None


def _no_operator(s: Situation) -> Fix | None:
    known = ("^", "%", "/", "<<", ">>", "::", "->*")
    if s.text() in known and s.after_operand:
        return replace("+")
    return None


def _triple(s: Situation) -> Fix | None:
    if s.text() in ("===", "!==") and s.accepts("COMPARE"):
        return replace(s.text()[:2], help=f"write `{s.text()[:2]}`")
    return None


def _address_of(s: Situation) -> Fix | None:
    if s.text() in ("&", "*") and s.wants_operand:
        return replace()
    return None


def _bit_complement(s: Situation) -> Fix | None:
    return replace("!") if s.text() == "~" and s.wants_operand else None


def _increment_in_expression(s: Situation) -> Fix | None:
    if s.text() not in ("++", "--") or s.wants_statement:
        return None
    return replace() if s.after_operand or s.wants_operand else None


def _prefix_increment(s: Situation) -> Fix | None:
    if s.text() in ("++", "--") and s.wants_statement:
        return skip(help=f"write `x{s.text()};`")
    return None


def _not_word(s: Situation) -> Fix | None:
    if s.text(-1) == "not" and s.top() == "NAME" and s.at().kind in ("word", "sign"):
        return skip(-1, -1)
    return None


def _not_after(s: Situation) -> Fix | None:
    if s.text() == "not" and s.after_operand and s.text(1) == "in":
        return replace("in", drop=2, help="write `!(x in s)`")
    if s.text(-2) == "is" and s.text(-1) == "not" and s.at().kind == "word":
        return Fix(-1, -1, help="write `!(x is none)`", goes_on=False)
    return None


def _and_word(s: Situation) -> Fix | None:
    words = {"and": "&&", "or": "||"}
    if s.text() in words and s.after_operand:
        sign = words[s.text()]
        return replace(sign, help=f"write `{sign}`")
    return None


def _chained(s: Situation) -> Fix | None:
    if "COMPARE" not in s.automaton.table.readings(s.at()):
        return None
    return skip() if s.after_operand and not s.accepts("COMPARE") else None


def _quantifier_dot(s: Situation) -> Fix | None:
    if s.text() in (":", "|", "::") and s.accepts("DOT", "NOT"):
        return replace(".")
    return None


def _quantifier_in(s: Situation) -> Fix | None:
    names = [e.symbol for e in s.automaton.entries[-3:]]
    if s.text() == "in" and "QUANTIFIER" in names and s.accepts("COLON"):
        return replace(":")
    return None


def _quantifier_comma(s: Situation) -> Fix | None:
    if s.accepts("COLON") and s.top() == "NAME" and s.top(1) == "COMMA":
        before = s.top(2)
        if before == "binder" or before.startswith("__quantified"):
            return skip(-2, -2)
    return None


def _any_in_expression(s: Situation) -> Fix | None:
    return skip() if s.text() == "any" and s.wants_operand else None


# --- statements -------------------------------------------------------------------------


def _walrus(s: Situation) -> Fix | None:
    if s.text() == ":=" and (s.accepts("ASSIGN") or s.accepts("EQUAL")):
        return replace("=")
    return None


def _compare_as_statement(s: Situation) -> Fix | None:
    if s.text() == "==" and s.accepts("ASSIGN"):
        return replace("=")
    return None


def _compound_assignment(s: Situation) -> Fix | None:
    known = ("*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=")
    return skip() if s.text() in known and s.accepts("ASSIGN") else None


def _declaration(s: Situation) -> Fix | None:
    """`int x`, `struct page *p`, `bool x`, `page p`: two words, or a word and `*`."""
    first = 0
    if s.wants_statement:
        if s.at().kind != "word" or s.text() in s.automaton.table.words:
            return None
    elif s.top() == "NAME" and s.at().kind in ("word", "sign") and s.text(-1) not in _WORD_HINTS:
        before = s.automaton.states
        under = Automaton(
            s.automaton.source, s.automaton.build, 0, before[:-1], [], s.automaton.table
        )
        if not under.accepts("WHILE") or under.accepts("NOT"):
            return None
        first = -1
    else:
        return None
    k = first + 1
    if s.text(first) not in _C_TYPES and s.at(k).kind != "word" and s.text(k) != "*":
        return None
    while (s.at(k).kind == "word" or s.text(k) == "*") and s.same_line(k):
        k += 1
    name = s.text(k - 1)
    if k - first < 2 or (s.text(k) == "(" and not set(_C_TYPES) & {s.text(first)}):
        return None
    if s.text(k) == "(":
        result = "" if s.text(first) == "void" else " -> bool"
        return skip(first, k - 1, help=f"write `fn {name}(x : page){result} {{ … }}`")
    shown = s.text(first)
    type_ = "0..7" if shown in _INTS else "bool" if shown in ("bool", "_Bool") else None
    words = [s.text(m) for m in range(first, k - 1) if s.at(m).kind == "word"]
    if type_ is None:
        type_ = words[-1] if words and words[-1] not in _C_TYPES else "page"
        if "*" in (s.text(m) for m in range(first, k)):
            type_ += "?"
    return skip(first, k - 1, help=f"write `var {name} : {type_};`")


_WORD_HINTS = frozenset({"not", *_NO_STATEMENTS}) - {"type"}


def _no_statement(s: Situation) -> Fix | None:
    for offset in (0, -1, -2, -3, -4):
        word = s.text(offset)
        if offset and word in (";", "{", "}"):
            return None
        is_first = s.text(offset - 1) in (";", "{", "}", ":", "")
        if word in _NO_STATEMENTS and is_first and (offset or s.wants_statement):
            return skip(offset, offset, help=_NO_STATEMENTS[word])
    return None


def _c_for(s: Situation) -> Fix | None:
    read = next((k for k in (0, 1, 2, 3) if s.top(k) == "LPAR" and s.top(k + 1) == "FOR"), None)
    if read is None:
        return None
    end, depth = 0, 0
    while s.at(end).kind != "end" and s.text(end) not in ("{", "}"):
        depth += (s.text(end) == "(") - (s.text(end) == ")")
        if depth < 0:
            return Fix(last=end - 1, drop=end, insert=("i", "in", "bool"), undo=read)
        end += 1
    return skip()


def _stray_semicolon(s: Situation) -> Fix | None:
    return replace() if s.text() == ";" and s.text(-1) == "}" and s.wants_statement else None


def _empty_statement(s: Situation) -> Fix | None:
    return replace("{", "}") if s.text() == ";" and s.accepts("WHILE") else None


def _lone_else(s: Situation) -> Fix | None:
    return replace() if s.text() == "else" and s.accepts("WHILE") else None


def _assert_comma(s: Situation) -> Fix | None:
    if s.text() == "," and s.accepts("ELSE") and s.at(1).kind == "string":
        return replace("else", "assertion")
    return None


# --- items ------------------------------------------------------------------------------


def _thread_parameters(s: Situation) -> Fix | None:
    if s.text() == "(" and s.top() == "NAME" and s.top(1) == "THREAD":
        return replace(drop=2) if s.text(1) == ")" else skip()
    return None


def _c_parameter(s: Situation) -> Fix | None:
    is_name = s.accepts("COLON") and s.top() == "NAME" and s.top(1) in ("LPAR", "COMMA", "REF")
    return skip(-1, 0) if is_name and (s.at().kind == "word" or s.text() == "*") else None


def _pointer_type(s: Situation) -> Fix | None:
    if s.text() == "*" and s.top() == "NAME" and s.accepts("QUESTION"):
        return replace("?")
    return None


def _missing_colon(s: Situation) -> Fix | None:
    if s.accepts("COLON", "SET") and s.at().kind in ("word", "number"):
        return replace(":", drop=0)
    return None


def _unquoted_check(s: Situation) -> Fix | None:
    if s.top() == "CHECK" and s.at().kind == "word":
        return skip()
    return None


def _no_parameters(s: Situation) -> Fix | None:
    if s.top() == "NAME" and s.top(1) == "FN" and s.text() in ("{", "=", "->"):
        return replace("(", ")", drop=0)
    return None


def _colon_result(s: Situation) -> Fix | None:
    if s.text() == ":" and s.top() == "RPAR" and s.accepts("__ANON_0"):
        return replace("->")
    return None


MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "if (n = 1) n = 2;",
        "`{0}` stores a value and cannot stand inside an expression",
        "compare with `==`; store in a statement of its own",
        _assign_in_expression,
    ),
    Mistake(
        "p0->n = 1;",
        "there are no pointers, and so no `->` to a field",
        "write `.`",
        _arrow_as_field,
    ),
    Mistake("assert b -> n == 1;", "`{0}` is no operator", "write `implies`", _arrow_as_implies),
    Mistake("assert b & b;", "there are no operations on bits", None, _bitwise),
    Mistake(
        "n = n % 2;",
        "there is no operator `{0}`",
        "there are `+`, `-`, `*`, comparisons, `&&`, `||`, `!` and `implies`",
        _no_operator,
    ),
    Mistake("assert n === 1;", "there is no operator `{0}`", None, _triple),
    Mistake(
        "f(&n);",
        "there are no pointers",
        "a parameter declared with `ref` takes the place itself",
        _address_of,
    ),
    Mistake("assert ~n == 1;", "there are no operations on bits", "`!` negates", _bit_complement),
    Mistake(
        "m = n++;",
        "`{0}` is a statement of its own, not part of an expression",
        "write it on a line before or after this one",
        _increment_in_expression,
    ),
    Mistake("++n;", "`{0}` stands behind what it changes", None, _prefix_increment),
    Mistake("assert b and b;", "`{0}` is no operator", None, _and_word),
    Mistake("assert p0 not in s;", "`not` is no operator", None, _not_after),
    Mistake("assert not b;", "`not` is no operator", "write `!`", _not_word),
    Mistake(
        "assert 0 < n < 3;",
        "comparisons do not chain",
        "write `a < b && b < c`",
        _chained,
    ),
    Mistake(
        "assert forall x : page : alive(x);",
        "a quantifier's body begins after a `.`",
        "write `forall x : page . e`",
        _quantifier_dot,
    ),
    Mistake(
        "assert forall x in page . alive(x);",
        "a quantifier runs over a type, named after a `:`",
        "write `forall x : page . e`",
        _quantifier_in,
    ),
    Mistake(
        "assert forall x : page, alive(x);",
        "a quantifier's body begins after a `.`",
        "write `forall x : page . e`",
        _quantifier_comma,
    ),
    Mistake(
        "n = 1 + any 0..1;",
        "`any` can only be a whole right-hand side",
        "store it in a local first",
        _any_in_expression,
    ),
    Mistake("n := 1;", "`:=` is no sign here", "write `=`", _walrus),
    Mistake(
        "n == 1;",
        "this compares, and nothing is done with it",
        "store with `=`; demand with `assert`",
        _compare_as_statement,
    ),
    Mistake(
        "n *= 2;",
        "there is no `{0}`",
        "there are `=`, `+=` and `-=`",
        _compound_assignment,
    ),
    Mistake(
        "for (i = 0; i < 3; i++) { n = 1; }",
        "`for` runs over a kind or a range",
        "write `for (i in 0..3)` or `for (pg in page)`",
        _c_for,
    ),
    Mistake("switch (n) { n = 1; }", "there is no `{0}`", None, _no_statement),
    Mistake("int x = 0;", "this is not how variables and functions are declared", None, _declaration),
    Mistake("if (b) { n = 1; };", "no `;` follows a `}`", "leave it out", _stray_semicolon),
    Mistake("while (b);", "there is no empty statement", "write `{ }`", _empty_statement),
    Mistake("n = 1; else n = 2;", "this `else` belongs to no `if`", None, _lone_else),
    Mistake(
        'assert b, "why";',
        "a message needs the violation that it is about",
        'write `assert e else assertion "why";`',
        _assert_comma,
    ),
    Mistake(
        "thread t(pg : page) { }",
        "a thread has no parameters",
        "write `thread NAME { }`, or `thread NAME[*] { }` for as many as the scope says",
        _thread_parameters,
    ),
    Mistake(
        "fn g(page pg) { }",
        "the type of a parameter stands after its name",
        "write `pg : page`",
        _c_parameter,
    ),
    Mistake("var q : page* = null;", "there are no pointers", "`page?` is a page or `null`", _pointer_type),
    Mistake("fn h { }", "a function has `(` and `)`, with or without parameters", None, _no_parameters),
    Mistake("fn h() : bool { return true; }", "a result's type stands after `->`", None, _colon_result),
    Mistake("var x 0..3;", "a `:` stands before the type", None, _missing_colon),
    Mistake("check first { expect holds; }", "a check's name is a text", 'write `check "name" { … }`', _unquoted_check),
)  # fmt: skip


def recognised(situation: Situation) -> tuple[Mistake, Fix] | None:
    """The first row that fits, and how to go on."""
    for mistake in MISTAKES:
        fix = mistake.match(situation)
        if fix is not None:
            return mistake, fix
    return None
