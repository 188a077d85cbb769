#include "grow.h"

#include "pool.h"
#include "search.h"

/* A fuller table is slower, an emptier one larger. Right after it has grown, table and levels need
 * the most memory per state; that should be less than twice the state and 16 bytes. Within that,
 * growing seldom is worth more than a table that is never full. */
#if KEY_WORDS == 1
#define MAX_LOAD 0.73
#define GROWTH 2.0
#elif KEY_WORDS == 2
#define MAX_LOAD 0.85
#define GROWTH 1.6
#elif KEY_WORDS == 3
#define MAX_LOAD 0.88
#define GROWTH 1.4
#else
#define MAX_LOAD 0.88
#define GROWTH 1.25
#endif
#define SMALL ((size_t)1 << 20) /* bytes; a smaller table is doubled */
#define LAST_LOAD 0.92 /* if it cannot grow */
#define MIN_SLOTS ((size_t)1 << 16)

bool grow_first(struct search *s)
{
    /* What all workers may add between two looks must fit above the load at which it grows. */
    const size_t per_worker = BLOCK_SUCCESSORS + 2 * (zd_model.max_successors + 1) + RING;
    size_t slots = 16 * s->worker_count * per_worker + 4 * (size_t)s->start.initial_states;
    slots = slots < MIN_SLOTS ? MIN_SLOTS : slots;
    const struct table empty = {.shared = s->worker_count > 1};
    if (!table_make(&s->table, slots, &empty))
        return false;
    s->grow_at = (size_t)((double)table_slots(&s->table) * MAX_LOAD);
    return true;
}

static void move_job(void *context, unsigned me)
{
    (void)me;
    struct search *s = context;
    struct cursor *cursor = &s->cursors[0];
    /* Whole large pages, so that giving back a part of the old table does not split them. */
    const size_t piece = cursor->end < (size_t)1 << 18 ? (size_t)1 << 12 : (size_t)1 << 16;
    for (;;) {
        const size_t from = atomic_fetch_add(&cursor->next, piece);
        if (from >= cursor->end)
            return;
        const size_t to = from + piece < cursor->end ? from + piece : cursor->end;
        table_move(&s->table, s->growing, from, to);
    }
}

bool grow(struct search *s)
{
    struct table old = s->table;
    const size_t slots = table_slots(&old);
    const double factor = table_bytes(&old) < SMALL ? 2.0 : GROWTH;
    /* Near the limit of memory a little more is better than nothing. */
    for (double more = factor - 1.0; more > 0.1; more /= 2) {
        if (!table_make(&s->table, (size_t)((double)slots * (1.0 + more)), &old))
            continue;
        /* The cursors are in use by the level that waits. */
        const size_t next = atomic_load(&s->cursors[0].next), end = s->cursors[0].end;
        atomic_store(&s->cursors[0].next, 0);
        s->cursors[0].end = old.groups;
        s->growing = &old;
        pool_run(move_job, s);
        atomic_store(&s->cursors[0].next, next);
        s->cursors[0].end = end;
        table_drop(&old);
        s->grow_at = (size_t)((double)table_slots(&s->table) * MAX_LOAD);
        return true;
    }
    s->table = old;
    const size_t last = (size_t)((double)slots * LAST_LOAD);
    if (atomic_load(&s->states) >= last)
        return delayed_begin(s);
    s->grow_at = last;
    return true;
}
