/* SPDX-License-Identifier: MIT */
/*
 * What goes through a channel between two processes on two harts that run in parallel, by the clock: the emulator must not
 * count instructions then, for that makes harts take turns. tests/bench/linux_init.c does the same with what Linux has.
 *
 * A batch ends when the other side has said that it has received all of it.
 */
#include "bench.h"
#include "partner.h"

#include <channel/channel.h>
#include <channel/pool.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/harts.h>
#include <winkle/text.h>
#include <winkle/thread.h>

#define MESSAGES 50000
#define RING_MESSAGES 1024 /* 64 KiB, as a pipe of Linux holds */
#define MESSAGE_SIZES WK_CHANNEL_SIZES(RING_MESSAGES, RING_MESSAGES, 0)

#define TRANSFERS 256
#define BUFFERS 4
#define BUFFER_WORDS 8192 /* 64 KiB */
#define BUFFER_BYTES (BUFFER_WORDS * sizeof(uint64_t))
#define BULK_SIZES WK_CHANNEL_SIZES(8, 8, BUFFERS *BUFFER_BYTES / WK_PAGE_BYTES)

#define PAGES 64
#define PRIORITY 200

static struct wk_channel channel;
static struct wk_pool pool;
static uint64_t data[BUFFER_WORDS];

static void receive(struct wk_ring_message *message)
{
    expect("receiving", wk_channel_receive(&channel, message, WK_FOREVER));
}

static void send(const struct wk_ring_message *message)
{
    expect("sending", wk_channel_send(&channel, message, WK_FOREVER));
}

/* ---- messages, each sent alone ---- */

void play_message_sink(void)
{
    struct wk_ring_message message;

    partner_open_channel(&channel, MESSAGE_SIZES);
    for (;;) {
        for (uint64_t i = 0; i < MESSAGES; i++) {
            receive(&message);
            if (message.words[0] != i || message.words[7] != ~i)
                wk_fail("another message came than was sent", WK_OK);
        }
        send(&message);
    }
}

static uint64_t message_ns(void)
{
    struct wk_ring_message message = {0};
    const uint64_t before = wk_now_ns();

    for (uint64_t i = 0; i < MESSAGES; i++) {
        message.words[0] = i;
        message.words[7] = ~i;
        send(&message);
    }
    receive(&message);
    return (wk_now_ns() - before) / MESSAGES;
}

/* ---- larger data, in buffers ---- */

/* Copies out what came, as it must before it can trust it, and sends the buffer back. */
void play_bulk_sink(void)
{
    struct wk_ring_message message;
    struct wk_buffers buffers;

    partner_open_channel(&channel, BULK_SIZES);
    buffers = wk_buffers_of(channel.buffers, BUFFERS * BUFFER_BYTES, BUFFER_BYTES);
    for (uint64_t i = 0;; i = (i + 1) % TRANSFERS) {
        const void *buffer;

        receive(&message);
        buffer = wk_buffer(&buffers, message.words[0]);
        if (buffer == NULL)
            wk_fail("there is no such buffer", WK_OK);
        memcpy(data, buffer, BUFFER_BYTES);
        expect("the memory", wk_channel_status(&channel));
        if (data[0] != i || data[BUFFER_WORDS - 1] != ~i)
            wk_fail("other data came than were sent", WK_OK);
        send(&message);
    }
}

static void take_back(void)
{
    struct wk_ring_message message;

    receive(&message);
    expect("a buffer that came back", wk_pool_give_back(&pool, message.words[0]));
}

static uint64_t bulk_ns(void)
{
    const uint64_t before = wk_now_ns();

    for (uint64_t i = 0; i < TRANSFERS; i++) {
        struct wk_ring_message message = {0};

        while (wk_pool_take(&pool, &message.words[0]) == WK_WOULD_BLOCK)
            take_back();
        data[0] = i;
        data[BUFFER_WORDS - 1] = ~i;
        memcpy(wk_buffer(&pool.buffers, message.words[0]), data, BUFFER_BYTES);
        send(&message);
    }
    while (pool.free_count < BUFFERS)
        take_back();
    return (wk_now_ns() - before) / TRANSFERS;
}

/* ---- both ---- */

static void measure(const struct benchmark *benchmark, const char *part, uint64_t sizes, uint64_t (*batch_ns)(void))
{
    struct wk_channel_plan plan = {.sizes = sizes, .wait_bits = 1};
    struct wk_channel_terms terms;
    struct samples samples;
    struct partner sink;
    struct wk_buffers buffers;

    if (wk_hart_count() < 2)
        wk_fail("there is no second hart for the other side; start the machine with `--harts 2`", WK_OK);
    expect("the first hart", wk_thread_set_budget(wk_self.start->thread, wk_hart_budget(0)));
    expect("an event", wk_event_create(wk_self.bank, &plan.event));
    expect("a channel", wk_channel_create(&channel, &plan, &terms));
    buffers = wk_buffers_of(channel.buffers, channel.buffer_pages * WK_PAGE_BYTES, BUFFER_BYTES);
    wk_pool_init(&pool, &buffers);
    partner_prepare(&sink, PAGES);
    partner_lend_channel(&sink, &terms);
    sink.budget = wk_hart_budget(1);
    partner_start(&sink, part, PRIORITY);
    batch_ns();
    for (unsigned i = 0; i < BATCHES; i++)
        samples.value[i] = batch_ns();
    partner_end(&sink);
    wk_channel_close(&channel);
    expect("deleting the event", wk_capability_delete(plan.event));
    expect("its former budget", wk_thread_set_budget(wk_self.start->thread, wk_self.budget));
    print_times(benchmark, &samples);
}

void measure_throughput_message(const struct benchmark *benchmark)
{
    measure(benchmark, "message-sink", MESSAGE_SIZES, message_ns);
}

void measure_throughput_bulk(const struct benchmark *benchmark)
{
    measure(benchmark, "bulk-sink", BULK_SIZES, bulk_ns);
}
