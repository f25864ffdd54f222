/* SPDX-License-Identifier: MIT */
#ifndef MAPPING_H
#define MAPPING_H

#include "capability.h"
#include "operation.h"
#include "process.h"
#include "tree.h"

struct memory;

/*
 * Pages of a memory object in an address space. A mapping is a child of the capability through which it was made.
 *
 * INV-MAP-1 mappings of a process do not overlap; by_address.key is the first address. One that is being removed gets
 *           shorter from its end, and keeps its first page until it is gone: no two ever begin at the same address.
 * INV-MAP-2 every leaf entry in a process's page tables lies in one of its mappings and leads to the page that the memory
 *           object has there; it allows no more than `protection`, and no store to a page that is shared copy-on-write.
 * INV-MAP-3 while a sweep is under way, a mapping before its marker in memory->mappings has no leaf entry that the sweep
 *           takes away; a new one goes to the front, so that the sweep ends however many are made. It has no entries
 *           before the sweep is done, since the operation that sweeps has the memory for itself.
 */
struct mapping {
    struct capability node; /* not `in_table`; while it `lends`, a page of it may be entered; object is the memory's */
    struct process *process;
    struct tree_node by_address;
    struct mapping_link memory_link; /* in memory->mappings */
    uint64_t pages;
    uint64_t offset_pages; /* of the first page, in the memory object */
    uint64_t protection;   /* flags wk_protection: what is allowed now */
};

static inline uint64_t mapping_start(const struct mapping *mapping)
{
    return mapping->by_address.key;
}

static inline uint64_t mapping_end(const struct mapping *mapping)
{
    return mapping->by_address.key + mapping->pages * WK_PAGE_BYTES;
}

/* The mapping that holds `address`, or NULL. */
struct mapping *mapping_find(const struct process *process, uint64_t address);
/* One step of removing a mapping whose capability or process goes: entries from its end, a bounded number a step;
 * WK_CONTINUE until it is gone (record freed). */
enum wk_status mapping_remove_step(struct mapping *mapping);
/* Frees a few mappings of a process in whose space nothing is entered. */
void mapping_free_first(struct process *process);

/*
 * Answers a page fault at `address`: makes the page present and enters it. WK_OK: retry. WK_CONTINUE: `operation` has
 * begun, to copy the page that is shared and stored to, or to have other harts fence their fetches; retry when it is
 * done. WK_NOT_MAPPED: no mapping allows this access. WK_NO_MEMORY: the bank cannot pay. WK_REVOKED: the memory is being
 * taken back.
 */
enum wk_status mapping_fault(struct process *process, uint64_t address, enum arch_access access,
                             struct operation *operation);

#endif
