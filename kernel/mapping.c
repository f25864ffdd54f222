/* SPDX-License-Identifier: MIT */
/*
 * Mappings, and the answer to page faults. A mapping is a derivation node: taking back the capability that it was made
 * through removes it. What can be entered later is entered on demand; taking away goes through every entry. What programs
 * ask for is in mapping_operations.c.
 * Guarded by the kernel lock. Invariants: see mapping.h.
 */
#include "mapping.h"

#include "config.h"
#include "mapping_record.h"
#include "memory_table.h"
#include "operation.h"
#include "trace.h"

#define FREE_STEP 3 /* mappings that are freed in one go */

struct mapping *mapping_find(const struct process *process, uint64_t address)
{
    return mapping_at(process, address);
}

SLOW_PATH enum wk_status mapping_remove_step(struct mapping *mapping)
{
    struct space *space = &mapping->process->space;
    const uint64_t start = mapping_start(mapping);
    uint64_t end;

    if (!mapping->node.lends) {
        mapping_free(mapping);
        return WK_OK;
    }
    capability_doom(&mapping->node);
    end = space_restrict(space, start, mapping_end(mapping), 0);
    if (end != start) {
        mapping->pages = (end - start) / WK_PAGE_BYTES;
        return WK_CONTINUE;
    }
    if (!space_removal_is_long(space)) {
        mapping_free(mapping);
        return WK_OK;
    }
    mapping->node.lends = false; /* to free it is a step of its own, */
    mapping->pages = 1;          /* and it keeps its place until it is gone: INV-MAP-1 */
    return WK_CONTINUE;
}

SLOW_PATH void mapping_free_first(struct process *process)
{
    for (unsigned i = 0; i < FREE_STEP && process->mappings.first != NULL; i++)
        mapping_free(mapping_of_node(process->mappings.first));
}

/* Whether the large page that holds `address` can be entered whole. */
static bool fits_large(const struct mapping *mapping, uint64_t address, uint64_t page)
{
    const uint64_t start = address & ~(uint64_t)(WK_LARGE_PAGE_BYTES - 1);
    const uint64_t back = (address - start) / WK_PAGE_BYTES;

    return start >= mapping_start(mapping) && start + WK_LARGE_PAGE_BYTES <= mapping_end(mapping) && page >= back &&
           memory_is_large_at(mapping_memory(mapping), page - back);
}

/*
 * As mapping_enter, for memory in large pages: a large entry where one fits, and none where one no longer fits. Returns
 * WK_CONTINUE where a single page is to be entered.
 */
static SLOW_PATH enum wk_status mapping_enter_large(struct mapping *mapping, uint64_t address, uint64_t page,
                                                    uint64_t *bytes)
{
    struct space *space = &mapping->process->space;
    const bool large = fits_large(mapping, address, page);
    const uint64_t into = address % WK_LARGE_PAGE_BYTES;
    uint64_t covered;
    uint64_t entry = space_lookup(space, address, &covered);
    struct physical physical;

    if (entry != 0 && covered != WK_PAGE_BYTES) {
        if (large && arch_entry_protection(entry) == mapping->protection)
            return WK_OK; /* another hart entered it meanwhile */
        space_remove(space, address);
        entry = 0;
    }
    if (!large || entry != 0 || covered < WK_LARGE_PAGE_BYTES)
        return WK_CONTINUE;
    *bytes = WK_LARGE_PAGE_BYTES - into;
    physical.address = arch_physical(frame_pointer(memory_page(mapping_memory(mapping), page))).address - into;
    return space_enter_large(space, address - into, physical, mapping->protection);
}

/* The same for memory in large pages, and of kind tim, which is not where the kernel sees it. */
static SLOW_PATH enum wk_status mapping_enter_special(struct mapping *mapping, uint64_t address, uint64_t page,
                                                      const struct frame *frame, uint64_t *bytes)
{
    if (!(mapping_memory(mapping)->options & MEMORY_TIM))
        return mapping_enter_large(mapping, address, page, bytes);
    return space_enter(&mapping->process->space, address, frame_physical(frame), mapping->protection, ARCH_LEAF_MEMORY);
}

/* Enters a page that the memory has. Takes at most two frames. */
static inline enum wk_status mapping_enter_frame(struct mapping *mapping, uint64_t address, uint64_t page,
                                                 const struct frame *frame, uint64_t *bytes)
{
    enum wk_status status;

    if (__builtin_expect(mapping_memory(mapping)->options & (WK_MEMORY_OPTIONS_LARGE | MEMORY_TIM), 0)) {
        status = mapping_enter_special(mapping, address, page, frame, bytes);
        if (status != WK_CONTINUE)
            return status;
    }
    return space_enter(&mapping->process->space, address, arch_physical(frame_pointer(frame)),
                       mapping_page_protection(mapping, frame), ARCH_LEAF_MEMORY);
}

/*
 * Enters the page of the mapping at `address`, if the memory has it; *bytes becomes what was entered or found absent from
 * `address` on. Takes at most two frames. Of code, space_fetch_prepare has been heard.
 */
static SLOW_PATH enum wk_status mapping_enter_prepared(struct mapping *mapping, uint64_t address, uint64_t *bytes)
{
    const struct memory *memory = mapping_memory(mapping);
    const uint64_t page = mapping->offset_pages + (address - mapping_start(mapping)) / WK_PAGE_BYTES;
    const struct frame *frame;

    *bytes = WK_PAGE_BYTES;
    if (page >= memory->pages || mapping->protection == 0)
        return WK_OK;
    if (memory->is_physical) {
        const struct physical physical = {memory->physical.address + page * WK_PAGE_BYTES};

        return space_enter(&mapping->process->space, address, physical, mapping->protection, memory->leaf_kind);
    }
    frame = memory_page(memory, page);
    return frame == NULL ? WK_OK : mapping_enter_frame(mapping, address, page, frame, bytes);
}

enum wk_status mapping_enter(struct mapping *mapping, uint64_t address, uint64_t *bytes)
{
    *bytes = WK_PAGE_BYTES;
    if (mapping_is_code(mapping) && !space_fetch_prepare(&mapping->process->space))
        return WK_OK;
    return mapping_enter_prepared(mapping, address, bytes);
}

/* The page that a mapping shows at `address`, if it has one of the pool. */
static struct frame *mapping_frame(const struct mapping *mapping, uint64_t address)
{
    const struct memory *memory = mapping_memory(mapping);

    return memory->is_physical
               ? NULL
               : memory_page(memory, mapping->offset_pages + (address - mapping_start(mapping)) / WK_PAGE_BYTES);
}

/* cursor: 0 the address, 1 space->code_made. All harts have fenced their fetches: enters the page, if it still is the same
 * one, and was not made executable anew. What has changed meanwhile is found by the fault that comes then. */
static SLOW_PATH enum wk_status mapping_fetch_step(struct operation *operation)
{
    struct process *process = container_of(operation->object, struct process, object);
    const uint64_t address = operation->cursor[0];
    struct mapping *mapping;
    uint64_t bytes;

    if (operation_await_flush(operation) == WK_CONTINUE)
        return WK_CONTINUE;
    mapping = mapping_find(process, address);
    if (mapping != NULL && !capability_is_doomed(&mapping->node) &&
        mapping_memory(mapping)->object.state != OBJECT_DYING && mapping_memory(mapping)->busy == NULL &&
        mapping_frame(mapping, address) == operation->pointer && process->space.code_made == operation->cursor[1])
        (void)mapping_enter_prepared(mapping, address, &bytes);
    return WK_OK;
}

/* Where a page of code or of physical memory is to be entered: code when no hart is left that would fetch what was in the
 * page before. */
static SLOW_PATH enum wk_status mapping_fault_slowly(struct mapping *mapping, uint64_t address, enum arch_access access,
                                                     struct operation *operation)
{
    struct space *space = &mapping->process->space;
    uint64_t bytes;

    if (mapping_is_code(mapping) && !space_is_local(space) &&
        arch_entry_protection(space_lookup(space, address, &bytes)) & access) {
        arch_flush_page(space->asid, address); /* another hart entered it meanwhile */
        return WK_OK;
    }
    if (!mapping_is_code(mapping) || space_fetch_prepare(space))
        return mapping_enter_prepared(mapping, address, &bytes);
    if (!space_can_enter(space, address))
        return WK_NO_MEMORY;
    operation_begin(operation, mapping_fetch_step, &mapping->process->object);
    operation->cursor[0] = address;
    operation->cursor[1] = space->code_made;
    operation->pointer = mapping_frame(mapping, address);
    return WK_CONTINUE;
}

enum wk_status mapping_fault(struct process *process, uint64_t address, enum arch_access access,
                             struct operation *operation)
{
    struct mapping *mapping = mapping_at(process, address);
    struct memory *memory;
    struct frame *frame;
    uint64_t bytes;
    uint64_t page;

    if (mapping == NULL || (mapping->protection & (uint64_t)(int)access) == 0)
        return WK_NOT_MAPPED;
    memory = mapping_memory(mapping);
    if (capability_is_doomed(&mapping->node) || memory->object.state == OBJECT_DYING)
        return WK_REVOKED;
    page = mapping->offset_pages + (address - mapping_start(mapping)) / WK_PAGE_BYTES;
    if (page >= memory->pages)
        return WK_NOT_MAPPED;
    address &= ~(uint64_t)(WK_PAGE_BYTES - 1);
    if (!memory->is_physical) {
        if (memory->busy != NULL)
            return memory_begin_wait(memory, operation);
        frame = memory_make_present(memory, page);
        if (frame == NULL)
            return WK_NO_MEMORY;
        if (access == ARCH_STORE && frame_sharers(frame) > 1)
            return memory_begin_unshare(memory, page, address, operation);
        if (hart_current()->attention.tracing)
            trace(WK_TRACE_EVENT_FAULT, address, page);
        if (!mapping_is_code(mapping))
            return mapping_enter_frame(mapping, address, page, frame, &bytes);
    }
    return mapping_fault_slowly(mapping, address, access, operation);
}
