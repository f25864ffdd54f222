/* SPDX-License-Identifier: MIT */
/*
 * Inside memory objects: the radix tree of page slots, and the walk over everything that maps a memory object. For
 * memory.c, memory_table.c and memory_operations.c.
 */
#ifndef MEMORY_TABLE_H
#define MEMORY_TABLE_H

#include "memory.h"
#include "sparse.h"

#define MEMORY_SLOTS_PER_TABLE 512
#define MEMORY_LEVELS_MAX 3
#define MEMORY_LEVEL_BITS 9

/* A slot's value and the frame it names. */
static inline uint64_t memory_slot_value(const struct frame *frame)
{
    return (uintptr_t)frame;
}

static inline struct frame *memory_slot_frame(uint64_t slot)
{
    return (struct frame *)(uintptr_t)slot;
}

/* The levels that a tree for so many pages needs, and the tables that it has when all pages are present. */
uint8_t memory_levels_for(uint64_t pages);
uint64_t memory_tables_for(uint64_t pages);

/* Where a page's slot is. */
struct memory_place {
    uint64_t *entry; /* the slot if no table is missing, NULL if the tree is too low for the page; else where the first
                         missing table is to be entered, NULL if that is the root */
    uint64_t shift;  /* 0 for the slot; else MEMORY_LEVEL_BITS for each table that is missing */
};

struct memory_place memory_find(const struct memory *memory, uint64_t page);
/* The slot of a page, NULL if its table does not exist. */
static inline uint64_t *memory_slot(const struct memory *memory, uint64_t page)
{
    const struct memory_place place = memory_find(memory, page);

    return place.shift == 0 ? place.entry : NULL;
}
/* The slot, with its missing tables made, which the caller has paid. Takes as many frames. */
uint64_t *memory_slot_make(struct memory *memory, uint64_t page);
/* Makes the tree fit for `pages`. Takes at most MEMORY_LEVELS_MAX frames. */
enum wk_status memory_grow_tables(struct memory *memory, uint64_t pages);
/* Puts a page into its slot, which is empty. */
static inline __attribute__((always_inline)) void memory_put(struct memory *memory, uint64_t *slot,
                                                             const struct frame *frame)
{
    *slot = memory_slot_value(frame);
    memory->present_pages++;
    if (memory->levels != 0)
        sparse_mark(slot);
}
/* `page` if it is present, else a page up to which all are absent, at most `end`. */
uint64_t memory_pass_absent(const struct memory *memory, uint64_t page, uint64_t end);
/* Drops the pages in some slots of one group, of `count` a few: returns how many it has passed. */
uint64_t memory_drop_slots(struct memory *memory, uint64_t *slot, uint64_t count);
/* One step of dropping all pages and tables of an object that ends. */
enum wk_status memory_clear_step(struct memory *memory);

/* Pages from there on become absent, a few in one go. Their frames are dropped. No translation of them is left. Returns where
 * to go on, as memory_pass_absent. */
uint64_t memory_drop_pages(struct memory *memory, uint64_t page, uint64_t end);
/* The large page around `page` is no longer whole. */
void memory_break_large(struct memory *memory, uint64_t page);
/* Tells the pins in [first, end) that their page is taken back. At most MEMORY_PINS_MAX. */
void memory_revoke_pins(struct memory *memory, uint64_t first, uint64_t end);

/* As memory_begin_unshare, inside an operation on the memory: it goes on with `then`. */
enum wk_status memory_unshare_first(struct memory *memory, uint64_t page, struct operation *operation,
                                    enum wk_status (*then)(struct operation *));

/* Begins a walk over the mappings of a memory object, by operation->marker. */
void memory_sweep_begin(struct memory *memory, struct operation *operation);
/*
 * One step of restricting every translation of pages [first, end) to `protection` (0: removing it). WK_CONTINUE, then
 * WK_OK: the marker is out of the list and operation->epoch says when all harts know.
 */
enum wk_status memory_sweep_step(struct operation *operation, uint64_t first, uint64_t end, uint64_t protection);

#endif
