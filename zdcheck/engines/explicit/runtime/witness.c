/* A run is found backwards, then read forwards.
 *
 * Backwards, from the level of the target to the start: of each level, the states from which a
 * shortest run reaches the target, each with the fewest context switches of the rest of such a run
 * (`cost`) and the set of threads that can make its first step at that cost (`threads`). A step of
 * thread t to a state with (cost, threads) costs one more if t is not in `threads`. These values
 * belong to the state and not to the way it was found, so the answer does not depend on the number
 * of workers. States that are symmetric have the same cost and symmetric threads, so the values
 * of a representative serve for all its images.
 *
 * Forwards, over real states: the cheapest step each time, of equal ones that of the action with
 * the smallest number. A state may have several representatives, of which the search has met perhaps
 * one. So the names that the real state has in its image go along: what is looked up next is the
 * representative of the successor's image, not of the successor.
 *
 * All workers look back from one level together; what they find there is kept under a lock, because
 * few states of a level lead on.
 *
 * If memory ends on the way back, one state of each level is kept instead of all: the run is still
 * a shortest one, only perhaps not the one with the fewest switches.
 */
#include "witness.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define ANY_THREAD UINT64_MAX

struct entry {
    uint64_t words[ZD_WORDS];
    uint64_t threads;
    uint32_t cost;
    uint32_t used;
};

/* The states of one level from which the target can be reached in time: an open-addressing map. */
struct layer {
    struct entry *entries;
    size_t slots, count;
};

struct trip {
    struct search *search;
    const struct target *target;
    const uint64_t *exactly; /* the state, for TARGET_EXACTLY */
    bool *is_target; /* by action, for TARGET_ACTIONS */
    struct layer *layers;
    uint32_t level, last;   /* where the way back is, and where it begins */
    bool thin;              /* one state per level */
    pthread_mutex_t lock;   /* of the layer of this level */
    atomic_bool enough;     /* of this level, or of everything */
    atomic_uint limit;      /* enum limit: why there will be no run */
};

/* Where a worker of the search writes successors. */
static struct successor *room_of(const struct trip *t, unsigned me)
{
    return t->search->workers[me].out;
}

static size_t layer_bytes(size_t slots)
{
    return slots * sizeof(struct entry);
}

static struct entry *layer_find(const struct layer *layer, const uint64_t *words)
{
    if (layer->slots == 0)
        return NULL;
    for (size_t at = hash_state(words) & (layer->slots - 1);; at = (at + 1) & (layer->slots - 1)) {
        struct entry *entry = &layer->entries[at];
        if (!entry->used || memcmp(entry->words, words, sizeof entry->words) == 0)
            return entry;
    }
}

static bool layer_grow(struct layer *layer)
{
    struct layer larger = {.slots = layer->slots ? 2 * layer->slots : 64, .count = layer->count};
    larger.entries = memory_take(layer_bytes(larger.slots));
    if (!larger.entries)
        return false;
    for (size_t i = 0; i < layer->slots; i++)
        if (layer->entries[i].used)
            *layer_find(&larger, layer->entries[i].words) = layer->entries[i];
    memory_give(layer->entries, layer_bytes(layer->slots));
    *layer = larger;
    return true;
}

static bool layer_put(struct layer *layer, const uint64_t *words, uint32_t cost, uint64_t threads)
{
    if (4 * (layer->count + 1) > 3 * layer->slots && !layer_grow(layer))
        return false;
    struct entry *entry = layer_find(layer, words);
    memcpy(entry->words, words, sizeof entry->words);
    entry->cost = cost;
    entry->threads = threads;
    entry->used = 1;
    layer->count++;
    return true;
}

/* --- targets ---------------------------------------------------------------------------- */

static bool ends_with_step(const struct target *target)
{
    return target->kind >= TARGET_CHECK && target->kind != TARGET_EXACTLY;
}

static bool is_target_state(struct trip *t, unsigned me, const uint64_t *state)
{
    switch (t->target->kind) {
    case TARGET_STATE:
        return zd_fault(state) == t->target->number + 1;
    case TARGET_DEADLOCK:
        return zd_successors(state, room_of(t, me)) == 0 && !zd_all_ended(state);
    case TARGET_EXACTLY:
        return memcmp(state, t->exactly, ZD_WORDS * sizeof *state) == 0;
    default:
        return zd_watch(state, t->target->number);
    }
}

static bool is_target_step(struct trip *t, const uint64_t *state, const struct successor *step)
{
    switch (t->target->kind) {
    case TARGET_CHECK:
        return step->note == NOTE_FAILED + t->target->number;
    case TARGET_ACTIONS:
        return step->note < NOTE_FAILED && t->is_target[step->action];
    default:
        if (step->note != NOTE_EDGES)
            return false;
        for (uint32_t i = zd_edge_first[step->action]; i < zd_edge_first[step->action + 1]; i++)
            if (zd_edge_list[i] == t->target->number && zd_edge(state, i))
                return true;
        return false;
    }
}

/* --- the way back ----------------------------------------------------------------------- */

/* The fewest further switches after `step` out of `state` at `level`, and whether it leads on.
 * `names` says what each name of the state is in its image that the search knows; NULL if that is
 * the state itself. `moved` becomes what the names of the successor's image are in its representative. */
static bool leads_on(struct trip *t, uint32_t level, const uint64_t *state,
                     const struct successor *step, const uint8_t *names, uint8_t *moved,
                     uint32_t *cost)
{
    *cost = 0;
    if (ends_with_step(t->target) && level == t->last)
        return is_target_step(t, state, step);
    if (step->note >= NOTE_FAILED)
        return false;
    uint64_t words[ZD_WORDS];
    uint8_t thread = zd_action_thread[step->action];
    memcpy(words, step->words, sizeof words);
    if (zd_model.symmetric) {
        if (names) {
            zd_rename(words, names);
            thread = names[thread];
        }
        zd_canonical(words, moved);
        thread = moved[thread];
    }
    const struct entry *entry = layer_find(&t->layers[level + 1], words);
    if (!entry || !entry->used)
        return false;
    *cost = entry->cost + !(entry->threads >> thread & 1);
    return true;
}

static void give_up(struct trip *t, enum limit limit)
{
    atomic_store(&t->limit, limit);
    atomic_store(&t->enough, true);
}

static void keep(struct trip *t, const uint64_t *state, uint32_t cost, uint64_t threads)
{
    pthread_mutex_lock(&t->lock);
    if (!layer_put(&t->layers[t->level], state, cost, threads))
        give_up(t, LIMIT_MEMORY);
    pthread_mutex_unlock(&t->lock);
    if (t->thin)
        atomic_store(&t->enough, true);
}

/* Puts the state into the layer of its level if it can reach the target in time. */
static void look_back(struct trip *t, unsigned me, const uint64_t *state)
{
    if (!ends_with_step(t->target) && t->level == t->last) {
        if (is_target_state(t, me, state))
            keep(t, state, 0, ANY_THREAD);
        return;
    }
    uint32_t best = NEVER;
    uint64_t threads = 0;
    const struct successor *const out = room_of(t, me);
    const uint32_t count = zd_successors(state, room_of(t, me));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t cost;
        uint8_t moved[MAX_NAMES];
        if (!leads_on(t, t->level, state, &out[i], NULL, moved, &cost) || cost > best)
            continue;
        if (cost < best)
            threads = 0;
        best = cost;
        threads |= UINT64_C(1) << zd_action_thread[out[i].action];
    }
    if (best != NEVER)
        keep(t, state, best, threads);
}

static void look_back_job(void *context, unsigned me)
{
    struct trip *t = context;
    struct search *s = t->search;
    struct block block;
    while (!atomic_load_explicit(&t->enough, memory_order_relaxed) &&
           search_take(s, me, &block)) {
        for (size_t at = block.from; at < block.to; at++)
            look_back(t, me, levels_state(&s->levels, block.list, at));
        if (me == 0 && search_is_late(s))
            give_up(t, LIMIT_TIME);
    }
}

/* False if a limit comes first. */
static bool go_back(struct trip *t)
{
    for (t->level = t->last + 1; t->level-- > 0;) {
        atomic_store(&t->enough, false);
        search_each(t->search, t->level, look_back_job, t);
        if (atomic_load(&t->limit))
            return false;
    }
    return true;
}

static void forget(struct trip *t)
{
    for (uint32_t level = 0; level <= t->last; level++)
        memory_give(t->layers[level].entries, layer_bytes(t->layers[level].slots));
    memset(t->layers, 0, (t->last + 1) * sizeof *t->layers);
}

/* --- the way forward -------------------------------------------------------------------- */

static bool choose_initial(struct trip *t, struct run *run, uint64_t *state, uint8_t *names)
{
    uint32_t best = NEVER;
    for (uint32_t i = 0; i < t->search->start.initial_states; i++) {
        uint64_t words[ZD_WORDS];
        uint8_t moved[MAX_NAMES] = {0};
        memcpy(words, t->search->initial + (size_t)i * ZD_WORDS, sizeof words);
        zd_canonical(words, moved);
        const struct entry *entry = layer_find(&t->layers[0], words);
        if (!entry || !entry->used || entry->cost >= best)
            continue;
        best = entry->cost;
        run->initial = i;
        memcpy(state, t->search->initial + (size_t)i * ZD_WORDS, sizeof words);
        memcpy(names, moved, sizeof moved);
    }
    return best != NEVER;
}

static bool go_forward(struct trip *t, struct run *run)
{
    uint64_t state[ZD_WORDS];
    uint8_t names[MAX_NAMES];
    if (!choose_initial(t, run, state, names))
        return false;
    int last_thread = -1;
    struct successor *const out = room_of(t, 0);
    for (uint32_t level = 0; level < t->target->depth; level++) {
        const uint32_t count = zd_successors(state, out);
        const struct successor *best = NULL;
        uint32_t best_cost = 0;
        uint8_t moved[MAX_NAMES] = {0}, best_moved[MAX_NAMES] = {0};
        for (uint32_t i = 0; i < count; i++) {
            const struct successor *step = &out[i];
            uint32_t cost;
            if (!leads_on(t, level, state, step, names, moved, &cost))
                continue;
            cost += last_thread >= 0 && zd_action_thread[step->action] != last_thread;
            if (!best || cost < best_cost ||
                (cost == best_cost && step->action < best->action)) {
                best = step;
                best_cost = cost;
                memcpy(best_moved, moved, sizeof moved);
            }
        }
        if (!best)
            return false;
        run->actions[level] = best->action;
        last_thread = zd_action_thread[best->action];
        memcpy(state, best->words, sizeof state);
        for (uint32_t n = 0; n < zd_model.names; n++)
            names[n] = best_moved[names[n]];
    }
    run->length = t->target->depth;
    return true;
}

static enum limit find_run(struct search *search, const struct target *target,
                           const uint32_t *actions, const uint64_t *exactly, struct run *run)
{
    *run = (struct run){.length = NEVER};
    struct trip t = {.search = search,
                     .target = target,
                     .exactly = exactly,
                     .last = target->depth,
                     .lock = PTHREAD_MUTEX_INITIALIZER};
    if (ends_with_step(target)) {
        if (target->depth == 0)
            return LIMIT_NONE;
        t.last--;
    }
    if (t.last >= search->levels.count)
        return LIMIT_NONE;
    t.layers = calloc((size_t)t.last + 1, sizeof *t.layers);
    t.is_target = calloc(zd_model.actions + 1, sizeof *t.is_target);
    run->actions = calloc((size_t)target->depth + 1, sizeof *run->actions);
    if (!t.layers || !t.is_target || !run->actions)
        atomic_store(&t.limit, LIMIT_MEMORY);
    for (uint32_t i = 0; t.is_target && i < target->count; i++)
        if (actions[i] < zd_model.actions)
            t.is_target[actions[i]] = true;
    if (!atomic_load(&t.limit) && !go_back(&t) && atomic_load(&t.limit) == LIMIT_MEMORY) {
        forget(&t);
        atomic_store(&t.limit, LIMIT_NONE);
        t.thin = true;
        go_back(&t);
    }
    if (!atomic_load(&t.limit))
        go_forward(&t, run);
    if (t.layers)
        forget(&t);
    free(t.layers);
    free(t.is_target);
    return atomic_load(&t.limit);
}

enum limit witness(struct search *search, const struct target *target, const uint32_t *actions,
                   struct run *run)
{
    *run = (struct run){.length = NEVER};
    if (target->kind >= TARGET_EXACTLY)
        return LIMIT_NONE;
    return find_run(search, target, actions, NULL, run);
}

enum limit witness_to(struct search *search, const uint64_t *words, uint32_t depth,
                      struct run *run)
{
    const struct target target = {.kind = TARGET_EXACTLY, .depth = depth};
    return find_run(search, &target, NULL, words, run);
}
