/* SPDX-License-Identifier: MIT */
#include <winkle/records.h>

#include <winkle/pages.h>
#include <winkle/text.h>

#include <stdbool.h>

#define NUMBER_MASK ((UINT64_C(1) << WK_RECORDS_NUMBER_BITS) - 1)
#define ONCE_MORE (WK_RECORDS_INDEX_MASK + 1)
_Static_assert(WK_RECORDS_MAX <= WK_RECORDS_INDEX_MASK, "each record has an index");

/* Nobody finds it, not even by the number that it will have, which can be guessed: of the complement no bit is its index's. */
static void set_free(struct wk_records *records, struct wk_record_header *header, uint64_t number)
{
    header->number = ~number;
    header->next_free = records->free;
    records->free = header;
}

static bool add_block(struct wk_records *records)
{
    const uint64_t first = (uint64_t)records->block_count * WK_RECORDS_IN_BLOCK;
    wk_handle memory;
    void *address;

    records->stride = (sizeof(struct wk_record_header) + records->bytes + 15) & ~(size_t)15;
    if (records->block_count == WK_RECORDS_BLOCKS ||
        wk_map_new(wk_pages(WK_RECORDS_IN_BLOCK * records->stride), 0, &memory, &address) != WK_OK)
        return false;
    records->blocks[records->block_count++] = address;
    for (uint64_t i = WK_RECORDS_IN_BLOCK; i-- > 0;)
        set_free(records, wk_record_header_at(records, first + i), ONCE_MORE | (first + i));
    return true;
}

void *wk_records_take(struct wk_records *records, uint64_t *number)
{
    struct wk_record_header *header;

    if (records->count >= records->limit || (records->free == NULL && !add_block(records)))
        return NULL;
    header = records->free;
    records->free = header->next_free;
    header->number = ~header->number;
    header->next_free = NULL;
    records->count++;
    *number = header->number;
    return memset(header + 1, 0, records->bytes);
}

void wk_records_give_back(struct wk_records *records, void *record)
{
    struct wk_record_header *header = (struct wk_record_header *)record - 1;

    records->count--;
    set_free(records, header, (header->number + ONCE_MORE) & NUMBER_MASK);
}
