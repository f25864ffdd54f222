/* SPDX-License-Identifier: MIT */
#include <channel/async.h>

#include <channel/carrier.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/ring.h>

#define RING_TURN WK_ASYNC_CHANNELS_MAX
#define LOOK_NS 1000000 /* where a channel's doorbell cannot be waited for */

static uint32_t bit_of(unsigned number)
{
    return UINT32_C(1) << number;
}

/* ---- doorbells ---- */

/* The entry that waited for a channel's doorbell is done. What it says of a channel that was taken out means nothing. WK_BUSY: the
 * owner of the channel's event has more threads wait for it than may. */
static enum wk_status doorbell_rang(struct wk_async *async, const struct wk_completion *completion)
{
    const unsigned number = completion->tag - WK_ASYNC_TAG_FIRST;

    async->waiting &= ~bit_of(number);
    if ((async->members & bit_of(number)) == 0)
        return WK_OK;
    return wk_channel_wait_ended(async->channel[number], WK_RECEIVED_STATUS(completion->answer), completion->words[0]);
}

/* What channels come to that are to sleep; of several, the last that holds. */
enum rest {
    ASLEEP,
    NO_ROOM, /* for the entry that is to wait */
    READY,   /* there is something already */
};

/* Has an entry wait for the channel's doorbell. */
static enum rest let_sleep(struct wk_async *async, unsigned number)
{
    struct wk_channel *channel = async->channel[number];

    if (!wk_queue_has_room(async->queue))
        return NO_ROOM;
    if (wk_channel_about_to_wait(channel, WK_CHANNEL_MESSAGES) != WK_WOULD_BLOCK)
        return READY;
    wk_event_wait_prepare(async->queue, WK_ASYNC_TAG_FIRST + number, channel->wait,
                          channel->wait_bits | channel->end_bits, WK_FOREVER);
    async->waiting |= bit_of(number);
    return ASLEEP;
}

/* Those that were announced before have just been looked at. */
static enum rest let_all_sleep(struct wk_async *async)
{
    enum rest all = ASLEEP;

    for (uint32_t rest = async->members & ~async->waiting; rest != 0; rest &= rest - 1) {
        const enum rest one = let_sleep(async, (unsigned)__builtin_ctz(rest));

        all = one > all ? one : all;
    }
    return all;
}

/* The channel is a member no more. Its number is free again when the completion of the entry that waits has been read. */
static enum wk_status take_out(struct wk_async *async, unsigned number)
{
    uint64_t cancelled;

    async->members &= ~bit_of(number);
    if ((async->waiting & bit_of(number)) == 0)
        return WK_OK;
    return wk_ring_cancel(async->queue->ring, WK_ASYNC_TAG_FIRST + number, &cancelled);
}

/* ---- what there is ---- */

static enum wk_status read_ring(struct wk_async *async, struct wk_completion *completion, struct wk_channel **from)
{
    *from = NULL;
    while (wk_queue_read(async->queue, completion)) {
        if (completion->tag < WK_ASYNC_TAG_FIRST)
            return WK_OK;
        if (doorbell_rang(async, completion) == WK_BUSY) {
            *from = async->channel[completion->tag - WK_ASYNC_TAG_FIRST];
            return WK_BUSY;
        }
    }
    return WK_WOULD_BLOCK;
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
        take_out(async, number);
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
            status = read_ring(async, completion, from);
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

/* Submits, and waits for a completion. While the ring has not taken all entries that wait for doorbells, it waits no longer than until
 * channels are to be looked at again. */
static enum wk_status wait(struct wk_async *async, enum rest rest, uint64_t deadline_ns)
{
    struct wk_queue *queue = async->queue;
    enum wk_status status;
    uint64_t look_ns;

    if (async->members == 0 || (rest == ASLEEP && !wk_queue_is_crowded(queue)))
        return wk_queue_enter(queue, 1, deadline_ns);
    status = wk_queue_enter(queue, 0, 0);
    if (status != WK_OK)
        return status;
    if (rest == ASLEEP && wk_queue_is_taken(queue))
        return wk_queue_enter(queue, 1, deadline_ns);
    look_ns = wk_after_ns(LOOK_NS);
    if (deadline_ns <= look_ns)
        return wk_queue_enter(queue, 1, deadline_ns);
    status = wk_queue_enter(queue, 1, look_ns);
    return status == WK_TIMED_OUT ? WK_OK : status;
}

enum wk_status wk_async_next(struct wk_async *async, struct wk_completion *completion, struct wk_channel **from,
                             uint64_t deadline_ns)
{
    enum rest before = ASLEEP;

    for (bool has_waited = false;; has_waited = true) {
        enum wk_status status = read_any(async, completion, from);
        enum rest rest;

        if (status != WK_WOULD_BLOCK || (async->members == 0 && wk_queue_is_done(async->queue)))
            return status;
        if (has_waited && wk_now_ns() >= deadline_ns)
            return WK_TIMED_OUT; /* where a doorbell is rung for nothing, over and over, each wait ends in time */
        rest = let_all_sleep(async);
        /* If there is no room still, the ring's records are all in use. */
        if (rest == ASLEEP || (rest == NO_ROOM && before == NO_ROOM))
            status = wait(async, rest, deadline_ns);
        else
            status = wk_queue_enter(async->queue, 0, 0);
        if (status != WK_OK)
            return status;
        before = rest;
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

enum wk_status wk_async_remove(struct wk_async *async, const struct wk_channel *channel)
{
    for (uint32_t rest = async->members; rest != 0; rest &= rest - 1) {
        const unsigned number = (unsigned)__builtin_ctz(rest);

        if (async->channel[number] == channel)
            return take_out(async, number);
    }
    return WK_OK;
}
