/* Signature refinement (Blom and Orzan, "Distributed branching bisimulation reduction of state spaces",
 * 2003). States that reach one another unseen are one node; after that no unseen steps go round, so
 * the signature of a node is made from those of the nodes that it steps to unseen. Blocks are split by
 * the signatures of their nodes until none is split any more.
 */
#include "stutter.h"

#include <string.h>

#include "memory.h"

#define LOOK_AT_CLOCK ((size_t)1 << 14)

struct frame {
    uint32_t state, step, low;
};

struct work {
    struct stutter *s;
    size_t count; /* states */
    /* nodes: those that a step leads to unseen have smaller numbers */
    uint32_t *node;    /* by state */
    uint32_t *members; /* states, by node */
    uint32_t *begin;   /* by node: its first member; one more at the end */
    uint32_t nodes;
    /* refinement */
    uint32_t *block, *finer; /* by node: before and after this round */
    uint32_t *from;          /* by finer block: the block that it is part of */
    size_t *start;           /* by finer block: where its signature begins; one more at the end */
    struct numbers signatures;
    uint32_t *slots; /* 1 + the finer block */
    size_t slot_count;
    uint32_t finer_count;
    struct marked signature;
    bool full, late;
};

static uint32_t *take_numbers(struct work *w, size_t count)
{
    uint32_t *numbers = memory_take((count + 1) * sizeof *numbers);
    w->full |= !numbers;
    return numbers;
}

static void give_numbers(uint32_t *numbers, size_t count)
{
    memory_give(numbers, (count + 1) * sizeof *numbers);
}

static bool goes_on(struct work *w, size_t done)
{
    if (done % LOOK_AT_CLOCK == 0 && search_is_late(w->s->graph->search))
        w->late = true;
    return !w->late && !w->full;
}

/* --- labels ----------------------------------------------------------------------------- */

static void seen_of(const struct stutter *s, uint32_t state, uint64_t *seen)
{
    const uint64_t *words = graph_words(s->graph, state);
    for (int i = 0; i < ZD_WORDS; i++)
        seen[i] = words[i] & s->mask[i];
}

static void make_labels(struct work *w)
{
    struct stutter *s = w->s;
    const size_t slot_count = w->count + w->count / 2 + 64;
    uint32_t *slots = take_numbers(w, slot_count); /* 1 + the first state that looks so */
    for (uint32_t state = 0; state < w->count && goes_on(w, state); state++) {
        uint64_t seen[ZD_WORDS], other[ZD_WORDS];
        seen_of(s, state, seen);
        size_t at = (size_t)(((unsigned __int128)hash_state(seen) * slot_count) >> 64);
        for (; slots[at]; at = at + 1 == slot_count ? 0 : at + 1) {
            seen_of(s, slots[at] - 1, other);
            if (memcmp(seen, other, sizeof seen) == 0)
                break;
        }
        if (slots[at]) {
            s->label[state] = s->label[slots[at] - 1];
        } else {
            s->label[state] = s->labels++;
            slots[at] = state + 1;
        }
    }
    give_numbers(slots, slot_count);
}

/* --- nodes ------------------------------------------------------------------------------ */

struct tarjan {
    uint32_t *order; /* by state: when it was found, 0 if it was not */
    uint32_t *stack; /* states that have no node yet */
    struct frame *calls;
    size_t stacked, called;
    uint32_t found;
};

static void enter(struct tarjan *t, uint32_t state)
{
    t->order[state] = ++t->found;
    t->stack[t->stacked++] = state;
    t->calls[t->called++] = (struct frame){state, 0, t->found};
}

static void leave(struct work *w, struct tarjan *t)
{
    const struct frame frame = t->calls[--t->called];
    if (frame.low == t->order[frame.state]) {
        uint32_t state;
        do {
            state = t->stack[--t->stacked];
            w->node[state] = w->nodes;
        } while (state != frame.state);
        w->nodes++;
    } else if (t->calls[t->called - 1].low > frame.low) {
        t->calls[t->called - 1].low = frame.low;
    }
}

static void nodes_from(struct work *w, struct tarjan *t, uint32_t root)
{
    const struct graph *g = w->s->graph;
    const uint32_t *label = w->s->label;
    enter(t, root);
    while (t->called) {
        struct frame *top = &t->calls[t->called - 1];
        if (top->step == graph_degree(g, top->state)) {
            leave(w, t);
            continue;
        }
        const uint32_t target = graph_target(g, top->state, top->step++);
        if (label[target] != label[top->state])
            continue;
        if (t->order[target] == 0)
            enter(t, target);
        else if (w->node[target] == NO_STATE && t->order[target] < top->low)
            top->low = t->order[target];
    }
}

/* Sorts the states by node. */
static void gather(struct work *w)
{
    w->begin = take_numbers(w, w->nodes);
    if (w->full)
        return;
    for (size_t state = 0; state < w->count; state++)
        w->begin[w->node[state]]++;
    uint32_t sum = 0;
    for (uint32_t node = 0; node <= w->nodes; node++) {
        sum += w->begin[node];
        w->begin[node] = sum;
    }
    for (size_t state = w->count; state-- > 0;)
        w->members[--w->begin[w->node[state]]] = (uint32_t)state;
}

static void make_nodes(struct work *w)
{
    struct tarjan t = {take_numbers(w, w->count), take_numbers(w, w->count), NULL, 0, 0, 0};
    t.calls = memory_take((w->count + 1) * sizeof *t.calls);
    w->full |= !t.calls;
    if (!w->full)
        memset(w->node, 0xff, (w->count + 1) * sizeof *w->node);
    for (uint32_t state = 0; state < w->count && goes_on(w, state); state++)
        if (t.order[state] == 0)
            nodes_from(w, &t, state);
    give_numbers(t.order, w->count);
    give_numbers(t.stack, w->count);
    memory_give(t.calls, (w->count + 1) * sizeof *t.calls);
    if (!w->full && !w->late)
        gather(w);
}

/* --- rounds ----------------------------------------------------------------------------- */

/* The finer block of the nodes in `block` with this signature. */
static uint32_t finer_of(struct work *w, uint32_t block)
{
    const struct marked *signature = &w->signature;
    const uint64_t hash = number_hash(signature->hash ^ number_hash(block));
    size_t at = (size_t)(((unsigned __int128)hash * w->slot_count) >> 64);
    for (; w->slots[at]; at = at + 1 == w->slot_count ? 0 : at + 1) {
        const uint32_t known = w->slots[at] - 1;
        if (w->from[known] == block &&
            marked_is(signature, &w->signatures, w->start[known], w->start[known + 1]))
            return known;
    }
    const uint32_t number = w->finer_count++;
    w->slots[at] = number + 1;
    w->from[number] = block;
    for (size_t i = 0; i < signature->members.count; i++)
        if (!numbers_add(&w->signatures, signature->members.at[i]))
            w->full = true;
    w->start[number + 1] = w->signatures.count;
    return number;
}

/* The blocks that the node steps into, perhaps after unseen steps in its own. */
static void sign(struct work *w, uint32_t node)
{
    const struct graph *g = w->s->graph;
    const uint32_t own = w->block[node];
    marked_clear(&w->signature);
    for (uint32_t m = w->begin[node]; m < w->begin[node + 1]; m++) {
        const uint32_t state = w->members[m], degree = graph_degree(g, state);
        for (uint32_t step = 0; step < degree; step++) {
            const uint32_t target = w->node[graph_target(g, state, step)];
            if (target == node)
                continue;
            if (w->block[target] != own) {
                marked_add(&w->signature, w->block[target]);
                continue;
            }
            const uint32_t there = w->finer[target];
            for (size_t i = w->start[there]; i < w->start[there + 1]; i++)
                marked_add(&w->signature, w->signatures.at[i]);
        }
    }
}

static void refine(struct work *w)
{
    memset(w->slots, 0, w->slot_count * sizeof *w->slots);
    w->finer_count = 0;
    w->signatures.count = 0;
    w->start[0] = 0;
    for (uint32_t node = 0; node < w->nodes && goes_on(w, node); node++) {
        sign(w, node);
        w->finer[node] = finer_of(w, w->block[node]);
        w->full |= w->signature.full;
    }
}

static void refine_all(struct work *w)
{
    struct stutter *s = w->s;
    for (size_t state = 0; state < w->count; state++)
        w->block[w->node[state]] = s->label[state];
    s->blocks = s->labels;
    for (;;) {
        refine(w);
        s->rounds++;
        if (w->full || w->late || w->finer_count == s->blocks)
            return;
        s->blocks = w->finer_count;
        uint32_t *const finer = w->finer;
        w->finer = w->block;
        w->block = finer;
    }
}

/* Nothing was split in the last round: each block is one finer block, and has its signature. */
static void tell(struct work *w)
{
    struct stutter *s = w->s;
    s->first = memory_take((s->blocks + 1) * sizeof *s->first);
    s->seen = take_numbers(w, s->blocks);
    if (!s->first || !s->seen) {
        w->full = true;
        return;
    }
    /* Blocks are named as the finer ones, and so are those in signatures. */
    uint32_t *name = take_numbers(w, s->blocks);
    for (uint32_t finer = 0; name && finer < s->blocks; finer++)
        name[w->from[finer]] = finer;
    for (uint32_t finer = 0; name && finer <= s->blocks; finer++)
        s->first[finer] = w->start[finer];
    for (size_t i = 0; name && i < w->signatures.count; i++)
        w->signatures.at[i] = name[w->signatures.at[i]];
    give_numbers(name, s->blocks);
    for (size_t state = 0; state < w->count; state++) {
        s->block[state] = w->finer[w->node[state]];
        s->seen[s->block[state]] = s->label[state];
    }
    s->after = w->signatures;
    w->signatures = (struct numbers){0};
}

static void make(struct work *w)
{
    struct stutter *s = w->s;
    const size_t count = w->count;
    s->label = take_numbers(w, count);
    s->block = take_numbers(w, count);
    w->node = take_numbers(w, count);
    w->members = take_numbers(w, count);
    if (!w->full)
        make_labels(w);
    if (!w->full && !w->late)
        make_nodes(w);
    if (w->full || w->late)
        return;
    w->slot_count = w->nodes + w->nodes / 2 + 64;
    w->block = take_numbers(w, w->nodes);
    w->finer = take_numbers(w, w->nodes);
    w->from = take_numbers(w, w->nodes);
    w->slots = take_numbers(w, w->slot_count);
    w->start = memory_take((w->nodes + 2) * sizeof *w->start);
    w->full |= !w->start || !marked_make(&w->signature, w->nodes);
    if (!w->full)
        refine_all(w);
    if (!w->full && !w->late)
        tell(w);
}

enum stutter_end stutter_make(struct stutter *s, const struct graph *graph, const uint64_t *mask)
{
    *s = (struct stutter){.graph = graph, .mask = mask};
    struct work w = {.s = s, .count = graph->count};
    make(&w);
    give_numbers(w.node, w.count);
    give_numbers(w.members, w.count);
    give_numbers(w.begin, w.nodes);
    give_numbers(w.block, w.nodes);
    give_numbers(w.finer, w.nodes);
    give_numbers(w.from, w.nodes);
    give_numbers(w.slots, w.slot_count);
    memory_give(w.start, (w.nodes + 2) * sizeof *w.start);
    numbers_drop(&w.signatures);
    if (w.signature.mark)
        marked_drop(&w.signature);
    return w.full ? STUTTER_FULL : w.late ? STUTTER_LATE : STUTTER_DONE;
}

void stutter_drop(struct stutter *s)
{
    if (!s->graph)
        return;
    give_numbers(s->label, s->graph->count);
    give_numbers(s->block, s->graph->count);
    give_numbers(s->seen, s->blocks);
    memory_give(s->first, (s->blocks + 1) * sizeof *s->first);
    numbers_drop(&s->after);
    *s = (struct stutter){0};
}
