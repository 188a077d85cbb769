#include "graph.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "pool.h"

#define AHEAD 64 /* look-ups under way at once; a power of two */
#define MIN_BLOCK_WORDS ((size_t)1 << 16)
#define LINK_WORDS 2 /* of a block: where the one before it is */
#define LOOK_AT_CLOCK ((size_t)1 << 14)

static bool is_part(const struct graph *g, const uint64_t *state)
{
    return !zd_goal(state, g->promise) && (g->everywhere || zd_may_linger(state));
}

/* Worker `me` looks at list `me` of each level; false once time has run out. */
static bool in_time(struct graph *g, size_t done)
{
    if (done % LOOK_AT_CLOCK == 0 && search_is_late(g->search))
        g->late = true;
    return !g->late;
}

/* --- states ----------------------------------------------------------------------------- */

static size_t *first_of(const struct graph *g, uint32_t level, unsigned list)
{
    return &g->first[(size_t)level * g->search->levels.workers + list];
}

static void count_job(void *context, unsigned me)
{
    struct graph *g = context;
    const struct levels *levels = &g->search->levels;
    if (me >= levels->workers)
        return;
    size_t done = 0;
    for (uint32_t level = 0; level < levels->count; level++) {
        size_t count = 0;
        const size_t to = levels_to(levels, level, me);
        for (size_t at = levels_from(levels, level, me); at < to; at++, done++) {
            count += is_part(g, levels_state(levels, me, at));
            if (!in_time(g, done))
                return;
        }
        *first_of(g, level, me) = count;
    }
}

static void copy_job(void *context, unsigned me)
{
    struct graph *g = context;
    const struct levels *levels = &g->search->levels;
    if (me >= levels->workers)
        return;
    for (uint32_t level = 0; level < levels->count; level++) {
        uint64_t *place = g->words + *first_of(g, level, me) * ZD_WORDS;
        const size_t to = levels_to(levels, level, me);
        for (size_t at = levels_from(levels, level, me); at < to; at++) {
            const uint64_t *state = levels_state(levels, me, at);
            if (!is_part(g, state))
                continue;
            memcpy(place, state, ZD_WORDS * sizeof *place);
            place += ZD_WORDS;
        }
    }
}

/* Counts become the numbers of first states; returns how many there are. */
static size_t number(struct graph *g)
{
    size_t sum = 0;
    const size_t parts = (size_t)g->search->levels.count * g->search->levels.workers;
    for (size_t i = 0; i < parts; i++) {
        const size_t count = g->first[i];
        g->first[i] = sum;
        sum += count;
    }
    g->first[parts] = sum;
    return sum;
}

uint32_t graph_level(const struct graph *g, uint32_t state)
{
    uint32_t low = 0, high = g->search->levels.count - 1;
    while (low < high) {
        const uint32_t middle = low + (high - low + 1) / 2;
        if (*first_of(g, middle, 0) <= state)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* --- the index -------------------------------------------------------------------------- */

static size_t home(const struct graph *g, uint64_t hash)
{
    return (size_t)(((unsigned __int128)hash * g->slot_count) >> 64);
}

/* The low half of the hash; the high one chose the slot. */
static uint64_t tag(uint64_t hash)
{
    return hash << 32;
}

static void put(struct graph *g, uint64_t hash, uint32_t state)
{
    const uint64_t entry = tag(hash) | (state + 1);
    for (size_t at = home(g, hash);; at = at + 1 == g->slot_count ? 0 : at + 1) {
        uint64_t empty = 0;
        if (atomic_load_explicit(&g->slots[at], memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong_explicit(&g->slots[at], &empty, entry,
                                                    memory_order_relaxed, memory_order_relaxed))
            return;
    }
}

static void share(const struct graph *g, unsigned me, size_t *from, size_t *to)
{
    const size_t workers = g->search->worker_count;
    *from = g->count * me / workers;
    *to = g->count * (me + 1) / workers;
}

static void index_job(void *context, unsigned me)
{
    struct graph *g = context;
    uint64_t hashes[AHEAD];
    size_t from, to;
    share(g, me, &from, &to);
    for (size_t ahead = from; ahead < to + AHEAD; ahead++) {
        if (ahead >= from + AHEAD)
            put(g, hashes[ahead % AHEAD], (uint32_t)(ahead - AHEAD));
        if (ahead < to) {
            const uint64_t hash = hash_state(graph_words(g, (uint32_t)ahead));
            hashes[ahead % AHEAD] = hash;
            __builtin_prefetch((const void *)&g->slots[home(g, hash)], 1);
        }
    }
}

static uint32_t find(const struct graph *g, const uint64_t *words, uint64_t hash)
{
    for (size_t at = home(g, hash);; at = at + 1 == g->slot_count ? 0 : at + 1) {
        const uint64_t entry = atomic_load_explicit(&g->slots[at], memory_order_relaxed);
        if (entry == 0)
            return NO_STATE;
        const uint32_t state = (uint32_t)entry - 1;
        if (entry >> 32 == tag(hash) >> 32 &&
            memcmp(graph_words(g, state), words, ZD_WORDS * sizeof *words) == 0)
            return state;
    }
}

uint32_t graph_find(const struct graph *g, const uint64_t *words)
{
    return find(g, words, hash_state(words));
}

/* --- steps ------------------------------------------------------------------------------ */

/* A look-up that waits for its cache line. */
struct query {
    uint64_t hash;
    uint64_t words[ZD_WORDS];
    uint32_t source;
    uint32_t thread;
};

struct batch {
    struct query *queries; /* of several sources, in their order */
    size_t count;
};

static uint32_t *record(struct graph *g, struct step_store *store, size_t words)
{
    if (!store->block || store->used + words > g->block_words) {
        uint32_t *block = memory_take(g->block_words * sizeof *block);
        if (!block) {
            g->full = true;
            return NULL;
        }
        memcpy(block, &store->block, sizeof store->block);
        store->block = block;
        store->used = LINK_WORDS;
    }
    uint32_t *place = store->block + store->used;
    store->used += words;
    return place;
}

/* Writes the steps of one source: those of its `count` queries that stay in the part. */
static void keep(struct graph *g, struct step_store *store, uint32_t source,
                 const struct query *queries, size_t count, uint32_t *targets, uint8_t *threads)
{
    uint32_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t target = find(g, queries[i].words, queries[i].hash);
        const uint8_t thread = (uint8_t)queries[i].thread;
        /* Choices often lead to the same state; the last ones are the likeliest. */
        const bool again = kept && targets[kept - 1] == target && threads[kept - 1] == thread;
        if (target == NO_STATE || again)
            continue;
        targets[kept] = target;
        threads[kept++] = thread;
    }
    uint32_t *place = record(g, store, 1 + kept + (kept + 3) / 4);
    if (!place)
        return;
    place[0] = kept;
    memcpy(place + 1, targets, kept * sizeof *targets);
    memcpy(place + 1 + kept, threads, kept);
    g->steps[source] = place;
    store->steps += kept;
}

static void expand(struct graph *g, uint32_t source, struct successor *out, struct batch *batch)
{
    uint64_t possible = 0;
    const uint32_t count = zd_successors(graph_words(g, source), out);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t thread = zd_action_thread[out[i].action];
        possible |= UINT64_C(1) << thread;
        if (out[i].note >= NOTE_FAILED)
            continue;
        struct query *query = &batch->queries[batch->count++];
        query->source = source;
        query->thread = thread;
        memcpy(query->words, out[i].words, sizeof query->words);
        query->hash = hash_state(query->words);
        __builtin_prefetch((const void *)&g->slots[home(g, query->hash)], 0);
    }
    g->possible[source] = possible;
}

static void settle(struct graph *g, struct step_store *store, const struct batch *batch,
                   uint32_t from, uint32_t to, uint32_t *targets, uint8_t *threads)
{
    /* The second miss, of the states to compare with, overlaps as well. */
    for (size_t i = 0; i < batch->count; i++) {
        const uint64_t hash = batch->queries[i].hash;
        const uint64_t entry = atomic_load_explicit(&g->slots[home(g, hash)], memory_order_relaxed);
        if (entry && entry >> 32 == tag(hash) >> 32)
            __builtin_prefetch(graph_words(g, (uint32_t)entry - 1), 0);
    }
    size_t at = 0;
    for (uint32_t source = from; source < to && !g->full; source++) {
        size_t end = at;
        while (end < batch->count && batch->queries[end].source == source)
            end++;
        keep(g, store, source, batch->queries + at, end - at, targets, threads);
        at = end;
    }
}

static void steps_job(void *context, unsigned me)
{
    struct graph *g = context;
    const size_t most = zd_model.max_successors;
    struct batch batch = {malloc((AHEAD + most) * sizeof *batch.queries), 0};
    struct successor *out = malloc((most + 1) * sizeof *out);
    uint32_t *targets = malloc((most + 1) * sizeof *targets);
    uint8_t *threads = malloc(most + 1);
    size_t from, to;
    share(g, me, &from, &to);
    if (!batch.queries || !out || !targets || !threads)
        g->full = true;
    for (size_t at = from, done = 0; at < to && !g->full; done++) {
        const size_t start = at;
        batch.count = 0;
        while (at < to && batch.count < AHEAD && at - start < AHEAD)
            expand(g, (uint32_t)at++, out, &batch);
        settle(g, &g->stores[me], &batch, (uint32_t)start, (uint32_t)at, targets, threads);
        if (!in_time(g, done * 64))
            break;
    }
    free(batch.queries);
    free(out);
    free(targets);
    free(threads);
}

size_t graph_steps(const struct graph *g)
{
    size_t steps = 0;
    for (unsigned i = 0; i < g->search->worker_count; i++)
        steps += g->stores[i].steps;
    return steps;
}

/* --- the whole -------------------------------------------------------------------------- */

static bool take_memory(struct graph *g)
{
    g->slot_count = g->count + g->count / 2 + 64;
    g->words = memory_take_large((g->count + 1) * ZD_WORDS * sizeof *g->words);
    g->slots = memory_take_large(g->slot_count * sizeof *g->slots);
    g->possible = memory_take_large((g->count + 1) * sizeof *g->possible);
    g->steps = memory_take_large((g->count + 1) * sizeof *g->steps);
    return g->words && g->slots && g->possible && g->steps;
}

static enum graph_end end_of(const struct graph *g)
{
    return g->full ? GRAPH_FULL : g->late ? GRAPH_LATE : GRAPH_DONE;
}

enum graph_end graph_make(struct graph *g, struct search *search, uint32_t promise,
                          bool everywhere)
{
    *g = (struct graph){.search = search, .promise = promise, .everywhere = everywhere};
    g->block_words = 2 * (size_t)zd_model.max_successors + 8;
    if (g->block_words < MIN_BLOCK_WORDS)
        g->block_words = MIN_BLOCK_WORDS;
    const size_t parts = (size_t)search->levels.count * search->levels.workers;
    g->first = calloc(parts + 1, sizeof *g->first);
    g->stores = calloc(search->worker_count, sizeof *g->stores);
    if (!g->first || !g->stores)
        return GRAPH_FULL;
    pool_run(count_job, g);
    if (g->late)
        return GRAPH_LATE;
    g->count = number(g);
    if (g->count >= NO_STATE || !take_memory(g))
        return GRAPH_FULL;
    pool_run(copy_job, g);
    pool_run(index_job, g);
    pool_run(steps_job, g);
    return end_of(g);
}

void graph_drop(struct graph *g)
{
    for (unsigned i = 0; g->stores && i < g->search->worker_count; i++)
        for (uint32_t *block = g->stores[i].block; block;) {
            uint32_t *before;
            memcpy(&before, block, sizeof before);
            memory_give(block, g->block_words * sizeof *block);
            block = before;
        }
    memory_give(g->words, (g->count + 1) * ZD_WORDS * sizeof *g->words);
    memory_give((void *)g->slots, g->slot_count * sizeof *g->slots);
    memory_give(g->possible, (g->count + 1) * sizeof *g->possible);
    memory_give(g->steps, (g->count + 1) * sizeof *g->steps);
    free(g->stores);
    free(g->first);
    g->words = NULL;
}
