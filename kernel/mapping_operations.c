/* SPDX-License-Identifier: MIT */
/*
 * The operations of mappings: memory.map and what a process does with ranges of its addresses, unmap, protect and
 * synchronize_code. One page is mapped and unmapped in one go; the rest are long operations.
 * Guarded by the kernel lock. Invariants: see mapping.h.
 */
#include "config.h"
#include "handlers.h"
#include "invoke.h"
#include "mapping_record.h"
#include "memory_table.h"
#include "operation.h"

#define MAP_STEP 2 /* pages that one step enters */

/* What is stored to can be loaded from, and is not executed. */
static inline bool protection_is_allowed(uint64_t protection)
{
    return !(protection & WK_PROTECTION_WRITE) ||
           (protection & (WK_PROTECTION_READ | WK_PROTECTION_EXECUTE)) == WK_PROTECTION_READ;
}

_Static_assert((int)WK_PROTECTION_READ == (int)WK_MEMORY_RIGHT_READ &&
                   (int)WK_PROTECTION_WRITE == (int)WK_MEMORY_RIGHT_WRITE &&
                   (int)WK_PROTECTION_EXECUTE == (int)WK_MEMORY_RIGHT_EXECUTE,
               "protections are compared with rights");

/* Whether the pages of such a range and protection may be mapped through the capability: a status and the argument. */
static inline enum wk_status check_map(struct invocation *invocation, const struct memory *memory,
                                       const struct wk_memory_map_in *in)
{
    const uint64_t protection = in->protection;

    if (in->address + in->pages * WK_PAGE_BYTES > WK_USER_ADDRESS_END)
        return invocation_bad_argument(invocation, 2);
    if (in->offset_pages + in->pages > memory->pages)
        return invocation_bad_argument(invocation, 4);
    if (!protection_is_allowed(protection))
        return invocation_bad_argument(invocation, 5);
    if (protection & ~(uint64_t)invocation->capability->rights)
        return WK_NO_RIGHT;
    return capability_check_derive(invocation->capability);
}

static inline __attribute__((always_inline)) bool range_is_free(const struct process *process, uint64_t address,
                                                                uint64_t pages, struct tree_node **previous)
{
    *previous = tree_find_at_most(&process->mappings, address + pages * WK_PAGE_BYTES - 1);
    return *previous == NULL || mapping_end(mapping_of_node(*previous)) <= address;
}

/* `address`, if there is a page in the mapping's memory, or one up to which none is. */
static uint64_t address_of_present(const struct mapping *mapping, uint64_t address)
{
    const uint64_t page = mapping->offset_pages + (address - mapping_start(mapping)) / WK_PAGE_BYTES;
    const uint64_t end = mapping->offset_pages + mapping->pages;

    return address + (memory_pass_absent(mapping_memory(mapping), page, end) - page) * WK_PAGE_BYTES;
}

/* A mapping that an operation made is known to it by its first address (cursor[0]) and found anew in each step. */
static SLOW_PATH enum wk_status memory_map_step(struct operation *operation)
{
    struct process *process = container_of(operation->object, struct process, object);
    struct mapping *mapping = mapping_find(process, operation->cursor[0]);
    const struct memory *memory = container_of(operation->other, struct memory, object);
    enum wk_status status = WK_OK;
    uint64_t bytes;

    if (memory->busy != NULL)
        return WK_OK;
    if (mapping == NULL || mapping_memory(mapping) != memory || capability_is_doomed(&mapping->node))
        return WK_REVOKED;
    if (!memory->is_physical)
        operation->cursor[1] = address_of_present(mapping, operation->cursor[1]);
    for (unsigned i = 0; i < MAP_STEP; i++) {
        if (operation->cursor[1] >= mapping_end(mapping) || operation->cursor[1] < mapping_start(mapping))
            return WK_OK;
        if (i != 0 && !space_is_in_last_table(&process->space, operation->cursor[1]))
            break; /* to make tables is a step of its own */
        status = mapping_enter(mapping, operation->cursor[1], &bytes);
        if (status != WK_OK)
            return WK_OK; /* the page tables cannot be paid now: a fault will try again, and say so if it must */
        operation->cursor[1] += bytes;
        if (hart_current()->attention.stock_low)
            break; /* making tables was enough for one step */
    }
    return WK_CONTINUE;
}

/* Leaves a new mapping to faults. Of code, a fault that was about to enter what stood there before enters nothing now. */
static SLOW_PATH enum wk_status mapping_leave_to_faults(struct mapping *mapping)
{
    mapping->process->space.code_made += mapping_is_code(mapping);
    return WK_OK;
}

static SLOW_PATH enum wk_status memory_map_begin(struct invocation *invocation, struct mapping *mapping)
{
    struct operation *operation = &invocation->thread->operation;
    struct process *process = mapping->process;

    mapping_leave_to_faults(mapping);
    if (mapping_memory(mapping)->options & WK_MEMORY_OPTIONS_ON_DEMAND ||
        (mapping_is_code(mapping) && !space_fetch_prepare(&process->space)))
        return WK_OK;
    operation_begin(operation, memory_map_step, &process->object);
    operation_also(operation, mapping->node.object);
    operation->cursor[0] = mapping_start(mapping);
    operation->cursor[1] = mapping_start(mapping);
    return WK_CONTINUE;
}

/* Enters the first page of a mapping. If its page tables cannot be paid now, a fault will try again. */
static SLOW_PATH enum wk_status mapping_enter_first(struct mapping *mapping)
{
    uint64_t bytes;

    mapping_leave_to_faults(mapping);
    (void)mapping_enter(mapping, mapping_start(mapping), &bytes);
    return WK_OK;
}

/* The same, for the one page of a mapping of small memory. */
static inline enum wk_status mapping_enter_single(struct mapping *mapping)
{
    const struct memory *memory = mapping_memory(mapping);
    const struct frame *frame;

    if (__builtin_expect(memory->is_physical || memory->levels != 0 || mapping->offset_pages >= MEMORY_INLINE_PAGES ||
                             memory->options & (WK_MEMORY_OPTIONS_LARGE | MEMORY_TIM) ||
                             mapping->protection - 1 >= WK_PROTECTION_EXECUTE - 1, /* none, or code */
                         0))
        return mapping_enter_first(mapping);
    frame = memory_slot_frame(memory->slots[mapping->offset_pages]);
    if (frame != NULL)
        (void)space_enter(&mapping->process->space, mapping_start(mapping), arch_physical(frame_pointer(frame)),
                          mapping_page_protection(mapping, frame), ARCH_LEAF_MEMORY);
    return WK_OK;
}

enum wk_status memory_map(struct invocation *invocation, struct memory *memory, struct capability *process_capability,
                          const struct wk_memory_map_in *in)
{
    struct process *process = container_of(process_capability->object, struct process, object);
    enum wk_status status = check_map(invocation, memory, in);
    struct tree_node *previous;
    struct mapping *mapping;

    if (status != WK_OK)
        return status;
    if (process->state >= WK_PROCESS_STATE_ENDING)
        return WK_REVOKED;
    if (!range_is_free(process, in->address, in->pages, &previous))
        return WK_ALREADY_MAPPED;
    mapping = bank_record(process->object.bank, sizeof(*mapping));
    if (mapping == NULL)
        return WK_NO_MEMORY;

    op_commit();
    mapping_insert(mapping, process, invocation->capability,
                   capability_child_word(invocation->capability, UINT16_MAX) & ~CAPABILITY_IN_TABLE, in->address,
                   in->offset_pages, in->pages, in->protection, previous, &memory->mappings); /* INV-MAP-3 */
    /* While an operation has the memory for itself, its pages come by faults, which wait. */
    if ((memory->present_pages == 0 && !memory->is_physical) || memory->busy != NULL)
        return mapping_leave_to_faults(mapping);
    if (mapping->pages == 1)
        return mapping_enter_single(mapping);
    return memory_map_begin(invocation, mapping);
}

/* The capability of a memory object with that handle in the process's table; NULL if there is none. */
static SLOW_PATH struct capability *memory_in_table(const struct process *process, uint64_t handle)
{
    struct capability *capability = capability_find(&process->table, handle);

    return capability != NULL && capability->object->type == WK_TYPE_MEMORY ? capability : NULL;
}

enum wk_status process_map(struct invocation *invocation, struct process *process, const struct wk_process_map_in *in)
{
    struct capability *process_capability = invocation->capability;
    struct capability *capability = memory_in_table(process, in->memory);
    const struct wk_memory_map_in map = {0, in->address, in->offset_pages, in->pages, in->protection};

    if (capability == NULL)
        return invocation_bad_argument(invocation, 1);
    if (!object_is_live(capability->object))
        return WK_REVOKED;
    invocation->capability = capability;
    return memory_map(invocation, container_of(capability->object, struct memory, object), process_capability, &map);
}

/* The first mapping that reaches beyond `address`, or NULL. */
static struct mapping *mapping_from(const struct process *process, uint64_t address)
{
    struct tree_node *node = tree_find_at_most(&process->mappings, address);

    if (node == NULL)
        return mapping_of_node(process->mappings.first);
    if (mapping_end(mapping_of_node(node)) <= address)
        node = tree_next(node);
    return mapping_of_node(node);
}

/* Gives the process of a clone_mappings one more, like `mapping`. */
static SLOW_PATH enum wk_status mapping_clone(const struct operation *operation, const struct mapping *mapping)
{
    struct process *process = container_of(operation->object, struct process, object);
    struct capability *parent = mapping->node.object != operation->other
                                    ? mapping->node.parent
                                    : memory_in_table(process, operation->cursor[2]);
    struct tree_node *previous;
    struct mapping *clone;

    if (parent == NULL)
        return WK_BAD_ARGUMENT;
    if (capability_is_doomed(&mapping->node) || !object_is_live(parent->object) ||
        capability_check_derive(parent) != WK_OK ||
        !range_is_free(process, mapping_start(mapping), mapping->pages, &previous))
        return WK_OK;
    clone = bank_record(process->object.bank, sizeof(*clone));
    if (clone == NULL)
        return WK_NO_MEMORY;
    mapping_insert(clone, process, parent, capability_child_word(parent, UINT16_MAX) & ~CAPABILITY_IN_TABLE,
                   mapping_start(mapping), mapping->offset_pages, mapping->pages, mapping->protection & parent->rights,
                   previous, &container_of(parent->object, struct memory, object)->mappings);
    return mapping_leave_to_faults(clone);
}

/* cursor: 0 where it is, 1 the end, 2 the handle of the memory that replaces operation->other. */
static SLOW_PATH enum wk_status process_clone_mappings_step(struct operation *operation)
{
    const struct process *process = container_of(operation->object, struct process, object);
    const struct mapping *mapping = mapping_from(operation->thread->process, operation->cursor[0]);
    enum wk_status status;

    if (process->state >= WK_PROCESS_STATE_ENDING)
        return WK_REVOKED;
    if (mapping == NULL || mapping_start(mapping) >= operation->cursor[1])
        return WK_OK;
    status = mapping_start(mapping) < operation->cursor[0] ? WK_OK : mapping_clone(operation, mapping);
    operation->cursor[0] = mapping_end(mapping);
    operation->result = status == WK_BAD_ARGUMENT ? 4 : 0;
    return status == WK_OK ? WK_CONTINUE : status;
}

enum wk_status process_clone_mappings(struct invocation *invocation, struct process *process, struct capability *of,
                                      const struct wk_process_clone_mappings_in *in)
{
    struct operation *operation = &invocation->thread->operation;

    op_commit();
    operation_begin(operation, process_clone_mappings_step, &process->object);
    operation_also(operation, of->object);
    operation->cursor[0] = in->address;
    operation->cursor[1] = in->address + in->pages * WK_PAGE_BYTES;
    operation->cursor[2] = in->memory;
    return WK_CONTINUE;
}

/* Removes a large leaf that would reach across `address`, which becomes a mapping's boundary. Its pages come back one by
 * one, by faults. */
SMALL static void break_large_leaf(struct space *space, uint64_t address)
{
    uint64_t bytes;

    if (space_lookup(space, address, &bytes) != 0 && bytes != WK_PAGE_BYTES && address % bytes != 0)
        space_remove(space, address);
}

/* Whether `address` lies inside a mapping that would have to be cut there; one that is being taken back goes whole. */
SMALL static bool needs_cut(const struct process *process, uint64_t address)
{
    const struct mapping *mapping = mapping_find(process, address);

    return mapping != NULL && mapping_start(mapping) != address && !capability_is_doomed(&mapping->node) &&
           !capability_is_doomed(mapping->node.parent);
}

/* Cuts the mapping around `address`; the second part gets the record. A sweep over the memory's mappings finds it right
 * behind the first: either both are swept already or neither is, INV-MAP-3. */
SMALL static void cut_at(struct process *process, uint64_t address, struct mapping *second)
{
    struct mapping *mapping = mapping_find(process, address);
    const uint64_t before = (address - mapping_start(mapping)) / WK_PAGE_BYTES;

    break_large_leaf(&process->space, address);
    mapping_insert(second, process, mapping->node.parent, mapping->node.word, address, mapping->offset_pages + before,
                   mapping->pages - before, mapping->protection, &mapping->by_address, &mapping->memory_link.link);
    mapping->pages = before;
}

/* Cuts mappings at both ends of a range, so that each lies in it or outside. WK_NO_MEMORY changes nothing. Takes at most
 * two frames. */
SMALL static enum wk_status cut_out(struct process *process, uint64_t address, uint64_t end)
{
    struct bank *bank = process->object.bank;
    const bool at_start = needs_cut(process, address);
    const bool at_end = needs_cut(process, end);
    struct mapping *first = at_start ? bank_record(bank, sizeof(*first)) : NULL;
    struct mapping *second;

    if (at_start && first == NULL)
        return WK_NO_MEMORY;
    second = at_end ? bank_record(bank, sizeof(*second)) : NULL;
    if (at_end && second == NULL) {
        if (at_start)
            bank_record_free(bank, first);
        return WK_NO_MEMORY;
    }
    if (at_start)
        cut_at(process, address, first);
    if (at_end)
        cut_at(process, end, second);
    return WK_OK;
}

/*
 * cursor: 0 the range's first address, 1 the end of what is left of it, which only goes down, so that others who map there
 * meanwhile do not keep the operation going: what they make above it stays.
 */
SMALL static enum wk_status process_unmap_step(struct operation *operation)
{
    struct process *process = container_of(operation->object, struct process, object);
    const uint64_t end = operation->cursor[1];
    struct mapping *mapping;

    if (end > operation->cursor[0]) {
        mapping = mapping_of_node(tree_find_at_most(&process->mappings, end - 1));
        /* One that reaches into the range from before was not cut, since it is being taken back as a whole. */
        if (mapping != NULL && mapping_end(mapping) > operation->cursor[0]) {
            operation->cursor[1] = mapping_start(mapping);
            if (mapping_remove_step(mapping) == WK_CONTINUE)
                operation->cursor[1]++; /* it is still to be found, and nothing above it */
            return WK_CONTINUE;
        }
        operation->cursor[1] = operation->cursor[0]; /* what comes from now on stays */
    }
    return operation_await_flush(operation);
}

static SLOW_PATH enum wk_status process_unmap_range(struct invocation *invocation, struct process *process,
                                                    uint64_t address, uint64_t pages)
{
    struct operation *operation = &invocation->thread->operation;
    const uint64_t end = address + pages * WK_PAGE_BYTES;

    if (end > WK_USER_ADDRESS_END)
        return invocation_bad_argument(invocation, 2);
    if (process->state >= WK_PROCESS_STATE_ENDING)
        return WK_REVOKED;
    if (cut_out(process, address, end) != WK_OK)
        return WK_NO_MEMORY;

    op_commit();
    operation_begin(operation, process_unmap_step, &process->object);
    operation->cursor[0] = address;
    operation->cursor[1] = end;
    return WK_CONTINUE;
}

/* The common case is done in one go: what was mapped as one page, beside the last one, and no other hart has seen. */
enum wk_status process_unmap(struct invocation *invocation, struct process *process,
                             const struct wk_process_unmap_in *in)
{
    struct mapping *mapping;

    if (in->pages != 1 || !space_removal_is_short(&process->space, in->address))
        return process_unmap_range(invocation, process, in->address, in->pages);
    mapping = mapping_of_node(tree_find_at_most(&process->mappings, in->address));
    if (mapping == NULL || mapping_start(mapping) != in->address || mapping->pages != 1)
        return process_unmap_range(invocation, process, in->address, in->pages);

    op_commit();
    space_remove_shortly(&process->space, in->address);
    mapping_free(mapping);
    return WK_OK;
}

/*
 * cursor: 0 where it is, 1 the end, 2 the protection, 3 the end of what is left of the mapping there, 0: it has not begun.
 * The range is covered and may be protected so; a mapping that goes meanwhile is passed over, and one that comes meanwhile and
 * does not allow it.
 */
static SLOW_PATH void protect_some(struct process *process, uint64_t cursor[4])
{
    uint64_t *at = &cursor[0], *left = &cursor[3];
    struct mapping *mapping = mapping_from(process, *at);

    if (mapping == NULL || mapping_start(mapping) >= cursor[1]) {
        *at = cursor[1];
        return;
    }
    if (mapping_start(mapping) != *at)
        *left = 0;
    if (mapping_start(mapping) < *at) { /* new, and reaches into the range */
        *at = mapping_end(mapping);
        return;
    }
    *at = mapping_start(mapping);
    if (*left == 0) { /* once: what another does meanwhile stays */
        *left = mapping_end(mapping);
        if (cursor[2] & ~(uint64_t)mapping->node.rights)
            *left = *at;
        else
            mapping->protection = cursor[2];
    }
    if (*left > mapping_end(mapping))
        *left = mapping_end(mapping);
    if (*left > *at)
        *left = space_restrict(&process->space, *at, *left, mapping->protection);
    if (*left == *at) {
        *at = mapping_end(mapping);
        *left = 0;
    }
}

static SLOW_PATH enum wk_status process_protect_step(struct operation *operation)
{
    if (operation->cursor[0] < operation->cursor[1])
        protect_some(container_of(operation->object, struct process, object), operation->cursor);
    return operation->cursor[0] >= operation->cursor[1] ? operation_await_flush(operation) : WK_CONTINUE;
}

/* Checks the range from cursor[0] to cursor[1], cursor[3] being where it began; then protects it. */
static SLOW_PATH enum wk_status process_protect_check_step(struct operation *operation)
{
    struct process *process = container_of(operation->object, struct process, object);
    uint64_t *at = &operation->cursor[0];
    const struct mapping *mapping = mapping_find(process, *at);

    if (mapping == NULL)
        return WK_NOT_MAPPED;
    if (operation->cursor[2] & ~(uint64_t)mapping->node.rights)
        return WK_NO_RIGHT;
    *at = mapping_end(mapping);
    if (*at < operation->cursor[1])
        return WK_CONTINUE;
    *at = operation->cursor[3];
    operation->cursor[3] = 0;
    operation->step = process_protect_step;
    return cut_out(process, *at, operation->cursor[1]) == WK_OK ? WK_CONTINUE : WK_NO_MEMORY;
}

SMALL enum wk_status process_protect(struct invocation *invocation, struct process *process,
                                     const struct wk_process_protect_in *in)
{
    struct operation *operation = &invocation->thread->operation;
    const uint64_t protection = in->protection;
    const uint64_t end = in->address + in->pages * WK_PAGE_BYTES;

    if (end > WK_USER_ADDRESS_END)
        return invocation_bad_argument(invocation, 2);
    if (!protection_is_allowed(protection))
        return invocation_bad_argument(invocation, 3);
    if (process->state >= WK_PROCESS_STATE_ENDING)
        return WK_REVOKED;
    if (protection & WK_PROTECTION_EXECUTE)
        process->space.code_made++;
    operation_begin(operation, process_protect_check_step, &process->object);
    operation->cursor[0] = in->address;
    operation->cursor[1] = end;
    operation->cursor[2] = protection;
    operation->cursor[3] = in->address;
    return WK_CONTINUE;
}

enum wk_status process_synchronize_code(struct invocation *invocation, struct process *process)
{
    if (process->state >= WK_PROCESS_STATE_ENDING)
        return WK_REVOKED;

    op_commit();
    if (space_fetch_prepare(&process->space))
        return WK_OK;
    return operation_begin(&invocation->thread->operation, operation_await_flush, &process->object);
}
