/* SPDX-License-Identifier: MIT */
/*
 * Tables of a page, 512 words, of which most may be zero: the slots of memory objects, and page tables. The frame record of
 * such a table notes which groups of eight words may have others, so that what goes through it looks at those only.
 *
 * INV-SPARSE-1 the group of each word that is not zero is marked in `groups` of its table's frame record.
 */
#ifndef SPARSE_H
#define SPARSE_H

#include "bits.h"
#include "frame.h"

#define SPARSE_GROUP 8

/* The number of a word's group in its table. */
static inline __attribute__((always_inline)) unsigned sparse_group(const uint64_t *word)
{
    return (uintptr_t)word / (SPARSE_GROUP * sizeof(*word)) % 64;
}

/* How many words there are from this one to the end of its group. */
static inline unsigned sparse_room(const uint64_t *word)
{
    return SPARSE_GROUP - (unsigned)((uintptr_t)word / sizeof(*word) % SPARSE_GROUP);
}

/* A word becomes other than zero. */
static inline __attribute__((always_inline)) void sparse_mark(const uint64_t *word)
{
    frame_of(word)->groups |= UINT64_C(1) << sparse_group(word);
}

/* The first word that is not zero. NULL where the first group that may have some has none, which is not looked at again. Requires:
 * a group that may. */
uint64_t *sparse_first(uint64_t *table);

/* How far it is from a word that is zero to the next one in its table that may be other, or to the table's end. */
static inline unsigned sparse_skip(const uint64_t *word)
{
    const uint64_t groups = frame_of(word)->groups >> sparse_group(word);
    const unsigned into = (unsigned)((uintptr_t)word / sizeof(*word) % SPARSE_GROUP);
    unsigned count = 0;

    if ((groups & 1) == 0)
        return (groups == 0 ? 64 - sparse_group(word) : bit_lowest(groups)) * SPARSE_GROUP - into;
    do
        count++;
    while (into + count != SPARSE_GROUP && word[count] == 0);
    /* A group with nothing in it is not looked at again. */
    if (count == SPARSE_GROUP)
        frame_of(word)->groups &= ~(UINT64_C(1) << sparse_group(word));
    return count;
}

#endif
