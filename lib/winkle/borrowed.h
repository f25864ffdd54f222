/* SPDX-License-Identifier: MIT */
/*
 * Memory that somebody else may take back at any time, mapped so that this is no death: when a page of it has gone, a page
 * of the program's own takes its place, and the thread goes on. What it then reads is whatever stands there; whoever copied
 * something out of such memory asks afterwards, by wk_borrowed_has_gone, whether it was still the lender's. That costs
 * nothing as long as nothing goes.
 *
 * The addresses are apart from those that wk_map chooses, and belong to the mapping until it is undone: nothing else is
 * mapped there when the lender's memory has gone.
 */
#ifndef WINKLE_BORROWED_H
#define WINKLE_BORROWED_H

#include <winkle/abi.h>

#include <stdbool.h>

struct wk_borrowed {
    void *address;
    uint64_t pages;
    uint64_t protection;
    uint32_t has_gone;
    struct wk_borrowed *next;
};

/* Maps pages of a memory object; the struct must stay until wk_borrowed_unmap. The calling thread gets what upcalls need
 * (upcalls.h), if it does not have that yet; other threads that touch the memory need wk_upcalls_attach. The first time a
 * page is taken from the program's bank, which stays. Errors as `memory: map`, WK_NO_MEMORY also if there are no
 * addresses left. */
enum wk_status wk_borrowed_map(struct wk_borrowed *borrowed, wk_handle memory, uint64_t offset_pages, uint64_t pages,
                               uint64_t protection);
/* Undoes it. Nobody touches the memory any more. */
void wk_borrowed_unmap(struct wk_borrowed *borrowed);

/* Whether any of it has gone, as far as was noticed. To be asked behind the last load of what was copied: if one of these
 * was answered by the program's own page, it says so. */
static inline bool wk_borrowed_has_gone(const struct wk_borrowed *borrowed)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* another thread may have noticed it first: its note precedes its page */
    return __atomic_load_n(&borrowed->has_gone, __ATOMIC_RELAXED) != 0;
}

#endif
