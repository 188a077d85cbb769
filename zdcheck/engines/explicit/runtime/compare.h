/* Whether the runs from some initial states show anything that those from the others cannot. */
#ifndef ZD_COMPARE_H
#define ZD_COMPARE_H

#include "search.h"
#include "stutter.h"

enum compared_end { COMPARED_INCLUDED, COMPARED_EXCESS, COMPARED_STOPPED };

/* What the caller sends with RECORD_COMPARE; then the bits that are seen, ZD_WORDS words. The
 * initial states before number `split` are one side, the rest is the other. */
struct comparison {
    uint32_t split;
    uint32_t reversed; /* whether the rest is what may show more */
};

/* What RECORD_COMPARED begins with; then come the actions of a shortest run whose last step, or whose
 * initial state if there is none, shows what the other side cannot. */
struct compared {
    uint32_t end, limit;
    uint32_t initial, length;
    uint64_t states, steps; /* of both sides */
    uint64_t blocks, rounds;
    uint64_t pairs, sets; /* looked at */
    uint64_t memory;      /* most that was resident so far, bytes */
    double seconds;
};

/* What both directions need, made for the first. */
struct comparer {
    struct graph graph;
    struct stutter stutter;
    bool made;
};

/* After a complete search without symmetry. `mask` stays where it is until comparer_drop. The caller
 * frees *actions. */
struct compared compare(struct comparer *comparer, struct search *search,
                        const struct comparison *comparison, const uint64_t *mask,
                        uint32_t **actions);
void comparer_drop(struct comparer *comparer);

#endif
