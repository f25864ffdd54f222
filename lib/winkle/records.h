/* SPDX-License-Identifier: MIT */
/*
 * Records of one size for what a service keeps of its clients, in memory that is paid when it is taken: a bank that has
 * nothing left is an answer, not a fault. Each record has a number, good as the badge of a session; a number is not used
 * again, so a late message of a session that has gone finds nothing. Records stay where they are; what is given back is
 * kept for further ones.
 */
#ifndef WINKLE_RECORDS_H
#define WINKLE_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#define WK_RECORDS_BLOCKS 512 /* blocks of WK_RECORDS_IN_BLOCK records */
#define WK_RECORDS_IN_BLOCK 32
#define WK_RECORDS_MAX (WK_RECORDS_BLOCKS * WK_RECORDS_IN_BLOCK)
#define WK_RECORDS_NUMBER_BITS 56 /* no number is longer */

/* What stands in front of each record. */
struct wk_record_header {
    uint64_t number; /* its own, or when it is free the complement of the one that it will have */
    struct wk_record_header *next_free;
};

/* Zero but for the first two. */
struct wk_records {
    size_t bytes;   /* of one */
    unsigned limit; /* at most WK_RECORDS_MAX */
    unsigned count; /* that are taken */
    unsigned block_count;
    size_t stride;
    struct wk_record_header *free;
    char *blocks[WK_RECORDS_BLOCKS];
};

/* A number's low bits are the record's index, the others count how often it has been taken. */
#define WK_RECORDS_INDEX_MASK UINT64_C(0xfffff)

static inline struct wk_record_header *wk_record_header_at(const struct wk_records *records, uint64_t index)
{
    return (struct wk_record_header *)(void *)(records->blocks[index / WK_RECORDS_IN_BLOCK] +
                                               index % WK_RECORDS_IN_BLOCK * records->stride);
}

/* A zeroed record and its number, which is not 0; NULL if there are as many as may be or the bank cannot pay. */
void *wk_records_take(struct wk_records *records, uint64_t *number);
void wk_records_give_back(struct wk_records *records, void *record);
/* The record that has this number, or NULL. */
static inline void *wk_records_find(const struct wk_records *records, uint64_t number)
{
    const uint64_t index = number & WK_RECORDS_INDEX_MASK;
    struct wk_record_header *header;

    if (index >= (uint64_t)records->block_count * WK_RECORDS_IN_BLOCK)
        return NULL;
    header = wk_record_header_at(records, index);
    return header->number == number ? header + 1 : NULL;
}
static inline uint64_t wk_record_number(const void *record)
{
    return ((const struct wk_record_header *)record - 1)->number;
}

#endif
