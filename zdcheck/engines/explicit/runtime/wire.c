#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static bool write_all(const void *data, size_t bytes)
{
    const char *at = data;
    while (bytes > 0) {
        ssize_t n = write(STDOUT_FILENO, at, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        bytes -= (size_t)n;
    }
    return true;
}

static bool read_all(void *data, size_t bytes)
{
    char *at = data;
    while (bytes > 0) {
        ssize_t n = read(STDIN_FILENO, at, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        bytes -= (size_t)n;
    }
    return true;
}

bool wire_send(enum record type, const void *head, size_t head_bytes, const void *body,
               size_t body_bytes)
{
    const uint32_t header[2] = {type, (uint32_t)(head_bytes + body_bytes)};
    return write_all(header, sizeof header) && write_all(head, head_bytes) &&
           write_all(body, body_bytes);
}

bool wire_receive(uint32_t *type, void **body, uint32_t *bytes)
{
    uint32_t header[2];
    if (!read_all(header, sizeof header))
        return false;
    *type = header[0];
    *bytes = header[1];
    *body = malloc(header[1] ? header[1] : 1);
    if (!*body)
        return false;
    if (!read_all(*body, header[1])) {
        free(*body);
        return false;
    }
    return true;
}
