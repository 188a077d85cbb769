/* The states through which a fair run can go round for ever. */
#ifndef ZD_COMPONENTS_H
#define ZD_COMPONENTS_H

#include "graph.h"

#define NO_COMPONENT UINT32_MAX

struct components {
    const struct graph *graph;
    uint64_t weak, strong;  /* threads of that fairness */
    uint32_t *component;    /* by state: its component; in the end NO_COMPONENT unless that is fair */
    size_t looked_at;       /* components with a loop */
    size_t fair;            /* states in fair ones */
};

enum components_end { COMPONENTS_DONE, COMPONENTS_FULL, COMPONENTS_LATE };

/* Looks at the states for which `reached` is not NO_STATE; at all if it is NULL. */
enum components_end components_make(struct components *components, const struct graph *graph,
                                    const uint32_t *reached);
void components_drop(struct components *components);

/* Whether a run may stop in the state: no thread that has fairness can step. */
static inline bool may_stop(const struct components *c, uint32_t state)
{
    return (c->graph->possible[state] & (c->weak | c->strong)) == 0;
}

#endif
