/* SPDX-License-Identifier: MIT */
/* What the portable parts of services ask of the kernel and the library, on a host: pages come from malloc, as many as the
 * test allows; signals of events are counted. For tests that include the service's files, behind this
 * one. */
#ifndef SERVICE_KERNEL_H
#define SERVICE_KERNEL_H

#include <winkle/event.h>
#include <winkle/pages.h>

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EVENTS 64

static uint64_t pages_left = UINT64_MAX;
static unsigned told[EVENTS]; /* how often each event was signalled; its handle is its number */

enum wk_status wk_map_new(uint64_t pages, uint64_t options, wk_handle *memory, void **address)
{
    (void)options;
    if (pages > pages_left)
        return WK_NO_MEMORY;
    pages_left -= pages;
    *address = calloc(pages, WK_PAGE_BYTES);
    assert(*address != NULL);
    *memory = (wk_handle)*address;
    return WK_OK;
}

void wk_unmap_delete(wk_handle memory, const void *address, uint64_t pages)
{
    assert(memory == (wk_handle)address);
    pages_left += pages;
    free((void *)memory);
}

static inline enum wk_status count_signal(wk_handle event, uint64_t bits)
{
    (void)bits;
    assert(event < EVENTS);
    told[event]++;
    return WK_OK;
}
#define wk_event_signal count_signal

/* Whether it was told once since it was asked last. */
static inline bool is_told(wk_handle event)
{
    const bool is = told[event] == 1;

    assert(told[event] <= 1);
    told[event] = 0;
    return is;
}

#endif
