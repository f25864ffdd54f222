/* SPDX-License-Identifier: MIT */
/*
 * Counting for the checker: how often each kernel record is named, how many frames each bank must have been charged for,
 * and who has each frame. Filled while the checker walks, compared at the end.
 */
#ifndef CENSUS_H
#define CENSUS_H

#include "bank.h"
#include "frame.h"

/* What was found out about a record, by its address. */
struct tally {
    const void *record;
    uint32_t stamp;        /* of the census that the rest belongs to */
    bool is_object;        /* it is in object_all */
    uint64_t capabilities; /* slots that name it */
    uint64_t references;   /* other pointers of the kernel's that keep it */
    uint64_t condemned;    /* lists of condemned objects that it is on */
    uint64_t children;     /* of a capability: how often it stands in the forest */
    uint64_t pages;        /* of a bank: frames that it must have been charged for */
    uint64_t objects;      /* of a bank: objects that it pays for */
    uint64_t lingering;    /* of a bank: banks split from it that linger */
    uint64_t bindings;     /* of an event: bindings that name it; of a memory: mappings of it */
    uint64_t waiters;      /* of an event */
};

void census_begin(void);
struct tally *census_tally(const void *record);

/* A page that the kernel has for itself, charged to `bank`. It must not have been counted before. */
void census_kernel_page(const void *page, const struct bank *bank);
/* A record in one of the bank's slabs, whose page counts once, for the bank's payer. */
void census_slab_record(const void *record, const struct bank *bank);
bool census_is_slab(const void *page);
/* A page of a memory object of that bank. */
void census_memory_page(struct frame *frame, const struct bank *bank);

/* Compares each frame that was counted with its record; returns how many there are. */
uint64_t census_compare_frames(bool pins_allowed);

#endif
