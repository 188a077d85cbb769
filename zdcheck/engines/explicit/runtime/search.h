/* Breadth-first search of every reachable state, level by level, with all workers on one level. */
#ifndef ZD_SEARCH_H
#define ZD_SEARCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "delayed.h"
#include "levels.h"
#include "model.h"
#include "partial_order.h"
#include "pool.h"
#include "table.h"

#define NEVER UINT32_MAX

enum outcome { OUTCOME_COMPLETE, OUTCOME_FAULT, OUTCOME_STOPPED };
enum limit { LIMIT_NONE, LIMIT_STATES, LIMIT_MEMORY, LIMIT_TIME, LIMIT_INTERRUPT, LIMIT_DEPTH, LIMIT_DISK };
enum fault { FAULT_NONE, FAULT_STATE, FAULT_DEADLOCK, FAULT_CHECK };

/* What the caller sends with RECORD_START. 0 is no limit. */
struct start {
    uint64_t max_states;
    uint64_t max_memory; /* bytes */
    double timeout;      /* seconds */
    uint32_t workers;
    uint32_t initial_states; /* they follow, ZD_WORDS words each; then key_coefficients if compact */
    uint32_t partial_order;  /* whether to let threads sleep */
    uint32_t spill; /* bytes of the name of a directory, which follows then; 0: there is none */
};

/* What RECORD_RESULT begins with. */
struct result {
    uint32_t outcome, limit;
    uint32_t fault, fault_number, fault_depth; /* number: rank of the state's fault, class of check */
    uint32_t depth;                            /* of the last level with states */
    uint64_t states, transitions, frontier;
    uint64_t asleep; /* transitions whose states were not looked up */
    uint64_t memory, slots; /* bytes, most that were resident; slots of the table */
    uint64_t disk, sweeps;               /* bytes; see delayed.h */
    uint64_t level, before; /* states at the depth that was expanded last, and at the one before */
    double seconds;
};

#define BLOCK_SUCCESSORS 1024 /* at most about so many between two looks at the table's load */
#define RING 64 /* a power of two: inserts under way, so that their cache misses overlap */

struct pending {
    size_t home; /* as table_home */
#ifdef ZD_COMPACT
    uint64_t key;
#endif
    uint64_t words[ZD_WORDS];
    thread_set asleep;
};

struct worker {
    struct pending ring[RING];
    unsigned ring_at;
    bool ring_full;
    bool deadlock;         /* in the level that is expanded */
    uint32_t state_fault;  /* smallest of the new states, as zd_fault */
    uint32_t failed_check; /* smallest class */
    size_t new_states;     /* not yet added to the search's */
    uint64_t *fired;       /* by action: its transitions */
    uint32_t *first_fired; /* by action: the length of the shortest run that ends with it */
    uint32_t *watching;    /* numbers of conditions not seen yet */
    uint32_t watching_count;
    struct successor *out;
    thread_set *asleep; /* by successor: who sleeps after it */
    uint64_t slept;     /* successors not looked up */
    struct sleepers sleepers;
    char padding[64];
};

/* A worker takes states from here; one stretch of a level. */
struct cursor {
    atomic_size_t next;
    size_t end;
    char padding[48];
};

struct search {
    struct start start;
    const uint64_t *initial;
    struct table table;
    struct levels levels;
    struct delayed delayed;
    struct worker *workers;
    struct cursor *cursors;
    unsigned worker_count;
    size_t block;          /* states taken at once */
    atomic_size_t states;
    size_t grow_at;        /* states in the table at which it grows */
    atomic_uint pause;     /* PAUSE_GROW, PAUSE_STOP: leave the level for now */
    atomic_uint limit;     /* enum limit: why it stops */
    atomic_uint *watch_depth, *edge_depth; /* where first seen, or NEVER */
    struct table *growing; /* the old table, while it is moved */
    uint32_t depth;        /* of the level that is expanded */
    double began, last_progress;
    unsigned until_clock;
    struct result result;
};

/* False if not even the beginning has memory; the result says so. */
bool search_make(struct search *search, const struct start *start, const uint64_t *initial);
void search_run(struct search *search);

/* Whether its time is over. */
bool search_is_late(const struct search *search);
void search_drop(struct search *search);

/* --- the finished levels, once more; see witness.c ---------------------------------------- */

/* Some states of one list. */
struct block {
    unsigned list;
    size_t from, to;
};

/* Runs the job for each worker; together they can take each state of the level once. */
void search_each(struct search *search, uint32_t level, pool_job *job, void *context);

/* More states of the level for a worker; false if there are no more. */
bool search_take(struct search *search, unsigned worker, struct block *block);

#endif
