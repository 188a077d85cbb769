/* A short way round inside a fair component that is fair itself. */
#ifndef ZD_LOOP_H
#define ZD_LOOP_H

#include "components.h"

/* `length` steps: to targets[i] by threads[i]. The last target is where it began. */
struct loop {
    uint32_t length;
    uint32_t *targets;
    uint8_t *threads;
};

/* A loop through `entry` of at most `most` steps. It is a shortest one of fewest context switches
 * while `budget` lasts, which counts down; after that any, if there is none yet (`needed`). False if memory ends;
 * loop->length is 0 if there is no such loop. */
bool loop_find(const struct components *components, uint32_t entry, uint32_t most, size_t *budget,
               bool needed, struct loop *loop);
void loop_drop(struct loop *loop);

#endif
