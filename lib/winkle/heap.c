/* SPDX-License-Identifier: MIT */
#include <winkle/heap.h>

#include <winkle/capability.h>
#include <winkle/lock.h>
#include <winkle/pages.h>
#include <winkle/text.h>

#define SMALLEST_SHIFT 5
#define CLASSES 10 /* 32 bytes to 16 KiB */
#define REGION_PAGES 16
#define LARGE UINT64_MAX

/* In front of every block. */
struct header {
    uint64_t class; /* index of its size, or LARGE */
    union {
        struct header *next; /* in a free list */
        wk_handle memory;    /* of a large block */
        uint64_t pages;      /* of a large block, if there is a source */
    };
};
_Static_assert(sizeof(struct header) == 16, "blocks stay aligned to 16");

static struct wk_lock heap_lock;
static struct header *free_blocks[CLASSES];
/* What is left of the region that blocks are cut from. */
static uint8_t *region;
static size_t region_bytes;
static const struct wk_page_source *source;

void wk_heap_take_from(const struct wk_page_source *pages)
{
    source = pages;
}

enum wk_status wk_heap_prepare(void)
{
    return wk_lock_prepare(&heap_lock);
}

static size_t class_bytes(uint64_t class)
{
    return (size_t)1 << (class + SMALLEST_SHIFT);
}

/* Pages that read as zero, or NULL; *memory is the object that goes with them, if there is no source. */
static void *take_pages(uint64_t pages, wk_handle *memory)
{
    void *address;

    if (source != NULL)
        return source->take(pages);
    return wk_map_new(pages, WK_MEMORY_OPTIONS_ON_DEMAND, memory, &address) == WK_OK ? address : NULL;
}

/* Puts what is left of the region into the lists and takes a new one. */
static bool new_region(void)
{
    wk_handle memory;
    void *address = take_pages(REGION_PAGES, &memory);

    if (address == NULL)
        return false;
    for (uint64_t class = CLASSES; class -- > 0;) {
        if (region_bytes >= class_bytes(class)) {
            struct header *header = (struct header *)(void *)region;

            *header = (struct header){.class = class, .next = free_blocks[class]};
            free_blocks[class] = header;
            region += class_bytes(class);
            region_bytes -= class_bytes(class);
        }
    }
    region = address;
    region_bytes = REGION_PAGES * WK_PAGE_BYTES;
    return true;
}

static struct header *take_small(uint64_t class)
{
    struct header *header = free_blocks[class];

    if (header != NULL) {
        free_blocks[class] = header->next;
        return header;
    }
    if (region_bytes < class_bytes(class) && !new_region())
        return NULL;
    header = (struct header *)(void *)region;
    header->class = class;
    region += class_bytes(class);
    region_bytes -= class_bytes(class);
    return header;
}

static struct header *take_large(size_t bytes)
{
    const uint64_t pages = wk_pages(bytes);
    wk_handle memory = 0;
    struct header *header = take_pages(pages, &memory);

    if (header == NULL)
        return NULL;
    header->class = LARGE;
    if (source != NULL)
        header->pages = pages;
    else
        header->memory = memory;
    return header;
}

void *wk_allocate(size_t bytes)
{
    struct header *header;
    uint64_t class = 0;

    if (bytes > SIZE_MAX / 2)
        return NULL;
    bytes += sizeof(struct header);
    if (bytes > class_bytes(CLASSES - 1)) {
        header = take_large(bytes);
    } else {
        while (class_bytes(class) < bytes)
            class ++;
        wk_lock_take(&heap_lock);
        header = take_small(class);
        wk_lock_release(&heap_lock);
    }
    return header == NULL ? NULL : header + 1;
}

void *wk_allocate_zeroed(size_t bytes)
{
    void *block = wk_allocate(bytes);

    return block == NULL ? NULL : memset(block, 0, bytes);
}

void wk_free(void *block)
{
    struct header *header;

    if (block == NULL)
        return;
    header = (struct header *)block - 1;
    if (header->class == LARGE) {
        if (source != NULL)
            source->give_back(header, header->pages);
        else
            wk_capability_delete(header->memory); /* takes the mapping with it */
        return;
    }
    wk_lock_take(&heap_lock);
    header->next = free_blocks[header->class];
    free_blocks[header->class] = header;
    wk_lock_release(&heap_lock);
}
