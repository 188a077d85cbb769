/* Tarjan's algorithm, each component judged when it is complete.
 *
 * All of a component can be visited again and again, with every step inside it. For weak fairness
 * a larger set of states is only fairer, so a component that is not fair has no fair part. Under
 * strong fairness a thread that can step somewhere in the component, but makes no step inside it,
 * forbids those states; what is left is searched again.
 */
#include "components.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define LOOK_AT_CLOCK ((size_t)1 << 16)

struct frame {
    uint32_t state, step, low;
};

/* States that belong to one search, all with the same number in `component`. */
struct part {
    uint32_t *states;
    size_t count;
    uint32_t number;
    struct part *next;
};

struct tarjan {
    struct components *c;
    uint32_t *order; /* by state: when it was found, 0 if it was not */
    uint32_t *stack; /* states that have no component yet */
    struct frame *calls;
    size_t stacked, called;
    uint32_t found;   /* states in this part */
    uint32_t numbers; /* of parts and components, given so far */
    struct part *parts;
    size_t steps;
    bool full, late;
};

struct verdict {
    uint64_t always, ever, stepping; /* threads that can step everywhere, somewhere; that do */
    bool loops;
};

static struct verdict judge(const struct tarjan *t, const uint32_t *states, size_t count,
                            uint32_t number)
{
    const struct graph *g = t->c->graph;
    struct verdict v = {.always = UINT64_MAX};
    for (size_t i = 0; i < count; i++) {
        const uint32_t state = states[i], degree = graph_degree(g, state);
        v.always &= g->possible[state];
        v.ever |= g->possible[state];
        for (uint32_t step = 0; step < degree; step++)
            if (t->c->component[graph_target(g, state, step)] == number) {
                v.stepping |= UINT64_C(1) << graph_thread(g, state, step);
                v.loops = true;
            }
    }
    return v;
}

/* Puts off what is left of a component without the states in which one of `threads` can step. */
static void put_off(struct tarjan *t, const uint32_t *states, size_t count, uint64_t threads)
{
    struct part *part = malloc(sizeof *part);
    uint32_t *left = malloc((count + 1) * sizeof *left);
    if (!part || !left) {
        free(part);
        free(left);
        t->full = true;
        return;
    }
    *part = (struct part){.states = left, .number = t->numbers++, .next = t->parts};
    for (size_t i = 0; i < count; i++) {
        const bool stays = (t->c->graph->possible[states[i]] & threads) == 0;
        t->c->component[states[i]] = stays ? part->number : NO_COMPONENT;
        t->order[states[i]] = 0;
        if (stays)
            left[part->count++] = states[i];
    }
    t->parts = part;
}

/* The component is `count` states on top of the stack. */
static void complete(struct tarjan *t, size_t count)
{
    struct components *c = t->c;
    const uint32_t *states = t->stack + t->stacked - count;
    const uint32_t number = t->numbers++;
    for (size_t i = 0; i < count; i++)
        c->component[states[i]] = number;
    t->stacked -= count;
    const struct verdict v = judge(t, states, count, number);
    c->looked_at += v.loops;
    const uint64_t starved = c->strong & v.ever & ~v.stepping;
    if (!v.loops || (c->weak & v.always & ~v.stepping)) {
        for (size_t i = 0; i < count; i++)
            c->component[states[i]] = NO_COMPONENT;
    } else if (starved) {
        put_off(t, states, count, starved);
    } else {
        c->fair += count;
    }
}

static void enter(struct tarjan *t, uint32_t state)
{
    t->order[state] = ++t->found;
    t->stack[t->stacked++] = state;
    t->calls[t->called++] = (struct frame){state, 0, t->found};
}

static void leave(struct tarjan *t)
{
    const struct frame frame = t->calls[--t->called];
    if (frame.low == t->order[frame.state]) {
        size_t count = 1;
        while (t->stack[t->stacked - count] != frame.state)
            count++;
        complete(t, count);
    } else if (t->calls[t->called - 1].low > frame.low) {
        t->calls[t->called - 1].low = frame.low;
    }
}

static void search_from(struct tarjan *t, uint32_t root, uint32_t part)
{
    const struct graph *g = t->c->graph;
    enter(t, root);
    while (t->called && !t->full && !t->late) {
        struct frame *top = &t->calls[t->called - 1];
        if (top->step == graph_degree(g, top->state)) {
            leave(t);
            continue;
        }
        const uint32_t target = graph_target(g, top->state, top->step++);
        if (t->c->component[target] != part)
            continue;
        if (t->order[target] == 0)
            enter(t, target);
        else if (t->order[target] < top->low)
            top->low = t->order[target];
        if (++t->steps % LOOK_AT_CLOCK == 0)
            t->late = search_is_late(g->search);
    }
}

static void search_parts(struct tarjan *t)
{
    while (t->parts && !t->full && !t->late) {
        struct part *part = t->parts;
        t->parts = part->next;
        t->found = 0;
        for (size_t i = 0; i < part->count && !t->full && !t->late; i++)
            if (t->order[part->states[i]] == 0 && t->c->component[part->states[i]] == part->number)
                search_from(t, part->states[i], part->number);
        free(part->states);
        free(part);
    }
}

static void search_all(struct tarjan *t, const uint32_t *reached)
{
    const size_t count = t->c->graph->count;
    const uint32_t number = t->numbers++;
    for (size_t i = 0; i < count; i++)
        t->c->component[i] = !reached || reached[i] != NO_STATE ? number : NO_COMPONENT;
    for (size_t i = 0; i < count && !t->full && !t->late; i++)
        if (t->order[i] == 0 && t->c->component[i] == number)
            search_from(t, (uint32_t)i, number);
    search_parts(t);
}

enum components_end components_make(struct components *c, const struct graph *graph,
                                    const uint32_t *reached)
{
    *c = (struct components){.graph = graph};
    for (uint32_t thread = 0; thread < zd_model.threads; thread++) {
        c->weak |= (uint64_t)(zd_fairness[thread] == FAIR_WEAK) << thread;
        c->strong |= (uint64_t)(zd_fairness[thread] == FAIR_STRONG) << thread;
    }
    const size_t count = graph->count + 1;
    struct tarjan t = {.c = c};
    c->component = memory_take_large(count * sizeof *c->component);
    t.order = memory_take_large(count * sizeof *t.order);
    t.stack = memory_take(count * sizeof *t.stack);
    t.calls = memory_take(count * sizeof *t.calls);
    t.full = !c->component || !t.order || !t.stack || !t.calls;
    if (!t.full)
        search_all(&t, reached);
    while (t.parts) {
        struct part *part = t.parts;
        t.parts = part->next;
        free(part->states);
        free(part);
    }
    memory_give(t.order, count * sizeof *t.order);
    memory_give(t.stack, count * sizeof *t.stack);
    memory_give(t.calls, count * sizeof *t.calls);
    return t.full ? COMPONENTS_FULL : t.late ? COMPONENTS_LATE : COMPONENTS_DONE;
}

void components_drop(struct components *c)
{
    memory_give(c->component, (c->graph->count + 1) * sizeof *c->component);
}
