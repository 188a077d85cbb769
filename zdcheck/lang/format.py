"""The canonical layout of a spec.

Every token and comment of the text is written again, in its order: what the layout decides is the
space between two of them. Lines begin where statements and declarations do; inside those, breaks
stay where the writer made them at a comma or an operator, and at most one empty line is kept.
Braces stand as in the kernel; short lists and blocks that were written on one line stay there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from zdcheck.base.source import SourceFile
from zdcheck.lang.format_plan import Group, Plan, plan
from zdcheck.lang.parser import parse
from zdcheck.lang.scan import Token, scan

INDENT = 4
WIDTH = 100
"""A list or block that would be longer than this on one line gets a line for each part."""

TAB = 8
"""Tab stops of what is read; nothing is written with tabs."""

_OPERATORS = frozenset(
    [
        "&&",
        "||",
        "implies",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "+",
        "-",
        "*",
        "=",
        "+=",
        "-=",
        "?",
        ":",
    ]
)
_BREAK_AFTER = _OPERATORS | {",", "(", "["}
_BREAK_BEFORE = _OPERATORS | {"is", "in", "where", "when", "holds", "with", "scope", "->"}
_HEADED = frozenset(("if", "while", "for"))
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")


def format_source(source: SourceFile) -> str:
    """The text in its canonical layout: the same tokens, comments and tree.

    Raises SpecError if the text is no spec.
    """
    spec = parse(source)
    scanned = scan(source)
    tokens = [token for token in scanned.tokens if token.kind != "end"]
    return _Writer(source, plan(spec, tokens), tokens, scanned.comments).write()


@dataclass(frozen=True, slots=True)
class _Piece:
    """A token or comment, and how it stands in the text as written."""

    token: Token
    is_comment: bool
    newlines: int
    """Newlines between the piece before and this one."""
    line_indent: int
    """The indentation of the line it stands on."""

    @property
    def text(self) -> str:
        """Its characters."""
        return self.token.text

    @property
    def start(self) -> int:
        """Its offset."""
        return self.token.start


@dataclass(slots=True)
class _Open:
    """An open bracket: the group if it is one, and whether the statement's first line has it."""

    group: Group | None
    inline: bool
    on_first_line: bool


@dataclass
class _Writer:
    """Writes piece after piece."""

    source: SourceFile
    plan: Plan
    tokens: list[Token]
    comments: list[Token]
    lines: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    """Parts of the line under way; only its indentation may be blank."""
    width: int = 0
    level: int = 0
    """Of the statement under way."""
    first_line: bool = True
    """Of the statement under way."""
    headed: bool = False
    """Whether it is the head of an `if` or a loop: then what it continues on is set off more."""
    moved: int = 0
    """By how much the line was moved to the right."""
    opened: list[_Open] = field(default_factory=list)
    previous: _Piece | None = None

    def write(self) -> str:
        """All of it, line by line."""
        pieces = self._pieces()
        ahead = iter([piece for piece in pieces if not piece.is_comment])
        next_token = next(ahead, None)
        for at, piece in enumerate(pieces):
            if piece is next_token:
                next_token = next(ahead, None)
            if piece.is_comment:
                is_last = at + 1 == len(pieces) or pieces[at + 1].newlines > 0
                self._comment(piece, next_token, is_last)
            else:
                self._token(pieces, at)
            self.previous = piece
        self._end_line()
        return "".join(f"{line}\n" for line in self.lines)

    def _pieces(self) -> list[_Piece]:
        """Tokens and comments in the order of the text."""
        text = self.source.text
        both = [(t, False) for t in self.tokens] + [(c, True) for c in self.comments]
        both.sort(key=lambda entry: entry[0].start)
        pieces: list[_Piece] = []
        end = line_indent = 0
        for token, is_comment in both:
            newlines = text.count("\n", end, token.start)
            if newlines or not pieces:
                line_indent = self._column(token.start)
            pieces.append(_Piece(token, is_comment, newlines, line_indent))
            end = token.end
        return pieces

    def _column(self, offset: int) -> int:
        """Where an offset stands on its line. As long as the line takes: ask once for each line."""
        text = self.source.text
        start = text.rfind("\n", 0, offset) + 1
        return len(text[start:offset].lstrip("\ufeff").expandtabs(TAB))

    # --- lines --------------------------------------------------------------------------

    @property
    def _is_blank(self) -> bool:
        return not any(map(str.strip, self.line[:2]))

    def _write(self, text: str) -> None:
        self.line.append(text)
        self.width += len(text)

    def _end_line(self) -> None:
        if not self._is_blank:
            self.lines.append("".join(self.line).rstrip())
        self.line, self.width = [], 0

    def _new_line(self, indent: int, piece: _Piece, *, may_be_apart: bool = True) -> None:
        """Begin a line; one empty line before it if the text has any and this is no continuation."""
        self._end_line()
        after_open = self.previous is not None and self._opens_group(self.previous)
        if piece.newlines > 1 and may_be_apart and self.lines and not after_open:
            self.lines.append("")
        self._write(" " * indent)
        self.moved = indent - piece.line_indent

    def _opens_group(self, piece: _Piece) -> bool:
        return not piece.is_comment and piece.start in self.plan.groups

    @property
    def _inline(self) -> bool:
        return any(bracket.inline for bracket in self.opened)

    @property
    def _list(self) -> Group | None:
        """The list over several lines that we are directly inside of."""
        if self.opened and (group := self.opened[-1].group) and group.kind == "list":
            return None if self.opened[-1].inline else group
        return None

    def _continuation(self) -> int:
        """How far a line goes in that continues a statement."""
        inner = 0
        for bracket in reversed(self.opened):
            if bracket.group is not None:
                break
            inner += not bracket.on_first_line
        return INDENT * (self.level + 1 + inner + self.headed)

    # --- tokens -------------------------------------------------------------------------

    def _token(self, pieces: list[_Piece], at: int) -> None:
        piece = pieces[at]
        closed = self.opened.pop() if piece.text in _CLOSE and self.opened else None
        indent = self._begins_line(piece, closed)
        if indent is not None:
            self._new_line(indent, piece, may_be_apart=closed is None)
        elif self._continues(piece):
            self._new_line(self._continuation(), piece, may_be_apart=False)
            self.first_line = False
        elif self._is_spaced(piece):
            self._write(" ")
        if piece.start in self.plan.starts and not self._inline:
            self.level = self.plan.starts[piece.start]
            self.first_line = True
            self.headed = False
        elif indent is not None and closed is None:
            self.level, self.first_line, self.headed = indent // INDENT, True, False
        if piece.text in _HEADED:
            self.headed = True
        self._write(piece.text)
        if closed is not None and closed.group is not None and not closed.inline:
            self.level, self.first_line, self.headed = closed.group.level, True, False
        if piece.text in _OPEN:
            group = self.plan.groups.get(piece.start)
            inline = group is not None and self._fits(group, pieces, at)
            self.opened.append(_Open(group, inline, self.first_line))
            if group is not None:
                self.headed = False

    def _begins_line(self, piece: _Piece, closed: _Open | None) -> int | None:
        """The indentation of a token that begins a line; None if it does not."""
        before = self.previous
        if closed is not None:
            breaks = closed.group is not None and not closed.inline
            return INDENT * closed.group.level if breaks and closed.group else None
        if self._inline:
            return None
        if (level := self.plan.starts.get(piece.start)) is not None:
            # After a comment like `/* … */` that began the line already.
            begun = before is not None and before.is_comment and not piece.newlines
            return None if begun and self._line_is(before) else INDENT * level
        if (level := self.plan.joins.get(piece.start)) is not None:
            joined = before is not None and before.text == "}" and not before.is_comment
            return None if joined else INDENT * level
        if (group := self._list) is not None and before is not None:
            opens = self._opens_group(before)
            if opens or (piece.newlines and (before.text == "," or before.is_comment)):
                return INDENT * (group.level + 1)
        return None

    def _line_is(self, comment: _Piece | None) -> bool:
        """Whether the line under way has this comment alone."""
        return comment is not None and [p for p in self.line[:3] if p.strip()] == [comment.text]

    def _continues(self, piece: _Piece) -> bool:
        """Whether a statement goes on in a new line before this token."""
        before = self.previous
        if before is None or not piece.newlines:
            return False
        if before.is_comment:
            return True
        if not self._is_spaced(piece) and before.text not in _OPEN:
            return False
        if piece.start in self.plan.dots or before.start in self.plan.dots:
            return before.start in self.plan.dots
        return before.text in _BREAK_AFTER or piece.text in _BREAK_BEFORE

    def _fits(self, group: Group, pieces: list[_Piece], at: int) -> bool:
        """Whether the braces that open here stay on one line."""
        depth = 0
        # As long as what would be written, or shorter.
        width = self.width
        for here in range(at, len(pieces)):
            piece = pieces[here]
            if here > at:
                if piece.is_comment:
                    return False
                if piece.newlines and not (here == at + 1 and piece.text == "}"):
                    return False
                width += len(piece.text)
            depth += (piece.text in _OPEN) - (piece.text in _CLOSE)
            if depth == 0:
                return here == at + 1 or (
                    group.may_be_inline and self._inline_width(pieces[at : here + 1]) <= WIDTH
                )
            if width > WIDTH:
                return False
        return False

    def _inline_width(self, pieces: list[_Piece]) -> int:
        """How long the line gets if these all go on it."""
        trial = _Writer(self.source, self.plan, [], [])
        trial.line, trial.width = ["{"], self.width
        trial.previous = pieces[0]
        for piece in pieces[1:]:
            trial.width += trial._is_spaced(piece) + len(piece.text)
            trial.previous = piece
        return trial.width

    def _is_spaced(self, piece: _Piece) -> bool:
        """Whether a space stands between the piece before and this one on the same line."""
        before = self.previous
        if before is None or self._is_blank:
            return False
        if before.is_comment or piece.is_comment:
            return True
        left, right = before.text, piece.text
        if left == "{":
            return right != "}" and before.start in self.plan.groups
        if right == "}":
            return piece.start in self.plan.closers
        if left in "([!" or right in ")],;":
            return False
        if ".." in (left, right) or "." in (left, right):
            return before.start in self.plan.dots or piece.start in self.plan.dots
        if right in ("++", "--", "["):
            return False
        if right == "(":
            return before.token.end not in self.plan.called
        if right in "?<>" and piece.start in self.plan.type_marks:
            return False
        if left == "<" and before.start in self.plan.type_marks:
            return False
        if right == ":":
            return piece.start not in self.plan.tight_colons
        if left in "+-" and before.start not in self.plan.binary:
            # `- -x` must not become `--x`.
            return right.startswith(left)
        return True

    # --- comments -----------------------------------------------------------------------

    def _comment(self, piece: _Piece, following: _Piece | None, is_last: bool) -> None:
        """A comment, the token after it, and whether it ends its line."""
        if piece.newlines or self.previous is None:
            self._new_line(self._comment_indent(following), piece)
        elif not self._is_blank:
            column = self.width + 1
            if is_last:
                column = max(column, min(self._column(piece.start) + self.moved, WIDTH))
            self._write(" " * (column - self.width))
        first, *rest = piece.text.rstrip().split("\n")
        margin = " " * (self.width + 1)
        self._write(first.rstrip())
        for text in rest:
            # Also an empty line stays.
            self.lines.append("".join(self.line).rstrip())
            self.line, self.width, self.moved = [], 0, 0
            starred = text.lstrip().startswith("*")
            self._write(margin + text.strip() if starred else text.rstrip())

    def _comment_indent(self, following: _Piece | None) -> int:
        """A comment stands where what follows it does."""
        if following is None:
            return 0
        if (level := self.plan.starts.get(following.start)) is not None:
            return INDENT * level
        if (level := self.plan.joins.get(following.start)) is not None:
            return INDENT * level
        innermost = self.opened[-1].group if self.opened else None
        if following.text == "}" and innermost is not None:
            return INDENT * (innermost.level + 1)
        if (group := self._list) is not None:
            return INDENT * (group.level + 1)
        return self._continuation()
