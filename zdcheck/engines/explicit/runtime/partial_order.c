#include "partial_order.h"

#include <string.h>

#include "memory.h"

#define MAX_SLEEPER (8 * sizeof(thread_set)) /* threads from this one on do not sleep */
#define FIRST_ROOM ((size_t)1 << 12)

/* The transitions of one thread; they stand together, and their actions have one rank. */
struct party {
    uint64_t touched, written;
    uint32_t rank, end;
    uint8_t thread;
};

static uint32_t parties_of(const struct successor *out, uint32_t count, struct party *parties)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t action = out[i].action;
        const uint8_t thread = zd_action_thread[action];
        if (n == 0 || parties[n - 1].thread != thread)
            parties[n++] = (struct party){.rank = zd_rank[action], .thread = thread};
        struct party *p = &parties[n - 1];
        p->touched |= zd_touched[action];
        p->written |= zd_written[action];
        p->end = i + 1;
    }
    return n;
}

void partial_order(const struct successor *out, uint32_t count, thread_set *asleep)
{
    struct party parties[64];
    const uint32_t n = parties_of(out, count, parties);
    uint32_t i = 0;
    for (uint32_t mine = 0; mine < n; mine++) {
        for (; i < parties[mine].end; i++) {
            const uint64_t touched = zd_touched[out[i].action];
            const uint64_t written = zd_written[out[i].action];
            thread_set set = 0;
            for (uint32_t other = 0; other < n; other++) {
                const struct party *p = &parties[other];
                const bool sleeps = p->rank < parties[mine].rank && p->thread < MAX_SLEEPER &&
                                    !((p->touched & written) | (p->written & touched));
                set |= (thread_set)((unsigned)sleeps << (p->thread % MAX_SLEEPER));
            }
            asleep[i] = set;
        }
    }
}

thread_set partial_order_renamed(thread_set asleep, const uint8_t *moved)
{
    thread_set renamed = 0;
    for (unsigned left = asleep; left; left &= left - 1) {
        const uint8_t thread = moved[__builtin_ctz(left)];
        if (thread < MAX_SLEEPER)
            renamed |= (thread_set)(1u << thread);
    }
    return renamed;
}

/* --- the states of two levels ------------------------------------------------------------ */

static void make_room(struct sleeper_level *l)
{
    const size_t room = l->room ? 2 * l->room : FIRST_ROOM;
    thread_set *of = memory_take(room * sizeof *of);
    if (!of)
        return; /* nobody sleeps in what does not fit */
    if (l->room)
        memcpy(of, l->of, l->room * sizeof *of);
    memory_give(l->of, l->room * sizeof *of);
    l->of = of;
    l->room = room;
}

void sleepers_append(struct sleepers *sleepers, uint32_t level, thread_set asleep)
{
    struct sleeper_level *l = &sleepers->level[level % 2];
    const size_t at = l->count++;
    if (at >= l->room)
        make_room(l);
    if (at < l->room)
        l->of[at] = asleep;
}

void sleepers_begin(struct sleepers *sleepers, uint32_t level)
{
    sleepers->level[level % 2].count = 0;
}

void sleepers_copy(struct sleepers *sleepers, uint32_t level, size_t to, size_t from)
{
    const struct sleeper_level *l = &sleepers->level[level % 2];
    if (to < l->room)
        l->of[to] = sleepers_in(sleepers, level, from);
}

void sleepers_shorten(struct sleepers *sleepers, uint32_t level, size_t count)
{
    sleepers->level[level % 2].count = count;
}

void sleepers_drop(struct sleepers *sleepers)
{
    for (int i = 0; i < 2; i++)
        memory_give(sleepers->level[i].of, sleepers->level[i].room * sizeof(thread_set));
}
