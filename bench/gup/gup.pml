/* The protocol of gup.zd in Promela. Sizes by -D: GUPS, PAGES (2 or 3), UNMAPPERS; three PTEs.
 * 0 is null, so that page p is p + 1 and PTE e is e + 1. */
#define PTES 3

byte refcount[PAGES] = 1;
byte entry[PTES];
bool dying, gone;

active [GUPS] proctype gup()
{
    byte slot, pin;
end0:
    atomic {
        if
        :: entry[0] -> slot = 1; pin = entry[0]
        :: entry[1] -> slot = 2; pin = entry[1]
        :: entry[2] -> slot = 3; pin = entry[2]
        fi
    };
    atomic {
        if
        :: refcount[pin - 1] > 0 && !dying ->
            assert(refcount[pin - 1] < 15);
            refcount[pin - 1]++
        :: else -> slot = 0; pin = 0; goto end0
        fi
    };
    atomic {
        if
        :: entry[slot - 1] == pin -> slot = 0
        :: else -> slot = 0; goto put
        fi
    };
    assert(!gone);
put:
    atomic { refcount[pin - 1]--; pin = 0; goto end0 }
}

#define MAP(e, p) \
    !entry[e] && !dying && refcount[p] > 0 -> \
        assert(refcount[p] < 15); refcount[p]++; entry[e] = p + 1

active proctype mapper()
{
end0:
    do
    :: atomic { MAP(0, 0) }
    :: atomic { MAP(0, 1) }
    :: atomic { MAP(1, 0) }
    :: atomic { MAP(1, 1) }
    :: atomic { MAP(2, 0) }
    :: atomic { MAP(2, 1) }
#if PAGES > 2
    :: atomic { MAP(0, 2) }
    :: atomic { MAP(1, 2) }
    :: atomic { MAP(2, 2) }
#endif
    od
}

active [UNMAPPERS] proctype unmapper()
{
    byte old;
end0:
    atomic {
        if
        :: entry[0] -> old = entry[0]; entry[0] = 0
        :: entry[1] -> old = entry[1]; entry[1] = 0
        :: entry[2] -> old = entry[2]; entry[2] = 0
        fi
    };
    atomic { assert(refcount[old - 1] > 0); refcount[old - 1]--; old = 0; goto end0 }
}

active proctype unplug()
{
    dying = true;
#if PAGES > 2
    refcount[0] == 1 && refcount[1] == 1 && refcount[2] == 1;
#else
    refcount[0] == 1 && refcount[1] == 1;
#endif
    gone = true;
    /* A process that ends would be one more step. */
end0:
    false
}
