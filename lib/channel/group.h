/* SPDX-License-Identifier: MIT */
/*
 * Many channels, one event: a server's side. Each channel has a bit of the event; clients take turns, message by message, so
 * that none can keep the others waiting. A client that does not take its answers is not served any further: a message
 * is taken only if there is room for one in return, so a server that answers each message with one at most never waits for
 * a client.
 */
#ifndef CHANNEL_GROUP_H
#define CHANNEL_GROUP_H

#include <channel/channel.h>

#define WK_CHANNEL_GROUP_MAX 64

struct wk_channel_group {
    wk_handle event;                                  /* which clients signal */
    uint64_t extra_bits;                              /* of it, which the server waits for besides */
    uint64_t members;                                 /* bits of channels */
    uint64_t ready;                                   /* those of channels that may have something to do */
    unsigned next;                                    /* whose turn it is */
    struct wk_channel *channel[WK_CHANNEL_GROUP_MAX]; /* by bit */
};

/* The plan's `event` and `wait_bits` for the next channel: a bit that is free. WK_TABLE_FULL if there is none. */
enum wk_status wk_channel_group_plan(const struct wk_channel_group *group, struct wk_channel_plan *plan);
/* Takes in a channel that was created by that plan; or out, before it is closed. */
void wk_channel_group_add(struct wk_channel_group *group, struct wk_channel *channel);
void wk_channel_group_remove(struct wk_channel_group *group, const struct wk_channel *channel);

/*
 * Receives a message from the channel whose turn it is. Any other status than WK_WOULD_BLOCK with *channel not NULL is that
 * channel's: it has ended, and is to be removed and closed. WK_WOULD_BLOCK, and *channel NULL: there is none; the peers have been told,
 * and whoever waits for bits of the event tells the group which came.
 */
enum wk_status wk_channel_group_try_receive(struct wk_channel_group *group, struct wk_channel **channel,
                                            struct wk_ring_message *message);
void wk_channel_group_signalled(struct wk_channel_group *group, uint64_t bits);
/* The same, and waits for the event itself. With *channel NULL the status is that of `event: wait`: among them WK_OK if some of
 * `extra_bits` came, which then are in *extra. */
enum wk_status wk_channel_group_receive(struct wk_channel_group *group, struct wk_channel **channel,
                                        struct wk_ring_message *message, uint64_t *extra, uint64_t deadline_ns);

#endif
