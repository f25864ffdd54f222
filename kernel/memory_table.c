/* SPDX-License-Identifier: MIT */
/*
 * Memory objects' page slots, in a radix tree of up to MEMORY_LEVELS_MAX levels, and the walk over their translations.
 * Tables stay until the memory goes.
 */
#include "memory_table.h"

#include "assert.h"
#include "bank.h"
#include "mapping.h"
#include "space.h"

/* What one step of a sweep does: to remove or change translations of a group, or to look for one, counts 8, to pass a mapping 1. */
#define SWEEP_STEP 16
#define SWEEP_GROUP 8
#define DROP_MOST 9 /* pages that are dropped in one go, of which one that nobody else has counts so much: */
#define DROP_LAST 3
#define PASS_STEP 3 /* stretches of absent pages that are passed in one go */

static uint64_t level_pages(unsigned level)
{
    return UINT64_C(1) << MEMORY_LEVEL_BITS * level;
}

uint8_t memory_levels_for(uint64_t pages)
{
    uint8_t levels = 0;

    if (pages <= MEMORY_INLINE_PAGES)
        return 0;
    do
        levels++;
    while (level_pages(levels) < pages);
    return levels;
}

uint64_t memory_tables_for(uint64_t pages)
{
    const unsigned levels = memory_levels_for(pages);
    uint64_t tables = 0;

    for (unsigned level = 1; level <= levels; level++)
        tables += (pages + level_pages(level) - 1) / level_pages(level);
    return tables;
}

struct memory_place memory_find(const struct memory *memory, uint64_t page)
{
    uint64_t shift = (uint64_t)memory->levels * MEMORY_LEVEL_BITS;
    uint64_t *table = memory->root;
    uint64_t *entry;

    if (shift == 0)
        return (struct memory_place){page < MEMORY_INLINE_PAGES ? (uint64_t *)&memory->slots[page] : NULL, 0};
    if (page >> shift != 0)
        return (struct memory_place){NULL, 0};
    if (table == NULL)
        return (struct memory_place){NULL, shift};
    for (;;) {
        shift -= MEMORY_LEVEL_BITS;
        entry = &table[page >> shift & (MEMORY_SLOTS_PER_TABLE - 1)];
        if (shift == 0 || *entry == 0)
            return (struct memory_place){entry, shift};
        table = (uint64_t *)(uintptr_t)*entry;
    }
}

/* One table more, which is paid already. */
static uint64_t *table_take(struct memory *memory)
{
    memory->table_pages++;
    return frame_take_page(NULL);
}

uint64_t *memory_slot_make(struct memory *memory, uint64_t page)
{
    struct memory_place place;

    while ((place = memory_find(memory, page)).shift != 0)
        if (place.entry == NULL) {
            memory->root = table_take(memory);
        } else {
            *place.entry = (uintptr_t)table_take(memory);
            sparse_mark(place.entry);
        }
    assert_debug(place.entry != NULL);
    return place.entry;
}

enum wk_status memory_grow_tables(struct memory *memory, uint64_t pages)
{
    const unsigned levels = memory_levels_for(pages);
    unsigned at = memory->levels;
    uint64_t *root = at == 0 ? NULL : memory->root;

    if (levels <= at)
        return WK_OK;
    if (at != 0 && root == NULL) {
        memory->levels = (uint8_t)levels;
        return WK_OK;
    }
    if (bank_charge(memory->object.bank, levels - at) != WK_OK)
        return WK_NO_MEMORY;
    for (; at < levels; at++) {
        uint64_t *table = table_take(memory);

        if (at == 0)
            for (unsigned i = 0; i < MEMORY_INLINE_PAGES; i++)
                table[i] = memory->slots[i];
        else
            table[0] = (uintptr_t)root;
        sparse_mark(table);
        root = table;
    }
    memory->levels = (uint8_t)levels;
    memory->root = root;
    return WK_OK;
}

uint64_t memory_pass_absent(const struct memory *memory, uint64_t page, uint64_t end)
{
    for (unsigned i = 0; i < PASS_STEP && page < end; i++) {
        const struct memory_place place = memory_find(memory, page);

        if (place.entry == NULL)
            return end;
        if (*place.entry != 0)
            return page;
        page = ((page >> place.shift) + (memory->levels == 0 ? 1 : sparse_skip(place.entry))) << place.shift;
    }
    return page < end ? page : end;
}

/* sparse_first, in line. */
static inline __attribute__((always_inline)) uint64_t *first_in(uint64_t *table)
{
    struct frame *frame = frame_of(table);
    uint64_t *word = &table[bit_lowest(frame->groups) * SPARSE_GROUP];

    for (unsigned i = 0; i < SPARSE_GROUP; i++, word++)
        if (*word != 0)
            return word;
    frame->groups &= frame->groups - 1;
    return NULL;
}

uint64_t *sparse_first(uint64_t *table)
{
    return first_in(table);
}

uint64_t memory_drop_slots(struct memory *memory, uint64_t *slot, uint64_t count)
{
    uint64_t at = 0;

    for (unsigned cost = 0; at < count && cost < DROP_MOST; at++) {
        struct frame *frame = memory_slot_frame(slot[at]);

        if (frame == NULL)
            continue;
        cost += frame_sharers(frame) == 1 ? DROP_LAST : 1;
        frame_drop(frame, memory->object.bank);
        slot[at] = 0;
        memory->present_pages--;
    }
    return at;
}

/* Drops a table that has nothing; `above` leads to it, if there is one above. */
static void drop_table(struct memory *memory, uint64_t *table, uint64_t *above)
{
    frame_drop(frame_of(table), memory->object.bank->payer);
    memory->table_pages--;
    if (above != NULL)
        *above = 0;
    else
        memory->root = NULL;
}

/* Down the first table of each level: drops some pages, or a table without any, which is enough for a step unless pages are left to
 * the next one. */
static bool clear_table(struct memory *memory, bool with_pages)
{
    uint64_t *table = memory->root, *above = NULL;

    for (unsigned level = memory->levels; frame_of(table)->groups != 0; level--) {
        uint64_t *entry = first_in(table);

        if (entry == NULL)
            return true;
        if (level == 1) {
            const unsigned room = sparse_room(entry);

            if (with_pages && memory_drop_slots(memory, entry, room) == room)
                frame_of(table)->groups &= frame_of(table)->groups - 1;
            return false;
        }
        above = entry;
        table = (uint64_t *)(uintptr_t)*entry;
    }
    drop_table(memory, table, above);
    return memory->root != NULL;
}

enum wk_status memory_clear_step(struct memory *memory)
{
    if (memory->levels == 0)
        return memory_drop_slots(memory, memory->slots, MEMORY_INLINE_PAGES) == MEMORY_INLINE_PAGES ? WK_OK
                                                                                                    : WK_CONTINUE;
    if (memory->root != NULL && clear_table(memory, true))
        (void)clear_table(memory, false);
    return memory->root == NULL ? WK_OK : WK_CONTINUE;
}

__attribute__((noinline)) void memory_sweep_begin(struct memory *memory, struct operation *operation)
{
    operation->marker.mapping = NULL;
    list_prepend(&memory->mappings, &operation->marker.link);
    operation->sweep_page = UINT64_MAX;
}

/* Goes on behind the next mapping. */
static void marker_pass(struct operation *operation, struct list *passed)
{
    list_remove(&operation->marker.link);
    list_insert_before(passed->next, &operation->marker.link);
    operation->sweep_page = UINT64_MAX;
}

/* The translations of [first, end) in one mapping, from the last one before page sweep_page down. True when they are done. */
static bool sweep_mapping(struct operation *operation, struct mapping *mapping, uint64_t first, uint64_t end,
                          uint64_t protection, unsigned *steps)
{
    const uint64_t map_first = mapping->offset_pages;
    const uint64_t map_end = mapping->offset_pages + mapping->pages;
    uint64_t low, high;

    if ((mapping->protection & ~protection) == 0)
        return true;
    if (first < map_first)
        first = map_first;
    if (end > map_end)
        end = map_end;
    if (end > operation->sweep_page)
        end = operation->sweep_page;
    if (end <= first)
        return true;
    low = mapping_start(mapping) + (first - map_first) * WK_PAGE_BYTES;
    high = mapping_start(mapping) + (end - map_first) * WK_PAGE_BYTES;
    for (; high != low && *steps < SWEEP_STEP; *steps += SWEEP_GROUP)
        high = space_restrict(&mapping->process->space, low, high, protection);
    operation->sweep_page = map_first + (high - mapping_start(mapping)) / WK_PAGE_BYTES;
    return high == low;
}

enum wk_status memory_sweep_step(struct operation *operation, uint64_t first, uint64_t end, uint64_t protection)
{
    struct memory *memory = container_of(operation->object, struct memory, object);
    unsigned steps = 0;

    while (steps < SWEEP_STEP) {
        struct list *next = operation->marker.link.next;
        struct mapping *mapping;

        if (next == &memory->mappings) {
            operation->epoch = space_flush_epoch();
            list_remove(&operation->marker.link);
            return WK_OK;
        }
        steps++;
        mapping = container_of(next, struct mapping_link, link)->mapping;
        if (mapping == NULL || sweep_mapping(operation, mapping, first, end, protection, &steps))
            marker_pass(operation, next);
    }
    return WK_CONTINUE;
}
