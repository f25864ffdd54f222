/* SPDX-License-Identifier: MIT */
/* Finding bits in a word, without the bit-manipulation instructions that RV64IMAC lacks. */
#ifndef BITS_H
#define BITS_H

#include <stdint.h>

#define BIT_SEQUENCE UINT64_C(0x0218a392cd3d5dbf) /* each six bits in a row occur once */
extern const uint8_t bit_positions[64];

/* The number of the lowest bit that is set; the word is not 0. */
static inline unsigned bit_lowest(uint64_t word)
{
    return bit_positions[(word & -word) * BIT_SEQUENCE >> 58];
}

/* The number of the highest one. */
static inline unsigned bit_highest(uint64_t word)
{
    for (unsigned shift = 1; shift != 64; shift *= 2)
        word |= word >> shift;
    return bit_positions[(word ^ word >> 1) * BIT_SEQUENCE >> 58];
}

#endif
