"""The parametric program as text says what the ground system has forgotten."""

from __future__ import annotations

from zdcheck.base.source import SourceFile
from zdcheck.ir.pretty_program import pretty_program
from zdcheck.lang.check import check
from zdcheck.lang.modules import load_text
from zdcheck.lower import Instance, program_of

SPEC = """
object page { counted refcount : 0..3 = 1 bias 1; }
scope { page: 2, user: 3 }
thread user[*] {
    var pin : page? holds refcount;
    var pg = any page;
    atomic {
        pg.refcount += 1;
        pin = pg;
    }
    wait until pg.refcount > 2;
    atomic {
        pg.refcount -= 1;
        drop(pin);
    }
}
"""


def test_a_program_shows_families_holders_and_instructions() -> None:
    model = check(load_text(SourceFile("user.zd", SPEC)))
    text = pretty_program(program_of(Instance.of(model, model.checks[0])))
    assert "shared page.refcount[page] : 0..3" in text
    assert "local user.pin[user] : page?, kept to the end of its block" in text
    assert "ledger page.refcount = 1 + holders" in text
    assert "thread user[3]" in text
    assert "choose pg" in text
    assert "wait until (2 < page.refcount[user.pg[self]])" in text
    assert "user.pin[self] := -1" in text
    assert "// atomic 1; " in text
