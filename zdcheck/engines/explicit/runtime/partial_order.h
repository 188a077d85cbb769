/* Which threads sleep after a step: what their next steps lead to need not be looked up, because
 * another state of the same level leads there, or it is known. Why that misses nothing stands in
 * zdcheck/engines/explicit/independence.py.
 */
#ifndef ZD_PARTIAL_ORDER_H
#define ZD_PARTIAL_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model.h"

/* Bit t: thread t. Threads from the 17th on never sleep. */
typedef uint16_t thread_set;

/* For each of the transitions of one state, as zd_successors writes them, who sleeps after it. */
void partial_order(const struct successor *out, uint32_t count, thread_set *asleep);

/* The same threads by the numbers that zd_canonical gave them. */
thread_set partial_order_renamed(thread_set asleep, const uint8_t *moved);

/* Who sleeps in the states of two levels: the one that is expanded and the one that grows. One for
 * each worker, who appends as it appends to its list of states; others read what is finished. */
struct sleepers {
    struct sleeper_level {
        thread_set *of;
        size_t count, room;
    } level[2];
};

void sleepers_append(struct sleepers *sleepers, uint32_t level, thread_set asleep);

/* Makes place for the next level, where the one before the last was. */
void sleepers_begin(struct sleepers *sleepers, uint32_t level);

/* Overwrites a state of a level with a later one of it, and drops those from `count` on. */
void sleepers_copy(struct sleepers *sleepers, uint32_t level, size_t to, size_t from);
void sleepers_shorten(struct sleepers *sleepers, uint32_t level, size_t count);

void sleepers_drop(struct sleepers *sleepers);

/* Of the state number `at` of those that were appended in a level. */
static inline thread_set sleepers_in(const struct sleepers *sleepers, uint32_t level, size_t at)
{
    const struct sleeper_level *l = &sleepers->level[level % 2];
    return at < l->room ? l->of[at] : 0;
}

#endif
