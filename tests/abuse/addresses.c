/* SPDX-License-Identifier: MIT */
/* Kernel addresses, addresses outside the user's half, ranges that wrap: nothing of it is ever mapped or executed. */
#include "../system/check.h"

#include <winkle/capability.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/thread.h>

static const uint64_t wild[] = {
    WK_USER_ADDRESS_END - WK_PAGE_BYTES, WK_USER_ADDRESS_END,          WK_USER_ADDRESS_END + WK_PAGE_BYTES,
    UINT64_C(0x0000800000000000),        UINT64_C(0x8000000000000000), UINT64_C(0xffffffc000000000),
    UINT64_C(0xffffffd000000000),        UINT64_C(0xfffffffffffec000), UINT64_C(0xffffffffffc00000),
    UINT64_C(0xfffffffffffff000),
};
#define WILD (sizeof(wild) / sizeof(wild[0]))

static const uint64_t many[] = {
    2, 512, UINT64_C(1) << 26, UINT64_C(1) << 27, UINT64_C(1) << 52, UINT64_C(1) << 63, UINT64_MAX};

static void map_there(wk_handle memory)
{
    for (unsigned i = 0; i < WILD; i++) {
        for (unsigned j = 0; j < sizeof(many) / sizeof(many[0]); j++) {
            CHECK(wk_memory_map(memory, wk_self.process, wild[i], 0, many[j], WK_PROTECTION_READ) != WK_OK);
            CHECK(wk_memory_map(memory, wk_self.process, wild[i], many[j], 1, WK_PROTECTION_READ) != WK_OK ||
                  wild[i] < WK_USER_ADDRESS_END);
            CHECK(wk_process_protect(wk_self.process, wild[i], many[j], WK_PROTECTION_READ) != WK_OK);
            if (wild[i] >= WK_USER_ADDRESS_END)
                CHECK(wk_process_unmap(wk_self.process, wild[i], many[j]) != WK_OK);
        }
        EXPECT(WK_BAD_ARGUMENT, wk_memory_map(memory, wk_self.process, wild[i] + 1, 0, 1, WK_PROTECTION_READ));
        if (wild[i] >= WK_USER_ADDRESS_END)
            EXPECT(WK_BAD_ARGUMENT, wk_memory_map(memory, wk_self.process, wild[i], 0, 1, WK_PROTECTION_READ));
    }
}

static void run_there(wk_handle memory)
{
    wk_handle thread;

    EXPECT(WK_OK, wk_thread_create(wk_self.process, 1, &thread));
    for (unsigned i = 2; i < WILD; i++) {
        EXPECT(WK_BAD_ARGUMENT, wk_thread_start(thread, wild[i], 0x1000, 0, 0, 0));
        EXPECT(WK_BAD_ARGUMENT, wk_thread_start(thread, 0x1000, wild[i], 0, 0, 0));
        EXPECT(WK_BAD_ARGUMENT, wk_thread_start(thread, 0x1000, 0x1000, wild[i], 0, 0));
        EXPECT(WK_BAD_ARGUMENT, wk_process_set_upcall(wk_self.process, wild[i], 0));
        EXPECT(WK_BAD_ARGUMENT, wk_process_set_upcall(wk_self.process, 0, wild[i]));
        EXPECT(WK_BAD_ARGUMENT, wk_thread_set_frames(thread, memory, 0, wild[i]));
        CHECK(wk_thread_write_register(thread, 0, wild[i]) != WK_BAD_HANDLE);
    }
    EXPECT(WK_BAD_ARGUMENT, wk_thread_start(thread, 0x1001, 0x1000, 0, 0, 0));
    EXPECT(WK_BAD_ARGUMENT, wk_thread_start(thread, 0x1000, 0x1008, 0, 0, 0));
    EXPECT(WK_OK, wk_capability_delete(thread));
}

int main(void)
{
    wk_handle memory;

    EXPECT(WK_OK, wk_memory_create(wk_self.bank, 4, 0, &memory));
    map_there(memory);
    run_there(memory);
    EXPECT(WK_OK, wk_capability_delete(memory));
    return 0;
}
