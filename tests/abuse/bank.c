/* SPDX-License-Identifier: MIT */
/* A bank with nothing left: every operation that needs memory says so, leaves nothing half done, and works again
 * later. */
#include "../system/check.h"

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/event.h>
#include <winkle/memory.h>
#include <winkle/process.h>
#include <winkle/thread.h>
#include <winkle/timer.h>

#include <stdbool.h>

#define HANDLES 4096

static wk_handle handles[HANDLES];
static unsigned count;

enum kind { KIND_EVENT, KIND_TIMER, KIND_MEMORY, KIND_DEMAND, KIND_PROCESS, KIND_THREAD, KIND_BANK, KIND_DUP, KINDS };

static enum wk_status make(enum kind kind, wk_handle bank, wk_handle process, wk_handle *handle)
{
    switch (kind) {
    case KIND_EVENT:
        return wk_event_create(bank, handle);
    case KIND_TIMER:
        return wk_timer_create(bank, handle);
    case KIND_MEMORY:
        return wk_memory_create(bank, 3, 0, handle);
    case KIND_DEMAND:
        return wk_memory_create(bank, 1000000, WK_MEMORY_OPTIONS_ON_DEMAND, handle);
    case KIND_PROCESS:
        return wk_process_create(bank, 0, 0, handle);
    case KIND_THREAD:
        return wk_thread_create(process, 1, handle);
    case KIND_BANK:
        return wk_bank_split(bank, 5, WK_BANK_KIND_RAM, handle);
    case KIND_DUP:
        return wk_capability_dup(bank, WK_RIGHTS_ALL, handle);
    case KINDS:
        break;
    }
    return WK_BAD_ARGUMENT;
}

static uint64_t free_pages(wk_handle bank)
{
    uint64_t limit, used, objects, children;
    enum wk_bank_kind kind;

    EXPECT(WK_OK, wk_bank_info(bank, &limit, &used, &objects, &children, &kind));
    CHECK(used <= limit);
    return limit - used;
}

static void release_all(void)
{
    while (count > 0)
        EXPECT(WK_OK, wk_capability_delete(handles[--count]));
}

/* Takes all that there is with objects of one kind, then tries all kinds. */
static void exhaust(enum kind kind, uint64_t pages)
{
    wk_handle bank, process;
    uint64_t before;

    EXPECT(WK_OK, wk_bank_split(wk_self.bank, pages, WK_BANK_KIND_RAM, &bank));
    EXPECT(WK_OK, wk_process_create(bank, 0, 0, &process));
    before = free_pages(bank);
    for (;;) {
        enum wk_status status;

        if (count == HANDLES)
            break;
        status = make(kind, bank, process, &handles[count]);
        if (status == WK_NO_MEMORY)
            break;
        EXPECT(WK_OK, status);
        count++;
    }
    for (enum kind other = 0; other < KINDS && count < HANDLES; other++) {
        const uint64_t left = free_pages(bank);
        const enum wk_status status = make(other, bank, process, &handles[count]);

        CHECK(status == WK_OK || status == WK_NO_MEMORY);
        if (status == WK_OK)
            EXPECT(WK_OK, wk_capability_delete(handles[count]));
        EQUAL(left, free_pages(bank));
    }
    release_all();
    EQUAL(before, free_pages(bank));
    EXPECT(WK_OK, wk_bank_destroy(bank));
    wk_capability_delete(bank);
}

int main(void)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (uint64_t pages = 24; pages < 60; pages += 7)
            exhaust(kind, pages);
    }
    return 0;
}
