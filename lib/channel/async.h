/* SPDX-License-Identifier: MIT */
/*
 * Waiting in one place for whatever a client has under way: completions of a kernel ring, and answers over any number of
 * channels. A channel that its server made has an event of the server's, so there is no one event to wait for; but a ring can
 * wait for any: while a channel has nothing to read, an entry of the ring waits for its doorbell. So one `ring.enter` waits
 * for calls, timers, events and channels alike.
 *
 *     wk_notes_read_start(&by_session, 1, number);     struct wk_connection of the queue
 *     wk_notes_add_start(&by_channel, 2, …);           and of the channel
 *     while (wk_async_next(&async, &completion, &from, WK_FOREVER) == WK_OK)
 *         …                                            from: the channel, or NULL for the ring
 *
 * No wake-up is lost: before it enters, each channel has announced that this side sleeps, and was looked at behind that
 * (winkle/rings.h, BELL); an announcement stands as long as the entry that waits for its doorbell, or that entry's completion is
 * still to be read. Each channel takes one of the ring's records for what is pending; where there are too few, channels are looked
 * at every millisecond. What is linked (wk_queue_link) is prepared with what it is linked to before wk_async_next is called, which
 * prepares entries itself.
 */
#ifndef CHANNEL_ASYNC_H
#define CHANNEL_ASYNC_H

#include <channel/connection.h>

#define WK_ASYNC_CHANNELS_MAX 32
/* Tags from here on are for the entries that wait for doorbells. */
#define WK_ASYNC_TAG_FIRST (UINT32_MAX - WK_ASYNC_CHANNELS_MAX + 1)

struct wk_async {
    struct wk_queue *queue;
    struct wk_channel *channel[WK_ASYNC_CHANNELS_MAX];
    uint32_t members; /* a bit for each channel */
    uint32_t waiting; /* for each whose doorbell an entry waits for, or did, and its completion has not been read */
    uint32_t next;    /* whose turn it is: a channel's number, or WK_ASYNC_CHANNELS_MAX for the ring */
};

static inline void wk_async_init(struct wk_async *async, struct wk_queue *queue)
{
    *async = (struct wk_async){.queue = queue};
}

/* Takes a channel in, whose messages nobody else receives. WK_TABLE_FULL: there are as many as there can be. */
enum wk_status wk_async_add(struct wk_async *async, struct wk_channel *channel);
/* Takes it out, before it is closed. Errors as `ring: cancel`. */
enum wk_status wk_async_remove(struct wk_async *async, const struct wk_channel *channel);

/*
 * Submits what was started, and gives the next completion; the ring and the channels take turns.
 * @from: the channel by which it came; NULL: it is the ring's. Also if a channel's status is answered: it has ended, and was taken
 *        out
 * @return WK_WOULD_BLOCK: nothing is under way in the ring, and there are no channels. WK_BUSY: more threads wait for the event of
 *         `from` than may, which is a member still. WK_TIMED_OUT, WK_INTERRUPTED, WK_REVOKED, WK_BAD_ARGUMENT as
 *         `ring: enter`
 */
enum wk_status wk_async_next(struct wk_async *async, struct wk_completion *completion, struct wk_channel **from,
                             uint64_t deadline_ns);

#endif
