#include "levels.h"

#include <stdlib.h>

#include "disk.h"
#include "memory.h"

/* Enough for 2^35 states per worker; only what is used of the directory is ever touched. */
#define MAX_CHUNKS ((size_t)1 << 21)
#define MORE_CHUNKS ((size_t)64) /* at once; some pages of the largest size */
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
        free(levels->lists[w].chunks);
        free(levels->lists[w].starts);
    }
    free(levels->lists);
    levels->lists = NULL;
}

static bool take_chunks(struct list *list, bool on_disk)
{
    size_t more = list->taken < 2 ? 1 : list->taken;
    if (more > MORE_CHUNKS)
        more = MORE_CHUNKS;
    if (more > MAX_CHUNKS - list->taken)
        return false;
    char *block = on_disk ? NULL : memory_take_large(more * CHUNK_BYTES);
    if (!block)
        block = disk_take(more * CHUNK_BYTES);
    if (!block)
        return false;
    for (size_t i = 0; i < more; i++)
        list->chunks[list->taken++] = (uint64_t *)(block + i * CHUNK_BYTES);
    return true;
}

bool levels_append(struct levels *levels, unsigned worker, const uint64_t *words)
{
    struct list *list = &levels->lists[worker];
    const size_t chunk = list->count / CHUNK_STATES;
    if (chunk == list->taken && !take_chunks(list, levels->on_disk))
        return false;
    uint64_t *place = list->chunks[chunk] + list->count % CHUNK_STATES * ZD_WORDS;
    for (int w = 0; w < ZD_WORDS; w++)
        place[w] = words[w];
    list->count++;
    return true;
}

void levels_copy(struct levels *levels, unsigned list, size_t to, size_t from)
{
    uint64_t *target = levels->lists[list].chunks[to / CHUNK_STATES] + to % CHUNK_STATES * ZD_WORDS;
    const uint64_t *source = levels_state(levels, list, from);
    for (int w = 0; w < ZD_WORDS; w++)
        target[w] = source[w];
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
