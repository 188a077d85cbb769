/* A subset construction: a state of the one side, together with everything that the other side could be
 * doing meanwhile. Of the other side only the blocks (stutter.h) of its states matter, and
 *
 *  - if the state itself lies in one of those blocks, whatever follows can be followed;
 *  - if it was met before with fewer blocks, whatever these cannot follow was found from there.
 *
 * Pairs are looked at in the order of their distance, so the run that is found is a shortest one.
 */
#include "compare.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memory.h"

#define NOTHING UINT32_MAX
#define LOOK_AT_CLOCK ((size_t)1 << 10)

struct pair {
    uint32_t state, set;
    uint32_t before; /* pair, NOTHING for an initial one */
    uint32_t other;  /* another pair with this state, NOTHING if there is none */
};

/* 1 + a value by key; open addressing. */
struct map {
    uint64_t *keys; /* 0 is empty */
    uint32_t *values;
    size_t slots, count;
};

struct inclusion {
    const struct graph *graph;
    const struct stutter *s;
    struct pair *pairs;
    size_t count, room;
    uint32_t *met; /* by state: the last pair with it, plus 1 */
    struct numbers sets;  /* blocks, in order, set after set */
    struct numbers start; /* by set: where it begins in `sets`; one more at the end */
    struct map known;     /* sets, by hash */
    struct map moves;     /* by set and label: 1 + the set after it, 1 if there is none */
    struct marked scratch;
    bool full, late;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* --- maps ------------------------------------------------------------------------------- */

static size_t map_at(const struct map *map, uint64_t key)
{
    size_t at = (size_t)(((unsigned __int128)number_hash(key) * map->slots) >> 64);
    while (map->keys[at] && map->keys[at] != key)
        at = at + 1 == map->slots ? 0 : at + 1;
    return at;
}

static void map_drop(struct map *map)
{
    memory_give(map->keys, map->slots * sizeof *map->keys);
    memory_give(map->values, map->slots * sizeof *map->values);
    *map = (struct map){0};
}

static bool map_grow(struct map *map)
{
    struct map larger = {.slots = map->slots ? 2 * map->slots : 1024, .count = map->count};
    larger.keys = memory_take(larger.slots * sizeof *larger.keys);
    larger.values = memory_take(larger.slots * sizeof *larger.values);
    if (!larger.keys || !larger.values) {
        map_drop(&larger);
        return false;
    }
    for (size_t i = 0; i < map->slots; i++)
        if (map->keys[i]) {
            const size_t at = map_at(&larger, map->keys[i]);
            larger.keys[at] = map->keys[i];
            larger.values[at] = map->values[i];
        }
    map_drop(map);
    *map = larger;
    return true;
}

/* The value of a key (not 0), which is 0 if it is new; NULL if memory ends. */
static uint32_t *map_value(struct map *map, uint64_t key)
{
    if (3 * (map->count + 1) > 2 * map->slots && !map_grow(map))
        return NULL;
    const size_t at = map_at(map, key);
    if (!map->keys[at]) {
        map->keys[at] = key;
        map->count++;
    }
    return &map->values[at];
}

/* --- sets of blocks --------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static size_t set_from(const struct inclusion *k, uint32_t set)
{
    return k->start.at[set];
}

static size_t set_to(const struct inclusion *k, uint32_t set)
{
    return k->start.at[set + 1];
}

static bool set_has(const struct inclusion *k, uint32_t set, uint32_t block)
{
    const size_t from = set_from(k, set);
    return bsearch(&block, k->sets.at + from, set_to(k, set) - from, sizeof block, by_number);
}

static bool set_within(const struct inclusion *k, uint32_t small, uint32_t large)
{
    if (small == large)
        return true;
    size_t a = set_from(k, small), b = set_from(k, large);
    const size_t a_end = set_to(k, small), b_end = set_to(k, large);
    while (a < a_end && b < b_end && a_end - a <= b_end - b) {
        const uint32_t wanted = k->sets.at[a], there = k->sets.at[b];
        if (wanted < there)
            return false;
        a += wanted == there;
        b++;
    }
    return a == a_end;
}

/* Adds the blocks that steps lead to which change nothing that is seen. */
static void close_scratch(struct inclusion *k)
{
    const struct stutter *s = k->s;
    struct marked *set = &k->scratch;
    for (size_t i = 0; i < set->members.count; i++) {
        const uint32_t block = set->members.at[i];
        for (size_t j = s->first[block]; j < s->first[block + 1]; j++)
            if (s->seen[s->after.at[j]] == s->seen[block])
                marked_add(set, s->after.at[j]);
    }
}

static uint32_t add_set(struct inclusion *k)
{
    struct numbers *members = &k->scratch.members;
    const uint32_t set = (uint32_t)(k->start.count - 1);
    qsort(members->at, members->count, sizeof *members->at, by_number);
    for (size_t i = 0; i < members->count; i++)
        if (!numbers_add(&k->sets, members->at[i]))
            k->full = true;
    if (k->sets.count >= NOTHING || !numbers_add(&k->start, (uint32_t)k->sets.count))
        k->full = true;
    return set;
}

/* The number of the set that `scratch` is, closed; NOTHING if it is empty. */
static uint32_t set_of_scratch(struct inclusion *k)
{
    close_scratch(k);
    if (k->scratch.full)
        k->full = true;
    if (k->scratch.members.count == 0 || k->full)
        return NOTHING;
    for (uint64_t hash = k->scratch.hash;; hash++) {
        uint32_t *known = map_value(&k->known, hash ? hash : 1);
        if (!known) {
            k->full = true;
            return NOTHING;
        }
        if (*known == 0) {
            *known = 1 + add_set(k);
            return k->full ? NOTHING : *known - 1;
        }
        const uint32_t set = *known - 1;
        if (marked_is(&k->scratch, &k->sets, set_from(k, set), set_to(k, set)))
            return set;
    }
}

/* Where the other side may be after it showed `label` next; NOTHING if it cannot. */
static uint32_t moved(struct inclusion *k, uint32_t set, uint32_t label)
{
    const struct stutter *s = k->s;
    uint32_t *move = map_value(&k->moves, ((uint64_t)set << 32 | label) + 1);
    if (!move) {
        k->full = true;
        return NOTHING;
    }
    if (*move)
        return *move - 2;
    marked_clear(&k->scratch);
    for (size_t i = set_from(k, set); i < set_to(k, set); i++) {
        const uint32_t block = k->sets.at[i];
        for (size_t j = s->first[block]; j < s->first[block + 1]; j++)
            if (s->seen[s->after.at[j]] == label)
                marked_add(&k->scratch, s->after.at[j]);
    }
    const uint32_t after = set_of_scratch(k);
    *move = after + 2; /* 1 for NOTHING */
    return after;
}

/* --- pairs ------------------------------------------------------------------------------ */

static bool is_known(const struct inclusion *k, uint32_t state, uint32_t set)
{
    for (uint32_t pair = k->met[state]; pair; pair = k->pairs[pair - 1].other)
        if (set_within(k, k->pairs[pair - 1].set, set))
            return true;
    return false;
}

static bool room_for_pair(struct inclusion *k)
{
    if (k->count < k->room)
        return true;
    const size_t room = k->room ? 2 * k->room : 4096;
    struct pair *larger = room < NOTHING ? memory_take(room * sizeof *larger) : NULL;
    if (!larger)
        return false;
    if (k->count)
        memcpy(larger, k->pairs, k->count * sizeof *larger);
    memory_give(k->pairs, k->room * sizeof *k->pairs);
    k->pairs = larger;
    k->room = room;
    return true;
}

static void arrive(struct inclusion *k, uint32_t state, uint32_t set, uint32_t before)
{
    if (set_has(k, set, k->s->block[state]) || is_known(k, state, set))
        return;
    if (!room_for_pair(k)) {
        k->full = true;
        return;
    }
    k->pairs[k->count++] = (struct pair){state, set, before, k->met[state]};
    k->met[state] = (uint32_t)k->count;
}

/* --- the run ---------------------------------------------------------------------------- */

/* The first action that leads from one state to the other. */
static uint32_t action_of(const struct graph *g, struct successor *out, uint32_t from, uint32_t to)
{
    const uint32_t count = zd_successors(graph_words(g, from), out);
    uint32_t best = NEVER;
    for (uint32_t i = 0; i < count; i++)
        if (out[i].note < NOTE_FAILED && out[i].action < best &&
            memcmp(out[i].words, graph_words(g, to), sizeof out[i].words) == 0)
            best = out[i].action;
    return best;
}

static uint32_t initial_of(const struct graph *g, uint32_t state)
{
    uint32_t number = 0;
    while (graph_find(g, g->search->initial + (size_t)number * ZD_WORDS) != state)
        number++;
    return number;
}

/* To `state`, from the pair `before`; NOTHING if the state is an initial one. */
static void write_run(struct inclusion *k, uint32_t before, uint32_t state,
                      struct compared *result, uint32_t **actions)
{
    uint32_t length = 0;
    for (uint32_t pair = before; pair != NOTHING; pair = k->pairs[pair].before)
        length++;
    struct successor *out = calloc(zd_model.max_successors + 1, sizeof *out);
    *actions = malloc((length + 1) * sizeof **actions);
    if (!out || !*actions) {
        k->full = true;
        free(out);
        return;
    }
    uint32_t at = length;
    for (uint32_t pair = before; pair != NOTHING; pair = k->pairs[pair].before) {
        (*actions)[--at] = action_of(k->graph, out, k->pairs[pair].state, state);
        state = k->pairs[pair].state;
    }
    free(out);
    result->end = COMPARED_EXCESS;
    result->initial = initial_of(k->graph, state);
    result->length = length;
}

/* --- the search ------------------------------------------------------------------------- */

static uint32_t initial_state(const struct graph *g, uint32_t number)
{
    return graph_find(g, g->search->initial + (size_t)number * ZD_WORDS);
}

/* Where the other side may begin if it looks like `label`. */
static uint32_t begin_like(struct inclusion *k, uint32_t label, uint32_t from, uint32_t to)
{
    marked_clear(&k->scratch);
    for (uint32_t i = from; i < to; i++) {
        const uint32_t state = initial_state(k->graph, i);
        if (k->s->label[state] == label)
            marked_add(&k->scratch, k->s->block[state]);
    }
    return set_of_scratch(k);
}

/* Whether the search is at its end. */
static bool is_over(struct inclusion *k, const struct compared *result)
{
    return result->end == COMPARED_EXCESS || k->full || k->late;
}

static void begin(struct inclusion *k, const struct comparison *c, struct compared *result,
                  uint32_t **actions)
{
    const uint32_t all = k->graph->search->start.initial_states;
    const uint32_t from = c->reversed ? c->split : 0, to = c->reversed ? all : c->split;
    for (uint32_t i = from; i < to && !is_over(k, result); i++) {
        const uint32_t state = initial_state(k->graph, i);
        const uint32_t set = begin_like(k, k->s->label[state], c->reversed ? 0 : c->split,
                                        c->reversed ? c->split : all);
        if (set != NOTHING)
            arrive(k, state, set, NOTHING);
        else if (!k->full)
            write_run(k, NOTHING, state, result, actions);
    }
}

static void step_from(struct inclusion *k, uint32_t number, struct compared *result,
                      uint32_t **actions)
{
    const struct pair pair = k->pairs[number];
    const uint32_t *label = k->s->label, degree = graph_degree(k->graph, pair.state);
    for (uint32_t step = 0; step < degree && !is_over(k, result); step++) {
        const uint32_t target = graph_target(k->graph, pair.state, step);
        const bool seen = label[target] != label[pair.state];
        const uint32_t set = seen ? moved(k, pair.set, label[target]) : pair.set;
        if (set != NOTHING)
            arrive(k, target, set, number);
        else if (!k->full)
            write_run(k, number, target, result, actions);
    }
}

static bool take(struct inclusion *k)
{
    k->met = memory_take((k->graph->count + 1) * sizeof *k->met);
    return k->met && marked_make(&k->scratch, k->s->blocks) && numbers_add(&k->start, 0);
}

static void drop(struct inclusion *k)
{
    memory_give(k->pairs, k->room * sizeof *k->pairs);
    memory_give(k->met, (k->graph->count + 1) * sizeof *k->met);
    numbers_drop(&k->sets);
    numbers_drop(&k->start);
    map_drop(&k->known);
    map_drop(&k->moves);
    if (k->scratch.mark)
        marked_drop(&k->scratch);
}

static void search(struct comparer *comparer, const struct comparison *c, struct compared *result,
                   uint32_t **actions)
{
    struct inclusion k = {.graph = &comparer->graph, .s = &comparer->stutter};
    if (!take(&k))
        k.full = true;
    if (!k.full)
        begin(&k, c, result, actions);
    for (size_t i = 0; i < k.count && !is_over(&k, result); i++) {
        if (i % LOOK_AT_CLOCK == 0 && search_is_late(k.graph->search))
            k.late = true;
        step_from(&k, (uint32_t)i, result, actions);
    }
    if (k.full || k.late) {
        result->end = COMPARED_STOPPED;
        result->limit = k.full ? LIMIT_MEMORY : LIMIT_TIME;
        result->length = 0;
    }
    result->pairs = k.count;
    result->sets = k.start.count ? k.start.count - 1 : 0;
    drop(&k);
}

static enum limit make(struct comparer *c, struct search *s, const uint64_t *mask)
{
    switch (graph_make(&c->graph, s, NO_PROMISE, true)) {
    case GRAPH_FULL:
        return LIMIT_MEMORY;
    case GRAPH_LATE:
        return LIMIT_TIME;
    case GRAPH_DONE:
        break;
    }
    switch (stutter_make(&c->stutter, &c->graph, mask)) {
    case STUTTER_FULL:
        return LIMIT_MEMORY;
    case STUTTER_LATE:
        return LIMIT_TIME;
    case STUTTER_DONE:
        break;
    }
    return LIMIT_NONE;
}

struct compared compare(struct comparer *c, struct search *s, const struct comparison *comparison,
                        const uint64_t *mask, uint32_t **actions)
{
    struct compared result = {.end = COMPARED_INCLUDED};
    const double began = now();
    *actions = NULL;
    if (!c->made) {
        result.limit = make(c, s, mask);
        c->made = result.limit == LIMIT_NONE;
        if (!c->made)
            comparer_drop(c);
    }
    if (c->made)
        search(c, comparison, &result, actions);
    else
        result.end = COMPARED_STOPPED;
    if (c->made) {
        result.states = c->graph.count;
        result.steps = graph_steps(&c->graph);
        result.blocks = c->stutter.blocks;
        result.rounds = c->stutter.rounds;
    }
    result.memory = memory_resident();
    result.seconds = now() - began;
    return result;
}

void comparer_drop(struct comparer *c)
{
    stutter_drop(&c->stutter);
    if (c->graph.search)
        graph_drop(&c->graph);
    *c = (struct comparer){0};
}
