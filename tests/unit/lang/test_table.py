"""The shipped table of the parser is that of the grammar, and needs no Lark."""

from __future__ import annotations

import subprocess
import sys

from zdcheck.base.resources import grammar_file, grammar_table_file
from zdcheck.lang.automaton import table
from zdcheck.lang.make_table import build, text


def test_the_table_is_made_from_the_grammar() -> None:
    made = text(build(grammar_file().read_text("utf-8")))
    assert made == grammar_table_file().read_text("utf-8"), (
        "run `python -m zdcheck.lang.make_table`"
    )


def test_every_word_and_sign_of_the_grammar_can_be_read() -> None:
    terminals = {symbol for row in table().states for symbol in row if symbol.lstrip("_").isupper()}
    spelled = {name for names in table().terminals.values() for name in names}
    assert terminals - spelled == {"NAME", "NUMBER", "STRING", "$END"}


def test_parsing_imports_no_lark() -> None:
    code = (
        "import sys; from zdcheck.lang.parser import parse;"
        "from zdcheck.base.source import SourceFile;"
        "parse(SourceFile('a.zd', 'var a : bool;')); assert 'lark' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
