/* SPDX-License-Identifier: MIT */
/*
 * A process with a ring is suspended, and goes on, over and over, wherever it is: in the midst of entering, while a poller takes
 * its entries, while workers wait, are held or make steps. Each entry is completed once, and the program finds it.
 */
#include "actors.h"

#include <channel/async.h>
#include <winkle/clock.h>
#include <winkle/memory.h>
#include <winkle/process.h>
#include <winkle/queue.h>
#include <winkle/ring.h>

#define ROUNDS 600
#define ENTRIES 32
#define SHORT_NS 20000
#define IDLE_NS 20000
#define PAUSE_MAX_NS 200000
#define PATIENCE_NS (100 * WK_NS_PER_SECOND)
#define BELL 2

static struct wk_queue queue;
static wk_handle event;

static void begin(void)
{
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_queue_create(&queue, ENTRIES, ENTRIES, ENTRIES / 2, 0));
}

/* ---- the parts ---- */

/* Waits, what is held for them, what is done at once and long operations; nothing but what was submitted ends a wait for it. */
static int play_waiter(void)
{
    struct wk_async async;

    begin();
    wk_async_init(&async, &queue);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t seen = 0;

        for (uint32_t tag = 0; tag < ENTRIES; tag += 4) {
            CHECK(wk_ring_timeout_prepare(&queue, tag, queue.ring, wk_after_ns(SHORT_NS)));
            CHECK(wk_event_signal_prepare(&queue, tag + 1, event, 1));
            CHECK(wk_event_wait_prepare(&queue, tag + 2, event, 1, wk_after_ns(PATIENCE_NS)));
            wk_queue_link(&queue);
            CHECK(wk_event_signal_prepare(&queue, tag + 3, event, 1));
        }
        while (seen != (UINT64_C(1) << ENTRIES) - 1) {
            struct wk_completion completion;
            struct wk_channel *from;

            EXPECT(WK_OK, wk_async_next(&async, &completion, &from, wk_after_ns(PATIENCE_NS)));
            EXPECT(WK_OK, (enum wk_status)WK_RECEIVED_STATUS(completion.answer));
            CHECK(completion.tag < ENTRIES && (seen >> completion.tag & 1) == 0);
            seen |= UINT64_C(1) << completion.tag;
        }
    }
    wk_queue_destroy(&queue);
    return 0;
}

/* As many completions as were submitted, by the doorbell. */
static void await_completions(uint32_t count)
{
    struct wk_completion completion;

    for (uint32_t done = 0; done < count;) {
        uint64_t bits;

        if (wk_queue_read(&queue, &completion)) {
            EXPECT(WK_OK, (enum wk_status)WK_RECEIVED_STATUS(completion.answer));
            EQUAL(done++, completion.tag);
        } else if (wk_queue_sleeps(&queue)) {
            EXPECT(WK_OK, wk_event_wait(event, BELL, wk_after_ns(PATIENCE_NS), &bits));
            wk_queue_wakes(&queue);
        }
    }
}

static int play_polled(void)
{
    begin();
    EXPECT(WK_OK, wk_ring_bind(queue.ring, event, BELL));
    for (unsigned round = 0; round < ROUNDS; round++) {
        const uint32_t count = 1 + round % (ENTRIES / 2);

        EXPECT(WK_OK, wk_ring_poll(queue.ring, IDLE_NS));
        for (uint32_t tag = 0; tag < count; tag++)
            CHECK(wk_event_signal_prepare(&queue, tag, event, 1));
        EXPECT(WK_OK, wk_queue_submit(&queue));
        if (round % 4 == 3)
            EXPECT(WK_OK, wk_ring_poll(queue.ring, 0));
        await_completions(count);
    }
    wk_queue_destroy(&queue);
    return 0;
}

/* ---- all ---- */

static uint64_t random_below(uint64_t limit)
{
    static uint64_t state = 88172645463325252;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % limit;
}

static void suspend_over_and_over(const char *part)
{
    struct actor actor;
    unsigned count = 0;
    uint64_t bits;

    actor_prepare(&actor, ACTOR_BANK_PAGES);
    actor_play(&actor, part);
    while (wk_event_wait(actor.event, 1, wk_after_ns(1 + random_below(PAUSE_MAX_NS)), &bits) == WK_TIMED_OUT) {
        const enum wk_status status = wk_process_suspend(actor.child.process);

        if (status == WK_OK && count++ % 4 == 0)
            wk_event_wait(actor.event, 1 << 1, wk_after_ns(random_below(PAUSE_MAX_NS)), &bits);
        /* It may have come to its end, or come to it while it is suspended. */
        if (status != WK_OK || wk_process_resume(actor.child.process) != WK_OK)
            EXPECT(WK_REVOKED, wk_process_resume(actor.child.process));
    }
    EXPECT(WK_OK, wk_event_signal(actor.event, 1));
    actor_end_well(&actor, 0);
    wk_print("%s: suspended %u times\n", part, count);
}

int main(int argc, char **argv)
{
    if (plays(argc, argv, "waiter"))
        return play_waiter();
    if (plays(argc, argv, "polled"))
        return play_polled();
    suspend_over_and_over("waiter");
    suspend_over_and_over("polled");
    wk_print("ring_suspended: good\n");
    return 0;
}
