#include "levels.h"

#include <stdlib.h>

#include "memory.h"

/* Enough for 2^35 states per worker; only what is used of the directory is ever touched. */
#define MAX_CHUNKS ((size_t)1 << 21)
#define CHUNK_BYTES (CHUNK_STATES * ZD_WORDS * sizeof(uint64_t))

bool levels_make(struct levels *levels, unsigned workers)
{
    *levels = (struct levels){.workers = workers};
    levels->lists = calloc(workers, sizeof *levels->lists);
    if (!levels->lists)
        return false;
    for (unsigned w = 0; w < workers; w++) {
        levels->lists[w].chunks = calloc(MAX_CHUNKS, sizeof(uint64_t *));
        if (!levels->lists[w].chunks)
            return false;
    }
    return levels_begin(levels);
}

void levels_drop(struct levels *levels)
{
    for (unsigned w = 0; levels->lists && w < levels->workers; w++) {
        struct list *list = &levels->lists[w];
        for (size_t i = 0; list->chunks && i < MAX_CHUNKS && list->chunks[i]; i++)
            memory_give(list->chunks[i], CHUNK_BYTES);
        free(list->chunks);
        free(list->starts);
    }
    free(levels->lists);
    levels->lists = NULL;
}

bool levels_append(struct levels *levels, unsigned worker, const uint64_t *words)
{
    struct list *list = &levels->lists[worker];
    const size_t chunk = list->count / CHUNK_STATES;
    if (list->count % CHUNK_STATES == 0) {
        if (chunk == MAX_CHUNKS)
            return false;
        list->chunks[chunk] = memory_take(CHUNK_BYTES);
        if (!list->chunks[chunk])
            return false;
    }
    uint64_t *place = list->chunks[chunk] + list->count % CHUNK_STATES * ZD_WORDS;
    for (int w = 0; w < ZD_WORDS; w++)
        place[w] = words[w];
    list->count++;
    return true;
}

bool levels_begin(struct levels *levels)
{
    if (levels->count == levels->room) {
        const uint32_t room = levels->room ? 2 * levels->room : 256;
        for (unsigned w = 0; w < levels->workers; w++) {
            size_t *starts = realloc(levels->lists[w].starts, room * sizeof *starts);
            if (!starts)
                return false;
            levels->lists[w].starts = starts;
        }
        levels->room = room;
    }
    for (unsigned w = 0; w < levels->workers; w++)
        levels->lists[w].starts[levels->count] = levels->lists[w].count;
    levels->count++;
    return true;
}

size_t levels_size(const struct levels *levels, uint32_t level)
{
    size_t size = 0;
    for (unsigned w = 0; w < levels->workers; w++)
        size += levels_to(levels, level, w) - levels_from(levels, level, w);
    return size;
}
