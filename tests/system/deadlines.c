/* SPDX-License-Identifier: MIT */
/*
 * A program serves a peer that does its worst, and has other work besides: that meets its deadlines. The peer floods a channel
 * with messages and doorbells, raves at the channel's event, or has kernel rings of its own full of whatever keeps the kernel busy. For
 * time that is counted in instructions: it is as exact as that, and the hart is the machine's only one.
 */
#include "channel_peers.h"

#include <winkle/bank.h>
#include <winkle/memory.h>
#include <winkle/periodic.h>
#include <winkle/process.h>
#include <winkle/queue.h>
#include <winkle/ring.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define ENTRIES 32
#define STACK_PAGES 4
#define PRIORITY 100 /* of the other work: before whoever serves the peer, and before that */
#define SERVING_PRIORITY 90
#define PERIOD_NS 500000
#define PERIODS 400
/* From the release until it works: so many instructions at most, the kernel's and its own. */
#define LATE_MAX_NS 4000

/* ---- the peer ---- */

__attribute__((noreturn)) static void play_flooder(void)
{
    const struct wk_ring_message message = {.words = {1, 2, 3}};
    struct wk_channel channel;
    struct wk_ring_message answer;

    open_lent(&channel);
    for (;;) {
        while (wk_channel_try_send(&channel, &message) == WK_OK)
            wk_channel_ring_bell(&channel);
        wk_channel_ring_bell(&channel);
        while (wk_channel_try_receive(&channel, &answer) == WK_OK)
            continue;
    }
}

__attribute__((noreturn)) static void play_raver(void)
{
    struct wk_channel channel;

    open_lent(&channel);
    for (;;) {
        channel.out.ring->producer.sleeps++;
        channel.in.ring->consumer.sleeps++;
        wk_event_signal(channel.signal, UINT64_MAX);
    }
}

/* Entries that signal the victim's event, wait, are linked, time out, make memory, copy it, and give it back. */
__attribute__((noreturn)) static void play_ringer(void)
{
    const wk_handle signal = wk_named_handle("signal");
    struct wk_completion completion;
    struct wk_queue queue;
    wk_handle event, memory, clone = 0;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_memory_create(wk_self.bank, 16, 0, &memory));
    EXPECT(WK_OK, wk_queue_create(&queue, ENTRIES, ENTRIES, ENTRIES / 2, 0));
    EXPECT(WK_OK, wk_ring_poll(queue.ring, 10000));
    for (uint32_t tag = 0;; tag++) {
        bool has_room = wk_event_signal_prepare(&queue, 1, signal, UINT64_MAX);

        has_room = has_room && wk_ring_timeout_prepare(&queue, 1, queue.ring, wk_after_ns(tag % 32 * 100));
        if (has_room && tag % 2 == 0)
            wk_queue_link(&queue);
        has_room = has_room && wk_event_wait_prepare(&queue, 1, event, 1, wk_after_ns(1000));
        if (has_room && tag % 8 == 0)
            has_room = wk_memory_clone_prepare(&queue, 2, memory, wk_self.bank);
        if (!has_room)
            wk_queue_enter(&queue, tag % 4, wk_after_ns(20000));
        while (wk_queue_read(&queue, &completion)) {
            clone = completion.words[0];
            if (completion.tag == 2 && WK_RECEIVED_STATUS(completion.answer) == WK_OK)
                wk_capability_delete(clone);
        }
    }
}

/* ---- the victim ---- */

static uint64_t latest_ns;
static bool is_done;

/* The work that has deadlines. */
static void work(void *unused)
{
    struct wk_period period;

    (void)unused;
    wk_period_begin(&period, PERIOD_NS);
    for (unsigned i = 0; i < PERIODS; i++) {
        uint64_t missed, late_ns;

        EXPECT(WK_OK, wk_period_wait(&period, &missed));
        late_ns = wk_now_ns() - (period.next_ns - PERIOD_NS);
        EQUAL(0, missed);
        latest_ns = late_ns > latest_ns ? late_ns : latest_ns;
    }
    __atomic_store_n(&is_done, true, __ATOMIC_RELEASE);
}

/* Answers what comes, until the work is done. */
static uint64_t serve(struct wk_channel *channel)
{
    uint64_t served = 0;

    while (!__atomic_load_n(&is_done, __ATOMIC_ACQUIRE)) {
        struct wk_ring_message message;

        if (wk_channel_receive(channel, &message, wk_after_ns(PERIOD_NS)) == WK_OK) {
            served++;
            wk_channel_try_send(channel, &message);
        }
    }
    return served;
}

static void beside(const char *part)
{
    struct wk_channel channel;
    struct wk_channel_plan plan = {.sizes = SIZES, .wait_bits = BELL};
    struct wk_channel_terms terms;
    struct wk_thread worker;
    struct actor actor;
    uint64_t served;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &plan.event));
    EXPECT(WK_OK, wk_channel_create(&channel, &plan, &terms));
    actor_prepare(&actor, ACTOR_BANK_PAGES);
    actor.priority = SERVING_PRIORITY;
    actor_lend(&actor, "memory", terms.memory, WK_RIGHTS_ALL);
    actor_lend(&actor, "wait", terms.wait, WK_RIGHTS_ALL);
    actor_lend(&actor, "signal", terms.signal, WK_RIGHTS_ALL);
    actor_play(&actor, part);
    latest_ns = 0;
    is_done = false;
    EXPECT(WK_OK, wk_thread_run(&worker, work, NULL, STACK_PAGES, PRIORITY));
    served = serve(&channel);
    EXPECT(WK_OK, wk_thread_join(&worker, wk_after_ns(ACTOR_PATIENCE_NS)));
    EXPECT(WK_OK, wk_process_kill(actor.child.process, 0));
    actor_end_well(&actor, 0);
    wk_channel_close(&channel);
    EXPECT(WK_OK, wk_capability_delete(plan.event));
    wk_print("beside a %s: %lu instructions late at most, %lu messages served\n", part, latest_ns, served);
    CHECK(latest_ns <= LATE_MAX_NS);
}

int main(int argc, char **argv)
{
    if (plays(argc, argv, "flooder"))
        play_flooder();
    if (plays(argc, argv, "raver"))
        play_raver();
    if (plays(argc, argv, "ringer"))
        play_ringer();
    EXPECT(WK_OK, wk_thread_set_priority(wk_self.start->thread, SERVING_PRIORITY));
    beside("flooder");
    beside("raver");
    beside("ringer");
    wk_print("deadlines: good\n");
    return 0;
}
