/* SPDX-License-Identifier: MIT */
/*
 * Channels. Messages are measured in one process that has both ends, so that every instruction of either side counts, and
 * none of waiting for another hart; who is awake makes no trap, in one process or in two. Round trips are between two
 * processes on one hart, each of which sleeps until the other has sent.
 */
#include "bench.h"
#include "partner.h"

#include <channel/channel.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/thread.h>

#define RING_MESSAGES 64
#define BURST 32
#define BURSTS 100
#define TURNS 200
#define PAGES 64
#define PRIORITY 200
#define SIZES WK_CHANNEL_SIZES(RING_MESSAGES, RING_MESSAGES, 0)

static wk_handle event;

static void create(struct wk_channel *channel, struct wk_channel_terms *terms)
{
    expect("an event", wk_event_create(wk_self.bank, &event));
    expect("a channel", wk_channel_create(
                            channel, &(struct wk_channel_plan){.sizes = SIZES, .event = event, .wait_bits = 1}, terms));
}

static void close(struct wk_channel *channel)
{
    wk_channel_close(channel);
    expect("deleting the event", wk_capability_delete(event));
}

/* ---- messages ---- */

static struct wk_ring_message sent[BURST], received[BURST];

/* A burst one way: sent and received together. */
static uint64_t burst(struct wk_channel *sender, struct wk_channel *receiver)
{
    const uint64_t before = wk_instructions();
    uint32_t out, in;
    uint64_t instructions;

    expect("sending", wk_channel_try_send_many(sender, sent, BURST, &out));
    expect("receiving", wk_channel_try_receive_many(receiver, received, BURST, &in));
    instructions = wk_instructions() - before;
    if (out != BURST || in != BURST || received[BURST - 1].words[7] != sent[BURST - 1].words[7])
        wk_fail("not all messages came", WK_OK);
    return instructions;
}

/* The same one by one. */
static uint64_t one_by_one(struct wk_channel *sender, struct wk_channel *receiver)
{
    const uint64_t before = wk_instructions();

    for (unsigned i = 0; i < BURST; i++)
        expect("sending", wk_channel_try_send(sender, &sent[i]));
    for (unsigned i = 0; i < BURST; i++)
        expect("receiving", wk_channel_try_receive(receiver, &received[i]));
    return wk_instructions() - before;
}

static void measure_messages(const struct benchmark *benchmark,
                             uint64_t (*batch)(struct wk_channel *sender, struct wk_channel *receiver))
{
    static struct wk_channel creator, opener;
    struct wk_channel_terms terms;
    struct samples samples = {0};

    create(&creator, &terms);
    expect("opening", wk_channel_open(&opener, &terms));
    for (unsigned i = 0; i < BURST; i++)
        sent[i].words[7] = i;
    for (unsigned i = 0; i < BATCHES; i++) {
        for (unsigned j = 0; j < BURSTS; j++)
            samples.value[i] += batch(&creator, &opener) + batch(&opener, &creator);
        samples.value[i] /= 2 * BURSTS * BURST;
    }
    wk_channel_close(&opener);
    close(&creator);
    print_samples(benchmark, &samples);
}

void measure_channel_message(const struct benchmark *benchmark)
{
    measure_messages(benchmark, burst);
}

void measure_channel_message_single(const struct benchmark *benchmark)
{
    measure_messages(benchmark, one_by_one);
}

/* ---- round trips ---- */

static void exchange(struct wk_channel *channel, struct wk_ring_message *message)
{
    bool is_sent;

    expect("an exchange", wk_channel_exchange(channel, message, message, WK_FOREVER, &is_sent));
}

void play_echo(void)
{
    static struct wk_channel channel;
    struct wk_ring_message message;

    partner_open_channel(&channel, SIZES);
    expect("receiving", wk_channel_receive(&channel, &message, WK_FOREVER));
    for (;;)
        exchange(&channel, &message);
}

void measure_channel_pingpong(const struct benchmark *benchmark)
{
    static struct wk_channel channel;
    struct wk_channel_terms terms;
    struct samples samples;
    struct partner echo;
    struct wk_ring_message message = {.words = {1, 2, 3, 4, 5, 6, 7, 8}};

    create(&channel, &terms);
    partner_prepare(&echo, PAGES);
    partner_lend_channel(&echo, &terms);
    expect("its priority", wk_thread_set_priority(wk_self.start->thread, PRIORITY));
    partner_start(&echo, "echo", PRIORITY);
    exchange(&channel, &message);
    for (unsigned i = 0; i < BATCHES; i++) {
        const uint64_t before = wk_instructions();

        for (unsigned turn = 0; turn < TURNS; turn++)
            exchange(&channel, &message);
        samples.value[i] = (wk_instructions() - before) / TURNS;
    }
    if (message.words[7] != 8)
        wk_fail("an echo is another message", WK_OK);
    partner_end(&echo);
    close(&channel);
    print_samples(benchmark, &samples);
}
