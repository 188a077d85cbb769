/* Worker threads that do one job at a time, together. Worker 0 is the caller. */
#ifndef ZD_POOL_H
#define ZD_POOL_H

#include <stdbool.h>

typedef void pool_job(void *context, unsigned worker);

/* Starts `workers` - 1 threads; false if the system refuses. */
bool pool_start(unsigned workers);

/* Every worker does job(context, worker); returns when all have. */
void pool_run(pool_job *job, void *context);

void pool_stop(void);

#endif
