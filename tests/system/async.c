/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a ring and channels in one place, at its edges: entries of the program's own that get in the way of those that
 * wait for doorbells, channels that end by themselves, more work than the ring has records, nothing under way.
 */
#include "check.h"

#include <channel/async.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/memory.h>
#include <winkle/ring.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define BELL 1
#define SIZES WK_CHANNEL_SIZES(4, 4, 0)
#define SHORT_NS 1000000
#define PATIENCE_NS (100 * WK_NS_PER_SECOND)
/* A wait of so long takes less than half of it of the processor's time, at least once in so many: what is counted includes times
 * in which the emulator has no processor for the hart. */
#define LONG_NS 200000000
#define TRIES 5
#define STACK_PAGES 4
#define PRIORITY 100

/* Both sides of a channel, in one process: the creator's event is the one by which this side's own end waits. */
struct pair {
    struct wk_channel creator, opener;
    wk_handle event;
};

static struct wk_queue queue;
static struct wk_async async;
static struct wk_completion completion;
static struct wk_channel *from;

static void begin(uint32_t entries, uint32_t pending)
{
    EXPECT(WK_OK, wk_queue_create(&queue, entries, 8, pending, 0));
    wk_async_init(&async, &queue);
}

static void open_pair_by(struct pair *pair, wk_handle event)
{
    const struct wk_channel_plan plan = {.sizes = SIZES, .event = event, .wait_bits = BELL};
    struct wk_channel_terms terms;

    pair->event = event;
    EXPECT(WK_OK, wk_channel_create(&pair->creator, &plan, &terms));
    EXPECT(WK_OK, wk_channel_open(&pair->opener, &terms));
}

static void open_pair(struct pair *pair)
{
    wk_handle event;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    open_pair_by(pair, event);
}

static void close_sides(struct pair *pair)
{
    wk_channel_close(&pair->opener);
    wk_channel_close(&pair->creator);
}

static void close_pair(struct pair *pair)
{
    close_sides(pair);
    EXPECT(WK_OK, wk_capability_delete(pair->event));
}

static enum wk_status next_within(uint64_t time_ns)
{
    return wk_async_next(&async, &completion, &from, wk_after_ns(time_ns));
}

static void receive_from(struct pair *pair, uint64_t word)
{
    EXPECT(WK_OK, wk_channel_try_send(&pair->creator, &(struct wk_ring_message){.words = {0, word}}));
    EXPECT(WK_OK, next_within(PATIENCE_NS));
    CHECK(from == &pair->opener);
    EQUAL(word, completion.tag);
}

/* The program linked an entry to whatever comes next, which is the one that waits for a doorbell: that it ends early, or is
 * cancelled, is not the end of the channel. */
static void links_end_no_channel(void)
{
    struct pair pair;
    wk_handle nothing = 0;

    begin(8, 8);
    open_pair(&pair);
    EXPECT(WK_OK, wk_async_add(&async, &pair.opener));
    CHECK(wk_ring_timeout_prepare(&queue, 1, queue.ring, wk_after_ns(SHORT_NS)));
    wk_queue_link(&queue);
    EXPECT(WK_OK, next_within(PATIENCE_NS));
    EQUAL(1, completion.tag);
    EXPECT(WK_TIMED_OUT, next_within(2 * SHORT_NS)); /* the doorbell's entry timed out meanwhile */
    receive_from(&pair, 5);
    CHECK(wk_event_signal_prepare(&queue, 2, nothing, 1)); /* fails, and cancels what is linked to it */
    wk_queue_link(&queue);
    EXPECT(WK_OK, next_within(PATIENCE_NS));
    EQUAL(2, completion.tag);
    EQUAL(WK_BAD_HANDLE, WK_RECEIVED_STATUS(completion.answer));
    EXPECT(WK_TIMED_OUT, next_within(SHORT_NS));
    receive_from(&pair, 6);
    EXPECT(WK_OK, wk_async_remove(&async, &pair.opener));
    wk_queue_destroy(&queue);
    close_pair(&pair);
}

/* A channel ends by itself, and the event by which this side waited is there still: its number, and its record, are free again. */
static void ended_channels_leave_nothing(void)
{
    wk_handle event;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    begin(8, 4);
    for (unsigned i = 0; i < 2 * WK_ASYNC_CHANNELS_MAX; i++) {
        struct pair pair;

        open_pair_by(&pair, event);
        EXPECT(WK_OK, wk_async_add(&async, &pair.creator));
        EXPECT(WK_TIMED_OUT, next_within(SHORT_NS)); /* an entry waits for the doorbell */
        wk_channel_peer_has_ended(&pair.creator);
        EXPECT(WK_REVOKED, next_within(PATIENCE_NS));
        CHECK(from == &pair.creator);
        close_sides(&pair);
    }
    EXPECT(WK_WOULD_BLOCK, next_within(PATIENCE_NS));
    wk_queue_destroy(&queue);
    EXPECT(WK_OK, wk_capability_delete(event));
}

/* The processor's time that a wait takes in which nothing comes. */
static uint64_t used_by_a_wait(void)
{
    uint64_t before_ns, after_ns;

    EXPECT(WK_OK, wk_thread_usage(wk_self.start->thread, &before_ns));
    EXPECT(WK_TIMED_OUT, next_within(LONG_NS));
    EXPECT(WK_OK, wk_thread_usage(wk_self.start->thread, &after_ns));
    return after_ns - before_ns;
}

/* All records are in use, and entries stand in the whole ring: it waits, and is not busy with that. */
static void a_full_ring_is_waited_for(void)
{
    struct pair pair;
    wk_handle event;
    unsigned busy = 0;

    begin(2, 2);
    open_pair(&pair);
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    for (uint32_t i = 0; i < 5; i++) {
        CHECK(wk_ring_timeout_prepare(&queue, i, queue.ring, WK_FOREVER));
        EXPECT(WK_OK, wk_queue_enter(&queue, 0, 0));
    }
    EXPECT(WK_OK, wk_async_add(&async, &pair.opener));
    while (busy < TRIES && used_by_a_wait() >= LONG_NS / 2)
        busy++;
    CHECK(busy < TRIES);
    for (uint32_t i = 0; i < 5; i++) {
        uint64_t cancelled;

        EXPECT(WK_OK, wk_queue_enter(&queue, 0, 0));
        EXPECT(WK_OK, wk_ring_cancel(queue.ring, i, &cancelled));
        EXPECT(WK_OK, next_within(PATIENCE_NS));
        EQUAL(i, completion.tag);
        EQUAL(WK_CANCELLED, WK_RECEIVED_STATUS(completion.answer));
    }
    receive_from(&pair, 7);
    wk_queue_destroy(&queue);
    close_pair(&pair);
    EXPECT(WK_OK, wk_capability_delete(event));
}

static void send_later(void *argument)
{
    struct wk_channel *channel = argument;

    EXPECT(WK_OK, wk_thread_sleep(wk_thread_self()->handle, wk_after_ns(5 * SHORT_NS)));
    EXPECT(WK_OK, wk_channel_try_send(channel, &(struct wk_ring_message){.words = {0, 9}}));
}

/* Fewer records than channels: none is forgotten, though nothing else is ever completed, and others are silent. */
static void no_channel_is_forgotten(void)
{
    struct pair pairs[4];

    begin(8, 1);
    for (unsigned i = 0; i < 4; i++) {
        open_pair(&pairs[i]);
        EXPECT(WK_OK, wk_async_add(&async, &pairs[i].opener));
    }
    for (unsigned i = 4; i-- > 0;) {
        struct wk_thread thread;

        EXPECT(WK_OK, wk_thread_run(&thread, send_later, &pairs[i].creator, STACK_PAGES, PRIORITY));
        EXPECT(WK_OK, next_within(PATIENCE_NS / 20));
        CHECK(from == &pairs[i].opener);
        EQUAL(9, completion.tag);
        EXPECT(WK_OK, wk_thread_join(&thread, wk_after_ns(PATIENCE_NS)));
    }
    wk_queue_destroy(&queue);
    for (unsigned i = 0; i < 4; i++)
        close_pair(&pairs[i]);
}

static void nothing_under_way_is_told(void)
{
    begin(4, 2);
    EXPECT(WK_WOULD_BLOCK, next_within(PATIENCE_NS));
    CHECK(wk_ring_timeout_prepare(&queue, 1, queue.ring, wk_after_ns(SHORT_NS)));
    EXPECT(WK_OK, next_within(PATIENCE_NS));
    EXPECT(WK_WOULD_BLOCK, next_within(PATIENCE_NS));
    CHECK(wk_ring_timeout_prepare(&queue, 1, queue.ring, WK_FOREVER));
    EXPECT(WK_TIMED_OUT, next_within(SHORT_NS));
    wk_queue_destroy(&queue);
}

int main(void)
{
    nothing_under_way_is_told();
    links_end_no_channel();
    ended_channels_leave_nothing();
    a_full_ring_is_waited_for();
    no_channel_is_forgotten();
    wk_print("async: good\n");
    return 0;
}
