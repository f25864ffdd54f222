/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include <winkle/capability.h>
#include <winkle/pages.h>
#include <winkle/start.h>
#include <winkle/text.h>

#define SMALLEST_SHIFT 5
#define CLASSES 8 /* 32 bytes to 4 KiB */
#define REGION_PAGES 8

struct free_record {
    struct free_record *next;
};

static struct free_record *free_records[CLASSES];
static uint8_t *region; /* what is left of what records are cut from */
static size_t region_bytes;

void *pool_take_pages(uint64_t pages, wk_handle *memory)
{
    void *address;

    return wk_map_new(pages, 0, memory, &address) == WK_OK ? address : NULL;
}

/* The mapping goes with the capability. */
void pool_give_pages(wk_handle memory)
{
    wk_capability_delete(memory);
}

static unsigned class_of(size_t bytes)
{
    return bytes <= (size_t)1 << SMALLEST_SHIFT ? 0 : 64 - (unsigned)__builtin_clzll(bytes - 1) - SMALLEST_SHIFT;
}

static void put(unsigned class, void *memory)
{
    struct free_record *record = memory;

    record->next = free_records[class];
    free_records[class] = record;
}

/* The rest of the region goes into the lists; it is a multiple of the smallest size. */
static bool new_region(void)
{
    wk_handle memory;
    uint8_t *fresh = pool_take_pages(REGION_PAGES, &memory);

    if (fresh == NULL)
        return false;
    for (unsigned class = CLASSES; class -- > 0;) {
        const size_t bytes = (size_t)1 << (class + SMALLEST_SHIFT);

        for (; region_bytes >= bytes; region += bytes, region_bytes -= bytes)
            put(class, region);
    }
    region = fresh;
    region_bytes = REGION_PAGES * WK_PAGE_BYTES;
    return true;
}

void *pool_take(size_t bytes)
{
    const unsigned class = class_of(bytes);
    const size_t room = (size_t)1 << (class + SMALLEST_SHIFT);
    struct free_record *record = free_records[class];

    if (record != NULL) {
        free_records[class] = record->next;
        return memset(record, 0, bytes);
    }
    if (region_bytes < room && !new_region())
        return NULL;
    region += room;
    region_bytes -= room;
    return region - room; /* new pages read as zero */
}

void pool_give(void *record, size_t bytes)
{
    put(class_of(bytes), record);
}
