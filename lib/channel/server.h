/* SPDX-License-Identifier: MIT */
/*
 * The loop of a server that is reached by sessions and by channels: one thread, with a budget of its own, serves calls
 * to its endpoint, messages of all channels, ends of sessions, and bits of its event. Each turn of the loop takes one
 * message of the endpoint and at most WK_SERVER_TURN of channels, one of each in turn: so no client keeps another
 * waiting for longer than a turn, however much it sends.
 *
 * A message is handled the same way by whatever it came: `handle` calls the generated wk_NAME_dispatch. Capabilities
 * travel over channels that have mailboxes; over others, what carries one is answered `not_accepted`. An answer can be
 * put off, and given later in any order (wk_server_put_off): for each one that is, room is kept in its channel, and
 * while there is none for a further one, that channel is not served.
 */
#ifndef CHANNEL_SERVER_H
#define CHANNEL_SERVER_H

#include <channel/group.h>
#include <channel/mailboxes.h>
#include <winkle/calls.h>

#define WK_SERVER_CHANNELS_MAX 32
#define WK_SERVER_TURN 16
#define WK_SERVER_TURN_BIT (UINT64_C(1) << 63) /* of the event: it is the channels' turn again */

struct wk_server_channel {
    struct wk_channel channel; /* first */
    struct wk_mailboxes mailboxes;
    uint64_t badge;   /* of the session by which it was asked for */
    uint64_t opening; /* which it was of all the server's channels: never the same again */
    bool is_open;
    bool is_client_gone; /* what it had sent is still served */
};

/* Whom an answer goes to, and how. */
struct wk_answer_path {
    wk_handle reply;                /* a call that was saved; 0: */
    struct wk_server_channel *over; /* a message of this channel, */
    uint64_t opening;               /* if that is still the same */
    uint32_t tag;
    uint16_t types; /* that may come with the answer */
};

struct wk_server {
    /* Makes of a call its answer, which is `ok` with zeros before. */
    void (*handle)(struct wk_server *server, struct wk_message *message, struct wk_answer *answer);
    /* The last session with this badge has gone (it was minted to notify), and nothing of that client's is to be served
     * any more; or NULL. */
    void (*closed)(struct wk_server *server, uint64_t badge);
    /* Bits of `extra_bits` came; or NULL. */
    void (*signalled)(struct wk_server *server, uint64_t bits);
    bool is_done; /* one of these sets it to end the loop */

    wk_handle endpoint;
    struct wk_channel_group group; /* its event is bound to the endpoint */
    struct wk_answer_path serving; /* what is being handled; `over` is NULL: a call */
    bool is_put_off;               /* its answer, though it came over a channel */
    bool has_rung;                 /* the turn's bit is set */
    uint64_t types;                /* of capabilities that come over channels; wk_server_accept */
    uint64_t openings;
    struct wk_server_channel channels[WK_SERVER_CHANNELS_MAX];
};

/*
 * Makes the endpoint and the event.
 * @extra_bits: of the event, but WK_SERVER_TURN_BIT, that are not for channels but for `signalled`; timers, interrupts
 * or others signal them. So can
 *              every client that has a channel: they say that a look is worth while, no more
 */
enum wk_status wk_server_create(struct wk_server *server, uint64_t extra_bits);
/* Says which capabilities clients may send, by sessions and over channels: as `endpoint: accept`. */
enum wk_status wk_server_accept(struct wk_server *server, uint64_t types, uint64_t count);
/*
 * Makes a channel for the client with this badge, in place of an earlier one; for an operation whose results are the
 * terms.
 * @return errors as wk_channel_create; WK_TABLE_FULL: there are as many channels as there can be; WK_NOT_ACCEPTED: the
 *         operation came over a channel, by which it cannot be answered
 */
enum wk_status wk_server_connect(struct wk_server *server, uint64_t badge, uint64_t sizes,
                                 struct wk_channel_terms *terms);
/*
 * Makes mailboxes for the channel of the client with this badge, by which capabilities travel; for an operation whose
 * results are these terms.
 * @slots: so many are under way each way at most
 * @return errors as wk_mailboxes_create; WK_NOT_AVAILABLE: it has no channel; WK_BUSY: its channel has some;
 *         WK_NOT_ACCEPTED: the operation came over a channel
 */
enum wk_status wk_server_mailboxes(struct wk_server *server, uint64_t badge, uint64_t slots,
                                   struct wk_mailbox_terms *terms);

/*
 * Puts off the answer to what is being handled: what the handler answers then counts for nothing. What is lent and
 * still needed, it keeps by clearing its bit in `message->capabilities`.
 * @return errors as `endpoint: reply_save`, for a call; then the handler answers at once. WK_NO_CALLER: it is put off
 *         already
 */
enum wk_status wk_server_put_off(struct wk_server *server, struct wk_answer_path *path);
/*
 * Gives an answer that was put off. wk_NAME_OPERATION_answer makes it.
 * @return WK_NO_CALLER: whoever called has gone, or its channel; else as `reply: send`. What was to be given is gone,
 *         too, and the path is used up, whatever is answered.
 */
enum wk_status wk_server_answer(struct wk_server *server, struct wk_answer_path *path, struct wk_answer *answer);

/* Serves until `is_done`, WK_OK, or there is nothing to receive any more: as wk_serve. */
enum wk_status wk_server_run(struct wk_server *server);
/* Closes all channels, and deletes endpoint and event. */
void wk_server_destroy(struct wk_server *server);

#endif
