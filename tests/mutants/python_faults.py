"""Where a mistake can be made in a Python file.

Only the piece that changes is written anew, so line numbers stay. Left alone are what no verdict depends on
(annotations, docstrings, `assert`, the text of messages) and what could not run at all afterwards, such as
a dropped first assignment.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import accumulate
from textwrap import dedent

from tests.mutants.mutant import Mutant

_TURNED: dict[type[ast.cmpop], str] = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "+",
    ast.FloorDiv: "*",
    ast.Mod: "+",
    ast.BitOr: "&",
    ast.BitAnd: "|",
    ast.LShift: ">>",
    ast.RShift: "<<",
}
_TWINS = (
    ("and_", "or_"),
    ("any", "all"),
    ("min", "max"),
    ("add", "sub"),
    ("And", "Or"),
    ("lt", "le"),
    ("eq", "ne"),
    ("AND", "OR"),
    ("LT", "LE"),
    ("EQ", "NE"),
    ("ADD", "SUB"),
    ("ForAll", "Exists"),
    ("low", "high"),
    ("sat", "unsat"),
)
_NAMES = {a: b for one, other in _TWINS for a, b in ((one, other), (other, one))}
_C = (
    (" == ", " != "),
    (" != ", " == "),
    (" <= ", " < "),
    (" < ", " <= "),
    (" >= ", " > "),
    (" > ", " >= "),
    (" && ", " || "),
    (" || ", " && "),
    (" + 1", ""),
    (" - 1", ""),
    (" << ", " >> "),
    (" >> ", " << "),
    (" & ~", " | ~"),
    (" |= ", " &= "),
    ("if (!", "if ("),
)
"""In a piece of text that is C."""


def faults(file: str, text: str, *, writes_c: bool = False) -> Iterator[Mutant]:
    """All mistakes of these kinds. `writes_c`: the file's strings are C."""
    lines = text.splitlines(keepends=True)
    starts = [0, *accumulate(len(line) for line in lines)]

    def offset(line: int, column: int) -> int:
        # The compiler counts bytes.
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    def replaced(node: ast.expr | ast.stmt, kind: str, now: str) -> Mutant:
        begin = offset(node.lineno, node.col_offset)
        end = offset(node.end_lineno or 0, node.end_col_offset or 0)
        return Mutant(file, text, begin, end, kind, now)

    tree = ast.parse(text)
    for node in _code(tree):
        for piece, kind, now in (*_expressions(node), *_statements(node)):
            mutant = replaced(piece, kind, now)
            # Before Python 3.12 a piece of a longer f-string does not know where it stands.
            if _means(mutant.was, piece):
                yield mutant
    if writes_c:
        for node in _code(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                begin = offset(node.lineno, node.col_offset)
                end = offset(node.end_lineno or 0, node.end_col_offset or 0)
                yield from _in_strings(file, text, begin, end)


def _means(text: str, node: ast.AST) -> bool:
    try:
        return ast.unparse(ast.parse(dedent(text))) == ast.unparse(node)
    except SyntaxError:
        return False


_Fault = tuple[ast.expr | ast.stmt, str, str]


def _expressions(node: ast.AST) -> Iterator[_Fault]:
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield from _conditions(test, "guard")
        case ast.comprehension(ifs=ifs):
            for test in ifs:
                yield from _conditions(test, "filter")
        case ast.match_case(guard=ast.expr() as test):
            yield from _conditions(test, "guard")
        case ast.Compare(left, [operator], [right]):
            now = _TURNED[type(operator)]
            yield node, "comparison", f"({ast.unparse(left)} {now} {ast.unparse(right)})"
        case ast.BoolOp(operator, values):
            other = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield node, "connective", f"({ast.unparse(ast.BoolOp(other, values))})"
            for left_out in range(len(values)):
                rest = [value for n, value in enumerate(values) if n != left_out]
                now = ast.unparse(rest[0] if len(rest) == 1 else ast.BoolOp(operator, rest))
                yield node, "conjunct dropped", f"({now})"
        case ast.BinOp(ast.Name(name), ast.BitOr()) if name[0].isupper():
            pass  # a type
        case ast.BinOp(left, operator, right) if type(operator) in _ARITHMETIC:
            sign = _ARITHMETIC[type(operator)]
            yield node, "arithmetic", f"({ast.unparse(left)} {sign} {ast.unparse(right)})"
        case ast.UnaryOp(ast.Not(), operand):
            yield node, "negation dropped", f"({ast.unparse(operand)})"
        case ast.Constant(bool(value)):
            yield node, "constant", str(not value)
        case ast.Constant(int(value)):
            yield node, "number", str(value + 1)
            if value > 0:
                yield node, "number", str(value - 1)
        case ast.Name(name) if name in _NAMES:
            yield node, "name", _NAMES[name]
        case ast.Attribute(value, name) if name in _NAMES and name != "add":
            yield node, "name", f"{ast.unparse(value)}.{_NAMES[name]}"
        case _:
            pass


def _conditions(test: ast.expr, kind: str) -> Iterator[_Fault]:
    yield test, f"{kind} negated", f"not ({ast.unparse(test)})"
    for value in (True, False):
        yield test, f"{kind} decided", str(value)


def _statements(node: ast.AST) -> Iterator[_Fault]:
    match node:
        case ast.Expr(ast.Yield(ast.Tuple([ast.Constant(str()), *_]))):
            pass  # a line of statistics
        case (
            ast.Expr(ast.Call() | ast.Yield() | ast.YieldFrom()) | ast.Continue() | ast.AugAssign()
        ):
            yield node, "statement dropped", "pass"
        case ast.Assign(value=ast.JoinedStr()):
            pass
        case ast.Assign([ast.Attribute() | ast.Subscript()]) | ast.Delete():
            yield node, "update dropped", "pass"
        case ast.Raise():
            yield node, "check dropped", "pass"
        case ast.FunctionDef(returns=ast.Name("bool")):
            for inner in _returns(node):
                for value in ("True", "False"):
                    yield inner, "answer decided", f"return {value}"
        case ast.FunctionDef(returns=ast.BinOp(right=ast.Constant(None))):
            for inner in _returns(node):
                yield inner, "answer decided", "return None"
        case _:
            pass


def _returns(function: ast.FunctionDef) -> Iterator[ast.Return]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and not isinstance(node.value, ast.Constant):
            yield node


def _in_strings(file: str, text: str, begin: int, end: int) -> Iterator[Mutant]:
    for was, now in _C:
        at = text.find(was, begin, end)
        while at >= 0:
            yield Mutant(file, text, at, at + len(was), "generated C", now)
            at = text.find(was, at + len(was), end)


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs when the function does, and whose value matters to a verdict."""
    yield node
    for name, value in ast.iter_fields(node):
        if name == "body" and isinstance(node, ast.FunctionDef) and node.name == "__init__":
            # Without a first value nothing runs.
            value = [part for part in value if not isinstance(part, ast.Assign)]
        if name in ("annotation", "returns", "decorator_list", "type_params", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_left_alone(child):
                yield from _code(child)


def _is_left_alone(node: ast.AST) -> bool:
    match node:
        case ast.Assert() | ast.Import() | ast.ImportFrom():
            return True
        case ast.Expr(ast.Constant()):
            return True
        case ast.keyword("strict" | "check" | "missing_ok" | "exist_ok" | "errors" | "encoding"):
            return True  # an assertion, or how a file is read
        case ast.Assign(value=ast.Subscript(value=ast.Name("Literal" | "Callable" | "tuple"))):
            return True
        case _:
            return False
