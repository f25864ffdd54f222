/* SPDX-License-Identifier: MIT */
/*
 * Areas: what the program has mapped. The table is in ascending order without overlap; neighbours of one kind are one area.
 * Invariant: a page of the arena below PROGRAM_END exists only inside an area of the arena, so whatever is mapped anew reads as zero.
 */
#include "memory.h"

#include "heap.h"

#include <winkle/capability.h>
#include <winkle/file.h>
#include <winkle/heap.h>
#include <winkle/memory.h>
#include <winkle/posix.h>
#include <winkle/process.h>
#include <winkle/text.h>

#include <linux/mman.h>

#define AREAS_FIRST 64

struct address_space space;
wk_handle arena;
static wk_handle lender; /* the parent's arena, while the program's pages are there; 0 */
static struct backing own = {.references = 1, .kind = BACKING_ARENA};

/* ---- the table ---- */

static uint64_t pages_of(const struct area *area)
{
    return (area->end - area->start) / WK_PAGE_BYTES;
}

struct area *area_find(uint64_t address)
{
    uint64_t low = 0, high = space.count;

    if (space.found < high && space.areas[space.found].start <= address && address < space.areas[space.found].end)
        return &space.areas[space.found];
    while (low < high) {
        const uint64_t middle = (low + high) / 2;

        if (space.areas[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    space.found = low;
    return low < space.count ? &space.areas[low] : NULL;
}

static void backing_drop(struct backing *backing)
{
    if (--backing->references != 0)
        return;
    wk_capability_delete(backing->handle);
    wk_free(backing);
}

struct backing *backing_make(enum backing_kind kind, bool is_shared, wk_handle handle)
{
    struct backing *backing = wk_allocate(sizeof(*backing));

    if (backing != NULL)
        *backing = (struct backing){.references = 1, .kind = kind, .is_shared = is_shared, .handle = handle};
    return backing;
}

/* Whether the first's bytes go on in the second. */
static bool continues(const struct area *first, const struct area *second)
{
    return first->end == second->start && first->backing == second->backing &&
           first->protection == second->protection && first->offset + (first->end - first->start) == second->offset;
}

static void table_remove(uint64_t index)
{
    space.count--;
    memmove(&space.areas[index], &space.areas[index + 1], (space.count - index) * sizeof(struct area));
}

/* Makes room for `more` areas, so that what follows cannot fail. */
static bool table_reserve(uint64_t more)
{
    struct area *areas;
    uint64_t room = space.room == 0 ? AREAS_FIRST : space.room;

    while (room < space.count + more)
        room *= 2;
    if (room == space.room)
        return true;
    areas = wk_allocate(room * sizeof(struct area));
    if (areas == NULL)
        return false;
    if (space.areas != NULL)
        memcpy(areas, space.areas, space.count * sizeof(struct area));
    wk_free(space.areas);
    space.areas = areas;
    space.room = room;
    return true;
}

/* Requires: room, and the range is free. Takes over the area's reference. */
static void table_insert(const struct area *area)
{
    struct area *next = area_find(area->start);
    uint64_t index = next == NULL ? space.count : (uint64_t)(next - space.areas);

    if (index > 0 && continues(&space.areas[index - 1], area)) {
        space.areas[index - 1].end = area->end;
        area->backing->references--;
        index--;
    } else {
        memmove(&space.areas[index + 1], &space.areas[index], (space.count - index) * sizeof(struct area));
        space.areas[index] = *area;
        space.count++;
    }
    if (index + 1 < space.count && continues(&space.areas[index], &space.areas[index + 1])) {
        space.areas[index].end = space.areas[index + 1].end;
        backing_drop(space.areas[index + 1].backing);
        table_remove(index + 1);
    }
}

/* Has an area begin at `address`, if it lies in the midst of one. Requires: room for one more. */
static void table_cut(uint64_t address)
{
    struct area *area = area_find(address), *rest;

    if (area == NULL || area->start >= address)
        return;
    memmove(area + 1, area, (size_t)(&space.areas[space.count] - area) * sizeof(struct area));
    space.count++;
    rest = area + 1;
    rest->offset += address - rest->start;
    rest->start = address;
    area->end = address;
    area->backing->references++;
}

/* ---- the kernel's mappings ---- */

/* Of what the program's own pages are. */
static wk_handle program_arena(void)
{
    return lender != 0 ? lender : arena;
}

bool memory_is_lent(void)
{
    return lender != 0;
}

static uint64_t kernel_protection(uint32_t protection)
{
    return ((protection & (PROT_READ | PROT_WRITE)) != 0 ? WK_PROTECTION_READ : 0) |
           ((protection & PROT_WRITE) != 0 ? WK_PROTECTION_WRITE : 0) |
           ((protection & PROT_EXEC) != 0 ? WK_PROTECTION_EXECUTE | WK_PROTECTION_READ : 0);
}

/* An area that the program may not touch has no mapping. A child maps by the capabilities in its own table. */
static enum wk_status enter(const struct area *area, wk_handle into, wk_handle own_arena)
{
    const uint64_t protection = kernel_protection(area->protection);
    const bool is_arena = area->backing->kind == BACKING_ARENA;
    const wk_handle memory = is_arena ? own_arena : area->backing->handle;

    if (protection == 0)
        return WK_OK;
    switch (area->backing->kind) {
    case BACKING_ARENA:
    case BACKING_MEMORY:
        return wk_process_map(into, memory, area->start, area->offset / WK_PAGE_BYTES, pages_of(area), protection);
    case BACKING_NODE:
        return wk_file_map(area->backing->handle, into, area->start, area->offset, pages_of(area),
                           (area->protection & PROT_EXEC) != 0);
    }
    return WK_BAD_ARGUMENT;
}

static void forget_pages(const struct area *area)
{
    if (area->backing->kind == BACKING_ARENA && lender == 0)
        wk_memory_decommit(arena, area->start / WK_PAGE_BYTES, pages_of(area));
}

int64_t memory_unmap(uint64_t start, uint64_t length)
{
    const uint64_t end = start + length;
    struct area *area;

    if (!table_reserve(2))
        return -ENOMEM;
    table_cut(start);
    table_cut(end);
    area = area_find(start);
    if (area == NULL || area->start >= end)
        return 0;
    wk_process_unmap(wk_self.process, start, length / WK_PAGE_BYTES);
    while (area < &space.areas[space.count] && area->start < end) {
        forget_pages(area);
        backing_drop(area->backing);
        table_remove((uint64_t)(area - space.areas));
    }
    return 0;
}

/* From now on others may wait for what this process holds. */
static void ask_for_notice(void)
{
    if (!linux_process.has_notice)
        linux_process.has_notice = wk_posix_set_notice(linux_process.posix, 1) == WK_OK;
}

int64_t memory_map_backing(uint64_t start, uint64_t length, uint32_t protection, struct backing *backing,
                           uint64_t offset)
{
    const struct area area = {start, start + length, offset, protection, backing};
    const bool is_of_several = backing->kind == BACKING_MEMORY && backing->is_shared;
    enum wk_status status = WK_NO_MEMORY;

    if (memory_unmap(start, length) == 0 && table_reserve(1))
        status = enter(&area, wk_self.process, program_arena());
    if (status != WK_OK) {
        backing_drop(backing);
        return error_of(status);
    }
    table_insert(&area);
    if (is_of_several)
        ask_for_notice();
    return 0;
}

int64_t memory_map_own(uint64_t start, uint64_t length, uint32_t protection)
{
    own.references++;
    return memory_map_backing(start, length, protection, &own, start);
}

/* Has an area that is of a file's bytes be of the arena, with the same bytes, so that the program may store there. */
static int64_t make_own(struct area *area)
{
    const uint64_t length = area->end - area->start;
    uint64_t count = 0;
    enum wk_status status;

    if (area->backing->kind == BACKING_NODE)
        status = wk_file_read(area->backing->handle, program_arena(), area->start, area->offset, length, &count);
    else
        status = wk_memory_copy(program_arena(), area->start, area->backing->handle, area->offset, length);
    if (status != WK_OK)
        return error_of(status);
    wk_process_unmap(wk_self.process, area->start, length / WK_PAGE_BYTES);
    backing_drop(area->backing);
    own.references++;
    area->backing = &own;
    area->offset = area->start;
    area->protection = PROT_NONE; /* it is mapped nowhere */
    return 0;
}

/* Between what is mapped and what is not, an area is entered or taken out; between two protections the kernel changes it. */
static int64_t protect_area(struct area *area, uint32_t protection)
{
    const uint64_t before = kernel_protection(area->protection), after = kernel_protection(protection);
    struct area wanted = *area;
    enum wk_status status = WK_OK;

    wanted.protection = protection;
    if (before == 0)
        status = enter(&wanted, wk_self.process, program_arena());
    else if (after == 0)
        status = wk_process_unmap(wk_self.process, area->start, pages_of(area));
    else if (before != after)
        status = wk_process_protect(wk_self.process, area->start, pages_of(area), after);
    if (status != WK_OK)
        return error_of(status);
    area->protection = protection;
    return 0;
}

/* Neighbours that have become alike become one. */
static void table_join(uint64_t start, uint64_t end)
{
    const struct area *first = area_find(start == 0 ? 0 : start - 1);
    uint64_t index = first == NULL ? space.count : (uint64_t)(first - space.areas);

    while (index + 1 < space.count && space.areas[index].start <= end) {
        if (!continues(&space.areas[index], &space.areas[index + 1])) {
            index++;
            continue;
        }
        space.areas[index].end = space.areas[index + 1].end;
        backing_drop(space.areas[index + 1].backing);
        table_remove(index + 1);
    }
}

int64_t memory_protect(uint64_t start, uint64_t length, uint32_t protection)
{
    const uint64_t end = start + length;
    uint64_t covered = start;
    int64_t error = 0;

    if (!table_reserve(2))
        return -ENOMEM;
    table_cut(start);
    table_cut(end);
    for (struct area *area = area_find(start);
         error == 0 && area != NULL && area < &space.areas[space.count] && area->start == covered && covered < end;
         area++) {
        if ((protection & PROT_WRITE) != 0 && area->backing->kind != BACKING_ARENA && !area->backing->is_shared)
            error = make_own(area);
        if (error == 0)
            error = protect_area(area, protection);
        covered = area->end;
    }
    table_join(start, end);
    return error != 0 ? error : covered < end ? -ENOMEM : 0;
}

void memory_discard(uint64_t start, uint64_t length)
{
    const uint64_t end = start + length;

    for (const struct area *area = area_find(start);
         area != NULL && area < &space.areas[space.count] && area->start < end; area++) {
        const uint64_t first = area->start > start ? area->start : start, last = area->end < end ? area->end : end;

        if (area->backing->kind == BACKING_ARENA)
            wk_memory_decommit(program_arena(), first / WK_PAGE_BYTES, (last - first) / WK_PAGE_BYTES);
    }
}

bool memory_is_mapped(uint64_t start, uint64_t length)
{
    const uint64_t end = start + length;
    uint64_t covered = start;

    for (const struct area *area = area_find(start);
         area != NULL && area < &space.areas[space.count] && area->start <= covered && covered < end; area++)
        covered = area->end;
    return covered >= end;
}

uint64_t memory_choose(uint64_t hint, uint64_t length)
{
    const uint64_t wanted = hint & ~PAGE_MASK;
    uint64_t top = MMAP_TOP;
    struct area *area;

    if (wanted >= PROGRAM_FIRST && length <= PROGRAM_END - wanted) {
        area = area_find(wanted);
        if (area == NULL || area->start >= wanted + length)
            return wanted;
    }
    /* Downwards from the top: the first gap that is large enough. */
    area = area_find(top);
    for (uint64_t index = area == NULL ? space.count : (uint64_t)(area - space.areas);; index--) {
        const uint64_t below = index == 0 ? PROGRAM_FIRST : space.areas[index - 1].end;

        if (index < space.count && space.areas[index].start < top)
            top = space.areas[index].start;
        if (below < top && length <= top - below)
            return top - length;
        if (index == 0)
            return 0;
    }
}

bool memory_span(uint64_t address, uint64_t length, bool is_to_write, struct span *span)
{
    const struct area *area = area_find(address);

    if (area == NULL || area->start > address || area->backing->kind == BACKING_NODE)
        return false;
    if ((area->protection & (is_to_write ? PROT_WRITE : PROT_READ)) == 0)
        return false;
    span->memory = area->backing->kind == BACKING_ARENA ? program_arena() : area->backing->handle;
    span->offset = address - area->start + area->offset;
    span->length = length < area->end - address ? length : area->end - address;
    return true;
}

bool memory_shared_place(uint64_t address, uint64_t *identity, uint64_t *offset)
{
    const struct area *area = area_find(address);
    uint64_t type, rights, borrowed, lent, badge;
    struct backing *backing;

    if (area == NULL || area->start > address || area->backing->kind != BACKING_MEMORY || !area->backing->is_shared)
        return false;
    backing = area->backing;
    if (backing->identity == 0 &&
        wk_capability_info(backing->handle, &type, &rights, &borrowed, &lent, &badge, &backing->identity) != WK_OK)
        return false;
    *identity = backing->identity;
    *offset = address - area->start + area->offset;
    return true;
}

/* ---- the whole ---- */

enum wk_status memory_open(void)
{
    return wk_memory_create(wk_self.bank, ARENA_PAGES, WK_MEMORY_OPTIONS_ON_DEMAND, &arena);
}

void memory_clear(void)
{
    memory_unmap(PROGRAM_FIRST, PROGRAM_END - PROGRAM_FIRST);
    space.heap_first = space.heap_end = 0;
    if (lender != 0)
        wk_capability_delete(lender);
    lender = 0;
}

enum wk_status memory_make_child_arena(bool is_lent, wk_handle *child_arena)
{
    enum wk_status status;

    if (!is_lent && lender == 0)
        return wk_memory_clone(arena, wk_self.bank, child_arena);
    status = is_lent ? wk_memory_create(wk_self.bank, ARENA_PAGES, WK_MEMORY_OPTIONS_ON_DEMAND, child_arena)
                     : wk_memory_clone(lender, wk_self.bank, child_arena);
    return status == WK_OK ? heap_copy(*child_arena) : status;
}

enum wk_status memory_map_child(wk_handle child, bool is_lent, wk_handle child_arena)
{
    const wk_handle own_arena = is_lent ? program_arena() : child_arena;
    enum wk_status status = WK_OK;

    /* What is shared stays when the parent's capabilities go: the child has its own. The rest is as in the parent. */
    for (uint64_t i = 0; i < space.count && status == WK_OK; i++)
        if (space.areas[i].backing->kind == BACKING_MEMORY)
            status = enter(&space.areas[i], child, own_arena);
    if (status == WK_OK)
        status = wk_process_clone_mappings(child, PROGRAM_FIRST, (PROGRAM_END - PROGRAM_FIRST) / WK_PAGE_BYTES,
                                           program_arena(), own_arena);
    return status != WK_OK ? status : heap_map_child(child, child_arena);
}

void memory_begin_child(bool is_lent, wk_handle child_arena)
{
    if (is_lent && lender == 0) {
        lender = arena;
    } else {
        wk_capability_delete(arena);
        if (!is_lent && lender != 0) {
            wk_capability_delete(lender);
            lender = 0;
        }
    }
    arena = child_arena;
}
