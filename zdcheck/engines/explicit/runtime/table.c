#include "table.h"

#include "memory.h"

/* The old table is given back in pieces of so many bytes while it is moved. */
#define PIECE ((size_t)4 << 20)

size_t table_bytes(const struct table *table)
{
    return table->groups * GROUP * ZD_WORDS * sizeof(uint64_t);
}

bool table_make(struct table *table, size_t slots, const struct table *old)
{
    table->groups = (slots + GROUP - 1) / GROUP;
    table->slots = memory_take_random(table_bytes(table), old ? table_bytes(old) : 0);
    atomic_init(&table->has_zero, old && atomic_load(&old->has_zero));
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

void table_move(struct table *table, struct table *old, size_t from, size_t to)
{
    const size_t end = to * GROUP * ZD_WORDS;
    size_t kept = from * GROUP * ZD_WORDS;
    for (size_t at = kept; at < end; at += ZD_WORDS) {
        uint64_t words[ZD_WORDS];
        for (int w = 0; w < ZD_WORDS; w++)
            words[w] = atomic_load_explicit(&old->slots[at + w], memory_order_relaxed);
        if (words[0] == 0)
            continue;
#if ZD_WORDS > 1
        words[0] &= ~MARKS;
#endif
        table_insert(table, words, table_hash(words));
        if ((at - kept) * sizeof(uint64_t) >= PIECE) {
            memory_forget((void *)&old->slots[kept], (at - kept) * sizeof(uint64_t));
            kept = at;
        }
    }
}
