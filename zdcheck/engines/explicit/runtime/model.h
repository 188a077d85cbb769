/* What the generated code of one system offers to the fixed runtime: its seam.
 *
 * A state is ZD_WORDS 64-bit words of packed bits. In states of more than one word the two
 * highest bits of the first word are always 0 (the table keeps its marks there).
 */
#ifndef ZD_MODEL_H
#define ZD_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#ifndef ZD_WORDS
#error "ZD_WORDS, the number of words of a packed state, is given on the command line"
#endif

/* What is remarkable about a transition. */
enum {
    NOTE_PLAIN = 0,
    NOTE_EDGES = 1,  /* it may take a lock while another is held: ask zd_edge */
    NOTE_FAILED = 2, /* a check fails; plus the number of its class of violations */
};

struct successor {
    uint64_t words[ZD_WORDS]; /* undefined where a check fails */
    uint32_t action;
    uint32_t note;
};

struct model {
    uint64_t key; /* of the generated text: the caller compares it */
    uint32_t actions;
    uint32_t threads; /* at most 64 */
    uint32_t watches; /* conditions to watch for: covers and antecedents */
    uint32_t edges;   /* distinct pairs of lock classes */
    uint32_t max_successors;
    bool symmetric; /* whether zd_canonical does anything */
    uint32_t names; /* see MAX_NAMES */
    uint32_t promises; /* progress properties */
};

extern const struct model zd_model;
extern const uint8_t zd_action_thread[];

/* The edges that an action may take are zd_edge_list[zd_edge_first[a] .. zd_edge_first[a + 1]]. */
extern const uint32_t zd_edge_first[];
extern const uint32_t zd_edge_list[];

/* For partial_order.h, by action: the places that its test and its updates touch and those that it
 * writes, as sets of bits, and its rank. */
extern const uint64_t zd_touched[];
extern const uint64_t zd_written[];
extern const uint32_t zd_rank[];

/* Writes the transitions of `state` to `out`, failed checks included, those of one thread
 * side by side; returns how many. */
uint32_t zd_successors(const uint64_t *state, struct successor *out);

/* 1 + the rank of the first fault of the state itself (not deadlock), or 0. */
uint32_t zd_fault(const uint64_t *state);

/* Whether every thread that is no daemon has ended. */
bool zd_all_ended(const uint64_t *state);

bool zd_watch(const uint64_t *state, uint32_t watch);

enum fairness { FAIR_NONE, FAIR_WEAK, FAIR_STRONG };

/* What breaks a promise, apart from a fair loop without the goal. */
enum promise {
    PROMISE_AGAIN, /* nothing more */
    PROMISE_ONCE,  /* that the goal was never there before the loop */
    PROMISE_AFTER, /* that the trigger was there before the loop, and the goal never since */
};

extern const uint8_t zd_fairness[]; /* by thread */
extern const uint8_t zd_promise[];  /* by promise */
bool zd_goal(const uint64_t *state, uint32_t promise);
bool zd_trigger(const uint64_t *state, uint32_t promise);

/* False if some fair thread stands where it can always step and does not come back to: then no fair
 * loop goes through the state. */
bool zd_may_linger(const uint64_t *state);

/* Whether edge number `index` of zd_edge_list is taken by its action in `state`. */
bool zd_edge(const uint64_t *state, uint32_t index);

/* Names are the numbers of threads, and behind them those of objects that are interchangeable. */
#define MAX_NAMES 256

/* Replaces the state by a symmetric image of it. If `moved` is not NULL, moved[n] becomes what name n
 * is in the image. */
void zd_canonical(uint64_t *state, uint8_t *moved);

/* Replaces the state by the image in which every name n is moved[n]. */
void zd_rename(uint64_t *state, const uint8_t *moved);

#endif
