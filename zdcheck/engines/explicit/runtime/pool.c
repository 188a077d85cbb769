#include "pool.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

static struct {
    pthread_mutex_t lock;
    pthread_cond_t begun, done;
    pthread_t *threads;
    unsigned workers, working;
    unsigned long round;
    pool_job *job; /* NULL: go home */
    void *context;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .begun = PTHREAD_COND_INITIALIZER,
          .done = PTHREAD_COND_INITIALIZER,
          .workers = 1};

static void *work(void *argument)
{
    const unsigned worker = (unsigned)(uintptr_t)argument;
    unsigned long seen = 0;
    for (;;) {
        pthread_mutex_lock(&pool.lock);
        while (pool.round == seen)
            pthread_cond_wait(&pool.begun, &pool.lock);
        seen = pool.round;
        pool_job *job = pool.job;
        void *context = pool.context;
        pthread_mutex_unlock(&pool.lock);
        if (!job)
            return NULL;
        job(context, worker);
        pthread_mutex_lock(&pool.lock);
        if (--pool.working == 0)
            pthread_cond_signal(&pool.done);
        pthread_mutex_unlock(&pool.lock);
    }
}

static void begin(pool_job *job, void *context)
{
    pthread_mutex_lock(&pool.lock);
    pool.job = job;
    pool.context = context;
    pool.working = pool.workers - 1;
    pool.round++;
    pthread_cond_broadcast(&pool.begun);
    pthread_mutex_unlock(&pool.lock);
}

bool pool_start(unsigned workers)
{
    pool.threads = calloc(workers, sizeof *pool.threads);
    if (!pool.threads)
        return false;
    for (unsigned i = 1; i < workers; i++) {
        if (pthread_create(&pool.threads[i], NULL, work, (void *)(uintptr_t)i) != 0)
            return false;
        pool.workers = i + 1;
    }
    return true;
}

void pool_run(pool_job *job, void *context)
{
    if (pool.workers > 1)
        begin(job, context);
    job(context, 0);
    if (pool.workers == 1)
        return;
    pthread_mutex_lock(&pool.lock);
    while (pool.working > 0)
        pthread_cond_wait(&pool.done, &pool.lock);
    pthread_mutex_unlock(&pool.lock);
}

void pool_stop(void)
{
    if (pool.workers > 1)
        begin(NULL, NULL);
    for (unsigned i = 1; i < pool.workers; i++)
        pthread_join(pool.threads[i], NULL);
    free(pool.threads);
    pool.threads = NULL;
    pool.workers = 1;
}
