/* Blocks in a file that has no name, for what does not fit into memory. */
#ifndef ZD_DISK_H
#define ZD_DISK_H

#include <stdbool.h>
#include <stddef.h>

/* Makes the file in a directory; it goes with the process, however that ends. False: see errno. */
bool disk_open(const char *directory);

bool disk_is_open(void);

/* A zeroed, page-aligned block whose place on the disk is taken; NULL if the disk is full or there
 * is no file. Blocks are never given back. */
void *disk_take(size_t bytes);

size_t disk_used(void);

#endif
