/* SPDX-License-Identifier: MIT */
/* As many processes and threads as the bank pays for, all running, and then the end of them all at once. */
#include "../system/actors.h"

#include <winkle/harts.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/thread.h>

#define SPINNERS_MAX 200
#define CODE_ADDRESS 0x10000
#define INSTRUCTION_LOOP 0x0000006f /* j . */

static wk_handle bank, code;

/* A process that is nothing but a loop. */
static enum wk_status spinner(wk_handle *process, wk_handle *thread)
{
    enum wk_status status = wk_process_create(bank, 0, 0, process);

    if (status == WK_OK)
        status = wk_memory_map(code, *process, CODE_ADDRESS, 0, 1, WK_PROTECTION_READ | WK_PROTECTION_EXECUTE);
    if (status == WK_OK)
        status = wk_thread_create(*process, 40, thread);
    if (status == WK_OK)
        status = wk_thread_set_budget(*thread, wk_budget_in_turn());
    if (status == WK_OK)
        status = wk_thread_start(*thread, CODE_ADDRESS, 0, 0, 0, 0);
    return status;
}

int main(void)
{
    wk_handle process = 0, thread, event;
    void *address;
    unsigned count = 0;
    uint64_t bits;

    EXPECT(WK_OK, wk_map_new(1, 0, &code, &address));
    *(volatile uint32_t *)address = INSTRUCTION_LOOP;
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_bank_split(wk_self.bank, 1000, WK_BANK_KIND_RAM, &bank));
    while (count < SPINNERS_MAX && spinner(&process, &thread) == WK_OK)
        count++;
    CHECK(count > 20);
    EXPECT(WK_TIMED_OUT, wk_event_wait(event, 1, wk_after_ns(50000000), &bits));
    EXPECT(WK_OK, wk_bank_destroy(bank));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(process));
    return 0;
}
