/* SPDX-License-Identifier: MIT */
#include <channel/async.h>

#include <channel/carrier.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/ring.h>

#define RING_TURN WK_ASYNC_CHANNELS_MAX

static uint32_t bit_of(unsigned number)
{
    return UINT32_C(1) << number;
}

/* ---- doorbells ---- */

/* The entry that waited for a channel's doorbell is done. What it says of a channel that was taken out means nothing. */
static void doorbell_rang(struct wk_async *async, const struct wk_completion *completion)
{
    const unsigned number = completion->tag - WK_ASYNC_TAG_FIRST;
    const uint64_t status = WK_RECEIVED_STATUS(completion->answer);
    struct wk_channel *channel = async->channel[number];

    async->waiting &= ~bit_of(number);
    if ((async->members & bit_of(number)) == 0)
        return;
    wk_channel_awake(channel, status == WK_OK ? completion->words[0] : 0);
    if (status != WK_OK)
        wk_channel_peer_has_ended(channel); /* the event has gone, or its owner has more threads wait for it than may */
}

/* Has an entry wait for the channel's doorbell, unless there is something already. False: there is, or no room. */
static bool let_sleep(struct wk_async *async, unsigned number)
{
    struct wk_channel *channel = async->channel[number];

    if (!wk_queue_has_room(async->queue) || wk_channel_about_to_wait(channel, WK_CHANNEL_MESSAGES) != WK_WOULD_BLOCK)
        return false;
    wk_event_wait_prepare(async->queue, WK_ASYNC_TAG_FIRST + number, channel->wait,
                          channel->wait_bits | channel->end_bits, WK_FOREVER);
    async->waiting |= bit_of(number);
    return true;
}

/* Whether all channels may sleep: those that were announced before have just been looked at. */
static bool let_all_sleep(struct wk_async *async)
{
    bool all = true;

    for (uint32_t rest = async->members & ~async->waiting; rest != 0; rest &= rest - 1)
        all &= let_sleep(async, (unsigned)__builtin_ctz(rest));
    return all;
}

/* ---- what there is ---- */

static bool read_ring(struct wk_async *async, struct wk_completion *completion)
{
    while (wk_queue_read(async->queue, completion)) {
        if (completion->tag < WK_ASYNC_TAG_FIRST)
            return true;
        doorbell_rang(async, completion);
    }
    return false;
}

static enum wk_status read_channel(struct wk_async *async, unsigned number, struct wk_completion *completion)
{
    struct wk_channel *channel = async->channel[number];
    struct wk_ring_message message;
    const enum wk_status status = wk_channel_try_receive(channel, &message);

    if (status == WK_OK && channel->carrier != NULL)
        wk_carrier_unpack(channel->carrier, &message, completion);
    else if (status == WK_OK)
        wk_completion_of(&message, completion);
    else if (status != WK_WOULD_BLOCK)
        async->members &= ~bit_of(number);
    return status;
}

/* One that is there, from whoever's turn it is or comes next. WK_WOULD_BLOCK: there is none. */
static enum wk_status read_any(struct wk_async *async, struct wk_completion *completion, struct wk_channel **from)
{
    for (unsigned i = 0; i <= RING_TURN; i++) {
        const unsigned turn = async->next;
        enum wk_status status = WK_WOULD_BLOCK;

        async->next = turn == RING_TURN ? 0 : turn + 1;
        if (turn == RING_TURN) {
            *from = NULL;
            if (read_ring(async, completion))
                return WK_OK;
        } else if (async->members & bit_of(turn)) {
            *from = async->channel[turn];
            status = read_channel(async, turn, completion);
        }
        if (status != WK_WOULD_BLOCK)
            return status;
    }
    *from = NULL;
    return WK_WOULD_BLOCK;
}

enum wk_status wk_async_next(struct wk_async *async, struct wk_completion *completion, struct wk_channel **from,
                             uint64_t deadline_ns)
{
    for (bool has_waited = false;; has_waited = true) {
        enum wk_status status = read_any(async, completion, from);
        bool sleeps;

        if (status != WK_WOULD_BLOCK)
            return status;
        if (has_waited && wk_now_ns() >= deadline_ns)
            return WK_TIMED_OUT; /* where a doorbell is rung for nothing, over and over, each wait ends in time */
        sleeps = let_all_sleep(async);
        status = wk_queue_enter(async->queue, sleeps ? 1 : 0, deadline_ns);
        if (status != WK_OK)
            return status;
        if (sleeps && async->members == 0 && wk_queue_completed(async->queue) == 0)
            return WK_WOULD_BLOCK;
    }
}

/* ---- members ---- */

enum wk_status wk_async_add(struct wk_async *async, struct wk_channel *channel)
{
    const uint32_t taken = async->members | async->waiting;
    unsigned number;

    if (taken == UINT32_MAX)
        return WK_TABLE_FULL;
    number = (unsigned)__builtin_ctz(~taken);
    async->channel[number] = channel;
    async->members |= bit_of(number);
    return WK_OK;
}

/* The number is free again when the entry's completion has been read. */
enum wk_status wk_async_remove(struct wk_async *async, const struct wk_channel *channel)
{
    for (uint32_t rest = async->members; rest != 0; rest &= rest - 1) {
        const unsigned number = (unsigned)__builtin_ctz(rest);
        uint64_t cancelled;

        if (async->channel[number] != channel)
            continue;
        async->members &= ~bit_of(number);
        return async->waiting & bit_of(number)
                   ? wk_ring_cancel(async->queue->ring, WK_ASYNC_TAG_FIRST + number, &cancelled)
                   : WK_OK;
    }
    return WK_OK;
}
