"""Functions in the kernel's C files and what their code says, comments and white space left out.

A file is cut into its definitions by counting brackets, and the words before a body say what it is
called. No preprocessor runs and no grammar has to fit, because the kernel's macros are not C:
`SYSCALL_DEFINE3(…)`, attributes that nobody knows, half a function behind `#ifdef`. All branches of
an `#if` are read, each as if it stood alone.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_ASIDE = rb"""
    (?P<comment> /\*.*?(?:\*/|\Z) | //(?:\\\r?\n|[^\n])* )
  | (?P<text> "(?:\\.|[^"\\\n])*"? | '(?:\\.|[^'\\\n])*'? )
  | (?P<directive> ^[ \t]*\#(?: /\*.*?(?:\*/|\Z) | \\\r?\n | "(?:\\.|[^"\\\n])*" | //[^\n]* | [^\n] )* )
"""
_FLAGS = re.VERBOSE | re.DOTALL | re.MULTILINE
_TOKEN = re.compile(
    _ASIDE
    + rb"""
  | (?P<word> [A-Za-z_$][\w$]* )
  | (?P<number> \.?[0-9](?:[eEpP][+-]|[\w.])* )
  | (?P<mark> <<=|>>=|\.\.\.|->|\+\+|--|<<|>>|[<>=!+\-*/%&|^]=|&&|\|\||\#\#|\S )
""",
    _FLAGS,
)
_BRACE = re.compile(_ASIDE + rb"| (?P<mark> [{}] )", _FLAGS)
_DIRECTIVE = re.compile(rb"[ \t]*#\s*(\w*)")
_MACRO = re.compile(rb"[ \t]*#\s*define\s+(\w+)\(")

_ATTRIBUTES = frozenset(
    b"__attribute__ __attribute __aligned __alloc_size __assume_aligned __section __printf __scanf"
    b" __nonnull __no_sanitize __must_hold __acquires __releases __cond_acquires __malloc __alias"
    b" __declspec __asm__ asm _Alignas alignas typeof __typeof__ typeof_member".split()
)
"""What stands before brackets and is no function."""


@dataclass(frozen=True, slots=True)
class Function:
    """All definitions of a name in a file (`#ifdef` may have several).

    `called` is the word in the text that the name comes from.
    """

    name: str
    called: bytes
    texts: tuple[bytes, ...]

    @property
    def text(self) -> str:
        """What stands in the file."""
        return "\n\n".join(text.decode("utf-8", "replace") for text in self.texts)

    @property
    def tokens(self) -> str:
        """A digest of its tokens."""
        return _digest(list(self.words))

    @property
    def body(self) -> str:
        """The same without the function's own name, so that it stays when it is renamed."""
        return _digest([token for token in self.words if token != self.called])

    @property
    def words(self) -> Iterator[bytes]:
        """Its tokens."""
        return (token for text in self.texts for token in tokens_of(text))


def functions_of(text: bytes) -> dict[str, Function]:
    """The functions and function-like macros that a file defines, by name.

    A function that a macro makes is called what the macro's first argument is;
    `SYSCALL_DEFINE3(mbind, …)` is `mbind` and `sys_mbind`.
    """
    texts: defaultdict[str, list[bytes]] = defaultdict(list)
    called: dict[str, bytes] = {}
    for definition in _Scanner(text).definitions():
        for name in _names(definition):
            called[name] = definition.called
            texts[name].append(text[definition.start : definition.end])
    return {name: Function(name, called[name], tuple(found)) for name, found in texts.items()}


def tokens_of(text: bytes) -> Iterator[bytes]:
    """The tokens of C code, comments left out; a directive's are among them, and where it ends."""
    for match in _TOKEN.finditer(text):
        match match.lastgroup:
            case "comment":
                pass
            case "directive":
                yield b"#"
                yield from tokens_of(re.sub(rb"\\\r?\n", b" ", match[0].lstrip()[1:]))
                yield b"\n"
            case _:
                yield match[0]


def _digest(tokens: Sequence[bytes]) -> str:
    return hashlib.sha256(b"\0".join(tokens)).hexdigest()[:32]


# --- where definitions are --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Definition:
    """A definition's place; `macro` is what makes it, b"" if it is plain C."""

    called: bytes
    macro: bytes
    start: int
    end: int


def _names(definition: _Definition) -> Iterator[str]:
    name = definition.called.decode("utf-8", "replace")
    yield name
    if b"SYSCALL_DEFINE" in definition.macro:
        yield f"compat_sys_{name}" if definition.macro.startswith(b"COMPAT") else f"sys_{name}"


@dataclass(frozen=True, slots=True)
class _Token:
    text: bytes
    is_word: bool
    start: int
    end: int


@dataclass
class _Scanner:
    """`header` is what stands before the next body or semicolon, of all branches of an `#if`."""

    text: bytes
    header: list[_Token] = field(default_factory=list)

    def definitions(self) -> Iterator[_Definition]:
        """All of them, in the order of the file."""
        parens = 0
        branches: list[int] = []
        at = 0
        while match := _TOKEN.search(self.text, at):
            at = match.end()
            token = match[0]
            if match.lastgroup == "comment":
                continue
            if match.lastgroup == "directive":
                parens = _branch(token, parens, branches)
                if found := _MACRO.match(token):
                    yield _Definition(found[1], b"", match.start(), at)
                if parens == 0 and _kind(token) in (b"define", b"include", b"undef"):
                    yield from self._between()
            elif token == b"{" and (parens == 0 or self._is_at_margin(match)):
                parens = 0
                if [t.text for t in self.header[:1]] == [b"extern"] and len(self.header) == 2:
                    self.header.clear()  # extern "C" {
                    continue
                at = self._end_of_body(match.start())
                yield from self._before_body(at)
            elif token in (b";", b"}") and parens == 0:
                yield from self._between()
            else:
                if token in (b"(", b"["):
                    parens += 1
                elif token in (b")", b"]"):
                    parens = max(parens - 1, 0)
                is_word = match.lastgroup == "word"
                self.header.append(_Token(token, is_word, match.start(), at))

    def _is_at_margin(self, match: re.Match[bytes]) -> bool:
        return self.text[max(match.start() - 1, 0) : match.start()] in (b"", b"\n")

    def _end_of_body(self, start: int) -> int:
        """Behind the brace that closes the one at `start`.

        A brace at the margin does, whatever was counted: the kernel is written so.
        """
        depth = 0
        branches: list[int] = []
        for match in _BRACE.finditer(self.text, start):
            if match.lastgroup == "directive":
                depth = _branch(match[0], depth, branches)
            elif match[0] == b"{":
                depth += 1
            elif match[0] == b"}":
                depth -= 1
                if depth <= 0 or self._is_at_margin(match):
                    return match.end()
        return len(self.text)

    def _before_body(self, end: int) -> Iterator[_Definition]:
        header, self.header = self.header, []
        calls = _calls(header)
        name = None if _is_data(header) else _chosen(header, calls)
        yield from _made(header, [call for call in calls if call is not name])
        if name is not None:
            called = header[name.name].text
            others = [c.end for c in calls if c.end <= name.first and header[c.name].text != called]
            first = max(others, default=0)
            yield _definition(header, name, header[first].start, end)

    def _between(self) -> Iterator[_Definition]:
        header, self.header = self.header, []
        yield from _made(header, _calls(header))


def _kind(directive: bytes) -> bytes:
    found = _DIRECTIVE.match(directive)
    return found[1] if found else b""


def _branch(directive: bytes, depth: int, branches: list[int]) -> int:
    """How many brackets are open after a directive: an `#else` goes on where its `#if` did."""
    match _kind(directive):
        case b"if" | b"ifdef" | b"ifndef":
            branches.append(depth)
        case b"else" | b"elif" if branches:
            return branches[-1]
        case b"endif" if branches:
            branches.pop()
    return depth


# --- what a header says -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Call:
    """A word and the brackets behind it: `name` and `first` are numbers of tokens, `end` is behind.

    `is_typed`: a type stands before it, so it is no macro.
    """

    first: int
    name: int
    end: int
    is_typed: bool


def _calls(header: list[_Token]) -> list[_Call]:
    """The words outside brackets that have brackets behind them, attributes left out."""
    calls: list[_Call] = []
    number = 0
    after_type = False
    while number < len(header):
        token = header[number]
        opens = number + 1 < len(header) and header[number + 1].text == b"("
        if not (token.is_word and opens):
            after_type = token.is_word or token.text == b"*"
            number += 1
            continue
        end = _closing(header, number + 1)
        if token.text not in _ATTRIBUTES:
            inner = _inner(header, number + 2, end)
            calls.append(_Call(number, inner or number, end, after_type or inner is not None))
            if inner is not None and end < len(header) and header[end].text == b"(":
                end = _closing(header, end)
            after_type = False
        number = end
    return calls


def _closing(header: list[_Token], opening: int) -> int:
    """The number behind the bracket that closes the one there."""
    depth = 0
    for number in range(opening, len(header)):
        if header[number].text == b"(":
            depth += 1
        elif header[number].text == b")":
            depth -= 1
            if depth == 0:
                return number + 1
    return len(header)


def _inner(header: list[_Token], start: int, end: int) -> int | None:
    """The name in `long (*name(int a))(int)` and `void (name)(int a)`, `start` behind the bracket."""
    number = start
    while number < end and header[number].text == b"*":
        number += 1
    behind = header[number + 1].text if number + 1 < end else b""
    if number < end and header[number].is_word:
        if number > start and behind == b"(":
            return number
        if behind == b")" and end < len(header) and header[end].text == b"(":
            return number
    return None


def _is_data(header: list[_Token]) -> bool:
    """Whether braces after this are an initialiser."""
    depth = 0
    for token in header:
        if token.text in (b"(", b"["):
            depth += 1
        elif token.text in (b")", b"]"):
            depth -= 1
        elif token.text == b"=" and depth == 0:
            return True
    return False


def _chosen(header: list[_Token], calls: list[_Call]) -> _Call | None:
    """The one whose body follows: behind it there are attributes, before it macros without semicolon."""
    if typed := [call for call in calls if call.is_typed]:
        return typed[-1]
    makes = [call for call in calls if _argument(header, call) is not None]
    return next(reversed(makes or calls), None)


def _argument(header: list[_Token], call: _Call) -> int | None:
    """The first argument if it is a single word, as in a macro that makes something of that name."""
    number = call.name + 2
    if number + 1 < len(header) and header[number].is_word and header[number].text != b"void":
        return number if header[number + 1].text in (b",", b")") else None
    return None


def _definition(header: list[_Token], call: _Call, start: int, end: int) -> _Definition:
    name = header[call.name]
    argument = _argument(header, call)
    if argument is not None and (not call.is_typed or name.text.isupper()):
        return _Definition(header[argument].text, name.text, start, end)
    return _Definition(name.text, b"", start, end)


def _made(header: list[_Token], calls: list[_Call]) -> Iterator[_Definition]:
    """What macros make that have no body: `DEFINE_FREE(put_page, …)`."""
    for call in calls:
        if b"DEFINE" in header[call.name].text and _argument(header, call) is not None:
            start, end = header[call.first].start, header[call.end - 1].end
            yield _definition(header, call, start, end)
