#include "search.h"

#include <stdlib.h>
#include <time.h>

#include "disk.h"
#include "grow.h"
#include "memory.h"
#include "pool.h"
#include "wire.h"

#define PAUSE_GROW 1u
#define PAUSE_STOP 2u

#define CLOCK_BLOCKS 16
#define PROGRESS_SECONDS 0.2

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

bool search_is_late(const struct search *s)
{
    return s->start.timeout > 0 && now() - s->began > s->start.timeout;
}

static void stop(struct search *s, enum limit limit)
{
    unsigned none = LIMIT_NONE;
    atomic_compare_exchange_strong(&s->limit, &none, limit);
    atomic_fetch_or(&s->pause, PAUSE_STOP);
}

/* --- one state -------------------------------------------------------------------------- */

static void watch(struct search *s, struct worker *w, const uint64_t *words, uint32_t depth)
{
    for (uint32_t i = 0; i < w->watching_count;) {
        const uint32_t number = w->watching[i];
        if (atomic_load_explicit(&s->watch_depth[number], memory_order_relaxed) <= depth ||
            zd_watch(words, number)) {
            /* Others are at the same depth, so whoever stores it stores the same. */
            unsigned never = NEVER;
            atomic_compare_exchange_strong(&s->watch_depth[number], &never, depth);
            w->watching[i] = w->watching[--w->watching_count];
        } else {
            i++;
        }
    }
}

/* Rarely enough, compared with states met again, to be no part of the loops below. */
static __attribute__((noinline)) void found_new(struct search *s, unsigned me,
                                                const struct pending *p, uint32_t depth)
{
    struct worker *w = &s->workers[me];
    const uint64_t *words = p->words;
    w->new_states++;
    if (!levels_append(&s->levels, me, words))
        stop(s, disk_is_open() ? LIMIT_DISK : LIMIT_MEMORY);
    if (s->start.partial_order)
        sleepers_append(&w->sleepers, depth, p->asleep);
    const uint32_t fault = zd_fault(words);
    if (fault && fault < w->state_fault)
        w->state_fault = fault;
    if (w->watching_count)
        watch(s, w, words, depth);
}

static inline const uint64_t *pending_key(const struct pending *p)
{
#ifdef ZD_COMPACT
    return &p->key;
#else
    return p->words;
#endif
}

/* Says where the state that waits will be looked for. */
static inline void aim(struct search *s, struct pending *p)
{
#ifdef ZD_COMPACT
    p->key = compacted(p->words);
#endif
    p->home = table_home(&s->table, pending_key(p));
}

static inline void visit(struct search *s, unsigned me, const struct pending *p, uint32_t depth)
{
    if (s->delayed.on || table_insert(&s->table, pending_key(p), p->home))
        found_new(s, me, p, depth);
}

/* Inserts what has waited longest, if the ring is full, and lets the state wait in its place. */
static inline void push(struct search *s, unsigned me, const uint64_t *words, thread_set asleep)
{
    struct worker *w = &s->workers[me];
    struct pending *p = &w->ring[w->ring_at];
    if (w->ring_full)
        visit(s, me, p, s->depth + 1);
    for (int i = 0; i < ZD_WORDS; i++)
        p->words[i] = words[i];
    p->asleep = asleep;
    aim(s, p);
    table_prefetch(&s->table, p->home);
    w->ring_at = (w->ring_at + 1) % RING;
    w->ring_full |= w->ring_at == 0;
}

static void drain(struct search *s, unsigned me)
{
    struct worker *w = &s->workers[me];
    const unsigned count = w->ring_full ? RING : w->ring_at;
    const unsigned first = w->ring_full ? w->ring_at : 0;
    for (unsigned i = 0; i < count; i++)
        visit(s, me, &w->ring[(first + i) % RING], s->depth + 1);
    w->ring_at = 0;
    w->ring_full = false;
}

static inline bool same(const uint64_t *a, const uint64_t *b)
{
    uint64_t difference = 0;
    for (int i = 0; i < ZD_WORDS; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

static void note_edges(struct search *s, const uint64_t *state, uint32_t action)
{
    for (uint32_t i = zd_edge_first[action]; i < zd_edge_first[action + 1]; i++) {
        atomic_uint *depth = &s->edge_depth[zd_edge_list[i]];
        if (atomic_load_explicit(depth, memory_order_relaxed) == NEVER && zd_edge(state, i)) {
            unsigned never = NEVER;
            atomic_compare_exchange_strong(depth, &never, s->depth + 1);
        }
    }
}

/* The representative of a successor waits to be inserted. */
static inline void push_image(struct search *s, unsigned me, uint64_t *words, thread_set asleep)
{
    if (zd_model.symmetric && asleep) {
        uint8_t moved[MAX_NAMES];
        zd_canonical(words, moved);
        asleep = partial_order_renamed(asleep, moved);
    } else if (zd_model.symmetric) {
        zd_canonical(words, NULL);
    }
    push(s, me, words, asleep);
}

static void expand_state(struct search *s, unsigned me, const uint64_t *state, thread_set asleep)
{
    struct worker *w = &s->workers[me];
    struct successor *const out = w->out;
    const uint32_t count = zd_successors(state, out);
    if (count == 0 && !zd_all_ended(state))
        w->deadlock = true;
    if (s->start.partial_order)
        partial_order(out, count, w->asleep);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t action = out[i].action, note = out[i].note;
        if (__builtin_expect(note != NOTE_PLAIN, 0)) {
            if (note >= NOTE_FAILED) {
                if (note - NOTE_FAILED < w->failed_check)
                    w->failed_check = note - NOTE_FAILED;
                continue;
            }
            note_edges(s, state, action);
        }
        if (w->fired[action]++ == 0)
            w->first_fired[action] = s->depth + 1;
        if (same(out[i].words, state))
            continue;
        const uint8_t thread = zd_action_thread[action];
        if (thread < 8 * sizeof asleep && asleep >> thread & 1)
            w->slept++;
        else
            push_image(s, me, out[i].words, w->asleep[i]);
    }
}

/* --- one level -------------------------------------------------------------------------- */

static void look_at_clock(struct search *s)
{
    if (s->until_clock-- > 0)
        return;
    s->until_clock = CLOCK_BLOCKS;
    const double time = now();
    if (s->start.timeout > 0 && time - s->began > s->start.timeout)
        stop(s, LIMIT_TIME);
    if (time - s->last_progress < PROGRESS_SECONDS)
        return;
    s->last_progress = time;
    uint64_t left = 0;
    for (unsigned i = 0; i < s->worker_count; i++) {
        const size_t next = atomic_load(&s->cursors[i].next);
        left += next < s->cursors[i].end ? s->cursors[i].end - next : 0;
    }
    const uint64_t record[5] = {s->depth, atomic_load(&s->states), left, levels_size(&s->levels, s->depth),
                                s->depth ? levels_size(&s->levels, s->depth - 1) : 0};
    const double seconds = time - s->began;
    if (!wire_send(RECORD_PROGRESS, record, sizeof record, &seconds, sizeof seconds))
        stop(s, LIMIT_INTERRUPT);
}

/* After each block: the others must hear of a full table before it overflows. */
static void look_around(struct search *s, unsigned me)
{
    struct worker *w = &s->workers[me];
    const size_t states = atomic_fetch_add(&s->states, w->new_states) + w->new_states;
    w->new_states = 0;
    if (states > s->grow_at)
        atomic_fetch_or(&s->pause, PAUSE_GROW);
    if (s->start.max_states && states > s->start.max_states && !s->delayed.on)
        stop(s, LIMIT_STATES);
    if (me == 0)
        look_at_clock(s);
}

bool search_take(struct search *s, unsigned me, struct block *block)
{
    for (unsigned i = 0; i < s->worker_count; i++) {
        const unsigned list = (me + i) % s->worker_count;
        struct cursor *cursor = &s->cursors[list];
        const size_t from = atomic_fetch_add(&cursor->next, s->block);
        if (from >= cursor->end)
            continue;
        const size_t to = from + s->block < cursor->end ? from + s->block : cursor->end;
        *block = (struct block){list, from, to};
        return true;
    }
    return false;
}

typedef void act_on(struct search *s, unsigned me, const uint64_t *state, thread_set asleep);

static void each_state(struct search *s, unsigned me, act_on *act, bool adds)
{
    struct block block;
    while (!atomic_load_explicit(&s->pause, memory_order_relaxed) && search_take(s, me, &block)) {
        const size_t from = levels_from(&s->levels, s->depth, block.list);
        const struct sleepers *sleepers = &s->workers[block.list].sleepers;
        for (size_t at = block.from; at < block.to; at++)
            act(s, me, levels_state(&s->levels, block.list, at),
                sleepers_in(sleepers, s->depth, at - from));
        if (adds)
            look_around(s, me);
    }
}

static void expand_job(void *context, unsigned me)
{
    struct search *s = context;
    each_state(s, me, expand_state, true);
    drain(s, me);
    look_around(s, me);
}

static void try_state(struct search *s, unsigned me, const uint64_t *state, thread_set asleep)
{
    (void)asleep;
    struct worker *w = &s->workers[me];
    if (!w->deadlock && zd_successors(state, w->out) == 0 && !zd_all_ended(state))
        w->deadlock = true;
}

static void deadlock_job(void *context, unsigned me)
{
    each_state(context, me, try_state, false);
}

static void sweep(struct search *s)
{
    delayed_sweep(s);
    if (s->start.max_states && atomic_load(&s->states) > s->start.max_states)
        stop(s, LIMIT_STATES);
}

/* Lets the workers take from the beginning of a level; returns its size. */
static size_t point_at(struct search *s, uint32_t level)
{
    size_t size = 0;
    for (unsigned i = 0; i < s->worker_count; i++) {
        const size_t from = levels_from(&s->levels, level, i);
        s->cursors[i].end = levels_to(&s->levels, level, i);
        size += s->cursors[i].end - from;
        atomic_store(&s->cursors[i].next, from);
    }
    return size;
}

/* One worker alone if there is little to do: waking others costs more than a small level. */
static void run(struct search *s, size_t size, pool_job *job, void *context)
{
    if (size <= 4 * s->block)
        job(context, 0);
    else
        pool_run(job, context);
}

void search_each(struct search *s, uint32_t level, pool_job *job, void *context)
{
    run(s, point_at(s, level), job, context);
}

/* Does the job on every state of the current level; false if a limit stops it. */
static bool pass(struct search *s, pool_job *job)
{
    const size_t size = point_at(s, s->depth);
    for (;;) {
        run(s, size, job, s);
        const unsigned pause = atomic_exchange(&s->pause, 0);
        if (pause & PAUSE_STOP)
            return false;
        if (!(pause & PAUSE_GROW))
            return true;
        if (s->delayed.on) {
            sweep(s);
        } else if (!grow(s)) {
            stop(s, LIMIT_MEMORY);
            atomic_store(&s->pause, 0);
            return false;
        }
    }
}

/* --- all levels ------------------------------------------------------------------------- */

static void found(struct search *s, enum fault fault, uint32_t number, uint32_t depth)
{
    s->result.outcome = OUTCOME_FAULT;
    s->result.fault = fault;
    s->result.fault_number = number;
    s->result.fault_depth = depth;
}

static bool any_deadlock(struct search *s)
{
    bool any = false;
    for (unsigned i = 0; i < s->worker_count; i++) {
        any |= s->workers[i].deadlock;
        s->workers[i].deadlock = false;
    }
    return any;
}

static uint32_t least(struct search *s, size_t offset)
{
    uint32_t smallest = NEVER;
    for (unsigned i = 0; i < s->worker_count; i++) {
        const uint32_t own = *(uint32_t *)((char *)&s->workers[i] + offset);
        smallest = own < smallest ? own : smallest;
    }
    return smallest;
}

/* What is at fault among the runs of length `depth` + 1, after the level at `depth` was expanded
 * or at least tried: the faults of states come first, then deadlocks, then failed checks. */
static bool is_at_fault(struct search *s)
{
    const uint32_t state_fault = least(s, offsetof(struct worker, state_fault));
    const uint32_t check = least(s, offsetof(struct worker, failed_check));
    if (state_fault != NEVER) {
        found(s, FAULT_STATE, state_fault - 1, s->depth + 1);
        return true;
    }
    if (check == NEVER)
        return false;
    /* A deadlock of the same length would come before it. */
    const uint32_t next = s->depth + 1;
    if (next < s->levels.count && levels_size(&s->levels, next) > 0 && !atomic_load(&s->limit)) {
        s->depth = next;
        pass(s, deadlock_job);
        s->depth = next - 1;
        if (any_deadlock(s)) {
            found(s, FAULT_DEADLOCK, 0, next);
            return true;
        }
    }
    found(s, FAULT_CHECK, check, next);
    return true;
}

/* A limit stops the search while the level at `depth` is expanded. What was seen already of the
 * runs one step longer still is the shortest fault, unless this level has a deadlock. */
static void stopped(struct search *s)
{
    s->result.outcome = OUTCOME_STOPPED;
    if (atomic_load(&s->limit) == LIMIT_INTERRUPT)
        return;
    const bool pending = least(s, offsetof(struct worker, state_fault)) != NEVER ||
                         least(s, offsetof(struct worker, failed_check)) != NEVER;
    if (!pending && !any_deadlock(s))
        return;
    pass(s, deadlock_job);
    if (any_deadlock(s) || !pending)
        found(s, FAULT_DEADLOCK, 0, s->depth);
    else
        is_at_fault(s);
}

static void add_initial(struct search *s)
{
    for (uint32_t i = 0; i < s->start.initial_states; i++) {
        struct pending p;
        for (int w = 0; w < ZD_WORDS; w++)
            p.words[w] = s->initial[(size_t)i * ZD_WORDS + w];
        zd_canonical(p.words, NULL);
        aim(s, &p);
        p.asleep = 0;
        visit(s, 0, &p, 0);
    }
    atomic_store(&s->states, s->workers[0].new_states);
    s->workers[0].new_states = 0;
}

static void search_levels(struct search *s)
{
    add_initial(s);
    if (least(s, offsetof(struct worker, state_fault)) != NEVER) {
        found(s, FAULT_STATE, least(s, offsetof(struct worker, state_fault)) - 1, 0);
        return;
    }
    if (atomic_load(&s->limit)) {
        s->result.outcome = OUTCOME_STOPPED;
        return;
    }
    for (s->depth = 0; levels_size(&s->levels, s->depth) > 0; s->depth++) {
        if (!levels_begin(&s->levels)) {
            stop(s, LIMIT_MEMORY);
            s->result.outcome = OUTCOME_STOPPED;
            return;
        }
        for (unsigned i = 0; i < s->worker_count; i++)
            sleepers_begin(&s->workers[i].sleepers, s->depth + 1);
        if (!pass(s, expand_job)) {
            stopped(s);
            return;
        }
        if (s->delayed.on)
            sweep(s);
        if (any_deadlock(s)) {
            found(s, FAULT_DEADLOCK, 0, s->depth);
            return;
        }
        if (is_at_fault(s))
            return;
    }
    s->result.outcome = OUTCOME_COMPLETE;
}

void search_run(struct search *s)
{
    s->result = (struct result){0};
    search_levels(s);
    struct result *r = &s->result;
    r->limit = atomic_load(&s->limit);
    r->depth = s->levels.count - 1;
    while (r->depth > 0 && levels_size(&s->levels, r->depth) == 0)
        r->depth--;
    if (r->outcome == OUTCOME_STOPPED && r->depth > s->depth)
        r->depth = s->depth;
    for (unsigned i = 0; i < s->worker_count; i++) {
        r->asleep += s->workers[i].slept;
        for (uint32_t a = 0; a < zd_model.actions; a++)
            r->transitions += s->workers[i].fired[a];
        const size_t next = atomic_load(&s->cursors[i].next);
        if (r->outcome == OUTCOME_STOPPED && next < s->cursors[i].end)
            r->frontier += s->cursors[i].end - next;
    }
    if (r->outcome == OUTCOME_STOPPED && s->levels.count > s->depth + 1)
        r->frontier += levels_size(&s->levels, s->depth + 1);
    if (r->outcome == OUTCOME_STOPPED) {
        r->level = levels_size(&s->levels, r->depth);
        r->before = r->depth ? levels_size(&s->levels, r->depth - 1) : 0;
    }
    r->states = s->delayed.on ? delayed_states(s) : atomic_load(&s->states);
    r->disk = disk_used();
    r->sweeps = s->delayed.sweeps;
    /* Of a file, what is resident says only how much memory nobody else wanted. */
    r->memory = r->disk ? memory_peak() : memory_resident();
    r->slots = table_slots(&s->table);
    r->seconds = now() - s->began;
    /* The way back to a run needs memory, and these no more. */
    delayed_end(s);
    table_drop(&s->table);
}

/* --- beginning and end ------------------------------------------------------------------ */

static bool make_worker(struct worker *w)
{
    w->state_fault = w->failed_check = NEVER;
    w->fired = calloc(zd_model.actions + 1, sizeof *w->fired);
    w->first_fired = malloc((zd_model.actions + 1) * sizeof *w->first_fired);
    w->watching = calloc(zd_model.watches + 1, sizeof *w->watching);
    w->out = calloc(zd_model.max_successors + 1, sizeof *w->out);
    w->asleep = calloc(zd_model.max_successors + 1, sizeof *w->asleep);
    if (!w->fired || !w->first_fired || !w->watching || !w->out || !w->asleep)
        return false;
    for (uint32_t i = 0; i < zd_model.actions; i++)
        w->first_fired[i] = NEVER;
    for (uint32_t i = 0; i < zd_model.watches; i++)
        w->watching[w->watching_count++] = i;
    return true;
}

static atomic_uint *all_never(uint32_t count)
{
    atomic_uint *depths = malloc((count + 1) * sizeof *depths);
    for (uint32_t i = 0; depths && i < count; i++)
        atomic_init(&depths[i], NEVER);
    return depths;
}

bool search_make(struct search *s, const struct start *start, const uint64_t *initial)
{
    *s = (struct search){.start = *start, .initial = initial, .began = now()};
    s->last_progress = s->began;
    memory_limit(start->max_memory);
    s->worker_count = start->workers ? start->workers : 1;
    s->block = BLOCK_SUCCESSORS / (zd_model.max_successors + 1) + 1;
    s->result.outcome = OUTCOME_STOPPED;
    s->result.limit = LIMIT_MEMORY;
    s->workers = calloc(s->worker_count, sizeof *s->workers);
    s->cursors = calloc(s->worker_count, sizeof *s->cursors);
    s->watch_depth = all_never(zd_model.watches);
    s->edge_depth = all_never(zd_model.edges);
    if (!s->workers || !s->cursors || !s->watch_depth || !s->edge_depth)
        return false;
    for (unsigned i = 0; i < s->worker_count; i++)
        if (!make_worker(&s->workers[i]))
            return false;
    return levels_make(&s->levels, s->worker_count) && grow_first(s);
}

void search_drop(struct search *s)
{
    pool_stop();
    for (unsigned i = 0; s->workers && i < s->worker_count; i++) {
        struct worker *w = &s->workers[i];
        free(w->fired);
        free(w->first_fired);
        free(w->watching);
        free(w->out);
        free(w->asleep);
        sleepers_drop(&w->sleepers);
    }
    free(s->workers);
    free(s->cursors);
    free(s->watch_depth);
    free(s->edge_depth);
    levels_drop(&s->levels);
    table_drop(&s->table);
}
