/* SPDX-License-Identifier: MIT */
#include <channel/connection.h>

#include <channel/carrier.h>
#include <winkle/clock.h>

/* Whether no capability is sent, nor may come with the answer. */
static bool is_plain(const struct wk_ring_message *message, unsigned handles)
{
    return handles == 0 && WK_MESSAGE_CAPABILITIES(wk_request_operation(message)) == 0;
}

static void call_session(wk_handle session, const struct wk_ring_message *message, struct wk_completion *completion)
{
    completion->tag = WK_RING_TAG(message->words[1]);
    for (unsigned i = 0; i < 6; i++)
        completion->words[i] = message->words[2 + i];
    completion->answer = wk_trap(wk_request_operation(message), session, completion->words);
}

static enum wk_status exchange(struct wk_channel *channel, const struct wk_ring_message *message,
                               struct wk_ring_message *answer)
{
    bool sent;
    enum wk_status status = wk_channel_exchange(channel, message, answer, WK_FOREVER, &sent);

    while (status == WK_INTERRUPTED && sent) /* the answer still comes, and would be taken for another's */
        status = wk_channel_receive(channel, answer, WK_FOREVER);
    return status;
}

static enum wk_status call_plainly(struct wk_channel *channel, const struct wk_ring_message *message,
                                   struct wk_completion *completion)
{
    struct wk_ring_message answer;
    const enum wk_status status = exchange(channel, message, &answer);

    if (status == WK_OK)
        wk_completion_of(&answer, completion);
    return status;
}

static enum wk_status call_carrying(struct wk_channel *channel, const struct wk_ring_message *message, unsigned handles,
                                    struct wk_completion *completion)
{
    struct wk_ring_message carried = *message, answer;
    enum wk_status status = wk_carrier_pack(channel, &carried, handles);

    if (status != WK_OK)
        return status;
    status = exchange(channel, &carried, &answer);
    if (status != WK_OK) {
        wk_carrier_abandon(channel->carrier, WK_RING_TAG(message->words[1]));
        return status;
    }
    wk_carrier_unpack(channel->carrier, &answer, completion);
    wk_carrier_keep_returned(channel->carrier, completion);
    return WK_OK;
}

enum wk_status wk_connection_call(const struct wk_connection *connection, const struct wk_ring_message *message,
                                  unsigned handles, struct wk_completion *completion)
{
    if (connection->channel != NULL && is_plain(message, handles))
        return call_plainly(connection->channel, message, completion);
    if (connection->channel != NULL)
        return call_carrying(connection->channel, message, handles, completion);
    call_session(connection->session, message, completion);
    return WK_OK;
}

static enum wk_status prepare(struct wk_queue *queue, wk_handle session, const struct wk_ring_message *message)
{
    uint64_t *words;

    if (!wk_queue_has_room(queue))
        return WK_WOULD_BLOCK;
    words = wk_queue_next(queue);
    words[0] = WK_RING_ENTRY(message->words[0], 0, session);
    for (unsigned i = 1; i < 8; i++)
        words[i] = message->words[i];
    return WK_OK;
}

static enum wk_status start_carrying(struct wk_channel *channel, const struct wk_ring_message *message,
                                     unsigned handles)
{
    struct wk_ring_message carried = *message;
    enum wk_status status = wk_carrier_pack(channel, &carried, handles);

    if (status != WK_OK)
        return status;
    status = wk_channel_try_send(channel, &carried);
    if (status != WK_OK)
        wk_carrier_abandon(channel->carrier, WK_RING_TAG(message->words[1]));
    return status;
}

enum wk_status wk_connection_start(const struct wk_connection *connection, const struct wk_ring_message *message,
                                   unsigned handles)
{
    if (connection->channel == NULL)
        return prepare(connection->queue, connection->session, message);
    if (is_plain(message, handles))
        return wk_channel_try_send(connection->channel, message);
    return start_carrying(connection->channel, message, handles);
}
