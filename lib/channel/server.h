/* SPDX-License-Identifier: MIT */
/*
 * The loop of a server that is reached by sessions and by channels: one thread, with a budget of its own, serves calls to its
 * endpoint, messages of all channels, ends of sessions, and bits of its event. Each turn of the loop takes one message of
 * the endpoint and at most WK_SERVER_TURN of channels, one of each in turn: so no client keeps another waiting for longer
 * than a turn, however much it sends.
 *
 * A message is handled the same way by whatever it came: `handle` calls the generated wk_NAME_dispatch. Capabilities come by
 * sessions alone so far; over a channel whatever carries one is answered `not_accepted`.
 */
#ifndef CHANNEL_SERVER_H
#define CHANNEL_SERVER_H

#include <channel/group.h>
#include <winkle/calls.h>

#define WK_SERVER_CHANNELS_MAX 32
#define WK_SERVER_TURN 16
#define WK_SERVER_TURN_BIT (UINT64_C(1) << 63) /* of the event: it is the channels' turn again */

struct wk_server_channel {
    struct wk_channel channel; /* first */
    uint64_t badge;            /* of the session by which it was asked for */
    bool is_open;
    bool is_client_gone; /* what it had sent is still served */
};

struct wk_server {
    /* Makes of a call its answer, which is `ok` with zeros before. */
    void (*handle)(struct wk_server *server, struct wk_message *message, struct wk_answer *answer);
    /* The last session with this badge has gone (it was minted to notify), and nothing of that client's is to be served any
     * more; or NULL. */
    void (*closed)(struct wk_server *server, uint64_t badge);
    /* Bits of `extra_bits` came; or NULL. */
    void (*signalled)(struct wk_server *server, uint64_t bits);
    bool is_done; /* one of these sets it to end the loop */

    wk_handle endpoint;
    struct wk_channel_group group; /* its event is bound to the endpoint */
    bool serves_channel;           /* what is being handled came over a channel */
    bool has_rung;                 /* the turn's bit is set */
    struct wk_server_channel channels[WK_SERVER_CHANNELS_MAX];
};

/*
 * Makes the endpoint and the event.
 * @extra_bits: of the event, but WK_SERVER_TURN_BIT, that are not for channels but for `signalled`; timers, interrupts or others signal them. So can
 *              every client that has a channel: they say that a look is worth while, no more
 */
enum wk_status wk_server_create(struct wk_server *server, uint64_t extra_bits);
/*
 * Makes a channel for the client with this badge, in place of an earlier one; for an operation whose results are the terms.
 * @return errors as wk_channel_create; WK_TABLE_FULL: there are as many channels as there can be; WK_NOT_ACCEPTED: the operation came
 *         over a channel, by which it cannot be answered
 */
enum wk_status wk_server_connect(struct wk_server *server, uint64_t badge, uint64_t sizes,
                                 struct wk_channel_terms *terms);
/* Serves until `is_done`, WK_OK, or there is nothing to receive any more: as wk_serve. */
enum wk_status wk_server_run(struct wk_server *server);
/* Closes all channels, and deletes endpoint and event. */
void wk_server_destroy(struct wk_server *server);

#endif
