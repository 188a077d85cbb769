#include "memory.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#define LARGE ((size_t)4 << 20) /* smaller blocks are not worth pages of 2 MiB */

static size_t limit = SIZE_MAX;
static atomic_size_t used, peak;

void memory_limit(size_t bytes)
{
    limit = bytes ? bytes : SIZE_MAX;
}

static void *take(size_t bytes, size_t replaced)
{
    const size_t now = atomic_fetch_add(&used, bytes) + bytes;
    const size_t counts = now - replaced;
    void *block = MAP_FAILED;
    if (now >= bytes && counts <= limit)
        block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) {
        atomic_fetch_sub(&used, bytes);
        return NULL;
    }
    size_t top = atomic_load(&peak);
    while (counts > top && !atomic_compare_exchange_weak(&peak, &top, counts))
        ;
    return block;
}

void *memory_take(size_t bytes)
{
    return take(bytes, 0);
}

void *memory_take_large(size_t bytes)
{
    return memory_take_instead(bytes, 0);
}

void *memory_take_instead(size_t bytes, size_t replaced)
{
    void *block = take(bytes, replaced);
#ifdef MADV_HUGEPAGE
    /* Page faults cost time, and so do the TLB misses of random access; advice may be ignored. */
    if (block && bytes >= LARGE)
        madvise(block, bytes, MADV_HUGEPAGE);
#endif
    return block;
}

void memory_give(void *block, size_t bytes)
{
    if (!block)
        return;
    munmap(block, bytes);
    atomic_fetch_sub(&used, bytes);
}

void memory_forget(void *part, size_t bytes)
{
    const uintptr_t page = 4096;
    uintptr_t from = ((uintptr_t)part + page - 1) & ~(page - 1);
    uintptr_t to = ((uintptr_t)part + bytes) & ~(page - 1);
    if (from < to)
        madvise((void *)from, to - from, MADV_DONTNEED);
}

size_t memory_left(void)
{
    const size_t now = atomic_load(&used);
    return now < limit ? limit - now : 0;
}

size_t memory_peak(void)
{
    return atomic_load(&peak);
}

size_t memory_resident(void)
{
    /* getrusage would also count what the caller had resident when it started this process. */
    size_t kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    while (status && !kilobytes && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %zu kB", &kilobytes) != 1)
            kilobytes = 0;
    if (status)
        fclose(status);
    return kilobytes ? 1024 * kilobytes : atomic_load(&peak);
}
