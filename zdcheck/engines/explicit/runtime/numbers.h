/* Growing lists of numbers, and sets of numbers below some bound. */
#ifndef ZD_NUMBERS_H
#define ZD_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct numbers {
    uint32_t *at;
    size_t count, room;
};

/* False if memory ends. */
bool numbers_add(struct numbers *numbers, uint32_t number);
void numbers_drop(struct numbers *numbers);

/* A set of numbers that is emptied at no cost: a number is in it if its mark is the present one. */
struct marked {
    struct numbers members;
    uint32_t *mark;
    size_t bound;
    uint32_t present;
    uint64_t hash; /* of the members, in whatever order */
    bool full;     /* memory ended: something is missing */
};

/* For numbers below `bound`. False if memory ends. */
bool marked_make(struct marked *set, size_t bound);
void marked_drop(struct marked *set);
void marked_clear(struct marked *set);

static inline bool marked_has(const struct marked *set, uint32_t number)
{
    return set->mark[number] == set->present;
}

static inline uint64_t number_hash(uint64_t number)
{
    number = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ number >> 31) * UINT64_C(0xd6e8feb86659fd93);
    return number ^ number >> 29;
}

static inline void marked_add(struct marked *set, uint32_t number)
{
    if (marked_has(set, number))
        return;
    set->mark[number] = set->present;
    set->hash += number_hash(number);
    if (!numbers_add(&set->members, number))
        set->full = true;
}

/* Whether the set is that of the numbers at from .. to-1, which are different ones. */
bool marked_is(const struct marked *set, const struct numbers *numbers, size_t from, size_t to);

#endif
