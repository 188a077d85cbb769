/* Whether some fair run breaks a promise, and a short run that does. */
#ifndef ZD_PROMISE_H
#define ZD_PROMISE_H

#include "search.h"

enum promise_end { PROMISE_KEPT, PROMISE_BROKEN, PROMISE_STOPPED };

/* What RECORD_PROMISED begins with; then come the actions of the stem and of the loop. */
struct promised {
    uint32_t end, limit;
    uint32_t initial, stem, loop; /* the numbers of actions */
    uint32_t everywhere;          /* whether the states that no loop can have were needed, too */
    uint64_t states, steps;       /* of the part of the graph that was looked at */
    uint64_t components;          /* with a loop */
    uint64_t memory;              /* most that was resident so far, bytes */
    double seconds;
};

/* After a complete search. The caller frees *actions. */
struct promised promise_check(struct search *search, uint32_t promise, uint32_t **actions);

#endif
