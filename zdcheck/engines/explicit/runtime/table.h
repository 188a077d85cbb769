/* The set of visited states: an open-addressing hash table that holds whole states.
 *
 * Lock-free: any number of threads insert at once. Growing is not concurrent with inserting; the
 * search stops its workers for it. Where a state lies depends on the high bits of its hash, so
 * that growing reads the old table and writes the new one from front to back.
 *
 * A state of one word is its own entry; 0 is an empty slot, and the state 0 has a flag beside the
 * table. Of longer states the first word is claimed with the mark WRITING, the others follow, then
 * the mark becomes WRITTEN; whoever meets the same first word half-way waits for that.
 */
#ifndef ZD_TABLE_H
#define ZD_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model.h"

/* Slots of one group share a cache line where they fit; a group is searched before the next. */
#if ZD_WORDS == 1
#define GROUP 8
#elif ZD_WORDS == 2
#define GROUP 4
#elif ZD_WORDS <= 4
#define GROUP 2
#else
#define GROUP 1
#endif

struct table {
    _Atomic uint64_t *slots;
    size_t groups;
    atomic_bool has_zero; /* only for states of one word */
};

/* An empty table of at least `slots` slots, soon to replace `old` (or NULL); false if there is no
 * memory for it. */
bool table_make(struct table *table, size_t slots, const struct table *old);
void table_drop(struct table *table);
size_t table_slots(const struct table *table);
size_t table_bytes(const struct table *table);

/* Puts the states that lie in the groups from .. to-1 of `old` into `table`, and forgets them. */
void table_move(struct table *table, struct table *old, size_t from, size_t to);

/* One wide multiplication per word; both halves, because the high one alone forgets low bits. */
static inline uint64_t table_hash(const uint64_t *words)
{
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15);
    for (int i = 0; i < ZD_WORDS; i++) {
        const unsigned __int128 product =
            (unsigned __int128)(words[i] ^ h) * UINT64_C(0xd6e8feb86659fd93);
        h = (uint64_t)(product >> 64) ^ (uint64_t)product;
    }
    return h;
}

static inline size_t table_home(const struct table *table, uint64_t hash)
{
    return (size_t)(((unsigned __int128)hash * table->groups) >> 64) * (GROUP * ZD_WORDS);
}

static inline void table_prefetch(const struct table *table, uint64_t hash)
{
    __builtin_prefetch((const void *)&table->slots[table_home(table, hash)], 1);
}

#if ZD_WORDS == 1

/* Adds the state unless it is there; returns whether it was new. */
static inline bool table_insert(struct table *table, const uint64_t *words, uint64_t hash)
{
    const uint64_t state = words[0];
    if (__builtin_expect(state == 0, 0))
        return !atomic_exchange_explicit(&table->has_zero, true, memory_order_relaxed);
    const size_t end = table->groups * GROUP;
    const size_t start = hash % GROUP;
    size_t base = table_home(table, hash);
    for (;;) {
        for (size_t i = 0; i < GROUP; i++) {
            _Atomic uint64_t *slot = &table->slots[base + (start + i) % GROUP];
            uint64_t there = atomic_load_explicit(slot, memory_order_relaxed);
            if (there == state)
                return false;
            if (there == 0) {
                if (atomic_compare_exchange_strong_explicit(slot, &there, state,
                                                            memory_order_relaxed,
                                                            memory_order_relaxed))
                    return true;
                if (there == state)
                    return false;
            }
        }
        base += GROUP;
        if (base == end)
            base = 0;
    }
}

#else

#define MARK_WRITING (UINT64_C(1) << 62)
#define MARK_WRITTEN (UINT64_C(1) << 63)
#define MARKS (MARK_WRITING | MARK_WRITTEN)

/* Adds the state unless it is there; returns whether it was new. */
static inline bool table_insert(struct table *table, const uint64_t *words, uint64_t hash)
{
    const size_t end = table->groups * (GROUP * ZD_WORDS);
    const size_t start = hash % GROUP;
    size_t base = table_home(table, hash);
    for (;;) {
        for (size_t i = 0; i < GROUP; i++) {
            _Atomic uint64_t *slot = &table->slots[base + (start + i) % GROUP * ZD_WORDS];
            uint64_t there = atomic_load_explicit(slot, memory_order_acquire);
            if (there == 0 &&
                atomic_compare_exchange_strong_explicit(slot, &there, words[0] | MARK_WRITING,
                                                        memory_order_acquire,
                                                        memory_order_acquire)) {
                for (int w = 1; w < ZD_WORDS; w++)
                    atomic_store_explicit(&slot[w], words[w], memory_order_relaxed);
                atomic_store_explicit(slot, words[0] | MARK_WRITTEN, memory_order_release);
                return true;
            }
            if ((there & ~MARKS) != words[0])
                continue;
            while (!(there & MARK_WRITTEN))
                there = atomic_load_explicit(slot, memory_order_acquire);
            int w = 1;
            while (w < ZD_WORDS &&
                   atomic_load_explicit(&slot[w], memory_order_relaxed) == words[w])
                w++;
            if (w == ZD_WORDS)
                return false;
        }
        base += GROUP * ZD_WORDS;
        if (base == end)
            base = 0;
    }
}

#endif

#endif
