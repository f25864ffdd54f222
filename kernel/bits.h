/* SPDX-License-Identifier: MIT */
/* Finding bits in a word, without the bit-manipulation instructions that RV64IMAC lacks. Six steps each. */
#ifndef BITS_H
#define BITS_H

#include <stdint.h>

/* The number of the lowest bit that is set; the word is not 0. */
static inline unsigned bit_lowest(uint64_t word)
{
    unsigned number = 0;

    for (unsigned half = 32; half != 0; half /= 2) {
        if ((word & ((UINT64_C(1) << half) - 1)) == 0) {
            word >>= half;
            number += half;
        }
    }
    return number;
}

/* The number of the highest bit that is set; the word is not 0. */
static inline unsigned bit_highest(uint64_t word)
{
    unsigned number = 0;

    for (unsigned half = 32; half != 0; half /= 2) {
        if (word >> half != 0) {
            word >>= half;
            number += half;
        }
    }
    return number;
}

#endif
