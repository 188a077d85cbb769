#include "table.h"

#include "memory.h"

uint64_t key_coefficients[2 * KEY_COEFFICIENTS];

size_t table_bytes(const struct table *table)
{
    return table->groups * GROUP * KEY_WORDS * sizeof(uint64_t);
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
static void put(struct table *table, const uint64_t *key)
{
    const size_t end = table->groups * (GROUP * KEY_WORDS);
    for (size_t at = table_home(table, key);; at = at + KEY_WORDS < end ? at + KEY_WORDS : 0) {
        _Atomic uint64_t *const slot = &table->slots[at];
        if (atomic_load_explicit(slot, memory_order_relaxed) == 0 && slot_fill(table, slot, key))
            return;
    }
}

void table_move(struct table *table, struct table *old, size_t from, size_t to)
{
    const size_t start = from * GROUP * KEY_WORDS, end = to * GROUP * KEY_WORDS;
    for (size_t at = start; at < end; at += KEY_WORDS) {
        uint64_t key[KEY_WORDS];
        for (int w = 0; w < KEY_WORDS; w++)
            key[w] = atomic_load_explicit(&old->slots[at + w], memory_order_relaxed);
        if (key[0] == 0)
            continue;
        key[0] &= ~MARKS;
        put(table, key);
    }
    memory_forget((void *)&old->slots[start], (end - start) * sizeof(uint64_t));
}
