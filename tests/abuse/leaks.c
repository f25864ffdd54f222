/* SPDX-License-Identifier: MIT */
/* What others left behind: fresh pages are zero, and an invocation leaves nothing of the kernel's in registers. */
#include "../system/check.h"

#include <winkle/message.h>
#include <winkle/capability.h>
#include <winkle/event.h>
#include <winkle/memory.h>
#include <winkle/pages.h>

#define PAGES 256
#define SECRET UINT64_C(0x5ec4e75ec4e75ec4)
#define KERNEL_HALF UINT64_C(0x8000000000000000)

static void pages(void)
{
    for (int round = 0; round < 8; round++) {
        wk_handle memory;
        void *address;
        uint64_t *words;

        EXPECT(WK_OK, wk_map_new(PAGES, round % 2 == 0 ? 0 : WK_MEMORY_OPTIONS_ON_DEMAND, &memory, &address));
        words = address;
        for (unsigned i = 0; i < PAGES * 512; i++) {
            EQUAL(0, words[i]);
            words[i] = SECRET;
        }
        EXPECT(WK_OK, wk_memory_decommit(memory, 1, 2));
        for (unsigned i = 512; i < 3 * 512; i++)
            EQUAL(0, words[i]);
        wk_unmap_delete(memory, address, PAGES);
    }
}

/* No register that an invocation loses may come back with an address of the kernel in it: they are 0, the answer, or
 * what was there. */
static void registers_after(uint64_t operation, wk_handle handle, uint64_t first, uint64_t second)
{
    uint64_t after[15];

    __asm__ volatile(
        "mv a0, %1\n\tmv a7, %2\n\tmv a1, %3\n\tmv a2, %4\n\tli a3, 0\n\tli a4, 0\n\tli a5, 0\n\tli a6, 0\n\t"
        "ecall\n\t"
        "sd a0, 0(%0)\n\tsd a1, 8(%0)\n\tsd a2, 16(%0)\n\tsd a3, 24(%0)\n\tsd a4, 32(%0)\n\tsd a5, 40(%0)\n\t"
        "sd a6, 48(%0)\n\tsd a7, 56(%0)\n\tsd t0, 64(%0)\n\tsd t1, 72(%0)\n\tsd t2, 80(%0)\n\t"
        "sd t3, 88(%0)\n\tsd t4, 96(%0)\n\tsd t5, 104(%0)\n\tsd t6, 112(%0)"
        :
        : "r"(after), "r"(handle), "r"(operation), "r"(first), "r"(second)
        : "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "memory");
    for (unsigned i = 0; i < 15; i++)
        CHECK((after[i] & KERNEL_HALF) == 0);
}

static void registers(void)
{
    wk_handle event, memory;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_memory_create(wk_self.bank, 1, WK_MEMORY_OPTIONS_ON_DEMAND, &memory));
    registers_after(WK_CAPABILITY_CHECK, event, 0, 0);
    registers_after(WK_CAPABILITY_INFO, event, 0, 0);
    registers_after(WK_EVENT_SIGNAL, event, 1, 0);
    registers_after(WK_EVENT_SIGNAL | WK_MESSAGE_QUICK, event, 1, 0);
    registers_after(WK_EVENT_POLL, event, 1, 0);
    registers_after(WK_EVENT_POLL, event, 1, 0);
    registers_after(WK_EVENT_WAIT, event, 1, 1);
    registers_after(WK_PROCESS_INFO, wk_self.process, 0, 0);
    registers_after(WK_MEMORY_DECOMMIT, memory, 0, 1);
    registers_after(WK_MEMORY_MAP, memory, 0, 0);
    registers_after(WK_CAPABILITY_REVOKE, memory, 0, 0);
    registers_after(WK_BANK_INFO, wk_self.bank, 0, 0);
    registers_after(WK_EVENT_CREATE, wk_self.bank, 0, 0);
    registers_after(WK_THREAD_YIELD, wk_self.start->thread, 0, 0);
    registers_after(WK_THREAD_YIELD | WK_MESSAGE_QUICK, wk_self.start->thread, 0, 0);
    registers_after(WK_OPERATION_LAST + 1, wk_self.bank, 0, 0);
}

int main(void)
{
    pages();
    registers();
    return 0;
}
