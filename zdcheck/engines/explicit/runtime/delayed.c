#include "delayed.h"

#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "memory.h"
#include "pool.h"
#include "search.h"

#define SLOTS 2                          /* per candidate */
#define CANDIDATE (SLOTS * 8 + 1 + 8)    /* bytes: slots, a mark, and something for who sleeps */
#define LEAST ((size_t)1 << 12)          /* fewer candidates would make more sweeps than steps */
#define MOST ((size_t)1 << 31)           /* their numbers have 32 bits */
#define PIECE ((size_t)1 << 12)          /* states */
#define AHEAD 16                         /* look-ups under way */

/* --- candidates --------------------------------------------------------------------------- */

/* A slot of the index: the number of a candidate from 1 on, below half of its hash. */
static uint64_t slot_of(uint64_t hash, size_t candidate)
{
    return hash << 32 | (uint64_t)(candidate + 1);
}

static size_t home_of(const struct delayed *d, uint64_t hash)
{
    return (size_t)(((unsigned __int128)hash * d->slots) >> 64);
}

static const uint64_t *candidate_state(const struct search *s, size_t candidate)
{
    unsigned list = s->worker_count - 1;
    while (s->delayed.before[list] > candidate)
        list--;
    const size_t at = s->delayed.certain[list] + candidate - s->delayed.before[list];
    return levels_state(&s->levels, list, at);
}

static bool equal(const uint64_t *a, const uint64_t *b)
{
    return memcmp(a, b, ZD_WORDS * sizeof *a) == 0;
}

/* The candidate with these words, or the first empty slot where it would be. */
static uint64_t find(const struct search *s, const uint64_t *words, uint64_t hash, size_t *at)
{
    const struct delayed *d = &s->delayed;
    for (size_t i = home_of(d, hash);; i = i + 1 < d->slots ? i + 1 : 0) {
        const uint64_t slot = atomic_load_explicit(&d->index[i], memory_order_relaxed);
        *at = i;
        if (slot == 0)
            return 0;
        if (slot >> 32 == (hash & UINT32_MAX) &&
            equal(candidate_state(s, (uint32_t)slot - 1), words))
            return slot;
    }
}

static void add(struct search *s, size_t candidate, const uint64_t *words)
{
    struct delayed *d = &s->delayed;
    const uint64_t hash = hash_state(words);
    size_t at;
    for (;;) {
        if (find(s, words, hash, &at) != 0) {
            atomic_store_explicit(&d->known[candidate], 1, memory_order_relaxed);
            return;
        }
        uint64_t empty = 0;
        if (atomic_compare_exchange_strong(&d->index[at], &empty, slot_of(hash, candidate)))
            return;
    }
}

/* --- the three parts of a sweep, each by all workers -------------------------------------- */

/* The next piece of the states from .. to-1 of a list, where `from` is what `next` began with. */
static bool take_piece(struct delayed *d, unsigned list, size_t to, size_t *at, size_t *end)
{
    *at = atomic_fetch_add(&d->next[list], PIECE);
    *end = *at + PIECE < to ? *at + PIECE : to;
    return *at < to;
}

static void add_job(void *context, unsigned me)
{
    struct search *s = context;
    struct delayed *d = &s->delayed;
    for (unsigned i = 0; i < s->worker_count; i++) {
        const unsigned list = (me + i) % s->worker_count;
        size_t at, end;
        while (take_piece(d, list, s->levels.lists[list].count, &at, &end))
            for (; at < end; at++)
                add(s, d->before[list] + at - d->certain[list], levels_state(&s->levels, list, at));
    }
}

static void look_up(struct search *s, unsigned list, size_t at, size_t count)
{
    struct delayed *d = &s->delayed;
    uint64_t hashes[AHEAD];
    for (size_t i = 0; i < count; i++) {
        hashes[i] = hash_state(levels_state(&s->levels, list, at + i));
        __builtin_prefetch((const void *)&d->index[home_of(d, hashes[i])]);
    }
    for (size_t i = 0; i < count; i++) {
        size_t slot_at;
        const uint64_t *words = levels_state(&s->levels, list, at + i);
        const uint64_t slot = find(s, words, hashes[i], &slot_at);
        if (slot != 0)
            atomic_store_explicit(&d->known[(uint32_t)slot - 1], 1, memory_order_relaxed);
    }
}

static void look_up_job(void *context, unsigned me)
{
    struct search *s = context;
    struct delayed *d = &s->delayed;
    for (unsigned i = 0; i < s->worker_count; i++) {
        const unsigned list = (me + i) % s->worker_count;
        size_t at, end;
        while (take_piece(d, list, d->certain[list], &at, &end))
            for (; at < end; at += AHEAD)
                look_up(s, list, at, end - at < AHEAD ? end - at : AHEAD);
    }
}

/* Each worker moves the new states of its own list together. */
static void keep_job(void *context, unsigned me)
{
    struct search *s = context;
    struct delayed *d = &s->delayed;
    struct sleepers *sleepers = &s->workers[me].sleepers;
    const size_t from = d->certain[me], to = s->levels.lists[me].count;
    const size_t level = levels_from(&s->levels, s->levels.count - 1, me);
    size_t kept = from;
    for (size_t at = from; at < to; at++) {
        if (atomic_load_explicit(&d->known[d->before[me] + at - from], memory_order_relaxed))
            continue;
        levels_copy(&s->levels, me, kept, at);
        sleepers_copy(sleepers, s->levels.count - 1, kept - level, at - level);
        kept++;
    }
    s->levels.lists[me].count = kept;
    sleepers_shorten(sleepers, s->levels.count - 1, kept - level);
}

/* --- begin, sweep, end -------------------------------------------------------------------- */

static size_t all_states(const struct search *s)
{
    size_t count = 0;
    for (unsigned list = 0; list < s->worker_count; list++)
        count += s->levels.lists[list].count;
    return count;
}

size_t delayed_states(const struct search *s)
{
    size_t count = 0;
    for (unsigned list = 0; list < s->worker_count; list++)
        count += s->delayed.certain[list];
    return count;
}

static void all_are_certain(struct search *s)
{
    for (unsigned list = 0; list < s->worker_count; list++)
        s->delayed.certain[list] = s->levels.lists[list].count;
    atomic_store(&s->states, all_states(s));
}

bool delayed_begin(struct search *s)
{
    struct delayed *d = &s->delayed;
    if (!disk_is_open())
        return false;
    const size_t freed = table_bytes(&s->table);
    table_drop(&s->table);
    s->table.groups = 0;
    const size_t left = memory_left() / 16 * 15;
    d->capacity = (left < 2 * freed ? left : 2 * freed) / CANDIDATE;
    d->capacity = d->capacity < MOST ? d->capacity : MOST;
    /* All workers may finish what they are at before they hear of it. */
    const size_t more =
        s->worker_count * (4 * (size_t)BLOCK_SUCCESSORS + 2 * (size_t)zd_model.max_successors);
    d->room = (d->capacity + more) * (SLOTS * sizeof *d->index + 1);
    d->certain = calloc(s->worker_count, sizeof *d->certain);
    d->before = calloc(s->worker_count, sizeof *d->before);
    d->next = calloc(s->worker_count, sizeof *d->next);
    if (d->capacity < LEAST || !d->certain || !d->before || !d->next)
        return false;
    d->index = memory_take(d->room);
    if (!d->index)
        return false;
    d->known = (atomic_uchar *)(d->index + SLOTS * (d->capacity + more));
    s->levels.on_disk = true;
    d->on = true;
    all_are_certain(s);
    s->grow_at = atomic_load(&s->states) + d->capacity;
    return true;
}

static void number_candidates(struct search *s)
{
    struct delayed *d = &s->delayed;
    d->candidates = 0;
    for (unsigned list = 0; list < s->worker_count; list++) {
        d->before[list] = d->candidates;
        d->candidates += s->levels.lists[list].count - d->certain[list];
    }
    d->slots = SLOTS * d->candidates;
}

void delayed_sweep(struct search *s)
{
    struct delayed *d = &s->delayed;
    number_candidates(s);
    if (d->candidates == 0)
        return;
    d->sweeps++;
    memset((void *)d->index, 0, d->slots * sizeof *d->index);
    memset((void *)d->known, 0, d->candidates);
    for (unsigned list = 0; list < s->worker_count; list++)
        atomic_store(&d->next[list], d->certain[list]);
    pool_run(add_job, s);
    for (unsigned list = 0; list < s->worker_count; list++)
        atomic_store(&d->next[list], 0);
    pool_run(look_up_job, s);
    pool_run(keep_job, s);
    all_are_certain(s);
    s->grow_at = atomic_load(&s->states) + d->capacity;
}

void delayed_end(struct search *s)
{
    memory_give((void *)s->delayed.index, s->delayed.room);
    free(s->delayed.certain);
    free(s->delayed.before);
    free(s->delayed.next);
    s->delayed = (struct delayed){.sweeps = s->delayed.sweeps};
}
