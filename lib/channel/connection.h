/* SPDX-License-Identifier: MIT */
/*
 * How a client reaches a service: by a session, whose calls trap, or are entries of a kernel ring; or by a channel. What is sent is
 * the same message, an entry, and what comes back a completion; so the functions in <winkle/NAME_client.h>, generated for each
 * service, are the same. Capabilities travel over a channel that has a carrier (carrier.h); without, an operation that has any
 * is `not_accepted`, and is for the session.
 */
#ifndef CHANNEL_CONNECTION_H
#define CHANNEL_CONNECTION_H

#include <channel/channel.h>
#include <winkle/queue.h>

struct wk_connection {
    wk_handle session;
    struct wk_queue *queue;     /* of which calls that are started are entries; NULL: none can be */
    struct wk_channel *channel; /* NULL: the session is used, else the channel */
};

/*
 * Calls, and waits for the answer. On a channel nothing else may be under way: the next message is the answer.
 * @handles: words of the answer that are capabilities by what the operation is, a bit each
 * @return WK_OK: there is a completion; its answer has the service's status. Else the call could not be made, or the answer was
 *         none: as wk_carrier_pack, for what has to do with capabilities over a channel, or why the channel has ended.
 */
enum wk_status wk_connection_call(const struct wk_connection *connection, const struct wk_ring_message *message,
                                  unsigned handles, struct wk_completion *completion);
/*
 * Sends, and does not wait. An entry is executed when the queue is submitted next.
 * @return WK_WOULD_BLOCK: there is no room now, and nothing was sent: completions are to be read first. Other errors as above.
 */
enum wk_status wk_connection_start(const struct wk_connection *connection, const struct wk_ring_message *message,
                                   unsigned handles);

/* ---- what both sides of a channel make of its messages ---- */

/* The bits of an operation word (winkle/message.h) that a request has, and the operation. */
static inline uint64_t wk_request_operation(const struct wk_ring_message *message)
{
    return WK_RING_OPERATION(message->words[0]) | message->words[1] >> 32 << 16;
}

/* An answer that came over a channel without capabilities: no word of it is one, whatever it says. */
static inline void wk_completion_of(const struct wk_ring_message *message, struct wk_completion *completion)
{
    completion->tag = WK_RING_TAG(message->words[1]);
    completion->answer = WK_RECEIVED_STATUS(message->words[0]);
    for (unsigned i = 0; i < 6; i++)
        completion->words[i] = message->words[2 + i];
}

#endif
