// The protocol of bench/gup/gup.zd by hand: what a search for this one protocol can reach.
//
// Build with -DGUPS=… -DPAGES=… -DPTES=… -DUNMAPPERS=…; usage: gup WORKERS.
// Packed states of one word, a lock-free table that holds them and grows, a ring of prefetched
// inserts, level by level. It has no parents, so it can count and judge but not explain: that is
// the limit, not a checker.
#ifdef __AVX2__
#include <immintrin.h>
#endif
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#ifndef GUPS
#define GUPS 3
#endif
#ifndef PAGES
#define PAGES 3
#endif
#ifndef PTES
#define PTES 3
#endif
#ifndef UNMAPPERS
#define UNMAPPERS 2
#endif

// --- the state ---------------------------------------------------------------------------
// A gup: location 3 bits, slot 2 bits (0 null), pin 2 bits (0 null); then counts of 4 bits,
// entries of 2 bits (0 null), the unmappers' old entries, unplug's location, dying, gone.
#define GUP(g) (7 * (g))
#define SLOT 3
#define PIN 5
#define COUNT(p) (7 * GUPS + 4 * (p))
#define ENTRY(e) (7 * GUPS + 4 * PAGES + 2 * (e))
#define OLD(u) (7 * GUPS + 4 * PAGES + 2 * PTES + 2 * (u))
#define UNPLUG OLD(UNMAPPERS)
#define DYING (UNPLUG + 2)
#define GONE (DYING + 1)
#define ALIVE (GONE + 1) // always 1, so that no state is 0
_Static_assert(ALIVE < 64, "a state is one word");

#define FIELD(s, at, bits) ((s) >> (at) & ((1u << (bits)) - 1))
#define ONE(at) (UINT64_C(1) << (at))

#define RING 64
#define GROUP 8
#define CHUNK 8192

struct worker {
    uint64_t ring[RING], ring_hash[RING];
    unsigned at;
    uint64_t transitions, states, deadlocks, broken;
    uint64_t *next;
    size_t next_count, next_room;
    char padding[64];
};

static _Atomic uint64_t *table, *old_table;
static size_t groups, old_groups;
static struct worker *workers;
static unsigned worker_count;
static uint64_t **level;
static size_t *level_count;
static atomic_size_t *cursor, moved, total;
static atomic_bool full;

static void *take(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

static inline uint64_t hash_of(uint64_t s)
{
    const unsigned __int128 m = (unsigned __int128)(s ^ 0x9e3779b97f4a7c15) * 0xd6e8feb86659fd93;
    return (uint64_t)(m >> 64) ^ (uint64_t)m;
}

#ifdef __AVX2__
static inline unsigned equal(__m256i slots, __m256i value)
{
    return (unsigned)_mm256_movemask_pd((__m256d)_mm256_cmpeq_epi64(slots, value));
}
#endif

static inline size_t home(uint64_t hash)
{
    return (size_t)((unsigned __int128)hash * groups >> 64) * GROUP;
}

// Adds a state unless it is there. All slots of a group, which is a cache line, are compared at once:
// a loop that ends early is a branch that nobody can predict. Each slot is looked at once, so that
// one seen empty was not full of this state.
static inline bool insert(uint64_t s, uint64_t hash)
{
    for (size_t base = home(hash);;) {
        _Atomic uint64_t *const group = &table[base];
        unsigned same = 0, empty = 0;
#ifdef __AVX2__
        const volatile __m256i *const halves = (const volatile __m256i *)group;
        const __m256i low = halves[0], high = halves[1];
        const __m256i key = _mm256_set1_epi64x((long long)s), zero = _mm256_setzero_si256();
        same = equal(low, key) | equal(high, key) << 4;
        empty = equal(low, zero) | equal(high, zero) << 4;
#else
        for (unsigned i = 0; i < GROUP; i++) {
            const uint64_t there = atomic_load_explicit(&group[i], memory_order_relaxed);
            same |= (unsigned)(there == s) << i;
            empty |= (unsigned)(there == 0) << i;
        }
#endif
        if (same)
            return false;
        uint64_t nothing = 0;
        if (!empty)
            base = base + GROUP == groups * GROUP ? 0 : base + GROUP;
        else if (atomic_compare_exchange_strong_explicit(&group[__builtin_ctz(empty)], &nothing, s,
                                                         memory_order_relaxed,
                                                         memory_order_relaxed))
            return true;
    }
}

static __attribute__((noinline)) void found(struct worker *w, uint64_t s)
{
    w->states++;
    for (unsigned e = 0; e < PTES; e++) {
        const unsigned p = FIELD(s, ENTRY(e), 2);
        if (p && FIELD(s, COUNT(p - 1), 4) == 0)
            w->broken++;
    }
    if (w->next_count == w->next_room) {
        w->next_room = w->next_room ? 2 * w->next_room : 1024;
        w->next = realloc(w->next, w->next_room * sizeof *w->next);
    }
    w->next[w->next_count++] = s;
}

static inline void push(struct worker *w, uint64_t s)
{
    const unsigned at = w->at++ % RING;
    const uint64_t waiting = w->ring[at];
    w->transitions++;
    if (waiting && insert(waiting, w->ring_hash[at]))
        found(w, waiting);
    w->ring[at] = s;
    w->ring_hash[at] = hash_of(s);
    __builtin_prefetch((const void *)&table[home(w->ring_hash[at])], 1);
}

static void drain(struct worker *w)
{
    for (unsigned i = 0; i < RING; i++) {
        const unsigned at = (w->at + i) % RING;
        if (w->ring[at] && insert(w->ring[at], w->ring_hash[at]))
            found(w, w->ring[at]);
        w->ring[at] = 0;
    }
}

// --- the protocol ------------------------------------------------------------------------

static inline void expand(struct worker *w, uint64_t s)
{
    const bool dying = FIELD(s, DYING, 1), gone = FIELD(s, GONE, 1);
    for (unsigned g = 0; g < GUPS; g++) {
        const unsigned slot = FIELD(s, GUP(g) + SLOT, 2), pin = FIELD(s, GUP(g) + PIN, 2);
        const uint64_t fresh = s & ~((uint64_t)127 << GUP(g));
        switch (FIELD(s, GUP(g), 3)) {
        case 0: // read an entry
            for (unsigned e = 0; e < PTES; e++) {
                const unsigned entry = FIELD(s, ENTRY(e), 2);
                if (entry)
                    push(w, s + ((1 + ((e + 1) << SLOT) + ((uint64_t)entry << PIN)) << GUP(g)));
            }
            break;
        case 1: { // take a reference, unless it dies
            const unsigned count = FIELD(s, COUNT(pin - 1), 4);
            if (count == 0 || dying)
                push(w, fresh);
            else if (count == 15)
                w->broken++;
            else
                push(w, s + ONE(COUNT(pin - 1)) + ONE(GUP(g)));
            break;
        }
        case 2: { // read the entry again
            const bool same = FIELD(s, ENTRY(slot - 1), 2) == pin;
            push(w, s + (same ? 1 : 2) * ONE(GUP(g)) - slot * ONE(GUP(g) + SLOT));
            break;
        }
        case 3: // use the page
            if (gone)
                w->broken++;
            else
                push(w, s + ONE(GUP(g)));
            break;
        default: // put it
            push(w, fresh - ONE(COUNT(pin - 1)));
        }
    }
    for (unsigned e = 0; e < PTES; e++) { // map
        for (unsigned p = 0; p < PAGES && !dying && FIELD(s, ENTRY(e), 2) == 0; p++)
            if (FIELD(s, COUNT(p), 4) > 0)
                push(w, s + ONE(COUNT(p)) + (p + 1) * ONE(ENTRY(e)));
    }
    for (unsigned u = 0; u < UNMAPPERS; u++) { // unmap, then put
        const unsigned old = FIELD(s, OLD(u), 2);
        if (old) {
            push(w, s - old * ONE(OLD(u)) - ONE(COUNT(old - 1)));
            continue;
        }
        for (unsigned e = 0; e < PTES; e++) {
            const unsigned entry = FIELD(s, ENTRY(e), 2);
            if (entry)
                push(w, s - entry * ONE(ENTRY(e)) + entry * ONE(OLD(u)));
        }
    }
    bool last = true;
    switch (FIELD(s, UNPLUG, 2)) {
    case 0:
        push(w, s + ONE(UNPLUG) + ONE(DYING));
        break;
    case 1:
        for (unsigned p = 0; p < PAGES; p++)
            last = last && FIELD(s, COUNT(p), 4) == 1;
        if (last)
            push(w, s + ONE(UNPLUG));
        break;
    case 2:
        push(w, s + ONE(UNPLUG) + ONE(GONE));
        break;
    }
}

// --- the search --------------------------------------------------------------------------

static void *expand_level(void *argument)
{
    struct worker *w = argument;
    const unsigned me = (unsigned)(w - workers);
    for (unsigned i = 0; i < worker_count; i++) {
        const unsigned list = (me + i) % worker_count;
        while (!atomic_load_explicit(&full, memory_order_relaxed)) {
            const size_t block = 256, from = atomic_fetch_add(&cursor[list], block);
            if (from >= level_count[list])
                break;
            const size_t to = from + block < level_count[list] ? from + block : level_count[list];
            for (size_t at = from; at < to; at++)
                expand(w, level[list][at]);
            const size_t all = atomic_fetch_add(&total, w->states) + w->states;
            w->states = 0;
            if (all * 4 > groups * GROUP * 3)
                atomic_store(&full, true);
        }
    }
    drain(w);
    atomic_fetch_add(&total, w->states);
    w->states = 0;
    return NULL;
}

static void *move(void *argument)
{
    (void)argument;
    for (;;) {
        const size_t from = atomic_fetch_add(&moved, CHUNK);
        if (from >= old_groups * GROUP)
            return NULL;
        const size_t to = from + CHUNK < old_groups * GROUP ? from + CHUNK : old_groups * GROUP;
        for (size_t at = from; at < to; at++) {
            const uint64_t s = atomic_load_explicit(&old_table[at], memory_order_relaxed);
            if (s)
                insert(s, hash_of(s));
        }
        madvise((void *)&old_table[from], (to - from) * sizeof *old_table, MADV_DONTNEED);
    }
}

static void all(void *(*job)(void *))
{
    pthread_t threads[64];
    for (unsigned i = 1; i < worker_count; i++)
        pthread_create(&threads[i], NULL, job, &workers[i]);
    job(&workers[0]);
    for (unsigned i = 1; i < worker_count; i++)
        pthread_join(threads[i], NULL);
}

static void grow(void)
{
    old_table = table;
    old_groups = groups;
    groups *= 2;
    table = take(groups * GROUP * sizeof *table);
    atomic_store(&moved, 0);
    all(move);
    munmap((void *)old_table, old_groups * GROUP * sizeof *table);
    atomic_store(&full, false);
}

int main(int argc, char **argv)
{
    worker_count = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    workers = calloc(worker_count, sizeof *workers);
    level = calloc(worker_count, sizeof *level);
    level_count = calloc(worker_count, sizeof *level_count);
    cursor = calloc(worker_count, sizeof *cursor);
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    groups = 1 << 13;
    table = take(groups * GROUP * sizeof *table);
    uint64_t initial = ONE(ALIVE);
    for (unsigned p = 0; p < PAGES; p++)
        initial += ONE(COUNT(p));
    push(&workers[0], initial);
    drain(&workers[0]);
    total = workers[0].states;
    workers[0].states = workers[0].transitions = 0;
    unsigned depth = 0;
    for (;; depth++) {
        size_t size = 0;
        for (unsigned i = 0; i < worker_count; i++) {
            struct worker *w = &workers[i];
            free(level[i]);
            level[i] = w->next;
            level_count[i] = w->next_count;
            size += w->next_count;
            w->next = NULL;
            w->next_count = w->next_room = 0;
            cursor[i] = 0;
        }
        if (size == 0)
            break;
        all(expand_level);
        while (atomic_load(&full)) {
            grow();
            all(expand_level);
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    uint64_t transitions = 0, broken = 0;
    for (unsigned i = 0; i < worker_count; i++) {
        transitions += workers[i].transitions;
        broken += workers[i].broken;
    }
    const double seconds =
        (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) * 1e-9;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const size_t states = total;
    printf("states %zu transitions %lu depth %u broken %lu seconds %.3f rate %.0f "
           "bytes_per_state %.1f\n",
           states, transitions, depth - 1, broken, seconds, (double)states / seconds,
           (double)usage.ru_maxrss * 1024 / (double)states);
    return broken != 0;
}
