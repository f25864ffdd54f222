/* SPDX-License-Identifier: MIT */
/* The kernel's trace: records of what this program does, in the buffer that it provides. */
#include "check.h"

#include <winkle/capability.h>
#include <winkle/machine.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/thread.h>
#include <winkle/trace.h>

#include <stdbool.h>

#define BUFFER_PAGES 4
#define EVERY_EVENT UINT64_MAX

/* The layout that trace.interface describes. */
struct record {
    uint64_t time_ns;
    uint16_t event, hart;
    uint32_t unused;
    uint64_t words[2];
};
_Static_assert(sizeof(struct record) == WK_TRACE_RECORD_BYTES, "as the interface says");

static const struct record *buffer;

static uint64_t written(void)
{
    return *(const volatile uint64_t *)buffer;
}

/* Whether there is an `invoke` of that operation in the buffer. */
static bool traced(uint64_t operation)
{
    const uint64_t room = BUFFER_PAGES * WK_PAGE_BYTES / sizeof(struct record) - 1;

    for (uint64_t i = 0; i < written() && i < room; i++) {
        if (buffer[1 + i].event == WK_TRACE_EVENT_INVOKE && buffer[1 + i].words[0] == operation)
            return true;
    }
    return false;
}

int main(void)
{
    wk_handle memory, other, on_demand;
    void *address;
    uint64_t stopped_at, hart, priority;
    enum wk_thread_state state;

    EXPECT(WK_OK, wk_thread_info(wk_self.start->thread, &state, &priority, &hart));
    EXPECT(WK_OK, wk_map_new(BUFFER_PAGES, 0, &memory, &address));
    EXPECT(WK_OK, wk_memory_create(wk_self.bank, 17, 0, &other));
    EXPECT(WK_OK, wk_memory_create(wk_self.bank, 1, WK_MEMORY_OPTIONS_ON_DEMAND, &on_demand));
    buffer = address;
    EXPECT(WK_WOULD_BLOCK, wk_trace_detach(wk_self.trace, hart));
    EXPECT(WK_BAD_ARGUMENT, wk_trace_attach(wk_self.trace, other, hart));
    EXPECT(WK_BAD_ARGUMENT, wk_trace_attach(wk_self.trace, on_demand, hart));
    EXPECT(WK_BAD_ARGUMENT, wk_trace_attach(wk_self.trace, memory, 63));
    EXPECT(WK_OK, wk_trace_attach(wk_self.trace, memory, hart));
    EXPECT(WK_BUSY, wk_trace_attach(wk_self.trace, memory, hart));
    EXPECT(WK_OK, wk_trace_start(wk_self.trace, EVERY_EVENT));
    for (int i = 0; i < 5; i++)
        EXPECT(WK_OK, wk_capability_check(memory));
    EXPECT(WK_OK, wk_trace_stop(wk_self.trace));
    stopped_at = written();
    CHECK(stopped_at >= 5);
    CHECK(traced(WK_CAPABILITY_CHECK));
    CHECK(!traced(WK_TRACE_ATTACH));
    EXPECT(WK_OK, wk_capability_check(memory));
    EQUAL(stopped_at, written());
    /* Around the ring many times; then the buffer is taken back while tracing is on. */
    EXPECT(WK_OK, wk_trace_start(wk_self.trace, EVERY_EVENT));
    for (int i = 0; i < 5000; i++)
        EXPECT(WK_OK, wk_capability_check(memory));
    CHECK(written() > 5000);
    EXPECT(WK_OK, wk_capability_delete(memory));
    EXPECT(WK_WOULD_BLOCK, wk_trace_detach(wk_self.trace, hart));
    EXPECT(WK_OK, wk_trace_stop(wk_self.trace));
    wk_print("trace: good\n");
    return 0;
}
