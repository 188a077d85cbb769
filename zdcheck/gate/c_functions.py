"""Functions in C files and what their code says, comments and white space left out.

Needs tree-sitter with its C grammar (the `anchors` extra).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from zdcheck.base.diagnostics import ToolError

if TYPE_CHECKING:
    from tree_sitter import Node, Parser


@dataclass(frozen=True, slots=True)
class Function:
    """All definitions of a name in a file (`#ifdef` may have several): text and digests of tokens.

    `body` leaves the function's own name out, so that it stays the same when it is renamed.
    """

    name: str
    text: str
    tokens: str
    body: str


@cache
def _parser() -> Parser:
    try:
        import tree_sitter_c
        from tree_sitter import Language, Parser
    except ImportError:
        raise ToolError(
            "source anchors need tree-sitter's C grammar: pip install 'zdcheck[anchors]'"
        ) from None
    return Parser(Language(tree_sitter_c.language()))


def functions_of(text: bytes) -> dict[str, Function]:
    """The functions and function-like macros that a file defines, by name.

    Code that the grammar cannot read is skipped: the kernel's macros are not C. Raises ToolError
    without tree-sitter.
    """
    found: defaultdict[bytes, list[Node]] = defaultdict(list)
    for node in _definitions(_parser().parse(text).root_node):
        name = _name(node)
        if name is not None and name.text is not None:
            found[name.text].append(node)
    return {
        (word := name.decode("utf-8", "replace")): _function(word, name, nodes)
        for name, nodes in found.items()
    }


def _function(word: str, name: bytes, nodes: list[Node]) -> Function:
    texts = [node.text.decode("utf-8", "replace") for node in nodes if node.text is not None]
    tokens = [token for node in nodes for token in _tokens(node)]
    body = [token for token in tokens if token != name]
    return Function(word, "\n\n".join(texts), _digest(tokens), _digest(body))


def _definitions(root: Node) -> Iterator[Node]:
    """Definitions at any depth that `#ifdef` and `extern "C"` make."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.type in ("function_definition", "preproc_function_def"):
            yield node
        else:
            waiting.extend(reversed(node.children))


def _name(node: Node) -> Node | None:
    if node.type == "preproc_function_def":
        return node.child_by_field_name("name")
    inner = node.child_by_field_name("declarator")
    while inner is not None and inner.type != "identifier":
        inner = inner.child_by_field_name("declarator")
    return inner


def _tokens(node: Node) -> Iterator[bytes]:
    waiting = [node]
    while waiting:
        inner = waiting.pop()
        if inner.type == "comment":
            continue
        if inner.child_count:
            waiting.extend(reversed(inner.children))
        elif inner.text is not None:
            yield b" ".join(inner.text.split())


def _digest(tokens: list[bytes]) -> str:
    return hashlib.sha256(b"\n".join(tokens)).hexdigest()[:32]
