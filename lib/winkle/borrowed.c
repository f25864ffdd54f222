/* SPDX-License-Identifier: MIT */
/*
 * The mappings stand in a list, which the handler of faults searches. It takes the same lock as who maps and unmaps: none
 * of them touches borrowed memory under it, so no thread waits for itself. One page stands in for all that has gone,
 * wherever; it is made beforehand, since there may be no memory when it is needed.
 */
#include <winkle/borrowed.h>

#include <winkle/lock.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/start.h>
#include <winkle/upcalls.h>

/* Behind what wk_map chooses from. */
#define BORROWED_FIRST UINT64_C(0x3000000000)
#define BORROWED_END WK_USER_ADDRESS_END

static struct wk_lock lock;
static struct wk_borrowed *first;
static wk_handle stand_in;

static uint64_t end_of(const struct wk_borrowed *borrowed)
{
    return (uint64_t)borrowed->address + borrowed->pages * WK_PAGE_BYTES;
}

static struct wk_borrowed *find(uint64_t address)
{
    struct wk_borrowed *borrowed = first;

    while (borrowed != NULL && (address < (uint64_t)borrowed->address || address >= end_of(borrowed)))
        borrowed = borrowed->next;
    return borrowed;
}

/* Puts the stand-in where the address is. If another thread just did the same, its page is as good. */
static bool replace(struct wk_borrowed *borrowed, uint64_t address)
{
    enum wk_status status;

    if (!borrowed->has_gone) {
        __atomic_store_n(&borrowed->has_gone, 1, __ATOMIC_RELEASE);
        wk_process_unmap(wk_self.process, (uint64_t)borrowed->address, borrowed->pages);
    }
    status =
        wk_memory_map(stand_in, wk_self.process, address & ~(uint64_t)(WK_PAGE_BYTES - 1), 0, 1, borrowed->protection);
    return status == WK_OK || status == WK_ALREADY_MAPPED;
}

static bool is_missing_memory(uint64_t cause)
{
    return cause == WK_UPCALL_CAUSE_LOAD_FAULT || cause == WK_UPCALL_CAUSE_STORE_FAULT ||
           cause == WK_UPCALL_CAUSE_NO_MEMORY || cause == WK_UPCALL_CAUSE_REVOKED;
}

static bool answer_fault(const struct wk_frame *frame)
{
    struct wk_borrowed *borrowed;
    bool is_answered;

    if (!is_missing_memory(frame->cause) || frame->detail < BORROWED_FIRST || frame->detail >= BORROWED_END)
        return false;
    wk_lock_take(&lock);
    borrowed = find(frame->detail);
    is_answered = borrowed != NULL && replace(borrowed, frame->detail);
    wk_lock_release(&lock);
    return is_answered;
}

static enum wk_status prepare(void)
{
    enum wk_status status = wk_lock_prepare(&lock);

    if (status == WK_OK)
        status = wk_upcalls_answer_missing_memory(answer_fault);
    if (status == WK_OK && stand_in == 0)
        status = wk_memory_create(wk_self.bank, 1, 0, &stand_in);
    return status;
}

/* The lowest addresses that none in the list has, one page from the nearest; 0 if there are none. */
static uint64_t choose_address(uint64_t pages)
{
    uint64_t address = BORROWED_FIRST;

    if (pages > (BORROWED_END - BORROWED_FIRST) / WK_PAGE_BYTES)
        return 0;
    for (const struct wk_borrowed *other = first; other != NULL;) {
        const bool is_apart = end_of(other) + WK_PAGE_BYTES <= address ||
                              address + (pages + 1) * WK_PAGE_BYTES <= (uint64_t)other->address;

        if (is_apart) {
            other = other->next;
            continue;
        }
        address = end_of(other) + WK_PAGE_BYTES;
        other = first;
    }
    return address + pages * WK_PAGE_BYTES <= BORROWED_END ? address : 0;
}

enum wk_status wk_borrowed_map(struct wk_borrowed *borrowed, wk_handle memory, uint64_t offset_pages, uint64_t pages,
                               uint64_t protection)
{
    enum wk_status status = prepare();
    uint64_t address;

    if (status != WK_OK)
        return status;
    wk_lock_take(&lock);
    address = choose_address(pages);
    status =
        address == 0 ? WK_NO_MEMORY : wk_memory_map(memory, wk_self.process, address, offset_pages, pages, protection);
    if (status == WK_OK) {
        *borrowed = (struct wk_borrowed){(void *)address, pages, protection, 0, first};
        first = borrowed;
    }
    wk_lock_release(&lock);
    return status;
}

void wk_borrowed_unmap(struct wk_borrowed *borrowed)
{
    struct wk_borrowed **link = &first;

    wk_lock_take(&lock);
    while (*link != borrowed)
        link = &(*link)->next;
    *link = borrowed->next;
    wk_unmap(borrowed->address, borrowed->pages);
    wk_lock_release(&lock);
}
