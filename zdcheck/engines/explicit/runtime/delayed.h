/* Duplicates found late: how the search goes on when the table of visited states cannot grow.
 *
 * The table is given up. Successors are appended to the next level without asking whether they are
 * known, and the levels go to disk. When there are as many of these candidates as memory can
 * index, and at the end of each level, a sweep reads all states from the first on, drops the
 * candidates that are known, and moves the others together. So memory bounds how often all states
 * are read, one after the other, and never what can be searched; and no state is missed.
 *
 * (Stern and Dill, "Using magnetic disk instead of main memory in the Murphi verifier", CAV 1998.)
 */
#ifndef ZD_DELAYED_H
#define ZD_DELAYED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct search;

struct delayed {
    bool on;
    size_t capacity; /* candidates between two sweeps */
    size_t sweeps;
    size_t *certain; /* by list: so many first states are no candidates */
    size_t *before;  /* by list: candidates in the lists before it */
    size_t candidates, slots;
    size_t room; /* bytes of the index */
    _Atomic uint64_t *index;
    atomic_uchar *known; /* by candidate */
    atomic_size_t *next; /* by list: the next piece of work */
};

/* Gives up the table; false if memory is too small even for an index, or there is no file. */
bool delayed_begin(struct search *search);

/* Drops the candidates that are known. The workers must be at rest. */
void delayed_sweep(struct search *search);

/* The number of states without candidates. */
size_t delayed_states(const struct search *search);

/* Gives the index back. */
void delayed_end(struct search *search);

#endif
