/* SPDX-License-Identifier: MIT */
#ifndef MEMORY_H
#define MEMORY_H

#include "object.h"
#include "operation.h"
#include "frame.h"
#include "tree.h"

struct mapping;

#define MEMORY_INLINE_PAGES 8
#define MEMORY_TIM 0x80 /* among the options: its pages are of kind tim */
#define MEMORY_PINS_MAX 16

/* Who pins pages: told when one of them is taken back, so that no pin ever stands in the way of revocation. */
struct memory_pin {
    struct memory *memory; /* NULL: not pinned */
    uint32_t page;
    uint32_t pages;   /* from that one on */
    struct list link; /* memory->pins */
    void (*revoked)(struct memory_pin *pin);
};

/*
 * Pages by reference. A page's slot holds its frame's record, or 0 if it is not present. Up to eight slots lie in the
 * object; larger objects have a radix tree of pages with 512 slots each, paid like the pages themselves.
 *
 * Memory of kind tim has all its pages from when it is made until it ends.
 *
 * INV-MEMORY-1 present_pages is the number of slots that are not 0; each is charged to the bank as one page. The tree's pages
 *              are charged to the bank's payer.
 * INV-MEMORY-2 a frame's sharers (frame_sharers) are the memory objects that have it, whatever pins it has besides; while
 *              there are several nobody may store to it.
 * INV-MEMORY-3 the pages pinned by a struct memory_pin are present, not shared, and their pin is in `pins`.
 */
struct memory {
    struct object object;
    uint64_t pages;
    uint64_t present_pages;
    uint64_t table_pages;     /* pages of the radix tree */
    uint8_t options;          /* flags wk_memory_options, MEMORY_TIM */
    uint8_t levels;           /* of the radix tree; 0: inline */
    bool is_physical;         /* a fixed range of physical addresses, not frames of the pool */
    uint8_t leaf_kind;        /* enum arch_leaf_kind */
    struct physical physical; /* if is_physical: its start */
    struct operation *busy;   /* the long operation that has it for itself, or NULL */
    struct list mappings;     /* struct mapping_link */
    uint64_t mapping_count;
    struct list pins; /* at most MEMORY_PINS_MAX */
    uint32_t pin_count;
    union {
        uint64_t slots[MEMORY_INLINE_PAGES];
        uint64_t *root;
        struct tree_node claimed; /* if is_physical: by first address, among the claimed regions (machine.c) */
    };
};

/* A memory object over physical addresses: device memory, or what boot left in RAM. NULL if the bank cannot pay, or is not
 * of ram. */
struct memory *memory_create_physical(struct bank *bank, struct physical start, uint64_t pages,
                                      enum arch_leaf_kind kind);
/* Makes memory on demand or without its pages yet. NULL if the bank cannot pay. Takes one frame. */
struct memory *memory_make(struct bank *bank, uint64_t pages, uint64_t options);
/* The frame of a page, NULL if it is not present. Not for physical memory. */
struct frame *memory_page(const struct memory *memory, uint64_t page);
/* Makes the page present with a zeroed frame if it is not; NULL if the bank cannot pay. Takes at most four frames. Not for
 * physical memory. */
struct frame *memory_make_present(struct memory *memory, uint64_t page);

/*
 * Pins a page; it is made present. WK_BUSY if it is shared copy-on-write (store to it first), if the memory has
 * MEMORY_PINS_MAX pins or a long operation under way; WK_NOT_AVAILABLE for physical memory; WK_NO_MEMORY.
 */
enum wk_status memory_pin_page(struct memory *memory, uint64_t page, struct memory_pin *pin,
                               void (*revoked)(struct memory_pin *));
/* Pins the next page too: as the first. On an error the pin stays as it was. */
enum wk_status memory_pin_next(struct memory_pin *pin);
void memory_unpin(struct memory_pin *pin);
/* `to`, which pins nothing, pins what `from` did. */
void memory_pin_transfer(struct memory_pin *to, struct memory_pin *from);
/* The kernel's pointer to a pinned page, by its place among them. */
void *memory_pin_pointer(const struct memory_pin *pin, uint32_t place);

/* Whether `page` begins a large page that is whole: 512 contiguous, aligned frames, none shared. */
bool memory_is_large_at(const struct memory *memory, uint64_t page);
/* Begins waiting until the long operation that has the memory is done. */
enum wk_status memory_begin_wait(struct memory *memory, struct operation *operation);
/* Begins replacing a shared page by a private copy, for a store of the operation's thread at `address`. WK_CONTINUE. */
enum wk_status memory_begin_unshare(struct memory *memory, uint64_t page, uint64_t address,
                                    struct operation *operation);
enum wk_status memory_dismantle(struct object *object, struct operation *operation);

#endif
