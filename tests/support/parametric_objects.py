"""Random specs with any number of pages and slots that map them, as text: odd protocols that walk all of them."""

from __future__ import annotations

import random

HEAD = """
section reading;
object page {{ counted refcount : 0..7 = 0; backed : bool = true; busy : bitlock; }}
object slot {{ entry : page? holds refcount = null; guard : mutex; seen : bool = false; }}
object pool {{ counted users : 0..7 = 0; }}
var shut : bool = false;
var tied[page] : pool? holds users = null;
var home[slot] : page? = null;
var base : set<page> holds refcount;
{init}
"""

INITS = (
    "",
    "init { for (s in slot) { if (index(s) < count(page)) { s.entry = page[index(s)]; page[index(s)].refcount += 1; } } }",
    "init { for (p in page) { base += p; p.refcount += 1; } }",
    "init { for (p in page) { tied[p] = pool[0]; pool[0].users += 1; } }",
    "init { for (s in slot) { home[s] = index(s) < count(page) ? page[index(s)] : page[0]; } }",
)

WORK = (
    "at = any slot;",
    "pg = any page;",
    "lock(at.guard); GUARDED unlock(at.guard);",
    "if (!shut) { WORK }",
    "seen = at.entry;",
    "if (pin == null && seen != null) { atomic { if (seen.refcount > 0) { seen.refcount += 1; pin = seen; } } }",
    "if (pin == null && seen != null) { atomic { seen.refcount += 1; pin = seen; } }",
    "if (pin != null && at.entry != pin) { PUT }",
    "if (pin != null) { atomic { assert pin.backed else use_after_free; } }",
    "if (seen != null) { atomic { assert seen.backed else use_after_free; } }",
    "atomic { if (pin == null && at.entry != null) { pin = at.entry; at.entry = null; } }",
    "atomic { if (pin != null && at.entry == null) { at.entry = pin; pin = null; } }",
    "atomic { if (home[at] != null) { pg = home[at]; } }",
    "if (pin == null) { atomic { if (!shut && pg.backed) { pg.refcount += 1; pin = pg; } } }",
    "PUT",
    "if (pin == null && pg != null) { atomic { pg.refcount += 1; pin = pg; } }",
    "if (pin == null && at.entry != null) { pg = at.entry; }",
    "if (pg != null) { atomic { assert pg.backed else use_after_free; } }",
    "atomic { if (at.entry == null && pin == null && pg.backed) { pg.refcount += 1; at.entry = pg; } }",
    "seen = null;",
    "at.seen = true;",
    "atomic { assert at.entry == null || at.entry.refcount > 0; }",
    "lock(pg.busy); GUARDED unlock(pg.busy);",
)

ADMIN = (
    "shut = true;",
    "quiesce(reading);",
    "for (s in slot) { atomic { mine = s.entry; s.entry = null; } if (mine != null) { DROP } }",
    "for (s in slot) { lock(s.guard); atomic { mine = s.entry; s.entry = null; } unlock(s.guard); if (mine != null) { DROP } }",
    "for (p in page) { atomic { if (p in base) { base -= {p}; mine = p; } } if (mine != null) { DROP } }",
    "for (p in page) { wait until p.refcount == 0; }",
    "for (p in page) { atomic { if (p.refcount == 0) p.backed = false; } }",
    "for (p in page) { atomic { if (p.refcount == 0 && shut) p.backed = false; } }",
    "for (p in page) { atomic { if (tied[p] != null) { tied[p] = null; pool[0].users -= 1; } } }",
    "wait until pool[0].users == 0;",
    "wait until forall p : page . p.refcount == 0;",
    "if (exists s : slot . s.entry != null) shut = true;",
    "for (p in page) { p.backed = false; }",
    "for (p in page) { atomic { if (p.refcount <= 1) p.backed = false; } }",
    "atomic { if (any_page.refcount == 0) any_page.backed = false; }",
)

PUT = "if (pin != null) { atomic { pin.refcount -= 1; drop(pin); } }"
DROP = "atomic { mine.refcount -= 1; drop(mine); }"

INVARIANTS = (
    "",
    "invariant mapped : forall s : slot . s.entry != null implies s.entry.backed;",
    "invariant counted_ : forall s : slot . s.entry != null implies s.entry.refcount > 0;",
    "finally quiet : forall p : page . p.refcount <= 1;",
    "invariant tied_ : forall p : page . !p.backed implies p.refcount == 0;",
)


def random_spec(seed: int) -> str:
    """A spec whose threads `worker[*]` use slots and pages beside one `admin`."""
    rng = random.Random(seed)
    work = [_line(rng, 2) for _ in range(rng.randint(3, 7))]
    admin = [rng.choice(ADMIN) for _ in range(rng.randint(1, 4))]
    if rng.random() < 0.5:
        first = rng.randint(0, len(work) - 1)
        last = rng.randint(first + 1, len(work))
        work.insert(last, "leave(reading);")
        work.insert(first, "enter(reading);")
    inits = [init for init in INITS if rng.random() < 0.7]
    code = "\n    ".join(work).replace("PUT", PUT)
    return f"""{HEAD.format(init=chr(10).join(inits))}
{rng.choice(("", "daemon "))}thread worker[*] {{
    var at : slot = any slot;
    var pg : page = any page;
    var seen : page? = null;
    var pin : page? holds refcount;
    {code}
    {PUT}
}}
{rng.choice(("", "daemon "))}thread admin {{
    var mine : page? holds refcount;
    var any_page = any page;
    wait until true;
    {chr(10).join(admin).replace("DROP", DROP)}
}}
{rng.choice(INVARIANTS)}
check "it" {{ expect holds; }}
"""


def _line(rng: random.Random, depth: int) -> str:
    line = rng.choice([w for w in WORK if depth or ("WORK" not in w and "GUARDED" not in w)])
    for hole in ("WORK", "GUARDED"):
        if hole in line:
            line = line.replace(hole, " ".join(_line(rng, 0) for _ in range(rng.randint(1, 2))))
    return line
