/* SPDX-License-Identifier: MIT */
/*
 * The pages that pipes keep their bytes in. They are paid when they are taken, in chunks of sixteen, and given back when a
 * chunk has been free while another was.
 */
#ifndef PIPES_PAGES_H
#define PIPES_PAGES_H

#include <winkle/abi.h>

#include <stdbool.h>

#define CHUNKS_MAX 1024
#define PAGES_IN_CHUNK 16
#define NO_PAGE UINT32_MAX

/* Its free pages are taken in the order in which they were given back: so a pipe that is filled and emptied again has
 * adjacent ones. */
struct chunk {
    uint8_t *bytes; /* NULL: there is none */
    wk_handle memory;
    uint8_t free[PAGES_IN_CHUNK]; /* a ring of free_count pages, the next to be taken at free_first */
    uint8_t free_first, free_count;
};
extern struct chunk page_chunks[CHUNKS_MAX];

/* The number of a free page, its bytes undefined; NO_PAGE if the bank cannot pay. */
uint32_t page_take(void);
void page_give_back(uint32_t page);

/* Where a page is: in this memory object, at this offset, and mapped here. */
static inline wk_handle page_memory(uint32_t page)
{
    return page_chunks[page / PAGES_IN_CHUNK].memory;
}

static inline uint64_t page_offset(uint32_t page)
{
    return page % PAGES_IN_CHUNK * WK_PAGE_BYTES;
}

static inline uint8_t *page_address(uint32_t page)
{
    return page_chunks[page / PAGES_IN_CHUNK].bytes + page_offset(page);
}

/* Whether `next` is the page behind `page` in the same memory object. */
static inline bool page_is_next(uint32_t page, uint32_t next)
{
    return next == page + 1 && next % PAGES_IN_CHUNK != 0;
}

#endif
