/* SPDX-License-Identifier: MIT */
/* Huge counts and offsets: refused, or done in bounded steps, and never too much. */
#include "../system/check.h"

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/memory.h>
#include <winkle/process.h>
#include <winkle/thread.h>

static const uint64_t huge[] = {UINT64_C(1) << 20, WK_PAGE_COUNT_MAX, WK_PAGE_COUNT_MAX + 1,
                                UINT64_C(1) << 40, UINT64_C(1) << 52, (UINT64_C(1) << 52) + 1,
                                UINT64_C(1) << 63, UINT64_MAX - 1,    UINT64_MAX};
#define HUGE_COUNTS (sizeof(huge) / sizeof(huge[0]))

static void creations(uint64_t number)
{
    wk_handle handle;

    CHECK(wk_memory_create(wk_self.bank, number, 0, &handle) != WK_OK);
    CHECK(wk_bank_split(wk_self.bank, number, WK_BANK_KIND_RAM, &handle) != WK_OK);
    if (wk_memory_create(wk_self.bank, number, WK_MEMORY_OPTIONS_ON_DEMAND, &handle) == WK_OK) {
        CHECK(number <= WK_PAGE_COUNT_MAX);
        EXPECT(WK_OK, wk_memory_decommit(handle, 0, number));
        EXPECT(WK_OK, wk_memory_resize(handle, 1));
        EXPECT(WK_OK, wk_capability_delete(handle));
    } else {
        CHECK(number > WK_PAGE_COUNT_MAX);
    }
}

static void uses(uint64_t number)
{
    wk_handle memory, clone, process;
    uint64_t word, state;
    enum wk_thread_state thread_state;

    EXPECT(WK_OK, wk_memory_create(wk_self.bank, WK_PAGE_COUNT_MAX, WK_MEMORY_OPTIONS_ON_DEMAND, &memory));
    EXPECT(WK_OK, wk_memory_clone(memory, wk_self.bank, &clone));
    EXPECT(WK_OK, wk_process_create(wk_self.bank, 0, 0, &process));
    CHECK(wk_memory_map(memory, process, 0x1000, number, 2, WK_PROTECTION_READ) != WK_OK || number < WK_PAGE_COUNT_MAX);
    CHECK(wk_memory_map(memory, process, 0x200000, 0, number, WK_PROTECTION_READ) != WK_OK || number <= UINT64_C(1)
                                                                                                            << 26);
    CHECK(wk_memory_copy(memory, number, clone, number, UINT64_MAX) != WK_OK);
    CHECK(wk_memory_copy(memory, UINT64_MAX, clone, 0, number) != WK_OK);
    CHECK(wk_memory_physical(memory, number, &word) != WK_OK);
    CHECK(wk_memory_decommit(memory, number, number) != WK_OK || number <= WK_PAGE_COUNT_MAX / 2);
    wk_process_unmap(process, 0, number);
    wk_process_protect(process, 0x1000, number, WK_PROTECTION_READ);
    CHECK(wk_thread_read_registers(wk_self.start->thread, number, &word, &word, &word, &word, &word, &word) != WK_OK);
    CHECK(wk_thread_write_register(wk_self.start->thread, number, 0) != WK_OK);
    CHECK(wk_thread_set_frames(wk_self.start->thread, memory, number, 0x1000) != WK_OK || number < WK_PAGE_COUNT_MAX);
    EXPECT(WK_OK, wk_thread_info(wk_self.start->thread, &thread_state, &state, &state));
    EXPECT(WK_OK, wk_capability_delete(process));
    EXPECT(WK_OK, wk_capability_delete(clone));
    EXPECT(WK_OK, wk_capability_delete(memory));
}

int main(void)
{
    for (unsigned i = 0; i < HUGE_COUNTS; i++) {
        creations(huge[i]);
        uses(huge[i]);
    }
    return 0;
}
