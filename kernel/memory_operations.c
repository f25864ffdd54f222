/* SPDX-License-Identifier: MIT */
/*
 * The operations of memory objects. Those that work through many pages are long operations; one that would see others
 * change the pages under it has the memory for itself by `busy`, and faults wait for it. An object that is being made is
 * OBJECT_MAKING: its capability exists, and answers `revoked` until the object is whole.
 */
#include "assert.h"
#include "bank.h"
#include "capability.h"
#include "handlers.h"
#include "invoke.h"
#include "mapping.h"
#include "memory_table.h"
#include "space.h"

#define FILL_STEP 3 /* pages that one step makes present: with tables at most FRAMES_OF_STEP frames */
#define UNFILL_STEP 2
#define COPY_BYTEWISE 128 /* bytes that one step copies one by one, where words are not aligned */

static struct memory *memory_of(struct object *object)
{
    return container_of(object, struct memory, object);
}

/* Whether it has the pages that it has, for good. */
static bool memory_is_fixed(const struct memory *memory)
{
    return memory->is_physical || memory->options & MEMORY_TIM;
}

/*
 * The object is as it will be: pays the pages back that it did not need (cursor 1). If it is being destroyed, its handle is
 * no answer: an error's word names an argument.
 */
static enum wk_status memory_made(struct operation *operation, struct memory *memory)
{
    bank_credit(memory->object.bank, operation->cursor[1]);
    if (memory->object.state == OBJECT_DYING) {
        operation->result = 0;
        return WK_REVOKED;
    }
    memory->object.state = OBJECT_LIVE;
    return WK_OK;
}

/* Puts a page that is paid already where none is. */
static void memory_put_page(struct memory *memory, uint64_t page, struct frame *frame, uint64_t *paid)
{
    const uint64_t tables = memory->table_pages;
    uint64_t *slot = memory_slot_make(memory, page);

    assert_debug(*slot == 0);
    memory_put(memory, slot, frame);
    *paid -= 1 + memory->table_pages - tables;
}

/* cursor: 0 the next page, 1 pages paid and not yet used. */
static enum wk_status memory_fill_step(struct operation *operation)
{
    struct memory *memory = memory_of(operation->object);

    for (unsigned i = 0; i < FILL_STEP; i++) {
        if (operation->cursor[0] == memory->pages || memory->object.state == OBJECT_DYING)
            return memory_made(operation, memory);
        memory_put_page(memory, operation->cursor[0]++, frame_take(memory), &operation->cursor[1]);
    }
    return WK_CONTINUE;
}

/* Gives back what is left of a superframe from operation->pointer on, whose first frame is adopted. */
static enum wk_status memory_unfill_large_step(struct operation *operation)
{
    const struct memory *memory = memory_of(operation->object);

    for (unsigned i = 0; i < UNFILL_STEP; i++) {
        frame_give_back(frame_of(operation->pointer));
        operation->pointer = (char *)operation->pointer + WK_PAGE_BYTES;
        if ((uintptr_t)operation->pointer % WK_LARGE_PAGE_BYTES == 0) {
            operation->step = memory_fill_step; /* which sees that the object dies */
            return WK_CONTINUE;
        }
        frame_adopt(frame_of(operation->pointer), (void *)memory);
    }
    return WK_CONTINUE;
}

/*
 * As memory_fill_step, by large pages: pointer is the next of 512 contiguous frames, or NULL when the next superframe is
 * to be taken; each page is zeroed without the lock before it is put in its place, by the step after.
 */
static enum wk_status memory_fill_large_step(struct operation *operation)
{
    struct memory *memory = memory_of(operation->object);
    const uint64_t page = operation->cursor[0];
    struct frame *frame;

    if (operation->pointer != NULL && memory->object.state == OBJECT_DYING) {
        operation->step = memory_unfill_large_step;
        return WK_CONTINUE;
    }
    if (operation->pointer != NULL) {
        frame = frame_of(operation->pointer);
        memory_put_page(memory, page, frame, &operation->cursor[1]);
        operation->cursor[0]++;
        operation->pointer = (char *)operation->pointer + WK_PAGE_BYTES;
        if (operation->cursor[0] % FRAMES_PER_SUPERFRAME == 0) {
            operation->pointer = NULL;
            memory_page(memory, page & ~(uint64_t)(FRAMES_PER_SUPERFRAME - 1))->next = FRAMES_PER_SUPERFRAME;
        }
    }
    if (operation->pointer == NULL) {
        if (operation->cursor[0] == memory->pages || memory->object.state == OBJECT_DYING)
            return memory_made(operation, memory);
        operation->pointer = frame_take_large();
        if (operation->pointer == NULL) {
            operation->step = memory_fill_step; /* none whole: the rest in single pages */
            return WK_CONTINUE;
        }
    }
    frame_adopt(frame_of(operation->pointer), memory);
    operation->copy = (struct page_copy){operation->pointer, NULL, WK_PAGE_BYTES, false};
    return WK_CONTINUE;
}

/*
 * As memory_fill_step, of kind tim: operation->pointer is a frame, or NULL; it is zeroed without the lock before it is put in
 * its place, by the step after. What was paid for tables (cursor 1 counts them too) was paid by the bank's payer.
 */
static enum wk_status memory_fill_tim_step(struct operation *operation)
{
    struct memory *memory = memory_of(operation->object);
    const bool is_dying = memory->object.state == OBJECT_DYING;
    uint64_t tables;

    if (operation->pointer != NULL && is_dying)
        frame_give_back(frame_of(operation->pointer));
    else if (operation->pointer != NULL)
        memory_put_page(memory, operation->cursor[0]++, frame_of(operation->pointer), &operation->cursor[1]);
    if (operation->cursor[0] == memory->pages || is_dying) {
        tables = operation->cursor[1] - (memory->pages - operation->cursor[0]);
        bank_credit(memory->object.bank->payer, tables);
        operation->cursor[1] -= tables;
        return memory_made(operation, memory);
    }
    operation->pointer = frame_pointer(frame_take_tim(memory));
    operation->copy = (struct page_copy){operation->pointer, NULL, WK_PAGE_BYTES, false};
    return WK_CONTINUE;
}

/* Pays for the pages of a memory object of that bank, and for the tables of them. */
static enum wk_status memory_pay(struct bank *bank, uint64_t pages, uint64_t tables)
{
    if (!bank_can_pay(bank->payer, tables))
        return WK_NO_MEMORY;
    bank->payer->used_pages += tables;
    if (bank_charge(bank, pages) == WK_OK)
        return WK_OK;
    bank_credit(bank->payer, tables);
    return WK_NO_MEMORY;
}

enum wk_status memory_create(struct invocation *invocation, struct bank *bank, const struct wk_memory_create_in *in,
                             struct wk_memory_create_out *out)
{
    const bool on_demand = in->options & WK_MEMORY_OPTIONS_ON_DEMAND;
    const bool large = in->options & WK_MEMORY_OPTIONS_LARGE;
    const bool tim = bank->kind == WK_BANK_KIND_TIM;
    const uint64_t tables = on_demand ? 0 : memory_tables_for(in->pages);
    const uint64_t pages = on_demand ? 0 : in->pages;
    const uint64_t rights = bank->attributes & WK_MEMORY_ATTRIBUTES_EXECUTABLE
                                ? WK_RIGHTS_ALL
                                : WK_RIGHTS_ALL & ~(uint64_t)WK_MEMORY_RIGHT_EXECUTE;
    struct operation *operation = &invocation->thread->operation;
    enum wk_status status = capability_reserve(&invocation->process->table, invocation->process);
    struct memory *memory;

    if ((large && (on_demand || in->pages % FRAMES_PER_SUPERFRAME != 0)) || (tim && in->options != 0))
        return invocation_bad_argument(invocation, 2);
    if (status != WK_OK)
        return status;
    memory = memory_make(bank, in->pages, tim ? MEMORY_TIM : in->options);
    if (memory == NULL)
        return WK_NO_MEMORY;
    if (memory_pay(bank, pages, tables) != WK_OK) {
        object_abandon(&memory->object);
        return WK_NO_MEMORY;
    }

    op_commit();
    out->memory = capability_handle(capability_make(invocation->process, &memory->object, (uint16_t)rights, NULL));
    if (on_demand)
        return WK_OK;
    memory->object.state = OBJECT_MAKING;
    operation_begin(operation,
                    tim     ? memory_fill_tim_step
                    : large ? memory_fill_large_step
                            : memory_fill_step,
                    &memory->object);
    operation->result = out->memory;
    operation->cursor[1] = pages + tables;
    return WK_CONTINUE;
}

/* cursor: 0 the next page, 1 pages paid and not yet used. The source's translations must not allow stores any more. */
static enum wk_status memory_clone_sweep_step(struct operation *operation)
{
    struct memory *clone = memory_of(operation->other);
    struct memory *source = memory_of(operation->object);

    if (!list_is_empty(&operation->marker.link)) {
        (void)memory_sweep_step(operation, 0, source->pages, WK_PROTECTION_READ | WK_PROTECTION_EXECUTE);
        return WK_CONTINUE;
    }
    if (operation_await_flush(operation) == WK_CONTINUE)
        return WK_CONTINUE;
    source->busy = NULL;
    return memory_made(operation, clone);
}

/* What has been made of the clone goes. */
static enum wk_status memory_clone_abort(struct operation *operation, enum wk_status status)
{
    struct memory *clone = memory_of(operation->other);

    memory_of(operation->object)->busy = NULL;
    if (clone->object.state != OBJECT_DYING)
        object_condemn(&clone->object, operation);
    (void)memory_made(operation, clone);
    return object_dismantle_then(operation, status);
}

/*
 * Shares the pages of a group from the one at cursor 0 on, in which `from` is. False if one has as many sharers as a frame can
 * count: above 64 GiB there are more pages to pay with.
 */
static bool memory_share_group(struct memory *source, struct memory *clone, const uint64_t *from, uint64_t *cursor)
{
    const uint64_t tables = clone->table_pages;
    uint64_t *to = memory_slot_make(clone, cursor[0]);

    memory_break_large(source, cursor[0]);
    cursor[1] -= clone->table_pages - tables;
    do {
        struct frame *frame = memory_slot_frame(*from++);

        if (frame != NULL) {
            if (frame_sharers(frame) == FRAME_SHARERS)
                return false;
            frame->references++;
            memory_put(clone, to, frame);
            cursor[1]--;
        }
        to++;
    } while (++cursor[0] % SPARSE_GROUP != 0 && cursor[0] < source->pages);
    return true;
}

static enum wk_status memory_clone_share_step(struct operation *operation)
{
    struct memory *source = memory_of(operation->object);
    struct memory *clone = memory_of(operation->other);
    uint64_t *at = &operation->cursor[0];
    const uint64_t *from;

    if (source->object.state == OBJECT_DYING || clone->object.state == OBJECT_DYING)
        return memory_clone_abort(operation, WK_REVOKED);
    if (clone->present_pages == source->present_pages) {
        memory_sweep_begin(source, operation);
        operation->step = memory_clone_sweep_step;
        return WK_CONTINUE;
    }
    *at = memory_pass_absent(source, *at, source->pages);
    from = memory_slot(source, *at);
    if (from != NULL && *from != 0 && !memory_share_group(source, clone, from, operation->cursor))
        return memory_clone_abort(operation, WK_NO_MEMORY);
    return WK_CONTINUE;
}

enum wk_status memory_clone(struct invocation *invocation, struct memory *memory, struct capability *payer,
                            const struct wk_memory_clone_in *in, struct wk_memory_clone_out *out)
{
    struct bank *bank = container_of(payer->object, struct bank, object);
    const uint64_t options = memory->options & ~(uint64_t)WK_MEMORY_OPTIONS_LARGE;
    const uint64_t paid = memory->present_pages == 0 ? 0 : memory->present_pages + memory->table_pages;
    struct operation *operation = &invocation->thread->operation;
    enum wk_status status = capability_reserve(&invocation->process->table, invocation->process);
    struct memory *clone;

    (void)in;
    if (memory_is_fixed(memory) || bank->kind != WK_BANK_KIND_RAM)
        return WK_NOT_AVAILABLE;
    if (memory->busy != NULL || memory->pin_count != 0)
        return WK_BUSY;
    if (status != WK_OK)
        return status;
    clone = memory_make(bank, memory->pages, options);
    if (clone == NULL)
        return WK_NO_MEMORY;
    clone->levels = memory->levels;
    if (bank_charge(bank, paid) != WK_OK) {
        object_abandon(&clone->object);
        return WK_NO_MEMORY;
    }

    op_commit();
    out->memory = capability_handle(capability_make(invocation->process, &clone->object, WK_RIGHTS_ALL, NULL));
    if (memory->present_pages == 0)
        return WK_OK;
    clone->object.state = OBJECT_MAKING;
    memory->busy = operation;
    operation_begin(operation, memory_clone_share_step, &memory->object);
    operation_also(operation, &clone->object);
    operation->result = out->memory;
    operation->cursor[1] = paid;
    return WK_CONTINUE;
}

static enum wk_status memory_copy_step(struct operation *operation);

/* The pages between which bytes are copied without the lock are pinned until the step after. */
static void copy_unpin(struct operation *operation)
{
    for (unsigned i = 0; i < 2; i++) {
        if (operation->pinned[i] != NULL)
            frame_unpin(operation->pinned[i]);
        operation->pinned[i] = NULL;
    }
}

/* Where a page's bytes are, pinned if it is `frame`, of the pool; NULL if there is neither. */
static char *copy_pin(const struct memory *memory, uint64_t page, struct frame *frame, struct frame **pinned)
{
    if (memory->is_physical)
        return arch_pointer((struct physical){memory->physical.address + page * WK_PAGE_BYTES});
    if (frame == NULL)
        return NULL;
    frame_pin(frame);
    *pinned = frame;
    return frame_pointer(frame);
}

/* The bytes are copied. Follows the copy at once: so there are never more pins than two a hart, and nobody shares the
 * target's page meanwhile. */
static enum wk_status memory_copied_step(struct operation *operation)
{
    memory_of(operation->object)->busy = NULL;
    copy_unpin(operation);
    operation->step = memory_copy_step;
    return operation->cursor[2] == 0 ? WK_OK : WK_CONTINUE;
}

/* Copies to a page that is present and private, or physical, from what lies in one page of the source. */
static void copy_part(struct operation *operation, struct memory *to, struct frame *frame, const struct memory *from)
{
    const uint64_t to_into = operation->cursor[0] % WK_PAGE_BYTES;
    const uint64_t from_into = operation->cursor[1] % WK_PAGE_BYTES;
    uint64_t bytes = WK_PAGE_BYTES - (to_into > from_into ? to_into : from_into);
    const uint64_t from_page = operation->cursor[1] / WK_PAGE_BYTES;
    char *target = copy_pin(to, operation->cursor[0] / WK_PAGE_BYTES, frame, &operation->pinned[0]);
    const char *source =
        copy_pin(from, from_page, from->is_physical ? NULL : memory_page(from, from_page), &operation->pinned[1]);

    if (bytes > operation->cursor[2])
        bytes = operation->cursor[2];
    if ((to_into | from_into) % sizeof(uint64_t) != 0 && bytes > COPY_BYTEWISE)
        bytes = COPY_BYTEWISE;
    operation->copy =
        (struct page_copy){target + to_into, source == NULL ? NULL : source + from_into, (uint32_t)bytes, true};
    operation->step = memory_copied_step;
    to->busy = operation;
    operation->cursor[0] += bytes;
    operation->cursor[1] += bytes;
    operation->cursor[2] -= bytes;
}

/* WK_CONTINUE while another operation has one of the two. */
static enum wk_status copy_wait(const struct operation *operation, const struct memory *to, const struct memory *from)
{
    const struct operation *other = to->busy != NULL ? to->busy : from->busy;

    if (other != NULL)
        thread_give_way(operation->thread, other->thread);
    return other == NULL ? WK_OK : WK_CONTINUE;
}

/* cursor: 0 the next byte of the destination, 1 of the source, 2 bytes left. */
static enum wk_status memory_copy_step(struct operation *operation)
{
    struct memory *to = memory_of(operation->object);
    struct memory *from = operation->other == NULL ? to : memory_of(operation->other);
    const uint64_t page = operation->cursor[0] / WK_PAGE_BYTES;
    struct frame *frame = NULL;

    if (operation->cursor[2] == 0)
        return WK_OK;
    if (to->object.state == OBJECT_DYING || from->object.state == OBJECT_DYING)
        return WK_REVOKED;
    if (page >= to->pages || operation->cursor[1] / WK_PAGE_BYTES >= from->pages) {
        operation->result = 4; /* shrunk meanwhile: the length is too much */
        return WK_BAD_ARGUMENT;
    }
    if (copy_wait(operation, to, from) == WK_CONTINUE)
        return WK_CONTINUE;
    if (!to->is_physical) {
        frame = memory_make_present(to, page);
        if (frame == NULL)
            return WK_NO_MEMORY;
        if (frame_sharers(frame) > 1)
            return memory_unshare_first(to, page, operation, memory_copy_step);
    }
    copy_part(operation, to, frame, from);
    return WK_CONTINUE;
}

/* Whether [offset, offset + length) lies in the memory. */
static bool range_fits(const struct memory *memory, uint64_t offset, uint64_t length)
{
    const uint64_t bytes = memory->pages * WK_PAGE_BYTES;

    return offset <= bytes && length <= bytes - offset;
}

enum wk_status memory_copy(struct invocation *invocation, struct memory *memory, struct capability *source,
                           const struct wk_memory_copy_in *in)
{
    struct memory *from = memory_of(source->object);
    struct operation *operation = &invocation->thread->operation;

    if (memory->leaf_kind == ARCH_LEAF_DEVICE || from->leaf_kind == ARCH_LEAF_DEVICE)
        return WK_NOT_AVAILABLE;
    if (!range_fits(memory, in->offset, in->length) || !range_fits(from, in->source_offset, in->length))
        return invocation_bad_argument(invocation, 4);
    if (from == memory && in->offset < in->source_offset + in->length && in->source_offset < in->offset + in->length)
        return invocation_bad_argument(invocation, 3);

    op_commit();
    operation_begin(operation, memory_copy_step, &memory->object);
    if (from != memory)
        operation_also(operation, &from->object);
    operation->cursor[0] = in->offset;
    operation->cursor[1] = in->source_offset;
    operation->cursor[2] = in->length;
    return WK_CONTINUE;
}

/*
 * Releases the pages [cursor 0, cursor 1): translations first, then the frames. The memory is busy, so that no fault
 * brings a page back in between.
 */
static enum wk_status memory_release_step(struct operation *operation)
{
    struct memory *memory = memory_of(operation->object);
    uint64_t *at = &operation->cursor[0];
    const uint64_t end = operation->cursor[1];

    if (!list_is_empty(&operation->marker.link)) {
        (void)memory_sweep_step(operation, *at, end, 0);
        return WK_CONTINUE;
    }
    if (*at < end && memory->object.state != OBJECT_DYING)
        *at = memory_drop_pages(memory, *at, end);
    if (memory->object.state != OBJECT_DYING && (*at < end || operation_await_flush(operation) == WK_CONTINUE))
        return WK_CONTINUE;
    memory->busy = NULL;
    return memory->object.state == OBJECT_DYING ? WK_REVOKED : WK_OK;
}

static enum wk_status memory_begin_release(struct memory *memory, struct operation *operation, uint64_t first,
                                           uint64_t end)
{
    memory_revoke_pins(memory, first, end);
    memory->busy = operation;
    operation_begin(operation, memory_release_step, &memory->object);
    operation->cursor[0] = first;
    operation->cursor[1] = end;
    memory_sweep_begin(memory, operation);
    return WK_CONTINUE;
}

enum wk_status memory_resize(struct invocation *invocation, struct memory *memory, const struct wk_memory_resize_in *in)
{
    const uint64_t old = memory->pages;

    if (memory_is_fixed(memory))
        return WK_NOT_AVAILABLE;
    if (memory->busy != NULL)
        return WK_BUSY;
    if (in->pages >= old) {
        if (memory_grow_tables(memory, in->pages) != WK_OK)
            return WK_NO_MEMORY;
        op_commit();
        memory->pages = in->pages;
        return WK_OK;
    }

    op_commit();
    memory->pages = in->pages;
    return memory_begin_release(memory, &invocation->thread->operation, in->pages, old);
}

enum wk_status memory_decommit(struct invocation *invocation, struct memory *memory,
                               const struct wk_memory_decommit_in *in)
{
    if (memory_is_fixed(memory))
        return WK_NOT_AVAILABLE;
    if (in->offset_pages >= memory->pages || in->pages > memory->pages - in->offset_pages)
        return invocation_bad_argument(invocation, 2);
    if (memory->busy != NULL)
        return WK_BUSY;

    op_commit();
    return memory_begin_release(memory, &invocation->thread->operation, in->offset_pages, in->offset_pages + in->pages);
}

enum wk_status memory_info(struct invocation *invocation, struct memory *memory, struct wk_memory_info_out *out)
{
    (void)invocation;
    out->pages = memory->pages;
    out->present_pages = memory->is_physical ? memory->pages : memory->present_pages;
    out->options = memory->options & ~(uint64_t)MEMORY_TIM;
    out->mappings = memory->mapping_count;
    out->identity = memory->object.identity;
    out->attributes = memory->leaf_kind == ARCH_LEAF_DEVICE ? 0 : memory->object.bank->attributes;
    return WK_OK;
}

enum wk_status memory_physical(struct invocation *invocation, struct memory *memory,
                               const struct wk_memory_physical_in *in, struct wk_memory_physical_out *out)
{
    const struct frame *frame;

    if (in->offset_pages >= memory->pages)
        return invocation_bad_argument(invocation, 1);
    if (memory->is_physical) {
        out->physical = memory->physical.address + in->offset_pages * WK_PAGE_BYTES;
        return WK_OK;
    }
    frame = memory_page(memory, in->offset_pages);
    if (frame == NULL)
        return WK_WOULD_BLOCK;
    if (frame_sharers(frame) > 1)
        return WK_BUSY;
    out->physical = frame_physical(frame).address;
    return WK_OK;
}
