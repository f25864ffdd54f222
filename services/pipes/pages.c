/* SPDX-License-Identifier: MIT */
#include "pages.h"

#include <winkle/pages.h>

#define CHUNKS_MAX 1024
#define ALL_FREE UINT16_MAX
#define SPARE_CHUNKS 1 /* so many that are wholly free are kept */

struct chunk {
    uint8_t *bytes; /* NULL: there is none */
    wk_handle memory;
    uint16_t free; /* a bit for each page */
};

static struct chunk chunks[CHUNKS_MAX];
static uint32_t first_with_free; /* none before it has a free page */
static uint32_t spare_count;

static bool create_chunk(struct chunk *chunk)
{
    void *address;

    if (wk_map_new(PAGES_IN_CHUNK, 0, &chunk->memory, &address) != WK_OK)
        return false;
    chunk->bytes = address;
    chunk->free = ALL_FREE;
    spare_count++;
    return true;
}

static struct chunk *chunk_with_free(void)
{
    for (; first_with_free < CHUNKS_MAX; first_with_free++) {
        struct chunk *chunk = &chunks[first_with_free];

        if (chunk->bytes == NULL)
            return create_chunk(chunk) ? chunk : NULL;
        if (chunk->free != 0)
            return chunk;
    }
    return NULL;
}

uint32_t page_take(void)
{
    struct chunk *chunk = chunk_with_free();
    uint32_t index;

    if (chunk == NULL)
        return NO_PAGE;
    spare_count -= chunk->free == ALL_FREE;
    index = (uint32_t)__builtin_ctz(chunk->free);
    chunk->free &= (uint16_t)(chunk->free - 1);
    return (uint32_t)(chunk - chunks) * PAGES_IN_CHUNK + index;
}

void page_give_back(uint32_t page)
{
    struct chunk *chunk = &chunks[page / PAGES_IN_CHUNK];

    chunk->free |= (uint16_t)(1U << page % PAGES_IN_CHUNK);
    if (page / PAGES_IN_CHUNK < first_with_free)
        first_with_free = page / PAGES_IN_CHUNK;
    if (chunk->free != ALL_FREE)
        return;
    if (spare_count < SPARE_CHUNKS) {
        spare_count++;
        return;
    }
    wk_unmap_delete(chunk->memory, chunk->bytes, PAGES_IN_CHUNK);
    *chunk = (struct chunk){0};
}

wk_handle page_memory(uint32_t page)
{
    return chunks[page / PAGES_IN_CHUNK].memory;
}

uint64_t page_offset(uint32_t page)
{
    return (uint64_t)(page % PAGES_IN_CHUNK) * WK_PAGE_BYTES;
}

uint8_t *page_address(uint32_t page)
{
    return chunks[page / PAGES_IN_CHUNK].bytes + page_offset(page);
}
