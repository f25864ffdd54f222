/* SPDX-License-Identifier: MIT */
/*
 * Pages of the arena for the personality itself: those of its data, and for the native library's allocator and threads. These are in
 * blocks of powers of two pages; what is given back is kept by size for the next, and holds no memory but its first page.
 */
#include "heap.h"

#include "linux.h"
#include "memory.h"

#include <winkle/heap.h>
#include <winkle/lock.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>

/* linux.ld */
extern char image_text[], image_data[], image_end[];
#define DATA_FIRST ((uint64_t)image_data)
#define DATA_PAGES (((uint64_t)image_end - DATA_FIRST + WK_PAGE_BYTES - 1) / WK_PAGE_BYTES)

#define CLASSES 24
/* So many pages more are mapped at a time: cloning looks at all that is mapped, be it there or not. */
#define MAPPED_PAGES 256

struct block {
    struct block *next;
};

static struct wk_lock pages_lock;
static struct block *free_blocks[CLASSES];
static uint64_t unused = HEAP_FIRST, mapped_end = HEAP_FIRST;

static unsigned class_of(uint64_t pages)
{
    unsigned class = 0;

    while ((UINT64_C(1) << class) < pages)
        class ++;
    return class;
}

/* Requires: pages_lock. Has everything up to `end` mapped. */
static bool map_up_to(uint64_t end)
{
    while (mapped_end < end) {
        if (wk_memory_map(arena, wk_self.process, mapped_end, mapped_end / WK_PAGE_BYTES, MAPPED_PAGES,
                          WK_READ_WRITE) != WK_OK)
            return false;
        mapped_end += MAPPED_PAGES * (uint64_t)WK_PAGE_BYTES;
    }
    return true;
}

enum wk_status heap_map_child(wk_handle child, wk_handle child_arena)
{
    const enum wk_status status =
        wk_process_map(child, child_arena, DATA_FIRST, DATA_FIRST / WK_PAGE_BYTES, DATA_PAGES, WK_READ_WRITE);

    if (status != WK_OK)
        return status;
    return wk_process_map(child, child_arena, HEAP_FIRST, HEAP_FIRST / WK_PAGE_BYTES,
                          (mapped_end - HEAP_FIRST) / WK_PAGE_BYTES, WK_READ_WRITE);
}

enum wk_status heap_copy(wk_handle child_arena)
{
    const enum wk_status status =
        wk_memory_copy(child_arena, DATA_FIRST, arena, DATA_FIRST, DATA_PAGES * WK_PAGE_BYTES);

    return status != WK_OK ? status : wk_memory_copy(child_arena, HEAP_FIRST, arena, HEAP_FIRST, unused - HEAP_FIRST);
}

static bool is_zero(const volatile uint64_t *page)
{
    for (unsigned i = 0; i < WK_PAGE_BYTES / sizeof(*page); i++) {
        if (page[i] != 0)
            return false;
    }
    return true;
}

enum wk_status heap_take_data(wk_handle image)
{
    const wk_handle process = wk_self.process, memory = arena;
    enum wk_status status = WK_OK;

    for (uint64_t at = DATA_FIRST; at < DATA_FIRST + DATA_PAGES * WK_PAGE_BYTES && status == WK_OK; at += WK_PAGE_BYTES)
        if (!is_zero((const uint64_t *)at))
            status = wk_memory_copy(memory, at, image, at - (uint64_t)image_text, WK_PAGE_BYTES);
    if (status == WK_OK)
        status = wk_process_unmap(process, DATA_FIRST, DATA_PAGES);
    if (status == WK_OK)
        status = wk_memory_map(memory, process, DATA_FIRST, DATA_FIRST / WK_PAGE_BYTES, DATA_PAGES, WK_READ_WRITE);
    return status;
}

void *heap_take_pages(uint64_t pages)
{
    const unsigned class = class_of(pages);
    const uint64_t bytes = ((uint64_t)WK_PAGE_BYTES) << class;
    struct block *block = NULL;

    if (pages == 0 || pages > (UINT64_C(1) << (CLASSES - 1)))
        return NULL;
    wk_lock_take(&pages_lock);
    if (free_blocks[class] != NULL) {
        block = free_blocks[class];
        free_blocks[class] = block->next;
        block->next = NULL;
    } else if (bytes <= HEAP_END - unused && map_up_to(unused + bytes)) {
        block = (struct block *)unused;
        unused += bytes;
    }
    wk_lock_release(&pages_lock);
    return block;
}

void heap_give_back_pages(void *first, uint64_t pages)
{
    const unsigned class = class_of(pages);
    struct block *block = first;

    wk_memory_decommit(arena, (uint64_t)first / WK_PAGE_BYTES, pages);
    wk_lock_take(&pages_lock);
    block->next = free_blocks[class];
    free_blocks[class] = block;
    wk_lock_release(&pages_lock);
}

void heap_open(void)
{
    static const struct wk_page_source source = {heap_take_pages, heap_give_back_pages};

    wk_heap_take_from(&source);
}
