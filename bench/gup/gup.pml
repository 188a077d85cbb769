/* The protocol of gup.zd in Promela, state for state. -DGUPS= -DPAGES= -DPTES= (1 to 3 pages and PTEs).
 *
 *   spin -a -DGUPS=3 -DPAGES=3 -DPTES=3 gup.pml
 *   cc -O3 -DSAFETY -DNOREDUCE -DNOFAIR -o pan pan.c && ./pan -w27 -m100000
 */
#ifndef GUPS
#define GUPS 3
#endif
#ifndef PAGES
#define PAGES 3
#endif
#ifndef PTES
#define PTES 3
#endif

byte count[PAGES] = 1;
byte entry[PTES]; /* 0 is null, p + 1 is page p */
bool dying, gone;

#if PTES > 1
#define FOR_PTES(do_) :: do_(0) :: do_(1) FOR_PTE_2(do_)
#else
#define FOR_PTES(do_) :: do_(0)
#endif
#if PTES > 2
#define FOR_PTE_2(do_) :: do_(2)
#else
#define FOR_PTE_2(do_)
#endif
#if PAGES > 2
#define ALL_ONE (count[0] == 1 && count[1] == 1 && count[2] == 1)
#elif PAGES > 1
#define ALL_ONE (count[0] == 1 && count[1] == 1)
#else
#define ALL_ONE (count[0] == 1)
#endif
#if PTES > 2
#define MAPPED(p) (entry[0] == p + 1 || entry[1] == p + 1 || entry[2] == p + 1)
#elif PTES > 1
#define MAPPED(p) (entry[0] == p + 1 || entry[1] == p + 1)
#else
#define MAPPED(p) (entry[0] == p + 1)
#endif

#define READ(e) atomic { entry[e] -> slot = e + 1; pin = entry[e] }

active [GUPS] proctype gup()
{
    byte slot, pin;
L0: if
    FOR_PTES(READ)
    fi;
L1: atomic {
        if
        :: count[pin - 1] == 0 || dying -> slot = 0; pin = 0; goto L0
        :: else -> assert(count[pin - 1] < 15); count[pin - 1]++
        fi
    };
L2: atomic {
        if
        :: entry[slot - 1] == pin -> slot = 0
        :: else -> slot = 0; goto L4
        fi
    };
L3: assert(!gone);
L4: atomic {
        count[pin - 1]--;
        assert(count[pin - 1] > 0 || !MAPPED((pin - 1)));
        pin = 0;
        goto L0
    }
}

#define MAP(e, p) atomic { entry[e] == 0 && !dying && count[p] > 0 -> count[p]++; entry[e] = p + 1 }
#if PAGES > 2
#define MAP_ANY(e) MAP(e, 0) :: MAP(e, 1) :: MAP(e, 2)
#elif PAGES > 1
#define MAP_ANY(e) MAP(e, 0) :: MAP(e, 1)
#else
#define MAP_ANY(e) MAP(e, 0)
#endif

active proctype mapper()
{
end:
    do
    FOR_PTES(MAP_ANY)
    od
}

active proctype unmapper()
{
    byte old;
end:
    do
    :: atomic {
        old -> count[old - 1]--;
        assert(count[old - 1] > 0 || !MAPPED((old - 1)));
        old = 0
    }
#define TAKE_ANY(e) atomic { old == 0 && entry[e] -> old = entry[e]; entry[e] = 0 }
    FOR_PTES(TAKE_ANY)
    od
}

active proctype unplug()
{
    dying = true;
    ALL_ONE;
    gone = true;
end:
    false
}
