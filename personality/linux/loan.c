/* SPDX-License-Identifier: MIT */
#include "loan.h"

#include "calls.h"
#include "memory.h"
#include "waiters.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/pages.h>
#include <winkle/process.h>

#include <asm/unistd.h>
#include <linux/mman.h>

/* How often the child looks whether its parent is still there. */
#define LOOK_NS UINT64_C(100000000)

struct loan_page {
    uint64_t number;
    uint64_t arguments[4];
    int64_t result;
};

static struct loan taken; /* what this process has borrowed */

/* ---- the parent ---- */

enum wk_status loan_make(struct loan *loan)
{
    void *page;
    enum wk_status status = wk_event_create(wk_self.bank, &loan->done);

    if (status == WK_OK)
        status = wk_map_new(1, 0, &loan->memory, &page);
    if (status == WK_OK)
        loan->page = page;
    return status;
}

enum wk_status loan_map(const struct loan *loan, wk_handle child)
{
    return wk_process_map(child, loan->memory, (uint64_t)loan->page, 0, 1, WK_READ_WRITE);
}

static int64_t serve(const struct loan_page *page)
{
    const uint64_t *a = page->arguments;

    switch (page->number) {
    case __NR_brk:
        return linux_brk(a[0]);
    case __NR_mmap:
        return linux_mmap(a[0], a[1], a[2], a[3], -1, 0);
    case __NR_munmap:
        return linux_munmap(a[0], a[1]);
    case __NR_mprotect:
        return linux_mprotect(a[0], a[1], a[2]);
    default:
        return -ENOSYS;
    }
}

/* Signals wait meanwhile, as in Linux. */
void loan_wait(const struct loan *loan, wk_handle answered)
{
    uint64_t bits = 0;

    while ((bits & LOAN_DONE) == 0) {
        const enum wk_status status = wk_event_wait(loan->done, LOAN_DONE | LOAN_REQUEST, WK_FOREVER, &bits);

        if (status == WK_INTERRUPTED)
            current()->attention |= ATTENTION_SIGNAL;
        else if (status != WK_OK)
            return;
        else if ((bits & LOAN_REQUEST) != 0) {
            loan->page->result = serve(loan->page);
            wk_event_signal(answered, WAITER_BIT_LOAN);
        }
    }
}

void loan_end(struct loan *loan)
{
    if (loan->page != NULL)
        wk_unmap_delete(loan->memory, loan->page, 1);
    if (loan->done != 0)
        wk_capability_delete(loan->done);
    *loan = (struct loan){0};
}

/* ---- the child ---- */

void loan_begin(const struct loan *loan)
{
    loan_end(&taken); /* what its parent had borrowed itself */
    taken = *loan;
}

void loan_return(void)
{
    if (taken.done != 0)
        wk_event_signal(taken.done, LOAN_DONE);
    loan_end(&taken);
}

int64_t loan_call(uint64_t number, uint64_t first, uint64_t second, uint64_t third, uint64_t fourth)
{
    const uint64_t parent = linux_process.page->parent;
    uint64_t bits;

    *taken.page = (struct loan_page){.number = number, .arguments = {first, second, third, fourth}};
    wk_event_signal(taken.done, LOAN_REQUEST);
    while (wk_event_wait(current()->event, WAITER_BIT_LOAN, wk_after_ns(LOOK_NS), &bits) != WK_OK) {
        if (linux_process.page->parent != parent)
            return -ENOMEM; /* nobody answers any more */
    }
    return taken.page->result;
}
