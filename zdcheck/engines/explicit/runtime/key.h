/* What the table of visited states keeps of a state: all of it, or with ZD_COMPACT 64 bits of hash.
 *
 * Two different states have the same 64 bits with a probability of 2^-64, whatever the states are,
 * if the coefficients are random: a + sum(b[i] * words[i]) modulo 2^128, of which the higher half is
 * taken, is strongly universal (Lemire and Kaser, "Strongly universal string hashing is fast", 2014).
 */
#ifndef ZD_KEY_H
#define ZD_KEY_H

#include <stdint.h>

#include "model.h"

#ifdef ZD_COMPACT
#define KEY_WORDS 1
#else
#define KEY_WORDS ZD_WORDS
#endif

#define KEY_COEFFICIENTS (ZD_WORDS + 1)

/* Random, of 128 bits each, the lower halves first; given before the first key is made. */
extern uint64_t key_coefficients[2 * KEY_COEFFICIENTS];

/* One wide multiplication per word; both halves, because the high one alone forgets low bits. */
static inline uint64_t hash_words(const uint64_t *words, int count)
{
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15);
    for (int i = 0; i < count; i++) {
        const unsigned __int128 product =
            (unsigned __int128)(words[i] ^ h) * UINT64_C(0xd6e8feb86659fd93);
        h = (uint64_t)(product >> 64) ^ (uint64_t)product;
    }
    return h;
}

static inline uint64_t hash_state(const uint64_t *state)
{
    return hash_words(state, ZD_WORDS);
}

/* The 64 bits that stand for a state. */
static inline uint64_t compacted(const uint64_t *state)
{
    unsigned __int128 sum = 0;
    for (int i = 0; i < KEY_COEFFICIENTS; i++) {
        const uint64_t *c = &key_coefficients[2 * i];
        const unsigned __int128 coefficient = (unsigned __int128)c[1] << 64 | c[0];
        sum += i < ZD_WORDS ? coefficient * state[i] : coefficient;
    }
    return (uint64_t)(sum >> 64);
}

#endif
