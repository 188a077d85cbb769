/* Runs to what a search has found: shortest ones with the fewest context switches. */
#ifndef ZD_WITNESS_H
#define ZD_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "search.h"

enum target_kind {
    TARGET_STATE,    /* the run's last state has the fault of rank `number` */
    TARGET_DEADLOCK, /* ... is a deadlock */
    TARGET_WATCH,    /* ... satisfies condition `number` */
    TARGET_CHECK,    /* the run's last step fails a check of class `number` */
    TARGET_EDGE,     /* ... takes edge `number` */
    TARGET_ACTIONS,  /* ... is one of the actions that follow */
    TARGET_EXACTLY,  /* the run's last state is a given one; only for witness_to */
};

/* What the caller sends with RECORD_WITNESS; `depth` is the length of the run. */
struct target {
    uint32_t kind, number, depth, count;
};

struct run {
    uint32_t initial;
    uint32_t length; /* NEVER: there is no such run */
    uint32_t *actions;
};

/* LIMIT_NONE, or the limit of the search that left no room or no time for it. `actions` are
 * target->count numbers. The caller frees run->actions. */
enum limit witness(struct search *search, const struct target *target, const uint32_t *actions,
                   struct run *run);

/* The same for a run of `depth` steps to the state `words`. */
enum limit witness_to(struct search *search, const uint64_t *words, uint32_t depth,
                      struct run *run);

#endif
