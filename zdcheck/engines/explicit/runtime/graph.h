/* The part of the state graph in which a promise can be broken, spelled out.
 *
 * Of all visited states those are taken in which the goal does not hold and, if that is known,
 * through which a fair run can go round. States have numbers in the order of the levels, so a
 * smaller number is no farther from the start. Steps that leave the part are not kept, but which
 * threads can step is. Without a promise it is the graph of all states (compare.h).
 */
#ifndef ZD_GRAPH_H
#define ZD_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "search.h"

#define NO_STATE UINT32_MAX
#define NO_PROMISE UINT32_MAX /* has no goal: the graph is that of all states */

/* What each worker writes steps into; blocks of a fixed size, linked through their first word. */
struct step_store {
    uint32_t *block;
    size_t used; /* words of the last block */
    size_t steps;
    char padding[40];
};

struct graph {
    struct search *search;
    uint32_t promise;
    bool everywhere;     /* all states without the goal, also those that no loop can have */
    atomic_bool full;    /* memory ended */
    atomic_bool late;    /* time ended */
    size_t block_words;  /* of the blocks of steps */
    size_t count;        /* states */
    uint64_t *words;     /* ZD_WORDS for each */
    _Atomic uint64_t *slots; /* the index: 32 bits of the hash, then 1 + the number of the state */
    size_t slot_count;
    uint64_t *possible;  /* by state: the threads that can step */
    uint32_t **steps;    /* by state: how many, the targets, then a byte for the thread of each */
    struct step_store *stores; /* by worker */
    size_t *first;       /* by level and list: the number of its first state */
};

enum graph_end { GRAPH_DONE, GRAPH_FULL, GRAPH_LATE };

enum graph_end graph_make(struct graph *graph, struct search *search, uint32_t promise,
                          bool everywhere);
void graph_drop(struct graph *graph);
size_t graph_steps(const struct graph *graph);

/* The number of a state, or NO_STATE. */
uint32_t graph_find(const struct graph *graph, const uint64_t *words);

/* The level of a state: the length of a shortest run to it. */
uint32_t graph_level(const struct graph *graph, uint32_t state);

static inline const uint64_t *graph_words(const struct graph *graph, uint32_t state)
{
    return graph->words + (size_t)state * ZD_WORDS;
}

static inline uint32_t graph_degree(const struct graph *graph, uint32_t state)
{
    return graph->steps[state][0];
}

static inline uint32_t graph_target(const struct graph *graph, uint32_t state, uint32_t step)
{
    return graph->steps[state][1 + step];
}

static inline unsigned graph_thread(const struct graph *graph, uint32_t state, uint32_t step)
{
    const uint32_t *record = graph->steps[state];
    return ((const uint8_t *)(record + 1 + record[0]))[step];
}

#endif
