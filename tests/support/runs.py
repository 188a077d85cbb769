"""Runs to show: a race, a run for ever, and one whose every text is hostile."""

from __future__ import annotations

from pathlib import Path

from tests.unit.inspect.test_inspect import ROOT, SPECS, violated
from zdcheck.inspect.opened import Opened, open_trace

__all__ = ["HOSTILE", "HOSTILE_CHECK", "LASSO", "RACE", "RACE_CHECK", "ROOT", "SPECS", "opened"]

LASSO = (
    "var n : 0..1 = 0;\nfair daemon thread a { forever { n = 1; n = 0; } }\n"
    "thread b { wait until n == 0; wait until n == 1; }\n"
    "thread c { wait until n == 1; }\n"
    'progress ends: c terminates;\ncheck "x" { expect violation stuck; }\n'
)

RACE = """\
scope { page: 2, gup: 1 }
variant pte_entry { none, present(pg : page holds refcount) }
object page { counted refcount : 0..3 = 0; index : 0..7 = 3; }
var entry : pte_entry;

init {
    entry = present(page[0]);
    page[0].refcount = 1;
}

thread gup[*] {
    var pin : page? holds refcount;
    if (entry is present(pg)) {
        atomic { pg.refcount += 1; pin = pg; }
    }
    if (pin != null)
        atomic { pin.refcount -= 1; drop(pin); }
}

thread unplug {
    var old = entry;
    atomic {
        entry = none;
        if (old is present(pg))
            pg.refcount -= 1;
    }
}

invariant pinned_is_mapped: forall g : gup . g.pin != null implies entry != none;
check "a pin that comes too late" { expect violation invariant of pinned_is_mapped; }
"""

HOSTILE = """\
// </script><script>pwned = 1</script> <!-- <script> ]]> & &amp; {{ 7 * 7 }} {% raw %}
var n : 0..1 = 0;
thread t {
    n = 1;
    assert n == 0 else assertion "</title><img src=x onerror='pwned = 2'> {{ 7 * 7 }}";
}
check "\\"><svg onload=alert(1)></script><b>` (step 1) " { expect violation assertion; }
"""

RACE_CHECK = "a pin that comes too late"
HOSTILE_CHECK = '"><svg onload=alert(1)></script><b>` (step 1) '


def opened(path: Path, check: str) -> Opened:
    """The counterexample of a spec's check, replayed."""
    return open_trace(violated(path, check))
