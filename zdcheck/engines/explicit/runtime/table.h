/* The set of visited states: an open-addressing hash table that holds the keys of states, which
 * are the states themselves unless they are compacted (key.h).
 *
 * Lock-free: any number of threads insert at once. Growing is not concurrent with inserting; the
 * search stops its workers for it. Where a state lies depends on the high bits of its hash, so
 * that growing reads the old table and writes the new one from front to back.
 *
 * A key of one word is its own entry; 0 is an empty slot, and the key 0 has a flag beside the
 * table. Of longer keys the first word is claimed with the mark WRITING, the others follow, then
 * the mark becomes WRITTEN; whoever meets the same first word half-way waits for that.
 */
#ifndef ZD_TABLE_H
#define ZD_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "key.h"

/* Slots of one group share a cache line where they fit; a group is searched before the next. */
#if KEY_WORDS == 1
#define GROUP 8
#elif KEY_WORDS == 2
#define GROUP 4
#elif KEY_WORDS <= 4
#define GROUP 2
#else
#define GROUP 1
#endif

#if KEY_WORDS == 1
#define MARK_WRITING UINT64_C(0)
#define MARK_WRITTEN UINT64_C(0)
#else
#define MARK_WRITING (UINT64_C(1) << 62)
#define MARK_WRITTEN (UINT64_C(1) << 63)
#endif
#define MARKS (MARK_WRITING | MARK_WRITTEN)

struct table {
    _Atomic uint64_t *slots;
    size_t groups;
    bool shared;          /* by several workers; a lone one needs no locked instruction */
    atomic_bool has_zero; /* only for keys of one word */
};

/* An empty table of at least `slots` slots, soon to replace `old`, which may have no slots; false
 * if there is no memory for it. */
bool table_make(struct table *table, size_t slots, const struct table *old);
void table_drop(struct table *table);
size_t table_slots(const struct table *table);
size_t table_bytes(const struct table *table);

/* Puts the states that lie in the groups from .. to-1 of `old` into `table`, and forgets them.
 * Several workers may move different groups. */
void table_move(struct table *table, struct table *old, size_t from, size_t to);

/* Where to begin to look for a key; changes when the table grows. */
static inline size_t table_home(const struct table *table, const uint64_t *key)
{
    const unsigned __int128 product = (unsigned __int128)hash_words(key, KEY_WORDS) * table->groups;
    return (size_t)(product >> 64) * (GROUP * KEY_WORDS);
}

static inline void table_prefetch(const struct table *table, size_t home)
{
    __builtin_prefetch((const void *)&table->slots[home], 1);
}

/* Which slots of a group begin like a state, and which are empty, as bits. Both are said of one look
 * at each slot: a slot that was seen empty may be filled a moment later, with the same state too. */
struct look {
    uint32_t similar, empty;
};

#if KEY_WORDS == 1 && defined(__SSE2__) && !defined(ZD_SANITIZED)

static inline uint32_t pair_equal(__m128i pair, __m128i key)
{
    const __m128i halves = _mm_cmpeq_epi32(pair, key);
    const __m128i both = _mm_and_si128(halves, _mm_shuffle_epi32(halves, 0xb1));
    return (uint32_t)_mm_movemask_pd(_mm_castsi128_pd(both));
}

/* All slots are compared at once: a loop that ends early is a branch that no processor can predict,
 * and costs more than the cache miss that was hidden. The language has no atomic vector loads, but
 * in the hardware each aligned half of one is atomic; volatile makes it one load of each. */
static inline struct look group_look(const _Atomic uint64_t *group, uint64_t first)
{
    const volatile __m128i *const pairs = (const volatile __m128i *)group;
    const __m128i a = pairs[0], b = pairs[1], c = pairs[2], d = pairs[3];
    const __m128i key = _mm_set1_epi64x((long long)first), zero = _mm_setzero_si128();
    return (struct look){
        pair_equal(a, key) | pair_equal(b, key) << 2 | pair_equal(c, key) << 4 |
            pair_equal(d, key) << 6,
        pair_equal(a, zero) | pair_equal(b, zero) << 2 | pair_equal(c, zero) << 4 |
            pair_equal(d, zero) << 6,
    };
}

#else

static inline struct look group_look(const _Atomic uint64_t *group, uint64_t first)
{
    struct look look = {0, 0};
    for (int i = 0; i < GROUP; i++) {
        const uint64_t there = atomic_load_explicit(&group[i * KEY_WORDS], memory_order_relaxed);
        look.similar |= (uint32_t)(there != 0 && (there & ~MARKS) == first) << i;
        look.empty |= (uint32_t)(there == 0) << i;
    }
    return look;
}

#endif

/* Whether a slot that begins like the state holds it; waits for whoever is still writing there. */
static inline bool slot_has(const _Atomic uint64_t *slot, const uint64_t *key)
{
#if KEY_WORDS > 1
    while (!(atomic_load_explicit(slot, memory_order_acquire) & MARK_WRITTEN))
        ;
#endif
    uint64_t difference = 0;
    for (int w = 1; w < KEY_WORDS; w++)
        difference |= atomic_load_explicit(&slot[w], memory_order_relaxed) ^ key[w];
    return difference == 0;
}

/* Fills a slot that was seen empty with the state; false if somebody was faster. */
static inline bool slot_fill(const struct table *table, _Atomic uint64_t *slot,
                             const uint64_t *key)
{
    uint64_t empty = 0;
    if (!table->shared)
        atomic_store_explicit(slot, key[0] | MARK_WRITTEN, memory_order_relaxed);
    else if (!atomic_compare_exchange_strong_explicit(slot, &empty, key[0] | MARK_WRITING,
                                                      memory_order_relaxed, memory_order_relaxed))
        return false;
    for (int w = 1; w < KEY_WORDS; w++)
        atomic_store_explicit(&slot[w], key[w], memory_order_relaxed);
#if KEY_WORDS > 1
    if (table->shared)
        atomic_store_explicit(slot, key[0] | MARK_WRITTEN, memory_order_release);
#endif
    return true;
}

/* Adds the state unless it is there; returns whether it was new. `home` is its table_home.
 *
 * Each worker fills the first slot that it saw empty, after all those before it, from the state's
 * home on, which it saw full of other states. A slot is filled once. So if two workers had filled
 * two slots with one state, the one with the later slot must have seen the earlier slot full, that
 * is: full of this state. Nothing needs to be known of the order of loads from different slots. */
static inline bool table_insert(struct table *table, const uint64_t *key, size_t home)
{
#if KEY_WORDS == 1
    if (__builtin_expect(key[0] == 0, 0))
        return !atomic_exchange_explicit(&table->has_zero, true, memory_order_relaxed);
#endif
    for (;;) {
        _Atomic uint64_t *const group = &table->slots[home];
        const struct look look = group_look(group, key[0]);
        for (uint32_t similar = look.similar; similar; similar &= similar - 1)
            if (slot_has(&group[__builtin_ctz(similar) * KEY_WORDS], key))
                return false;
        if (look.empty) {
            if (slot_fill(table, &group[__builtin_ctz(look.empty) * KEY_WORDS], key))
                return true;
            continue; /* it may have been the same state: look again */
        }
        home += GROUP * KEY_WORDS;
        if (home == table->groups * (GROUP * KEY_WORDS))
            home = 0;
    }
}

#endif
