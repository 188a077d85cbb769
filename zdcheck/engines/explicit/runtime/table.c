#include "table.h"

#include "memory.h"

size_t table_bytes(const struct table *table)
{
    return table->groups * GROUP * ZD_WORDS * sizeof(uint64_t);
}

bool table_make(struct table *table, size_t slots, const struct table *old)
{
    table->groups = (slots + GROUP - 1) / GROUP;
    table->shared = old->shared;
    table->slots = memory_take_instead(table_bytes(table), table_bytes(old));
    atomic_init(&table->has_zero, atomic_load(&old->has_zero));
    return table->slots != NULL;
}

void table_drop(struct table *table)
{
    memory_give((void *)table->slots, table_bytes(table));
    table->slots = NULL;
}

size_t table_slots(const struct table *table)
{
    return table->groups * GROUP;
}

/* Adds a state that is certainly not there. */
static void put(struct table *table, const uint64_t *words)
{
    const size_t end = table->groups * (GROUP * ZD_WORDS);
    for (size_t at = table_home(table, words);; at = at + ZD_WORDS < end ? at + ZD_WORDS : 0) {
        _Atomic uint64_t *const slot = &table->slots[at];
        if (atomic_load_explicit(slot, memory_order_relaxed) == 0 && slot_fill(table, slot, words))
            return;
    }
}

void table_move(struct table *table, struct table *old, size_t from, size_t to)
{
    const size_t start = from * GROUP * ZD_WORDS, end = to * GROUP * ZD_WORDS;
    for (size_t at = start; at < end; at += ZD_WORDS) {
        uint64_t words[ZD_WORDS];
        for (int w = 0; w < ZD_WORDS; w++)
            words[w] = atomic_load_explicit(&old->slots[at + w], memory_order_relaxed);
        if (words[0] == 0)
            continue;
        words[0] &= ~MARKS;
        put(table, words);
    }
    memory_forget((void *)&old->slots[start], (end - start) * sizeof(uint64_t));
}
