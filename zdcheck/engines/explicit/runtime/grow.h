/* How large the table of visited states is, and when it grows. */
#ifndef ZD_GROW_H
#define ZD_GROW_H

#include <stdbool.h>

struct search;

/* The first table; false if there is no memory for it. */
bool grow_first(struct search *search);

/* Makes the table larger, or at least fuller, or goes on without it (delayed.h); false if nothing
 * is possible. The workers must be at rest, with empty rings. */
bool grow(struct search *search);

#endif
