#include "numbers.h"

#include <string.h>

#include "memory.h"

bool numbers_add(struct numbers *n, uint32_t number)
{
    if (n->count == n->room) {
        const size_t room = n->room ? 2 * n->room : 1024;
        uint32_t *larger = memory_take(room * sizeof *larger);
        if (!larger)
            return false;
        if (n->count)
            memcpy(larger, n->at, n->count * sizeof *larger);
        memory_give(n->at, n->room * sizeof *n->at);
        n->at = larger;
        n->room = room;
    }
    n->at[n->count++] = number;
    return true;
}

void numbers_drop(struct numbers *n)
{
    memory_give(n->at, n->room * sizeof *n->at);
    *n = (struct numbers){0};
}

bool marked_make(struct marked *set, size_t bound)
{
    *set = (struct marked){.bound = bound, .present = 1};
    set->mark = memory_take((bound + 1) * sizeof *set->mark);
    return set->mark;
}

void marked_drop(struct marked *set)
{
    numbers_drop(&set->members);
    memory_give(set->mark, (set->bound + 1) * sizeof *set->mark);
    set->mark = NULL;
}

void marked_clear(struct marked *set)
{
    set->members.count = 0;
    set->hash = 0;
    if (++set->present == 0) {
        memset(set->mark, 0, (set->bound + 1) * sizeof *set->mark);
        set->present = 1;
    }
}

bool marked_is(const struct marked *set, const struct numbers *numbers, size_t from, size_t to)
{
    if (set->members.count != to - from)
        return false;
    for (size_t i = from; i < to; i++)
        if (!marked_has(set, numbers->at[i]))
            return false;
    return true;
}
