"""Random specs with one family of any number of threads, as text: odd protocols around one counted page."""

from __future__ import annotations

import random

HEAD = """
section reading;
object page { counted refcount : 0..7 = 0; backed : bool = true; }
var slot : page? holds refcount = null;
var shut : mutex;
var stage : 0..3 = 0;
init { slot = page[0]; page[0].refcount += 1; }
"""

WORK = (
    "if (seen == null) seen = slot;",
    "if (pin == null && seen != null) { atomic { seen.refcount += 1; pin = seen; } }",
    "if (pin == null && seen != null) { atomic { if (seen.refcount > 0) { seen.refcount += 1; pin = seen; } } }",
    "if (pin != null) { atomic { pin.refcount -= 1; drop(pin); } }",
    "if (pin != null) { atomic { assert pin.backed else use_after_free; } }",
    "if (seen != null) { atomic { assert seen.backed else use_after_free; } }",
    "seen = null;",
    "if (stage == 0) { seen = slot; }",
    "if (stage != 0) { seen = null; }",
    "stage = 1;",
    "wait until stage < 2;",
    "atomic { assert stage < 2; wait until stage != 1; }",
    "if (stage == 3) { assert seen == null; wait until false; }",
    "if (pin == null) { atomic { if (slot != null) { slot.refcount += 1; pin = slot; } } }",
    "if (pin != null) { atomic { if (slot == null) { slot = pin; pin = null; } } }",
    "if (pin == null) { atomic { pin = slot; slot = null; } }",
)

ADMIN = (
    "if (mine == null) { atomic { mine = slot; slot = null; } }",
    "if (mine != null) { atomic { mine.refcount -= 1; drop(mine); } }",
    "stage = 1;",
    "stage = 2;",
    "quiesce(reading);",
    "wait until page[0].refcount == 0;",
    "wait until page[0].refcount <= 1;",
    "atomic { if (page[0].refcount == 0) page[0].backed = false; }",
    "atomic { if (page[0].refcount == 0 && stage != 0) page[0].backed = false; }",
    "page[0].backed = false;",
)

END = "if (pin != null) { atomic { pin.refcount -= 1; drop(pin); } }"
PUT = "if (mine != null) { atomic { mine.refcount -= 1; drop(mine); } }"


def random_spec(seed: int) -> str:
    """A spec whose threads `worker[*]` run a random program beside one `admin`."""
    rng = random.Random(seed)
    work = [rng.choice(WORK) for _ in range(rng.randint(2, 5))]
    admin = [rng.choice(ADMIN) for _ in range(rng.randint(1, 4))]
    _around(rng, work, "enter(reading);", "leave(reading);", 0.6)
    _around(rng, work, "lock(shut);", "unlock(shut);", 0.3)
    _around(rng, admin, "lock(shut);", "unlock(shut);", 0.3)
    daemon = rng.random() < 0.5
    body = "\n    ".join(["seen = null;", *work, END])
    body = f"forever {{ {body} }}" if daemon else body
    invariant = rng.choice(("", "invariant mapped : slot != null implies page[0].backed;"))
    final = rng.choice(("", "finally quiet : forall p : page . p.refcount <= 1;"))
    return f"""{HEAD}
{"daemon " if daemon else ""}thread worker[*] {{
    var seen : page? = null;
    var pin : page? holds refcount;
    {body}
}}
thread admin {{
    var mine : page? holds refcount;
    {chr(10).join([*admin, PUT])}
}}
{invariant}
{final}
check "it" {{ expect holds; }}
"""


def _around(rng: random.Random, code: list[str], before: str, after: str, chance: float) -> None:
    if rng.random() < chance:
        first = rng.randint(0, len(code) - 1)
        last = rng.randint(first + 1, len(code))
        code.insert(last, after)
        code.insert(first, before)
