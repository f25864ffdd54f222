/* SPDX-License-Identifier: MIT */
/*
 * Numbers that are hard to guess: a keyed hash (SipHash-2-4 of a counter) whose key is made at the start from the counters of
 * time, cycles and instructions, since the service is given no better source.
 */
#include "random.h"

#include "session.h"

#include <winkle/clock.h>

static uint64_t key[2];
static uint64_t count;

static uint64_t rotated(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void mix(uint64_t v[4], unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotated(v[1], 13) ^ v[0];
        v[3] = rotated(v[3], 16) ^ v[2];
        v[0] = rotated(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotated(v[1], 17) ^ v[2];
        v[3] = rotated(v[3], 21) ^ v[0];
        v[2] = rotated(v[2], 32);
    }
}

/* Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; of one block of 8 bytes. */
static uint64_t sip_hash(uint64_t block)
{
    const uint64_t length = UINT64_C(8) << 56;
    uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                     key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};

    v[3] ^= block;
    mix(v, 2);
    v[0] ^= block;
    v[3] ^= length;
    mix(v, 2);
    v[0] ^= length;
    v[2] ^= 0xff;
    mix(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t random_number(void)
{
    return sip_hash(++count);
}

void random_stir(uint64_t word)
{
    const uint64_t first = sip_hash(word), second = sip_hash(~word);

    key[0] ^= first;
    key[1] ^= second;
}
