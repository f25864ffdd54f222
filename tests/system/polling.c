/* SPDX-License-Identifier: MIT */
/*
 * A ring with a poller on another hart: while both are awake the program makes no trap. The kernel's trace counts its
 * hart's invocations meanwhile: there is none but the one that ends the count.
 */
#include "check.h"

#include <winkle/calls.h>
#include <winkle/capability.h>
#include <winkle/event.h>
#include <winkle/harts.h>
#include <winkle/pages.h>
#include <winkle/queue.h>
#include <winkle/ring.h>
#include <winkle/thread.h>
#include <winkle/trace.h>

#define ENTRIES 32
#define ROUNDS 300
#define IDLE_NS 10000000000

/* The layout that trace.interface describes. */
struct record {
    uint64_t time_ns;
    uint16_t event, hart;
    uint32_t unused;
    uint64_t words[2];
};

static struct wk_queue queue;

/* Submits a full ring of entries, by which events are signalled, and reads their completions. */
static void poll_round(wk_handle event)
{
    unsigned done = 0;

    for (uint32_t i = 0; i < ENTRIES; i++)
        CHECK(wk_event_signal_prepare(&queue, i, event, 1));
    EXPECT(WK_OK, wk_queue_submit(&queue));
    while (done < ENTRIES) {
        struct wk_completion completion;

        if (!wk_queue_read(&queue, &completion))
            continue;
        EQUAL(WK_OK, completion.answer);
        EQUAL(done, completion.tag);
        done++;
    }
}

int main(void)
{
    uint64_t hart, priority, written, bits;
    enum wk_thread_state state;
    wk_handle memory, event;
    void *buffer;

    EXPECT(WK_OK, wk_thread_set_budget(wk_self.start->thread, wk_hart_budget(0)));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_queue_create(&queue, ENTRIES, ENTRIES, 1, wk_hart_budget(1)));
    EXPECT(WK_OK, wk_ring_poll(queue.ring, IDLE_NS));
    EXPECT(WK_OK, wk_map_new(1, 0, &memory, &buffer));
    poll_round(event);
    EXPECT(WK_OK, wk_thread_info(wk_self.start->thread, &state, &priority, &hart));
    EQUAL(0, hart);
    EXPECT(WK_OK, wk_trace_attach(wk_self.trace, memory, hart));
    EXPECT(WK_OK, wk_trace_start(wk_self.trace, UINT64_C(1) << WK_TRACE_EVENT_INVOKE));
    for (unsigned round = 0; round < ROUNDS; round++)
        poll_round(event);
    written = *(const volatile uint64_t *)buffer;
    EXPECT(WK_OK, wk_capability_check(event)); /* one that counts */
    CHECK(*(const volatile uint64_t *)buffer == written + 1);
    EXPECT(WK_OK, wk_trace_stop(wk_self.trace));
    if (written > 1) /* that of trace: start */
        wk_print("%lu invocations, the last operation %#lx\n", written,
                 ((const struct record *)buffer)[written].words[0]);
    CHECK(written <= 1);
    EXPECT(WK_OK, wk_event_poll(event, 1, &bits));
    wk_queue_destroy(&queue);
    wk_print("polling: good\n");
    return 0;
}
