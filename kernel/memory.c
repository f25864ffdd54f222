/* SPDX-License-Identifier: MIT */
/*
 * Memory objects: their pages, and how pages become present, shared and private. The operations that work through many
 * pages are in memory_operations.c. Guarded by the kernel lock. Invariants: see memory.h.
 */
#include "memory.h"

#include "assert.h"
#include "bank.h"
#include "machine.h"
#include "mapping_record.h"
#include "memory_table.h"
#include "schedule.h"
#include "sparse.h"
#include "space.h"
#include "thread.h"

#define MAPPED_ONCE_LOOKS 32

struct memory *memory_make(struct bank *bank, uint64_t pages, uint64_t options)
{
    struct memory *memory = object_create(WK_TYPE_MEMORY, sizeof(struct memory), bank);

    if (memory == NULL)
        return NULL;
    memory->pages = pages;
    memory->options = (uint8_t)options;
    memory->levels = memory_levels_for(pages);
    list_init(&memory->mappings);
    list_init(&memory->pins);
    return memory;
}

struct memory *memory_create_physical(struct bank *bank, struct physical start, uint64_t pages,
                                      enum arch_leaf_kind kind)
{
    struct memory *memory = bank->kind == WK_BANK_KIND_RAM ? memory_make(bank, pages, 0) : NULL;

    if (memory == NULL)
        return NULL;
    memory->is_physical = true;
    memory->leaf_kind = (uint8_t)kind;
    memory->physical = start;
    memory->levels = 0;
    return memory;
}

struct frame *memory_page(const struct memory *memory, uint64_t page)
{
    const struct memory_place place = memory_find(memory, page);

    return place.shift != 0 || place.entry == NULL ? NULL : memory_slot_frame(*place.entry);
}

struct frame *memory_make_present(struct memory *memory, uint64_t page)
{
    const struct memory_place place = memory_find(memory, page);
    uint64_t *slot = place.entry;
    struct frame *frame;

    if (place.shift == 0 && *slot != 0)
        return memory_slot_frame(*slot);
    if (bank_charge(memory->object.bank, place.shift == 0 ? 1 : 1 + place.shift / MEMORY_LEVEL_BITS) != WK_OK)
        return NULL;
    if (__builtin_expect(place.shift != 0, 0))
        slot = memory_slot_make(memory, page);
    frame = frame_take(memory);
    memory_put(memory, slot, frame);
    return frame;
}

bool memory_is_large_at(const struct memory *memory, uint64_t page)
{
    const struct frame *frame;

    if (!(memory->options & WK_MEMORY_OPTIONS_LARGE) || page % FRAMES_PER_SUPERFRAME != 0 ||
        page + FRAMES_PER_SUPERFRAME > memory->pages)
        return false;
    frame = memory_page(memory, page);
    return frame != NULL && frame->next == FRAMES_PER_SUPERFRAME;
}

void memory_break_large(struct memory *memory, uint64_t page)
{
    struct frame *frame;

    if (!(memory->options & WK_MEMORY_OPTIONS_LARGE))
        return;
    frame = memory_page(memory, page & ~(uint64_t)(FRAMES_PER_SUPERFRAME - 1));
    if (frame != NULL)
        frame->next = 0;
}

static enum wk_status memory_wait_step(struct operation *operation)
{
    const struct memory *memory = container_of(operation->object, struct memory, object);

    if (memory->object.state == OBJECT_DYING)
        return WK_OK;
    if (memory->busy == NULL)
        return WK_OK;
    thread_give_way(operation->thread, memory->busy->thread);
    return WK_CONTINUE;
}

enum wk_status memory_begin_wait(struct memory *memory, struct operation *operation)
{
    return operation_begin(operation, memory_wait_step, &memory->object);
}

/*
 * Replaces a shared page by a private copy, in steps, during which the operation has the memory for itself: its
 * translations of the page go, everywhere; then the copy is made without the lock; then it takes the page's place. The
 * kernel steps on at once after the copy, so that there are never more copies that nobody paid for than harts.
 *
 * Most often nobody but the thread that faulted can see the page: then its translation stays until it is replaced.
 * cursor: 0 the address of the fault, 1 whether that is so.
 */
static enum wk_status unshare_end(struct operation *operation)
{
    container_of(operation->object, struct memory, object)->busy = NULL;
    if (operation->then == NULL)
        return WK_OK;
    operation->step = operation->then;
    return WK_CONTINUE;
}

/* The address of the fault leads to the copy. */
static void unshare_enter(const struct operation *operation)
{
    const uint64_t address = operation->cursor[0];
    struct mapping *mapping = mapping_find(operation->thread->process, address);
    uint64_t bytes;

    if (mapping == NULL || mapping->node.object != operation->object ||
        mapping->offset_pages + (address - mapping_start(mapping)) / WK_PAGE_BYTES != operation->unshare_page)
        return;
    if (capability_is_doomed(&mapping->node))
        space_remove(&mapping->process->space, address);
    else
        (void)mapping_enter(mapping, address, &bytes); /* without tables for it there is none to replace */
}

static enum wk_status unshare_sweep_step(struct operation *operation);

static enum wk_status unshare_replace_step(struct operation *operation)
{
    struct memory *memory = container_of(operation->object, struct memory, object);
    struct frame *original = operation->unshare_original;
    uint64_t *slot = memory_slot(memory, operation->unshare_page);
    const bool sees_it_alone = operation->then == NULL && operation->cursor[1];

    frame_unpin(original);
    if (memory->object.state == OBJECT_DYING || slot == NULL || *slot != memory_slot_value(original) ||
        frame_sharers(original) < 2) {
        frame_give_back(operation->unshare_copy);
        return unshare_end(operation); /* nothing is shared any more */
    }
    if (sees_it_alone && !space_is_local(&operation->thread->process->space)) {
        frame_give_back(operation->unshare_copy);
        operation->cursor[1] = false;
        operation->step = unshare_sweep_step;
        memory_sweep_begin(memory, operation);
        return WK_CONTINUE;
    }
    /* The bank paid for the whole page when it began to share it: now that page is the copy. */
    original->references--;
    *slot = memory_slot_value(operation->unshare_copy);
    if (operation->then == NULL)
        unshare_enter(operation);
    return unshare_end(operation);
}

static enum wk_status unshare_copy_step(struct operation *operation)
{
    struct memory *memory = container_of(operation->object, struct memory, object);
    struct frame *original = memory_page(memory, operation->unshare_page);
    struct frame *copy;

    if (memory->object.state == OBJECT_DYING || original == NULL || frame_sharers(original) < 2)
        return unshare_end(operation);
    if (operation_await_flush(operation) == WK_CONTINUE)
        return WK_CONTINUE;
    copy = frame_take_to_fill(memory);
    operation->unshare_original = original;
    operation->unshare_copy = copy;
    frame_pin(original);
    operation->copy = (struct page_copy){frame_pointer(copy), frame_pointer(original), WK_PAGE_BYTES, true};
    operation->step = unshare_replace_step;
    return WK_CONTINUE;
}

static enum wk_status unshare_sweep_step(struct operation *operation)
{
    if (memory_sweep_step(operation, operation->unshare_page, operation->unshare_page + 1, 0) == WK_OK)
        operation->step = unshare_copy_step;
    return WK_CONTINUE;
}

enum wk_status memory_unshare_first(struct memory *memory, uint64_t page, struct operation *operation,
                                    enum wk_status (*then)(struct operation *))
{
    assert_debug(memory->busy == NULL);
    memory->busy = operation;
    operation->step = unshare_sweep_step;
    operation->then = then;
    operation->unshare_page = page;
    memory_sweep_begin(memory, operation);
    return WK_CONTINUE;
}

/* Whether one mapping at most has the page; false also where there are many to look at. */
static bool is_mapped_once(const struct memory *memory, uint64_t page)
{
    const struct list *link = memory->mappings.next;
    unsigned count = 0;

    for (unsigned i = 0; link != &memory->mappings; i++, link = link->next) {
        const struct mapping *mapping = container_of(link, struct mapping_link, link)->mapping;

        count += page - mapping->offset_pages < mapping->pages;
        if (i == MAPPED_ONCE_LOOKS || count > 1)
            return false;
    }
    return true;
}

enum wk_status memory_begin_unshare(struct memory *memory, uint64_t page, uint64_t address, struct operation *operation)
{
    operation_begin(operation, unshare_copy_step, &memory->object);
    operation->cursor[0] = address;
    operation->cursor[1] = space_is_local(&operation->thread->process->space) && is_mapped_once(memory, page);
    if (!operation->cursor[1])
        return memory_unshare_first(memory, page, operation, NULL);
    memory->busy = operation;
    operation->then = NULL;
    operation->unshare_page = page;
    return WK_CONTINUE;
}

/* Has the page present; WK_BUSY if it is shared, or the memory in a long operation. */
static enum wk_status make_pinnable(struct memory *memory, uint64_t page)
{
    const struct frame *frame;

    if (memory->object.state != OBJECT_LIVE)
        return WK_REVOKED;
    if (memory->busy != NULL)
        return WK_BUSY;
    frame = memory_make_present(memory, page);
    if (frame == NULL)
        return WK_NO_MEMORY;
    return frame_sharers(frame) > 1 ? WK_BUSY : WK_OK;
}

enum wk_status memory_pin_page(struct memory *memory, uint64_t page, struct memory_pin *pin,
                               void (*revoked)(struct memory_pin *pin))
{
    enum wk_status status;

    assert_debug(pin->memory == NULL);
    if (memory->is_physical)
        return WK_NOT_AVAILABLE;
    if (memory->pin_count == MEMORY_PINS_MAX)
        return WK_BUSY;
    status = make_pinnable(memory, page);
    if (status != WK_OK)
        return status;
    pin->memory = memory;
    pin->page = (uint32_t)page;
    pin->pages = 1;
    pin->revoked = revoked;
    list_append(&memory->pins, &pin->link);
    memory->pin_count++;
    return WK_OK;
}

enum wk_status memory_pin_next(struct memory_pin *pin)
{
    const uint64_t page = (uint64_t)pin->page + pin->pages;
    enum wk_status status;

    if (pin->memory == NULL || page >= pin->memory->pages) /* it may have become smaller */
        return WK_REVOKED;
    status = make_pinnable(pin->memory, page);
    if (status == WK_OK)
        pin->pages++;
    return status;
}

void memory_unpin(struct memory_pin *pin)
{
    if (pin->memory == NULL)
        return;
    list_remove(&pin->link);
    pin->memory->pin_count--;
    pin->memory = NULL;
}

void memory_pin_transfer(struct memory_pin *to, struct memory_pin *from)
{
    assert_debug(to->memory == NULL && from->memory != NULL);
    to->memory = from->memory;
    to->page = from->page;
    to->pages = from->pages;
    to->revoked = from->revoked;
    list_insert_before(&from->link, &to->link);
    list_remove(&from->link);
    from->memory = NULL;
}

void *memory_pin_pointer(const struct memory_pin *pin, uint32_t place)
{
    return frame_pointer(memory_page(pin->memory, (uint64_t)pin->page + place));
}

void memory_revoke_pins(struct memory *memory, uint64_t first, uint64_t end)
{
    struct list *next;

    for (struct list *link = memory->pins.next; link != &memory->pins; link = next) {
        struct memory_pin *pin = container_of(link, struct memory_pin, link);

        next = link->next;
        if (pin->page < end && pin->page + (uint64_t)pin->pages > first) {
            memory_unpin(pin);
            pin->revoked(pin);
        }
    }
}

uint64_t memory_drop_pages(struct memory *memory, uint64_t page, uint64_t end)
{
    uint64_t *slot;
    uint64_t room;

    page = memory_pass_absent(memory, page, end);
    slot = page < end ? memory_slot(memory, page) : NULL;
    if (slot == NULL || *slot == 0)
        return page;
    memory_break_large(memory, page);
    room = SPARSE_GROUP - page % SPARSE_GROUP;
    return page + memory_drop_slots(memory, slot, room < end - page ? room : end - page);
}

/* An operation that has the memory sees that it dies. */
enum wk_status memory_dismantle(struct object *object, struct operation *operation)
{
    struct memory *memory = container_of(object, struct memory, object);

    (void)operation;
    assert_debug(memory->mapping_count == 0);
    if (memory->is_physical)
        return memory->leaf_kind == ARCH_LEAF_DEVICE ? machine_region_dismantle(memory) : WK_OK;
    if (memory->pin_count != 0)
        memory_revoke_pins(memory, 0, UINT64_MAX);
    return memory_clear_step(memory);
}
