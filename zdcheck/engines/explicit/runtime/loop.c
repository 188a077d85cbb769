/* Breadth-first search over triples: the state, the threads that the way has been fair to so far,
 * and the thread of its last step. Within one level the way with fewer context switches wins; all
 * ways to a level are known before the next begins. So the first way that is back at the start and
 * fair to all is a shortest one with the fewest switches among those.
 *
 * There may be too many triples. Then the way goes to the nearest state where it is fair to one thread
 * more, from there to the next, and at last back: not the shortest, but it visits each state at most once for
 * each thread.
 */
#include "loop.h"

#include <stdlib.h>
#include <string.h>

#define MOST_CARES 24 /* threads whose part of a triple fits into a key */
#define NO_THREAD 255

struct node {
    uint64_t key;
    uint32_t before; /* node */
    uint32_t switches;
};

struct way {
    const struct components *c;
    uint32_t entry, component;
    unsigned count;    /* threads to be fair to */
    uint8_t cares[64]; /* they */
    uint64_t strong;   /* of them, as bits of the mask */
    bool exact;        /* the mask is part of a triple */
    struct node *nodes;
    size_t used, room;
    uint32_t *slots; /* 1 + node */
    size_t slot_count;
    bool full;
};

static uint64_t key_of(uint32_t state, unsigned thread, uint64_t mask)
{
    return (uint64_t)state | (uint64_t)thread << 32 | mask << 40;
}

static uint32_t state_of(const struct node *node)
{
    return (uint32_t)node->key;
}

static unsigned thread_of(const struct node *node)
{
    return node->key >> 32 & 255;
}

/* --- the set of triples ----------------------------------------------------------------- */

static uint32_t *slot_of(const struct way *w, uint64_t key)
{
    size_t at = (size_t)((key ^ key >> 29) * UINT64_C(0x9e3779b97f4a7c15) >> 20) % w->slot_count;
    while (w->slots[at] && w->nodes[w->slots[at] - 1].key != key)
        at = at + 1 == w->slot_count ? 0 : at + 1;
    return &w->slots[at];
}

static bool more_room(struct way *w)
{
    const size_t room = w->room ? 2 * w->room : 1024;
    struct node *nodes = realloc(w->nodes, room * sizeof *nodes);
    if (nodes)
        w->nodes = nodes;
    uint32_t *slots = nodes ? calloc(2 * room, sizeof *slots) : NULL;
    if (!slots) {
        w->full = true;
        return false;
    }
    free(w->slots);
    w->slots = slots;
    w->slot_count = 2 * room;
    w->room = room;
    for (size_t i = 0; i < w->used; i++)
        *slot_of(w, w->nodes[i].key) = (uint32_t)i + 1;
    return true;
}

/* A way to the triple; `level` is the first node of the level that is being made. */
static void arrive(struct way *w, uint64_t key, uint32_t before, uint32_t switches, size_t level)
{
    if (w->used == w->room && !more_room(w))
        return;
    uint32_t *slot = slot_of(w, key);
    if (*slot) {
        struct node *node = &w->nodes[*slot - 1];
        if (*slot - 1 >= level && switches < node->switches) {
            node->before = before;
            node->switches = switches;
        }
        return;
    }
    w->nodes[w->used] = (struct node){key, before, switches};
    *slot = (uint32_t)++w->used;
}

static void forget(struct way *w)
{
    if (w->slots)
        memset(w->slots, 0, w->slot_count * sizeof *w->slots);
    w->used = 0;
}

/* --- fairness --------------------------------------------------------------------------- */

/* The threads to which any loop through the state is fair, as bits of a mask. */
static uint64_t kept_at(const struct way *w, uint32_t state)
{
    const uint64_t possible = w->c->graph->possible[state];
    uint64_t mask = 0;
    for (unsigned i = 0; i < w->count; i++)
        mask |= (uint64_t)!(possible >> w->cares[i] & 1) << i;
    return mask & ~w->strong;
}

static uint64_t kept_by(const struct way *w, unsigned thread)
{
    for (unsigned i = 0; i < w->count; i++)
        if (w->cares[i] == thread)
            return UINT64_C(1) << i;
    return 0;
}

/* Weak threads, and strong ones that can step somewhere in the component. */
static void find_cares(struct way *w)
{
    const struct components *c = w->c;
    uint64_t ever = 0;
    for (size_t i = 0; c->strong && i < c->graph->count; i++)
        if (c->component[i] == w->component)
            ever |= c->graph->possible[i];
    for (uint8_t thread = 0; thread < zd_model.threads; thread++) {
        const uint64_t bit = UINT64_C(1) << thread;
        if (!((c->weak | (c->strong & ever)) & bit))
            continue;
        if (c->strong & bit)
            w->strong |= UINT64_C(1) << w->count;
        w->cares[w->count++] = thread;
    }
}

/* --- search ----------------------------------------------------------------------------- */

static bool append(struct loop *loop, const struct way *w, uint32_t node, uint32_t last_target,
                   unsigned last_thread)
{
    uint32_t steps = 1;
    for (uint32_t n = node; n != 0; n = w->nodes[n].before)
        steps++;
    const uint32_t length = loop->length + steps;
    uint32_t *targets = realloc(loop->targets, length * sizeof *targets);
    if (targets)
        loop->targets = targets;
    uint8_t *threads = realloc(loop->threads, length);
    if (threads)
        loop->threads = threads;
    if (!targets || !threads)
        return false;
    targets[length - 1] = last_target;
    threads[length - 1] = (uint8_t)last_thread;
    for (uint32_t n = node, at = length - 1; n != 0; n = w->nodes[n].before) {
        targets[--at] = state_of(&w->nodes[n]);
        threads[at] = (uint8_t)thread_of(&w->nodes[n]);
    }
    loop->length = length;
    return true;
}

struct arrival {
    uint32_t node, switches, target;
    uint64_t mask;
    uint8_t thread;
    bool found;
};

/* All steps out of one node. What ends the search is kept in `best`. */
static void expand(struct way *w, uint32_t number, uint64_t mask, uint64_t all, size_t level,
                   struct arrival *best)
{
    const struct graph *g = w->c->graph;
    const struct node node = w->nodes[number];
    const uint32_t state = state_of(&node), degree = graph_degree(g, state);
    const unsigned last = thread_of(&node);
    const uint64_t kept = w->exact ? node.key >> 40 : mask;
    for (uint32_t step = 0; step < degree && !w->full; step++) {
        const uint32_t target = graph_target(g, state, step);
        if (w->c->component[target] != w->component)
            continue;
        const unsigned thread = graph_thread(g, state, step);
        const uint64_t now = kept | kept_by(w, thread) | kept_at(w, target);
        const uint32_t switches = node.switches + (last != NO_THREAD && last != thread);
        const bool is_back = now == all && target == w->entry;
        if (is_back || (!w->exact && now != mask)) {
            if (!best->found || switches < best->switches)
                *best = (struct arrival){number, switches, target, now, (uint8_t)thread, true};
        } else {
            arrive(w, key_of(target, thread, w->exact ? now : 0), number, switches, level);
        }
    }
}

/* From `from` on to where the search ends, at most `most` steps. */
static struct arrival search(struct way *w, uint32_t from, uint64_t mask, uint32_t most,
                             size_t *budget)
{
    const uint64_t all = w->count == 64 ? UINT64_MAX : (UINT64_C(1) << w->count) - 1;
    struct arrival best = {.found = false};
    forget(w);
    arrive(w, key_of(from, NO_THREAD, w->exact ? mask : 0), 0, 0, 0);
    size_t begin = 0;
    for (uint32_t depth = 0; depth < most && begin < w->used && !best.found; depth++) {
        const size_t end = w->used;
        for (size_t i = begin; i < end && !w->full; i++) {
            if (budget && (*budget)-- == 0) {
                *budget = 0;
                return best;
            }
            expand(w, (uint32_t)i, mask, all, end, &best);
        }
        begin = end;
    }
    return best;
}

static bool find_exactly(struct way *w, uint32_t most, size_t *budget, struct loop *loop)
{
    w->exact = true;
    const struct arrival found = search(w, w->entry, kept_at(w, w->entry), most, budget);
    return !found.found || append(loop, w, found.node, found.target, found.thread);
}

static bool find_greedily(struct way *w, struct loop *loop)
{
    w->exact = false;
    uint32_t at = w->entry;
    uint64_t mask = kept_at(w, at);
    for (;;) {
        const struct arrival found = search(w, at, mask, UINT32_MAX, NULL);
        if (!found.found)
            return false;
        if (!append(loop, w, found.node, found.target, found.thread))
            return false;
        at = found.target;
        mask = found.mask;
        const uint64_t all = w->count == 64 ? UINT64_MAX : (UINT64_C(1) << w->count) - 1;
        if (at == w->entry && mask == all)
            return true;
    }
}

bool loop_find(const struct components *c, uint32_t entry, uint32_t most, size_t *budget,
               bool needed, struct loop *loop)
{
    struct way w = {.c = c, .entry = entry, .component = c->component[entry]};
    *loop = (struct loop){0};
    find_cares(&w);
    bool fits = true;
    if (w.count <= MOST_CARES)
        fits = find_exactly(&w, most, budget, loop);
    if (fits && !w.full && loop->length == 0 && needed)
        fits = find_greedily(&w, loop);
    free(w.nodes);
    free(w.slots);
    return fits && !w.full;
}

void loop_drop(struct loop *loop)
{
    free(loop->targets);
    free(loop->threads);
    *loop = (struct loop){0};
}
