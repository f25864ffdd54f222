/* SPDX-License-Identifier: MIT */
/*
 * Messages between two threads, through a channel whose memory lies where the caller says: `messages ram`, `messages tim`,
 * or `messages tim-else-ram`, which is what it does without a word. It prints where it lay, and what a round trip took.
 */
#include <channel/channel.h>
#include <winkle/calls.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/memory.h>
#include <winkle/print.h>
#include <winkle/start.h>
#include <winkle/text.h>
#include <winkle/threads.h>

#define ROUND_TRIPS 1000
#define RING_MESSAGES 16
#define STACK_PAGES 4
#define PRIORITY 100

static void expect(const char *what, enum wk_status status)
{
    if (status != WK_OK)
        wk_fail(what, status);
}

/* Answers each message with the same. */
static void echo(void *argument)
{
    struct wk_channel *channel = argument;
    struct wk_ring_message message;

    while (wk_channel_receive(channel, &message, WK_FOREVER) == WK_OK)
        expect("answering", wk_channel_send(channel, &message, WK_FOREVER));
}

/* Makes the channel where `place` says. Nothing falls back unless that is what it says. */
static void create(const char *place, struct wk_channel *channel, struct wk_channel_terms *terms)
{
    const bool else_ram = strcmp(place, "tim-else-ram") == 0;
    struct wk_channel_plan plan = {.sizes = WK_CHANNEL_SIZES(RING_MESSAGES, RING_MESSAGES, 0), .wait_bits = 1};
    enum wk_status status = WK_NO_MEMORY;

    if (!else_ram && strcmp(place, "tim") != 0 && strcmp(place, "ram") != 0)
        wk_fail("usage: messages [ram | tim | tim-else-ram]", WK_OK);
    expect("an event", wk_event_create(wk_self.bank, &plan.event));
    plan.bank = wk_named_handle("tim");
    if (plan.bank != 0 && strcmp(place, "ram") != 0)
        status = wk_channel_create(channel, &plan, terms);
    if (status == WK_NO_MEMORY && strcmp(place, "tim") != 0) {
        plan.bank = 0;
        status = wk_channel_create(channel, &plan, terms);
    }
    expect("a channel", status);
}

static const char *place_of(wk_handle memory)
{
    uint64_t pages, present, options, mappings, identity, attributes;

    expect("the memory's attributes",
           wk_memory_info(memory, &pages, &present, &options, &mappings, &identity, &attributes));
    if (attributes & WK_MEMORY_ATTRIBUTES_STAND_IN)
        return "RAM that stands in for tightly-integrated memory";
    return attributes & WK_MEMORY_ATTRIBUTES_TIM ? "tightly-integrated memory" : "RAM";
}

int main(int argc, char **argv)
{
    static struct wk_channel near, far;
    struct wk_ring_message message = {.words = {1}};
    struct wk_channel_terms terms;
    struct wk_thread thread;
    uint64_t start_ns;

    create(argc > 1 ? argv[1] : "tim-else-ram", &near, &terms);
    expect("opening the channel", wk_channel_open(&far, &terms));
    expect("a thread", wk_thread_run(&thread, echo, &far, STACK_PAGES, PRIORITY));
    start_ns = wk_now_ns();
    for (uint64_t i = 0; i < ROUND_TRIPS; i++) {
        message.words[1] = i;
        expect("sending", wk_channel_send(&near, &message, WK_FOREVER));
        expect("receiving", wk_channel_receive(&near, &message, WK_FOREVER));
        if (message.words[1] != i)
            wk_fail("another message came than was sent", WK_OK);
    }
    wk_print("%u round trips through a channel in %s, %lu ns each\n", ROUND_TRIPS, place_of(near.memory),
             (wk_now_ns() - start_ns) / ROUND_TRIPS);
    return 0;
}
