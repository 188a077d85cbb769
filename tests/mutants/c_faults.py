"""Where a mistake can be made in a C file, by its tokens: conditions, comparisons, numbers, whole statements."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.mutants.mutant import Mutant

_HIDDEN = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|^[ \t]*#[^\n]*",
    re.DOTALL | re.MULTILINE,
)
_OPERATOR = re.compile(r" (==|!=|<=|>=|<|>|&&|\|\||\+|-|<<|>>|&|\||\+=|-=|\|=|&=) ")
_TURNED = {
    "==": "!=",
    "!=": "==",
    "<=": "<",
    "<": "<=",
    ">=": ">",
    ">": ">=",
    "&&": "||",
    "||": "&&",
    "+": "-",
    "-": "+",
    "<<": ">>",
    ">>": "<<",
    "&": "|",
    "|": "&",
    "+=": "-=",
    "-=": "+=",
    "|=": "&=",
    "&=": "|=",
}
_NUMBER = re.compile(r"(?<![\w.])(\d+)([uU]?[lL]*)(?![\w.])")
_BRANCH = re.compile(r"\b(if|while) \(")
_STATEMENT = re.compile(
    r"^[ \t]+(?!return|break|goto|case|default|else|static|const|extern|typedef|struct|free\b|munmap\b)"
    r"((?:[\w>.\[\]*-]+ (?:=|[-+|&]=) |\*?[\w>.\[\]-]+\(|[\w>.\[\]-]+(?:\+\+|--);)[^{};]*;?|continue;)$",
    re.MULTILINE,
)
_ANSWER = re.compile(r"\breturn ([^;{}]+);")
_BOOLEAN = re.compile(r"^(?:static )?(?:inline )?bool \w+\([^;{]*\)\n\{", re.MULTILINE)


def faults(file: str, text: str) -> Iterator[Mutant]:
    """All mistakes of these kinds."""
    code = _HIDDEN.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)

    def at(begin: int, end: int, kind: str, now: str) -> Mutant:
        return Mutant(file, text, begin, end, kind, now)

    for found in _OPERATOR.finditer(code):
        kind = (
            "comparison"
            if found[1][0] in "=!<>" and len(found[1].strip("=!<>")) == 0
            else "operator"
        )
        yield at(found.start(1), found.end(1), kind, _TURNED[found[1]])
    for found in _NUMBER.finditer(code):
        for change in (1, -1):
            if int(found[1]) + change >= 0:
                yield at(*found.span(), "number", f"{int(found[1]) + change}{found[2]}")
    for found in _BRANCH.finditer(code):
        begin = found.end()
        end = _closing(code, begin)
        yield at(begin, end, "guard negated", f"!({text[begin:end]})")
        if found[1] == "if":
            for value in "01":
                yield at(begin, end, "guard decided", value)
    for found in _STATEMENT.finditer(code):
        if found[1].endswith(";"):
            yield at(*found.span(1), "statement dropped", ";")
    for found in _BOOLEAN.finditer(code):
        last = code.find("\n}", found.end())
        for answer in _ANSWER.finditer(code, found.end(), last):
            if answer[1] not in ("true", "false"):
                for value in ("true", "false"):
                    yield at(*answer.span(1), "answer decided", value)


def _closing(code: str, begin: int) -> int:
    """Where the parenthesis closes that was opened before `begin`."""
    depth = 1
    for index in range(begin, len(code)):
        depth += (code[index] == "(") - (code[index] == ")")
        if not depth:
            return index
    return len(code)
