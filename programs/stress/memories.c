/* SPDX-License-Identifier: MIT */
/* Memories: what was written into one is found again, through every mapping, clone and copy, and nothing else. */
#include "stress.h"

#include <winkle/capability.h>
#include <winkle/memory.h>
#include <winkle/pages.h>

#define PAGES_MAX 48

void memory_make(struct worker *worker, struct item *item)
{
    const uint64_t pages = 1 + random_below(worker, PAGES_MAX);
    const uint64_t options = random_below(worker, 2) == 0 ? 0 : WK_MEMORY_OPTIONS_ON_DEMAND;

    if (tolerate("memory: create", wk_memory_create(worker->bank, pages, options, &item->handle))) {
        item->kind = ITEM_MEMORY;
        item->pages = pages;
    }
}

static uint64_t *page_word(void *address, uint64_t page)
{
    return (uint64_t *)(void *)((uint8_t *)address + page * WK_PAGE_BYTES + page * 8);
}

static void check(void *address, uint64_t pages, uint64_t pattern)
{
    for (uint64_t page = 0; page < pages; page++) {
        if (*page_word(address, page) != (pattern == 0 ? 0 : pattern + page))
            wk_fail("a memory holds what was not written", WK_OK);
    }
}

/* Through memory: copy, which says `no_memory` where a store into on-demand pages would fault. */
static bool fill(struct item *item, uint64_t pattern)
{
    wk_handle staging;
    void *address;
    enum wk_status status;

    if (!tolerate("staging", wk_map_new(item->pages, 0, &staging, &address)))
        return false;
    for (uint64_t page = 0; page < item->pages; page++)
        *page_word(address, page) = pattern + page;
    status = wk_memory_copy(item->handle, 0, staging, 0, item->pages * WK_PAGE_BYTES);
    wk_unmap_delete(staging, address, item->pages);
    return tolerate("copy", status);
}

static void write_and_check(struct worker *worker, struct item *item)
{
    void *address;

    if (!fill(item, item->pattern = 1 + random_below(worker, UINT64_C(1) << 40)))
        item->pattern = UINT64_MAX; /* it may hold anything */
    if (item->pattern == UINT64_MAX ||
        !tolerate("map", wk_map(item->handle, 0, item->pages, WK_PROTECTION_READ, &address)))
        return;
    check(address, item->pages, item->pattern);
    tolerate("unmap", wk_unmap(address, item->pages));
}

/* A write to a clone must not be seen in the original. */
static void clone_and_check(struct worker *worker, struct item *item)
{
    struct item clone = {.kind = ITEM_MEMORY, .pages = item->pages, .pattern = item->pattern};
    void *original, *copy;

    if (!tolerate("clone", wk_memory_clone(item->handle, worker->bank, &clone.handle)))
        return;
    if (tolerate("mapping a clone", wk_map(clone.handle, 0, clone.pages, WK_PROTECTION_READ, &copy))) {
        if (item->pattern != UINT64_MAX && item->pattern != 0)
            check(copy, clone.pages, clone.pattern);
        if (fill(&clone, 7))
            check(copy, clone.pages, 7);
    }
    if (tolerate("map", wk_map(item->handle, 0, item->pages, WK_PROTECTION_READ, &original))) {
        if (item->pattern != UINT64_MAX && item->pattern != 0)
            check(original, item->pages, item->pattern);
        tolerate("unmap", wk_unmap(original, item->pages));
    }
    tolerate("deleting a clone", wk_capability_delete(clone.handle));
}

static void decommit_and_check(struct item *item)
{
    void *address;

    if (!tolerate("decommit", wk_memory_decommit(item->handle, 0, item->pages)))
        return;
    item->pattern = 0;
    /* Reading absent pages takes them from the bank, which may be empty: then the fault would end this process. */
    if (fill(item, 9) && tolerate("map", wk_map(item->handle, 0, item->pages, WK_PROTECTION_READ, &address))) {
        check(address, item->pages, 9);
        tolerate("unmap", wk_unmap(address, item->pages));
    }
    item->pattern = UINT64_MAX;
}

static void resize(struct worker *worker, struct item *item)
{
    const uint64_t pages = 1 + random_below(worker, PAGES_MAX);

    if (tolerate("resize", wk_memory_resize(item->handle, pages))) {
        item->pages = pages;
        item->pattern = UINT64_MAX;
    }
}

void memory_use(struct worker *worker, struct item *item)
{
    switch (random_below(worker, 6)) {
    case 0:
        clone_and_check(worker, item);
        break;
    case 1:
        decommit_and_check(item);
        break;
    case 2:
        resize(worker, item);
        break;
    case 3:
        tolerate("revoking a memory", wk_capability_revoke(item->handle));
        break;
    default:
        write_and_check(worker, item);
        break;
    }
}
