/* A fair run that breaks a promise is a lasso: a stem, and a loop through states without the goal.
 *
 * First only states are looked at through which a fair loop can go, and how they are reached does not
 * matter. If there is no such loop, the promise is kept. If there is one, and the promise says more
 * about the way there, all states without the goal are looked at: from where the promise is made on,
 * the goal must not come.
 */
#include "promise.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "components.h"
#include "loop.h"
#include "memory.h"
#include "witness.h"

#define BUDGET ((size_t)1 << 20) /* triples looked at for a short loop */

struct check {
    struct search *search;
    uint32_t promise;
    struct graph graph;
    struct components components;
    uint32_t *distance; /* by state: of a shortest run with the promise open; NO_STATE: none */
    uint32_t *before;   /* by state: the one before, NO_STATE where the promise is made */
    uint8_t *by;        /* by state: the thread of the step into it */
    uint32_t *order;    /* states with a distance, by distance */
    size_t reached;
    struct promised result;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void stopped(struct check *k, enum limit limit)
{
    k->result.end = PROMISE_STOPPED;
    k->result.limit = limit;
}

/* --- from where the promise is made ----------------------------------------------------- */

static void reach(struct check *k, uint32_t state, uint32_t before, unsigned by, uint32_t distance)
{
    if (k->distance[state] == NO_STATE) {
        k->distance[state] = distance;
        k->order[k->reached++] = state;
    } else if (k->distance[state] != distance || before == NO_STATE ||
               k->before[state] == NO_STATE || k->by[before] != by ||
               k->by[state] == k->by[k->before[state]]) {
        return;
    }
    /* Of equally short ways rather one whose last two steps are of one thread. */
    k->before[state] = before;
    k->by[state] = (uint8_t)by;
}

static bool take_ways(struct check *k)
{
    const size_t count = k->graph.count + 1;
    k->distance = memory_take(count * sizeof *k->distance);
    k->before = memory_take(count * sizeof *k->before);
    k->by = memory_take(count);
    k->order = memory_take(count * sizeof *k->order);
    if (!k->distance || !k->before || !k->by || !k->order)
        return false;
    memset(k->distance, 0xff, count * sizeof *k->distance);
    return true;
}

static void drop_ways(struct check *k)
{
    const size_t count = k->graph.count + 1;
    memory_give(k->distance, count * sizeof *k->distance);
    memory_give(k->before, count * sizeof *k->before);
    memory_give(k->by, count);
    memory_give(k->order, count * sizeof *k->order);
}

static void begin_once(struct check *k)
{
    for (uint32_t i = 0; i < k->search->start.initial_states; i++) {
        const uint32_t state =
            graph_find(&k->graph, k->search->initial + (size_t)i * ZD_WORDS);
        if (state != NO_STATE)
            reach(k, state, NO_STATE, 0, 0);
    }
}

static void find_ways(struct check *k)
{
    const struct graph *g = &k->graph;
    const bool after = zd_promise[k->promise] == PROMISE_AFTER;
    size_t at = 0;
    uint32_t seed = 0, distance = 0;
    if (!after) {
        begin_once(k);
        seed = (uint32_t)g->count;
    }
    for (;;) {
        while (seed < g->count && !zd_trigger(graph_words(g, seed), k->promise))
            seed++;
        if (at == k->reached && seed == g->count)
            return;
        if (at == k->reached)
            distance = graph_level(g, seed);
        for (; seed < g->count && graph_level(g, seed) <= distance; seed++)
            if (zd_trigger(graph_words(g, seed), k->promise))
                reach(k, seed, NO_STATE, 0, distance);
        for (const size_t end = k->reached; at < end; at++) {
            const uint32_t state = k->order[at];
            for (uint32_t step = 0; step < graph_degree(g, state); step++)
                reach(k, graph_target(g, state, step), state, graph_thread(g, state, step),
                      distance + 1);
        }
        distance++;
    }
}

/* --- the best lasso --------------------------------------------------------------------- */

struct lasso {
    bool found;
    uint32_t entry, stem;
    struct loop loop;
};

static bool best_lasso(struct check *k, struct lasso *best)
{
    size_t budget = BUDGET;
    const size_t count = k->order ? k->reached : k->graph.count;
    for (size_t i = 0; i < count; i++) {
        const uint32_t state = k->order ? k->order[i] : (uint32_t)i;
        const bool stops = may_stop(&k->components, state);
        if (!stops && k->components.component[state] == NO_COMPONENT)
            continue;
        const uint32_t stem = k->order ? k->distance[state] : graph_level(&k->graph, state);
        const uint32_t length = best->stem + best->loop.length;
        if (best->found && stem >= length)
            break;
        if (best->found && !stops && (stem + 1 == length || budget == 0))
            continue;
        struct loop loop = {0};
        if (!stops) {
            const uint32_t most = best->found ? length - stem - 1 : UINT32_MAX;
            if (!loop_find(&k->components, state, most, &budget, !best->found, &loop))
                return loop_drop(&loop), false;
            if (loop.length == 0)
                continue;
        }
        loop_drop(&best->loop);
        *best = (struct lasso){true, state, stem, loop};
    }
    return true;
}

/* --- the run ---------------------------------------------------------------------------- */

static bool same(const uint64_t *a, const uint64_t *b)
{
    return memcmp(a, b, ZD_WORDS * sizeof *a) == 0;
}

/* The first action of the thread that leads from one state to the other. */
static uint32_t action_of(const struct check *k, struct successor *out, uint32_t from, uint32_t to,
                          unsigned thread)
{
    const uint32_t count = zd_successors(graph_words(&k->graph, from), out);
    uint32_t best = NEVER;
    for (uint32_t i = 0; i < count; i++)
        if (out[i].note < NOTE_FAILED && out[i].action < best &&
            zd_action_thread[out[i].action] == thread &&
            same(out[i].words, graph_words(&k->graph, to)))
            best = out[i].action;
    return best;
}

/* A shortest run to where the promise is made. */
static enum limit run_to_promise(struct check *k, uint32_t state, struct run *run)
{
    const uint64_t *words = graph_words(&k->graph, state);
    if (k->order && zd_promise[k->promise] == PROMISE_ONCE) {
        *run = (struct run){0};
        while (!same(k->search->initial + (size_t)run->initial * ZD_WORDS, words))
            run->initial++;
        return LIMIT_NONE;
    }
    return witness_to(k->search, words, graph_level(&k->graph, state), run);
}

/* LIMIT_NONE, or the limit that came first. */
static enum limit write_run(struct check *k, const struct lasso *lasso, uint32_t **actions)
{
    uint32_t state = lasso->entry, open = 0;
    struct run run;
    while (k->order && k->before[state] != NO_STATE) {
        state = k->before[state];
        open++;
    }
    const enum limit limit = run_to_promise(k, state, &run);
    if (limit || run.length == NEVER) {
        free(run.actions);
        return limit ? limit : LIMIT_MEMORY;
    }
    struct successor *out = calloc(zd_model.max_successors + 1, sizeof *out);
    const uint32_t stem = run.length + open;
    uint32_t *all = realloc(run.actions, ((size_t)stem + lasso->loop.length + 1) * sizeof *all);
    if (!out || !all) {
        free(out);
        free(all ? all : run.actions);
        return LIMIT_MEMORY;
    }
    uint32_t to = lasso->entry;
    for (uint32_t at = stem; at > run.length; to = k->before[to])
        all[--at] = action_of(k, out, k->before[to], to, k->by[to]);
    uint32_t from = lasso->entry;
    for (uint32_t i = 0; i < lasso->loop.length; from = lasso->loop.targets[i++])
        all[stem + i] = action_of(k, out, from, lasso->loop.targets[i], lasso->loop.threads[i]);
    free(out);
    *actions = all;
    k->result.end = PROMISE_BROKEN;
    k->result.initial = run.initial;
    k->result.stem = stem;
    k->result.loop = lasso->loop.length;
    return LIMIT_NONE;
}

/* --- the check -------------------------------------------------------------------------- */

static bool any_stop(const struct check *k)
{
    for (size_t i = 0; i < k->graph.count; i++)
        if ((!k->distance || k->distance[i] != NO_STATE) &&
            may_stop(&k->components, (uint32_t)i))
            return true;
    return false;
}

/* Whether a promise may be broken, as far as this part of the graph shows; false, too, if a limit ends it. */
static bool look(struct check *k, bool everywhere)
{
    k->result.everywhere = everywhere;
    switch (graph_make(&k->graph, k->search, k->promise, everywhere)) {
    case GRAPH_FULL:
        return stopped(k, LIMIT_MEMORY), false;
    case GRAPH_LATE:
        return stopped(k, LIMIT_TIME), false;
    case GRAPH_DONE:
        break;
    }
    k->result.states = k->graph.count;
    k->result.steps = graph_steps(&k->graph);
    if (everywhere) {
        if (!take_ways(k))
            return stopped(k, LIMIT_MEMORY), false;
        find_ways(k);
    }
    switch (components_make(&k->components, &k->graph, k->distance)) {
    case COMPONENTS_FULL:
        return stopped(k, LIMIT_MEMORY), false;
    case COMPONENTS_LATE:
        return stopped(k, LIMIT_TIME), false;
    case COMPONENTS_DONE:
        break;
    }
    k->result.components = k->components.looked_at;
    return k->components.fair > 0 || any_stop(k);
}

static void drop(struct check *k)
{
    if (k->components.graph)
        components_drop(&k->components);
    if (k->distance || k->before || k->by || k->order)
        drop_ways(k);
    graph_drop(&k->graph);
    k->components = (struct components){0};
    k->distance = k->before = k->order = NULL;
    k->by = NULL;
}

static void find(struct check *k, uint32_t **actions)
{
    if (!look(k, false))
        return;
    if (zd_promise[k->promise] != PROMISE_AGAIN) {
        drop(k);
        if (!look(k, true))
            return;
    }
    struct lasso lasso = {0};
    const enum limit limit =
        best_lasso(k, &lasso) ? write_run(k, &lasso, actions) : LIMIT_MEMORY;
    if (limit)
        stopped(k, limit);
    loop_drop(&lasso.loop);
}

struct promised promise_check(struct search *search, uint32_t promise, uint32_t **actions)
{
    struct check k = {.search = search, .promise = promise};
    const double began = now();
    *actions = NULL;
    find(&k, actions);
    drop(&k);
    k.result.memory = memory_resident();
    k.result.seconds = now() - began;
    return k.result;
}
