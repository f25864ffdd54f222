/* SPDX-License-Identifier: MIT */
/*
 * The pages that pipes keep their bytes in. They are paid when they are taken, in chunks of sixteen, and given back when a
 * chunk has been free while another was.
 */
#ifndef PIPES_PAGES_H
#define PIPES_PAGES_H

#include <winkle/abi.h>

#include <stdbool.h>

#define PAGES_IN_CHUNK 16
#define NO_PAGE UINT32_MAX

/* The number of a free page, its bytes undefined; NO_PAGE if the bank cannot pay. Pages that are taken one after the other
 * tend to be adjacent. */
uint32_t page_take(void);
void page_give_back(uint32_t page);

/* Where a page is: in this memory object, at this offset, and mapped here. */
wk_handle page_memory(uint32_t page);
uint64_t page_offset(uint32_t page);
uint8_t *page_address(uint32_t page);
/* Whether `next` is the page behind `page` in the same memory object. */
static inline bool page_is_next(uint32_t page, uint32_t next)
{
    return next == page + 1 && next % PAGES_IN_CHUNK != 0;
}

#endif
