"""Broken specs end in a message: nothing but SpecError comes out of parsing and checking.

Mutants of every spec of these tests and of the library. `ZDCHECK_MUTANTS` sets how many.
"""

from __future__ import annotations

import os
import random
import re
import time
from pathlib import Path

import pytest

from tests.support.messages import diagnose
from zdcheck.base.resources import library_root

HERE = Path(__file__).parent
SPECS = sorted([*HERE.glob("*/*.zd"), *library_root().rglob("*.zd")])
MUTANTS = int(os.environ.get("ZDCHECK_MUTANTS", "6"))

_TOKEN = re.compile(r"//[^\n]*|\w+|\s+|&&|\|\||[<>=!+-]=|\+\+|--|\.\.|->|.", re.DOTALL)
_KEYWORDS = frozenset(
    [
        "use",
        "models",
        "cite",
        "config",
        "scope",
        "enum",
        "variant",
        "object",
        "section",
        "ghost",
        "var",
        "fn",
        "init",
        "thread",
        "daemon",
        "check",
        "invariant",
        "finally",
        "cover",
        "progress",
        "lives",
        "in",
        "counted",
        "holds",
        "when",
        "bias",
        "if",
        "else",
        "while",
        "forever",
        "for",
        "goto",
        "return",
        "break",
        "continue",
        "wait",
        "spin",
        "until",
        "atomic",
        "either",
        "or",
        "assert",
        "unreachable",
        "expect",
        "violation",
        "allow",
        "vacuous",
        "uncovered",
        "without",
        "of",
        "by",
        "with",
        "ref",
        "is",
        "any",
        "where",
        "forall",
        "exists",
        "implies",
        "terminates",
        "eventually",
        "infinitely",
        "often",
        "leads",
        "to",
    ]
)
_FOREIGN = ["null", "self", "page", "any", "{}", "0", "-", "true", "x is none", "(", ")", "atomic"]


def mutant(text: str, chance: random.Random) -> str:
    """The text with one to four tokens deleted, doubled, exchanged or replaced."""
    tokens = _TOKEN.findall(text)
    for _ in range(chance.randint(1, 4)):
        words = [
            i
            for i, token in enumerate(tokens)
            if not token.isspace() and not token.startswith("//")
        ]
        if not words:
            break
        names = [i for i in words if _is_word(tokens[i])]
        i = chance.choice(names if names and chance.random() < 0.8 else words)
        # Mostly a token of the same sort, so that the mutant is not just a syntax error.
        alike = [j for j in words if _is_word(tokens[j]) == _is_word(tokens[i])]
        j = chance.choice(alike if chance.random() < 0.9 else words)
        match chance.choice([0, 1, 2, 2, 2, 3, 3, 3, 3, 4]):
            case 0:
                del tokens[i]
            case 1:
                tokens.insert(i, tokens[i])
            case 2:
                tokens[i], tokens[j] = tokens[j], tokens[i]
            case 3:
                tokens[i] = tokens[j]
            case _:
                tokens[i] = chance.choice(_FOREIGN)
    return "".join(tokens)


def _is_word(token: str) -> bool:
    return token.isidentifier() and token not in _KEYWORDS


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_mutants_are_rejected_or_accepted_but_never_crash(path: Path) -> None:
    text = path.read_text("utf-8")
    for seed in range(MUTANTS):
        broken = mutant(text, random.Random(f"{path.stem}{seed}"))
        begin = time.monotonic()
        for message in diagnose(broken, linted=True):
            assert message.message
            assert message.at.span.start <= message.at.span.end
        assert time.monotonic() - begin < 10, "checking a broken spec takes too long"
