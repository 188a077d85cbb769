/* Every visited state in the order of discovery, level by level.
 *
 * This is the queue of the search, and after it the way back: runs are found by walking the levels
 * from a target to the start, so no state needs a parent. Each worker appends to its own list;
 * a level is one stretch of each list.
 */
#ifndef ZD_LEVELS_H
#define ZD_LEVELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model.h"

/* The list of one worker, in chunks. The directory has a fixed size, because others read while
 * the owner appends. Chunks are taken several at once, the more the longer the list. */
struct list {
    uint64_t **chunks;
    size_t taken;   /* chunks */
    size_t count;   /* states */
    size_t *starts; /* starts[k]: where level k begins in this list */
    char padding[64];
};

struct levels {
    struct list *lists;
    unsigned workers;
    uint32_t count; /* levels begun; the last one may be growing */
    uint32_t room;
    bool on_disk; /* from now on; else only what does not fit into memory */
};

#define CHUNK_STATES ((size_t)1 << 14)

bool levels_make(struct levels *levels, unsigned workers);

/* The states themselves go with the process. */
void levels_drop(struct levels *levels);

/* Appends a state to the last level; false if memory and disk end. Only worker `worker` may call this. */
bool levels_append(struct levels *levels, unsigned worker, const uint64_t *words);

/* Overwrites a state of a list with a later one of it. */
void levels_copy(struct levels *levels, unsigned list, size_t to, size_t from);

/* Begins a new last level; false if memory ends. */
bool levels_begin(struct levels *levels);

/* The number of states in a level. */
size_t levels_size(const struct levels *levels, uint32_t level);

static inline size_t levels_from(const struct levels *levels, uint32_t level, unsigned list)
{
    return levels->lists[list].starts[level];
}

static inline size_t levels_to(const struct levels *levels, uint32_t level, unsigned list)
{
    const struct list *l = &levels->lists[list];
    return level + 1 < levels->count ? l->starts[level + 1] : l->count;
}

static inline const uint64_t *levels_state(const struct levels *levels, unsigned list, size_t at)
{
    return levels->lists[list].chunks[at / CHUNK_STATES] + at % CHUNK_STATES * ZD_WORDS;
}

#endif
