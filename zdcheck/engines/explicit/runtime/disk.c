#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    int file;
    size_t used;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .file = -1};

bool disk_open(const char *directory)
{
#ifdef O_TMPFILE
    disk.file = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (disk.file >= 0)
        return true;
#endif
    /* Not every file system has files without names: take the name away at once. */
    char *path;
    if (asprintf(&path, "%s/zdcheck-XXXXXX", directory) < 0)
        return false;
    disk.file = mkstemp(path);
    const int error = errno;
    if (disk.file >= 0)
        unlink(path);
    free(path);
    errno = error;
    return disk.file >= 0;
}

bool disk_is_open(void)
{
    return disk.file >= 0;
}

void *disk_take(size_t bytes)
{
    void *block = MAP_FAILED;
    pthread_mutex_lock(&disk.lock);
    /* A page without a place on the disk would be noticed only when the system writes it out. */
    if (disk.file >= 0 && posix_fallocate(disk.file, (off_t)disk.used, (off_t)bytes) == 0)
        block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, disk.file, (off_t)disk.used);
    if (block != MAP_FAILED)
        disk.used += bytes;
    pthread_mutex_unlock(&disk.lock);
    if (block == MAP_FAILED)
        return NULL;
    madvise(block, bytes, MADV_SEQUENTIAL);
    return block;
}

size_t disk_used(void)
{
    return disk.used;
}
