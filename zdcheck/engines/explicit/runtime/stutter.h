/* Which states nobody can tell apart who sees only some bits of them, and no step that leaves those
 * as they are: divergence-blind stuttering equivalence.
 *
 * States of one block look alike, and if one can step out of the block into another, each of them can,
 * perhaps after some steps inside the block. So they show the same from here on.
 */
#ifndef ZD_STUTTER_H
#define ZD_STUTTER_H

#include "graph.h"
#include "numbers.h"

struct stutter {
    const struct graph *graph;
    const uint64_t *mask; /* what is seen of a state */
    uint32_t *label;      /* by state: equal where what is seen is */
    uint32_t labels;
    uint32_t *block;      /* by state */
    uint32_t blocks;
    uint32_t *seen;       /* by block: the label of its states */
    size_t *first;        /* by block: where in `after` its own begin; one more at the end */
    struct numbers after; /* the blocks that its states step into */
    size_t rounds;
};

enum stutter_end { STUTTER_DONE, STUTTER_FULL, STUTTER_LATE };

/* `mask` are ZD_WORDS words that stay where they are. */
enum stutter_end stutter_make(struct stutter *stutter, const struct graph *graph,
                              const uint64_t *mask);
void stutter_drop(struct stutter *stutter);

#endif
