/* Memory with a limit: every large block is counted, and refused beyond the limit. */
#ifndef ZD_MEMORY_H
#define ZD_MEMORY_H

#include <stddef.h>

/* Bytes; 0 is no limit. Call before the first block is taken. */
void memory_limit(size_t bytes);

/* A zeroed, page-aligned block; NULL beyond the limit or if the system refuses. */
void *memory_take(size_t bytes);

/* As memory_take, for a block that will be used densely: in large pages, if it fills some. */
void *memory_take_large(size_t bytes);

/* As memory_take_large, for a block that will soon replace another of `replaced` bytes (or 0):
 * piece by piece that one is forgotten, so only the rest counts now. */
void *memory_take_instead(size_t bytes, size_t replaced);

void memory_give(void *block, size_t bytes);

/* Gives back the whole pages inside a part of a block that will not be used any more. They stay counted until
 * memory_give. */
void memory_forget(void *part, size_t bytes);

size_t memory_left(void); /* bytes below the limit */
size_t memory_peak(void); /* the most that was counted at once */

/* The most that was resident at once, of the whole process, in bytes; as counted if the system does
 * not say. */
size_t memory_resident(void);

#endif
