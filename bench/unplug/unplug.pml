/* The protocol of unplug.zd in Promela. -DWALKERS=n; -DPROMISE adds its promise. `waiting` counts `before`. */
bool slot = true;
bool dead, gone, freed;
byte users, waiting;
bool inside[WALKERS], before[WALKERS];

#define LEAVE \
    inside[_pid] = false; waiting = waiting - before[_pid]; before[_pid] = false

active [WALKERS] proctype walker()
{
end0:
    inside[_pid] = true;
    atomic {
        if
        :: slot
        :: else -> LEAVE; goto end0
        fi
    };
    atomic {
        assert(!freed);
        if
        :: !dead
        :: else -> LEAVE; goto end0
        fi
    };
    atomic { assert(users < 15); users++; LEAVE };
    assert(!gone);
    atomic { assert(users > 0); users--; goto end0 }
}

#define GRACE \
    d_step { \
        do \
        :: n < WALKERS -> before[n] = inside[n]; waiting = waiting + inside[n]; n++ \
        :: else -> break \
        od; \
        n = 0 \
    }; \
    waiting == 0

active proctype unplug()
{
    byte n;
    dead = true;
    GRACE;
    users == 0;
    gone = true;
    slot = false;
    GRACE;
    freed = true;
    /* A process that ends would be one more step. */
end0:
    false
}

#ifdef PROMISE
ltl ends { <> freed }
#endif
