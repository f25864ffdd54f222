/* SPDX-License-Identifier: MIT */
#ifndef BANK_H
#define BANK_H

#include "assert.h"
#include "frame.h"
#include "object.h"

#define SLAB_CLASSES 3
#define BANK_RECORD_BYTES_MAX 1344
#define BANK_CLASS_ZEROED 1
/* For 21, 10 and 3 records a page: mappings, events and lines; banks, memories, timers and processes; threads. */
static const uint16_t bank_class_bytes[SLAB_CLASSES] = {192, 384, BANK_RECORD_BYTES_MAX};

struct bank {
    struct object object;
    struct bank *parent;
    struct list children; /* struct bank, sibling_link */
    struct list sibling_link;
    uint64_t child_count;
    uint64_t limit_pages;            /* given to it, less what it gave to children */
    uint64_t used_pages;             /* charged */
    uint64_t object_count;           /* objects in `objects` */
    struct list objects;             /* struct object, bank_link; its own record is not among them */
    struct list slabs[SLAB_CLASSES]; /* slabs with free room, struct slab */
    struct bank *payer;              /* of ram: pays for slabs and tables of pages; a bank of ram is its own */
    uint8_t kind;                    /* enum wk_bank_kind */
    uint8_t attributes;              /* flags wk_memory_attributes: of all its pages */
};

extern struct bank *bank_first; /* all RAM */
extern struct bank *bank_tim;   /* all tightly-integrated memory, also if there is none */

/* Makes the first bank, with all frames that are free, and that of kind tim. At boot. */
void bank_init(uint64_t tim_attributes);

/* Charges `pages` frames. Nothing is charged if it answers WK_NO_MEMORY. */
enum wk_status bank_charge(struct bank *bank, uint64_t pages);
void bank_credit(struct bank *bank, uint64_t pages);
/* Room for `pages` more? */
bool bank_can_pay(const struct bank *bank, uint64_t pages);
/* One zeroed frame, charged; NULL if the bank cannot pay. Takes one frame. */
void *bank_page(struct bank *bank, void *owner);

/*
 * Memory for a kernel record of at most BANK_RECORD_BYTES_MAX, charged by its slab's page. Takes at most one frame. It is
 * zeroed if its class is BANK_CLASS_ZEROED or above: who frees a large record zeroes it first, since to end takes many steps
 * and to begin takes one.
 */
void *bank_record_of_class(struct bank *bank, unsigned class);
void bank_record_free(struct bank *bank, void *record);

static inline unsigned bank_class(size_t bytes)
{
    assert_debug(bytes <= BANK_RECORD_BYTES_MAX);
    return bytes <= bank_class_bytes[0] ? 0 : bytes <= bank_class_bytes[1] ? 1 : 2;
}

static inline void *bank_record(struct bank *bank, size_t bytes)
{
    return bank_record_of_class(bank, bank_class(bytes));
}

/* A dismantled bank stays until operations of others end: its parent stays with it, but does not wait for it. */
void bank_linger(struct bank *bank);
/* Ends a bank that was dismantled: its allowance goes back to its parent. WK_CONTINUE while frames that it pays for wait
 * in quarantine. */
enum wk_status bank_release(struct bank *bank);
enum wk_status bank_dismantle(struct object *object, struct operation *operation);

#endif
