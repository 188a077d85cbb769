/* Records to and from the caller: a header of type and length, then so many bytes.
 *
 * Numbers are in the byte order of the machine; both ends run on it. Change WIRE_VERSION with
 * any change here, and zdcheck/engines/explicit/process.py with it.
 */
#ifndef ZD_WIRE_H
#define ZD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_VERSION 7

enum record {
    /* from here */
    RECORD_HELLO = 1, /* version, words, actions: u32; key: u64 */
    RECORD_PROGRESS,  /* depth, states, frontier, states at this depth and before: u64; seconds: double */
    RECORD_RESULT,    /* struct result, then its arrays */
    RECORD_RUN,       /* limit, initial, length: u32; actions: u32 each. Length ~0: there is none,
                       * or a limit came first */
    RECORD_ERROR,     /* text */
    RECORD_PROMISED,  /* struct promised, then the actions: u32 each */
    RECORD_STATES,    /* visited states, packed */
    RECORD_COMPARED,  /* struct compared, then the actions: u32 each */
    /* from the caller */
    RECORD_START = 64, /* struct start, then the initial states */
    RECORD_WITNESS,    /* struct target, then the actions of a statement: u32 each */
    RECORD_PROMISE,    /* the number of a promise: u32. Only after a complete search */
    RECORD_SAMPLE,     /* how many states are wanted: u32 */
    RECORD_COMPARE,    /* struct comparison, then what is seen: u64 for each word. Only after a
                        * complete search without symmetry */
};

/* False once the other end has gone. */
bool wire_send(enum record type, const void *head, size_t head_bytes, const void *body,
               size_t body_bytes);

/* The next record; the body is malloc'ed. False at the end of input or if it makes no sense. */
bool wire_receive(uint32_t *type, void **body, uint32_t *bytes);

#endif
