"""Text to syntax tree; everything wrong with the text in one go."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from zdcheck.base.diagnostics import Diagnostic, Label, Severity, SpecError
from zdcheck.base.source import SourceFile, Span
from zdcheck.lang import ast, layout
from zdcheck.lang.automaton import END, Automaton, TooDeep
from zdcheck.lang.expected import found_in_words, in_words, shortened
from zdcheck.lang.mistakes import Fix, Situation, recognised
from zdcheck.lang.scan import MAX_PROBLEMS, Token, scan
from zdcheck.lang.tree import TreeBuilder

MAX_DEPTH = 120
"""Levels of the tree: beyond any real spec, and far from where recursion over it would end."""

MAX_REPAIRS = 3
"""At one place."""

NEVER_NAMES = frozenset(
    {
        *("if", "else", "while", "for", "forever", "break", "continue", "return", "goto"),
        *("true", "false", "null", "self", "any", "in", "is", "implies", "forall", "exists"),
    }
)

HARD = NEVER_NAMES | {
    *("fn", "thread", "object", "enum", "variant", "var", "ghost", "atomic", "assert"),
}
"""Words that are never names where the grammar wants the word."""


def parse(source: SourceFile) -> ast.Spec:
    """The syntax tree of a text. Raises SpecError; UsageError for what is too large for a spec."""
    scanned = scan(source)
    parser = _Parser(source, scanned.tokens, list(scanned.problems), scanned.end)
    return parser.run()


def reading(automaton: Automaton, tokens: list[Token], i: int) -> str | None:
    """The terminal that a token is here; None if nothing fits.

    A word of the language is a name where only a name can stand, or where what follows it makes
    sense after a name only: `count = 1;`, `cover : bool;`.
    """
    token = tokens[i]
    terminals = automaton.table.readings(token)
    if token.text in NEVER_NAMES or _is_misplaced_item(automaton, tokens, i):
        terminals = terminals[:-1]
    fits = [t for t in terminals if automaton.accepts(t)]
    if len(fits) < 2 or token.text in HARD:
        return fits[0] if fits else None
    following = automaton.table.readings(tokens[i + 1]) if i + 1 < len(tokens) else ()
    for terminal in fits:
        if any(automaton.accepts(terminal, after) for after in following):
            return terminal
    return fits[0]


def _is_misplaced_item(automaton: Automaton, tokens: list[Token], i: int) -> bool:
    """Whether a word looks like an item's first where statements or fields stand."""
    if automaton.accepts("WHILE") and tokens[i].text in HARD:
        return True
    return layout.starts_item(automaton.source, tokens, i) and (
        automaton.accepts("WHILE") or automaton.accepts("COUNTED")
    )


_CLOSERS = (("RPAR", ")", "LPAR"), ("RSQB", "]", "LSQB"), ("RBRACE", "}", "LBRACE"))


@dataclass
class _Parser:
    """One parse. After a problem it repairs or skips, and the tree is no longer of interest."""

    source: SourceFile
    tokens: list[Token]
    problems: list[Diagnostic]
    end: int
    """Where the text stops making sense; past its end if it does not."""
    automaton: Automaton = field(init=False)
    i: int = 0
    fresh: int = 0
    """Problems before this token would only be about the last one again."""
    closed: int = 0
    """Braces that were taken as closed before they were."""
    repaired: Counter[int] = field(default_factory=Counter)
    """How often the text was repaired before this place: a repair that does not help is not tried again."""
    strange: frozenset[int] = frozenset()
    """Lines with characters that made no token: what else is odd there comes from that."""

    def __post_init__(self) -> None:
        builder = TreeBuilder(self.source)
        self.automaton = Automaton(self.source, lambda rule: getattr(builder, rule), MAX_DEPTH)
        self.strange = frozenset(p.at.span.line for p in self.problems)

    def run(self) -> ast.Spec:
        """The tree. Raises SpecError."""
        self._c_habits()
        self._until(self.end)
        if self.problems:
            raise SpecError(self.problems[:MAX_PROBLEMS])
        spec = self.automaton.entries[-1].value
        assert isinstance(spec, ast.Spec)
        return spec

    def _until(self, end: int) -> None:
        tokens = self.tokens
        while self.i < len(tokens) and tokens[self.i].start < end:
            terminal = reading(self.automaton, tokens, self.i)
            try:
                if terminal is not None:
                    self.automaton.feed(tokens[self.i], terminal)
                    self.i += 1
                elif not self._recover():
                    return
            except TooDeep:
                self._say("nesting", "nested too deeply", self.i - 1, help="split it up")
                return
            if len(self.problems) >= MAX_PROBLEMS:
                return

    def _c_habits(self) -> None:
        """What would parse, but means something else to the reader than to us."""
        texts = [token.text for token in self.tokens]
        for i, text in enumerate(texts):
            if text == "while" and texts[i + 1 : i + 4] == ["(", "1", ")"]:
                message = "a condition is true or false, not a number"
                self._say("syntax", message, i + 2, help="write `forever`")

    # --- saying -------------------------------------------------------------------------

    def _span(self, first: int, last: int | None = None) -> Span:
        tokens = self.tokens
        first = min(max(first, 0), len(tokens) - 1)
        last = first if last is None else min(max(last, first), len(tokens) - 1)
        start, end = tokens[first].start, tokens[last].end
        if tokens[first].kind == "end" and first > 0:
            start = end = tokens[first - 1].end
        return Span(self.source, start, end)

    def _say(
        self,
        id: str,
        message: str,
        first: int,
        last: int | None = None,
        *,
        label: str = "",
        also: tuple[Label, ...] = (),
        help: str | None = None,
        after: bool = False,
    ) -> None:
        span = self._span(first, last)
        if after:
            span = Span(self.source, span.end, span.end)
        self.problems.append(
            Diagnostic(id, Severity.ERROR, message, Label(span, label), also, help)
        )

    # --- what is wrong ------------------------------------------------------------------

    def _recover(self) -> bool:
        """Say what is wrong at token `i` and find where to go on; False if nowhere."""
        token = self.tokens[self.i]
        if self.closed and token.text == "}" and self.automaton.accepts("OBJECT"):
            self.closed -= 1
            self.i += 1
            return True
        is_new = self.i >= self.fresh and not (
            self.strange & {self._line(self.i), self._line(max(self.i - 1, 0))}
        )
        self.fresh = self.i + 2
        fix = self._explain(is_new)
        if fix is not None and fix.goes_on and self.repaired[token.start] < MAX_REPAIRS:
            self.repaired[token.start] += 1
            self._repair(fix)
            return True
        if token.kind == "end":
            return False
        self._panic()
        return True

    def _explain(self, is_new: bool) -> Fix | None:
        """Say what is wrong at token `i` (if it is new), and how to repair it if that is clear."""
        found = self._missing_brace(is_new) or self._missing_sign(is_new)
        if found is not None:
            return found
        situation = Situation(self.automaton, self.tokens, self.i)
        row = recognised(situation)
        if row is not None:
            mistake, fix = row
            if is_new:
                self._say(
                    "syntax",
                    mistake.message.replace("{0}", shortened(situation.text(fix.first))),
                    self.i + fix.first,
                    self.i + fix.last,
                    help=fix.help or mistake.help,
                )
            return fix
        reserved = self._reserved(situation, is_new)
        if reserved is not None:
            return reserved
        if is_new:
            self._unexpected()
        return None

    def _unexpected(self) -> None:
        token = self.tokens[self.i]
        if token.text == "}" and self.automaton.accepts("OBJECT"):
            self._say("unclosed", "this `}` closes nothing", self.i, also=self._early(self.i))
            return
        wanted = in_words(self.automaton)
        also: tuple[Label, ...] = ()
        if "`)`" in wanted or "`]`" in wanted:
            also = self._opened("LPAR" if "`)`" in wanted else "LSQB")
        message = f"expected {wanted}, found {found_in_words(token)}"
        self._say("syntax", message, self.i, also=also)

    def _missing_brace(self, is_new: bool) -> Fix | None:
        """An item, or the end, inside braces."""
        at_end = self.tokens[self.i].kind == "end"
        if not at_end and not layout.starts_item(self.source, self.tokens, self.i):
            return None
        open_braces = [e.value for e in self.automaton.entries if e.symbol == "LBRACE"]
        if not open_braces or self.automaton.accepts("OBJECT"):
            return None
        if not (at_end or self.automaton.accepts("RBRACE") or self.automaton.accepts("WHILE")):
            return None
        if is_new:
            inner = layout.unclosed(self.source, self.tokens, self.i, open_braces[0].start)
            brace = inner or open_braces[-1]
            what = found_in_words(self.tokens[self.i])
            self._say(
                "unclosed",
                f"expected `}}` before {what}",
                self.i,
                also=(Label(Span(self.source, brace.start, brace.end), "this `{` is still open"),),
            )
        if at_end:
            return Fix(goes_on=False)
        self.closed += len(open_braces)
        self._to_item_level()
        return Fix()

    def _missing_sign(self, is_new: bool) -> Fix | None:
        """`;`, `)` or `]` left out: what stands here would fit behind it."""
        automaton, token, i = self.automaton, self.tokens[self.i], self.i
        for terminal, sign, opener in _CLOSERS:
            if token.text in ("{", ";", "}") and token.text != sign and automaton.accepts(terminal):
                rest = automaton.after(terminal)
                if rest is None or not (
                    any(rest.accepts(t) for t in automaton.table.readings(token))
                    or (sign != "}" and rest.accepts("SEMICOLON"))
                ):
                    continue
                if is_new:
                    self._say(
                        "unclosed",
                        f"expected `{sign}` before `{token}`",
                        i - 1,
                        after=True,
                        also=self._opened(opener),
                    )
                return Fix(insert=(sign,))
        rest = automaton.after("SEMICOLON")
        if rest is None or i == 0:
            return None
        is_statement = rest.accepts("WHILE")
        fits = any(rest.accepts(t) for t in automaton.table.readings(token))
        new_line = self._line(i) > self._line(i - 1)
        if fits and (new_line or token.text == "}" or token.text in HARD - {"in", "is", "implies"}):
            if is_new:
                what = "statement" if is_statement else "declaration"
                self._say("syntax", f"expected `;` after this {what}", i - 1, after=True)
            return Fix(insert=(";",))
        return None

    def _reserved(self, situation: Situation, is_new: bool) -> Fix | None:
        """A word of the language where a name should be."""
        words = self.automaton.table.words
        for offset in (0, -1):
            token = situation.at(offset)
            if token.kind != "word" or token.text not in words:
                continue
            if offset == 0:
                is_it = situation.accepts("NAME") and not situation.accepts("NOT")
                undo = 0
            else:
                top = self.automaton.entries[-1] if self.automaton.entries else None
                if top is None or top.start != token.start or top.symbol == "NAME":
                    continue
                before = Automaton(
                    self.source, self.automaton.build, 0, self.automaton.states[:-1], []
                )
                here = self.automaton.table.readings(situation.at())
                is_it = any(before.accepts("NAME", t) for t in here) and situation.text() in (
                    "=", "+=", "-=", "++", "--", ":", ".", ",", ";", "[",
                )  # fmt: skip
                undo = 1
            if is_it:
                if is_new:
                    self._say(
                        "reserved_word",
                        f"`{token}` is a word of the language and cannot be a name here",
                        self.i + offset,
                        help=f"choose another name, such as `{token}_` or `my_{token}`",
                    )
                return Fix(offset, offset, drop=1, insert=("_",), undo=undo)
        return None

    # --- going on -----------------------------------------------------------------------

    def _repair(self, fix: Fix) -> None:
        self.automaton.pop(fix.undo)
        self.i += fix.first if fix.drop else 0
        at = self.tokens[self.i]
        made = [_made(text, at.start, at.end) for text in fix.insert]
        if fix.drop or made:
            self.tokens[self.i : self.i + fix.drop] = made
            self.fresh += len(made) - fix.drop

    def _to_item_level(self) -> None:
        while self.automaton.entries and not self._is_level(item=True):
            self.automaton.pop(1)

    def _is_level(self, item: bool = False) -> bool:
        """Whether a new item (or statement, field, clause) can start here, and a block can end."""
        accepts = self.automaton.accepts
        if accepts("OBJECT") and accepts(END):
            return True
        if item or not accepts("RBRACE"):
            return False
        return accepts("WHILE") or accepts("EXPECT") or accepts("COUNTED")

    def _panic(self) -> None:
        """Skip what cannot be understood: to the `)` of a condition, or the end of a statement."""
        if self._skip_in_parentheses():
            return
        begin, depth, popped, closed = self.i, 0, 0, 0
        while self.automaton.entries and (closed or not self._is_level()):
            match self.automaton.entries[-1].symbol:
                case "RBRACE":
                    closed += 1
                case "LBRACE" if closed:
                    closed -= 1
                case "LBRACE":
                    depth += 1
            self.automaton.pop(1)
            popped += 1
        tokens = self.tokens
        at_items = self.automaton.accepts("OBJECT")
        while (token := tokens[self.i]).kind != "end":
            if self.i > begin and layout.starts_item(self.source, tokens, self.i):
                break
            self.i += 1
            if token.text == "{":
                depth += 1
            elif token.text == "}":
                if depth == 0 and not at_items:
                    self.i -= 1
                    break
                depth = max(depth - 1, 0)
            if token.text in (";", "}") and depth == 0 and (not at_items or self._item_next(begin)):
                break
        while tokens[self.i].text in ("else", "or") and not at_items and self.i > begin:
            self.i += 1
        if self.i == begin and not popped and tokens[self.i].kind != "end":
            self.i += 1
        self.fresh = self.i
        if tokens[self.i].kind == "end":
            self.fresh = self.i + 1

    def _item_next(self, begin: int) -> bool:
        """Whether token `i` can begin an item, going by the layout: a block may have ended early."""
        token = self.tokens[self.i]
        if token.kind == "end":
            return True
        if reading(self.automaton, self.tokens, self.i) is None:
            return False
        return layout.indent(self.source, token) == 0 or self._line(self.i) == self._line(begin)

    def _skip_in_parentheses(self) -> bool:
        """Take what stands between the innermost `(` and its `)` as one name."""
        entries = self.automaton.entries
        opener = next(
            (k for k in reversed(range(len(entries))) if entries[k].symbol == "LPAR"), None
        )
        if opener is None or any(e.symbol == "LBRACE" for e in entries[opener:]):
            return False
        depth, j = 0, self.i
        while True:
            text = self.tokens[j].text
            if self.tokens[j].kind == "end" or text in (";", "{", "}"):
                return False
            if text == "(":
                depth += 1
            elif text == ")":
                if depth == 0:
                    break
                depth -= 1
            j += 1
        probe = Automaton(
            self.source, self.automaton.build, 0, self.automaton.states[: opener + 2], []
        )
        if not probe.accepts("NAME", "RPAR"):
            return False
        self.automaton.pop(len(entries) - opener - 1)
        token = self.tokens[j]
        self.automaton.feed(Token("word", "_", token.start, token.start), "NAME")
        self.i = self.fresh = j
        return True

    # --- places -------------------------------------------------------------------------

    def _line(self, i: int) -> int:
        if i > 0 and self.tokens[i].kind == "end":
            i -= 1
        return self.source.position(self.tokens[i].start)[0]

    def _opened(self, symbol: str) -> tuple[Label, ...]:
        """A label at the innermost open bracket of a sort."""
        for entry in reversed(self.automaton.entries):
            if entry.symbol == symbol:
                span = Span(self.source, entry.start, entry.end)
                return (Label(span, f"this `{span.text}` is still open"),)
        return ()

    def _early(self, i: int) -> tuple[Label, ...]:
        """A label at a `}` before token `i` that closed more than its place says."""
        brace = layout.closed_early(self.source, self.tokens, i)
        if brace is None:
            return ()
        return (Label(Span(self.source, brace.start, brace.end), "perhaps this one is too many"),)


def _made(text: str, start: int, end: int) -> Token:
    """A token that is not in the text."""
    return Token("word" if text.isidentifier() else "sign", text, start, end)
