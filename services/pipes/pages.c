/* SPDX-License-Identifier: MIT */
#include "pages.h"

#include <winkle/pages.h>

#define SPARE_CHUNKS 1 /* so many that are wholly free are kept */

struct chunk page_chunks[CHUNKS_MAX];
static uint32_t first_with_free; /* none before it has a free page */
static uint32_t spare_count;

static bool create_chunk(struct chunk *chunk)
{
    void *address;

    if (wk_map_new(PAGES_IN_CHUNK, 0, &chunk->memory, &address) != WK_OK)
        return false;
    chunk->bytes = address;
    for (uint8_t i = 0; i < PAGES_IN_CHUNK; i++)
        chunk->free[i] = i;
    chunk->free_first = 0;
    chunk->free_count = PAGES_IN_CHUNK;
    spare_count++;
    return true;
}

static struct chunk *chunk_with_free(void)
{
    for (; first_with_free < CHUNKS_MAX; first_with_free++) {
        struct chunk *chunk = &page_chunks[first_with_free];

        if (chunk->bytes == NULL)
            return create_chunk(chunk) ? chunk : NULL;
        if (chunk->free_count != 0)
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
    spare_count -= chunk->free_count == PAGES_IN_CHUNK;
    index = chunk->free[chunk->free_first];
    chunk->free_first = (uint8_t)((chunk->free_first + 1) % PAGES_IN_CHUNK);
    chunk->free_count--;
    return first_with_free * PAGES_IN_CHUNK + index;
}

void page_give_back(uint32_t page)
{
    const uint32_t number = page / PAGES_IN_CHUNK;
    struct chunk *chunk = &page_chunks[number];

    chunk->free[(chunk->free_first + chunk->free_count++) % PAGES_IN_CHUNK] = (uint8_t)(page % PAGES_IN_CHUNK);
    if (number < first_with_free)
        first_with_free = number;
    if (chunk->free_count < PAGES_IN_CHUNK)
        return;
    if (spare_count < SPARE_CHUNKS) {
        spare_count++;
        return;
    }
    wk_unmap_delete(chunk->memory, chunk->bytes, PAGES_IN_CHUNK);
    *chunk = (struct chunk){0};
}
