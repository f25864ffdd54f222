/* SPDX-License-Identifier: MIT */
/* Inside mappings, for mapping.c and mapping_operations.c: their records, and what both do with them in line. */
#ifndef MAPPING_RECORD_H
#define MAPPING_RECORD_H

#include "assert.h"
#include "bank.h"
#include "mapping.h"
#include "memory.h"

static inline struct memory *mapping_memory(const struct mapping *mapping)
{
    return container_of(mapping->node.object, struct memory, object);
}

static inline struct mapping *mapping_of_node(struct tree_node *node)
{
    return node == NULL ? NULL : container_of(node, struct mapping, by_address);
}

/* mapping_find, in line. */
static inline struct mapping *mapping_at(const struct process *process, uint64_t address)
{
    struct mapping *mapping = mapping_of_node(tree_find_at_most(&process->mappings, address));

    return mapping != NULL && address < mapping_end(mapping) ? mapping : NULL;
}

/* Fills a mapping's record and links it everywhere: behind the mapping at `previous`, if there is one before it, and in
 * the memory's list behind `place`. */
static inline void mapping_insert(struct mapping *mapping, struct process *process, struct capability *parent,
                                  uint32_t word, uint64_t address, uint64_t offset_pages, uint64_t pages,
                                  uint64_t protection, struct tree_node *previous, struct list *place)
{
    struct memory *memory = container_of(parent->object, struct memory, object);

    mapping->node.object = parent->object;
    mapping->node.key = (uint64_t)word << 32; /* generation 0 */
    capability_link(&mapping->node, parent);
    mapping->process = process;
    mapping->by_address.key = address;
    process->mapping_count++;
    mapping->memory_link.mapping = mapping;
    list_insert_behind(place, &mapping->memory_link.link);
    memory->mapping_count++;
    mapping->pages = pages;
    mapping->offset_pages = offset_pages;
    mapping->protection = protection;
    tree_insert_after(&process->mappings, previous, &mapping->by_address);
}

/* Unlinks a mapping of which nothing is entered, and frees its record. */
static inline void mapping_free(struct mapping *mapping)
{
    struct process *process = mapping->process;
    struct memory *memory = mapping_memory(mapping);

    tree_remove(&process->mappings, &mapping->by_address);
    process->mapping_count--;
    /* A sweep that was in the middle of this mapping begins the next one at its last page. */
    if (memory->busy != NULL && memory->busy->marker.link.next == &mapping->memory_link.link)
        memory->busy->sweep_page = UINT64_MAX;
    list_unlink(&mapping->memory_link.link);
    memory->mapping_count--;
    assert_debug(list_is_empty(&mapping->node.children));
    list_unlink(&mapping->node.sibling);
    bank_record_free(process->object.bank, mapping);
}

/* What an entry for that page may allow: no store to a page that is shared. */
static inline uint64_t mapping_page_protection(const struct mapping *mapping, const struct frame *frame)
{
    return frame_sharers(frame) > 1 ? mapping->protection & ~(uint64_t)WK_PROTECTION_WRITE : mapping->protection;
}

static inline bool mapping_is_code(const struct mapping *mapping)
{
    return __builtin_expect(mapping->protection & WK_PROTECTION_EXECUTE, 0);
}

/*
 * Enters the page of the mapping at `address`, if the memory has it; *bytes becomes what was entered or found absent from
 * `address` on. Code is left to a fault, if other harts run the process. Takes at most two frames.
 */
enum wk_status mapping_enter(struct mapping *mapping, uint64_t address, uint64_t *bytes);

#endif
